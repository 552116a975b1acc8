"""What `benchmarks/relay.py` runs of Meshcast in processes of their own.

python benchmarks/relay_parts.py crowd LINK PORT COUNT   children of the relay at this port; answers lines with their chunks
python benchmarks/relay_parts.py handshakes         CPU time of handshakes, ours and stock aioquic's in turn
python benchmarks/relay_parts.py memory             growth of a process by the links that it accepts
"""

import gc
import json
import os
import ssl
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import trio
from aioquic import tls
from aioquic.quic import connection as library
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from meshcast.driver import Driver
from meshcast.keys import fresh_identity
from meshcast.membership import member_of
from meshcast.places import resolve
from meshcast.protocol.identity import Identity
from meshcast.protocol.link import Link
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND
from meshcast.transport.certificates import certificate_of, pinned_key
from meshcast.transport.configuration import accepting, dialling
from meshcast.transport.datagram import UdpSocket
from meshcast.transport.fast_connection import FastConnection
from meshcast.transport.framing import PREAMBLE_BYTES, preamble, proven_peer
from meshcast.transport.link_events import LinkEvent, LinkUp
from meshcast.transport.links import Links, open_links

HANDSHAKES = 40
"""Handshakes of each kind in a turn."""
TURNS = 9
CONNECTIONS = 200
ADDRESSES = ("127.0.0.1", 1), ("127.0.0.1", 2)
counts: dict[Driver, Links] = {}


def say(line: object) -> None:
    print(line, flush=True)


# ---- the crowd


def answer_questions() -> None:
    """Tell the count whenever asked, and end the process with the one that asks."""
    for _ in sys.stdin:
        say(sum(links.totals().datagrams_received for links in counts.values()))
    os._exit(0)


class Child(Driver):
    """A listener until the relay feeds it; from then on it lets its links acknowledge, and does nothing else.

    So sixteen of them need little of the machine, and none leaves because a busy machine has kept it waiting.
    """

    def __init__(self, machine: PeerMachine, port: int) -> None:
        super().__init__(machine, lambda _: None)
        self.uplink = machine.uplink
        self.port = port
        self.is_fed = trio.Event()

    def link_event(self, event: LinkEvent) -> None:
        """Take in what the links tell, until the relay is the parent."""
        if self.is_fed.is_set():
            return
        super().link_event(event)
        parent, links = self.uplink.parent, counts[self]
        if (
            parent is not None
            and self.uplink.state.is_hearing
            and (links.address(parent) or ("", 0))[1] == self.port
        ):
            self.is_fed.set()


async def crowd(link: Link, port: int, count: int) -> None:
    """Hear a broadcast `count` times over, from the relay at this port."""
    addresses = await resolve(link.host, link.port)
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            await nursery.start(hear, link, port, addresses)
        say("ready")


async def hear(link: Link, port: int, addresses: Any, task_status: trio.TaskStatus[None]) -> None:
    """Be one of them."""
    identity = fresh_identity()
    child = Child(PeerMachine(member_of(identity, link, addresses, Role.LISTENER, 0), SECOND), port)
    async with open_links(identity, UdpSocket.bind("127.0.0.1", 0), child.link_event) as links:
        counts[child] = links
        child.connect(links)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child.run)
            await child.is_fed.wait()
            nursery.cancel_scope.cancel()
        task_status.started()
        await trio.sleep_forever()


# ---- handshakes


def shake(
    client: QuicConnection, accept: Callable[[bytes], QuicConnection], prove: Callable[[Any, Any], bytes]
) -> Any:
    """Shake hands in memory until the client's proof has arrived; give the server and the proof."""
    now = 1.0
    client.connect(ADDRESSES[1], now=now)
    first = client.datagrams_to_send(now)
    server = accept(first[0][0][6:14])
    to_server, proof, is_proving = [data for data, _ in first], b"", False
    while len(proof) < PREAMBLE_BYTES:
        now += 0.001
        for data in to_server:
            server.receive_datagram(data, ADDRESSES[0], now)
        while (event := server.next_event()) is not None:
            proof += getattr(event, "data", b"")
        for data, _ in server.datagrams_to_send(now):
            client.receive_datagram(data, ADDRESSES[1], now)
        while (event := client.next_event()) is not None:
            if type(event).__name__ == "HandshakeCompleted":
                is_proving = True
                client.send_stream_data(0, prove(client, server))
        to_server = [data for data, _ in client.datagrams_to_send(now)]
    assert is_proving
    for data in to_server:
        server.receive_datagram(data, ADDRESSES[0], now)
    for data, _ in server.datagrams_to_send(now):
        client.receive_datagram(data, ADDRESSES[1], now)
    return server, proof


def ours(dialler: Identity, acceptor: Identity, configurations: Any) -> None:
    """Shake hands as Meshcast does: the key pinned, the dialler's proof over the exporter."""
    dial, accept = configurations
    client = FastConnection(configuration=dial)

    def prove(client: FastConnection, _: object) -> bytes:
        assert client.peer_key() == acceptor.peer_id
        return preamble(dialler, acceptor.peer_id, client.exported)

    def admit(connection_id: bytes) -> FastConnection:
        return FastConnection(configuration=accept, original_destination_connection_id=connection_id)

    server, proof = shake(client, admit, prove)
    assert proven_peer(proof, acceptor.peer_id, server.exported) == dialler.peer_id
    client.release_handshake()
    server.release_handshake()


