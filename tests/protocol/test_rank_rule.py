"""No loops, whatever the network does: the adversary of `sim.adversary` against the real parts of a dozen peers.

After every step each peer's rank must be greater than its parent's, which makes loops impossible (I1), and nobody may
feed more than its places (I3). Then the faults stop, and everybody must be heard again (liveness). That the adversary is
strong enough is shown by what it finds once a rule is switched off. `benchmarks/rank_rule.py` prints the figures.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from meshcast.protocol.units import SECOND
from sim.adversary import STEPS, Chaos, run, step
from sim.bare_peer import ANYBODY_RAISES, NO_LEASE, Rules

RUNS = 300
LONG_STEPS = 4_000


@pytest.mark.parametrize("seed", range(8))
def test_ranks_stay_in_order_under_any_delay_duplication_reordering_and_loss(seed: int) -> None:
    assert run(seed, 400).found.problems == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 100 + RUNS))
def test_ranks_stay_in_order_in_three_hundred_runs_of_four_thousand_steps(seed: int) -> None:
    assert run(seed, LONG_STEPS).found.problems == []


@pytest.mark.parametrize("rules", [NO_LEASE, ANYBODY_RAISES])
def test_the_adversary_breaks_the_order_of_ranks_where_a_rule_is_switched_off(rules: Rules) -> None:
    breaking = next((seed for seed in range(12) if run(seed, LONG_STEPS, rules).found.order), None)
    assert breaking is not None
    assert not run(breaking, LONG_STEPS).found.order


@pytest.mark.long
def test_without_the_lease_order_breaks_in_some_runs_and_without_rule_3_loops_arise() -> None:
    lax = [run(seed, LONG_STEPS, NO_LEASE).found for seed in range(40)]
    laxer = [run(seed, LONG_STEPS, ANYBODY_RAISES).found for seed in range(40)]
    assert 0 < sum(one.order for one in lax) < len(lax)
    assert sum(one.order for one in laxer) > sum(one.order for one in lax)
    assert sum(one.cycles for one in laxer) > 0


@pytest.mark.parametrize("seed", range(3))
def test_once_the_faults_stop_everybody_is_attached_to_the_source(seed: int) -> None:
    """L1: with places enough."""
    chaos = run(seed, 150)
    for peer in chaos.listeners[8:]:
        chaos.crash(peer)
    for _ in range(4):
        chaos.join(3, 0)
    chaos.calm(25 * SECOND)
    assert [one.name for one in chaos.listeners if not chaos.is_attached(one)] == []
    for peer in chaos.listeners:
        parent = chaos.parent(peer)
        assert parent is not None
        assert peer.me in parent.relay.children, "I4: whoever is pointed at knows its child"
    assert chaos.found.problems == []


class RankRule(RuleBasedStateMachine):
    """The same, with steps that hypothesis chooses and shrinks."""

    def __init__(self) -> None:
        super().__init__()
        self.chaos = Chaos()

    @rule(what=st.sampled_from(STEPS), numbers=st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
    def steps(self, what: str, numbers: list[int]) -> None:
        for number in numbers:
            step(self.chaos, what, number)
            self.chaos.check()

    @invariant()
    def nothing_is_broken(self) -> None:
        assert self.chaos.found.problems == []


def test_ranks_stay_in_order_whatever_hypothesis_tries() -> None:
    run_state_machine_as_test(
        RankRule,
        settings=settings(
            deadline=None, max_examples=12, stateful_step_count=25, suppress_health_check=list(HealthCheck)
        ),
    )
