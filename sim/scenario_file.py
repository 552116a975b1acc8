"""Scenarios from files: those that ship with the simulator, and anybody's own.

A scenario is TOML (docs/SIMULATION says what each key means). Reading is strict, for a misspelt key that is passed over
makes a wrong experiment: whatever is unknown, of the wrong type or impossible is refused, with its file and line and with
what was expected. Settings of the command line are laid over the file and checked in the same way.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.units import Micros
from sim import scenario_keys as keys
from sim.cities import CITIES
from sim.scenario import (
    Crowd,
    Curve,
    Fault,
    FaultKind,
    Fidelity,
    Law,
    Nat,
    Rtts,
    Scenario,
    Sessions,
    Wave,
)
from sim.scenario_document import Document, Table, shown
from sim.text_files import numbers_of, read_text

SHIPPED: Final = Path(__file__).parent / "scenarios"
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
WHOLE_SHARES: Final = 1e-6
"""How far the sum of shares may be off 1: what decimals lose."""


def shipped() -> list[str]:
    """Name the scenarios that ship, in the order of the alphabet."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def find(place: str) -> Path:
    """Give the file of a scenario: of one that ships by its name, or a path."""
    if place in shipped():
        return SHIPPED / f"{place}.toml"
    path = Path(place)
    if path.is_file():
        return path
    raise BadInputError(
        f"there is no scenario {place}; give a path to a TOML file, or one of {', '.join(shipped())}"
    )


def read_scenario(place: str, settings: Iterable[str] = (), peers: int | None = None) -> Scenario:
    """Read a scenario by its name or path, with settings (`key=value`) laid over it, and scale it to `peers`.

    Raise `BadInputError` for whatever is wrong with it, in one line.
    """
    path = find(place)
    source = path.name if path.parent == SHIPPED else str(path)
    document = Document.parse(read_text(path), source)
    document.values.setdefault("name", path.stem)
    for setting in settings:
        document.lay_over(setting)
    scenario = scenario_of(document, path.parent)
    return scenario if peers is None else scaled(scenario, peers)


def scenario_of(document: Document, folder: Path) -> Scenario:
    """Make a scenario of a document; files that it names lie beside it, in `folder`."""
    top = Table(document, (), document.values)
    top.only(*(key.name for key in keys.SCENARIO), *keys.TABLES)
    fields = top.fields(keys.SCENARIO)
    if not NAME.fullmatch(fields.get("name", "")):
        raise top.wrong("name", "letters, digits, dots and hyphens, 64 at most: a folder is called so")
    scenario = Scenario(
        **fields,
        crowd=_crowd(top.table("crowd")),
        waves=tuple(_wave(one) for one in top.tables("waves")),
        curve=_curve(top.table("curve"), folder) if "curve" in top else None,
        sessions=_sessions(top.table("sessions"), folder),
        rtts=_rtts(top.table("rtts"), folder),
        faults=tuple(_fault(one) for one in top.tables("faults")),
    )
    check_size(scenario, document.where)
    return scenario


def peers_of(scenario: Scenario) -> int:
    """Count the listeners that a scenario has at most at once, as far as nobody leaves."""
    curve = max((count for _, count in scenario.curve.points), default=0) if scenario.curve else 0
    return curve + sum(wave.peers for wave in scenario.waves)


def scaled(scenario: Scenario, peers: int) -> Scenario:
    """Scale waves and curve in proportion, so that `peers` listeners come."""
    now = peers_of(scenario)
    curve = scenario.curve and Curve(tuple((at, round(n * peers / now)) for at, n in scenario.curve.points))
    left = peers - max((count for _, count in curve.points), default=0) if curve else peers
    weight = sum(wave.peers for wave in scenario.waves)
    waves: list[Wave] = []
    for wave in scenario.waves:
        # Each takes its part of what is left, so that nobody is lost by rounding.
        part = round(left * wave.peers / weight) if weight else 0
        waves.append(replace(wave, peers=part))
        left, weight = left - part, weight - wave.peers
    found = replace(scenario, waves=tuple(waves), curve=curve)
    check_size(found, lambda _: f"--peers {peers}")
    return found


