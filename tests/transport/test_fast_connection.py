"""The fast path does what the code does that it stands in for: same bytes, same events, same state, whatever comes.

Two connections are established once. Each is then doubled: one takes short cuts, the other, of the very same state, does
not. Both are told the same at the same moments, over a network that loses, doubles, delays and spoils, and are compared.
More examples than the default, by hand: `MESHCAST_FUZZ=20000 pytest tests/transport/test_fast_connection.py -k same`.
"""

import copy
import functools
import hashlib
import heapq
import os
import random
import types
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any, cast

import pytest
from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.quic import connection as stock
from aioquic.quic.packet_builder import QuicSentPacket
from aioquic.quic.rangeset import RangeSet
from aioquic.quic.stream import QuicStream
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from meshcast.protocol.identity import Identity
from meshcast.transport.configuration import accepting, dialling
from meshcast.transport.connection import MeshConnection
from meshcast.transport.endings import FAULTS
from meshcast.transport.fast_books import SentDatagrams
from meshcast.transport.fast_connection import FastConnection
from meshcast.transport.fast_frames import asking, datagram_frame
from meshcast.transport.limits import DATAGRAM_BYTES_MAX

HERE, THERE, ELSEWHERE = ("10.0.0.1", 1), ("10.0.0.2", 2), ("10.0.0.3", 3)
IDENTITY = Identity.from_seed(b"acceptor".ljust(32))
EXAMPLES = int(os.environ.get("MESHCAST_FUZZ", "60"))
NOT_COMPARED = {
    "short_cuts_in",
    "short_cuts_out",
    "_keys",
    "_is_settled",
    "_probe_s",
    "_pending_since",
    "lane",
}
"""Counts of what only one of them has, and a time that means nothing while no datagram is queued."""


class Chance:
    """What the library asks the system for, the same for both of a pair of twins."""

    def __init__(self) -> None:
        self.drawn: dict[str, int] = {}
        self.whose = ""

    def urandom(self, size: int) -> bytes:
        number = self.drawn[self.whose] = self.drawn.get(self.whose, 0) + 1
        return hashlib.sha256(f"{self.whose[0]} {number}".encode()).digest()[:size]


def established() -> tuple[FastConnection, FastConnection]:
    """Shake hands, and let everything settle."""
    now = 100.0
    dialler = FastConnection(configuration=dialling())
    dialler.connect(THERE, now=now)
    first = dialler.datagrams_to_send(now)
    acceptor = FastConnection(
        configuration=accepting(IDENTITY), original_destination_connection_id=first[0][0][6:14]
    )
    for data, _ in first:
        acceptor.receive_datagram(data, HERE, now)
    for _ in range(8):
        for quic, other, address in ((acceptor, dialler, THERE), (dialler, acceptor, HERE)):
            for data, _ in quic.datagrams_to_send(now):
                other.receive_datagram(data, address, now + 0.01)
            now += 0.02
    for quic in (dialler, acceptor):
        while quic.next_event() is not None:
            pass
        quic.release_handshake()
    return dialler, acceptor


DIALLER, ACCEPTOR = established()


def double(quic: FastConnection) -> FastConnection:
    """Copy a connection; keys and what else never changes is shared."""
    quic._forget()
    keys = [keys for pair in quic._cryptos.values() for keys in (pair.send, pair.recv)]
    shared: list[object] = [quic._configuration, quic.tls, *quic._crypto_buffers.values()]
    shared += [part for one in keys for part in (one.aead, one.hp) if part is not None]
    return copy.deepcopy(quic, {id(one): one for one in shared})


