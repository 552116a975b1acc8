"""A line dies by silence and by nothing else, and no stranger gets further than its proof."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from meshcast.protocol.identity import Domain
from meshcast.protocol.units import MILLISECOND, SECOND
from meshcast.transport import limits
from meshcast.transport.endings import Blame
from meshcast.transport.fabric import Conditions
from meshcast.transport.framing import preamble
from meshcast.transport.link_events import FrameReceived, LinkDown, LinkUp
from meshcast.transport.reasons import DownReason

# Silence


async def test_a_dead_child_is_dropped_after_two_and_a_half_seconds_and_holds_no_memory(
    autojump_clock: MockClock, street: Any
) -> None:
    parent, child = await street.linked("parent", "child")
    street.fabric.kill(child.address)
    start = trio.current_time()
    sent = 0
    while parent.links.is_up(child.id):
        sent += parent.links.send_datagram(child.id, bytes(1_000))
        await trio.sleep(0.01)
    assert trio.current_time() - start == pytest.approx(limits.SILENCE_S_MAX, abs=0.02)
    assert [down.reason for down in parent.downs] == [DownReason.SILENT]
    assert sent * 1_000 < 131_072, "no more than the window"
    dropped = parent.links.totals().datagrams_dropped
    assert dropped > 100
    await trio.sleep(2)
    assert parent.connections == 0


async def expect_an_end_in_time(parent: Any, child: Any) -> None:
    """Send one chunk to a child that is dead: its link falls as if there were more."""
    start = trio.current_time()
    parent.links.send_datagram(child.id, bytes(1_000))
    while parent.links.is_up(child.id):
        await trio.sleep(0.01)
    assert trio.current_time() - start == pytest.approx(limits.SILENCE_S_MAX, abs=0.02)


async def test_a_chunk_into_silence_is_asked_after_though_nothing_else_happens(
    autojump_clock: MockClock, street: Any
) -> None:
    parent, child = await street.linked("parent", "child")
    street.fabric.kill(child.address)
    await expect_an_end_in_time(parent, child)


@pytest.mark.parametrize("pause_s", [0.05, 0.5, 0.9, 1.5, 5.0, 20.0])
async def test_the_first_chunk_after_a_pause_into_silence_is_asked_after_whatever_was_answered_before(
    autojump_clock: MockClock, street: Any, pause_s: float
) -> None:
    parent, child = await street.linked("parent", "child")
    for _ in range(2 * limits.ACK_PACKETS):
        parent.links.send_datagram(child.id, bytes(900))
        await trio.sleep(0.1)
    await trio.sleep(limits.ACK_DELAY_S + 0.05 + pause_s)
    street.fabric.kill(child.address)
    await expect_an_end_in_time(parent, child)


@pytest.mark.parametrize("chunk_after_s", [0.001, 0.02, 0.1])
async def test_a_frame_that_is_lost_is_sent_again_as_soon_as_the_next_chunk_shows_the_gap(
    autojump_clock: MockClock, street: Any, chunk_after_s: float
) -> None:
    parent, child = await street.linked("parent", "child")
    await trio.sleep(1)
    round_trip_s = parent.links.rtt_us(child.id) / SECOND
    ends = parent.address[0], child.address[0]
    street.fabric.between(*ends, Conditions(loss=1.0))
    start = trio.current_time()
    parent.links.send(child.id, b"a word")
    await trio.sleep(chunk_after_s)
    assert parent.links.counters(child.id).frames_sent == 1
    street.fabric.between(*ends, None)
    parent.links.send_datagram(child.id, bytes(1_000))
    await trio.sleep(1)
    assert child.when(FrameReceived) - start < chunk_after_s + 2 * round_trip_s


async def test_a_full_window_drops_datagrams_at_once_and_counts_them(
    autojump_clock: MockClock, street: Any
) -> None:
    parent, child = await street.linked("parent", "child")
    quic = parent.links._links[child.id].sending.channel.quic
    before = quic.short_cuts_out
    sent = [parent.links.send_datagram(child.id, bytes(1_000)) for _ in range(50)]
    left_at_once = quic.short_cuts_out - before
    burst = quic._loss.congestion_window // 4 // 1_200
    assert left_at_once <= burst + 1, "then pacing holds them back"
    assert sum(sent) == left_at_once + limits.DATAGRAMS_PENDING_MAX
    counters = parent.links.counters(child.id)
    assert counters.datagrams_sent == sum(sent)
    assert counters.datagrams_dropped == 50 - sum(sent)
    await trio.sleep(1)
    assert len(child.datagrams) == sum(sent)
    assert parent.links.send_datagram(child.id, b"again")


async def test_a_flood_of_frames_to_the_dead_is_bounded_and_ends_the_link(
    autojump_clock: MockClock, street: Any
) -> None:
    parent, child = await street.linked("parent", "child")
    street.fabric.kill(child.address)
    taken = 0
    for _ in range(1_000):
        taken += parent.links.send(child.id, bytes(1_000))
    assert taken * 1_000 < limits.BACKLOG_BYTES_MAX
    assert not parent.links.is_up(child.id)
    await trio.sleep(0.1)
    assert [down.reason for down in parent.downs] == [DownReason.SILENT]
    assert parent.links.overloads == 1


async def test_a_dead_peer_is_noticed_within_eight_seconds_though_nothing_is_said(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    await trio.sleep(60)
    street.fabric.kill(right.address)
    start = trio.current_time()
    await trio.sleep(20)
    assert [down.reason for down in left.downs] == [DownReason.SILENT]
    assert left.when(LinkDown) - start < 8.0


async def test_an_idle_link_lives_for_an_hour_and_costs_a_packet_now_and_then(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    await trio.sleep(3_600)
    assert left.links.is_up(right.id)
    assert left.turns < 3_600 * 1.2
    assert left.links.totals().wire_bytes_sent < 3_600 * 25


async def test_an_idle_link_lives_for_half_an_hour_at_five_percent_loss_and_a_long_round_trip(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    far = Conditions(150 * MILLISECOND, jitter_us=20 * MILLISECOND, loss=0.05)
    street.fabric.between("10.0.0.1", "10.0.0.2", far)
    street.fabric.between("10.0.0.2", "10.0.0.1", far)
    await trio.sleep(1_800)
    assert not left.downs
    assert not right.downs


async def test_a_blackout_of_two_seconds_is_survived_and_nothing_stale_comes_after_it(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    number = 0

    async def stream(seconds: float) -> None:
        nonlocal number
        for _ in range(round(seconds / 0.04)):
            left.links.send_datagram(right.id, number.to_bytes(4, "big") * 75)
            number += 1
            await trio.sleep(0.04)

    await stream(2)
    street.fabric.partition(["10.0.0.1"], ["10.0.0.2"])
    await stream(2)
    street.fabric.heal()
    healed, heard = number, len(right.datagrams)
    await stream(2)
    assert not left.downs
    first = int.from_bytes(right.datagrams[heard][:4], "big")
    assert healed - 3 <= first <= healed + 15
    assert len(right.datagrams) - heard > 30


async def test_a_link_that_is_down_comes_up_again_when_dialled_again(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    street.fabric.partition(["10.0.0.1"], ["10.0.0.2"])
    await trio.sleep(10)
    assert not left.links.is_up(right.id)
    assert not right.links.is_up(left.id)
    street.fabric.heal()
    left.links.dial(right.id, right.address)
    await trio.sleep(1)
    left.links.send(right.id, b"again")
    await trio.sleep(1)
    assert right.frames == [b"again"]
    assert [type(event) for _, event in left.told] == [LinkUp, LinkDown, LinkUp]


async def test_a_suspended_machine_is_dropped_and_notices_it_when_it_wakes(
    autojump_clock: MockClock, street: Any
) -> None:
    left, right = await street.linked("left", "right")
    street.fabric.freeze(right.address)
    await trio.sleep(20)
    assert [down.reason for down in left.downs] == [DownReason.SILENT]
    street.fabric.thaw(right.address)
    await trio.sleep(10)
    assert len(right.downs) == 1


# Moving


async def test_a_client_whose_nat_moves_it_keeps_its_link_and_is_known_under_its_new_address(
    autojump_clock: MockClock, street: Any
) -> None:
    child, parent = await street.linked("child", "parent")
    old = child.address
    child.links._socket.rebind("10.0.0.1")
    assert child.address != old
    child.links.ping(parent.id)
    await trio.sleep(0.5)
    assert parent.links.address(child.id) == child.address
    parent.links.send(child.id, b"found you")
    for _ in range(20):
        assert parent.links.send_datagram(child.id, bytes(500))
        await trio.sleep(0.04)
    await trio.sleep(1)
    assert child.frames == [b"found you"]
    assert len(child.datagrams) == 20
    assert not parent.downs
    assert not child.downs


async def test_a_child_that_only_listens_is_found_again_by_its_next_ping(
    autojump_clock: MockClock, street: Any
) -> None:
    child, parent = await street.linked("child", "parent")
    await trio.sleep(30)
    child.links._socket.rebind("10.0.0.1")
    await trio.sleep(30)
    assert parent.links.address(child.id) == child.address
    assert not parent.downs


# Strangers


async def test_a_proof_made_for_one_connection_is_worth_nothing_on_another(
    autojump_clock: MockClock, street: Any
) -> None:
    victim, thief = await street.peer("victim"), await street.intruder("thief")
    honest = await street.peer("honest")
    honest.links.dial(thief.identity.peer_id, ("10.0.0.2", 4433))
    await trio.sleep(0.5)
    stolen = b"".join(event.data for event in thief.got if hasattr(event, "stream_id"))
    assert stolen[:32] == honest.id
    thief.dial(victim.address)
    await trio.sleep(0.2)
    thief.say(stolen)
    await trio.sleep(0.2)
    assert not victim.told
    assert victim.links.strangers_refused == 1
    assert [ending.blame for ending in thief.endings] == [Blame.PEER]
    assert "does not hold" in thief.endings[0].reason


@pytest.mark.parametrize("fault", ["other acceptor", "other exporter", "other domain", "garbage", "own key"])
async def test_a_proof_that_does_not_hold_closes_that_connection_alone(
    autojump_clock: MockClock, street: Any, fault: str
) -> None:
    victim, friend = await street.linked("victim", "friend")
    intruder = await street.intruder("intruder")
    intruder.dial(victim.address)
    await trio.sleep(0.2)
    identity, exported = intruder.identity, intruder.quic.exported
    proofs = {
        "other acceptor": preamble(identity, friend.id, exported),
        "other exporter": preamble(identity, victim.id, bytes(32)),
        "other domain": identity.peer_id + identity.sign(Domain.TICKET, victim.id + exported),
        "garbage": bytes(range(96)),
        "own key": victim.id + identity.sign(Domain.LINK_PROOF, victim.id + exported),
    }
    intruder.say(proofs[fault])
    await trio.sleep(0.5)
    assert [event for _, event in victim.told if isinstance(event, LinkUp)] == victim.ups[:1]
    assert victim.links.strangers_refused == 1
    assert intruder.endings[0].blame is Blame.PEER
    assert victim.links.is_up(friend.id)


async def test_a_stranger_that_proves_nothing_is_forgotten_after_three_seconds_without_a_word(
    autojump_clock: MockClock, street: Any
) -> None:
    victim, intruder = await street.peer("victim"), await street.intruder("intruder")
    intruder.dial(victim.address)
    await trio.sleep(1)
    assert intruder.is_established
    assert victim.connections == 1
    await trio.sleep(2.5)
    assert victim.connections == 0
    assert not intruder.endings
    assert not victim.told


async def test_before_the_proof_datagrams_are_dropped_and_blobs_wait(
    autojump_clock: MockClock, street: Any
) -> None:
    victim, intruder = await street.peer("victim"), await street.intruder("intruder")
    intruder.dial(victim.address)
    await trio.sleep(0.2)
    intruder.say(b"early blob", 2, end=True)
    intruder.quic.send_datagram_frame(b"early datagram")
    await trio.sleep(0.2)
    assert not victim.told
    intruder.say(preamble(intruder.identity, victim.id, intruder.quic.exported))
    await trio.sleep(0.2)
    assert len(victim.ups) == 1
    assert victim.blobs == [b"early blob"]
    assert not victim.datagrams


async def proved(street: Any) -> tuple[Any, Any, Any]:
    """Make a victim, a friend of it, and an intruder with a link of its own."""
    victim, friend = await street.linked("victim", "friend")
    intruder = await street.intruder("intruder")
    intruder.dial(victim.address)
    await trio.sleep(0.2)
    intruder.say(preamble(intruder.identity, victim.id, intruder.quic.exported))
    await trio.sleep(0.2)
    assert victim.links.is_up(intruder.identity.peer_id)
    return victim, friend, intruder


OFFENCES: Any = {
    "a frame too long": lambda i: i.say(b"\xff\xff\xff\xff"),
    "an empty frame": lambda i: i.say(bytes(4)),
    "a second bidirectional stream": lambda i: ignore_limits(i).say(b"x", 4),
    "a stream too many": lambda i: ignore_limits(i).say(b"x", 2 + 4 * limits.BLOBS_MAX),
    "an empty blob": lambda i: i.say(b"", 2, end=True),
    "a blob too long": lambda i: i.say(bytes(limits.BLOB_BYTES_MAX + 1), 2),
    "a stream reset": lambda i: (i.say(b"x", 2), i.quic.reset_stream(2, 0)),
    "the control stream reset": lambda i: (i.quic.reset_stream(0, 0), i.touch()),
    "the control stream stopped": lambda i: (i.quic.stop_stream(0, 0), i.touch()),
    "the end and nothing in its stead": lambda i: i.say(b"", 0, end=True),
}


def ignore_limits(intruder: Any) -> Any:
    """Make an intruder that opens more streams than it was granted."""
    intruder.quic._remote_max_streams_bidi = intruder.quic._remote_max_streams_uni = 1_000
    return intruder


@pytest.mark.parametrize("offence", OFFENCES)
async def test_who_breaks_the_protocol_loses_its_link_and_nobody_elses(
    autojump_clock: MockClock, street: Any, offence: str
) -> None:
    victim, friend, intruder = await proved(street)
    OFFENCES[offence](intruder)
    await trio.sleep(5)
    assert [(down.peer, down.reason) for down in victim.downs] == [
        (intruder.identity.peer_id, DownReason.PROTOCOL)
    ]
    assert victim.links.is_up(friend.id)
    friend.links.send(victim.id, b"still here")
    await trio.sleep(0.2)
    assert victim.frames == [b"still here"]
    await trio.sleep(3)
    assert victim.connections == 1


async def test_answering_in_the_same_instant_as_the_stream_is_stopped_harms_nothing(
    autojump_clock: MockClock, street: Any
) -> None:
    victim, _, intruder = await proved(street)
    victim.react = lambda event: hasattr(event, "data") and victim.links.send(event.peer, b"answer") and None
    # A packet's datagrams stand before its streams: told first, when the stop has been carried out already.
    intruder.quic.send_datagram_frame(b"?")
    intruder.quic.stop_stream(0, 0)
    intruder.touch()
    await trio.sleep(1)
    assert victim.datagrams == [b"?"]
    assert len(victim.downs) == 1