def check_size(scenario: Scenario, where: Callable[[tuple[str | int, ...]], str]) -> None:
    """Refuse a scenario to which nobody comes, or more than its fidelity can carry."""
    peers = peers_of(scenario)
    place = where(_heaviest(scenario))
    if not peers:
        raise BadInputError(
            f"{place}: nobody comes; expected [[waves]] or a [curve] with one listener or more"
        )
    if scenario.fidelity is Fidelity.PACKETS and peers > keys.PACKETS_PEERS_MAX:
        raise BadInputError(
            f"{place}: {peers:,} peers in packets fidelity; expected {keys.PACKETS_PEERS_MAX:,} at most, for every message "
            'of each is an event: choose fidelity = "flow" (--fidelity flow), or fewer (--peers)'
        )
    if peers > keys.PEERS_MAX:
        raise BadInputError(
            f"{place}: {peers:,} peers; expected {keys.PEERS_MAX:,} at most: more do not fit into memory"
        )


def _heaviest(scenario: Scenario) -> tuple[str | int, ...]:
    """Name the key that brings the most listeners."""
    sizes: dict[tuple[str | int, ...], int] = {("waves",): 0}
    sizes |= {("waves", number, "peers"): wave.peers for number, wave in enumerate(scenario.waves)}
    if scenario.curve is not None:
        sizes["curve", "points"] = max(count for _, count in scenario.curve.points)
    return max(sizes, key=lambda path: sizes[path])


# ---- the tables


def _crowd(table: Table) -> Crowd:
    """Read who comes."""
    table.only("serving", "mobile", "capacities", "shares", "nats")
    fields = table.fields(keys.CROWD)
    if "capacities" in table:
        fields["capacities"] = table.several("capacities", keys.CAPACITY)
    if "shares" in table:
        fields["shares"] = table.several("shares", keys.PART)
    if "nats" in table:
        fields["nats"] = _nats(table.table("nats"))
    crowd = Crowd(**fields)
    if len(crowd.capacities) != len(crowd.shares):
        raise table.wrong(
            "shares" if "shares" in table else "capacities",
            f"a share for each capacity: {len(crowd.capacities)} of these, {len(crowd.shares)} shares",
        )
    if abs(sum(crowd.shares) - 1) > WHOLE_SHARES:
        raise table.wrong("shares", f"shares that sum up to 1 (these: {sum(crowd.shares):g})")
    return crowd


def _nats(table: Table) -> tuple[tuple[Nat, float], ...]:
    """Read how listeners can be reached: a share for each kind of NAT."""
    names = [one.value for one in Nat]
    table.only(*names)
    found = table.fields(tuple(keys.share(name) for name in names))
    if abs(sum(found.values()) - 1) > WHOLE_SHARES:
        raise BadInputError(
            f"{table.where()}: the shares of [crowd.nats] sum up to {sum(found.values()):g}; expected 1"
        )
    return tuple((Nat(name), one) for name, one in found.items())


def _wave(table: Table) -> Wave:
    """Read one wave."""
    table.only(*(key.name for key in keys.WAVE))
    _need(table, "peers", keys.WAVE[0].expected)
    return Wave(**table.fields(keys.WAVE))


def _curve(table: Table, folder: Path) -> Curve:
    """Read counts over time, from the table itself or from a CSV beside the file."""
    table.only("points", "file")
    if ("points" in table) == ("file" in table):
        raise BadInputError(
            f'{table.where()}: [curve] has both or neither; expected points = [[0, 100], …] or file = "curve.csv"'
        )
    if "file" in table:
        return Curve(_points_of_file(_beside(table, "file", folder)))
    given = table.values["points"]
    if not isinstance(given, list) or not given:
        raise table.wrong("points", "a list of [time_s, listeners]")
    points: list[tuple[Micros, int]] = []
    for number, one in enumerate(given):
        point = _point(*one) if isinstance(one, list) and len(one) == 2 else None
        if point is None or (points and point[0] <= points[-1][0]):
            raise BadInputError(
                f"{table.where('points', number)}: curve.points.{number} is {shown(one)}; expected {POINT}"
            )
        points.append(point)
    return Curve(tuple(points))


POINT: Final = (
    f"[time_s, listeners]: times that grow, {keys.POINT_S.expected}, and listeners, {keys.LISTENERS.expected}"
)