def picture(value: Any, seen: dict[int, int]) -> Any:
    """Draw everything that hangs on a value, in a form that can be compared."""
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    if isinstance(value, Enum):
        return str(value)
    if id(value) in seen:
        return f"seen as {seen[id(value)]}"
    seen[id(value)] = len(seen)
    match value:
        case range():
            return value.start, value.stop
        case list() | tuple() | deque() | RangeSet():
            return [picture(one, seen) for one in value]
        case set() | frozenset():
            return sorted(map(str, value))
        case bytearray():
            return bytes(value)
        case dict():
            return [(picture(key, seen), picture(one, seen)) for key, one in value.items()]
        case types.MethodType():
            return value.__func__.__qualname__
        case functools.partial() | types.FunctionType() | tls.Context() | Buffer():
            return type(value).__name__
        case QuicSentPacket() | SentDatagrams():
            names = (
                "epoch",
                "in_flight",
                "is_ack_eliciting",
                "is_crypto_packet",
                "packet_number",
                "packet_type",
            )
            plain = [str(getattr(value, name)) for name in names]
            handlers = [picture(one, seen) for one in value.delivery_handlers if not is_idle(one)]
            return [*plain, value.sent_bytes, value.sent_time, handlers]
        case object(__module__=module) if not module.startswith(("aioquic", "meshcast")):
            return type(value).__name__
    if not hasattr(value, "__dict__"):
        return type(value).__name__
    return {name: picture(one, seen) for name, one in vars(value).items()}


def is_idle(handler: Any) -> bool:
    """Tell whether nothing happens when it is told: the library has one for each ping, whoever asked for it."""
    return getattr(handler[0], "__name__", "") == "_on_ping_delivery" and handler[1] == ((),)


class Twins:
    """One that takes short cuts and one that does not; told the same, they must do the same."""

    def __init__(self, name: str, quic: FastConnection, chance: Chance) -> None:
        self.name = name
        self.chance = chance
        self.fast = double(quic)
        self.plain = cast("Any", double(quic))
        self.plain.__class__ = MeshConnection
        self.got: list[Any] = []
        self.sent_down_the_lane = 0

    def both(self, do: Callable[[Any], Any]) -> Any:
        """Do something with both; tell what came of it, which must be one thing."""
        results: list[tuple[Any, str | None]] = []
        for suffix, quic in (("fast", self.fast), ("plain", self.plain)):
            self.chance.whose = f"{self.name} {suffix}"
            try:
                results.append((do(quic), None))
            except FAULTS as fault:
                results.append((None, repr(fault)))
        assert results[0] == results[1], self.name
        return results[0][0]

    def send(self, data: bytes, now: float, *, is_asking: bool) -> list[tuple[bytes, Any]]:
        """Send a datagram by itself if that is possible, which is what a flush would do, and otherwise queue it.

        One that asks for an answer is what the library makes of a datagram and a probe.
        """
        self.plain.queue_datagram(data, now)
        frame, lane = datagram_frame(data), self.fast.lane
        frame = asking(frame) if is_asking else frame
        packet = lane.seal(frame, len(data), now) if len(data) <= DATAGRAM_BYTES_MAX else None
        self.sent_down_the_lane += packet is not None
        built = self.fast.send_at_once(frame, len(data), now) if packet is None else (packet, lane.address)
        if built is None:
            self.fast.queue_datagram(data, now)
            return []
        self.plain._probe_pending = self.plain._probe_pending or is_asking
        assert self.plain.datagrams_to_send(now) == [built]
        return [built]

    def serve(self, now: float) -> list[tuple[bytes, Any]]:
        """Do what an endpoint does in a turn."""
        self.got += self.both(lambda quic: list(iter(quic.next_event, None)))
        due = self.both(lambda quic: quic.get_timer())
        if due is not None and due <= now:
            self.both(lambda quic: quic.handle_timer(now))
        if self.both(lambda quic: quic.has_work(now)):
            sent: list[tuple[bytes, Any]] = self.both(lambda quic: quic.datagrams_to_send(now)) or []
            return sent
        return []

    def compare(self) -> None:
        """See whether both are in the same state, down to the last number."""
        self.both(lambda quic: quic.get_timer())
        fast, plain = (picture(compared(quic), {}) for quic in (self.fast, self.plain))
        fast, plain = dict(fast), dict(plain)
        assert fast == plain, [name for name in plain if fast.get(name) != plain[name]]
        assert self.both(lambda quic: (quic.waiting_since, quic.ending, quic.rtt_s)) is not None


