"""The hearing half of a peer, whose neighbours the test plays."""

from typing import Any

from meshcast.protocol.attachment import Attachment
from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import HAVE_ALL, Hop
from meshcast.protocol.effects import Effect, Send
from meshcast.protocol.identity import verify
from meshcast.protocol.messages import Accept, Adopt, Beat, Refuse, Why
from meshcast.protocol.relay import Relay
from meshcast.protocol.sources import Sources
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from meshcast.protocol.uplink import Uplink

CHILD_BORN_US = 100 * SECOND


class Child:
    """An uplink, whose neighbours the test plays by name."""

    def __init__(self, crew: Any, capacity: int = 4) -> None:
        self.crew = crew
        member = crew.member("me", capacity=capacity)
        self.backlog = Backlog()
        self.standing = Standing(member.me, Role.LISTENER)
        sources = Sources(crew.broadcast, verify)
        self.relay = Relay(member, self.standing, self.backlog, sources, lambda: ())
        self.uplink = Uplink(member, self.standing, self.backlog, self.relay, SECOND)
        self.uplink.neighbours.own_ticket = crew.ticket("me")
        self.now: Micros = CHILD_BORN_US

    def id(self, name: str) -> Any:
        return self.crew.id(name)

    def placed(self, parent: str | None, *standbys: str) -> list[Effect]:
        named = tuple(self.crew.ticket(one) for one in standbys)
        return self.uplink.placed(None if parent is None else self.crew.ticket(parent), named, self.now)

    def up(self, name: str) -> list[Effect]:
        return self.uplink.connected(self.id(name), self.now, dialled=True)

    def accept(self, name: str, counter: int | None = None, rank: int = 4, newest: int = 0) -> list[Effect]:
        counter = self.uplink.asks.counter if counter is None else counter
        message = Accept(counter, rank, newest, 0, (b"root", self.id(name)[:4]))
        return self.uplink.accepted(self.id(name), message, self.now)[0]

    def refuse(self, name: str, why: Why = Why.FULL, counter: int | None = None) -> list[Effect]:
        counter = self.uplink.asks.counter if counter is None else counter
        return self.uplink.refused(self.id(name), Refuse(counter, why, 4), self.now)

    def beat(self, name: str, rank: int = 4, newest: int = 0, path: tuple[bytes, ...] = ()) -> list[Effect]:
        return self.uplink.beat(self.id(name), Beat(newest, 0, rank, path, 1), self.now)

    def attach(self, parent: str = "mum", rank: int = 4, standbys: tuple[str, ...] = ()) -> None:
        """Get a parent, and warm standbys."""
        self.placed(parent, *standbys)
        self.up(parent)
        self.accept(parent, rank=rank)
        for name in standbys:
            self.up(name)
            self.beat(name, rank=rank)
        assert self.parent == parent

    def chunk(self, sequence: int, by: str = "mum", have: int = HAVE_ALL) -> None:
        """Take in a live chunk, as the peer's machine does."""
        chunk, newest = self.crew.chunk(sequence), self.backlog.newest
        self.uplink.heard(self.id(by), chunk, 40 * MILLISECOND, self.now, live=True)
        if self.backlog.is_new(chunk):
            self.backlog.add(chunk, self.now, 0)
            self.uplink.find_holes(chunk, newest, self.id(by), Hop(have, 0), self.now)

    def wait(self, duration_us: Micros) -> list[tuple[Micros, Effect]]:
        """Let time pass; tick exactly when something is due."""
        until = self.now + duration_us
        done: list[tuple[Micros, Effect]] = []
        for _ in range(10_000):
            due = self.uplink.deadline()
            if due is None or due > until:
                self.now = until
                return done
            self.now = max(self.now, due)
            done += [(self.now, effect) for effect in self.uplink.tick(self.now)]
        raise AssertionError("it asks for ticks without end")

    def adopt_child(self, name: str = "kid") -> None:
        self.relay.hello(self.id(name), self.crew.ticket(name), self.now)
        self.relay.adopt(self.id(name), self.crew.adopt(name, "me"), self.now)
        assert self.id(name) in self.relay.children

    @property
    def parent(self) -> str | None:
        names = ("mum", "one", "two", "dad", "uncle", "kid")
        return next((name for name in names if self.id(name) == self.uplink.parent), None)

    def is_moving(self) -> bool:
        return self.uplink.state is Attachment.MOVING

    def asked(self, effects: list[Effect]) -> list[Any]:
        return [one.to for one in effects if isinstance(one, Send) and isinstance(one.message, Adopt)]
