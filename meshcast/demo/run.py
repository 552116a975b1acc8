"""`meshcast demo`: the stage around the director."""

import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
from rich.console import Console
from rich.live import Live

from meshcast.demo.crew import open_crew
from meshcast.demo.director import DemoSettings, Director
from meshcast.demo.tree_view import draw
from meshcast.demo.verdict import compare_recordings, make_report, table, verdict
from meshcast.errors_shown import EXIT_ERROR, EXIT_INTERRUPTED
from meshcast.listener.report import write_report
from meshcast.protocol.errors import BadInputError

REFRESH_S = 0.25


def run_demo(settings: DemoSettings) -> int:
    """Run the demo; give the exit code: 0 if every survivor heard everything, 1 if not, 130 after Ctrl-C."""
    _make_folder(settings.output_dir)
    if not settings.source.is_file():
        raise BadInputError(
            f"the source {settings.source} is no file; give one that can be played, or leave out --source"
        )
    report = trio.run(_main, settings)
    if report is None:
        sys.stderr.write("meshcast: interrupted; all processes have been ended\n")
        return EXIT_INTERRUPTED
    console = Console()
    console.print(table(report))
    console.print(verdict(report), style="bold green" if report["ok"] else "bold red")
    path = settings.report or settings.output_dir / "report.json"
    write_report(report, path)
    console.print(f"Report: {path}; recordings: {settings.output_dir}/*.wav", highlight=False, markup=False)
    return 0 if report["ok"] else EXIT_ERROR


async def _main(settings: DemoSettings) -> dict[str, Any] | None:
    """Play the demo; nothing if it was interrupted."""
    report = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_interrupt, nursery.cancel_scope)
        report = await _play(settings)
        nursery.cancel_scope.cancel()
    return report


async def _play(settings: DemoSettings) -> dict[str, Any]:
    """Direct everybody, then compare the recordings with the source."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="meshcast-demo-") as state:
        say = (lambda _: None) if console.is_terminal else console.print
        async with open_crew(settings.output_dir) as crew:
            director = Director(settings, crew, Path(state), say)
            async with _curtain(director, console):
                facts, listeners = await director.play()
    wavs = [Path(one["wav"]) for one in listeners if one["survived"]]
    console.print(f"comparing {len(wavs)} recordings with the source …")
    heard = await trio.to_thread.run_sync(compare_recordings, settings.source, wavs, abandon_on_cancel=True)
    return make_report(facts, listeners, heard)


@asynccontextmanager
async def _curtain(director: Director, console: Console) -> AsyncIterator[None]:
    """Draw the tree live on a terminal while the block runs."""
    if not console.is_terminal:
        yield
        return
    scene = director.scene
    with Live(console=console, auto_refresh=False, transient=False) as live:

        def frame() -> None:
            live.update(draw(scene.source, scene.listeners, scene.events, scene.headline), refresh=True)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(_redraw, frame)
            yield
            frame()
            nursery.cancel_scope.cancel()


async def _redraw(frame: Callable[[], None]) -> None:
    """Draw now and again."""
    while True:
        frame()
        await trio.sleep(REFRESH_S)


async def _interrupt(scope: trio.CancelScope) -> None:
    """Stop everything at Ctrl-C or SIGTERM."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


def _make_folder(folder: Path) -> None:
    """Make the folder of recordings."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(
            f"the folder {folder} cannot be made: {error.strerror}; choose another --output-dir"
        ) from error