def compared(quic: MeshConnection) -> dict[str, Any]:
    return {name: value for name, value in vars(quic).items() if name not in NOT_COMPARED}


class World:
    """Two pairs of twins and a bad network between them."""

    def __init__(self, seed: int, loss: float) -> None:
        self.chance = Chance()
        self.random = random.Random(seed)
        self.loss = loss
        self.now = 101.0
        self.dialler = Twins("dialler", DIALLER, self.chance)
        self.acceptor = Twins("acceptor", ACCEPTOR, self.chance)
        self.here = HERE
        self.wire: list[tuple[float, int, bool, bytes]] = []
        self.number = 0

    def side(self, is_dialler: bool) -> Twins:
        return self.dialler if is_dialler else self.acceptor

    def put(self, data: bytes, to_dialler: bool) -> None:
        chance = self.random
        if chance.random() < self.loss:
            return
        for _ in range(2 if chance.random() < 0.03 else 1):
            self.number += 1
            arrives = self.now + 0.01 + (0.1 * chance.random() if chance.random() < 0.1 else 0)
            heapq.heappush(self.wire, (arrives, self.number, to_dialler, data))

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            while self.wire and self.wire[0][0] <= self.now:
                _, _, to_dialler, data = heapq.heappop(self.wire)
                self.deliver(data, to_dialler)
            for is_dialler in (True, False):
                for data, _ in self.side(is_dialler).serve(self.now):
                    self.put(data, not is_dialler)
            self.now += 0.01

    def deliver(self, data: bytes, to_dialler: bool) -> None:
        address = THERE if to_dialler else self.here
        self.side(to_dialler).both(lambda quic: quic.receive_datagram(data, address, self.now))

    def act(self, kind: str, is_dialler: bool, amount: int) -> None:
        """Let something happen at one side."""
        twins, now = self.side(is_dialler), self.now
        match kind:
            case "datagrams":
                for number in range(1 + amount % 3):
                    data = self.random.randbytes((amount * (number + 1)) % 1_150)
                    if twins.both(lambda quic, data=data: quic.has_room_for(len(data))):  # type: ignore[misc]
                        for sent, _ in twins.send(data, now, is_asking=amount % 7 == 0):
                            self.put(sent, not is_dialler)
            case "stream":
                twins.both(lambda quic: write_stream(quic, bytes(amount % 5_000)))
            case "ping":
                twins.both(lambda quic: quic.ping())
            case "key update":
                twins.both(lambda quic: quic.request_key_update())
            case "new id":
                twins.both(lambda quic: quic.change_connection_id())
            case "move":
                self.here = ELSEWHERE if self.here == HERE else HERE
            case "garbage" if self.wire:
                _, _, to_dialler, data = self.wire[amount % len(self.wire)]
                spoilt = bytearray(data)
                spoilt[amount % len(spoilt)] ^= 1 << amount % 8
                self.deliver(bytes(spoilt[: len(spoilt) - amount % 7 * (amount % 2)]), to_dialler)
            case "strange frames":
                self.deliver(self.forge(twins, STRANGE[amount % len(STRANGE)]), not is_dialler)
            case "close" if amount % 5 == 0:
                twins.both(lambda quic: quic.close(error_code=1, reason_phrase="enough"))
            case _:
                pass

    def forge(self, twins: Twins, payload: bytes) -> bytes:
        """Seal a payload that the library would never write, as the next packet of a side."""

        def seal(quic: MeshConnection) -> bytes:
            if isinstance(quic, FastConnection):
                quic._close_lane()
            number, quic._packet_number = quic._packet_number, quic._packet_number + 1
            pair = quic._one_rtt
            header = (
                bytes([0x41 | pair.key_phase << 2])
                + quic._peer_cid.cid
                + (number & 0xFFFF).to_bytes(2, "big")
            )
            return bytes(pair.encrypt_packet(header, payload, number))

        sealed: bytes = twins.both(seal)
        return sealed


def write_stream(quic: MeshConnection, data: bytes) -> None:
    quic.send_stream_data(quic.get_next_available_stream_id(is_unidirectional=True), data, end_stream=True)


