"""What a peer does when it is due: everything but playing, in order, and when that is.

Nearly every event is the parent's next chunk, and it makes nothing due: it puts off what the parent's silence would bring, and
changes none of the other appointments. So these are looked up once, and hold until one of them is due or anything else
happens. For a relay of sixteen children this is a twentieth of its CPU time (measured: decision 0013); a peer that looks at
everything after every event does the same (`tests/protocol/test_agenda.py` says so).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from meshcast.protocol.acquaintances import Acquaintances
from meshcast.protocol.attachment import Attachment
from meshcast.protocol.effects import Effect
from meshcast.protocol.history import History
from meshcast.protocol.machine import earliest
from meshcast.protocol.playout import Playout
from meshcast.protocol.relay import Relay
from meshcast.protocol.session import Contact, Session
from meshcast.protocol.tally import Tally
from meshcast.protocol.units import Micros, PeerId
from meshcast.protocol.uplink import Uplink

UNKNOWN: Final = -1
"""Appointments have to be looked up."""
NEVER: Final = 1 << 62


@dataclass(slots=True)
class Agenda:
    """Of one peer."""

    playout: Playout
    uplink: Uplink
    history: History
    relay: Relay
    session: Session
    acquaintances: Acquaintances
    tally: Tally
    needs: Callable[[], dict[PeerId, None]]
    """Gives the peers whose links are needed."""
    _calm_until: Micros = UNKNOWN
    """Before that nothing is due but in the session, or because of the parent's silence."""

    def is_calm(self, now: Micros) -> bool:
        """Tell whether the parent's next chunk, which has just been taken in, leaves nothing to be done."""
        if now >= self._calm_until or self.relay.changed or not self.relay.is_at_rest(now):
            return False
        due = self.session.deadline()
        return due is None or now < due

    def is_early(self, now: Micros) -> bool:
        """Tell whether a tick finds nothing to be done: it came for what is played."""
        silence = self.uplink.silence_deadline()
        return self.is_calm(now) and (silence is None or now < silence)

    def forget(self) -> None:
        """Look up all appointments again."""
        self._calm_until = UNKNOWN

    def tick(self, now: Micros) -> list[Effect]:
        """Do what is due: hear first, talk last."""
        self.forget()
        self.uplink.reserves.is_alone = self.session.contact is not Contact.KNOWN
        effects = self.uplink.tick(now)
        effects += self.history.tick(self.uplink.parent, now)
        effects += self.relay.tick(now)
        if self.relay.changed:
            self.relay.changed = False
            self.session.changed(now)
        effects += self.session.tick(now)
        if self.tally.joined_at is None and self.session.contact is Contact.KNOWN:
            self.tally.joined_at = now
        return effects + self.acquaintances.sweep(self.needs, now)

    def deadline(self) -> Micros | None:
        """When is something due?"""
        silence, session = self.uplink.silence_deadline(), self.session.deadline()
        if self._calm_until != UNKNOWN:
            return earliest(silence, session, self._calm_until)
        others = earliest(
            self.uplink.other_deadline(),
            self.history.deadline(),
            self.relay.deadline(),
            self.acquaintances.deadline(),
        )
        uplink = self.uplink
        is_settled = (
            uplink.state is Attachment.HEARING and uplink.search.repair is None and not uplink.pulls.holes
        )
        if is_settled and self.playout.is_timed:
            self._calm_until = NEVER if others is None else others
        return earliest(silence, session, others)
