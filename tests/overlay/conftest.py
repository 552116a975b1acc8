"""What the tests of the overlay share: trees, and peers that do as they are told."""

import functools
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from meshcast.protocol.effects import Send
from meshcast.protocol.events import Connected, Disconnected, Received, Tick
from meshcast.protocol.identity import Identity
from meshcast.protocol.messages import Announce, Join, Message, Move, Placed, Report
from meshcast.protocol.tickets import Delegation, Role, envelope, pack, sign_delegation
from meshcast.protocol.units import HOUR, SECOND, Address, BroadcastId, Micros, PeerId
from tracker.overlay.broadcast import Broadcast
from tracker.overlay.effects import Keep, TrackerEffect
from tracker.overlay.machine import TrackerMachine
from tracker.overlay.placement import complete_splice, place
from tracker.overlay.standbys import refill_standbys
from tracker.overlay.tree import Tree

Plant = Callable[..., Tree]
Joins = Callable[..., int]
WALL_US = 1_700_000_000 * SECOND
"""Unix time when a test begins."""


@pytest.fixture
def plant() -> Plant:
    """Plant a tree whose regions lie on a line."""

    def plant(origin_capacity: int = 3, regions: int = 1, seed: int = 1) -> Tree:
        near = [sorted(range(regions), key=lambda other: abs(other - region)) for region in range(regions)]
        dice = random.Random(seed).randrange
        return Tree(regions=regions, nearest_regions=near, dice=dice, origin_capacity=origin_capacity)

    return plant


@pytest.fixture
def join() -> Joins:
    """Have a peer join, attach at once, and let whom it displaced follow."""

    def join(
        tree: Tree, capacity: int = 0, region: int = 0, role: Role = Role.LISTENER, prefix: int | None = None
    ) -> int:
        node = tree.add(capacity=capacity, region=region, role=role)
        tree.prefix[node] = node if prefix is None else prefix
        assert place(tree, node) is not None
        tree.confirm(node)
        move = complete_splice(tree, node)
        if move is not None:
            tree.confirm(move.child)
        return node

    return join


@pytest.fixture
def crowd(plant: Plant, join: Joins) -> Callable[..., Tree]:
    """Plant a tree and have peers of these capacities join, each with standbys."""

    def crowd(capacities: Sequence[int], origin_capacity: int = 3, regions: int = 1, seed: int = 1) -> Tree:
        tree = plant(origin_capacity, regions, seed)
        where = random.Random(seed)
        for capacity in capacities:
            refill_standbys(tree, join(tree, capacity, where.randrange(regions)))
            for node in list(tree.standbys.wanting):
                refill_standbys(tree, node)
        return tree

    return crowd


