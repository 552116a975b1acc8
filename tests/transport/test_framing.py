"""What stands on the control stream comes out as it went in, and a proof holds in one place only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcast.protocol.errors import LocalProtocolError, RemoteProtocolError
from meshcast.protocol.identity import Domain, Identity
from meshcast.protocol.units import PeerId
from meshcast.transport.framing import PREAMBLE_BYTES, FrameReader, framed, preamble, proven_peer
from meshcast.transport.limits import FRAME_BYTES_MAX

DIALLER, ACCEPTOR = Identity.from_seed(b"d" * 32), Identity.from_seed(b"a" * 32)
EXPORTED = bytes(range(32))


def frames_of(reader: FrameReader) -> list[bytes]:
    return list(iter(reader.next_frame, None))


@given(frames=st.lists(st.binary(min_size=1, max_size=300)), cut=st.integers(1, 400))
def test_frames_come_out_whole_and_in_order_however_the_stream_is_cut(frames: list[bytes], cut: int) -> None:
    stream = b"".join(framed(frame) for frame in frames)
    reader, got = FrameReader(), list[bytes]()
    for start in range(0, len(stream), cut):
        reader.feed(stream[start : start + cut])
        got += frames_of(reader)
    assert got == frames


@pytest.mark.parametrize("size", [1, FRAME_BYTES_MAX])
def test_the_shortest_and_the_longest_frame_are_allowed(size: int) -> None:
    reader = FrameReader()
    reader.feed(framed(bytes(size)))
    assert [len(frame) for frame in frames_of(reader)] == [size]


@pytest.mark.parametrize("size", [0, FRAME_BYTES_MAX + 1, 2**32 - 1])
def test_a_length_that_is_not_allowed_is_refused_before_anything_of_it_is_kept(size: int) -> None:
    reader = FrameReader()
    reader.feed(size.to_bytes(4, "big"))
    with pytest.raises(RemoteProtocolError):
        reader.next_frame()


@pytest.mark.parametrize("size", [0, FRAME_BYTES_MAX + 1])
def test_a_frame_that_is_not_allowed_is_never_written(size: int) -> None:
    with pytest.raises(LocalProtocolError):
        framed(bytes(size))


def test_a_proof_names_the_dialler_to_the_acceptor_on_this_connection() -> None:
    proof = preamble(DIALLER, ACCEPTOR.peer_id, EXPORTED)
    assert len(proof) == PREAMBLE_BYTES
    assert proven_peer(proof, ACCEPTOR.peer_id, EXPORTED) == DIALLER.peer_id


def test_a_reader_gives_the_proof_first_and_only_when_it_is_whole() -> None:
    proof = preamble(DIALLER, ACCEPTOR.peer_id, EXPORTED)
    reader = FrameReader()
    reader.feed(proof[:-1])
    assert reader.take(PREAMBLE_BYTES) is None
    reader.feed(proof[-1:] + framed(b"hello"))
    assert reader.take(PREAMBLE_BYTES) == proof
    assert frames_of(reader) == [b"hello"]


@given(bit=st.integers(0, 8 * PREAMBLE_BYTES - 1))
def test_a_proof_with_one_bit_changed_does_not_hold(bit: int) -> None:
    proof = bytearray(preamble(DIALLER, ACCEPTOR.peer_id, EXPORTED))
    proof[bit // 8] ^= 1 << bit % 8
    with pytest.raises(RemoteProtocolError):
        proven_peer(bytes(proof), ACCEPTOR.peer_id, EXPORTED)


def test_a_proof_holds_neither_elsewhere_nor_for_another_purpose_nor_before_the_handshake() -> None:
    other = PeerId(bytes(32))
    good = preamble(DIALLER, ACCEPTOR.peer_id, EXPORTED)
    purpose = DIALLER.peer_id + DIALLER.sign(Domain.TICKET, ACCEPTOR.peer_id + EXPORTED)
    empty = preamble(DIALLER, ACCEPTOR.peer_id, b"")
    for proof, acceptor, exported in (
        (good, other, EXPORTED),
        (good, ACCEPTOR.peer_id, bytes(32)),
        (purpose, ACCEPTOR.peer_id, EXPORTED),
        (empty, ACCEPTOR.peer_id, b""),
    ):
        with pytest.raises(RemoteProtocolError, match="does not hold"):
            proven_peer(proof, acceptor, exported)


def test_nobody_proves_to_be_the_acceptor_itself() -> None:
    with pytest.raises(RemoteProtocolError, match="claims to be the acceptor"):
        proven_peer(preamble(ACCEPTOR, ACCEPTOR.peer_id, EXPORTED), ACCEPTOR.peer_id, EXPORTED)
