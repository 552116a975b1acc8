"""Each of these bugs, planted alone, is seen: by the promise that it breaks, in the evening that is clean without it.

A bug is a patch of one method of the real machines; the evenings are in `evenings`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from meshcast.protocol import relay as relays
from meshcast.protocol.admission import why_not_adopt
from meshcast.protocol.backlog import Backlog
from meshcast.protocol.effects import Send
from meshcast.protocol.history import History
from meshcast.protocol.holes import Holes
from meshcast.protocol.limits import HAVE_BITS
from meshcast.protocol.messages import Accept, Adopt, Move
from meshcast.protocol.playout import Playout
from meshcast.protocol.relay import Relay
from meshcast.protocol.repair import Repair
from meshcast.protocol.search import Search
from meshcast.protocol.session import Session
from meshcast.protocol.sources import Sources
from meshcast.protocol.standing import Standing
from meshcast.protocol.units import MILLISECOND, Micros
from meshcast.protocol.uplink import Uplink
from meshcast.protocol.vigil import Vigil
from tests.sim.evenings import calm, crowd, evening, names_of, weather
from tracker.overlay import standbys
from tracker.overlay import steward as stewards
from tracker.overlay.columns import NOBODY
from tracker.overlay.links import Links
from tracker.overlay.placement import Placement
from tracker.overlay.states import State
from tracker.overlay.tree import Tree

pytestmark = pytest.mark.plain

Patch = pytest.MonkeyPatch


def test_without_a_bug_the_evening_the_crowd_and_the_weather_are_clean() -> None:
    assert evening() == []
    assert crowd() == []
    assert weather() == []


# ---- the bugs


def always(value: Any) -> Callable[..., Any]:
    """Answer everything with the same."""
    return lambda *_, **__: value


def adopts_anybody(patch: Patch) -> None:
    patch.setattr(Standing, "may_adopt", lambda self, _: not self.is_raising)


def keeps_no_lease(patch: Patch) -> None:
    patch.setattr(Standing, "may_raise", lambda *to: to[-1] == 0)


def raises_its_rank_with_children(patch: Patch) -> None:
    patch.setattr(Standing, "may_raise", always(True))


def takes_any_number_of_children(patch: Patch) -> None:
    patch.setattr(Relay, "places_max", property(always(1_000)))


def feeds_others_without_a_place(patch: Patch) -> None:
    def careless(relay: Relay, peer: Any, ask: Adopt, now: Micros) -> Any:
        why = why_not_adopt(relay, peer, ask, now)
        return None if why is not None and why.name == "TICKET" else why

    patch.setattr(relays, "why_not_adopt", careless)


def does_not_count_emergencies(patch: Patch) -> None:
    take = Relay._take

    def careless(self: Relay, peer: Any, counter: int) -> None:
        take(self, peer, counter)
        self.children[peer].is_emergency = False

    patch.setattr(Relay, "_take", careless)


def never_lets_a_child_go(patch: Patch) -> None:
    patch.setattr(Relay, "detach", always([]))


def does_not_notice_silence(patch: Patch) -> None:
    patch.setattr(Vigil, "must_leave", always(False))
    patch.setattr(Vigil, "has_overslept", always(False))
    patch.setattr(Vigil, "silence_deadline", always(1 << 60))
    patch.setattr(Uplink, "disconnected", always([]))


def does_not_index_who_is_full(patch: Patch) -> None:
    index = Tree._index
    patch.setattr(Tree, "_index", lambda self, node: None if self.free[node] == 0 else index(self, node))


def forgets_to_free_a_place(patch: Patch) -> None:
    unlink = Links._unlink

    def careless(self: Links, node: int) -> None:
        parent = self.parent[node]
        unlink(self, node)
        self.free[parent] -= 1

    patch.setattr(Links, "_unlink", careless)


def keeps_its_new_parent_as_a_standby(patch: Patch) -> None:
    accepted = Uplink.accepted

    def careless(self: Uplink, peer: Any, accept: Accept, now: Micros) -> Any:
        standby = self.standbys.all.get(peer)
        answer = accepted(self, peer, accept, now)
        if standby is not None:
            self.standbys.all[peer] = standby
        return answer

    patch.setattr(Uplink, "accepted", careless)


def keeps_a_standby_that_is_no_higher(patch: Patch) -> None:
    beat = Uplink.beat
    patch.setattr(
        Uplink, "beat", lambda self, peer, heard, now: beat(self, peer, replace(heard, rank=0), now)
    )


def lets_a_standby_be_named_that_is_no_lower(patch: Patch) -> None:
    def careless(self: Links, node: int, standby: int) -> bool:
        return standby != node and self.standbys.give(node, standby)

    def anybody(tree: Tree, node: int, parent: int, held: int) -> int:
        able = [one for one in tree.nodes() if tree.capacity[one] and one not in (node, parent, held)]
        return max(able, key=lambda one: tree.rank[one], default=NOBODY)

    patch.setattr(Links, "give_standby", careless)
    patch.setattr(Links, "give_adopter", careless)
    patch.setattr(standbys, "_best", anybody)


def believes_every_chunk(patch: Patch) -> None:
    patch.setattr(Sources, "is_genuine", always(True))


def plays_a_chunk_twice(patch: Patch) -> None:
    advance, has_played = Playout._advance, set[int]()

    def careless(self: Playout, duration_us: Micros, count: int = 1) -> None:
        advance(self, duration_us, count)
        if self.next_sequence == 50 and id(self) not in has_played:
            has_played.add(id(self))
            self.next_sequence -= 1

    patch.setattr(Playout, "_advance", careless)


def refills_again_what_is_asked_twice(patch: Patch) -> None:
    adopt = Relay.adopt

    def careless(self: Relay, peer: Any, ask: Adopt, now: Micros) -> Any:
        if peer in self.children:
            self.children[peer].counter = ask.counter - 1
        return adopt(self, peer, ask, now)

    patch.setattr(Relay, "adopt", careless)


def promises_what_it_lacks(patch: Patch) -> None:
    adopt = Relay.adopt

    def boastful(self: Relay, peer: Any, ask: Adopt, now: Micros) -> Any:
        return [
            replace(one, message=replace(one.message, newest=one.message.newest + 5))
            if isinstance(one, Send) and isinstance(one.message, Accept)
            else one
            for one in adopt(self, peer, ask, now)
        ]

    patch.setattr(Relay, "adopt", boastful)


def says_that_it_has_every_chunk(patch: Patch) -> None:
    patch.setattr(Backlog, "have", always(2**HAVE_BITS - 1))


def keeps_what_it_is_asked_for(patch: Patch) -> None:
    patch.setattr(Relay, "pull", always([]))


def breaks_before_it_makes(patch: Patch) -> None:
    move = Uplink.move

    def hasty(self: Uplink, order: Move, now: Micros) -> Any:
        effects = move(self, order, now)
        return effects + self.lose_parent(now, is_silent=False) if effects else effects

    patch.setattr(Uplink, "move", hasty)


def refills_nobody(patch: Patch) -> None:
    patch.setattr(Relay, "_refill", always([]))
    patch.setattr(Holes, "found", always(None))
    patch.setattr(History, "begin", always(None))


def waits_before_it_asks(patch: Patch) -> None:
    begin = Repair.__init__
    patch.setattr(Repair, "__init__", lambda self, them, now: begin(self, them, now + 900 * MILLISECOND))


def asks_nobody_once_it_has_lost_a_parent(patch: Patch) -> None:
    decide = Search.decide
    patch.setattr(Search, "decide", lambda self, now: [] if self.has_heard else decide(self, now))
    patch.setattr(Repair, "deadline", always(1 << 60))


def reports_but_once(patch: Patch) -> None:
    send = Session._send_report

    def lazy(self: Session, now: Micros) -> Any:
        if self._serial:
            self._dirty_at, self._sent_at, self._noted = None, now, self._serial
            return []
        return send(self, now)

    patch.setattr(Session, "_send_report", lazy)


def relieves_nobody(patch: Patch) -> None:
    patch.setattr(stewards, "relieve", always([]))
    patch.setattr(stewards, "relieve_some", always([]))


def places_everybody_as_deep_as_can_be(patch: Patch) -> None:
    def deepest(tree: Tree, node: int) -> Any:
        free = [one for one in tree.nodes() if one != node and tree.free[one] > 0 and tree.is_rooted(one)]
        settled = [one for one in free if tree.state[one] == State.ATTACHED]
        if not settled:
            return None
        deep = max(settled, key=lambda one: tree.rank[one])
        tree.attach(node, deep)
        return Placement(deep)

    patch.setattr(stewards, "place", deepest)
    patch.setattr(stewards, "place_in_emergency", deepest)
    patch.setattr(stewards, "place_elsewhere", deepest)


BUGS = [
    ("I1", adopts_anybody, evening),
    ("I1", keeps_no_lease, evening),
    ("I2", raises_its_rank_with_children, crowd),
    ("I3", takes_any_number_of_children, evening),
    ("I4", never_lets_a_child_go, evening),
    ("I5", does_not_notice_silence, evening),
    ("I6", does_not_index_who_is_full, evening),
    ("I7", forgets_to_free_a_place, evening),
    ("I7", does_not_count_emergencies, evening),
    ("I8", keeps_its_new_parent_as_a_standby, evening),
    ("I8", keeps_a_standby_that_is_no_higher, evening),
    ("I8", lets_a_standby_be_named_that_is_no_lower, evening),
    ("I9", believes_every_chunk, evening),
    ("I9", plays_a_chunk_twice, evening),
    ("I9", feeds_others_without_a_place, evening),
    ("I10", refills_again_what_is_asked_twice, evening),
    ("I11", promises_what_it_lacks, evening),
    ("I11", says_that_it_has_every_chunk, weather),
    ("I11", keeps_what_it_is_asked_for, weather),
    ("I12", breaks_before_it_makes, evening),
    ("L1", asks_nobody_once_it_has_lost_a_parent, evening),
    ("L2", waits_before_it_asks, evening),
    ("L3", refills_nobody, evening),
    ("L4", relieves_nobody, evening),
    ("L5", places_everybody_as_deep_as_can_be, calm),
    ("L6", reports_but_once, crowd),
]


@pytest.mark.parametrize(
    ("promise", "plant", "happens"), BUGS, ids=[f"{bug[0]} {bug[1].__name__}" for bug in BUGS]
)
def test_a_planted_bug_is_seen_by_the_promise_that_it_breaks(
    promise: str, plant: Callable[[Patch], None], happens: Callable[..., list[str]], monkeypatch: Patch
) -> None:
    plant(monkeypatch)
    found = happens(until=promise)
    assert promise in names_of(found), found
