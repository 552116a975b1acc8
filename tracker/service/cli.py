"""The tracker's command line: `meshcast-tracker serve`."""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from meshcast.errors_shown import one_line, run
from meshcast.protocol.link import TrackerAddress
from tracker.service.config import read_config
from tracker.service.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="meshcast")
def main() -> None:
    """Organise listeners into relay trees."""


@main.command(name="serve")
@click.option(
    "--config", type=click.Path(path_type=Path), help="A TOML file; its keys are `listen` and `data`."
)
@click.option("--listen", metavar="ADDR:PORT", help="Where to listen; by default 0.0.0.0:4433.")
@click.option("--data", type=click.Path(path_type=Path), help="The folder of the tracker's key and tree.")
@click.option(
    "--journal", type=click.Path(path_type=Path), help="Write what happens here to this file, for a replay."
)
@click.option("--exit-with-stdin", is_flag=True, hidden=True, help="End when standard input ends.")
def serve_command(
    config: Path | None,
    listen: str | None,
    data: Path | None,
    journal: Path | None,
    exit_with_stdin: bool,  # noqa: FBT001 - click passes it by name
) -> None:
    """Serve until Ctrl-C; listeners hear on while the tracker is away."""
    with one_line():
        settings = read_config(config, listen, data)
    run(partial(serve, settings, _ready, exits_with_stdin=exit_with_stdin, journal_path=journal))


def _ready(address: TrackerAddress) -> None:
    """Say where broadcasters find this tracker; one that listens everywhere does not know its own name."""
    place = replace(address, host="HOST") if address.host in {"0.0.0.0", "::"} else address  # noqa: S104 - compared
    hint = " (HOST: this machine's name or address, as listeners reach it)" if place is not address else ""
    sys.stdout.write(
        f"meshcast-tracker: ready{hint}; broadcast with: meshcast broadcast SOURCE --tracker '{place}'\n"
    )
    sys.stdout.flush()
