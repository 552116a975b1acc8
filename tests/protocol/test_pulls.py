"""What is asked for by number: holes, and, when nothing comes at all, what comes next."""

from typing import Any

import pytest

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import HAVE_ALL, Hop
from meshcast.protocol.effects import Effect, Send
from meshcast.protocol.limits import BORROW_AFTER_US, BORROW_EVERY_US, RANGES_MAX
from meshcast.protocol.machine import earliest
from meshcast.protocol.messages import Beat, Pull
from meshcast.protocol.pulls import BORROW_CHUNKS, Pulls
from meshcast.protocol.standbys import Standbys
from meshcast.protocol.units import MILLISECOND, SECOND, Micros, PeerId

NOW = 50 * SECOND


@pytest.fixture
def pulls(crew: Any) -> Pulls:
    """A peer with two warm standbys, whose newest chunk is 100."""
    backlog, standbys = Backlog(), Standbys()
    backlog.add(crew.chunk(100), NOW, 0)
    standbys.name((crew.ticket("one"), crew.ticket("two")))
    for peer in list(standbys.all):
        standbys.beat(peer, Beat(100, 0, 1, (), 1), NOW)
    return Pulls(backlog, standbys, rtt_us=40 * MILLISECOND)


def next_of(pulls: Pulls) -> Micros | None:
    return earliest(pulls.borrow_due, pulls.holes.deadline())


def run(pulls: Pulls, parent: PeerId | None, until: Micros) -> list[tuple[Micros, Effect]]:
    done: list[tuple[Micros, Effect]] = []
    while (due := next_of(pulls)) is not None and due <= until:
        done += [(due - NOW, effect) for effect in pulls.tick(parent, due)]
    return done


def test_a_hole_is_asked_for_at_the_parent_then_at_a_standby_and_at_last_everywhere(
    crew: Any, pulls: Pulls
) -> None:
    pulls.holes.found(97, 98, 100, Hop(HAVE_ALL, 0), NOW)
    wish = Pull(((97, 98),))
    assert run(pulls, crew.id("mum"), NOW + 300 * MILLISECOND) == [
        (10 * MILLISECOND, Send(crew.id("mum"), wish)),
        (70 * MILLISECOND, Send(crew.id("one"), wish)),
        *((130 * MILLISECOND, Send(crew.id(name), wish)) for name in ("mum", "one", "two")),
    ]


def test_an_orphan_asks_its_standbys(crew: Any, pulls: Pulls) -> None:
    pulls.holes.found(98, 98, 100, Hop(HAVE_ALL, 0), NOW)
    assert run(pulls, None, NOW + 20 * MILLISECOND) == [
        (10 * MILLISECOND, Send(crew.id("one"), Pull(((98, 98),))))
    ]


def test_when_nothing_comes_what_comes_next_is_borrowed_from_all_standbys(crew: Any, pulls: Pulls) -> None:
    wish = Pull(((101, 100 + BORROW_CHUNKS),))
    assert run(pulls, crew.id("mum"), NOW + BORROW_AFTER_US + BORROW_EVERY_US) == [
        (at, Send(crew.id(name), wish))
        for at in (BORROW_AFTER_US, BORROW_AFTER_US + BORROW_EVERY_US)
        for name in ("one", "two")
    ]


def test_before_the_first_chunk_nobody_knows_what_to_borrow(crew: Any, pulls: Pulls) -> None:
    """A joiner asked its standbys for chunks one to eight, at once."""
    pulls.backlog.clear()
    assert next_of(pulls) is None
    assert pulls.tick(crew.id("mum"), NOW + SECOND) == []


def test_a_pull_names_no_more_holes_than_it_may(crew: Any, pulls: Pulls) -> None:
    for sequence in range(1, 100, 2):
        pulls.holes.found(sequence, sequence, sequence + 1, Hop(HAVE_ALL, 0), NOW)
    (pull,) = [
        one.message for one in pulls.tick(crew.id("mum"), NOW + 20 * MILLISECOND) if isinstance(one, Send)
    ]
    assert isinstance(pull, Pull)
    assert len(pull.ranges) == RANGES_MAX


def test_what_is_older_than_the_backlog_is_not_asked_for(crew: Any, pulls: Pulls) -> None:
    pulls.holes.found(98, 98, 100, Hop(HAVE_ALL, 0), NOW)
    pulls.backlog.add(crew.chunk(500), NOW, 0)
    assert pulls.tick(crew.id("mum"), NOW + 20 * MILLISECOND) == []


def test_nothing_is_borrowed_while_the_parent_brings_what_was_borrowed_before(pulls: Pulls) -> None:
    """On a way 360 ms longer than the standby's, a peer that had borrowed once ran ahead, stalled, and borrowed for ever."""
    later = NOW + BORROW_AFTER_US
    pulls.heard_at = later - 50 * MILLISECOND
    assert pulls.tick(None, later) == []
    assert next_of(pulls) == pulls.heard_at + BORROW_AFTER_US
