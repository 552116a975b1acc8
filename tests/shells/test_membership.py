"""What a shell knows and a machine must be told: chance, the calendar, addresses."""

import time

import trio
from trio.testing import MockClock

from meshcast.driver import Driver
from meshcast.membership import dice, member_of, wall_offset_us
from meshcast.protocol.identity import Identity
from meshcast.protocol.link import Link
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import HOUR, SECOND, BroadcastId, PeerId


def test_dice_show_every_side_and_no_other() -> None:
    assert {dice(3) for _ in range(300)} == {0, 1, 2}
    assert dice(1) == 0


async def test_the_machines_clock_and_the_offset_are_the_calendar(autojump_clock: MockClock) -> None:
    before = time.time()
    offset_us = wall_offset_us()
    after = time.time()
    assert before * SECOND - 1 <= Driver.now() + offset_us <= after * SECOND + 1
    await trio.sleep(3600)
    assert before * SECOND - 1 <= Driver.now() - HOUR + offset_us <= after * SECOND + 1


async def test_a_member_is_of_the_broadcast_and_the_tracker_that_its_link_names() -> None:
    me = Identity.from_seed(bytes(32))
    link = Link("tracker.example", 4433, BroadcastId(b"b" * 32), PeerId(b"t" * 32))
    member = member_of(me, link, (("192.0.2.1", 4433),), Role.RELAY, 8)
    assert (member.me, member.broadcast, member.tracker) == (me.peer_id, b"b" * 32, b"t" * 32)
    assert (member.role, member.capacity) == (Role.RELAY, 8)
    assert member.tracker_addresses == (("192.0.2.1", 4433),)
