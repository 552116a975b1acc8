"""A peer that looks at its appointments once does, at the same moments, what one does that looks at all after every event."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshcast.protocol.effects import Effect, SendChunk
from meshcast.protocol.events import Event, RoundTrips, Woken
from meshcast.protocol.machine import earliest
from meshcast.protocol.messages import Goodbye, Notice
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND, Micros

CHUNK_US = 100 * MILLISECOND


class Twins:
    """Two of the same peer, one of which is never calm; whatever both are told, both must want the same."""

    def __init__(self, make: Callable[[], PeerMachine]) -> None:
        self.one, self.other = make(), make()
        self.calm = 0
        """Events after which the one did not look at everything."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.one, name)

    def handle(self, event: Event, now: Micros) -> list[Effect]:
        before = self.one.agenda
        effects = self.one.handle(event, now)
        self.calm += before.is_calm(now)
        # One that is told to look anew at each event has no time at which it is calm.
        self.other.agenda.forget()
        assert self.other.handle(event, now) == effects
        self.other.agenda.forget()
        return effects

    def deadline(self) -> Micros | None:
        mine, its, other = self.one.deadline(), self.other.deadline(), self.other
        other.agenda.forget()
        parts = (other.uplink, other.history, other.relay, other.session, other.acquaintances)
        assert other.agenda.deadline() == earliest(*(part.deadline() for part in parts)), (
            "nothing is left out"
        )
        # It may wake in vain, but never too late.
        assert its is None or (mine is not None and mine <= its)
        return mine


def add(world: Any, name: str, **more: Any) -> Twins:
    twins = Twins(lambda: world.crew.peer(name, **more))
    world.add(name, twins)
    return twins


STEPS = st.one_of(
    st.tuples(st.just("run"), st.integers(10, 1_500)),
    st.tuples(st.just("lose"), st.integers(1, 9)),
    st.tuples(
        st.sampled_from(["crash mum", "crash one", "join", "client", "part", "slept", "goodbye", "notice"]),
        st.just(0),
    ),
    st.tuples(st.sampled_from(["move to one", "move to mum", "stand by", "down", "up"]), st.just(0)),
    st.tuples(st.just("lines"), st.integers(0, 400)),
)


def tell(world: Any, what: str, amount: int, kids: list[str]) -> None:
    match what:
        case "run":
            world.run(amount * MILLISECOND)
        case "lose":
            lost = [0]

            def keeps(_from: str, to: str, effect: Effect) -> bool:
                if to == "ann" and isinstance(effect, SendChunk):
                    lost[0] += 1
                    return lost[0] % amount != 0
                return True

            world.keeps = keeps
        case "crash mum" | "crash one":
            world.crash(what.split()[1])
        case "join":
            kids.append(f"kid{len(kids)}")
            world.join(kids[-1], "ann", "one")
        case "client":
            kids.append(f"kid{len(kids)}")
            world.join(kids[-1], "one", "ann")
        case "part" if kids:
            world.crash(kids.pop())
        case "slept":
            world.feed("ann", Woken(5 * SECOND))
        case "goodbye":
            world.say("ann", Goodbye(SECOND))
        case "notice":
            world.say("ann", Notice((), (world.crew.ban("mum"),)))
        case "move to one" | "move to mum" if world.parent("ann") is not None:
            world.move("ann", what.rsplit(maxsplit=1)[-1])
        case "stand by":
            world.stand_by("ann", "one")
        case "down" | "up":
            world.is_tracker_up = what == "up"
        case "lines":
            for _ in range(4):
                world.feed(
                    "ann", RoundTrips(tuple((world.crew.id(kid), amount * MILLISECOND) for kid in kids))
                )
                world.run(SECOND)
        case _:
            pass


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    steps=st.lists(STEPS, max_size=14),
    how=st.sampled_from(
        [
            {},
            {"is_paced": True},
            {"adapts": True},
            {"role": Role.RELAY},
            {"role": Role.RELAY, "is_paced": True},
        ]
    ),
)
def test_what_is_looked_at_less_often_is_done_at_the_same_time(
    make_world: Any, steps: list[tuple[str, int]], how: dict[str, Any]
) -> None:
    world = make_world()
    world.add_origin()
    world.run(2 * SECOND)
    for name in ("mum", "one"):
        world.join(name, "source")
    add(world, "ann", **how)
    world.place("ann", "mum", "one")
    kids: list[str] = []
    for what, amount in [("run", 500), *steps, ("run", 1_000)]:
        tell(world, what, amount, kids)


@pytest.mark.parametrize("role", [Role.LISTENER, Role.RELAY])
def test_a_chunk_that_follows_leaves_nothing_to_be_looked_at(world: Any, role: Role) -> None:
    world.add_origin()
    world.run(2 * SECOND)
    world.join("mum", "source")
    ann = add(world, "ann", role=role)
    world.place("ann", "mum")
    world.run(5 * SECOND)
    before = ann.calm
    world.run(5 * SECOND)
    assert ann.calm - before >= 0.7 * 5 * SECOND / CHUNK_US


def test_a_change_among_the_children_is_reported_although_all_is_calm(world: Any) -> None:
    world.add_origin()
    world.run(2 * SECOND)
    world.join("mum", "source")
    ann = add(world, "ann", role=Role.RELAY)
    world.place("ann", "mum")
    world.run(5 * SECOND)
    ann.one.relay.changed = ann.other.relay.changed = True
    world.run(2 * SECOND)
    assert ann.calm


@pytest.mark.parametrize("late_us", [0, 1])
def test_nobody_is_calm_when_an_appointment_has_come(world: Any, late_us: int) -> None:
    world.add_origin()
    world.run(2 * SECOND)
    world.join("mum", "source")
    ann = world.join("ann", "mum")
    world.run(5 * SECOND)
    ann.deadline()
    due = ann.acquaintances.deadline()
    assert due is not None
    assert not ann.agenda.is_calm(due + late_us)
