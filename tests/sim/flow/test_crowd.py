from statistics import mean

import pytest

from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND
from sim.flow.crowd import BLOCK, Crowd
from sim.flow.wishes import Wish
from sim.geography import Geography
from sim.scenario import Crowd as Shares
from sim.scenario import Fidelity, Law, Nat, Scenario, Sessions, Wave

GEOGRAPHY = Geography()
MANY = 4_000


def crowd_of(seed: int = 1, shares: Shares | None = None, **settings: object) -> Crowd:
    scenario = Scenario("crowd", fidelity=Fidelity.FLOW, crowd=shares or Shares(), **settings)  # type: ignore[arg-type]
    return Crowd(scenario, seed, GEOGRAPHY)


def wishes(crowd: Crowd, count: int = MANY) -> list[Wish]:
    return [crowd.wish(0) for _ in range(count)]


def test_the_same_seed_is_the_same_crowd_and_another_is_not() -> None:
    one, again, other = (wishes(crowd_of(seed), 50) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_the_next_block_goes_on_where_the_last_one_ended() -> None:
    found = wishes(crowd_of(), BLOCK + 3)
    assert [one.prefix for one in found] == list(range(1, BLOCK + 4))
    assert len({one.access_us for one in found[-3:]}) == 3


def test_half_can_serve_and_the_classes_have_their_shares() -> None:
    capacities = [one.capacity for one in wishes(crowd_of())]
    serving = [one for one in capacities if one]
    assert len(serving) / MANY == pytest.approx(0.5, abs=0.03)
    assert mean(serving) == pytest.approx(0.3 * 2 + 0.5 * 4 + 0.2 * 8, abs=0.15)


def test_who_cannot_be_dialled_serves_nobody() -> None:
    nats = ((Nat.OPEN, 0.2), (Nat.MAPPED, 0.2), (Nat.CONE, 0.3), (Nat.SYMMETRIC, 0.3))
    capacities = [one.capacity for one in wishes(crowd_of(shares=Shares(nats=nats)))]
    assert sum(one > 0 for one in capacities) / MANY == pytest.approx(0.5 * 0.4, abs=0.03)


@pytest.mark.parametrize("serving", [0.0, 1.0])
def test_all_or_none_may_be_able_to_serve(serving: float) -> None:
    capacities = [one.capacity for one in wishes(crowd_of(shares=Shares(serving=serving)), 200)]
    assert sum(one > 0 for one in capacities) == 200 * serving


def test_who_serves_is_on_fixed_lines_first() -> None:
    found = wishes(crowd_of())
    serving = mean(one.access_us for one in found if one.capacity)
    leaves = mean(one.access_us for one in found if not one.capacity)
    assert serving < leaves / 2


def test_nobody_comes_from_a_closed_continent() -> None:
    crowd = crowd_of()
    crowd.closed.append("Europe")
    assert "Europe" not in {crowd.continent_of[one.city] for one in wishes(crowd, 500)}
    crowd.closed.clear()
    assert "Europe" in {crowd.continent_of[one.city] for one in wishes(crowd, 500)}


def test_closing_a_continent_reshuffles_nothing_else() -> None:
    crowd, other = crowd_of(), crowd_of()
    crowd.closed.append("Europe")
    for one, theirs in zip(wishes(crowd, 300), wishes(other, 300), strict=True):
        assert (one.capacity, one.access_us, one.stays_us) == (
            theirs.capacity,
            theirs.access_us,
            theirs.stays_us,
        )
        if other.continent_of[theirs.city] != "Europe":
            assert one.city == theirs.city


def test_everybody_has_a_region_and_relays_stand_in_different_ones_first() -> None:
    crowd = crowd_of(relays=24)
    regions = len(crowd.nearest_regions)
    assert all(0 <= one.region < regions for one in wishes(crowd, 200))
    relays = crowd.relays()
    assert len(relays) == 24
    assert all(one.role is Role.RELAY and one.capacity == 64 for one in relays)
    assert len({one.region for one in relays}) == min(24, len(set(crowd.region_of)))
    assert len({one.prefix for one in relays}) == 24


def test_changes_come_in_order_and_end() -> None:
    crowd = crowd_of(waves=(Wave(20, over_us=SECOND), Wave(5, 0, 0)))
    found = [crowd.next_change() for _ in range(25)]
    assert found == sorted(found, key=lambda one: one[0] if one else 0)
    assert {one[1] for one in found if one} == {1}
    assert crowd.next_change() is None


def test_lengths_of_stay_and_ways_to_go_are_the_scenarios() -> None:
    sessions = Sessions(Law.EXPONENTIAL, median_us=10 * SECOND, crashing=0.25)
    found = wishes(crowd_of(sessions=sessions))
    stays = sorted(one.stays_us for one in found)
    assert stays[MANY // 2] == pytest.approx(10 * SECOND, rel=0.1)
    assert sum(one.is_crashing for one in found) / MANY == pytest.approx(0.25, abs=0.03)
