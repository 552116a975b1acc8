import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.media.opus import Encoder
from meshcast.media.player import Player
from meshcast.media.sinks import MemorySink
from meshcast.media.sound import BLOCK_SAMPLES, PcmInt, to_float
from meshcast.media.timeline import compare


@pytest.fixture
def packets(noise: PcmInt) -> list[bytes]:
    encoder = Encoder(96_000)
    return [encoder.encode(block) for block in noise.reshape(-1, BLOCK_SAMPLES, 2)]


def test_packets_are_played_in_order(noise: PcmInt, packets: list[bytes]) -> None:
    sink = MemorySink()
    player = Player(sink)
    for start in range(0, len(packets), 5):
        player.play(packets[start : start + 5])
    assert (player.played_blocks, player.position_us) == (200, 4_000_000)
    assert compare(to_float(noise).mean(axis=1), sink.pcm.mean(axis=1)).found_share == 1.0


def test_a_hole_is_concealed_for_as_long_as_it_lasts_and_the_rest_is_in_time(
    noise: PcmInt, packets: list[bytes]
) -> None:
    sink = MemorySink()
    player = Player(sink)
    player.play(packets[:100])
    player.conceal(60_000)
    player.play(packets[103:])
    timeline = compare(to_float(noise).mean(axis=1), sink.pcm.mean(axis=1))
    assert timeline.jumps == ()
    assert timeline.silent_ms == 0
    assert (player.concealed_us, player.position_us) == (60_000, 4_000_000)


def test_a_pause_is_silence_and_the_sound_goes_on_after_it(noise: PcmInt, packets: list[bytes]) -> None:
    sink = MemorySink()
    player = Player(sink)
    player.play(packets[:100])
    player.silence(500_000)
    player.play(packets[100:])
    timeline = compare(to_float(noise).mean(axis=1), sink.pcm.mean(axis=1))
    assert [round(jump.by_s, 2) for jump in timeline.jumps] == [-0.5]
    assert timeline.repeated_s < 0.02
    assert player.silence_us == 500_000


def test_a_bad_packet_is_concealed_and_counted(packets: list[bytes]) -> None:
    player = Player(MemorySink())
    player.play([packets[0], b"", b"nonsense", packets[3]])
    assert player.position_us == 80_000
    assert player.bad_packets >= 1
    assert player.concealed_us == 20_000 * player.bad_packets
    assert player.played_blocks == 4 - player.bad_packets


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("play"), st.lists(st.binary(max_size=60), max_size=4)),
            st.tuples(
                st.sampled_from(["conceal", "silence"]), st.integers(0, 300).map(lambda ms: ms * 1_000)
            ),
        ),
        max_size=8,
    )
)
def test_the_position_counts_every_sample_written(steps: list[tuple[str, list[bytes] | int]]) -> None:
    sink = MemorySink()
    player = Player(sink)
    for step, what in steps:
        getattr(player, step)(what)
    assert len(sink.pcm) * 1_000_000 == player.position_us * 48_000
