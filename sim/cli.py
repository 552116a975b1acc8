"""The command line of the simulator: `meshcast-sim list`, `run`, `replay`, `sweep`, `compare`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from meshcast.protocol.errors import MeshcastError
from sim import commands
from sim.scenario import Fidelity
from sim.scenario_keys import PEERS_MAX

seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=1,
    show_default=True,
    help="All chance follows from it.",
)
peers_option = click.option(
    "--peers", type=click.IntRange(1, PEERS_MAX), help="So many listeners: waves and curve in proportion."
)
fidelity_option = click.option(
    "--fidelity",
    type=click.Choice([one.value for one in Fidelity]),
    help="packets: every message, to ten thousand peers. flow: sound as intervals, to millions.",
)
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set a key of the scenario, such as sessions.median_s=60 or faults.0.share=0.5; may be given again.",
)
out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the reports go; by default a folder in sim-output.",
)
json_option = click.option("--json", "is_json", is_flag=True, help="Write JSON to standard output.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="meshcast")
def main() -> None:
    """Rehearse a broadcast with any crowd, in virtual time, with the very machines that will run it."""


@main.command("list")
@json_option
def list_scenarios(is_json: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Name the scenarios that ship."""
    with one_line():
        sys.exit(commands.show_list(is_json=is_json))


@main.command()
@click.argument("scenario")
@seed_option
@peers_option
@fidelity_option
@set_option
@out_option
@click.option(
    "--trace",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a trace to replay against.",
)
@json_option
def run(
    scenario: str,
    seed: int,
    peers: int | None,
    fidelity: str | None,
    settings: tuple[str, ...],
    out: Path | None,
    trace: Path | None,
    is_json: bool,  # noqa: FBT001 - click passes it by name
) -> None:
    """Run SCENARIO (the name of a shipped one, or a TOML file), and write report.json and report.html.

    Exits with 0 if every promise was kept, with 1 if one was broken, and with 130 after Ctrl-C, which writes what there is.
    """
    with one_line():
        request = _request(scenario, seed, peers, fidelity, settings)
        sys.exit(commands.run(request, out, trace, is_json=is_json))


@main.command()
@click.argument("trace", type=click.Path(path_type=Path))
def replay(trace: Path) -> None:
    """Run again what TRACE ran, and tell at which simulated time the two differ, if they do.

    Exits with 0 if they are the same as far as the trace goes, and with 1 if they are not.
    """
    with one_line():
        sys.exit(commands.replay_trace(trace))


@main.command()
@click.argument("scenario")
@click.option("--over", required=True, metavar="KEY=A,B,C", help="The key to vary, and its values.")
@click.option(
    "--seeds", type=click.IntRange(1, 1000), default=1, show_default=True, help="Runs for each value."
)
@seed_option
@peers_option
@fidelity_option
@set_option
@out_option
@json_option
def sweep(  # noqa: PLR0913, PLR0917 - one parameter an option
    scenario: str,
    over: str,
    seeds: int,
    seed: int,
    peers: int | None,
    fidelity: str | None,
    settings: tuple[str, ...],
    out: Path | None,
    is_json: bool,  # noqa: FBT001 - click passes it by name
) -> None:
    """Run SCENARIO for each of several values of one key: a table with a row for each, and a report of every run."""
    with one_line():
        key, values = commands.over(over)
        request = _request(scenario, seed, peers, fidelity, settings)
        sys.exit(commands.sweep(request, key, values, seeds, out, is_json=is_json))


@main.command()
@click.argument("run_a", type=click.Path(path_type=Path))
@click.argument("run_b", type=click.Path(path_type=Path))
def compare(run_a: Path, run_b: Path) -> None:
    """Show two runs beside each other: RUN_A and RUN_B are report.json files, or the folders that they lie in."""
    with one_line():
        sys.exit(commands.compare(run_a, run_b))


@contextmanager
def one_line() -> Iterator[None]:
    """Show what a person did wrong as one line and exit with 1; a second Ctrl-C exits with 130, and writes nothing."""
    try:
        yield
    except MeshcastError as error:
        sys.stderr.write(f"meshcast-sim: {' '.join(str(error).split())}\n")
        sys.exit(commands.EXIT_BROKEN)
    except KeyboardInterrupt:
        sys.stderr.write("meshcast-sim: interrupted\n")
        sys.exit(commands.EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the output is gone; what is still buffered must not be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(commands.EXIT_BROKEN)


def _request(
    scenario: str, seed: int, peers: int | None, fidelity: str | None, settings: tuple[str, ...]
) -> commands.Request:
    """Make one request of the options; the fidelity is a setting as any other."""
    chosen = () if fidelity is None else (f"fidelity={fidelity}",)
    return commands.Request(scenario, seed, peers, (*settings, *chosen))
