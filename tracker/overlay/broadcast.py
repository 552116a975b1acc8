"""One broadcast in the tracker's view: who is where, who waits, and what to tell whom.

The tracker places joiners and tidies up; repair is the peers' own affair. It learns of what they did from their
reports, which are whole state: any one of them mends what was lost before. Where its view and a report differ, the
report wins, and the difference becomes at most a few moves of childless children.
"""

from collections.abc import Iterable
from typing import Final

from meshcast.protocol.effects import Send
from meshcast.protocol.machine import earliest
from meshcast.protocol.messages import Join, Notice, Report
from meshcast.protocol.networks import network_of
from meshcast.protocol.tickets import Ban, Ticket
from meshcast.protocol.units import HOUR, SECOND, Address, BroadcastId, Micros, PeerId
from meshcast.protocol.units import Sequence as Number
from tracker.overlay.assignments import Assignments, source_is_away, stands_in_line
from tracker.overlay.bans import Bans
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.effects import Keep, TrackerEffect
from tracker.overlay.event import Announced
from tracker.overlay.office import Office
from tracker.overlay.roster import Roster
from tracker.overlay.snapshot import Row
from tracker.overlay.steward import GRACE_US, Steward
from tracker.overlay.tree import Tree
from tracker.overlay.trust import Verdict
from tracker.overlay.waiting import Waiting

DESERTED_US: Final = 24 * HOUR
"""A broadcast that nobody sends and nobody hears is forgotten after this."""
UNHEARD_US: Final = 1 * HOUR
"""One that nobody has ever heard, after this: its link may not have been given to anybody, and announcing is free."""
WAIT_EVERY_US: Final = 2 * SECOND
"""Those who wait are told their place so often."""


