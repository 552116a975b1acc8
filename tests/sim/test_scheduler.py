from sim.scheduler import Scheduler


def test_calls_come_in_order_of_time_and_within_an_instant_in_the_order_asked_for() -> None:
    scheduler, called = Scheduler(), list[str]()
    for when, name in ((20, "c"), (10, "a"), (20, "d"), (10, "b")):
        scheduler.at(when, called.append, name)
    scheduler.run_until(15)
    assert called == ["a", "b"]
    assert scheduler.now == 15
    scheduler.run_until(20)
    assert called == ["a", "b", "c", "d"]


def test_what_is_asked_for_the_past_comes_at_once_and_time_never_goes_back() -> None:
    scheduler, times = Scheduler(), list[int]()
    scheduler.run_until(100)
    scheduler.at(50, lambda: times.append(scheduler.now))
    scheduler.run_until(100)
    assert times == [100]


def test_a_call_may_ask_for_another_in_the_same_instant() -> None:
    scheduler, called = Scheduler(), list[str]()
    scheduler.at(5, lambda: scheduler.at(5, called.append, "second"))
    scheduler.run_until(5)
    assert called == ["second"]
    assert (scheduler.called, len(scheduler)) == (2, 0)
