"""A peer's or a source's conversation with the tracker: dial, introduce oneself, report, come back.

The tracker may die at any time and nobody hears it. A dead one is dialled afresh every second, with jitter; when it is
back, those who hear well come back spread over `RESUME_JITTER_US`, orphans and joiners at once. A report is whole state
and is sent again until it is noted, so that whatever was lost, the tracker's view ends up equal to the peers' truth.
"""

import enum
from collections.abc import Callable
from typing import Final

from meshcast.protocol.effects import Dial, Effect, HangUp, Send
from meshcast.protocol.limits import (
    REPORT_AFTER_US,
    REPORT_AGAIN_US,
    REPORT_EVERY_US,
    RESUME_JITTER_US,
    TRACKER_RETRY_US,
)
from meshcast.protocol.machine import earliest
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import Message, Noted, Report
from meshcast.protocol.units import Micros

IMPOSTOR: Final = (
    "whoever answers at the tracker's address cannot prove the pinned key; the link may be out of date, or somebody is "
    "in between: ask for a fresh link"
)


class Contact(enum.Enum):
    """How one stands with the tracker."""

    AWAY = "away"
    """No link; dialled now and again."""
    DIALLING = "dialling"
    UP = "up"
    """The link is up, and one has not introduced oneself yet."""
    KNOWN = "known"
    """Introduced; reports may be sent."""


class Session:
    """Keeps in touch; the owner says what to introduce oneself with and what to report."""

    def __init__(
        self,
        member: Membership,
        introduce: Callable[[], list[Message]],
        report: Callable[[int], Report | None],
        may_wait: Callable[[], bool],
    ) -> None:
        self._member = member
        self._introduce = introduce
        self._report = report
        self._may_wait = may_wait
        self.contact = Contact.AWAY
        self.failures = 0
        """Dials in a row that came to nothing."""
        self.detail = ""
        """What the last one came to."""
        self._dial_at: Micros = 0
        self._introduce_at: Micros = 0
        self._serial = 0
        self._noted = 0
        self._dirty_at: Micros | None = None
        self._sent_at: Micros = 0

    def connected(self, now: Micros) -> None:
        """Take in that the link is up."""
        self.contact = Contact.UP
        self.failures = 0
        self._introduce_at = now + (self._member.dice(RESUME_JITTER_US) if self._may_wait() else 0)

    def disconnected(self, detail: str, now: Micros) -> None:
        """Take in that the link is gone or could not be made: dial again, not all peers at once."""
        self.failures += 1
        self.detail = detail
        self.contact = Contact.AWAY
        jitter_us = self._member.dice(TRACKER_RETRY_US // 2) - TRACKER_RETRY_US // 4
        self._dial_at = max(self._dial_at, now + TRACKER_RETRY_US + jitter_us)

    def rest(self, until: Micros) -> None:
        """Do without the tracker until then."""
        self.contact, self._dial_at = Contact.AWAY, until

    def changed(self, now: Micros) -> None:
        """Note that there is something to report."""
        if self._dirty_at is None:
            self._dirty_at = now

    def noted(self, noted: Noted) -> None:
        """Take in that a report has arrived."""
        self._noted = max(self._noted, min(noted.serial, self._serial))

    def introduce_again(self, now: Micros) -> None:
        """Start over: the tracker has forgotten, or asks for it."""
        if self.contact is Contact.KNOWN:
            self.contact = Contact.UP
            self._introduce_at = now

    def tick(self, now: Micros) -> list[Effect]:
        """Do what is due."""
        match self.contact:
            case Contact.AWAY if now >= self._dial_at:
                self.contact = Contact.DIALLING
                return [Dial(self._member.tracker, self._member.tracker_addresses)]
            case Contact.UP if now >= self._introduce_at or not self._may_wait():
                self.contact = Contact.KNOWN
                self.changed(now)
                return [Send(self._member.tracker, message) for message in self._introduce()]
            case Contact.KNOWN if (due := self._report_due()) is not None and now >= due:
                return self._send_report(now)
            case _:
                return []

    def deadline(self) -> Micros | None:
        """When is something due?"""
        match self.contact:
            case Contact.AWAY:
                return self._dial_at
            case Contact.UP:
                return self._introduce_at
            case Contact.KNOWN:
                return self._report_due()
            case Contact.DIALLING:
                return None

    def close(self, *farewell: Message) -> list[Effect]:
        """Take leave."""
        if self.contact is not Contact.KNOWN:
            return []
        tracker = self._member.tracker
        return [*(Send(tracker, message) for message in farewell), HangUp(tracker, "leaving")]

    def _report_due(self) -> Micros | None:
        """When must the next report go?"""
        fresh = self._dirty_at + REPORT_AFTER_US if self._dirty_at is not None else None
        again = self._sent_at + REPORT_AGAIN_US if self._noted < self._serial else None
        return earliest(fresh, again, self._sent_at + REPORT_EVERY_US)

    def _send_report(self, now: Micros) -> list[Effect]:
        """Say where one stands."""
        self._dirty_at, self._sent_at = None, now
        report = self._report(self._serial + 1)
        if report is None:
            return []
        self._serial += 1
        return [Send(self._member.tracker, report)]
