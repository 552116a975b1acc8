"""A scenario back as it is written: as values for reports and traces, and as TOML.

Nothing is left to a default and no file is named but a matrix, so that what is written runs again by itself, and in the
same way when defaults have changed.
"""

import json
from typing import Any

from sim import scenario_keys as keys
from sim.scenario import Fault, Law, Scenario
from sim.scenario_keys import Key


def document_of(scenario: Scenario) -> dict[str, Any]:
    """Give a scenario as the values of a file."""
    found = _given(scenario, keys.SCENARIO)
    crowd = scenario.crowd
    found["crowd"] = _given(crowd, keys.CROWD) | {
        "capacities": list(crowd.capacities),
        "shares": list(crowd.shares),
        "nats": {kind.value: share for kind, share in crowd.nats},
    }
    if scenario.waves:
        found["waves"] = [_given(wave, keys.WAVE) for wave in scenario.waves]
    if scenario.curve is not None:
        found["curve"] = {"points": [[keys.POINT_S.given(at), count] for at, count in scenario.curve.points]}
    found["sessions"] = _given(scenario.sessions, keys.SESSIONS)
    if scenario.sessions.law is Law.TRACE:
        found["sessions"]["lengths_s"] = [keys.LENGTH_S.given(one) for one in scenario.sessions.trace_us]
    found["rtts"] = _given(scenario.rtts, keys.RTTS)
    if scenario.faults:
        found["faults"] = [_fault(fault) for fault in scenario.faults]
    return found


def toml_of(scenario: Scenario) -> str:
    """Write a scenario as TOML."""
    tables: dict[str, Any] = document_of(scenario)
    lines = [f"{name} = {_toml(value)}" for name, value in tables.items() if name not in keys.TABLES]
    for name in keys.TABLES:
        value = tables.get(name)
        for one in value if isinstance(value, list) else [value] if value else []:
            lines += ["", f"[[{name}]]" if isinstance(value, list) else f"[{name}]"]
            lines += [f"{key} = {_toml(inner)}" for key, inner in one.items()]
    return "\n".join(lines) + "\n"


def _fault(fault: Fault) -> dict[str, Any]:
    """Give a fault with the keys that its kind has; what may be left out is, where it says nothing."""
    wants = keys.FAULTS[fault.kind]
    found = _given(fault, keys.FAULT)
    optional = {name for name in (*wants.allowed, *wants.one_of) if found[name]}
    return {name: value for name, value in found.items() if name in {"kind", *wants.needed, *optional}}


def _given(value: object, table: tuple[Key, ...]) -> dict[str, Any]:
    """Give the keys of a table with their values."""
    return {key.name: key.given(getattr(value, key.field)) for key in table}


def _toml(value: Any) -> str:
    """Write one value as TOML; its strings are JSON's, but for one character."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
