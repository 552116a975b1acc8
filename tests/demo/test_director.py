"""The demo in virtual time, with a troupe that only says what real processes would: who dies when, and what is collected."""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import trio
from trio.testing import MockClock

from meshcast.demo.crew import Member
from meshcast.demo.director import KILL_AFTER_S, QUIET_S, REPORTED, START_S_MAX, DemoSettings, Director
from meshcast.protocol.errors import MeshcastError, UnreachableError

Make: TypeAlias = Callable[..., Member]
FACTS = {
    "link": "meshcast://a-link",
    "bitrate_bps": 64_000,
    "chunk_ms": 100,
    "copies_sent": 2.0,
    "copies_sent_in_emergencies": 0.5,
    "children_peak": 2,
    "children_peak_in_emergencies": 3,
    "emergencies": 1,
}


class Troupe:
    """Plays the crew: the first listener feeds all others; when it dies the next one does."""

    def __init__(self, member: Make, folder: Path) -> None:
        self._member = member
        self._folder = folder
        self.started: list[tuple[float, str, list[str]]] = []
        self.listeners: list[Member] = []
        self.failing: str | None = None
        self.mute: str | None = None

    async def start(self, name: str, arguments: Sequence[str]) -> Member:
        self.started.append((trio.current_time(), name, list(arguments)))
        one = self._member(name, alive=name != self.failing)
        if name == self.mute:
            return one
        if name == "tracker":
            one.said.append("ready; broadcast with: meshcast broadcast SOURCE --tracker 'host:1?pin=key'")
        elif name == "broadcaster":
            one.status = dict(FACTS)
        else:
            self.listeners.append(one)
            one.status = dict.fromkeys(REPORTED, 0) | {"key": name, "audible": True, "children": []}
            self.gather()
        return one

    def gather(self) -> None:
        """Have the first of the living feed the others."""
        living = [one for one in self.listeners if one.is_alive]
        for one in living:
            one.status |= {"parent": living[0].key, "children": []}
        living[0].status |= {"parent": "s", "children": [one.key for one in living[1:]]}

    async def dismiss(self, members: Sequence[Member]) -> None:
        for one in members:
            one.ask_to_go()
            report = {name: one.status[name] for name in REPORTED}
            report |= {"forged_chunks_played": 0, "wav": f"{one.name}.wav", "bytes_up": 5}
            (self._folder / f"{one.name}.json").write_text(json.dumps(report))

    def last_words(self, member: Member) -> str:
        return f"the last words of {member.name}"

    async def live_on(self) -> None:
        """Gather anew whenever somebody has died."""
        while True:
            self.gather()
            await trio.sleep(0.5)


@pytest.fixture
def troupe(member: Make, tmp_path: Path) -> Troupe:
    return Troupe(member, tmp_path)


@pytest.fixture
def direct(troupe: Troupe, tmp_path: Path) -> Callable[..., Director]:
    """Make the director of that troupe."""

    def direct(**otherwise: Any) -> Director:
        wishes: dict[str, Any] = {
            "source": Path("programme.ogg"), "listeners": 5, "max_children": 3, "seconds": 40.0, "kill": 0,
            "tracker_outage_s": 0.0, "report": None, "output_dir": tmp_path,
        }  # fmt: skip
        crew: Any = troupe
        return Director(DemoSettings(**wishes | otherwise), crew, tmp_path / "state", lambda _: None)

    return direct


async def test_everybody_is_started_and_what_they_heard_is_collected(
    autojump_clock: MockClock, direct: Callable[..., Director], troupe: Troupe, tmp_path: Path
) -> None:
    director = direct(seconds=20.0)
    facts, reports = await director.play()
    assert [name for _, name, _ in troupe.started] == [
        "tracker", "broadcaster", *(f"listener-0{number}" for number in range(1, 6)),
    ]  # fmt: skip
    _, _, broadcast = troupe.started[1]
    assert broadcast[broadcast.index("--tracker") + 1] == "host:1?pin=key", "the pin is given on"
    _, _, listen = troupe.started[2]
    assert listen[:3] == ["meshcast", "listen", "meshcast://a-link"]
    assert listen[listen.index("--output") + 1] == str(tmp_path / "listener-01.wav")
    assert trio.current_time() == pytest.approx(20, abs=1)
    assert [one["name"] for one in reports] == [f"listener-0{number}" for number in range(1, 6)]
    assert all(one["survived"] for one in reports)
    assert set(reports[0]) == {"name", "survived", *REPORTED, "forged_chunks_played", "wav"}
    assert (facts.copies_sent, facts.children_peak, facts.children_peak_in_emergencies) == (2.0, 2, 3)
    assert (facts.kills, facts.killed_with_children, facts.tracker_outages) == (0, 0, 0)


