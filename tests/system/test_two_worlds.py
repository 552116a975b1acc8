"""One logic, two worlds: what a machine decides under trio and real QUIC, it decides at the same microsecond simulated."""

from collections.abc import Callable
from typing import Any

import trio

from bed.actor import StageDriver
from meshcast.protocol.effects import Effect
from meshcast.protocol.events import Captured, Event
from meshcast.protocol.membership import Membership
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from meshcast.transport.fabric import Conditions
from sim.host import Host
from sim.weather import Conditions as Weather
from sim.world import Settings, World

ONE_WAY_US = 10 * MILLISECOND
CHUNK = Captured((bytes([0xFC]) * 160,) * 5, 100 * MILLISECOND)
RELAY_JOINS_US = 1 * SECOND
CHILD_JOINS_US = 2 * SECOND
RELAY_DIES_US = 5 * SECOND + 50 * MILLISECOND
END_US = 8 * SECOND


class Diary:
    """A peer that writes down when it loses a parent, and when it has one again."""

    def __init__(self, machine: PeerMachine) -> None:
        self.machine = machine
        self.lost_at: list[Micros] = []

    def handle(self, event: Event, now: Micros) -> list[Effect]:
        before = self.machine.uplink.parent
        effects = self.machine.handle(event, now)
        if before is not None and self.machine.uplink.parent != before:
            self.lost_at.append(now)
        return effects

    def deadline(self) -> Micros | None:
        return self.machine.deadline()


class EvenWorld(World):
    """A world in which everybody is equally far from everybody."""

    def _delay_us(self, one: Host, other: Host) -> Micros:
        return ONE_WAY_US


def simulated() -> list[Micros]:
    """Let the relay die in the simulator."""
    world = EvenWorld(1, Settings(Weather(jitter=0.0), origin_capacity=1))
    world.run_until(RELAY_JOINS_US)
    relay = world.add_peer(capacity=1)
    world.run_until(CHILD_JOINS_US)
    child = world.add_peer(capacity=1)
    assert isinstance(child.machine, PeerMachine)
    diary = Diary(child.machine)
    child.machine = diary
    world.run_until(RELAY_DIES_US)
    assert diary.machine.uplink.parent == relay.key
    world.faults.kill(relay)
    world.run_until(END_US)
    return diary.lost_at


async def driven(open_stage: Callable[..., Any]) -> list[Micros]:
    """Let the relay die on the stage, with real drivers and real QUIC."""
    async with open_stage(Conditions(delay_us=ONE_WAY_US), is_heard=False) as stage:
        await stage.start_tracker()

        async def speak(driver: StageDriver) -> None:
            for number in range(END_US // CHUNK.duration_us):
                await trio.sleep_until(number / 10)
                driver.feed(CHUNK)

        await stage.start_source(speak, capacity=1)
        await trio.sleep_until(RELAY_JOINS_US / SECOND)
        relay = await stage.start_listener("relay", capacity=1)
        await trio.sleep_until(CHILD_JOINS_US / SECOND)
        child = await stage.start_listener("child", machine=_diary)
        await trio.sleep_until(RELAY_DIES_US / SECOND)
        assert child.driver.machine.machine.uplink.parent == relay.peer.member.me
        stage.kill("relay")
        await trio.sleep_until(END_US / SECOND)
        lost_at: list[Micros] = child.driver.machine.lost_at
        return lost_at


async def test_a_parents_death_is_noticed_at_the_same_microsecond_in_both(
    autojump_clock: object, open_stage: Callable[..., Any]
) -> None:
    noticed = await driven(open_stage)
    assert noticed == simulated()
    assert noticed == [5 * SECOND + 2 * ONE_WAY_US + 300 * MILLISECOND]


def _diary(member: Membership) -> Diary:
    return Diary(PeerMachine(member))
