"""The command line: `meshcast broadcast`, `listen`, `relay`, `demo`."""

import sys
from functools import partial
from pathlib import Path

import click

from meshcast.broadcaster.display import display as broadcast_display
from meshcast.broadcaster.engine import BroadcastSettings, run_broadcaster
from meshcast.broadcaster.packer import BITRATE_BPS_MAX, BITRATE_BPS_MIN
from meshcast.demo.director import DemoSettings
from meshcast.demo.run import run_demo
from meshcast.errors_shown import one_line, run
from meshcast.listener.display import display as listen_display
from meshcast.listener.engine import ListenSettings, View, run_listener
from meshcast.listener.report import check_writable, report_of, write_report
from meshcast.media.programme import programme_path
from meshcast.places import data_folder
from meshcast.protocol.errors import BadInputError
from meshcast.protocol.limits import (
    CHILDREN_MAX,
    PLAYOUT_DELAY_US_DEFAULT,
    PLAYOUT_DELAY_US_MAX,
    PLAYOUT_DELAY_US_MIN,
    UPLINK_BPS_MAX,
    UPLINK_BPS_MIN,
)
from meshcast.protocol.link import Link, TrackerAddress
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND, Micros

AUTO = "auto"
STATUS = click.Choice(["auto", "live", "lines", "json", "none"])
with_stdin = click.option(
    "--exit-with-stdin", is_flag=True, hidden=True, help="End when standard input ends."
)
port_option = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="The UDP port to use, for a firewall; by default any.",
)
journal_option = click.option(
    "--journal",
    type=click.Path(path_type=Path),
    help="Write what happens to this peer to this file, for a replay; it names neighbours' addresses.",
)
uplink_option = click.option(
    "--uplink",
    type=float,
    metavar="KBIT/S",
    help="Never send more than this in all; by default what the children need.",
)
status_option = click.option("--status", type=STATUS, default="auto", help="How to show the status.")
children = click.IntRange(0, CHILDREN_MAX)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="meshcast")
def main() -> None:
    """Broadcast audio to any crowd: every listener passes it on to a few others."""


@main.command()
@click.argument("source")
@click.option(
    "--tracker", required=True, metavar="HOST[:PORT][?pin=KEY]", help="The tracker that organises it."
)
@click.option("--title", help="What listeners see; by default the source's own title, or its file name.")
@click.option("--bitrate", default=64.0, show_default=True, metavar="KBIT/S", help="Opus, 6 to 160 kbit/s.")
@click.option("--max-children", type=children, default=8, show_default=True, help="Copies to send at most.")
@click.option(
    "--key", type=click.Path(path_type=Path), help="The broadcast's key; made and kept on first use."
)
@click.option(
    "--patience", default=60.0, show_default=True, metavar="SECONDS", help="For a source that stalls."
)
@click.option(
    "--spare",
    is_flag=True,
    help="Stand by while another broadcaster with the same key is on the air, and go on when it dies.",
)
@click.option(
    "--while-away",
    metavar="FILE",
    help="Play this file again and again while the source gives nothing, has ended, or SIGUSR1 says so.",
)
@port_option
@status_option
@with_stdin
def broadcast(  # noqa: PLR0913, PLR0917 - one parameter an option
    source: str,
    tracker: str,
    title: str | None,
    bitrate: float,
    max_children: int,
    key: Path | None,
    patience: float,
    spare: bool,  # noqa: FBT001 - click passes it by name
    while_away: str | None,
    port: int,
    status: str,
    exit_with_stdin: bool,  # noqa: FBT001 - likewise
) -> None:
    """Broadcast SOURCE: a file, a URL, `mic`, or `-` for standard input. Prints the link for listeners."""
    with one_line():
        settings = BroadcastSettings(
            source,
            TrackerAddress.parse(tracker),
            title,
            _bitrate_bps(bitrate),
            _at_least_one(max_children),
            key or data_folder() / "broadcast.key",
            data_folder() / "trackers.json",
            patience,
            port,
            exit_with_stdin,
            spare,
            while_away,
        )
    with broadcast_display(_status(status)) as show:
        run(partial(run_broadcaster, settings, show))


@main.command()
@click.argument("link")
@click.option("--output", default="speaker", show_default=True, metavar="speaker|FILE.wav|null")
@click.option(
    "--delay",
    default="1",
    show_default=True,
    metavar="SECONDS|auto",
    help="Playout delay, 0.3 to 30; auto: as short as the network lets it be, 0.3 to 3.",
)
@click.option(
    "--max-children", type=children, default=3, show_default=True, help="Listeners to feed at most."
)
@click.option("--report", type=click.Path(path_type=Path), help="Write what was heard to this JSON file.")
@click.option(
    "--patience", default=60.0, show_default=True, metavar="SECONDS", help="For a tracker that is away."
)
@uplink_option
@port_option
@journal_option
@status_option
@with_stdin
def listen(  # noqa: PLR0913, PLR0917 - one parameter an option
    link: str,
    output: str,
    delay: str,
    max_children: int,
    report: Path | None,
    patience: float,
    uplink: float | None,
    port: int,
    journal: Path | None,
    status: str,
    exit_with_stdin: bool,  # noqa: FBT001 - click passes it by name
) -> None:
    """Hear the broadcast behind LINK, and pass it on to a few others."""
    with one_line():
        settings = ListenSettings(
            Link.parse(link),
            output,
            _delay(delay),
            max_children,
            Role.LISTENER,
            report,
            patience,
            port,
            exit_with_stdin,
            journal,
            adapts=delay == AUTO,
            uplink_bps=_uplink_bps(uplink),
        )
        check_writable(report)
    _hear(settings, _status(status))


