"""Journals: what happened to a real machine under a real driver happens again, and comes to the same."""

import io
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from meshcast.driver import Driver
from meshcast.journal import Journal, digest, of_listener, of_tracker, open_journal, told
from meshcast.protocol.effects import Effect, Send
from meshcast.protocol.errors import BadInputError
from meshcast.protocol.events import Captured, Event, ProgrammeEnded, Stop, Tick, Woken
from meshcast.protocol.identity import Identity
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import Adopt, Leave
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import Programme, SourceMachine
from meshcast.protocol.tickets import Role, sign_delegation
from meshcast.protocol.units import HOUR, MILLISECOND, SECOND, BroadcastId, Micros, PeerId
from meshcast.transport.fabric import Conditions, Fabric
from meshcast.transport.links import open_links
from sim.journal_replay import replay
from tracker.overlay.machine import TrackerMachine

WALL_US = 1_700_000_000 * SECOND
CHUNK_US = 100 * MILLISECOND
TRACKER = ("10.0.0.1", 4433)
BROADCAST = Identity.from_seed(b"b" * 32)


def identity(name: str) -> Identity:
    return Identity.from_seed(name.encode().ljust(32))


def member(name: str, role: Role, journal: Journal | None) -> Membership:
    dice = journal.dice if journal is not None else lambda sides: sides // 2
    key = identity(name)
    tracker = identity("tracker").peer_id
    return Membership(
        key, BroadcastId(BROADCAST.peer_id), tracker, (TRACKER,), role, 2, dice, WALL_US, (("10.0.0.9", 7),)
    )


def source_machine() -> SourceMachine:
    me = member("source", Role.SOURCE, None)
    until_s = (WALL_US + HOUR) // SECOND
    delegation = sign_delegation(BROADCAST, index=0, source=me.me, run=1, generation=1, not_after_s=until_s)
    return SourceMachine(me, delegation, Programme("title", 64_000, CHUNK_US))


