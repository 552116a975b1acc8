"""report.html: one page with plots, made of a report alone. It needs no script, no font and nothing from elsewhere."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, Final

from sim.plots import Plot, Series, bars, histogram, lines, shown
from sim.table import rows_of

ROWS_MAX: Final = 120
"""A table for those who do not see the plots has so many rows at most; all of them are in report.json."""

STYLE: Final = """
:root { color-scheme: light dark; --paper: #ffffff; --card: #f6f7f9; --ink: #1f2328; --soft: #5b6570; --rule: #d8dde3;
  --bad: #b42318; --c0: #1f5fa8; --c1: #c2570c; --c2: #2e7d32; --c3: #8e3a9d; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --card: #1c2025; --ink: #e6e9ec; --soft: #a2abb5;
  --rule: #343b43; --bad: #ff8a7a; --c0: #6cb0ff; --c1: #ffab66; --c2: #7fd18a; --c3: #d79be6; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1360px; padding: 24px 20px 48px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 4px; } h2 { font-size: 1.05rem; margin: 0 0 6px; }
p { margin: 4px 0 12px; max-width: 76ch; } code { font-size: .92em; overflow-wrap: anywhere; }
.soft, figcaption { color: var(--soft); } .bad { color: var(--bad); font-weight: 600; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; }
figure, section { margin: 0; padding: 14px 16px; background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  min-width: 0; }
section { margin: 16px 0; overflow-x: auto; }
figcaption { font-size: .88rem; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--soft); } svg .value, svg .legend { fill: var(--ink); }
.grid { stroke: var(--rule); stroke-width: 1; } .axis { stroke: var(--soft); stroke-width: 1; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.line.c0 { stroke: var(--c0); } .line.c1 { stroke: var(--c1); stroke-dasharray: 7 3; } .line.c2 { stroke: var(--c2);
  stroke-dasharray: 2 3; } .line.c3 { stroke: var(--c3); stroke-dasharray: 9 3 2 3; }
.bar.c0, .dot.c0 { fill: var(--c0); } .bar.c1, .dot.c1 { fill: var(--c1); } .bar.c2, .dot.c2 { fill: var(--c2); }
.bar.c3, .dot.c3 { fill: var(--c3); }
details { margin-top: 6px; font-size: .85rem; } summary { cursor: pointer; color: var(--soft); }
.scroll { max-height: 320px; overflow: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } caption { text-align: left; color: var(--soft); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); column-gap: 28px; margin: 0; }
dl div { display: flex; justify-content: space-between; gap: 12px; padding: 3px 0; border-bottom: 1px solid var(--rule); }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; text-align: right; }
th, td { padding: 3px 14px 3px 0; text-align: right; border-bottom: 1px solid var(--rule); } th[scope="row"],
  thead th:first-child { text-align: left; font-weight: 500; }