async def test_relays_die_one_after_the_other_while_they_feed_and_nobody_dies_at_the_end(
    autojump_clock: MockClock, direct: Callable[..., Director], troupe: Troupe, nursery: trio.Nursery
) -> None:
    director = direct(kill=3)
    nursery.start_soon(director_lives, troupe)
    facts, reports = await director.play()
    assert (facts.kills, facts.killed_with_children) == (3, 3)
    assert [one["survived"] for one in reports] == [False, False, False, True, True]
    killed = [float(event.split()[0]) for event in director.scene.events if "killed listener" in event]
    assert killed[0] == pytest.approx(KILL_AFTER_S, abs=0.2)
    assert all(later - earlier >= KILL_AFTER_S - 0.2 for earlier, later in pairwise(killed))
    assert killed[-1] <= 40 - QUIET_S + 0.2
    assert reports[0]["wav"] is None
    assert reports[0]["heard_ratio"] == 0, "what it said last"


async def director_lives(troupe: Troupe) -> None:
    await trio.sleep(1)
    await troupe.live_on()


async def test_of_those_who_feed_the_one_that_feeds_most_dies_if_they_say_so_too(
    autojump_clock: MockClock, direct: Callable[..., Director], member: Make
) -> None:
    director = direct()
    one = member("one", key="1", parent="s", children=["3"])
    two = member("two", key="2", parent="s", children=["4", "5", "6"])
    boaster = member("boaster", key="9", parent="s", children=["3", "4", "5", "6"])
    others = [member(key, key=key, parent=parent) for key, parent in (("3", "1"), ("4", "2"), ("5", "2"))]
    director.scene.listeners = [one, boaster, two, *others, member("6", alive=False, key="6", parent="2")]
    assert await director._victim() is two
    assert [fed.name for fed in director._fed_by(two)] == ["4", "5"], "the dead do not count"
    assert director._fed_by(boaster) == []


async def test_the_tracker_dies_and_comes_back_at_the_same_place(
    autojump_clock: MockClock, direct: Callable[..., Director], troupe: Troupe
) -> None:
    director = direct(tracker_outage_s=10.0)
    facts, _ = await director.play()
    assert facts.tracker_outages == 1
    (first, _, arguments), (second, _, again) = (one for one in troupe.started if one[1] == "tracker")
    assert arguments == again
    assert second - first == pytest.approx(2 * KILL_AFTER_S + 10, abs=0.5)


async def test_when_the_programme_has_ended_the_demo_has(
    autojump_clock: MockClock, direct: Callable[..., Director], troupe: Troupe, nursery: trio.Nursery
) -> None:
    async def end() -> None:
        await trio.sleep(7)
        for one in troupe.listeners:
            one.status["ended"] = True

    nursery.start_soon(end)
    await direct().play()
    assert trio.current_time() == pytest.approx(7, abs=0.5)


async def test_one_that_ends_early_is_told_of_with_its_last_words(
    autojump_clock: MockClock, direct: Callable[..., Director], troupe: Troupe
) -> None:
    troupe.failing = troupe.mute = "broadcaster"
    with pytest.raises(MeshcastError, match="broadcaster ended early: the last words of broadcaster"):
        await direct().play()


async def test_one_that_does_not_start_in_time_is_told_of(
    autojump_clock: MockClock, direct: Callable[..., Director], troupe: Troupe
) -> None:
    troupe.mute = "tracker"
    with pytest.raises(UnreachableError, match=f"tracker did not start within {START_S_MAX:.0f} s"):
        await direct().play()


async def test_a_listener_that_leaves_no_report_spoils_the_demo_whatever_an_earlier_one_left_there(
    autojump_clock: MockClock,
    direct: Callable[..., Director],
    troupe: Troupe,
    tmp_path: Path,
    nursery: trio.Nursery,
) -> None:
    await troupe.dismiss([await troupe.start("listener-02", [])])
    troupe.listeners.clear()

    async def crash() -> None:
        await trio.sleep(5)
        troupe.listeners[1].process.kill()

    nursery.start_soon(crash)
    with pytest.raises(UnreachableError, match="listener-02 ended early: the last words of listener-02"):
        await direct(seconds=10.0).play()


async def test_the_audience_is_told_what_happens_and_when(
    autojump_clock: MockClock, direct: Callable[..., Director], troupe: Troupe
) -> None:
    director = direct(kill=1, tracker_outage_s=3.0)
    said: list[str] = []
    director._say = said.append
    await director.play()
    assert said == director.scene.events
    assert [line.split("s  ", 1)[1] for line in said] == [
        "all 5 listeners hear",
        "killed listener-01, which fed 4",
        "killed the tracker",
        "the tracker is back",
    ]
