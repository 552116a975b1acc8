"""A crew whose keys come from names, and one value of every kind that crosses the wire."""

import functools
from dataclasses import replace
from typing import Any

from meshcast.protocol.chunk import Chunk, Flag, Hop, sign_chunk
from meshcast.protocol.identity import Identity, verify
from meshcast.protocol.limits import PLAYOUT_DELAY_US_DEFAULT
from meshcast.protocol.membership import Membership
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
    Goodbye,
    Hello,
    Join,
    Leave,
    Message,
    Move,
    Noted,
    Notice,
    Placed,
    Pull,
    Refuse,
    Refused,
    Renewed,
    Report,
    Resume,
    Stalled,
    Standbys,
    Uncles,
    Wait,
    WaitFor,
    Why,
)
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import Programme, SourceMachine
from meshcast.protocol.tickets import (
    Ban,
    Delegation,
    Role,
    Ticket,
    sign_ban,
    sign_delegation,
    sign_ticket,
)
from meshcast.protocol.units import HOUR, MILLISECOND, SECOND, BroadcastId, PeerId, Sequence

CHUNK_US = 100 * MILLISECOND
ROLES = {"source": Role.SOURCE, "spare": Role.SPARE}
remembering_verify = functools.lru_cache(maxsize=100_000)(verify)
"""With a dozen machines in one process each signature is checked once."""


@functools.cache
def _signed(by: Identity, broadcast: BroadcastId, **values: Any) -> Chunk:
    """Sign a chunk, each once: in thousands of examples the same ones are sent again and again."""
    return sign_chunk(by, broadcast, **values)


class Crew:
    """Keys, statements and chunks, all from names: the same in every run."""

    run = 7
    generation = 3
    until_s = 24 * HOUR // SECOND

    def __init__(self) -> None:
        self.tracker = self.identity("tracker")
        self.event = self.identity("event")
        self.source = self.identity("source")
        self.broadcast = BroadcastId(self.event.peer_id)

    @staticmethod
    @functools.cache
    def identity(name: str) -> Identity:
        return Identity.from_seed(name.encode().ljust(32, b"."))

    def id(self, name: str) -> PeerId:
        return self.identity(name).peer_id

    def member(self, name: str, role: Role = Role.LISTENER, capacity: int = 4, **more: Any) -> Membership:
        made = Membership(
            identity=self.identity(name),
            broadcast=self.broadcast,
            tracker=self.tracker.peer_id,
            tracker_addresses=(("192.0.2.1", 4433),),
            role=role,
            capacity=capacity,
            dice=lambda sides: sides // 2,
            verify=remembering_verify,
        )
        return replace(made, **more)

    def ticket(
        self,
        name: str,
        role: Role = Role.LISTENER,
        capacity: int = 4,
        host: str = "198.51.100.7",
        until_s: int = until_s,
        broadcast: BroadcastId | None = None,
        tracker: Identity | None = None,
    ) -> Ticket:
        return sign_ticket(
            tracker or self.tracker,
            peer=self.id(name),
            broadcast=self.broadcast if broadcast is None else broadcast,
            addresses=((host, 4433),),
            role=role,
            capacity=capacity,
            not_after_s=until_s,
        )

    def delegation(self, source: str = "source", **changes: int) -> Delegation:
        values = {"index": 0, "run": self.run, "generation": self.generation, "not_after_s": self.until_s}
        return sign_delegation(self.event, source=self.id(source), **(values | changes))

    def ban(self, name: str, until_s: int = until_s) -> Ban:
        return sign_ban(self.tracker, peer=self.id(name), broadcast=self.broadcast, not_after_s=until_s)

    def chunk(self, sequence: Sequence, by: str = "source", **changes: Any) -> Chunk:
        duration_us = changes.get("duration_us", CHUNK_US)
        values = {
            "source_index": 0,
            "run": self.run,
            "generation": self.generation,
            "sequence": sequence,
            "media_time_us": (sequence - 1) * duration_us,
            "duration_us": duration_us,
            "flags": Flag.NONE,
            "packets": (bytes([sequence % 255]) * 40,),
        }
        return _signed(self.identity(by), self.broadcast, **(values | changes))

    def adopt(
        self, child: str, adopter: str, counter: int = 1, rank: int = 32, newest: Sequence = 0, **more: Any
    ) -> Adopt:
        wanted_us = more.get("wanted_us", SECOND)
        return Adopt.ask(
            self.identity(child), self.id(adopter), counter, rank, newest, wanted_us, more.get("parent")
        )

    def peer(self, name: str, capacity: int = 4, **more: Any) -> PeerMachine:
        delay_us = more.pop("delay_us", PLAYOUT_DELAY_US_DEFAULT)
        how = {name: more.pop(name) for name in ("adapts", "is_paced", "uplink_bps") if name in more}
        return PeerMachine(self.member(name, capacity=capacity, **more), delay_us, **how)

    def origin(self, capacity: int = 8) -> SourceMachine:
        member = self.member("source", Role.SOURCE, capacity)
        return SourceMachine(member, self.delegation(), Programme("Nightline", 64_000, CHUNK_US))

    def placed(self, name: str, parent: str | None, *standbys: str, term: int = 1, newest: int = 0) -> Placed:
        return Placed(
            term,
            self.ticket_of(name),
            None if parent is None else self.ticket_of(parent),
            tuple(self.ticket_of(one) for one in standbys),
            (self.delegation(),),
            newest,
            "Nightline",
        )

    def ticket_of(self, name: str) -> Ticket:
        return self.ticket(name, ROLES.get(name, Role.LISTENER))


