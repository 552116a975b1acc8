"""What goes wrong in a flow run, at the times that its scenario names."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import SECOND, Micros
from sim.scenario import Fault, FaultKind

if TYPE_CHECKING:
    from sim.flow.flow import Flow

RETURN_US: Final[Micros] = 10 * SECOND
"""Listeners come back to a broadcast that begins again spread over this."""


class Troubles:
    """Strikes one run."""

    def __init__(self, flow: "Flow") -> None:
        self._flow = flow
        self._dice = flow.chance("troubles")
        self._kinds: dict[FaultKind, Callable[[Fault], None]] = {
            FaultKind.MASS_CRASH: self._mass_crash,
            FaultKind.REGION_GONE: self._region_gone,
            FaultKind.TRACKER_DOWN: self._tracker_down,
            FaultKind.TRACKER_SLOW: self._tracker_slow,
            FaultKind.BROADCASTER_RESTART: self._restart,
        }
        for fault in flow.scenario.faults:
            if fault.kind not in self._kinds:
                known = ", ".join(one.value for one in self._kinds)
                raise BadInputError(
                    f"flow fidelity has no {fault.kind.value}: run it with --fidelity packets, or use one of {known}"
                )

    def begin(self) -> None:
        """Have everything strike in its time."""
        for fault in self._flow.scenario.faults:
            self._flow.calendar.call(fault.at_us, self._kinds[fault.kind], fault)

    def _mass_crash(self, fault: Fault) -> None:
        """Let a share of the listeners die in one instant."""
        people = sorted(self._flow.people.all)
        self._flow.departures.kill(self._dice.sample(people, round(fault.share * len(people))))

    def _region_gone(self, fault: Fault) -> None:
        """Let all listeners of a continent, or a share, die in one instant; nobody comes from there while it lasts."""
        crowd, city, calendar = self._flow.crowd, self._flow.mesh.city, self._flow.calendar
        there = [
            one for one in sorted(self._flow.people.all) if crowd.continent_of[city[one]] == fault.continent
        ]
        crowd.closed.append(fault.continent)
        if fault.for_us:
            calendar.call(calendar.now + fault.for_us, crowd.closed.remove, fault.continent)
        self._flow.departures.kill(self._dice.sample(there, round((fault.share or 1.0) * len(there))))

    def _tracker_down(self, fault: Fault) -> None:
        """Let the tracker die, and come back with the tree that it kept, if it does."""
        desk, calendar = self._flow.desk, self._flow.calendar
        desk.is_up = False
        if fault.for_us:
            calendar.call(calendar.now + fault.for_us, desk.come_back)

    def _tracker_slow(self, fault: Fault) -> None:
        """Let everything to and from the tracker take longer."""
        self._flow.desk.slow_us = fault.delay_us
        if fault.for_us:
            self._flow.calendar.call(self._flow.now + fault.for_us, self._tracker_quick)

    def _tracker_quick(self) -> None:
        self._flow.desk.slow_us = 0

    def _restart(self, fault: Fault) -> None:
        """Let the broadcast end and begin again: everybody goes, and comes back to stand in line."""
        flow = self._flow
        desk = flow.desk
        desk.is_open = False
        people = sorted(flow.people.all)
        returns_at = flow.now + fault.for_us
        for node in people:
            flow.departures.remove(node, is_crash=False)
        for _ in people:
            flow.calendar.call(returns_at + self._dice.randrange(RETURN_US), flow.come)
        flow.calendar.call(returns_at, self._reopen)

    def _reopen(self) -> None:
        self._flow.desk.is_open = True
        self._flow.desk.tidy()