"""


def page_of(report: dict[str, Any]) -> str:
    """Make the page of a report."""
    name, seed = escape(str(report["scenario"])), escape(str(report["seed"]))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}, seed {seed}</title><style>{STYLE}</style></head><body>\n"
        + _head(report)
        + _figures(report)
        + "<main>\n"
        + "\n".join(draw(report) for draw in FIGURES)
        + "\n</main>\n</body></html>\n"
    )


def _head(report: dict[str, Any]) -> str:
    """Say which run it was, and whether all promises were kept."""
    broken = report["violations"]
    parts = [
        f"<header><h1>{escape(str(report['scenario']))}</h1>",
        f"<p>{escape(str(report.get('about', '')))}</p>",
        (
            f'<p class="soft">Seed {escape(str(report["seed"]))}, {report["fidelity"]} fidelity,'
            f" {report['peers_peak']:,} listeners at the peak, {report['simulated_s']:g} s simulated in {report['wall_s']:g} s."
        ),
        f" Again: <code>{escape(str(report.get('command', '')))}</code></p>",
    ]
    if report.get("is_cut_short"):
        parts.append('<p class="bad">This run was cut short: its figures end before the scenario does.</p>')
    if broken:
        parts.append(f'<h2 class="bad">{len(broken)} broken promise{"s" * (len(broken) > 1)}</h2><ul>')
        parts += [f'<li class="bad">{escape(str(one))}</li>' for one in broken]
        parts.append("</ul>")
    return "".join(parts) + "</header>\n"


def _figures(report: dict[str, Any]) -> str:
    """Give the run in numbers."""
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in rows_of(report)
    )
    return f"<section><h2>The run in numbers</h2><dl>{rows}</dl></section>\n"


# ---- the plots


def _crowd(report: dict[str, Any]) -> str:
    return _over_time(
        report,
        Plot(
            "Listeners and queue",
            "simulated time, s",
            "listeners",
            f"At most {report['peers_peak']:,} at once.",
        ),
        {"hearing": "listeners", "waiting for a place": "waiting", "orphans": "orphans"},
    )


def _depth(report: dict[str, Any]) -> str:
    depth = report["depth"]
    tells = f"At the end {depth['max']} at most, 99 % within {depth['p99']}; {depth['least_possible']} is the least possible."
    plot = Plot("Depth of the tree", "simulated time, s", "hops from the origin", tells)
    return _over_time(report, plot, {"deepest": "depth_max", "99 % within": "depth_p99"})


def _delay(report: dict[str, Any]) -> str:
    mesh, alone = report["delay_ms"]["p50"], report["unicast_ms"]["p50"]
    ratio = f", {mesh / alone:.2f} times what the origin alone would need ({alone:.0f} ms)" if alone else ""
    tells = f"At the end half of the listeners are within {mesh:.0f} ms{ratio}."
    return _over_time(
        report,
        Plot("Delay against unicast", "simulated time, s", "ms from the origin", tells),
        {
            "median": "delay_p50_ms",
            "99 % within": "delay_p99_ms",
            "unicast, median": "unicast_p50_ms",
            "unicast, 99 %": "unicast_p99_ms",
        },
    )


def _missing(report: dict[str, Any]) -> str:
    names, values = list(report["missing_ppm"]), list(report["missing_ppm"].values())
    tells = "Share of all audio that was due and had not come, by the buffer over a listener's own earliest transit."
    plot = Plot("Missing audio by playout delay", "playout delay, s", "parts per million", tells)
    rows = [[name, f"{value:g}"] for name, value in zip(names, values, strict=True)]
    return _figure(plot, bars(plot, names, values), ["playout delay, s", "missing, ppm"], rows)


def _missing_when(report: dict[str, Any]) -> str:
    samples = report["samples"]
    due = _steps(samples["due_s"])
    series = []
    for name, missing in samples["missing_s"].items():
        shares = [
            1e6 * lost / all_of_it if all_of_it else 0.0
            for lost, all_of_it in zip(_steps(missing), due, strict=True)
        ]
        series.append(Series(f"{name} s", shares))
    plot = Plot(
        "When audio was missing",
        "simulated time, s",
        "parts per million",
        "The same share between one sample and the next.",
    )
    return _series(plot, samples["at_s"], series)


def _repairs(report: dict[str, Any]) -> str:
    found = report["repair_ms"]
    tells = (
        f"{report['repairs']:,} orphans found a parent, half of them within {found['p50']:.0f} ms, 99 % within"
        f" {found['p99']:.0f} ms, all within {found['max']:.0f} ms; {report['repairs_without_tracker']:,} without the tracker."
    )
    plot = Plot("Repair times", "ms from a parent's death to the next one's Accept", "repairs", tells)
    step, counts = found["step"], found["counts"]
    rows = [[f"{at * step} to {(at + 1) * step}", str(one)] for at, one in enumerate(counts) if one]
    rows += [[f"over {len(counts) * step}", str(found["beyond"])]] if found["beyond"] else []
    return _figure(plot, histogram(plot, step, counts, found["beyond"]), ["ms", "repairs"], rows)


def _copies(report: dict[str, Any]) -> str:
    copies = report["origin_copies"]
    tells = (
        f"Copies that the origin sends: {copies['median']} in the middle, {copies['peak']} at the peak. Origin and relays"
        f" together carried {report['emergency_copies_peak']} beyond their places at most."
    )
    plot = Plot("The origin's copies", "simulated time, s", "copies", tells)
    return _over_time(report, plot, {"copies": "origin_copies"})


def _operations(report: dict[str, Any]) -> str:
    samples = report["samples"]
    spans = _steps(samples["at_s"])
    kinds = {
        "joins": ("joins",),
        "leaves and crashes": ("leaves", "crashes"),
        "repairs": ("repairs",),
        "moves": ("moves",),
    }
    series = []
    for name, parts in kinds.items():
        added = [sum(values) for values in zip(*(samples[part] for part in parts), strict=True)]
        rates = [one / span if span else 0.0 for one, span in zip(_steps(added), spans, strict=True)]
        series.append(Series(name, rates))
    tracker = report["tracker"]
    tells = (
        f"What the tracker had to see to. It took {tracker['us_per_join']:.1f} µs for a join and {tracker['us_per_leave']:.1f} µs"
        f" for a departure with all that follows it, and {tracker['bytes_per_peer']:.0f} bytes a peer."
    )
    return _series(
        Plot("Tracker operations", "simulated time, s", "per second", tells), samples["at_s"], series
    )


FIGURES: Final[tuple[Callable[[dict[str, Any]], str], ...]] = (
    _crowd, _depth, _delay, _missing, _missing_when, _repairs, _copies, _operations,
)  # fmt: skip


def _over_time(report: dict[str, Any], plot: Plot, names: dict[str, str]) -> str:
    """Draw some of the samples' series."""
    samples = report["samples"]
    return _series(plot, samples["at_s"], [Series(name, samples[key]) for name, key in names.items()])


def _series(plot: Plot, xs: Sequence[float], series: Sequence[Series]) -> str:
    """Draw lines, with the same numbers as a table."""
    every = max(1, -(-len(xs) // ROWS_MAX))
    rows = [[f"{xs[at]:g}", *(shown(one.values[at]) for one in series)] for at in range(0, len(xs), every)]
    return _figure(plot, lines(plot, xs, series), [plot.x_label, *(one.name for one in series)], rows)


def _figure(plot: Plot, picture: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Put a plot, what it tells, and its numbers together."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(one)}</td>" for one in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f"<figure><h2>{escape(plot.title)}</h2>{picture}<figcaption>{escape(plot.tells)}</figcaption>"
        f'<details><summary>The numbers</summary><div class="scroll"><table><caption>{escape(plot.title)}:'
        f" {escape(plot.y_label)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details></figure>"
    )


def _steps(values: Sequence[float]) -> list[float]:
    """Give how much each value is more than the one before; the first, than nothing."""
    return [value - before for value, before in zip(values, [0.0, *values], strict=False)]
