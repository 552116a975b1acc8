from random import Random
from statistics import median, quantiles

from meshcast.protocol.limits import LANDMARKS_MAX
from meshcast.protocol.units import MILLISECOND
from sim.cities import CITIES
from sim.geography import (
    DETOUR_MEDIAN,
    LANDMARKS,
    Geography,
    access_us,
    city_number,
    delay_us,
    detour,
    distance_km,
)
from sim.population import Population


def test_distances_are_those_of_the_globe() -> None:
    new_york, london, sydney = (CITIES[city_number(name)] for name in ("New York", "London", "Sydney"))
    assert abs(distance_km(new_york, london) - 5_570) < 60
    assert abs(distance_km(london, sydney) - 16_990) < 150
    assert distance_km(london, london) == 0


def test_a_pair_of_cities_has_one_delay_whichever_way_and_whenever_it_is_asked_for() -> None:
    one, other = CITIES[3], CITIES[77]
    assert delay_us(one, other) == delay_us(other, one)
    assert Geography().delay_us(3, 77) == Geography().delay_us(77, 3) == delay_us(one, other)


def test_detours_are_around_their_median() -> None:
    drawn = [detour(a, b) for a in CITIES[:40] for b in CITIES[40:80]]
    assert abs(median(drawn) - DETOUR_MEDIAN) < 0.1


def test_round_trips_between_listeners_agree_with_measured_ones_within_a_fifth() -> None:
    # Between 242 measured cities (2018), with the same shares of continents, the median is 123 ms if all cities of a
    # continent count alike and 133 ms by people; the 99th percentile is 369 and 391 ms.
    geography, chance = Geography(), Random("pairs")
    pairs = [(geography.draw(chance), geography.draw(chance)) for _ in range(20_000)]
    rtts_ms = [2 * geography.delay_us(*pair) / MILLISECOND for pair in pairs]
    assert 0.8 * 128 < median(rtts_ms) < 1.2 * 128
    assert 0.8 * 380 < quantiles(rtts_ms, n=100)[-1] < 1.2 * 380


def test_last_miles_have_the_medians_they_are_said_to_have() -> None:
    chance = Random("access")
    fixed = median(access_us(chance, is_mobile=False) for _ in range(4_000))
    mobile = median(access_us(chance, is_mobile=True) for _ in range(4_000))
    assert abs(fixed - 5 * MILLISECOND) < MILLISECOND // 2
    assert abs(mobile - 20 * MILLISECOND) < 2 * MILLISECOND


def test_the_nearest_landmark_is_a_peers_region_and_each_region_is_nearest_to_itself() -> None:
    geography = Geography()
    assert len(LANDMARKS) <= LANDMARKS_MAX
    for region, name in enumerate(LANDMARKS):
        rtts_us = geography.landmark_rtts_us(city_number(name), 5 * MILLISECOND)
        assert rtts_us.index(min(rtts_us)) == region
    for region, nearest in enumerate(geography.nearest_regions()):
        assert nearest[0] == region
        assert sorted(nearest) == list(range(len(LANDMARKS)))


def test_half_of_the_peers_serve_nobody_and_the_others_carry_four_and_a_bit() -> None:
    chance, crowd = Random("crowd"), Population()
    drawn = [crowd.capacity(chance) for _ in range(20_000)]
    serving = [capacity for capacity in drawn if capacity]
    assert abs(len(serving) / len(drawn) - 0.5) < 0.02
    assert abs(sum(serving) / len(serving) - 4.2) < 0.1
    assert set(drawn) == {0, 2, 4, 8}


def test_those_who_serve_are_on_fixed_lines_as_far_as_there_are_any() -> None:
    chance = Random("lines")
    assert not any(Population().is_mobile(4, chance) for _ in range(100))
    crowd = Population(serving=0.8, mobile=0.5)
    assert 300 < sum(crowd.is_mobile(4, chance) for _ in range(1_000)) < 450
    assert all(crowd.is_mobile(0, chance) for _ in range(100))


def test_many_cities_are_drawn_as_one_after_another_would_be() -> None:
    world, one, other = Geography(), Random(3), Random(3)
    assert world.draw_many(one, 100) == [world.draw(other) for _ in range(100)]