def stock(dialler: Identity, acceptor: Identity, configurations: Any) -> None:
    """Shake hands as aioquic does, with the same two keys proved: the same proof over 32 bytes that both know."""
    dial, accept = configurations
    client = QuicConnection(configuration=dial)
    shared = bytes(32)

    def prove(client: QuicConnection, _: object) -> bytes:
        certificate: Any = client.tls._peer_certificate  # noqa: SLF001 - there is no other way
        assert pinned_key(certificate) == acceptor.peer_id
        return preamble(dialler, acceptor.peer_id, shared)

    def admit(connection_id: bytes) -> QuicConnection:
        return QuicConnection(configuration=accept, original_destination_connection_id=connection_id)

    _, proof = shake(client, admit, prove)
    assert proven_peer(proof, acceptor.peer_id, shared) == dialler.peer_id


def stock_configurations(identity: Identity) -> tuple[QuicConfiguration, QuicConfiguration]:
    """Configure stock aioquic with the same key, which is pinned: no chain is verified."""
    dial = QuicConfiguration(is_client=True, alpn_protocols=["x"], max_datagram_frame_size=65_535)
    dial.verify_mode = ssl.CERT_NONE
    accept = QuicConfiguration(is_client=False, alpn_protocols=["x"], max_datagram_frame_size=65_535)
    accept.certificate, accept.private_key = certificate_of(identity), identity.private_key
    return dial, accept


@contextmanager
def as_it_comes() -> Iterator[None]:
    """Take back what Meshcast changes in the library for the whole process."""
    cached, own_hash = library.EPOCHS, tls.Epoch.__hash__
    library.EPOCHS = cached.__wrapped__
    type.__delattr__(tls.Epoch, "__hash__")
    yield
    library.EPOCHS = cached
    type.__setattr__(tls.Epoch, "__hash__", own_hash)


def handshakes() -> None:
    """Take turns, and print the median of the ratios and what one costs."""
    dialler, acceptor = fresh_identity(), fresh_identity()
    kinds = {
        "ours": (ours, (dialling(), accepting(acceptor))),
        "stock": (stock, stock_configurations(acceptor)),
    }
    found: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(TURNS):
        for name, (handshake, configurations) in kinds.items():
            gc.collect()
            with as_it_comes() if name == "stock" else nullcontext():
                before = time.process_time_ns()
                for _ in range(HANDSHAKES):
                    handshake(dialler, acceptor, configurations)
                found[name].append((time.process_time_ns() - before) / 1e6 / HANDSHAKES)
    ratios = [one / other for one, other in zip(found["ours"], found["stock"], strict=True)]
    ms = {name: round(statistics.median(times), 2) for name, times in found.items()}
    say(json.dumps({"ratio": round(statistics.median(ratios), 3), "ms": ms}))


# ---- memory


def resident_bytes() -> int:
    """Give how much memory this process holds."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def memory() -> None:
    """Accept links from another process, and print by how much this one grows for each."""
    identity = fresh_identity()
    up: list[LinkUp] = []
    half, whole = trio.Event(), trio.Event()

    def take(event: LinkEvent) -> None:
        if isinstance(event, LinkUp):
            up.append(event)
            links.send_datagram(event.peer, bytes(900))
        if len(up) == CONNECTIONS:
            half.set()
        if len(up) == 2 * CONNECTIONS:
            whole.set()

    links = Links(identity, UdpSocket.bind("127.0.0.1", 0), take)
    async with trio.open_nursery() as nursery:
        await nursery.start(links.run)
        command = [sys.executable, __file__, "diallers", str(links.own_address[1]), identity.peer_id.hex()]
        diallers = await trio.lowlevel.open_process([*command, str(2 * CONNECTIONS)], stdin=subprocess.PIPE)
        await half.wait()
        await trio.sleep(1)
        before, known = resident_bytes(), len(up)
        assert diallers.stdin is not None
        await diallers.stdin.send_all(b"go on\n")
        await whole.wait()
        await trio.sleep(2)
        grown = (resident_bytes() - before) / (len(up) - known) / 1_024
        diallers.kill()
        await diallers.wait()
        say(json.dumps({"kib_per_connection": round(grown, 1)}))
        nursery.cancel_scope.cancel()


async def diallers(port: int, peer: bytes, count: int) -> None:
    """Be as many peers as there are links to make; the second half of them waits to be asked."""
    async with trio.open_nursery() as nursery:
        for number in range(count):
            if number == count // 2:
                await trio.to_thread.run_sync(sys.stdin.readline)
            links = Links(fresh_identity(), UdpSocket.bind("127.0.0.1", 0), lambda _: None)
            await nursery.start(links.run)
            links.dial(peer, ("127.0.0.1", port))  # type: ignore[arg-type]
            await trio.sleep(0.005)


def main() -> None:
    match sys.argv[1:]:
        case ["crowd", link, port, count]:
            threading.Thread(target=answer_questions, daemon=True).start()
            trio.run(crowd, Link.parse(link), int(port), int(count))
        case ["handshakes"]:
            handshakes()
        case ["memory"]:
            trio.run(memory)
        case ["diallers", port, peer, count]:
            trio.run(diallers, int(port), bytes.fromhex(peer), int(count))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
