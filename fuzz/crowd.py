"""Who besieges a machine, and what they say: keys from names, real signatures, and well-formed messages of any kind.

Every message here passes the wire: it is a golden one whose fields were spoilt by type or put at an edge, and that decoded
all the same, or one built from statements that hold: tickets of the tracker, requests that their sender signed, chunks of
the broadcaster. Signatures are made once, for they cost more than everything else.
"""

import functools
from random import Random
from typing import Any, Final

from fuzz import mutations, seeds
from meshcast.protocol.chunk import Chunk, Flag, Hop, sign_chunk
from meshcast.protocol.errors import RemoteProtocolError
from meshcast.protocol.identity import Identity, verify
from meshcast.protocol.limits import RANK_MAX, RANK_ORIGIN
from meshcast.protocol.messages import (
    Accept,
    Accuse,
    Adopt,
    Announce,
    Beat,
    Bye,
    Detach,
    Enlist,
    Fault,
    Hello,
    Join,
    Leave,
    Message,
    Notice,
    Pull,
    Refuse,
    Report,
    Resume,
    Stalled,
    Uncles,
    Why,
)
from meshcast.protocol.tickets import Delegation, Role, Ticket, sign_ban, sign_delegation, sign_ticket
from meshcast.protocol.units import HOUR, SECOND, BroadcastId, PeerId
from meshcast.protocol.wire import decode

remembered: Final = functools.lru_cache(maxsize=4_096)(verify)
"""What holds is checked once; what was spoilt costs its full price each time."""

UNTIL_S: Final = 24 * HOUR // SECOND
CHUNK_US: Final = 100_000
CROWD: Final = 40
"""Hostile peers: more than the places and standby places of the machine they besiege."""


@functools.lru_cache(maxsize=1_024)
def identity(name: str) -> Identity:
    """Give the keys of a name."""
    return Identity.from_seed(name.encode().ljust(32, b"."))


TRACKER: Final = identity("tracker")
SOURCE: Final = identity("source")
EVENT: Final = identity("event")
VICTIM: Final = identity("victim")
BROADCAST: Final = BroadcastId(EVENT.peer_id)


@functools.lru_cache(maxsize=1_024)
def delegation(source: str = "source", generation: int = 3, event: str = "event") -> Delegation:
    """Let a source speak."""
    return sign_delegation(
        identity(event), index=0, source=identity(source).peer_id, run=7, generation=generation, not_after_s=UNTIL_S
    )  # fmt: skip


@functools.lru_cache(maxsize=1_024)
def ticket(name: str, *, is_good: bool = True) -> Ticket:
    """Vouch for a name, or have somebody else do so."""
    return sign_ticket(
        TRACKER if is_good else EVENT,
        peer=identity(name).peer_id,
        broadcast=BROADCAST,
        addresses=((f"198.51.100.{sum(name.encode()) % 250}", 4433),),
        role=Role.SOURCE if name == "source" else Role.LISTENER,
        capacity=4,
        not_after_s=UNTIL_S,
    )


@functools.lru_cache(maxsize=4_096)
def adopt(child: str, adopter: PeerId, counter: int, rank: int) -> Adopt:
    """Ask to be fed, signed."""
    return Adopt.ask(identity(child), adopter, counter, rank, 0, SECOND, None)


@functools.lru_cache(maxsize=2_048)
def chunk(sequence: int, *, is_good: bool = True) -> Chunk:
    """Make a chunk that is signed, or one that somebody else signed."""
    return sign_chunk(
        SOURCE if is_good else EVENT,
        BROADCAST,
        source_index=0,
        run=7,
        generation=3,
        sequence=sequence,
        media_time_us=sequence * CHUNK_US,
        duration_us=CHUNK_US,
        flags=Flag(sequence % 8),
        packets=(bytes([sequence % 251]) * 40,),
    )


def forget() -> None:
    """Empty what is kept to save work: it is no part of what is weighed."""
    for remembering in (remembered, identity, delegation, ticket, adopt, chunk):
        remembering.cache_clear()


