"""A short chapter of each target passes, what is broken is noticed, and what passed is counted."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fuzz import growth
from fuzz.endpoint import Street
from fuzz.growth import Scale
from fuzz.ledger import Ledger
from fuzz.machines import ListenerSiege, SourceSiege, TrackerSiege
from fuzz.target import BrokenPromiseError, Plain, Target
from fuzz.wire import Wire


@pytest.mark.parametrize(
    ("make", "part"),
    [(Wire, 4_000), (ListenerSiege, 500), (SourceSiege, 500), (TrackerSiege, 400), (Street, 200)],
    ids=["wire", "listener", "source", "tracker", "endpoint"],
)
def test_a_short_chapter_is_survived(make: Callable[[], Target], part: int) -> None:
    weighed: list[None] = []
    make().run(Random("the tests"), part, 2, lambda: weighed.append(None))
    assert len(weighed) == 2


def test_two_chapters_from_one_seed_are_the_same() -> None:
    ends = []
    for _ in range(2):
        siege = ListenerSiege()
        siege.feed(500, Random(7))
        ends.append((siege.now, siege.comings, siege.machine.status()))
    assert ends[0] == ends[1]


def test_a_siege_leads_the_machine_through_its_states() -> None:
    listener, source, tracker = ListenerSiege(), SourceSiege(), TrackerSiege()
    for siege in (listener, source, tracker):
        siege.feed(2_500, Random(1))
    assert listener.machine.tally.parents > 0, "it has heard from enemies"
    assert listener.machine.tally.forged > 0
    assert listener.machine.backlog.newest > 0
    assert len(source.machine.relay.children) >= source.machine.member.capacity
    assert source.machine.relay.clients
    assert len(tracker.machine.broadcasts) > 10
    assert max(len(one.registry) for one in tracker.machine.broadcasts.values()) > 10


class Leaky(Plain):
    """Keeps one small object for each input."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def feed(self, count: int, chance: Random) -> None:
        self.kept += [chance.randbytes(10) for _ in range(count)]


@pytest.mark.parametrize("is_traced", [False, True])
def test_growth_is_noticed(is_traced: bool) -> None:
    scale = Scale(is_traced)
    Leaky().run(Random(1), 20_000 if is_traced else 2_000, 4, scale.weigh)
    with pytest.raises(BrokenPromiseError, match="held"):
        scale.conclude()


def test_a_moment_of_too_much_is_noticed_though_nothing_stays() -> None:
    scale = Scale(is_traced=True)
    for _ in range(3):
        _ = bytes(growth.PEAK_BYTES_MAX + 1)
        del _
        scale.weigh()
    with pytest.raises(BrokenPromiseError, match="at most"):
        scale.conclude()


def test_what_is_let_go_is_no_growth() -> None:
    scale, target = Scale(is_traced=False), Leaky()
    target.settle = target.kept.clear  # type: ignore[method-assign]
    target.run(Random(1), 2_000, 4, scale.weigh)
    scale.conclude()


def test_the_ledger_adds_up_over_runs(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    for seed, count in (("1", 1_000), ("1", 500), ("2", 10)):
        Ledger(path).enter("wire", seed, count)
    Ledger(path).enter("tracker", "1", 7)
    ledger = Ledger(path)
    assert (ledger.total, ledger.count("wire"), ledger.count("endpoint")) == (1_517, 1_510, 0)


def test_the_ledger_of_the_house_can_be_read() -> None:
    ledger: Any = Ledger()
    assert ledger.total >= 0
