"""Orphans and their repairs: `meshcast.protocol.repair` decides whom to ask, here is what becomes of it.

An `Orphan` lives only while a peer has no parent, so a million peers need not all be machines. What `protocol.uplink`
does around a repair is done here too, as far as times and places are concerned: candidates are the warm standbys, the
nearest first and the origin last; an Adopt takes the way there, an Accept the way back; whoever was never dialled costs a
round trip more; a head that has found nobody for two seconds sheds its children, and a childless one raises its rank.
"""

from collections.abc import Callable
from typing import Any, Final

from meshcast.protocol.limits import (
    LEASE_US,
    RANK_MAX,
    REFERRED_MAX,
    REPORT_AFTER_US,
    SHED_AFTER_US,
    STALLED_PATIENCE_US,
    STANDBYS_MAX,
)
from meshcast.protocol.machine import Dice
from meshcast.protocol.repair import (
    RTT_UNKNOWN_US,
    Ask,
    Candidate,
    DialAll,
    NewRound,
    Repair,
    in_order,
)
from meshcast.protocol.units import Micros
from sim.flow.calendar import Actor, Calendar
from sim.flow.loans import Loans
from sim.flow.mesh import SOURCE, Mesh
from sim.flow.orphan import Known, Orphan
from sim.flow.sound import Sound
from sim.flow.uncles import Uncles
from tracker.overlay.columns import NOBODY, ORIGIN
from tracker.overlay.nodes import RANK_MIN

# What happens to orphans, and to those whom they ask.
_ACCEPTED: Final = 0
_ASKED: Final = 1
_WAKE: Final = 2
_CONNECTED: Final = 3
_REFUSED: Final = 4
_SEEK: Final = 5
_IMPATIENT: Final = 6
_BEREFT: Final = 7