class Speech:
    """What the crowd says to one machine; drawn anew from chance each time."""

    def __init__(self, chance: Random, to: PeerId, names: list[str]) -> None:
        """Speak to `to`; `names` are the names that the crowd goes by now, and may change."""
        self._chance = chance
        self._to = to
        self._names = names
        self._forms = seeds.values()
        self.last = b""
        self.asked = 0
        """The counter of what the machine asked for last, for answers that fit."""

    def any_message(self, speaker: str) -> Message:
        """Say something well formed: spoilt in four of ten, and whole otherwise."""
        if self._chance.random() < 0.4:
            self.last = mutations.confused(self._forms, self._chance)
            try:
                message = decode(self.last)
            except RemoteProtocolError:
                message = None
            if message is not None:
                return message
        return self._whole(speaker)

    def hop(self) -> Hop:
        """Say which chunks one has, and how old they are; any."""
        return Hop(mutations.below(self._chance, 65_536), self._chance.getrandbits(32))

    def any_chunk(self, newest: int) -> Chunk:
        """Give a chunk near the newest, or anywhere; one in three hundred is forged."""
        chance = self._chance
        near = max(1, newest + mutations.below(chance, 12) - 8)
        sequence = near if chance.random() < 0.98 else 1 + mutations.below(chance, 2**32 - 1)
        return chunk(sequence, is_good=chance.random() < 0.997)

    def number(self) -> int:
        """Give a small number, or one at an edge of 32 bits."""
        chance = self._chance
        return mutations.below(chance, 12) if chance.random() < 0.8 else chance.getrandbits(32)

    def answered(self) -> int:
        """Give the counter that is answered: mostly the one that was asked."""
        return self.asked if self._chance.random() < 0.7 else self.number()

    def rank(self) -> int:
        """Give any rank."""
        return RANK_ORIGIN + mutations.below(self._chance, RANK_MAX + 1)

    def who(self) -> str:
        """Name anybody."""
        if self._chance.random() < 0.1:
            return ("source", "victim", "tracker")[mutations.below(self._chance, 3)]
        return self._names[mutations.below(self._chance, len(self._names))]

    def key(self) -> PeerId:
        """Give anybody's key, or nobody's."""
        if self._chance.random() < 0.05:
            return PeerId(self._chance.randbytes(32))
        return identity(self.who()).peer_id

    def _tickets(self, most: int) -> tuple[Ticket, ...]:
        chance = self._chance
        return tuple(
            ticket(self.who(), is_good=chance.random() < 0.8)
            for _ in range(mutations.below(chance, most + 1))
        )

    def _keys(self, most: int) -> tuple[PeerId, ...]:
        return tuple(self.key() for _ in range(mutations.below(self._chance, most + 1)))

    def _path(self) -> tuple[bytes, ...]:
        return tuple(self.key()[:4] for _ in range(mutations.below(self._chance, 6)))

    def _ranges(self) -> tuple[tuple[int, int], ...]:
        return tuple(
            (first, first + mutations.below(self._chance, 100))
            for first in (self.number() for _ in range(mutations.below(self._chance, 33)))
        )

    def _whole(self, speaker: str) -> Message:
        chance = self._chance
        message: Message = _MAKERS[mutations.below(chance, len(_MAKERS))](self, speaker)
        return message

    def _adopt(self, speaker: str) -> Message:
        signer = speaker if self._chance.random() < 0.95 else self.who()
        return adopt(
            signer, self._to, mutations.below(self._chance, 8), mutations.below(self._chance, 12) + 21
        )

    def _announce(self, speaker: str) -> Message:
        event = f"event {mutations.below(self._chance, 30)}"
        generation = 1 + mutations.below(self._chance, 3)
        return Announce(
            BroadcastId(identity(event).peer_id), delegation(speaker, generation, event), "Flood", 64_000, CHUNK_US,
            mutations.below(self._chance, 65), (), self._micros(),
        )  # fmt: skip

    def _join(self, _: str) -> Message:
        event = "event" if self._chance.random() < 0.8 else f"event {mutations.below(self._chance, 30)}"
        role = (Role.LISTENER, Role.RELAY, Role.SPARE, Role.SOURCE)[mutations.below(self._chance, 4)]
        capacity = mutations.below(self._chance, 9)
        return Join(BroadcastId(identity(event).peer_id), role, capacity, (), self._micros(), b"")

    def _micros(self) -> tuple[int, ...]:
        return tuple(self._chance.getrandbits(40) for _ in range(mutations.below(self._chance, 3)))

    def _report(self, _: str) -> Message:
        is_orphan, is_silent = self._chance.random() < 0.3, self._chance.random() < 0.3
        return Report(
            self.number(), self.number(), None if is_orphan else self.key(), self.rank(), self._keys(6), self._keys(2),
            self.number(), is_orphan, self.key() if is_silent else None,
        )  # fmt: skip

    def _notice(self, _: str) -> Message:
        # The tracker bans nobody here but one, so that the siege goes on.
        ban = sign_ban(EVENT, peer=self.key(), broadcast=BROADCAST, not_after_s=UNTIL_S)
        return Notice((delegation(),), (ban, _the_ban()))

    def _why(self) -> Why:
        return list(Why)[mutations.below(self._chance, len(Why))]


@functools.cache
def _the_ban() -> Any:
    return sign_ban(TRACKER, peer=identity("banned").peer_id, broadcast=BROADCAST, not_after_s=UNTIL_S)


_MAKERS: Final[tuple[Any, ...]] = (
    lambda s, who: Hello(ticket(who if s.number() else s.who()), s.rank(), s.number()),
    lambda s, who: Hello(ticket(who), s.rank(), s.number()),
    Speech._adopt,
    Speech._adopt,
    lambda s, _: Accept(s.answered(), s.rank() // 2, s.number(), s.number(), s._path()),
    lambda s, _: Refuse(s.answered(), s._why(), s.rank(), s._tickets(4)),
    lambda s, _: Detach(s.number()),
    lambda s, _: Enlist(s.rank()),
    lambda s, _: Pull(s._ranges()),
    lambda s, _: Beat(s.number(), s.number(), s.rank(), s._path(), s.rank()),
    lambda s, _: Stalled(s.key()[:4], s.number()),
    lambda s, _: Uncles(s._tickets(8)),
    Speech._notice,
    lambda s, _: Bye(s._why()),
    Speech._join,
    Speech._join,
    Speech._report,
    Speech._report,
    Speech._announce,
    lambda _, who: Resume(ticket(who)),
    lambda s, _: Accuse(s.key(), Fault.FORGED, b"sample"),
    lambda _, __: Leave(),
)
"""Every message that is not the tracker's own, whole; those that lead further stand there twice."""
