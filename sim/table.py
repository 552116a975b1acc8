"""What a run found, as a table for a terminal: of one run, of two beside each other, and of a sweep."""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from rich.table import Table

Figure: TypeAlias = tuple[str, tuple[str, ...]]
"""A name for people, and the way to a number in a report."""

FIGURES: Final[tuple[Figure, ...]] = (
    ("peers at the peak", ("peers_peak",)),
    ("simulated, s", ("simulated_s",)),
    ("wall time, s", ("wall_s",)),
    ("peak memory, bytes", ("peak_rss_bytes",)),
    ("events", ("events",)),
    ("joins", ("joins",)),
    ("polite leaves", ("leaves",)),
    ("crashes", ("crashes",)),
    ("repairs", ("repairs",)),
    ("repairs without the tracker", ("repairs_without_tracker",)),
    ("moves", ("moves",)),
    ("missing at 0.5 s, ppm", ("missing_ppm", "0.5")),
    ("missing at 1 s, ppm", ("missing_ppm", "1")),
    ("missing at 2 s, ppm", ("missing_ppm", "2")),
    ("missing at 4 s, ppm", ("missing_ppm", "4")),
    ("listeners with a gap at 0.5 s", ("gap_share", "0.5")),
    ("listeners with a gap at 1 s", ("gap_share", "1")),
    ("listeners with a gap at 2 s", ("gap_share", "2")),
    ("listeners with a gap at 4 s", ("gap_share", "4")),
    ("delay, median, ms", ("delay_ms", "p50")),
    ("delay, p99, ms", ("delay_ms", "p99")),
    ("unicast, median, ms", ("unicast_ms", "p50")),
    ("unicast, p99, ms", ("unicast_ms", "p99")),
    ("wait, median, s", ("wait_s", "p50")),
    ("wait, p99, s", ("wait_s", "p99")),
    ("wait, longest, s", ("wait_s", "max")),
    ("depth, greatest", ("depth", "max")),
    ("depth, p99", ("depth", "p99")),
    ("depth, least possible", ("depth", "least_possible")),
    ("repair, median, ms", ("repair_ms", "p50")),
    ("repair, p99, ms", ("repair_ms", "p99")),
    ("origin's copies, median", ("origin_copies", "median")),
    ("origin's copies, peak", ("origin_copies", "peak")),
    ("emergency copies, peak", ("emergency_copies_peak",)),
    ("tracker, us a join", ("tracker", "us_per_join")),
    ("tracker, us a leave, all told", ("tracker", "us_per_leave")),
    ("tracker, bytes a peer", ("tracker", "bytes_per_peer")),
)
SWEPT: Final[tuple[Figure, ...]] = (
    ("peers", ("peers_peak",)),
    ("0.5 s, ppm", ("missing_ppm", "0.5")),
    ("1 s, ppm", ("missing_ppm", "1")),
    ("2 s, ppm", ("missing_ppm", "2")),
    ("delay, ms", ("delay_ms", "p50")),
    ("p99", ("delay_ms", "p99")),
    ("depth", ("depth", "max")),
    ("wait p99, s", ("wait_s", "p99")),
    ("repair p99, ms", ("repair_ms", "p99")),
    ("copies, peak", ("origin_copies", "peak")),
    ("wall, s", ("wall_s",)),
)


def number_at(report: dict[str, Any], path: tuple[str, ...]) -> float | None:
    """Find a number in a report; None if this one has it not."""
    value: Any = report
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def shown(value: float | None) -> str:
    """Show a number: whole and large ones whole, others with four figures."""
    if value is None:
        return "-"
    is_whole = float(value).is_integer() or abs(value) >= 1e4
    return f"{value:,.0f}" if is_whole else f"{value:,.4g}"


def rows_of(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Give what a run found, a name and a number each."""
    rows = [(name, shown(number_at(report, path))) for name, path in FIGURES]
    return [*rows, ("broken promises", str(len(report["violations"]))), ("digest", str(report["digest"]))]


def table_of(report: dict[str, Any]) -> Table:
    """Show one run."""
    title = f"{report['scenario']}, seed {report['seed']}, {report['fidelity']} fidelity"
    table = Table(title=title + (", cut short" if report.get("is_cut_short") else ""), title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right", overflow="fold")
    for name, value in rows_of(report):
        table.add_row(name, value)
    return table


def comparison_of(one: dict[str, Any], other: dict[str, Any], names: tuple[str, str]) -> Table:
    """Show two runs beside each other, and the second as a multiple of the first."""
    table = Table(title=f"A = {names[0]}\nB = {names[1]}", title_justify="left")
    for head in ("figure", "A", "B", "B / A"):
        table.add_column(head, justify="left" if head == "figure" else "right")
    for name, path in FIGURES:
        a, b = number_at(one, path), number_at(other, path)
        table.add_row(name, shown(a), shown(b), _ratio(a, b))
    counts = [len(report["violations"]) for report in (one, other)]
    table.add_row("broken promises", *map(str, counts), _ratio(*counts))
    return table


def sweep_of(key: str, rows: Sequence[tuple[str, Sequence[dict[str, Any]]]]) -> Table:
    """Show a sweep: a row for each value, with the means over its seeds, and broken promises summed up."""
    table = Table(title=f"over {key}", title_justify="left")
    for head in (key, *(name for name, _ in SWEPT), "broken"):
        table.add_column(head, justify="right")
    for value, reports in rows:
        cells = []
        for _, path in SWEPT:
            found = [number for report in reports if (number := number_at(report, path)) is not None]
            cells.append(shown(round(sum(found) / len(found), 6) if found else None))
        table.add_row(value, *cells, str(sum(len(report["violations"]) for report in reports)))
    return table


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Say in what two reports were not asked for the same thing: seeds, and each key of the scenario."""
    said = [
        f"{name}: A has {one[name]}, B has {other[name]}"
        for name in ("scenario", "seed", "fidelity")
        if one[name] != other[name]
    ]
    flat = [_flat(report.get("settings", {})) for report in (one, other)]
    for key in [*flat[0], *(key for key in flat[1] if key not in flat[0])]:
        a, b = flat[0].get(key, "nothing"), flat[1].get(key, "nothing")
        if a != b and key not in {"name", "about", "fidelity"}:
            said.append(f"{key}: A has {_brief(a)}, B has {_brief(b)}")
    for letter, report in (("A", one), ("B", other)):
        if report.get("is_cut_short"):
            said.append(f"{letter} was cut short at {report['simulated_s']:g} s")
    return said


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Give the values of nested tables by their dotted keys; a list of numbers is one value."""
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        parts = list(enumerate(value))
    else:
        return {path: value}
    found: dict[str, Any] = {}
    for name, one in parts:
        found |= _flat(one, f"{path}.{name}" if path else str(name))
    return found


def _brief(value: Any) -> str:
    """Show a value, not at length."""
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _ratio(a: float | None, b: float | None) -> str:
    """Show how many times the first the second is."""
    if a is None or b is None:
        return "-"
    if a == b:
        return "1"
    return f"{b / a:.3g}" if a else "-"