@main.command()
@click.argument("link")
@click.option(
    "--max-children", type=children, default=CHILDREN_MAX, show_default=True, help="Peers to feed at most."
)
@click.option("--report", type=click.Path(path_type=Path), help="Write what was relayed to this JSON file.")
@click.option(
    "--patience", default=60.0, show_default=True, metavar="SECONDS", help="For a tracker that is away."
)
@uplink_option
@port_option
@journal_option
@status_option
@with_stdin
def relay(  # noqa: PLR0913, PLR0917 - one parameter an option
    link: str,
    max_children: int,
    report: Path | None,
    patience: float,
    uplink: float | None,
    port: int,
    journal: Path | None,
    status: str,
    exit_with_stdin: bool,  # noqa: FBT001 - click passes it by name
) -> None:
    """Serve the broadcast behind LINK near the origin, without listening: insurance for a large crowd."""
    with one_line():
        settings = ListenSettings(
            Link.parse(link),
            "null",
            SECOND,
            max_children,
            Role.RELAY,
            report,
            patience,
            port,
            exit_with_stdin,
            journal,
            uplink_bps=_uplink_bps(uplink),
        )
        check_writable(report)
    _hear(settings, _status(status))


@main.command()
@click.option(
    "--source", type=click.Path(path_type=Path), help="What to broadcast; by default the shipped programme."
)
@click.option("--listeners", type=click.IntRange(1, 64), default=12, show_default=True)
@click.option("--max-children", type=click.IntRange(1, CHILDREN_MAX), default=3, show_default=True)
@click.option(
    "--seconds", type=click.FloatRange(5, 86_400), default=40.0, show_default=True, help="How long to listen."
)
@click.option("--kill", type=click.IntRange(0, 32), default=3, show_default=True, help="Relays to kill.")
@click.option(
    "--tracker-outage",
    type=click.FloatRange(0, 600),
    default=10.0,
    show_default=True,
    help="Seconds; 0: none.",
)
@click.option("--report", type=click.Path(path_type=Path), help="Write the report to this JSON file.")
@click.option("--output-dir", type=click.Path(path_type=Path), default=Path("demo-output"), show_default=True)
def demo(
    source: Path | None,
    listeners: int,
    max_children: int,
    seconds: float,
    kill: int,
    tracker_outage: float,
    report: Path | None,
    output_dir: Path,
) -> None:
    """Broadcast to a dozen listeners on this machine, kill relays and the tracker, and see what was heard."""
    settings = DemoSettings(
        source or programme_path(), listeners, max_children, seconds, kill, tracker_outage, report, output_dir
    )
    with one_line():
        check_writable(report)
        sys.exit(run_demo(settings))


def _hear(settings: ListenSettings, status: str) -> None:
    """Run a listener or a relay, and write its report however it ends."""
    with listen_display(status) as show:

        def keep(view: View) -> None:
            show(view)
            if settings.report is not None and view.listener.outcome.over.is_set():
                write_report(
                    report_of(view, settings.output if settings.output.lower().endswith(".wav") else None),
                    settings.report,
                )

        run(partial(run_listener, settings, keep))


def _status(kind: str) -> str:
    """Choose how to show the status: live on a terminal, lines elsewhere."""
    if kind != "auto":
        return kind
    return "live" if sys.stderr.isatty() else "lines"


def _bitrate_bps(kilobits: float) -> int:
    """Check a bitrate."""
    if not BITRATE_BPS_MIN <= kilobits * 1000 <= BITRATE_BPS_MAX:
        raise BadInputError(
            f"a bitrate of {kilobits:g} kbit/s cannot be sent; choose --bitrate from 6 to 160"
        )
    return round(kilobits * 1000)


def _delay(text: str) -> Micros:
    """Check a playout delay; one that adapts begins with the default."""
    if text == AUTO:
        return PLAYOUT_DELAY_US_DEFAULT
    try:
        seconds = float(text)
    except ValueError:
        raise BadInputError(f"{text!r} is no delay; choose --delay from 0.3 to 30, or auto") from None
    if not PLAYOUT_DELAY_US_MIN <= seconds * SECOND <= PLAYOUT_DELAY_US_MAX:
        raise BadInputError(f"a delay of {seconds:g} s cannot be had; choose --delay from 0.3 to 30, or auto")
    return round(seconds * SECOND)


def _uplink_bps(kilobits: float | None) -> int | None:
    """Check an uplink."""
    if kilobits is None:
        return None
    if not UPLINK_BPS_MIN <= kilobits * 1000 <= UPLINK_BPS_MAX:
        raise BadInputError(
            f"an uplink of {kilobits:g} kbit/s cannot be kept to; choose --uplink from 10 on, and --max-children 0 to "
            "feed nobody"
        )
    return round(kilobits * 1000)


def _at_least_one(count: int) -> int:
    """Check that somebody can hear the broadcaster at all."""
    if count < 1:
        raise BadInputError(
            "a broadcaster that feeds nobody is not heard; choose --max-children of 1 or more"
        )
    return count