class Orphans(Actor):
    """All of them."""

    def __init__(
        self,
        mesh: Mesh,
        sound: Sound,
        calendar: Calendar,
        attached: Callable[[Orphan, int, Micros], None],
        seek: Callable[[Orphan, int], None],
        dice: Dice,
    ) -> None:
        """Begin with none.

        `attached` is called with whoever has found a parent, whom, and when; `seek` when nobody known could help a
        peer: the tracker hears of it at that moment.
        """
        super().__init__(calendar)
        self.mesh = mesh
        self.sound = sound
        self.calendar = calendar
        self.attached = attached
        self.seek = seek
        self.uncles: Final = Uncles(mesh, dice)
        self.of: dict[int, Orphan] = {}
        self._pending: dict[int, int] = {}
        """Places held by Accepts that are on their way."""
        self.loans: Final = Loans(mesh, sound, calendar, self.of)

    def happen(self, kind: int, a: int, b: int, c: int, d: int, thing: Any) -> None:
        """Let something happen in its time."""
        if kind == _ACCEPTED:
            self._accepted(a, b, c, d)
        elif kind == _ASKED:
            self._asked(a, b, c, d)
        elif kind == _WAKE:
            self._wake(thing, a)
        elif kind == _CONNECTED:
            self._connected(a, b, c, d)
        elif kind == _REFUSED:
            self._refused(a, b, c, thing)
        elif kind == _SEEK:
            self._seek(thing, a)
        elif kind == _IMPATIENT:
            self._lose_patience(thing)
        elif kind == _BEREFT:
            self._bereft(a, b, thing, c)

    def begin(
        self,
        node: int,
        now: Micros,
        unheard_since: Micros,
        uncles: tuple[Known, ...] = (),
        left: Known | None = None,
        named: int | None = None,
        has_heard: bool = True,  # noqa: FBT001, FBT002 - by name, and yet declared
    ) -> None:
        """Let a peer look for a parent."""
        orphan = Orphan(node, now, unheard_since, has_heard=has_heard, uncles=uncles, left=left)
        if named is not None:
            orphan.named = named, self.mesh.generation[named]
            orphan.generations[named] = self.mesh.generation[named]
        self.of[node] = orphan
        orphan.repair = Repair(self._candidates(orphan, now), now)
        self._drive(orphan, now)
        if has_heard:
            self.loans.begin(orphan)

    def name(self, node: int, parent: int, standbys: tuple[int, ...], now: Micros) -> None:
        """Let an orphan hear from the tracker whom to ask."""
        orphan = self.of.get(node)
        if orphan is None:
            return
        mesh, mine = self.mesh, self.mesh.generation[node]
        orphan.named, orphan.is_named_up = (parent, mesh.generation[parent]), False
        orphan.repair.named(parent)
        for standby in standbys:
            mesh.take_standby(node, standby, now + 4 * mesh.delay_us(node, standby))
        for one in (parent, *standbys):
            orphan.generations[one] = mesh.generation[one]
            due = now + 2 * mesh.delay_us(node, one)
            self.calendar.at(due, self, _CONNECTED, node, mine, one, mesh.generation[one])

    def forget(self, node: int) -> None:
        """Let go of an orphan that leaves."""
        self.of.pop(node, None)

    # ---- what a repair decides

    def _candidates(self, orphan: Orphan, now: Micros) -> list[Candidate[int]]:
        """Give whom to ask first: the standbys; a joiner waits for the parent that the tracker named."""
        mesh, node = self.mesh, orphan.node
        is_joiner = not orphan.has_heard
        named = orphan.named[0] if orphan.named is not None and is_joiner else None
        warm: list[Candidate[int]] = []
        cold: list[int] = []
        for entry in range(STANDBYS_MAX * node, STANDBYS_MAX * (node + 1)):
            standby = mesh.standby[entry]
            if standby == NOBODY:
                continue
            if mesh.warm_at[entry] <= now:
                is_source = mesh.role[standby] == SOURCE
                warm.append(Candidate(standby, True, 2 * mesh.delay_us(node, standby), is_source))  # noqa: FBT003
            elif is_joiner:
                cold.append(standby)
        return in_order(named, warm, cold, is_up=False)

    def _drive(self, orphan: Orphan, now: Micros) -> None:
        """Carry out what the repair decides, and come again when it has more to decide."""
        while decisions := orphan.repair.decide(now):
            for decision in decisions:
                match decision:
                    case Ask(peer):
                        self._ask(orphan, peer, now)
                    case DialAll.NOW:
                        self._dial_all(orphan, now)
                    case NewRound.NOW:
                        self._new_round(orphan, now)
        due = orphan.repair.deadline()
        if due != orphan.wakes_at:
            orphan.wakes_at = due
            self.calendar.at(due, self, _WAKE, due, 0, 0, 0, orphan)

    def _wake(self, orphan: Orphan, due: Micros) -> None:
        """Let a repair decide what is due now."""
        if orphan.wakes_at == due and self.of.get(orphan.node) is orphan:
            self._drive(orphan, due)

    def _ask(self, orphan: Orphan, peer: int, now: Micros) -> None:
        """Send an Adopt, on a link that is up or dialled first."""
        mesh, node = self.mesh, orphan.node
        mesh.counter[node] += 1
        way_us = mesh.delay_us(node, peer)
        is_dialled = peer in orphan.generations and (
            orphan.is_named_up or peer not in (orphan.named or ())[:1]
        )
        is_warm = is_dialled or mesh.has_warm(node, peer, now)
        generation = orphan.generations.get(peer, mesh.generation[peer])
        arrives_at = now + (way_us if is_warm else 3 * way_us)
        self.calendar.at(arrives_at, self, _ASKED, peer, generation, node, mesh.generation[node])

    def _dial_all(self, orphan: Orphan, now: Micros) -> None:
        """Turn to everybody known, and to the tracker."""
        mesh, node = self.mesh, orphan.node
        orphan.is_seeking = True
        generation = mesh.generation[node]
        due = now + REPORT_AFTER_US + mesh.delay_us(node, ORIGIN)
        self.calendar.at(due, self, _SEEK, generation, 0, 0, 0, orphan)
        known = dict(orphan.uncles) | orphan.referred
        for standby in mesh.standbys(node):
            known[standby] = mesh.generation[standby]
        if orphan.named is not None:
            known[orphan.named[0]] = orphan.named[1]
        self._turn_to(orphan, known, now)

    def _turn_to(self, orphan: Orphan, known: dict[int, int], now: Micros) -> None:
        """Dial these, and have those asked that are connected already."""
        mesh, node = self.mesh, orphan.node
        generation = mesh.generation[node]
        for peer, theirs in known.items():
            if peer == node or (peer, theirs) == orphan.left or peer in orphan.silent:
                continue
            orphan.generations[peer] = theirs
            if mesh.has_warm(node, peer, now):
                orphan.repair.connected(Candidate(peer, is_warm=True, rtt_us=RTT_UNKNOWN_US), now)
            else:
                due = now + 2 * mesh.delay_us(node, peer)
                self.calendar.at(due, self, _CONNECTED, node, generation, peer, theirs)

    def _seek(self, orphan: Orphan, generation: int) -> None:
        """Have the tracker look for a parent."""
        if self.of.get(orphan.node) is orphan:
            self.seek(orphan, generation)

    def _new_round(self, orphan: Orphan, now: Micros) -> None:
        """Begin again with whoever is known now; shed, or raise the rank, when it is time."""
        mesh, sound, node = self.mesh, self.sound, orphan.node
        orphan.rounds += 1
        for peer in orphan.repair.unanswered:
            mesh.drop_standby(node, peer)
            orphan.silent[peer] = None
        if mesh.feeds[node] and orphan.has_heard:
            if now - orphan.since >= SHED_AFTER_US:
                self._shed(orphan, now)
            elif orphan.rounds == 1:
                patience = orphan.unheard_since + STALLED_PATIENCE_US
                self.calendar.at(patience, self, _IMPATIENT, 0, 0, 0, 0, orphan)
        is_dropped = orphan.dropped_at is not None and now - orphan.dropped_at < LEASE_US
        if not mesh.feeds[node] and orphan.has_heard and not is_dropped:
            mesh.rank[node] = RANK_MAX
            sound.lowered += mesh.drop_lower_clients(node)
        orphan.repair = Repair(self._candidates(orphan, now), now)

    def _lose_patience(self, orphan: Orphan) -> None:
        """Let the children of a head that has found nobody look for themselves."""
        if self.of.get(orphan.node) is orphan:
            self._shed(orphan, self.calendar.now)

    def _shed(self, orphan: Orphan, now: Micros) -> None:
        """Send the children away."""
        mesh, sound, node = self.mesh, self.sound, orphan.node
        orphan.dropped_at = now
        newest = sound.stalled_at(node, now)
        uncles = self.uncles.known(node) or orphan.uncles
        for child in mesh.children.of(node):
            mesh.unlink(child)
            sound.have[child] = max(newest, sound.have.get(child, -1))
            due = now + mesh.delay_us(node, child)
            self.calendar.at(due, self, _BEREFT, child, mesh.generation[child], due, 0, uncles)

    def _bereft(self, node: int, generation: int, uncles: tuple[Known, ...], unheard: Micros) -> None:
        """Let a child that was sent away look for another parent."""
        mesh = self.mesh
        if mesh.generation[node] == generation and mesh.parent[node] == NOBODY and node not in self.of:
            self.begin(node, self.calendar.now, unheard_since=unheard, uncles=uncles)

    # ---- what comes of it

    def _asked(self, peer: int, theirs: int, node: int, generation: int) -> None:
        """Let an Adopt arrive."""
        mesh, now = self.mesh, self.calendar.now
        if not mesh.alive[peer] or mesh.generation[peer] != theirs:
            return
        if mesh.generation[node] != generation:
            return
        way_us = mesh.delay_us(node, peer)
        held = self._pending.get(peer, 0)
        if not mesh.may_adopt(peer, mesh.rank[node]) or mesh.room(peer) <= held:
            others = self.uncles.referrals(peer, node)
            self.calendar.at(now + way_us, self, _REFUSED, node, generation, peer, 0, others)
            return
        self._pending[peer] = held + 1
        self.calendar.at(now + way_us, self, _ACCEPTED, peer, theirs, node, generation)

    def _accepted(self, peer: int, theirs: int, node: int, generation: int) -> None:
        """Let an Accept arrive: it ends the repair, unless another did."""
        mesh, now = self.mesh, self.calendar.now
        held = self._pending.pop(peer) - 1
        if held:
            self._pending[peer] = held
        orphan = self.of.get(node)
        if orphan is None or mesh.generation[node] != generation:
            return
        if not mesh.alive[peer] or mesh.generation[peer] != theirs or mesh.rank[peer] >= mesh.rank[node]:
            return
        del self.of[node]
        if orphan.has_heard:
            self._adopt(node, peer, now)
        self.attached(orphan, peer, now)

    def _adopt(self, node: int, parent: int, now: Micros) -> None:
        """Have an orphan hear from a peer that has accepted it."""
        mesh, sound = self.mesh, self.sound
        mesh.drop_standby(node, parent)
        is_flowing = mesh.head_of(parent) == ORIGIN
        newest = -1 if is_flowing else sound.stalled_at(parent, now)
        mesh.link(node, parent)
        mesh.attached_at[node] = now
        rank = max(mesh.rank[parent] + 1, RANK_MIN[mesh.role[node]])
        mesh.rank[node] = min(mesh.rank[node], rank)
        if is_flowing:
            sound.flow_again(node, now)
        else:
            sound.refill_stalled(node, newest, now)

    def _refused(self, node: int, generation: int, peer: int, others: tuple[Known, ...]) -> None:
        """Let a refusal arrive."""
        mesh, now = self.mesh, self.calendar.now
        orphan = self.of.get(node)
        if orphan is None or mesh.generation[node] != generation:
            return
        orphan.repair.refused(peer, now)
        orphan.referred |= dict(others)
        while len(orphan.referred) > REFERRED_MAX:
            del orphan.referred[next(iter(orphan.referred))]
        if orphan.is_seeking:
            self._turn_to(orphan, dict(others), now)
        self._drive(orphan, now)

    def _connected(self, node: int, generation: int, peer: int, theirs: int) -> None:
        """Let a link to somebody come up who was dialled."""
        mesh, now = self.mesh, self.calendar.now
        orphan = self.of.get(node)
        if orphan is None or mesh.generation[node] != generation:
            return
        if not mesh.alive[peer] or mesh.generation[peer] != theirs:
            return
        orphan.generations[peer] = theirs
        orphan.is_named_up |= (peer, theirs) == orphan.named
        orphan.repair.connected(Candidate(peer, is_warm=True, rtt_us=RTT_UNKNOWN_US), now)
        self._drive(orphan, now)
