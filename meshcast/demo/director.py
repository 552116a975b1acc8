"""Directs the demo: who starts when, who dies when, and what is collected at the end."""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trio

from meshcast.demo.crew import Crew, Member
from meshcast.demo.verdict import Facts
from meshcast.protocol.errors import BadInputError, MeshcastError, UnreachableError

START_S_MAX: Final = 60.0
"""How long starting everybody may take: a Python process with its media libraries takes about a second of CPU."""
KILL_AFTER_S: Final = 4.0
"""Everybody hears undisturbed for so long first, and relays die at least this far apart."""
QUIET_S: Final = 8.0
"""Nobody is killed in the last seconds, so that every repair is seen to its end."""
POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """What the command line says."""

    source: Path
    listeners: int
    max_children: int
    seconds: float
    kill: int
    tracker_outage_s: float
    report: Path | None
    output_dir: Path


@dataclass(slots=True)
class Scene:
    """What the audience sees."""

    events: list[str] = field(default_factory=list)
    source: Member | None = None
    listeners: list[Member] = field(default_factory=list)
    headline: str = "starting"


class Director:
    """One demo, from the first process to the last report."""

    def __init__(self, settings: DemoSettings, crew: Crew, state: Path, say: Callable[[str], None]) -> None:
        self.settings = settings
        self.scene = Scene()
        self._crew = crew
        self._state = state
        self._say = say
        self._port = free_port()
        self._tracker: Member | None = None
        self._kills = 0
        self._killed_with_children = 0
        self._outages = 0
        self._began_at = trio.current_time()

    async def play(self) -> tuple[Facts, list[dict[str, Any]]]:
        """Play the whole demo; give what was counted, and every listener's report."""
        self._clear_reports()
        address = await self._start_tracker()
        link = await self._start_source(address)
        await self._start_listeners(link)
        self._event(f"all {len(self.scene.listeners)} listeners hear")
        async with trio.open_nursery() as nursery:
            if self.settings.tracker_outage_s > 0:
                nursery.start_soon(self._tracker_outage)
            nursery.start_soon(self._kill_relays)
            await self._listen()
            nursery.cancel_scope.cancel()
        return await self._collect()

    # ---- starting

    def _clear_reports(self) -> None:
        """Remove the reports of an earlier demo: they would be taken for those of listeners that end without one."""
        for number in range(1, self.settings.listeners + 1):
            path = self._report_path(listener_name(number))
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise BadInputError(
                    f"the earlier report {path} cannot be removed: {error.strerror}; choose another --output-dir"
                ) from error

    async def _start_tracker(self) -> str:
        """Start the tracker (again); give its address with its pin."""
        self.scene.headline = "starting the tracker"
        place = f"127.0.0.1:{self._port}"
        arguments = ["tracker", "serve", "--listen", place, "--data", str(self._state / "tracker")]
        self._tracker = await self._crew.start("tracker", arguments)
        await self._first_line(self._tracker)
        return self._tracker.said[0].rpartition("--tracker ")[2].strip("'")

    async def _start_source(self, tracker: str) -> str:
        """Start the broadcaster; give the link."""
        self.scene.headline = "starting the broadcaster"
        source = await self._crew.start(
            "broadcaster",
            [
                "meshcast", "broadcast", str(self.settings.source), "--tracker", tracker, "--status", "json",
                "--max-children", str(self.settings.max_children), "--key", str(self._state / "broadcast.key"),
            ],
        )  # fmt: skip
        self.scene.source = source
        await self._until(lambda: bool(source.status.get("link")), source)
        return str(source.status["link"])

    async def _start_listeners(self, link: str) -> None:
        """Start all listeners at once, and wait until each has sound."""
        self.scene.headline = "starting the listeners"
        for number in range(1, self.settings.listeners + 1):
            name = listener_name(number)
            wav, report = self._wav_path(name), self._report_path(name)
            arguments = [
                "meshcast", "listen", link, "--output", str(wav), "--report", str(report), "--status", "json",
                "--max-children", str(self.settings.max_children),
            ]  # fmt: skip
            self.scene.listeners.append(await self._crew.start(name, arguments))
        for one in self.scene.listeners:
            await self._until(lambda one=one: bool(one.status.get("audible")), one)  # type: ignore[misc]

    # ---- what happens while they listen

    async def _listen(self) -> None:
        """Let time pass until it is over, or until the programme is."""
        self._began_at = trio.current_time()
        with trio.move_on_after(self.settings.seconds):
            while not all(one.status.get("ended") or not one.is_alive for one in self.scene.listeners):
                left = self.settings.seconds - (trio.current_time() - self._began_at)
                self.scene.headline = f"listening, {left:.0f} s to go"
                await trio.sleep(POLL_S)

    async def _kill_relays(self) -> None:
        """Kill relays, each while it feeds others."""
        count = self.settings.kill
        span_s = max(0.0, self.settings.seconds - KILL_AFTER_S - QUIET_S)
        gap_s = max(KILL_AFTER_S, span_s / max(1, count))
        for number in range(count):
            await trio.sleep_until(self._began_at + KILL_AFTER_S + number * gap_s)
            victim = await self._victim()
            children = len(victim.children)
            victim.kill()
            self._kills += 1
            self._killed_with_children += children > 0
            self._event(f"killed {victim.name}, which fed {children}")

    async def _victim(self) -> Member:
        """Find a relay that feeds others at this moment: the one that feeds most."""
        while True:
            feeding = [one for one in self.scene.listeners if one.is_alive and self._fed_by(one)]
            if feeding:
                return max(feeding, key=lambda one: len(self._fed_by(one)))
            await trio.sleep(POLL_S)

    def _fed_by(self, relay: Member) -> list[Member]:
        """Give the living listeners that say that they hear from a relay which says so too."""
        return [
            one
            for one in self.scene.listeners
            if one.is_alive and one.key in relay.children and one.status.get("parent") == relay.key
        ]

    async def _tracker_outage(self) -> None:
        """Kill the tracker between the first and the second kill, and bring it back."""
        await trio.sleep_until(self._began_at + 2 * KILL_AFTER_S)
        assert self._tracker is not None, "it was started first"
        self._tracker.kill()
        self._outages += 1
        self._event("killed the tracker")
        await trio.sleep(self.settings.tracker_outage_s)
        await self._start_tracker()
        self._event("the tracker is back")

    # ---- collecting

    async def _collect(self) -> tuple[Facts, list[dict[str, Any]]]:
        """Ask everybody to go, and read what they heard."""
        self.scene.headline = "collecting what was heard"
        assert self.scene.source is not None, "it was started"
        await self._crew.dismiss([one for one in self.scene.listeners if one.is_alive])
        status = self.scene.source.status
        facts = Facts(
            bitrate_bps=status["bitrate_bps"],
            chunk_ms=status["chunk_ms"],
            copies_sent=status["copies_sent"],
            copies_sent_in_emergencies=status["copies_sent_in_emergencies"],
            children_peak=status["children_peak"],
            children_peak_in_emergencies=status["children_peak_in_emergencies"],
            emergencies=status["emergencies"],
            kills=self._kills,
            killed_with_children=self._killed_with_children,
            tracker_outages=self._outages,
        )
        return facts, [self._listener_report(one) for one in self.scene.listeners]

    def _listener_report(self, one: Member) -> dict[str, Any]:
        """Read what a listener wrote, or what a killed one said last."""
        head = {"name": one.name, "survived": not one.was_killed}
        path = self._report_path(one.name)
        if one.was_killed:
            known = {name: one.status.get(name) for name in REPORTED}
            return (
                head
                | known
                | {"forged_chunks_played": one.status.get("forged_chunks_played", 0), "wav": None}
            )
        if not path.exists():
            raise UnreachableError(f"{one.name} ended early: {self._crew.last_words(one)}")
        report: dict[str, Any] = json.loads(path.read_text())
        return head | {name: report[name] for name in (*REPORTED, "forged_chunks_played", "wav")}

    def _report_path(self, name: str) -> Path:
        """Name the file of a listener's report."""
        return self.settings.output_dir / f"{name}.json"

    def _wav_path(self, name: str) -> Path:
        """Name the file of a listener's recording."""
        return self.settings.output_dir / f"{name}.wav"

    # ---- waiting

    async def _first_line(self, one: Member) -> None:
        """Wait until a process has said something."""
        await self._until(lambda: bool(one.said), one)

    async def _until(self, condition: Callable[[], bool], one: Member) -> None:
        """Wait for something that a process will say, unless it ends before."""
        with trio.move_on_after(START_S_MAX):
            while not condition():
                if not one.is_alive:
                    raise MeshcastError(f"{one.name} ended early: {self._crew.last_words(one)}")
                await trio.sleep(POLL_S)
            return
        raise UnreachableError(
            f"{one.name} did not start within {START_S_MAX:.0f} s; is this machine very busy?"
        )

    def _event(self, text: str) -> None:
        """Tell the audience."""
        line = f"{trio.current_time() - self._began_at:5.1f} s  {text}"
        self.scene.events.append(line)
        self._say(line)


REPORTED: Final = (
    "join_ms",
    "first_sound_ms",
    "heard_ratio",
    "missing_chunks",
    "concealed_chunks",
    "longest_gap_ms",
    "delay_ms",
    "rank",
    "repairs_ms",
)
"""Fields of a listener's own report that the demo's report has too."""


def listener_name(number: int) -> str:
    """Name a listener, and the files it leaves."""
    return f"listener-{number:02}"


def free_port() -> int:
    """Find a UDP port on loopback that is free now; a tracker needs the same one again after its restart."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
