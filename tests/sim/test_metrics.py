from meshcast.protocol.chunk import Chunk, Codec, Flag, Hop
from meshcast.protocol.events import ChunkReceived
from meshcast.protocol.units import MILLISECOND, PeerId
from sim.metrics import Broadcast, Ear

CHUNK_US = 100 * MILLISECOND


def heard(sequence: int, *, is_refill: bool = False) -> ChunkReceived:
    media_time_us = (sequence - 1) * CHUNK_US
    chunk = Chunk(0, 1, 1, sequence, media_time_us, CHUNK_US, Codec.OPUS, Flag.NONE, (), b"")
    return ChunkReceived(PeerId(b"p" * 32), Hop(0, 0), chunk, is_refill=is_refill)


def broadcast(chunks: int) -> Broadcast:
    one = Broadcast(CHUNK_US)
    for number in range(chunks):
        one.sends(number * CHUNK_US)
    return one


def test_the_base_is_the_least_transit_of_live_chunks_before_the_fault() -> None:
    ear = Ear()
    for sequence, transit_ms in ((1, 80), (2, 60), (3, 90), (4, 40)):
        ear.hear(heard(sequence), (sequence - 1) * CHUNK_US + transit_ms * MILLISECOND)
    assert ear.base_us(before=4) == 60 * MILLISECOND
    assert ear.base_us(before=1) is None


def test_a_refill_says_nothing_about_the_base_and_a_second_copy_nothing_at_all() -> None:
    ear = Ear()
    ear.hear(heard(1, is_refill=True), 10 * MILLISECOND)
    ear.hear(heard(1), 5 * MILLISECOND)
    assert ear.base_us(before=9) is None
    assert ear.arrivals == {1: 10 * MILLISECOND}


def test_a_chunk_is_missing_at_a_delay_if_it_never_came_or_came_after_media_time_base_and_delay() -> None:
    ear, base_us, delay_us = Ear(), 50 * MILLISECOND, 500 * MILLISECOND
    for sequence, late_us in ((1, 0), (2, 1), (4, -100 * MILLISECOND)):
        ear.hear(heard(sequence), (sequence - 1) * CHUNK_US + base_us + delay_us + late_us)
    assert broadcast(4).missing(ear, base_us, delay_us, 1, 4) == 2
    assert broadcast(4).missing(ear, base_us, 2 * delay_us, 1, 4) == 1
