"""What goes wrong in a scenario, and when: each fault begins at its time, and ends by itself where it says how long it lasts.

Faults that listeners are born with (attackers, liars, skewed clocks) are the audience's affair (`sim.audience`).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from meshcast.protocol.events import Woken
from meshcast.protocol.units import SECOND, Micros
from sim.audience import BORN, Audience
from sim.clocks import Clock
from sim.gauges import Gauges
from sim.listener import Listener
from sim.process import NEVER, Process
from sim.scenario import Fault, FaultKind, Scenario
from sim.world import World

LOSS_MAX: Final = 0.95
"""A network that loses more is none: what is reliable would be sent again for ever."""


class Mishaps:
    """Strikes a world with a scenario's faults."""

    def __init__(
        self, world: World, audience: Audience, gauges: Gauges, scenario: Scenario, opens_at: Micros
    ) -> None:
        self._world = world
        self._gauges = gauges
        self._audience = audience
        self._scenario = scenario
        self._chance = world.chance("mishaps")
        self._calm = world.settings.conditions
        self._lag_us: Micros = 0
        begins = {
            FaultKind.MASS_CRASH: self._crash,
            FaultKind.REGION_GONE: self._lose_region,
            FaultKind.PARTITION: self._tear,
            FaultKind.WEATHER: self._worsen,
            FaultKind.TRACKER_DOWN: self._kill_tracker,
            FaultKind.TRACKER_SLOW: self._slow_tracker,
            FaultKind.SLOW_CHILDREN: self._narrow,
            FaultKind.SLEEP: self._put_to_sleep,
            FaultKind.BROADCASTER_RESTART: self._kill_source,
        }
        assert begins.keys() | set(BORN) == set(FaultKind), "every kind of fault strikes somewhere"
        for fault in scenario.faults:
            if fault.kind in begins:
                world.scheduler.at(opens_at + fault.at_us, begins[fault.kind], fault)

    # ---- listeners go

    def _crash(self, fault: Fault) -> None:
        """Let a share of the listeners die in one instant; nobody comes in their place."""
        for listener in self._audience.draw(fault.share, self._chance):
            self._audience.go(listener, is_crash=True)

    def _lose_region(self, fault: Fault) -> None:
        """Let the listeners of a continent die in one instant; nobody comes from there while it lasts."""
        for listener in self._audience.draw(fault.share, self._chance, continent=fault.continent):
            self._audience.go(listener, is_crash=True)
        if fault.continent:
            self._audience.closed.append(fault.continent)
            self._afterwards(fault, partial(self._audience.closed.remove, fault.continent))

    # ---- the network

    def _tear(self, fault: Fault) -> None:
        """Cut a continent off, or a share of the listeners; whatever else is there is cut off with it."""
        world, continent = self._world, fault.continent
        side = 1 + self._scenario.faults.index(fault)
        if continent:
            there: list[Process] = [*world.living, world.source, world.tracker]
            torn = [one for one in there if world.geography.continent(one.city) == continent]
            self._audience.cut[continent] = side
        else:
            torn = [one.process for one in self._audience.draw(fault.share, self._chance)]
        self._put(torn, side)
        self._afterwards(fault, partial(self._mend, continent, side))

    def _mend(self, continent: str, side: int) -> None:
        """Let those on a side reach everybody again."""
        world = self._world
        self._audience.cut.pop(continent, None)
        self._put([one for one in (*world.living, world.source, world.tracker) if one.side == side], 0)

    def _put(self, processes: list[Process], side: int) -> None:
        """Put processes on a side."""
        for process in processes:
            process.side = side
        self._world.network.look_again(processes)

    def _worsen(self, fault: Fault) -> None:
        """Let all links lose and delay."""
        calm, weather = self._calm, self._world.network.weather
        loss = min(LOSS_MAX, calm.loss + fault.loss)
        weather.change(replace(calm, loss=loss, jitter_us=calm.jitter_us + fault.jitter_us))
        self._afterwards(fault, partial(weather.change, calm))

    # ---- the tracker and the source

    def _kill_tracker(self, fault: Fault) -> None:
        """Let the tracker die, and come back with what it had kept."""
        self._world.faults.kill(self._world.tracker)
        self._afterwards(fault, self._restart_tracker)

    def _restart_tracker(self) -> None:
        """Start the tracker again, in the same place."""
        process = self._world.restart_tracker()
        self._settle(process)
        process.lag_us = self._lag_us

    def _slow_tracker(self, fault: Fault) -> None:
        """Let everything to and from the tracker take longer."""
        self._lag(fault.delay_us)
        self._afterwards(fault, partial(self._lag, 0))

    def _lag(self, lag_us: Micros) -> None:
        """Set the tracker's delay, and that of the one that comes back after it."""
        self._lag_us = lag_us
        self._world.faults.slow(self._world.tracker, lag_us)

    def _kill_source(self, fault: Fault) -> None:
        """Let the broadcaster die, and come back with a later run."""
        self._world.faults.kill(self._world.source)
        self._world.scheduler.at(self._world.now + fault.for_us, self._restart_source)

    def _restart_source(self) -> None:
        """Start the broadcaster again, in the same place."""
        process = self._world.restart_source()
        self._gauges.watch(process)
        self._settle(process)

    def _settle(self, process: Process) -> None:
        """Put a process that came back on the side of its continent."""
        process.side = self._audience.cut.get(self._world.geography.continent(process.city), 0)

    # ---- listeners suffer

    def _narrow(self, fault: Fault) -> None:
        """Let a share of the listeners have lines too narrow for the sound, by a factor."""
        struck = self._audience.draw(fault.share, self._chance)
        rate = SECOND / self._scenario.chunk_us / fault.factor
        for one in struck:
            self._world.faults.narrow(one.process, max(1, one.process.capacity) * rate, rate)
        self._afterwards(fault, partial(self._widen, struck))

    def _widen(self, struck: list[Listener]) -> None:
        """Let lines be as they were."""
        for one in struck:
            self._world.faults.narrow(one.process, None, None)

    def _put_to_sleep(self, fault: Fault) -> None:
        """Freeze a share of the listeners; the clocks of half of them stand still meanwhile, as in a suspended machine."""
        struck = self._audience.draw(fault.share, self._chance)
        now = self._world.now
        for one in struck:
            one.hearing.end_stretch(now, again_at=now + fault.for_us if fault.for_us else NEVER)
            self._world.faults.freeze(one.process)
        self._afterwards(fault, partial(self._wake, struck, fault.for_us))

    def _wake(self, struck: list[Listener], slept_us: Micros) -> None:
        """Let sleepers go on, with all that has waited for them."""
        for number, one in enumerate(struck):
            process = one.process
            if process.is_alive:
                if number % 2:
                    process.clock = process.clock or Clock()
                    process.clock.stand_still(slept_us)
                    process.inbox.insert(0, Woken(slept_us))
                self._world.faults.thaw(process)

    def _afterwards(self, fault: Fault, end: Callable[[], object]) -> None:
        """Have a fault end by itself, if it says how long it lasts."""
        if fault.for_us:
            self._world.scheduler.at(self._world.now + fault.for_us, end)