def _point(time_s: Any, listeners: Any) -> tuple[Micros, int] | None:
    """Check one point of a curve."""
    at, count = keys.POINT_S.value(time_s), keys.LISTENERS.value(listeners)
    return None if at is None or count is None else (at, count)


def _points_of_file(path: Path) -> tuple[tuple[Micros, int], ...]:
    """Read a curve from a CSV of `time_s,listeners`, with or without a first line that says so."""
    points: list[tuple[Micros, int]] = []
    for line, row in numbers_of(path, "time_s,listeners", 2):
        count = int(row[1]) if row[1].is_integer() else row[1]
        point = _point(row[0], count)
        if point is None or (points and point[0] <= points[-1][0]):
            raise BadInputError(f"{path}, line {line}: {row[0]:g},{row[1]:g}; expected {POINT}")
        points.append(point)
    return tuple(points)


def _sessions(table: Table, folder: Path) -> Sessions:
    """Read how long listeners stay."""
    table.only(*(key.name for key in keys.SESSIONS), "trace", "lengths_s")
    fields = table.fields(keys.SESSIONS)
    if "lengths_s" in table:
        fields["trace_us"] = table.several("lengths_s", keys.LENGTH_S)
    elif "trace" in table:
        fields["trace_us"] = _lengths_of_file(_beside(table, "trace", folder))
    sessions = Sessions(**fields)
    if sessions.law is Law.TRACE and not sessions.trace_us:
        raise table.wrong(
            "trace", 'a file with one length in seconds a line, for law = "trace" (or lengths_s = […])'
        )
    if sessions.law is not Law.TRACE and sessions.trace_us:
        raise table.wrong("law", 'law = "trace", where lengths are given')
    return sessions


def _lengths_of_file(path: Path) -> tuple[Micros, ...]:
    """Read lengths of sessions: one a line, in seconds."""
    lengths = []
    for line, (given,) in numbers_of(path, "one length in seconds", 1):
        length_us = keys.LENGTH_S.value(given)
        if length_us is None:
            raise BadInputError(f"{path}, line {line}: {given:g}; expected {keys.LENGTH_S.expected}")
        lengths.append(length_us)
    return tuple(lengths)


def _rtts(table: Table, folder: Path) -> Rtts:
    """Read how far listeners are from each other."""
    table.only(*(key.name for key in keys.RTTS))
    rtts = Rtts(**table.fields(keys.RTTS))
    if rtts.matrix:
        return replace(rtts, matrix=str(_beside(table, "matrix", folder)))
    if rtts.home not in {city.name for city in CITIES}:
        raise table.wrong("home", f"a city of the model, such as {', '.join(one.name for one in CITIES[:6])}")
    return rtts


def _fault(table: Table) -> Fault:
    """Read one thing that goes wrong: each kind has keys of its own."""
    _need(table, "kind", keys.FAULT[0].expected)
    kind: FaultKind = table.fields(keys.FAULT[:1])["kind"]
    wants = keys.FAULTS[kind]
    table.only("kind", *wants.needed, *wants.allowed, *wants.one_of, of=f"{kind.value}")
    by_name = {key.name: key for key in keys.FAULT}
    for name in wants.needed:
        _need(table, name, by_name[name].expected)
    if wants.one_of and not any(name in table for name in wants.one_of):
        raise BadInputError(f"{table.where()}: {kind.value} needs one of {' and '.join(wants.one_of)}")
    fault = Fault(**{"at_us": 0, **table.fields(keys.FAULT)})
    if fault.continent and fault.continent not in keys.CONTINENTS:
        raise table.wrong("continent", "one of " + ", ".join(f'"{one}"' for one in keys.CONTINENTS))
    return fault


def _need(table: Table, name: str, expected: str) -> None:
    """Refuse a table without a key that it needs."""
    if name not in table:
        raise table.wrong(name, expected)


def _beside(table: Table, name: str, folder: Path) -> Path:
    """Give the path of a file that a table names; it lies beside the scenario."""
    given = table.values[name]
    if not isinstance(given, str) or not (folder / given).is_file():
        raise table.wrong(name, f"a file that exists, by its path from {folder}")
    return folder / given
