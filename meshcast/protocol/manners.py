"""How much a neighbour may say: so many messages, datagrams and short streams a second, each with a burst.

An honest peer says a few messages a second, one more for each round trip in which chunks are missing, and a report twenty
times a second at the most while its children come and go. What a message costs to take in is mostly signatures, at 95 us
each: so a message costs one, and one more for each signed statement in it. A neighbour that uses all of its budget costs
two hundredths of a core.

Too much on a stream ends the link: what is reliable cannot be left out. Datagrams that are too many are not looked at.
"""

from dataclasses import dataclass, field

from meshcast.protocol.budget import Budget
from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.limits import (
    BLOBS_BURST,
    BLOBS_PER_SECOND,
    DATAGRAMS_BURST,
    DATAGRAMS_PER_SECOND,
    MESSAGES_BURST,
    MESSAGES_PER_SECOND,
)
from meshcast.protocol.messages import (
    Adopt,
    Announce,
    Hello,
    Message,
    Move,
    Notice,
    Placed,
    Refuse,
    Renewed,
    Resume,
    Standbys,
    Uncles,
)
from meshcast.protocol.units import Micros


@dataclass(slots=True)
class Manners:
    """What one neighbour may still say."""

    messages: Budget = field(default_factory=lambda: Budget(0, MESSAGES_PER_SECOND, MESSAGES_BURST))
    datagrams: Budget = field(default_factory=lambda: Budget(0, DATAGRAMS_PER_SECOND, DATAGRAMS_BURST))
    blobs: Budget = field(default_factory=lambda: Budget(0, BLOBS_PER_SECOND, BLOBS_BURST))
    ignored: int = 0
    """Datagrams that were too many."""

    def message(self, message: Message | None, now: Micros) -> None:
        """Take in a message that came on a stream, known or not; `RemoteProtocolError` if it is too much."""
        if not self.messages.draw(now, price(message)):
            raise RemoteProtocolError(f"more than {MESSAGES_PER_SECOND} messages a second")

    def datagram(self, now: Micros) -> bool:
        """Tell whether a datagram is to be looked at."""
        may = self.datagrams.draw(now)
        self.ignored += not may
        return may

    def blob(self, now: Micros) -> None:
        """Take in a short stream; `RemoteProtocolError` if it is too much."""
        if not self.blobs.draw(now):
            raise RemoteProtocolError(f"more than {BLOBS_PER_SECOND} short streams a second")


def price(message: Message | None) -> int:
    """Give what a message costs: one, and one for each signature that may have to be checked."""
    match message:
        case Notice(delegations, bans):
            return 1 + len(delegations) + len(bans)
        case Uncles(tickets) | Standbys(standbys=tickets) | Refuse(others=tickets):
            return 1 + len(tickets)
        case Placed(standbys=standbys, delegations=delegations):
            return 3 + len(standbys) + len(delegations)
        case Adopt() | Announce() | Hello() | Move() | Renewed() | Resume():
            return 2
        case _:
            return 1
