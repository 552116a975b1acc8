"""Which chunks come to whom in time: arithmetic on intervals, exact to the chunk.

Chunk `k` leaves the origin at `k * chunk_us`. With a lag that holds still it is with a peer at `k * chunk_us + lag`, and
it is due at `k * chunk_us + base + delay`, `base` being the least lag that this peer has had. A peer in a tree that has
stalled has chunks up to `have`; when its head hears again, the chunks after that come at once, and those of them that
were due before are missing at that delay. Nothing is missing of what would be due after a peer has gone, nor of what
would have come to it before it was there.
"""

from array import array
from itertools import zip_longest
from typing import Final

from meshcast.protocol.capacity import LISTENER
from meshcast.protocol.limits import BORROW_AFTER_US
from meshcast.protocol.units import Micros
from sim.flow.mesh import Mesh
from sim.scenario import DELAYS_US
from tracker.overlay.columns import END, NOBODY, ORIGIN, growth, longer
from tracker.overlay.nodes import RANK_MIN

ALL_DELAYS: Final = range(len(DELAYS_US))
_DELAY_US_MIN: Final = DELAYS_US[0]
NO_CHUNK: Final = -1
"""The newest chunk of who has none."""


class Sound:
    """What everybody has, lacks and missed."""

    def __init__(self, mesh: Mesh, chunk_us: Micros, counts_until: Micros) -> None:
        """Begin in silence; what is due later than `counts_until` is not counted."""
        self.mesh = mesh
        self.chunk_us = chunk_us
        self.counts_until = counts_until
        self.missing = [0] * len(DELAYS_US)
        """Chunks that were missing, at each delay, all listeners together."""
        self.gapped = [0] * len(DELAYS_US)
        self.due_us: Micros = 0
        """Audio that was due at listeners that have gone; those that are here are added by `sim.flow.figures`."""
        self.heard = 0
        """Listeners that have heard anything."""
        self.have: dict[int, int] = {}
        """The newest chunk of heads of stalled trees, and of those beneath them who have others than their parent."""
        self.lenders: dict[int, int] = {}
        """Peers in stalled trees that borrow, and from whom: they and all beneath them go on hearing, a little late."""
        self.late: dict[int, int] = {}
        """Peers whose way has become longer than the least delay allows, with the first chunk of which that is true."""
        self.lowered: list[int] = []
        """Peers who had to let a standby go because a rank has changed; whoever asks next sees to them."""
        self.gaps_us: dict[int, Micros] | None = None
        """If wanted: the longest time without a new chunk that each peer has had in a repair."""
        self._marks = bytearray()
        """For each peer the delays, as bits, at which it missed anything."""
        self.first_due_at = array("q")
        """When each peer's sound began."""

    def begin(self, node: int, now: Micros) -> None:
        """Let a peer hear its first sound."""
        short = node + 1 - len(self._marks)
        if short > 0:
            more = growth(len(self._marks), short)
            self._marks = longer(self._marks, more)
            self.first_due_at = longer(self.first_due_at, more)
        self._marks[node] = 0
        self.first_due_at[node] = now
        self.heard += 1

    def newest(self, node: int, now: Micros) -> int:
        """Give the newest chunk that a peer has now; -1 before the first."""
        head = self.mesh.head_of(node)
        if head != ORIGIN:
            return self.stalled_at(node, now)
        return (now - self.mesh.lag_us[node]) // self.chunk_us

    def stalled_at(self, node: int, now: Micros = 0) -> int:
        """Give the newest chunk of a peer in a tree that has stalled; what has been lent by now counts, if `now` is given."""
        most, parent = -1, self.mesh.parent
        while node != NOBODY:
            most = max(most, self.have.get(node, -1))
            if now and node in self.lenders:
                most = max(most, self._lent(node, now))
            node = parent[node]
        return most

    def borrow(self, node: int, lender: int, now: Micros) -> None:
        """Let a peer in a stalled tree, and all beneath it, have what a standby has sent it by now.

        From now on it goes on borrowing: eight chunks as they come to the lender, and then, after `BORROW_AFTER_US`
        without any, the next eight. That it is late by so much is counted when the tree hears again.
        """
        mesh = self.mesh
        newest = (now - mesh.delay_us(node, lender) - mesh.lag_us[lender]) // self.chunk_us
        before = self.stalled_at(node, now)
        self.lenders[node] = lender
        if newest <= before:
            return
        stack = [(node, now, before)]
        while stack:
            one, at, had = stack.pop()
            self._catch_up(one, at, had, at - newest * self.chunk_us)
            for child in mesh.children.of(one):
                own = max(had, self.have.get(child, -1))
                if own < newest and child not in self.lenders:
                    stack.append((child, at + mesh.delay_us(one, child), own))
        self.have[node] = newest

    def _lent(self, node: int, now: Micros) -> int:
        """Give the newest chunk that a borrower has for certain; none beyond the first loan if its lender has stalled."""
        mesh, lender = self.mesh, self.lenders[node]
        if not mesh.alive[lender] or mesh.head_of(lender) != ORIGIN:
            return -1
        way_us = mesh.lag_us[lender] + 3 * mesh.delay_us(node, lender) + BORROW_AFTER_US
        return (now - way_us) // self.chunk_us

    def flow_again(self, head: int, now: Micros) -> None:
        """Let the sound come to a head from its parent, which has it all, and to everybody beneath; count what was late."""
        mesh, have = self.mesh, self.have
        stack = [(head, now, have.pop(head))]
        while stack:
            node, at, newest = stack.pop()
            if self.lenders and node in self.lenders:
                newest = max(newest, self._lent(node, at))
                del self.lenders[node]
            parent = mesh.parent[node]
            lag_us = mesh.lag_us[parent] + mesh.delay_us(parent, node)
            if node in self.late:
                self._end_lateness(node, newest)
            self._catch_up(node, at, newest, lag_us)
            self._set_lag(node, lag_us, max(newest, (at - lag_us) // self.chunk_us))
            self._set_rank(node, parent)
            child = mesh.children.first[node]
            while child != END:
                way_us = mesh.delay_us(node, child)
                own = have.pop(child, newest) if have else newest
                stack.append((child, at + way_us, max(newest, own)))
                child = mesh.children.next[child]

    def refill_stalled(self, head: int, newest: int, now: Micros) -> None:
        """Let a head that was adopted by a stalled peer have what that one has, and pass it on; count what was late."""
        mesh, have = self.mesh, self.have
        stack = [(head, now, have[head])]
        while stack:
            node, at, own = stack.pop()
            if newest <= own:
                continue
            if node in self.late:
                self._end_lateness(node, own)
            self._count(node, own, newest, at, mesh.base_us[node])
            stack += [
                (child, at + mesh.delay_us(node, child), max(own, have.get(child, own)))
                for child in mesh.children.of(node)
            ]
        have[head] = max(newest, have[head])

    def change_way(self, top: int, now: Micros) -> None:
        """Work out lags and ranks anew beneath a peer whose parent has changed without a gap."""
        mesh = self.mesh
        stack = [(top, now)]
        while stack:
            node, at = stack.pop()
            parent = mesh.parent[node]
            lag_us = mesh.lag_us[parent] + mesh.delay_us(parent, node)
            if lag_us == mesh.lag_us[node] and mesh.rank[parent] + 1 == mesh.rank[node] and node != top:
                continue
            if self.gaps_us is not None:
                gap_us = self.chunk_us + lag_us - mesh.lag_us[node]
                self.gaps_us[node] = max(gap_us, self.gaps_us.get(node, 0))
            had, has = (at - mesh.lag_us[node]) // self.chunk_us, (at - lag_us) // self.chunk_us
            if node in self.late:
                # What comes at once now, by a shorter way, may have been due already.
                self._end_lateness(node, had)
                self._count(node, had, has, at, mesh.base_us[node])
            self._set_lag(node, lag_us, max(had, has))
            self._set_rank(node, parent)
            child = mesh.children.first[node]
            while child != END:
                stack.append((child, at + mesh.delay_us(node, child)))
                child = mesh.children.next[child]

    def go(self, node: int, now: Micros) -> None:
        """Count what a peer that goes now, still linked, has missed until now, and what was due at it."""
        self._add(node, self._owed(node, now))
        self.late.pop(node, None)
        self.have.pop(node, None)
        self.lenders.pop(node, None)
        self.due_us += max(0, min(now, self.counts_until) - self.first_due_at[node])
        marks = self._marks[node]
        if marks:
            for delay in ALL_DELAYS:
                self.gapped[delay] += marks >> delay & 1

    def so_far(self, now: Micros) -> tuple[list[int], list[int]]:
        """Give the chunks missing by now, and at how many of those who are here the first of them is not counted yet.

        What a stall has cost is otherwise counted when it ends, and some may never end.
        """
        missing, gapped = list(self.missing), [0] * len(DELAYS_US)
        for node in self._owing():
            for delay, count in enumerate(self._owed(node, now)):
                missing[delay] += count
                gapped[delay] += count > 0 and not self._marks[node] >> delay & 1
        return missing, gapped

    @property
    def all_marks(self) -> bytearray:
        """Give the delays, as bits, at which each peer has missed anything."""
        return self._marks

    # ---- details

    def _catch_up(self, node: int, at: Micros, newest: int, lag_us: Micros) -> None:
        """Count what was due before it came, when all that a peer has missed comes at once."""
        base_us = self.mesh.base_us[node]
        chunk_us = self.chunk_us
        if self.gaps_us is not None:
            gap_us = at - newest * chunk_us - self.mesh.lag_us[node]
            self.gaps_us[node] = max(gap_us, self.gaps_us.get(node, 0))
        # Nothing is missing at any delay if the first of it came in time at the least one.
        if at > (newest + 1) * chunk_us + base_us + _DELAY_US_MIN:
            self._count(node, newest, (at - lag_us) // chunk_us, at, base_us)

    def _count(self, node: int, have: int, last: int, at: Micros, base_us: Micros) -> None:
        """Count the chunks after `have`, up to `last`, that came at `at` and were due before."""
        self._add(node, self._lacking(node, have, last, min(at, self.counts_until), base_us))

    def _add(self, node: int, missing: list[int]) -> None:
        """Count what one has missed, at each delay."""
        for delay, count in enumerate(missing):
            if count:
                self.missing[delay] += count
                self._marks[node] |= 1 << delay

    def _lacking(self, node: int, have: int, last: int, until: Micros, base_us: Micros) -> list[int]:
        """Say how many of the chunks after `have`, up to `last`, were due before `until`, at each delay."""
        missing: list[int] = []
        if self.mesh.role[node] != LISTENER or node >= len(self._marks):
            return missing
        have = max(have, (self.first_due_at[node] - base_us) // self.chunk_us)
        for delay_us in DELAYS_US:
            # Chunk k is late if k * chunk + base + delay < until.
            late = min((until - base_us - delay_us - 1) // self.chunk_us, last) - have
            if late <= 0:
                break
            missing.append(late)
        return missing

    def _owing(self) -> dict[int, None]:
        """Find those who have missed something that may not be counted yet: the late, and all beneath stalled heads."""
        mesh = self.mesh
        found = dict.fromkeys(self.late)
        for head in self.have:
            if mesh.alive[head] and mesh.parent[head] == NOBODY and mesh.attached_at[head] >= 0:
                found |= dict.fromkeys(mesh.walk(head))
        return found

    def _owed(self, node: int, now: Micros) -> list[int]:
        """Say what a peer has missed by now that is not counted yet, at each delay."""
        until, last = min(now, self.counts_until), now // self.chunk_us
        if not self.have or self.mesh.head_of(node) == ORIGIN:
            return self._lateness(node, last, until)
        have = self.stalled_at(node, now)
        late = self._lateness(node, have, until)
        lacking = self._lacking(node, have, last, until, self.mesh.base_us[node])
        return [one + other for one, other in zip_longest(late, lacking, fillvalue=0)]

    def _set_lag(self, node: int, lag_us: Micros, newest: int) -> None:
        """Take in how long the way from the origin is for all that comes after the newest."""
        mesh = self.mesh
        mesh.lag_us[node] = lag_us
        base_us = mesh.base_us[node]
        if lag_us < base_us:
            mesh.base_us[node] = lag_us
        elif lag_us - base_us > _DELAY_US_MIN:
            self.late[node] = newest + 1

    def _end_lateness(self, node: int, last: int) -> None:
        """Count what came regularly, up to `last`, and regularly too late."""
        self._add(node, self._lateness(node, last, self.counts_until))
        del self.late[node]

    def _lateness(self, node: int, last: int, until: Micros) -> list[int]:
        """Say how much came regularly too late, up to `last`, of what was due before `until`, at each delay."""
        first = self.late.get(node)
        if first is None:
            return []
        mesh = self.mesh
        excess_us = mesh.lag_us[node] - mesh.base_us[node]
        late = self._lacking(node, first - 1, last, until, mesh.base_us[node])
        return [count * (excess_us > delay_us) for count, delay_us in zip(late, DELAYS_US, strict=False)]

    def _set_rank(self, node: int, parent: int) -> None:
        """Lower a rank as far as the parent's allows (rule 2)."""
        mesh = self.mesh
        if mesh.rank[parent] + 1 == mesh.rank[node]:
            return
        rank = max(mesh.rank[parent] + 1, RANK_MIN[mesh.role[node]])
        if rank < mesh.rank[node]:
            mesh.rank[node] = rank
            if mesh.drop_higher_standbys(node):
                self.lowered.append(node)
