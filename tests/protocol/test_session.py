"""The conversation with the tracker: it may die at any time, and nobody hears it."""

from typing import Any

import pytest

from meshcast.protocol.effects import Dial, HangUp, Send
from meshcast.protocol.limits import (
    REPORT_AFTER_US,
    REPORT_AGAIN_US,
    REPORT_EVERY_US,
    RESUME_JITTER_US,
    TRACKER_RETRY_US,
)
from meshcast.protocol.messages import Leave, Message, Noted, Report
from meshcast.protocol.session import Contact, Session
from meshcast.protocol.units import SECOND, Micros

NOW = 100 * SECOND


class Owner:
    """Whoever talks to the tracker."""

    def __init__(self, crew: Any, roll: float = 0.5) -> None:
        member = crew.member("ann", dice=lambda sides: int(sides * roll))
        self.tracker = member.tracker
        self.may_wait = False
        self.has_something = True
        self.session = Session(member, self.introduce, self.report, lambda: self.may_wait)

    def introduce(self) -> list[Message]:
        return [Leave()]

    def report(self, serial: int) -> Report | None:
        if not self.has_something:
            return None
        return Report(serial, 0, None, 32, (), (), 0, seeking=False, silent=None)

    def known(self, now: Micros) -> None:
        self.session.tick(now)
        self.session.connected(now)
        self.session.tick(now)
        assert self.session.contact is Contact.KNOWN

    def serials(self, now: Micros) -> list[int]:
        sent = [one.message for one in self.session.tick(now) if isinstance(one, Send)]
        return [message.serial for message in sent if isinstance(message, Report)]


@pytest.fixture
def owner(crew: Any) -> Owner:
    return Owner(crew)


def test_the_tracker_is_dialled_at_once_and_introduced_to_when_the_link_is_up(owner: Owner) -> None:
    session = owner.session
    assert session.tick(NOW) == [Dial(owner.tracker, (("192.0.2.1", 4433),))]
    assert session.deadline() is None, "the transport will say what comes of it"
    session.connected(NOW)
    assert session.tick(NOW) == [Send(owner.tracker, Leave())]
    assert session.contact is Contact.KNOWN


@pytest.mark.parametrize("roll", [0.0, 0.5, 0.999])
def test_a_dead_tracker_is_dialled_afresh_every_second_with_a_quarters_jitter(crew: Any, roll: float) -> None:
    session = Owner(crew, roll).session
    session.tick(NOW)
    session.disconnected("no answer", NOW)
    due = session.deadline()
    assert due is not None
    assert NOW + TRACKER_RETRY_US * 3 // 4 <= due <= NOW + TRACKER_RETRY_US * 5 // 4
    assert session.tick(due - 1) == []
    assert isinstance(session.tick(due)[0], Dial)
    assert (session.failures, session.detail) == (1, "no answer")


def test_peers_do_not_all_dial_at_the_same_moment(crew: Any) -> None:
    dues = set()
    for roll in (0.1, 0.3, 0.7, 0.9):
        session = Owner(crew, roll).session
        session.tick(NOW)
        session.disconnected("", NOW)
        dues.add(session.deadline())
    assert len(dues) == 4


@pytest.mark.parametrize("roll", [0.0, 0.5, 0.999])
def test_who_hears_comes_back_spread_over_two_seconds(crew: Any, roll: float) -> None:
    owner = Owner(crew, roll)
    owner.may_wait = True
    owner.session.tick(NOW)
    owner.session.connected(NOW)
    due = owner.session.deadline()
    assert due is not None
    assert due - NOW == int(RESUME_JITTER_US * roll)
    assert owner.session.tick(due) == [Send(owner.tracker, Leave())]


def test_an_orphan_comes_back_at_once(owner: Owner) -> None:
    owner.session.tick(NOW)
    owner.session.connected(NOW)
    assert owner.session.deadline() == NOW


def test_who_becomes_an_orphan_while_waiting_waits_no_longer(owner: Owner) -> None:
    """It went on waiting up to two seconds for its turn, although nobody fed it any more."""
    owner.may_wait = True
    owner.session.tick(NOW)
    owner.session.connected(NOW)
    assert owner.session.tick(NOW) == []
    owner.may_wait = False
    assert owner.session.tick(NOW + 1) == [Send(owner.tracker, Leave())]


def test_changes_that_come_together_are_reported_together(owner: Owner) -> None:
    owner.known(NOW)
    assert owner.serials(NOW + REPORT_AFTER_US) == [1]
    owner.session.noted(Noted(1, 1))
    owner.session.changed(NOW + SECOND)
    owner.session.changed(NOW + SECOND + REPORT_AFTER_US - 1)
    assert owner.session.deadline() == NOW + SECOND + REPORT_AFTER_US
    assert owner.serials(NOW + SECOND + REPORT_AFTER_US) == [2]


def test_a_report_is_sent_again_every_second_until_it_is_noted(owner: Owner) -> None:
    owner.known(NOW)
    now = NOW + REPORT_AFTER_US
    assert owner.serials(now) == [1]
    for number in (2, 3, 4):
        now += REPORT_AGAIN_US
        assert owner.session.deadline() == now
        assert owner.serials(now - 1) == []
        assert owner.serials(now) == [number]
    owner.session.noted(Noted(1, 3))
    assert owner.session.deadline() == now + REPORT_AGAIN_US, "the last one has not been noted"
    owner.session.noted(Noted(1, 4))
    owner.session.noted(Noted(1, 2))
    assert owner.session.deadline() == now + REPORT_EVERY_US, "an old note changes nothing"


def test_a_note_of_what_was_never_sent_does_not_silence_later_reports(owner: Owner) -> None:
    owner.known(NOW)
    owner.session.noted(Noted(1, 2**32 - 1))
    assert owner.serials(NOW + REPORT_AFTER_US) == [1]
    assert owner.session.deadline() == NOW + REPORT_AFTER_US + REPORT_AGAIN_US


def test_who_has_nothing_to_report_sends_nothing(owner: Owner) -> None:
    owner.known(NOW)
    owner.has_something = False
    assert owner.serials(NOW + REPORT_AFTER_US) == []
    assert owner.session.deadline() == NOW + REPORT_AFTER_US + REPORT_EVERY_US


def test_whom_the_tracker_has_forgotten_introduces_itself_again(owner: Owner) -> None:
    owner.known(NOW)
    owner.session.introduce_again(NOW + SECOND)
    assert owner.session.tick(NOW + SECOND) == [Send(owner.tracker, Leave())]


def test_who_leaves_says_so_and_who_was_never_known_says_nothing(owner: Owner) -> None:
    assert owner.session.close(Leave()) == []
    owner.known(NOW)
    assert owner.session.close(Leave()) == [Send(owner.tracker, Leave()), HangUp(owner.tracker, "leaving")]
