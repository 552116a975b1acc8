"""Intervals beside a model that follows every chunk to every peer."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from sim.flow.mesh import SOURCE, Mesh
from sim.flow.sound import Sound
from sim.scenario import DELAYS_US
from tracker.overlay.columns import NOBODY, ORIGIN

CHUNK_US = 100 * MILLISECOND
END_US = 30 * SECOND
PEERS = 8
NEVER = 1 << 60
APART_US = 400 * MILLISECOND
"""Long enough that what one event sends on its way has arrived everywhere before the next."""


@dataclass
class Spell:
    """From when on a peer hears from a parent, and until when it takes in what that one sends."""

    parent: int
    since: Micros
    way_us: Micros
    until: Micros = NEVER
    """When it turned to another while that one lived: what is still on its way is not waited for."""


@dataclass
class Hearer:
    """One peer, chunk by chunk."""

    comes_at: Micros = 0
    goes_at: Micros = NEVER
    spells: list[Spell] = field(default_factory=list)
    bases: list[tuple[int, Micros]] = field(default_factory=list)
    """(first chunk, least lag): what each chunk's dues are counted from."""
    arrivals: dict[int, Micros] = field(default_factory=dict)


class EveryChunk:
    """Follows each chunk along the links that there were when it came by."""

    def __init__(self) -> None:
        self.peers: dict[int, Hearer] = {ORIGIN: Hearer()}

    def follow(self) -> None:
        """Work out when each chunk came to everybody."""
        for chunk in range(END_US // CHUNK_US + 1):
            self.peers[ORIGIN].arrivals[chunk] = chunk * CHUNK_US
            is_settled = False
            while not is_settled:
                is_settled = True
                for node, one in self.peers.items():
                    at = self._comes(one, chunk) if node != ORIGIN else NEVER
                    if at < one.arrivals.get(chunk, NEVER):
                        one.arrivals[chunk] = at
                        is_settled = False

    def _comes(self, one: Hearer, chunk: int) -> Micros:
        """Say when a chunk comes to a peer first, as far as is known of its parents."""
        earliest = NEVER
        for spell in one.spells:
            parent = self.peers[spell.parent]
            had_at = parent.arrivals.get(chunk, NEVER)
            if had_at > parent.goes_at or had_at == NEVER:
                continue
            # What the parent had when it was asked comes with its Accept, all at once.
            at = max(spell.since, had_at + spell.way_us)
            if at <= spell.until:
                earliest = min(earliest, at)
        return earliest

    def missing(self, node: int, until: Micros) -> list[int]:
        """Count the chunks that were missing at one peer, at each delay."""
        one = self.peers[node]
        end = min(one.goes_at, until)
        found = [0] * len(DELAYS_US)
        for chunk in range(END_US // CHUNK_US + 1):
            base_us = self._base_us(one, chunk)
            if chunk * CHUNK_US + one.bases[0][1] <= one.comes_at:
                continue
            for delay, delay_us in enumerate(DELAYS_US):
                due = chunk * CHUNK_US + base_us + delay_us
                found[delay] += due < one.arrivals.get(chunk, NEVER) and due < end
        return found

    @staticmethod
    def _base_us(one: Hearer, chunk: int) -> Micros:
        return [base for first, base in one.bases if first <= chunk][-1]


class Both:
    """The same peers, as intervals and chunk by chunk."""

    def __init__(self, delays_us: list[list[Micros]]) -> None:
        self.mesh = Mesh(delays_us)
        self.sound = Sound(self.mesh, CHUNK_US, END_US - 4 * SECOND)
        self.model = EveryChunk()
        self.mesh.enter(ORIGIN, capacity=8, city=0, access_us=0, role=SOURCE)
        self.mesh.rank[ORIGIN] = 0

    def come(self, node: int, parent: int, now: Micros) -> None:
        mesh = self.mesh
        mesh.enter(node, capacity=8, city=node, access_us=0)
        is_flowing = mesh.head_of(parent) == ORIGIN
        mesh.link(node, parent)
        mesh.attached_at[node] = now
        mesh.lag_us[node] = mesh.base_us[node] = mesh.lag_us[parent] + mesh.delay_us(node, parent)
        if not is_flowing:
            self.sound.have[node] = self.sound.stalled_at(parent)
        self.sound.begin(node, now)
        one = self.model.peers[node] = Hearer(comes_at=now, bases=[(-1, mesh.lag_us[node])])
        one.spells.append(Spell(parent, now, mesh.delay_us(node, parent)))

    def kill(self, node: int, now: Micros) -> None:
        mesh, sound = self.mesh, self.sound
        newest = sound.newest(node, now)
        sound.go(node, now)
        heads, _ = mesh.leave(node)
        for head in heads:
            sound.have[head] = max(newest, sound.have.get(head, -1))
        self.model.peers[node].goes_at = now

    def adopt(self, head: int, parent: int, now: Micros) -> None:
        mesh, sound = self.mesh, self.sound
        is_flowing, newest = mesh.head_of(parent) == ORIGIN, sound.newest(parent, now)
        mesh.link(head, parent)
        if is_flowing:
            sound.flow_again(head, now)
        else:
            sound.refill_stalled(head, newest, now)
        self.model.peers[head].spells.append(Spell(parent, now, mesh.delay_us(head, parent)))
        if is_flowing:
            self._lower_bases(head, now)

    def move(self, node: int, parent: int, now: Micros) -> None:
        mesh = self.mesh
        mesh.unlink(node)
        mesh.link(node, parent)
        self.sound.change_way(node, now)
        one = self.model.peers[node]
        one.spells[-1].until = now
        one.spells.append(Spell(parent, now, mesh.delay_us(node, parent)))
        self._lower_bases(node, now)

    def _lower_bases(self, top: int, now: Micros) -> None:
        """Have dues of what comes regularly from now on count from the least lag of each."""
        mesh = self.mesh
        at = {top: now}
        for node in mesh.walk(top):
            if node != top:
                at[node] = at[mesh.parent[node]] + mesh.delay_us(node, mesh.parent[node])
            lag_us = way_us(mesh, node)
            bases = self.model.peers[node].bases
            bases.append(((at[node] - lag_us) // CHUNK_US + 1, min(bases[-1][1], lag_us)))


def way_us(mesh: Mesh, node: int) -> Micros:
    """Add up the way from the origin."""
    return 0 if node == ORIGIN else mesh.delay_us(node, mesh.parent[node]) + way_us(mesh, mesh.parent[node])


def play(both: Both, data: st.DataObject) -> None:
    """Let things happen to the peers, one after another."""
    mesh, now = both.mesh, 0
    for node in range(1, PEERS):
        both.come(node, data.draw(st.integers(max(0, node - 3), node - 1)), 0)
    apart_us = max(mesh.delay_us(ORIGIN, one) for one in range(1, 2 * PEERS)) + APART_US
    while (now := now + data.draw(st.integers(apart_us, apart_us + 2 * SECOND))) < END_US:
        living = [one for one in range(1, len(both.model.peers)) if mesh.alive[one]]
        heads = [one for one in living if mesh.parent[one] == NOBODY]
        flowing = [ORIGIN, *(one for one in living if mesh.head_of(one) == ORIGIN)]
        stalled = [one for one in living if one not in flowing]
        what = data.draw(st.sampled_from(("kill", "hear again", "be refilled", "move", "move", "come")))
        of_whom = {"kill": living, "hear again": heads, "be refilled": heads, "move": flowing[1:]}
        node = data.draw(st.sampled_from(of_whom.get(what) or [ORIGIN]))
        others = stalled if what == "be refilled" else flowing
        others = [one for one in others if node == ORIGIN or one not in mesh.walk(node)]
        if what == "come" and len(both.model.peers) < 2 * PEERS:
            both.come(len(both.model.peers), data.draw(st.sampled_from([*flowing, *stalled])), now)
        elif node != ORIGIN and what == "kill":
            both.kill(node, now)
        elif node != ORIGIN and others:
            act = both.move if what == "move" else both.adopt
            act(node, data.draw(st.sampled_from(others)), now)


@st.composite
def distances(draw: st.DrawFn) -> list[list[Micros]]:
    """Put peers close together, and some of them so far from the origin that a detour is late at any delay."""
    places = 2 * PEERS
    ways = [[0] * places for _ in range(places)]
    far_ms = draw(st.sampled_from(((1,), (1, 600, 700, 1_100))))
    for one in range(places):
        for other in range(one):
            way_ms = draw(st.integers(1, 20)) if other else draw(st.sampled_from(far_ms))
            ways[one][other] = ways[other][one] = way_ms * MILLISECOND + draw(st.integers(0, 999))
    return ways


def agrees(both: Both) -> None:
    """Hold what was counted as it went, what is owed at the end, and what is counted when all go, against the model."""
    both.model.follow()
    sound = both.sound
    theirs = [both.model.missing(node, sound.counts_until) for node in both.model.peers if node != ORIGIN]
    missing = [sum(column) for column in zip(*theirs, strict=True)]
    gapped = [sum(count > 0 for count in column) for column in zip(*theirs, strict=True)]
    so_far, more = sound.so_far(END_US)
    assert so_far == missing
    living = [one for one in range(1, len(both.mesh.alive)) if both.mesh.alive[one]]
    here = [sum(sound.all_marks[one] >> delay & 1 for one in living) for delay in range(len(DELAYS_US))]
    assert [sum(one) for one in zip(sound.gapped, here, more, strict=True)] == gapped
    assert sound.so_far(END_US) == (so_far, more)
    while living:
        leaf = next(one for one in living if not both.mesh.feeds[one])
        both.kill(leaf, END_US)
        living.remove(leaf)
    assert sound.missing == missing
    assert sound.gapped == gapped


@settings(max_examples=60)
@given(distances(), st.data())
def test_what_is_missing_is_exact_to_the_chunk_at_every_delay(
    delays_us: list[list[Micros]], data: st.DataObject
) -> None:
    both = Both(delays_us)
    play(both, data)
    agrees(both)


@pytest.fixture
def pair() -> Callable[..., Both]:
    """Give a peer under the origin, and others that it could hear from, at ways that are said."""

    def make(*ways_us: Micros) -> Both:
        places = len(ways_us) + 2
        delays_us = [[0] * places for _ in range(places)]
        for node, one_us in enumerate(ways_us, 1):
            delays_us[ORIGIN][node] = delays_us[node][ORIGIN] = one_us
        both = Both(delays_us)
        for node in range(1, places - 1):
            both.come(node, ORIGIN, 0)
        return both

    return make


@pytest.mark.parametrize(("later_us", "missing"), [(0, 0), (1, 1), (CHUNK_US, 1), (CHUNK_US + 1, 2)])
def test_what_comes_in_the_microsecond_in_which_it_is_due_is_not_missing(
    pair: Callable[..., Both], later_us: Micros, missing: int
) -> None:
    both = pair(0, 0)
    both.move(2, 1, 0)
    both.kill(1, 9 * CHUNK_US)
    due = 10 * CHUNK_US + DELAYS_US[0]
    both.adopt(2, ORIGIN, due + later_us)
    assert both.sound.missing == [missing, 0, 0, 0]
    assert both.sound.all_marks[2] == bool(missing)
    agrees(both)


def test_nobody_is_charged_for_what_is_due_after_it_has_left(pair: Callable[..., Both]) -> None:
    both = pair(0, 0)
    both.move(2, 1, 0)
    both.kill(1, 9 * CHUNK_US)
    both.kill(2, 10 * CHUNK_US + DELAYS_US[1] + 1)
    assert both.sound.missing == [6, 1, 0, 0]
    assert both.sound.gapped == [1, 1, 0, 0]
    agrees(both)


def test_a_longer_way_makes_late_what_comes_by_it_and_nothing_that_came_before(
    pair: Callable[..., Both],
) -> None:
    both = pair(700 * MILLISECOND, 0)
    both.move(2, 1, 10 * CHUNK_US)
    # Chunks 0 to 10 came by the short way; the others come 700 ms later than the least, until the way is short again.
    both.move(2, ORIGIN, 40 * CHUNK_US)
    # 11 to 33 came late; 34 was due by now and comes at once, as do 35 to 39 in time.
    assert both.sound.missing == [24, 0, 0, 0]
    agrees(both)


def test_who_joins_in_a_stall_misses_only_what_was_sent_since(pair: Callable[..., Both]) -> None:
    both = pair(0, 0)
    both.move(2, 1, 0)
    both.kill(1, 10 * CHUNK_US)
    both.come(3, 2, 20 * CHUNK_US)
    both.adopt(2, ORIGIN, 30 * CHUNK_US)
    # Chunks 11 to 24 were due at the one, 21 to 24 at the other.
    assert both.sound.missing[0] == 14 + 4
    agrees(both)


def test_a_stall_that_never_ends_is_told_at_any_time(pair: Callable[..., Both]) -> None:
    both = pair(0, 0)
    both.move(2, 1, 0)
    both.kill(1, 10 * CHUNK_US)
    found = [both.sound.so_far(at * SECOND)[0] for at in (1, 2, 3, 4, 8)]
    # Chunk 11 is due at 1.1 s and the delay.
    assert found == [[0, 0, 0, 0], [4, 0, 0, 0], [14, 9, 0, 0], [24, 19, 9, 0], [64, 59, 49, 29]]
    assert both.sound.missing == [0, 0, 0, 0]
    agrees(both)


@pytest.mark.parametrize(("lender", "missing"), [(ORIGIN, 4), (3, 4 + 14)])
def test_who_borrows_goes_on_hearing_as_long_as_its_lender_does(
    pair: Callable[..., Both], lender: int, missing: int
) -> None:
    both = pair(0, 0, 0)
    both.move(2, 1, 0)
    both.kill(1, 10 * CHUNK_US)
    both.sound.borrow(2, lender, 20 * CHUNK_US)
    # Chunks 11 to 20 come at once, and the first four of them were due.
    assert both.sound.missing == [4, 0, 0, 0]
    assert both.sound.newest(2, 20 * CHUNK_US) == 20
    both.mesh.unlink(3)
    both.sound.have[3] = 20
    # Of a living lender's sound, 37 to 40 are left to come; of the other's, 21 to 34 had been due.
    both.adopt(2, ORIGIN, 40 * CHUNK_US)
    assert both.sound.missing[0] == missing


def test_what_is_borrowed_is_passed_on(pair: Callable[..., Both]) -> None:
    both = pair(0, 0, 0)
    both.move(2, 1, 0)
    both.move(3, 2, 0)
    both.kill(1, 10 * CHUNK_US)
    both.sound.borrow(2, ORIGIN, 20 * CHUNK_US)
    assert both.sound.missing == [8, 0, 0, 0]
    assert both.sound.newest(3, 20 * CHUNK_US) == 20
