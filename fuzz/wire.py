"""The target `wire`: everything that turns bytes of others into values, and may answer with one error and no other."""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from fuzz import mutations, seeds
from fuzz.target import Plain
from meshcast.protocol.errors import BadInputError, LocalProtocolError, RemoteProtocolError
from meshcast.protocol.identity import Identity
from meshcast.protocol.link import Link, TrackerAddress
from meshcast.protocol.messages import Message
from meshcast.protocol.tickets import ban, delegation, ticket, unpack
from meshcast.protocol.wire import decode, decode_datagram, decode_refill, encode
from meshcast.transport.blobs import Incoming
from meshcast.transport.door import Door, parse_header
from meshcast.transport.framing import FrameReader, proven_peer
from meshcast.transport.limits import BLOBS_BYTES_MAX, FRAME_BYTES_MAX
from tracker.overlay.event import Announced
from tracker.overlay.snapshot import unpack_row

ACCEPTOR: Final = Identity.from_seed(b"acceptor".ljust(32, b".")).peer_id
WRITTEN_AGAIN: Final = 0.15
"""So many of the messages that were read are written and read again; it costs twice what reading costs."""
Reader = Callable[[bytes, Random], Any]


def _message(data: bytes, chance: Random) -> None:
    message: Message | None = decode(data)
    if message is None or chance.random() > WRITTEN_AGAIN:
        return
    try:
        again = encode(message)
    except LocalProtocolError:
        # A message may have come with its lengths written shorter than we write them; then it is beyond our bound.
        return
    assert decode(again) == message, "what was read can be written, and read again"


def _datagram(data: bytes, _: Random) -> None:
    decode_datagram(data)


def _refill(data: bytes, _: Random) -> None:
    decode_refill(data)


def _statement(data: bytes, _: Random) -> None:
    value = unpack(data)
    for accept in (ticket, delegation, ban):
        try:
            accept(value)
        except RemoteProtocolError:
            continue


def _frames(data: bytes, chance: Random) -> None:
    reader, at = FrameReader(), 0
    while at < len(data):
        step = 1 + mutations.below(chance, 400)
        reader.feed(data[at : at + step])
        at += step
        while (frame := reader.next_frame()) is not None:
            assert 0 < len(frame) <= FRAME_BYTES_MAX


def _blobs(data: bytes, chance: Random) -> None:
    incoming, held = Incoming(), 0
    for at in range(0, len(data), 40):
        stream_id = 2 + 4 * mutations.below(chance, 8)
        incoming.feed(stream_id, data[at : at + 40], end=chance.random() < 0.2)
        held += sum(map(len, incoming.take()))
    assert held <= BLOBS_BYTES_MAX


def _proof(data: bytes, _: Random) -> None:
    proven_peer(data[:96], ACCEPTOR, data[96:128])


def _text(data: bytes, _: Random) -> None:
    text = data.decode("utf-8", "replace")
    for parse in (Link.parse, TrackerAddress.parse):
        try:
            parse(text)
        except BadInputError as error:
            assert "\n" not in str(error), "one clear line"


def _row(data: bytes, _: Random) -> None:
    for read in (unpack_row, Announced.unpack):
        try:
            read(data)
        except BadInputError:
            continue


class Wire(Plain):
    """All readers in turn, each with the inputs that look like its own."""

    def __init__(self) -> None:
        kept = seeds.corpus()
        golden, pool = seeds.golden(), [*seeds.golden().values(), *kept.values()]
        found = [data for name, data in kept.items() if name.startswith("found-wire")]
        messages = [*seeds.messages(), *found]
        statements = [golden[name] for name in seeds.STATEMENTS]
        datagrams = [golden["chunk"], *(b"\2" + data for data in seeds.messages())]
        self._door = Door()
        self._pool = pool
        # Some readers cost a hundred times what others cost, and have a hundredth of the branches.
        self._readers: tuple[tuple[Reader, list[bytes], int], ...] = (
            (_message, messages, 30),
            (_datagram, datagrams, 40),
            (_refill, [golden["refill"]], 8),
            (_statement, statements, 8),
            (_frames, [kept["frames"]], 3),
            (_blobs, [golden["refill"]], 3),
            (_proof, [kept["preamble"]], 1),
            (_text, [kept["link"], kept["tracker-address"]], 2),
            (_row, [kept["row"], kept["announced"]], 4),
            (self._knock, [kept["initial"], kept["retry"], kept["version-negotiation"]], 6),
            (self._header, [kept["initial"], kept["short-header"]], 8),
        )
        self._turns = [number for number, (_, _, turns) in enumerate(self._readers) for _ in range(turns)]
        self.last = b""

    def feed(self, count: int, chance: Random) -> None:
        """Take `count` inputs."""
        turns, readers, random, values = self._turns, self._readers, chance.random, seeds.values()
        for _ in range(count):
            read, kept, _ = readers[turns[int(random() * len(turns))]]
            if (read is _message or read is _statement) and random() < 0.3:
                data = mutations.confused(values, chance)
            else:
                data = mutations.spoil(kept[int(random() * len(kept))], self._pool, chance)
            self.last = data
            self._give(read, data, chance)

    def read_one(self, number: int, data: bytes, chance: Random) -> None:
        """Give one input to one reader."""
        self._give(self._readers[number % len(self._readers)][0], data, chance)

    def read_all(self, data: bytes, chance: Random) -> None:
        """Give one input to every reader."""
        for read, _, _ in self._readers:
            self._give(read, data, chance)

    @staticmethod
    def _give(read: Reader, data: bytes, chance: Random) -> None:
        try:
            read(data, chance)
        except RemoteProtocolError as error:
            assert "\n" not in str(error), "one clear line"

    def settle(self) -> None:
        """Nothing is kept between two inputs but what the door remembers."""
        self._door = Door()

    def _knock(self, data: bytes, chance: Random) -> None:
        host = f"203.0.{mutations.below(chance, 256)}.{mutations.below(chance, 256)}"
        self._door.knock(data, (host, 4433), mutations.below(chance, 300), chance.random() * 1_000)

    def _header(self, data: bytes, _: Random) -> None:
        parse_header(data)