def golden_values(crew: Crew) -> dict[str, Any]:
    """One value of every kind that crosses the wire, by the name of its file in `golden`."""
    ann, bob, cat = (crew.ticket(name) for name in ("ann", "bob", "cat"))
    delegation, host = crew.delegation(), (("2001:db8::7", 50_000), ("192.0.2.7", 4433))
    path = (crew.id("source")[:4], crew.id("bob")[:4])
    messages: list[Message] = [
        Join(crew.broadcast, Role.LISTENER, 4, host, (30_000, 91_000), b"please"),
        Announce(crew.broadcast, delegation, "Nightline", 64_000, CHUNK_US, 8, host),
        Report(
            9,
            2,
            crew.id("bob"),
            4,
            (crew.id("cat"),),
            (crew.id("dan"),),
            4_711,
            seeking=False,
            silent=None,
            capacity=3,
        ),
        Resume(ann),
        Accuse(crew.id("bob"), Fault.FORGED, b"sample"),
        Leave(),
        Placed(3, ann, bob, (cat,), (delegation,), 4_700, "Nightline"),
        Wait(WaitFor.PLACE, 12, 4 * SECOND, b"cookie"),
        Noted(3, 9),
        Move(3, 2, crew.id("bob"), cat),
        Standbys(3, (cat,)),
        Renewed(ann),
        Goodbye(SECOND),
        Refused(Why.SUPERSEDED, "a later broadcaster has this broadcast"),
        Hello(ann, 32, 0),
        crew.adopt("ann", "bob", counter=2, rank=32, newest=4_690, wanted_us=1_500_000),
        Accept(2, 3, 4_711, 40_000, path),
        Refuse(2, Why.RANK, 5),
        Detach(2),
        Enlist(4),
        Pull(((4_705, 4_707), (4_709, 4_709))),
        Beat(4_711, 62_000, 4, path, 3),
        Stalled(crew.id("bob")[:4], 150_000),
        Uncles((bob, cat)),
        Notice((delegation,), (crew.ban("dan"),)),
        Bye(Why.LEAVING),
    ]
    chunks = (
        crew.chunk(4_711, packets=(b"opus one", b"opus two")),
        crew.chunk(4_712, flags=Flag.END, packets=()),
    )
    hop = Hop(0b1111_1111_1111_1011, 62_000)
    return {type(one).__name__.lower(): one for one in messages} | {
        "chunk": (hop, chunks[0]),
        "refill": [(hop, one) for one in chunks],
        "ticket": ann,
        "delegation": delegation,
        "ban": crew.ban("dan"),
    }
