"""Peers built to harm: nothing forged is played or passed on, and whoever does it is left, reported and banned."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import trio

from meshcast.media.sound import PcmInt, to_float
from meshcast.media.timeline import compare
from meshcast.protocol.chunk import Chunk, parse_chunk
from meshcast.protocol.effects import Effect, Refill, SendChunk
from meshcast.protocol.events import Event
from meshcast.protocol.limits import silence_us
from meshcast.protocol.membership import Membership
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.units import MILLISECOND, SECOND, Micros


class Crooked:
    """A peer that does everything right, but for the chunks that it passes on once `is_awake`."""

    def __init__(self, member: Membership) -> None:
        self.honest = PeerMachine(member)
        self.is_awake = False
        self.sent = 0

    def handle(self, event: Event, now: Micros) -> list[Effect]:
        effects: list[Effect] = []
        for effect in self.honest.handle(event, now):
            if self.is_awake and isinstance(effect, SendChunk | Refill):
                effects += self.tamper(effect)
            else:
                effects.append(effect)
        return effects

    def deadline(self) -> Micros | None:
        return self.honest.deadline()

    def tamper(self, effect: SendChunk | Refill) -> list[Effect]:
        """Do harm."""
        return [effect]


class Withholder(Crooked):
    """Sends beats, and no chunks."""

    def tamper(self, effect: SendChunk | Refill) -> list[Effect]:
        return []


class BitFlipper(Crooked):
    """Changes one bit of the sound."""

    def tamper(self, effect: SendChunk | Refill) -> list[Effect]:
        return [replace(effect, chunk=_flipped(effect.chunk, 40))] if isinstance(effect, SendChunk) else []


class SequenceForger(Crooked):
    """Gives chunks a later number."""

    def tamper(self, effect: SendChunk | Refill) -> list[Effect]:
        return [replace(effect, chunk=_flipped(effect.chunk, 11))] if isinstance(effect, SendChunk) else []


class Replayer(Crooked):
    """Sends what was true two seconds ago, again and again."""

    def tamper(self, effect: SendChunk | Refill) -> list[Effect]:
        if not isinstance(effect, SendChunk):
            return []
        old = self.honest.backlog.get(effect.chunk.sequence - 20)
        return [replace(effect, chunk=old.chunk)] if old is not None else []


FORGERS = (BitFlipper, SequenceForger)


@pytest.mark.parametrize("kind", [BitFlipper, SequenceForger, Replayer, Withholder])
async def test_a_crooked_parent_is_left_and_nobody_hears_it(
    kind: type[Crooked],
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    async with open_stage(seed=3) as stage:
        tracker = await stage.start_tracker()
        await stage.start_broadcast(blocks_of(programme), capacity=2)
        await trio.sleep(0.5)
        crook = await stage.start_listener("crook", machine=kind)
        await trio.sleep(0.5)
        for number in range(8):
            await stage.start_listener(f"listener-{number}", capacity=2)
        await trio.sleep(5)
        machine = crook.driver.machine
        victims = [one for one in stage.listeners() if one.peer.uplink.parent == machine.honest.member.me]
        assert len(victims) >= 2, "the crook feeds others"
        machine.is_awake = True
        await trio.sleep(6)
        assert all(one.peer.uplink.parent not in {None, machine.honest.member.me} for one in victims)
        reference = to_float(programme).mean(axis=1).astype(np.float32)
        for one in stage.listeners():
            assert one.peer.playout.missing == 0
            assert one.listener.heard.forged_chunks == 0
            assert one in victims or one.peer.tally.forged == 0, "nothing forged was passed on"
            heard = compare(reference, one.sink.pcm.mean(axis=1).astype(np.float32))
            assert all(window.at_s == 0 for window in heard.missing), (
                "only a decoder's first packets may sound different"
            )
            assert heard.jumps == ()
        if kind in FORGERS:
            assert all(machine.honest.member.me in one.peer.tally.accused for one in victims)
            (broadcast,) = tracker.driver.machine.broadcasts.values()
            assert machine.honest.member.me in broadcast.bans


async def test_a_parent_that_beats_and_withholds_is_left_within_the_silence_threshold(
    autojump_clock: object,
    open_stage: Callable[..., Any],
    programme: PcmInt,
    blocks_of: Callable[[PcmInt], Any],
) -> None:
    async with open_stage(seed=3, is_heard=False) as stage:
        await stage.start_tracker()
        await stage.start_broadcast(blocks_of(programme), capacity=1)
        await trio.sleep(0.5)
        crook = await stage.start_listener("crook", machine=Withholder)
        await trio.sleep(0.5)
        victim = await stage.start_listener("victim")
        await trio.sleep(3)
        crook.driver.machine.is_awake = True
        assert victim.peer.uplink.vigil is not None
        watch = victim.peer.uplink.vigil.watch
        while (
            victim.peer.uplink.parent is not None
            and victim.peer.uplink.parent == crook.driver.machine.honest.member.me
        ):
            await trio.sleep(0.001)
        silent_us = round(trio.current_time() * SECOND) - watch.heard_at
        assert silent_us <= silence_us(100 * MILLISECOND, watch.jitter_us) + MILLISECOND


def _flipped(chunk: Chunk, at: int) -> Chunk:
    """Flip the lowest bit of one byte of what was signed."""
    data = bytearray(chunk.signed)
    data[at] ^= 1
    return parse_chunk(bytes(data))
