"""The tracker in one process: one UDP port, an embedded store, the tree in memory."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import assert_never

import trio

from meshcast.driver import Driver
from meshcast.journal import Journal, of_tracker, open_journal
from meshcast.keys import keep_identity
from meshcast.leaving import wait_for_leave
from meshcast.membership import dice, wall_offset_us
from meshcast.places import resolve
from meshcast.protocol.errors import BadInputError
from meshcast.protocol.identity import Identity
from meshcast.protocol.link import TrackerAddress
from meshcast.protocol.units import BroadcastId, PeerId
from meshcast.transport.datagram import UdpSocket
from meshcast.transport.links import open_links
from tracker.overlay.effects import Keep
from tracker.overlay.machine import TrackerMachine
from tracker.service.config import Config
from tracker.store.contents import Change
from tracker.store.sqlite import SqliteStore
from tracker.store.write_behind import WriteBehind

FLUSH_S = 0.3
"""How long farewells may take."""


async def serve(
    config: Config,
    ready: Callable[[TrackerAddress], None],
    *,
    exits_with_stdin: bool = False,
    journal_path: Path | None = None,
) -> None:
    """Serve until somebody asks to go; errors are of `MeshcastError`."""
    _make_folder(config.data)
    identity = keep_identity(config.data / "tracker.key")
    address = (await resolve(*config.listen))[0]
    socket = UdpSocket.bind(*address)
    store = SqliteStore(config.data / "tracker.sqlite3")
    try:
        with open_journal(journal_path) as journal:
            machine = _make_machine(identity, store, journal)
            behind = WriteBehind(store)
            driver = Driver(machine, lambda effect: _keep(effect, behind), journal)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(behind.run)
                async with open_links(identity, socket, driver.link_event) as links:
                    driver.connect(links)
                    nursery.start_soon(driver.run)
                    async with trio.open_nursery() as waiting:
                        # First this: whoever reads that it is ready may ask it to go at once.
                        await waiting.start(partial(wait_for_leave, with_stdin=exits_with_stdin))
                        port = links.own_address[1]
                        ready(TrackerAddress(config.listen[0], port, PeerId(identity.peer_id)))
                    for effect in machine.goodbye():
                        driver.carry_out(effect)
                    await trio.sleep(FLUSH_S)
                nursery.cancel_scope.cancel()
    finally:
        store.close()


def _make_machine(identity: Identity, store: SqliteStore, journal: Journal | None) -> TrackerMachine:
    """Make the machine of a new term, with what the store holds."""
    chance = journal.dice if journal is not None else dice
    offset_us, term, now = wall_offset_us(), store.raise_term(), Driver.now()
    machine = TrackerMachine(identity, chance, wall_offset_us=offset_us, term=term)
    if journal is not None:
        journal.begin(of_tracker(identity.peer_id, offset_us, term))
    for broadcast in store.broadcasts():
        rows = list(store.load(broadcast))
        machine.restore(BroadcastId(broadcast), rows, now)
        if journal is not None:
            journal.restored(BroadcastId(broadcast), rows, now)
    return machine


def _keep(effect: object, behind: WriteBehind) -> None:
    """Keep a row."""
    assert isinstance(effect, Keep)
    match effect:
        case Keep(broadcast, key, row):
            behind.put(Change(broadcast, key, row))
        case _:
            assert_never(effect)


def _make_folder(folder: Path) -> None:
    """Make the data folder, for its owner only."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadInputError(
            f"the folder {folder} cannot be made: {error.strerror}; choose another with --data"
        ) from error