STRANGE = [
    b"\0" * 40,
    b"\x01" + b"\0" * 10,
    b"\x31\x05abc" + b"\0" * 4,
    b"\x31\x40\x03abc" + b"\0" * 4,
    b"\x31\x80\x00\x00\x03abc\x01",
    b"\x30the rest",
    b"\x40\x31\x03abc\0\0",
    b"\x02\x05\x00\x00\x09\0\0",
    b"\x02\x05\x00\x01\x01\x09\x01\0",
    b"\x02\x08\x00\x01\x01\x00\x01\0",
    b"\x02\x08\x00\x00\x00\x02\x06\x00\x00\x00",
    b"\x02\x40\xff\x00\x00\x00\0\0",
    b"\x02\x05\xc0\xff\xff\xff\xff\xff\xff\xff\x00\x00",
    b"\x02\x05\x00\xff",
    b"\x03\x05\x00\x00\x00\x00\x00\x00",
    b"\x31\x02ab\x02\x04\x00\x00\x00\x31\x00",
    b"\x1e" + b"\0" * 5,
    b"\x06\x00\x01x" + b"\0" * 5,
    b"\xff" * 20,
]
"""Payloads at the edges of what the fast path reads."""

HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(
            ["datagrams"] * 10
            + [
                "stream",
                "stream",
                "ping",
                "key update",
                "new id",
                "move",
                "garbage",
                "strange frames",
                "close",
            ]
        ),
        st.booleans(),
        st.integers(0, 5_000),
        st.sampled_from([0.0, 0.01, 0.04, 0.1, 0.1, 0.1, 0.3, 1.5]),
    ),
    min_size=1,
    max_size=40,
)
SPEECH = [("datagrams", False, 900, 0.1)] * 30


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(happenings=SPEECH, seed=1, loss=0.0)
@example(happenings=SPEECH, seed=2, loss=0.2)
@example(
    happenings=[("key update", True, 0, 0.1), ("strange frames", True, 0, 0.0), ("datagrams", True, 0, 0.0)],
    seed=0,
    loss=0.0,
)
@given(happenings=HAPPENINGS, seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.0, 0.05, 0.3]))
def test_with_and_without_short_cuts_everything_is_the_same(
    happenings: list[tuple[str, bool, int, float]], seed: int, loss: float
) -> None:
    world = World(seed, loss)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stock, "os", world.chance)
        # The library lets the order of a set, and so of addresses in memory, decide which stream comes next.
        patch.setattr(QuicStream, "__hash__", lambda stream: hash(stream.stream_id), raising=False)
        for kind, is_dialler, amount, seconds in happenings:
            world.act(kind, is_dialler, amount)
            world.run(seconds)
        for twins in (world.dialler, world.acceptor):
            twins.compare()


def test_speech_takes_the_short_cut_each_way() -> None:
    world = World(1, 0.0)
    for kind, is_dialler, amount, seconds in SPEECH:
        world.act(kind, is_dialler, amount)
        world.run(seconds)
    assert world.acceptor.fast.short_cuts_out >= 30
    assert world.dialler.fast.short_cuts_in >= 30
    assert world.dialler.fast.short_cuts_out >= 3, "one acknowledgement for ten chunks"
    assert world.acceptor.fast.short_cuts_in >= 3
    assert len(world.dialler.got) == 30
    assert world.acceptor.sent_down_the_lane >= 25, "all but those that follow an acknowledgement"


@pytest.mark.parametrize("who_asks", [True, False])
def test_the_short_cut_is_found_again_after_a_key_update(who_asks: bool) -> None:
    world = World(1, 0.0)
    world.act("key update", who_asks, 0)
    for kind, is_dialler, amount, seconds in SPEECH:
        world.act(kind, is_dialler, amount)
        world.run(seconds)
    assert {world.dialler.fast._one_rtt.key_phase, world.acceptor.fast._one_rtt.key_phase} == {1}
    assert world.dialler.fast.short_cuts_in >= 20
    assert world.acceptor.fast.short_cuts_out >= 20
