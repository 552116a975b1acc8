"""Which class runs a scenario in which fidelity. They are imported when a scenario is run, for they bring much with them."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias, cast

from sim.measures import Clock, Rehearsal
from sim.scenario import Fidelity, Scenario


class Witnessed(Rehearsal, Protocol):
    """A rehearsal that can be held against a trace at any time."""

    def digest(self) -> str:
        """Give the digest of everything that has happened so far."""
        ...


MakeRehearsal: TypeAlias = Callable[[Scenario, int | str, Clock | None], Witnessed]
"""Prepare a run of a scenario with a seed and a clock of CPU seconds."""


def _maker(module: str, name: str) -> MakeRehearsal:
    """Make rehearsals with a class that is imported at the first of them."""

    def make(scenario: Scenario, seed: int | str, clock: Clock | None) -> Witnessed:
        more: dict[str, Any] = {}
        if scenario.rtts.matrix:
            more["geography"] = import_module("sim.matrix").Matrix(Path(scenario.rtts.matrix))
        return cast("Witnessed", getattr(import_module(module), name)(scenario, seed, clock, **more))

    return make


FIDELITIES: Final[dict[Fidelity, MakeRehearsal]] = {
    Fidelity.PACKETS: _maker("sim.packets", "Packets"),
    Fidelity.FLOW: _maker("sim.flow.flow", "Flow"),
}


def rehearsal_of(scenario: Scenario, seed: int | str, clock: Clock | None = None) -> Witnessed:
    """Prepare a run of a scenario in the fidelity that it asks for."""
    return FIDELITIES[scenario.fidelity](scenario, seed, clock)