class Desk:
    """A tracker's machine, the peers that speak to it by name, and the rows that it has asked to keep."""

    def __init__(self, capacity: int = 2, term: int = 1) -> None:
        self.tracker = self.identity("tracker")
        self.id = BroadcastId(self.key("broadcast"))
        self.capacity = capacity
        self.kept: dict[bytes, bytes] = {}
        self.now: Micros = 0
        self.machine = self.fresh(term)
        self._counters: dict[str, int] = {}
        self._serial = 0

    # ---- who is who

    @staticmethod
    @functools.cache
    def identity(name: str) -> Identity:
        return Identity.from_seed(name.encode().ljust(32, b"."))

    def key(self, name: str) -> PeerId:
        return self.identity(name).peer_id

    def address(self, name: str) -> Address:
        return f"10.{sum(name.encode()) % 250}.0.1", 4000

    @property
    def broadcast(self) -> Broadcast:
        return self.machine.broadcasts[self.id]

    def node(self, name: str) -> int | None:
        return self.broadcast.registry.find(self.key(name))

    def parent(self, name: str) -> PeerId | None:
        """Give the key of the parent in the tracker's view."""
        node = self.node(name)
        assert node is not None, f"{name} is in no tree"
        parent = self.broadcast.tree.parent[node]
        return None if parent < 0 else self.broadcast.registry.key(parent)

    def fresh(self, term: int) -> TrackerMachine:
        """Make a tracker that has forgotten everything."""
        dice = random.Random(term).randrange
        return TrackerMachine(self.tracker, dice, wall_offset_us=WALL_US, term=term)

    def restart(self, term: int = 2) -> None:
        """Let the tracker die, and another begin with what was kept."""
        self.machine = self.fresh(term)
        self.machine.restore(self.id, self.kept.items(), self.now)

    # ---- what happens

    def call(self, name: str) -> None:
        """Bring up a link."""
        assert (
            self.machine.handle(Connected(self.key(name), self.address(name), dialled=False), self.now) == []
        )

    def lose(self, name: str) -> list[TrackerEffect]:
        """Let a link go."""
        return self._done(self.machine.handle(Disconnected(self.key(name), "gone"), self.now))

    def hear(self, name: str, message: Message) -> list[TrackerEffect]:
        """Let a peer say something, over a link that it has."""
        return self._done(self.machine.handle(Received(self.key(name), message), self.now))

    def wait(self, duration_us: Micros) -> list[TrackerEffect]:
        """Let time pass, with a tick whenever the machine asks for one."""
        until, effects = self.now + duration_us, list[TrackerEffect]()
        while (due := self.machine.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            effects += self._done(self.machine.handle(Tick(), self.now))
        self.now = until
        return effects

    def _done(self, effects: list[TrackerEffect]) -> list[TrackerEffect]:
        for effect in effects:
            match effect:
                case Keep(key=key, row=None):
                    self.kept.pop(key, None)
                case Keep(key=key, row=bytes(row)):
                    self.kept[key] = row
                case _:
                    pass
        return effects

    # ---- what is said

    def delegate(
        self, name: str = "source", generation: int = 1, by: str = "broadcast", run: int | None = None
    ) -> Delegation:
        not_after_s = (WALL_US + 24 * HOUR) // SECOND
        return sign_delegation(
            self.identity(by), index=0, source=self.key(name), run=generation if run is None else run,
            generation=generation, not_after_s=not_after_s,
        )  # fmt: skip

    def announcement(self, name: str = "source", generation: int = 1, run: int | None = None) -> Announce:
        delegation = self.delegate(name, generation, run=run)
        return Announce(self.id, delegation, "A title", 64_000, 100_000, self.capacity, ())

    def announce(
        self, name: str = "source", generation: int = 1, run: int | None = None
    ) -> list[TrackerEffect]:
        self.call(name)
        return self.hear(name, self.announcement(name, generation, run))

    def stand_by(self, name: str = "second source", capacity: int = 2) -> list[TrackerEffect]:
        """Connect as a spare, with the broadcast key's word."""
        self.call(name)
        shown = pack(envelope(self.delegate(name, 0, run=0)))
        return self.hear(name, Join(self.id, Role.SPARE, capacity, (), (), shown))

    def wish(self, capacity: int = 0, role: Role = Role.LISTENER) -> Join:
        return Join(self.id, role, capacity, (), (), b"")

    def ask(self, name: str, capacity: int = 0, role: Role = Role.LISTENER) -> list[TrackerEffect]:
        """Connect and ask for a place."""
        self.call(name)
        return self.hear(name, self.wish(capacity, role))

    def join(self, name: str, capacity: int = 0) -> Placed:
        """Ask for a place, take it, say so, and move where one is told to."""
        (placed,) = self.said(self.ask(name, capacity), Placed, to=name)
        assert isinstance(placed, Placed)
        assert placed.parent is not None
        self.obey(self.stand(name, self.name(placed.parent.peer)))
        return placed

    def obey(self, effects: list[TrackerEffect]) -> None:
        """Have everybody who is told to move do it at once."""
        for effect in effects:
            match effect:
                case Send(to, Move(to=ticket)):
                    self.obey(self.stand(self.name(to), self.name(ticket.peer)))
                case _:
                    pass

    def stand(self, name: str, parent: str | None, *children: str, **more: Any) -> list[TrackerEffect]:
        """Report where a peer stands; it has asked once more than before unless `counter` says otherwise."""
        return self.hear(name, self.report(name, parent, *children, **more))

    def report(self, name: str, parent: str | None, *children: str, **more: Any) -> Report:
        self._serial += 1
        self._counters[name] = more.get("counter", self._counters.get(name, 0) + 1)
        node = self.node(name)
        rank = self.broadcast.tree.rank[node] if node is not None else 32
        if parent is not None and (above := self.node(parent)) is not None:
            rank = max(3, self.broadcast.tree.rank[above] + 1)
        return Report(
            serial=self._serial,
            counter=self._counters[name],
            parent=None if parent is None else self.key(parent),
            rank=more.get("rank", rank),
            children=tuple(self.key(one) for one in children),
            standbys=tuple(self.key(one) for one in more.get("standbys", ())),
            newest=more.get("newest", 0),
            seeking=more.get("seeking", False),
            silent=self.key(more["silent"]) if "silent" in more else None,
            capacity=more.get("capacity"),
        )

    # ---- what is answered

    def name(self, key: PeerId) -> str:
        """Give the name of a key, which tests write in letters and a digit."""
        return _names()[key]

    def said(self, effects: list[TrackerEffect], kind: type[Any], to: str | None = None) -> list[Any]:
        """Give the messages of a kind, to one peer or to anybody."""
        return [
            one.message
            for one in effects
            if isinstance(one, Send)
            and isinstance(one.message, kind)
            and (to is None or one.to == self.key(to))
        ]


NAMES = ("source", "second source", *"abcdefghijklmnopqrstuvwxyz")
"""Everybody in the tests of the machine."""


@functools.cache
def _names() -> dict[PeerId, str]:
    return {Desk.identity(name).peer_id: name for name in NAMES}


@pytest.fixture
def desk() -> Desk:
    """A tracker with one broadcast on the air, of two places."""
    desk = Desk()
    desk.announce()
    return desk


@pytest.fixture
def open_desk() -> Callable[..., Desk]:
    """Make a tracker that knows of nothing."""
    return Desk
