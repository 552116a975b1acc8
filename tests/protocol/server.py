"""A relay of its own for the tests of the serving half."""

from typing import Any

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.effects import Effect
from meshcast.protocol.identity import verify
from meshcast.protocol.messages import Pull
from meshcast.protocol.relay import Relay
from meshcast.protocol.sources import Sources
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND, Micros

NOW = 100 * SECOND
CHUNK_US = 100 * MILLISECOND


class Server:
    """A relay of rank 5 with thirty chunks."""

    def __init__(
        self, crew: Any, capacity: int = 2, chunks: int = 30, role: Role = Role.LISTENER, **more: Any
    ) -> None:
        self.crew = crew
        member = crew.member("server", role, capacity, **more)
        self.backlog = Backlog()
        sources = Sources(crew.broadcast, verify)
        sources.learn((crew.delegation(),), 0)
        self.standing = Standing(member.me, role, rank=5)
        self.relay = Relay(member, self.standing, self.backlog, sources, lambda: (crew.ticket("uncle"),))
        for sequence in range(1, chunks + 1):
            self.backlog.add(crew.chunk(sequence), NOW - (chunks - sequence) * CHUNK_US, 0)

    def meet(self, name: str, **more: Any) -> None:
        assert self.relay.hello(self.crew.id(name), self.crew.ticket(name, **more), NOW) == []

    def adopt(self, name: str, now: Micros = NOW, **more: Any) -> list[Effect]:
        self.meet(name)
        return self.relay.adopt(self.crew.id(name), self.crew.adopt(name, "server", **more), now)

    def enlist(self, name: str, **more: Any) -> list[Effect]:
        self.meet(name, **more)
        return self.relay.enlist(self.crew.id(name), 32)

    def pull(self, name: str, *ranges: tuple[int, int], now: Micros = NOW) -> list[Effect]:
        return self.relay.pull(self.crew.id(name), Pull(ranges), now)

    def arrive(self, sequence: int, now: Micros, sender: str | None = None) -> list[Effect]:
        chunk = self.crew.chunk(sequence)
        self.backlog.add(chunk, now, 0)
        held = self.backlog.get(sequence)
        assert held is not None
        return self.relay.forward([held], None if sender is None else self.crew.id(sender), now)

    @property
    def children(self) -> list[Any]:
        return list(self.relay.children)
