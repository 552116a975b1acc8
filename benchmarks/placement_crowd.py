"""The crowd of `placement.py`: peers that join, die, move and turn to standbys, where they really are, and what that cost."""

import time
from random import Random

from meshcast.protocol.limits import EMERGENCY_PLACES_MAX, RANK_LISTENER_MIN
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import Micros
from sim.geography import Geography, access_us
from sim.matrix import Matrix
from sim.population import Population
from tracker.overlay.columns import ORIGIN
from tracker.overlay.lags import RELAY_US
from tracker.overlay.placement import Move, complete_splice, place, place_in_emergency
from tracker.overlay.rebalance import advance, rebalance
from tracker.overlay.relief import relieve, relieve_some
from tracker.overlay.standbys import refill_standbys
from tracker.overlay.succession import succeed, vacancy
from tracker.overlay.tree import Tree

ORIGIN_CAPACITY = 32
RELAY_CAPACITY = 64
DATA_CENTRE_US = 500


class Crowd:
    """A tree, and where its peers really are."""

    def __init__(
        self, geography: Geography | Matrix, origin: int, *, seed: int, relays: int, noise_us: int
    ) -> None:
        self.geography = geography
        self.chance, self.noise, self.noise_us = Random(seed), Random(seed + 1), noise_us
        self.population = Population()
        near = geography.nearest_regions()
        dice = Random(seed + 2).randrange
        self.tree = Tree(regions=len(near), nearest_regions=near, dice=dice, origin_capacity=ORIGIN_CAPACITY)
        self.city, self.access = {ORIGIN: origin}, {ORIGIN: DATA_CENTRE_US}
        self.alive: list[int] = []
        self.moves: dict[str, int] = {}
        self.cpu_s: dict[str, float] = {}
        self.shed = 0
        self.tree.lags.enter(ORIGIN, self.measured(origin, DATA_CENTRE_US))
        for number in range(relays):
            marks = geography.landmarks
            self.enter(RELAY_CAPACITY, marks[number % len(marks)], DATA_CENTRE_US, Role.RELAY)

    def measured(self, city: int, access: Micros) -> list[Micros]:
        """Give round trips to the landmarks as a peer would measure them."""
        exact = self.geography.landmark_rtts_us(city, access)
        return (
            [rtt + round(self.noise.expovariate(1 / self.noise_us)) for rtt in exact]
            if self.noise_us
            else list(exact)
        )

    def delay_us(self, one: int, other: int) -> Micros:
        """Give the true delay between two."""
        city, access = self.city, self.access
        return self.geography.delay_us(city[one], city[other]) + access[one] + access[other] + RELAY_US

    def join(self) -> None:
        """Draw one and have it join."""
        capacity = self.population.capacity(self.chance)
        mobile = self.population.is_mobile(capacity, self.chance)
        city = self.geography.draw(self.chance)
        self.alive.append(self.enter(capacity, city, access_us(self.chance, is_mobile=mobile), Role.LISTENER))

    def enter(self, capacity: int, city: int, access: Micros, role: Role) -> int:
        """Have one join and attach."""
        rtts = self.measured(city, access)
        region = min(range(len(rtts)), key=rtts.__getitem__)
        node = self.tree.add(
            capacity=capacity, region=region, role=role, prefix=self.chance.randrange(1 << 30)
        )
        self.city[node], self.access[node] = city, access
        began = time.process_time()
        self.tree.lags.enter(node, rtts)
        placed = place(self.tree, node)
        self.spent("join", began)
        assert placed is not None, "there is always a place in this crowd"
        self.tree.confirm(node)
        self.obey("splice", self.reported(node))
        self.refill(node)
        return node

    def die(self) -> None:
        """Let one die; its children go to the nearer of their standbys, and the tracker tidies up."""
        tree, at = self.tree, self.chance.randrange(len(self.alive))
        dead, last = self.alive[at], self.alive.pop()
        if last != dead:
            self.alive[at] = last
        vacant = vacancy(tree, dead)
        known = {head: tree.standbys.of(head) for head in tree.children.of(dead)}
        heads = tree.leave(dead)
        adopters = []
        for head in heads:
            willing = [one for one in known[head] if self.is_willing(one, head)]
            if willing:
                adopter = min(willing, key=lambda one: self.delay_us(one, head))
                rank = max(RANK_LISTENER_MIN, tree.rank[adopter] + 1)
                tree.adopted(head, adopter, rank=rank, counter=tree.counter[head] + 1)
                adopters.append(adopter)
            else:
                self.rescue(head)
            self.refill(head)
        began = time.process_time()
        moves = succeed(tree, vacant, heads)
        self.spent("succeed", began)
        self.obey("succeed", moves)
        for adopter in adopters:
            self.obey("relief", relieve(tree, adopter))
        self.obey("relief", relieve_some(tree))

    def is_willing(self, one: int, head: int) -> bool:
        """Tell whether a standby takes an orphan."""
        tree = self.tree
        return (
            tree.free[one] > -EMERGENCY_PLACES_MAX
            and tree.is_rooted(one)
            and tree.rank[one] < tree.rank[head]
        )

    def rescue(self, head: int) -> None:
        """Have the tracker place an orphan that nobody took; one that cannot be placed sheds its children first."""
        tree = self.tree
        shed: list[int] = []
        if place_in_emergency(tree, head) is None:
            self.shed += 1
            shed = list(tree.children.of(head))
            for child in shed:
                tree.detach(child)
            assert place_in_emergency(tree, head) is not None
        tree.confirm(head)
        self.obey("splice", self.reported(head))
        for child in shed:
            self.rescue(child)

    def reported(self, node: int) -> list[Move]:
        """Do what the tracker does when a peer reports that it is attached."""
        tree = self.tree
        splice = complete_splice(tree, node)
        moves = ([] if splice is None else [splice]) + advance(tree, node)
        return moves or relieve(tree, tree.parent[node]) or relieve(tree, node)

    def obey(self, why: str, moves: list[Move]) -> None:
        """Have everybody move who is told to, and what follows."""
        for move in moves:
            self.moves[why] = self.moves.get(why, 0) + 1
            self.tree.counter[move.child] += 1
            self.tree.confirm(move.child)
            self.obey(why, self.reported(move.child))

    def refill(self, node: int) -> None:
        """Give standbys to one, and to all who want some."""
        began = time.process_time()
        refill_standbys(self.tree, node)
        for one in list(self.tree.standbys.wanting):
            refill_standbys(self.tree, one)
        self.spent("standbys", began)

    def better(self, steps: int) -> None:
        """Take steps of rebalancing."""
        for _ in range(steps):
            began = time.process_time()
            moves = rebalance(self.tree)
            self.spent("rebalance", began)
            self.obey("rebalance", moves)

    def begin_anew(self) -> None:
        """Count moves and CPU time from here on."""
        self.moves, self.cpu_s = {}, {}

    def spent(self, what: str, began: float) -> None:
        """Add up time by what it went to."""
        self.cpu_s[what] = self.cpu_s.get(what, 0.0) + time.process_time() - began
