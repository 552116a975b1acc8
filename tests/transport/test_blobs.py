"""Blobs are counted alike at both ends: few, bounded, whole."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcast.protocol.errors import LocalProtocolError, RemoteProtocolError
from meshcast.transport.blobs import Incoming, Outgoing
from meshcast.transport.limits import BLOB_BYTES_MAX, BLOBS_BYTES_MAX, BLOBS_MAX


@pytest.mark.parametrize("size", [0, BLOB_BYTES_MAX + 1])
def test_a_blob_that_no_receiver_may_take_is_a_bug_of_the_sender(size: int) -> None:
    with pytest.raises(LocalProtocolError):
        Outgoing().has_room_for(size)


def test_only_so_many_are_on_their_way_and_delivery_makes_room() -> None:
    outgoing = Outgoing()
    for stream_id in range(BLOBS_MAX):
        assert outgoing.has_room_for(1)
        outgoing.add(stream_id, 1)
    assert not outgoing.has_room_for(1)
    assert not outgoing.forget(lambda stream_id: stream_id == 3)
    assert outgoing.has_room_for(1)
    assert outgoing.forget(lambda _: True)


@given(sizes=st.lists(st.integers(1, BLOB_BYTES_MAX), max_size=40), chance=st.randoms(use_true_random=False))
def test_what_an_honest_sender_may_send_never_offends_the_receiver(sizes: list[int], chance: Random) -> None:
    outgoing, incoming = Outgoing(), Incoming()
    unsent: dict[int, int] = {}
    for stream_id, size in enumerate(sizes):
        if outgoing.has_room_for(size):
            outgoing.add(stream_id, size)
            unsent[stream_id] = size
        if unsent and chance.random() < 0.7:
            arriving = chance.choice(list(unsent))
            part = chance.randint(1, unsent[arriving])
            unsent[arriving] -= part
            incoming.feed(arriving, bytes(part), end=not unsent[arriving])
            if not unsent[arriving]:
                del unsent[arriving]
                assert len(incoming.take()) == 1
            outgoing.forget(lambda stream_id: stream_id not in unsent)


def test_parts_make_a_whole_and_streams_do_not_mix() -> None:
    incoming = Incoming()
    incoming.feed(2, b"ab", end=False)
    incoming.feed(6, b"x", end=True)
    assert incoming.take() == [b"x"]
    incoming.feed(2, b"c", end=True)
    assert incoming.take() == [b"abc"]
    assert incoming.take() == []


def test_more_than_anybody_may_send_is_an_offence_even_when_nothing_is_whole() -> None:
    incoming = Incoming()
    for stream_id in range(4):
        incoming.feed(stream_id, bytes(BLOBS_BYTES_MAX // 4), end=False)
    with pytest.raises(RemoteProtocolError):
        incoming.feed(9, b"x", end=False)


def test_an_empty_blob_is_an_offence() -> None:
    with pytest.raises(RemoteProtocolError):
        Incoming().feed(2, b"", end=True)
