from sim.watching import Pace


def test_the_pace_is_that_of_the_last_second_and_in_the_first_one_that_since_the_beginning() -> None:
    clock = [5.0]
    pace = Pace(lambda: clock[0])
    pace.note(0)
    assert pace.per_second == 0.0, "no time has passed"
    seen = []
    for now, events in ((5.5, 100), (6.0, 400), (6.5, 700), (7.0, 900), (9.0, 900)):
        clock[0] = now
        pace.note(events)
        seen.append(pace.per_second)
    assert seen == [200.0, 400.0, 400.0, 500.0, 0.0]