class Broadcast:
    """The tree of one broadcast, and the conversation about it."""

    def __init__(self, office: Office, broadcast: BroadcastId, announced: Announced) -> None:
        self.id = broadcast
        self.announced = announced
        self.network = network_of(announced.address)
        """From which it was announced."""
        self.is_source_here = False
        self.was_heard = False
        """Somebody has had a place in it, or has waited for one."""
        self.newest: Number = 0
        self.waiting: Waiting[PeerId, Join] = Waiting()
        self.tree = Tree(
            regions=len(office.nearest_regions),
            nearest_regions=office.nearest_regions,
            dice=office.dice,
            origin_capacity=announced.capacity,
        )
        self.steward = Steward(self.tree)
        self._roster = Roster(office, broadcast, self.steward)
        self.registry = self._roster.registry
        self.registry.enter(self.source, ORIGIN, (announced.address,))
        self._assignments = Assignments(office, broadcast, self.steward, self.registry)
        self._bans = Bans(office, broadcast, self.tree, self.registry)
        self._told_at: Micros = 0
        self._deserted_at: Micros | None = None
        self._source_until: Micros | None = None
        """Until when a restored broadcaster is taken to be there."""

    @property
    def source(self) -> PeerId:
        """Name the broadcaster's peer key."""
        return self.announced.delegation.key

    @property
    def bans(self) -> dict[PeerId, Ban]:
        """Whom the tracker has banned from it."""
        return self._bans.signed

    # ---- the broadcaster

    def announce(
        self, announced: Announced, now: Micros, landmarks: tuple[Micros, ...] = ()
    ) -> list[TrackerEffect]:
        """Take in the broadcaster, new, come back, or taking over, and what it has measured."""
        before, run = self.source, self.announced.delegation.run
        self.announced, self.network = announced, network_of(announced.address)
        if self.source != before:
            followers = self._withdraw(self.source)
            self.registry.strike(ORIGIN)
            self.registry.enter(self.source, ORIGIN, (announced.address,))
            # Whoever heard through a spare that takes over goes on doing so.
            self.steward.hear_of_children(ORIGIN, followers)
        if announced.delegation.run != run:
            self.newest = 0
        self._roster.measure_origin(announced, landmarks)
        self.is_source_here, self._source_until = True, None
        news = Notice((announced.delegation,), tuple(self.bans.values())[-8:])
        effects: list[TrackerEffect] = [Keep(self.id, b"", announced.pack())]
        if self.source != before:
            effects += [Send(self.registry.key(node), news) for node in self.tree.children.of(ORIGIN)]
            effects += [Send(before, news)]
        return [*effects, self._assignments.root(announced, self.newest, now), *self._admit(now)]

    # ---- joiners

    def join(self, peer: PeerId, join: Join, address: Address, now: Micros) -> list[TrackerEffect]:
        """Place a joiner, or let it wait; one that asks twice is answered twice."""
        self._roster.called(peer, address)
        self.was_heard = True
        node = self.registry.find(peer)
        if node is not None:
            if self.tree.parent[node] != NOBODY:
                return [self._place(node, now)]
            self._forget(node)
        self.waiting.add(peer, join)
        effects = self._admit(now)
        return [*effects, *self._tell_waiting(peer)] if peer in self.waiting else effects

    def resume(self, peer: PeerId, ticket: Ticket, address: Address, now: Micros) -> list[TrackerEffect]:
        """Take back a peer by its own ticket; where it stands its report will tell."""
        self.waiting.drop(peer)
        self.was_heard = True
        node = self.registry.find(peer)
        if node is None:
            node = self._roster.enter(peer, ticket.capacity, 0, ticket.role, address)
        self._roster.called(peer, address)
        self.registry.set_addresses(node, (address,))
        self.steward.heard(node, now)
        return self._assignments.renewal(node, now) + self._roster.changes()

    def lost(self, peer: PeerId, now: Micros) -> list[TrackerEffect]:
        """Take in that a peer's link is gone: perhaps it is dead, and perhaps only this link is."""
        self.waiting.drop(peer)
        self._roster.hung_up(peer)
        if peer == self.source:
            self.is_source_here = False
            return [source_is_away(spare) for spare in self._roster.spares]
        node = self.registry.find(peer)
        if node is not None:
            self.steward.lost(node, now)
        return []

    def left(self, peer: PeerId, now: Micros) -> list[TrackerEffect]:
        """Let a peer go that said so."""
        self.waiting.drop(peer)
        node = self.registry.find(peer)
        if node is None or node == ORIGIN:
            self.is_source_here &= peer != self.source
            return []
        self._forget(node)
        return self._tidy(now)

    # ---- reports

    def report(self, peer: PeerId, report: Report, now: Micros) -> list[TrackerEffect]:
        """Take over where a peer says that it stands; answer with what would be better."""
        node = self.registry.find(peer)
        if node is None:
            return []
        self.steward.heard(node, now)
        self.newest = max(self.newest, report.newest)
        if report.capacity is not None and node != ORIGIN and not self._bans.is_accused(peer):
            self.steward.hear_of_capacity(node, report.capacity)
        effects: list[TrackerEffect] = [self._assignments.noted(peer, report)]
        silent = None if report.silent is None else self.registry.find(report.silent)
        if silent is not None:
            self.steward.hear_of_silence(node, silent)
        parent = self._take_over_parent(node, report) if node != ORIGIN else None
        for child in self.steward.hear_of_children(node, self._found(report.children)):
            # Whoever has a link to the tracker is there: if it were forgotten, its reports would find nobody.
            if not self._roster.is_linked(self.registry.key(child)):
                self._forget(child)
        if report.seeking and not self.is_source_here and peer in self._roster.spares:
            effects.append(source_is_away(peer))
        elif report.seeking and node != ORIGIN and self.steward.may_help(node, now):
            is_helped = self.steward.help(node, self._found(report.standbys))
            effects += [self._place(node, now)] if is_helped else []
        elif node != ORIGIN:
            effects += self._standbys(node, report, now)
        effects += self._assignments.renewal(node, now)
        effects += self._assignments.moves(self.steward.settle(node, parent), now)
        return effects + self._admit(now) + self._roster.changes()

    def accuse(self, accuser: PeerId, accused: PeerId, now: Micros) -> list[TrackerEffect]:
        """Take in evidence against a polluter: one word makes it leaf-only, several independent ones ban it."""
        verdict, node = self._bans.accuse(accuser, accused), self.registry.find(accused)
        if verdict is Verdict.NOTHING or node is None:
            return []
        effects: list[TrackerEffect] = []
        if verdict is Verdict.BAN:
            effects = self._bans.ban(node, self.source, now)
            self._forget(node)
        return effects + self._roster.changes()

    # ---- time

    def tick(self, now: Micros) -> list[TrackerEffect]:
        """Forget those whose lease has ended, and tell the waiting where they stand."""
        if self._source_until is not None and now >= self._source_until:
            self.is_source_here, self._source_until = False, None
        expired = self.steward.expired(now)
        for node in expired:
            self._forget(node)
        effects = self._tidy(now) if expired else []
        if self.waiting and now >= self._told_at + WAIT_EVERY_US:
            self._told_at = now
            effects += self._admit(now)
            effects += self._tell_waiting()
        return effects

    @property
    def is_deserted(self) -> bool:
        """Tell whether the broadcaster is away and nobody is there."""
        return not (self.is_source_here or self.waiting or len(self.registry) > 1)

    def is_over(self, now: Micros) -> bool:
        """Tell whether it has been deserted for a day, or for an hour if nobody has ever heard it."""
        if not self.is_deserted:
            self._deserted_at = None
            return False
        if self._deserted_at is None:
            self._deserted_at = now
        return now >= self._deserted_at + (DESERTED_US if self.was_heard else UNHEARD_US)

    def deadline(self) -> Micros | None:
        """When is something due?"""
        lease = self.steward.leases.deadline()
        waiting = self._told_at + WAIT_EVERY_US if self.waiting else None
        return earliest(lease, waiting, self._source_until)

    def restore(self, rows: list[Row], now: Micros) -> None:
        """Take back the tree as it was kept: nobody has been heard yet, but they are where they were.

        So joiners are placed at once; whom they find dead they leave for their standbys.
        """
        self.is_source_here = True
        self.was_heard = bool(rows)
        self._source_until = now + GRACE_US
        self._roster.restore(rows, now)

    # ---- details: reports

    def _take_over_parent(self, node: int, report: Report) -> int | None:
        """Believe a peer about its own parent; give that one, if it is known."""
        if report.parent is None:
            self.steward.hear_of_orphan(node, report.counter)
            return None
        parent = self.registry.find(report.parent)
        if parent is not None:
            self.steward.hear_of_parent(node, parent, report.rank, report.counter)
        return parent

    def _standbys(self, node: int, report: Report, now: Micros) -> list[TrackerEffect]:
        """Give a peer the standbys that it lacks."""
        nodes = self.steward.hear_of_standbys(node, self._found(report.standbys))
        return self._assignments.standbys(node, report.standbys, nodes, now)

    def _found(self, peers: Iterable[PeerId]) -> list[int]:
        """Give the nodes of those who are in the tree."""
        return [node for peer in peers if (node := self.registry.find(peer)) is not None]

    def _tidy(self, now: Micros) -> list[TrackerEffect]:
        """After places have opened: relieve others, admit who waits, keep what changed."""
        moves = self.steward.tidy() + self.steward.better()
        return self._assignments.moves(moves, now) + self._admit(now) + self._roster.changes()

    # ---- details: joiners

    def _admit(self, now: Micros) -> list[TrackerEffect]:
        """Place those who wait, who can serve first: they bring places."""
        if not self.is_source_here:
            return []
        placed = self.steward.admit(self.waiting, self._roster.enter_joiner, self._forget, now)
        effects: list[TrackerEffect] = []
        for node in placed:
            effects.append(self._place(node, now))
            effects += self._assignments.moves(self.steward.better(), now)
        return effects + self._roster.changes()

    def _forget(self, node: int) -> None:
        """Take a peer out; its children look for themselves."""
        self._assignments.forget(node)
        self._bans.forget(self._roster.forget(node))

    def _withdraw(self, peer: PeerId) -> tuple[int, ...]:
        """Take out a peer, placed or waiting, that becomes the broadcaster, for a key is one node; give its children."""
        self.waiting.drop(peer)
        node = self.registry.find(peer)
        if node is None or node == ORIGIN:
            return ()
        followers = tuple(self.tree.children.of(node))
        self._forget(node)
        return followers

    def _place(self, node: int, now: Micros) -> Send:
        """Tell a peer its place."""
        return self._assignments.place(node, self.announced, self.newest, now)

    def _tell_waiting(self, only: PeerId | None = None) -> list[TrackerEffect]:
        """Tell joiners where they stand in the line, or that the broadcaster is away."""
        stands = [one for one in self.waiting.stands() if only in {None, one[0]}]
        if not self.is_source_here:
            return [source_is_away(peer) for peer, _, _ in stands]
        return [stands_in_line(*one) for one in stands]
