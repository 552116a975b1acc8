"""A computer that has slept is told so before anything that lay there meanwhile is looked at."""

import time

from trio.testing import MockClock

from meshcast.driver import Driver
from meshcast.protocol.events import Event, Tick, Woken
from meshcast.protocol.limits import SLEPT_US_MIN
from meshcast.protocol.units import SECOND, Micros
from meshcast.suspension import asleep_us


class Remembering:
    """A machine that remembers what happened to it."""

    def __init__(self) -> None:
        self.happened: list[Event] = []

    def handle(self, event: Event, now: Micros) -> list[object]:
        self.happened.append(event)
        return []

    def deadline(self) -> Micros | None:
        return None


class Lid:
    """How long a computer has been suspended so far."""

    us: Micros = 40 * SECOND

    def __call__(self) -> Micros:
        return self.us


async def test_a_sleep_is_told_once_and_before_what_has_waited(autojump_clock: MockClock) -> None:
    machine, lid = Remembering(), Lid()
    driver = Driver(machine, lambda _: None, asleep_us=lid)
    driver.connect(None)  # type: ignore[arg-type]
    driver.feed(Tick())
    lid.us += 90 * SECOND
    driver.feed(Tick())
    driver.feed(Tick())
    assert machine.happened == [Tick(), Woken(90 * SECOND), Tick(), Tick()]


async def test_naps_add_up_and_what_is_no_sleep_is_none(autojump_clock: MockClock) -> None:
    """Two clocks are read one after the other: a process held up in between must not dream."""
    machine, lid = Remembering(), Lid()
    driver = Driver(machine, lambda _: None, asleep_us=lid)
    driver.connect(None)  # type: ignore[arg-type]
    for us in (SLEPT_US_MIN // 2, -SLEPT_US_MIN, SLEPT_US_MIN, 0):
        lid.us += us
        driver.feed(Tick())
    assert machine.happened == [Tick()] * 4
    lid.us += SLEPT_US_MIN // 2
    driver.feed(Tick())
    assert machine.happened[4:] == [Woken(SLEPT_US_MIN), Tick()]


def test_what_the_system_tells_grows_only_while_it_sleeps() -> None:
    before = asleep_us()
    assert 0 <= before <= time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000
    assert asleep_us() - before < SLEPT_US_MIN