class Fragile(PeerMachine):
    """A listener that breaks down on its way out."""

    def handle(self, event: Event, now: Micros) -> list[Effect]:
        if isinstance(event, Stop):
            raise ZeroDivisionError
        return super().handle(event, now)


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The journals of a listener and of a tracker, of a broadcast of ten seconds in which a parent dies; to be read."""
    folder = tmp_path_factory.mktemp("journals")
    paths = folder / "listener.journal", folder / "tracker.journal"
    trio.run(_record, *paths, clock=MockClock(autojump_threshold=0))
    for path in paths:
        path.chmod(0o400)
    return paths


async def _record(listener_path: Path, tracker_path: Path) -> None:
    fabric = Fabric(3, Conditions(delay_us=15 * MILLISECOND, loss=0.01))
    machines: dict[str, tuple[object, Journal | None]] = {}
    with open_journal(listener_path) as of_last, open_journal(tracker_path) as of_all:
        assert of_last is not None
        assert of_all is not None
        tracker_key = identity("tracker")
        machines["tracker"] = (
            TrackerMachine(tracker_key, of_all.dice, wall_offset_us=WALL_US, term=4),
            of_all,
        )
        of_all.begin(of_tracker(tracker_key.peer_id, WALL_US, 4))
        source = source_machine()
        machines["source"] = source, None
        for name in ("first", "second"):
            machines[name] = PeerMachine(member(name, Role.LISTENER, None)), None
        last = member("last", Role.LISTENER, of_last)
        of_last.begin(of_listener(last, SECOND))
        machines["last"] = PeerMachine(last, SECOND), of_last
        scopes: dict[str, trio.CancelScope] = {}

        async def run(name: str, number: int, task_status: trio.TaskStatus[Driver]) -> None:
            machine, journal = machines[name]
            driver = Driver(machine, lambda _: None, journal)  # type: ignore[arg-type]
            with trio.CancelScope() as scopes[name]:
                async with open_links(
                    identity(name), fabric.socket(f"10.0.0.{number}", 4433), driver.link_event
                ) as links:
                    driver.connect(links)
                    task_status.started(driver)
                    await driver.run()

        async with trio.open_nursery() as nursery:
            drivers: list[Driver] = []
            for number, name in enumerate(machines, 1):
                drivers.append(await nursery.start(run, name, number))
                await trio.sleep(0.3)
            for count in range(100):
                drivers[1].feed(Captured((bytes(80),) * 5, CHUNK_US))
                if count == 50:
                    scopes["first"].cancel()
                await trio.sleep(0.1)
            drivers[-1].stop()
            await trio.sleep(0.1)
            nursery.cancel_scope.cancel()


def test_a_listeners_journal_replays_to_the_same_consequences(journals: tuple[Path, Path]) -> None:
    found = replay(journals[0])
    assert found.verdict == f"the same in all {found.events} events"
    assert found.events > 150
    assert 8 * SECOND < found.simulated_us < 15 * SECOND
    assert isinstance(found.machine, PeerMachine)
    assert found.machine.tally.verified > 80


def test_a_trackers_journal_replays_to_the_same_consequences(journals: tuple[Path, Path]) -> None:
    found = replay(journals[1])
    assert found.verdict == f"the same in all {found.events} events"
    assert isinstance(found.machine, TrackerMachine)
    assert len(found.machine.broadcasts) == 1


def test_no_secret_is_in_a_journal(journals: tuple[Path, Path]) -> None:
    for path, name in zip(journals, ("last", "tracker"), strict=True):
        secret = identity(name).private_key.private_bytes_raw().hex()
        assert secret not in path.read_text()


def test_a_journal_cut_anywhere_is_replayed_to_where_it_breaks_and_says_so(
    journals: tuple[Path, Path], tmp_path: Path
) -> None:
    text = journals[0].read_text()
    lines = text.split("\n")
    start = len("\n".join(lines[:60])) + 1
    for at in range(start + 1, start + len(lines[60]), 7):
        cut = tmp_path / "cut.journal"
        cut.write_text(text[:at])
        found = replay(cut)
        assert found.cut_at_line == 61
        assert found.events in {59, 60}
        assert "breaks off in line 61" in found.verdict


def test_the_first_line_that_comes_to_something_else_is_named(
    journals: tuple[Path, Path], tmp_path: Path
) -> None:
    lines = journals[0].read_text().split("\n")
    event, _ = lines[40].rsplit(" ", 1)
    lines[40] = f"{event} {'0' * 16}"
    changed = tmp_path / "changed.journal"
    changed.write_text("\n".join(lines))
    found = replay(changed)
    assert found.differs.startswith("line 41: ")
    assert found.events == 40


@pytest.mark.parametrize(
    ("line", "text", "match"),
    [
        (0, "", "line 1: expected a journal's first line"),
        (0, "{}", "line 1: expected a journal's first line"),
        (0, '{"journal": 99}', "line 1: expected a journal of version 1"),
        (20, "nonsense", "line 21: expected an event's time"),
        (20, '[1, "no such event"] 0', "line 21: expected an event's time"),
        (20, '[1, "message", "00", "00"] 0', "line 21: expected an event's time"),
        (20, '[1, "restored", "00", []] -', "line 21: expected rows in a tracker's journal only"),
    ],
)
def test_an_unreadable_line_is_named_with_what_was_expected(
    line: int, text: str, match: str, journals: tuple[Path, Path], tmp_path: Path
) -> None:
    lines = journals[0].read_text().split("\n")
    lines[line] = text
    broken = tmp_path / "broken.journal"
    broken.write_text("\n".join(lines))
    with pytest.raises(BadInputError, match=match) as caught:
        replay(broken)
    assert str(broken) in str(caught.value)


def test_files_that_cannot_be_read_or_written_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cannot be read"):
        replay(tmp_path / "missing")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInputError, match="plain text"):
        replay(tmp_path / "bytes")
    with pytest.raises(BadInputError, match="cannot be written"), open_journal(tmp_path / "no" / "folder"):
        pass
    with open_journal(None) as journal:
        assert journal is None


def test_an_event_that_breaks_the_machine_is_in_the_journal_and_does_so_again(tmp_path: Path) -> None:
    path = tmp_path / "bug.journal"
    with open_journal(path) as journal:
        assert journal is not None
        me = member("fragile", Role.LISTENER, journal)
        journal.begin(of_listener(me, SECOND))
        machine = Fragile(me)
        journal.before(Tick(), 5)
        journal.after(machine.handle(Tick(), 5))
        journal.before(Stop(), 7)
        with pytest.raises(ZeroDivisionError):
            machine.handle(Stop(), 7)
    found = replay(path)
    assert (found.events, found.cut_at_line, found.simulated_us) == (2, 3, 2)


def test_a_full_journal_ends_in_order_and_harms_nobody(tmp_path: Path) -> None:
    path = tmp_path / "full.journal"
    with path.open("w") as file:
        journal = Journal(file, 1, bytes_max=2_000)
        me = member("full", Role.LISTENER, journal)
        journal.begin(of_listener(me, SECOND))
        machine = PeerMachine(me, SECOND)
        for now in range(1_000):
            journal.before(Tick(), now)
            journal.after(machine.handle(Tick(), now))
    assert path.stat().st_size < 2_200
    found = replay(path)
    assert found.is_full
    assert 10 < found.events < 1_000
    assert found.verdict.endswith("the journal was full")


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_disk_that_is_full_ends_the_journal_and_nothing_else() -> None:
    journal = Journal(FullDisk(), 1)
    journal.begin({})
    journal.before(Stop(), 1)
    journal.after([])


def test_rows_that_a_tracker_took_back_are_in_its_journal(
    journals: tuple[Path, Path], tmp_path: Path
) -> None:
    first = replay(journals[1]).machine
    assert isinstance(first, TrackerMachine)
    (broadcast,) = first.broadcasts.values()
    rows = [(b"", broadcast.announced.pack())]
    path = tmp_path / "restored.journal"
    with open_journal(path) as journal:
        assert journal is not None
        me = identity("tracker")
        journal.begin(of_tracker(me.peer_id, WALL_US, 5))
        journal.restored(broadcast.id, rows, 0)
        machine = TrackerMachine(me, journal.dice, wall_offset_us=WALL_US, term=5)
        machine.restore(broadcast.id, rows, 0)
        journal.before(Tick(), 3)
        journal.after(machine.handle(Tick(), 3))
    found = replay(path)
    assert not found.differs
    assert isinstance(found.machine, TrackerMachine)
    assert list(found.machine.broadcasts) == [broadcast.id]


def test_a_signature_of_ones_own_is_no_part_of_a_digest() -> None:
    one, other = identity("one"), PeerId(b"o" * 32)
    asked = Adopt.ask(one, other, 1, 4, 5, SECOND, None)
    unsigned = Adopt(1, 4, 5, SECOND, None, bytes(64))
    assert digest([Send(other, asked)]) == digest([Send(other, unsigned)])
    assert digest([Send(other, asked)]) != digest([Send(other, Leave())])


def test_every_kind_of_event_can_be_told() -> None:
    assert [told(one)[0] for one in (Tick(), Stop(), Woken(7), ProgrammeEnded(), Captured((b"x",), 1))] == [
        "tick",
        "stop",
        "woken",
        "programme ended",
        "captured",
    ]
