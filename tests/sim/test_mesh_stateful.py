"""A small mesh in packets fidelity, and a hypothesis that does to it whatever it likes; the checkers look on.

Every step is a line of Python, and a run that breaks a promise prints its lines: pasted beneath each other they show it
again, for all chance in a world comes from its seed. At the end the faults stop, and everybody must be heard again.
What it has found lies in `tests/sim/stories`, one file each.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sim.story import Story

PEERS_MAX = 10
pick = st.integers(0, PEERS_MAX - 1)


class Mesh(RuleBasedStateMachine):
    """Rules draw who, and when; `do` writes the line down and carries it out."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()

    def do(self, line: str) -> None:
        self.story.do(line)

    # ---- who is there

    @initialize(
        seed=st.integers(0, 3),
        loss=st.sampled_from(["0.0", "0.0", "0.02", "0.1"]),
        jitter=st.sampled_from(["0.0", "0.1", "1.0"]),
        capacities=st.lists(st.sampled_from([0, 1, 2, 4]), min_size=4, max_size=6),
    )
    def begin(self, seed: int, loss: str, jitter: str, capacities: list[int]) -> None:
        self.do(
            f"world = watched(World({seed}, Settings(origin_capacity=2, conditions=Conditions("
            f"loss={loss}, jitter={jitter}, duplication={loss}))))"
        )
        for capacity in capacities:
            self.do(f"peers.append(world.add_peer(capacity={capacity}))")
        self.do("world.run_for(4 * SECOND)")

    def living(self, number: int) -> int:
        alive = [at for at, peer in enumerate(self.story.peers) if peer.is_alive]
        return alive[number % len(alive)]

    def has_peers(self) -> bool:
        return sum(peer.is_alive for peer in self.story.peers) > 2

    @precondition(lambda self: sum(peer.is_alive for peer in self.story.peers) < PEERS_MAX)
    @rule(capacity=st.sampled_from([0, 1, 2, 4]))
    def join(self, capacity: int) -> None:
        self.do(f"peers.append(world.add_peer(capacity={capacity}))")

    # ---- what befalls them

    @rule(ms=st.sampled_from([20, 100, 350, 700, 1_500, 3_000, 6_000]))
    def time_passes(self, ms: int) -> None:
        self.do(f"world.run_for({ms} * MILLISECOND)")

    @precondition(has_peers)
    @rule(number=pick)
    def crash(self, number: int) -> None:
        self.do(f"world.faults.kill(peers[{self.living(number)}])")

    @precondition(has_peers)
    @rule(number=pick)
    def leave(self, number: int) -> None:
        self.do(f"world.faults.leave(peers[{self.living(number)}])")

    @precondition(has_peers)
    @rule(number=pick)
    def freeze_or_thaw(self, number: int) -> None:
        at = self.living(number)
        what = "thaw" if self.story.peers[at].is_frozen else "freeze"
        self.do(f"world.faults.{what}(peers[{at}])")

    @precondition(has_peers)
    @rule(number=pick)
    def swallow_or_release(self, number: int) -> None:
        at = self.living(number)
        what = "release" if self.story.peers[at].is_deaf else "swallow"
        self.do(f"world.faults.{what}(peers[{at}])")

    @precondition(has_peers)
    @rule(numbers=st.lists(pick, min_size=1, max_size=4, unique=True))
    def tear(self, numbers: list[int]) -> None:
        island = sorted({self.living(number) for number in numbers})
        self.do(f"world.faults.tear([everybody(), [peers[at] for at in {island}]])")

    @rule()
    def mend(self) -> None:
        self.do("world.faults.mend(everybody())")

    @rule(is_silent=st.booleans())
    def restart_the_tracker(self, is_silent: bool) -> None:
        """It begins anew at once, or is gone until it is started by a later step."""
        if self.story.world.tracker.is_alive:
            self.do("world.faults.kill(world.tracker)")
        if not is_silent:
            self.do("world.start_tracker()")

    @rule(one=pick, other=pick)
    @precondition(has_peers)
    def a_false_alarm(self, one: int, other: int) -> None:
        """One end of a link gives it up while the other goes on."""
        self.do(f"false_alarm(peers[{self.living(one)}], {other})")

    @rule(one=pick, other=pick)
    @precondition(has_peers)
    def a_move_of_the_trackers(self, one: int, other: int) -> None:
        self.do(f"move(peers[{self.living(one)}], peers[{self.living(other)}])")

    @rule(is_on=st.booleans())
    def everything_is_said_twice(self, is_on: bool) -> None:
        """Messages come twice to whoever they are for, the tracker included."""
        self.do(f"double({is_on})")

    def teardown(self) -> None:
        if self.story.lines:
            self.story.end()


def check(examples: int, steps: int, *, derandomize: bool) -> None:
    run_state_machine_as_test(
        Mesh,
        settings=settings(
            deadline=None,
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=derandomize,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate, Phase.shrink],
        ),
    )


def test_a_small_mesh_keeps_its_promises_whatever_befalls_it() -> None:
    check(examples=10, steps=15, derandomize=True)


@pytest.mark.long
def test_a_small_mesh_keeps_its_promises_whatever_befalls_it_for_a_long_time() -> None:
    check(examples=400, steps=40, derandomize=False)
