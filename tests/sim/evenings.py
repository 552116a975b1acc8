"""Worlds in which much happens, watched by every checker: what planted bugs must not get through.

`evening` lets a dozen peers come and then lets everything happen to them that the promises speak of: a death, a farewell, a
message that comes late, a forged chunk, a misled tracker, a torn network, a suspension; then the faults stop, and all must be
well. `weather` is a smaller world that loses packets.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from meshcast.protocol.chunk import Hop
from meshcast.protocol.events import ChunkReceived, Disconnected, Received
from meshcast.protocol.messages import Adopt, Move
from meshcast.protocol.messages import Standbys as Named
from meshcast.protocol.units import MILLISECOND, SECOND
from sim.checkers import Checker, unsettled
from sim.process import Process
from sim.truth import rank_of, relay_of, uplink_of
from sim.weather import Conditions
from sim.world import Settings, World

CAPACITIES = (4, 2, 1, 1, 0, 0, 2, 0, 0, 1, 0, 0)


# ---- the worlds


def evening(until: str = "") -> list[str]:
    """Everything happens to a dozen peers; give what is broken meanwhile, and what is not as it must be at the end.

    Once the promise `until` is broken the rest is of no interest.
    """
    scenes = (late_messages, a_forged_chunk, a_misled_tracker, a_torn_network, a_suspension, a_death)
    return what_is_broken(
        World("evening", Settings(origin_capacity=3)), CAPACITIES, (*scenes, a_farewell), until
    )


def crowd(until: str = "") -> list[str]:
    """A dozen peers of two places each; a part of them is torn off for a while, and one dies."""
    return what_is_broken(
        World("crowd", Settings(origin_capacity=2)), (2,) * 12, (an_island, a_death, a_farewell), until
    )


def calm(until: str = "") -> list[str]:
    """A dozen peers of two places each, and nothing happens."""
    return what_is_broken(World("calm", Settings(origin_capacity=2)), (2,) * 12, (), until)


def weather(until: str = "") -> list[str]:
    """Eight peers, one packet in twenty lost."""
    settings = Settings(origin_capacity=2, conditions=Conditions(loss=0.05, duplication=0.02))
    return what_is_broken(World("weather", settings), (2, 2, 2, 0, 0, 0, 0, 0), (), until)


def what_is_broken(
    world: World, capacities: Sequence[int], scenes: Sequence[Callable[[World], None]], until: str
) -> list[str]:
    """Let peers come to a watched world, play the scenes, and let it settle."""
    checker = Checker(world, raises=False)
    world.run_for(SECOND)
    for capacity in capacities:
        world.add_peer(capacity=capacity, city="Boston")
        world.run_for(SECOND // 4)
    world.run_for(3 * SECOND)
    for scene in scenes:
        if until in names_of(checker.violations):
            return checker.violations
        scene(world)
    world.run_for(3 * SECOND)
    # Faults stop, the weather too: in a loss that goes on peers judge each other, and somebody is always on the move.
    world.network.weather.change(Conditions())
    world.run_for(12 * SECOND)
    return checker.violations + unsettled(world, tidied=True)


# ---- what happens in them


def names_of(broken: list[str]) -> set[str]:
    return {one.partition(":")[0] for one in broken}


def fed(world: World) -> list[Process]:
    """Give the peers that feed others, those that feed most first; if nobody does, all of them."""
    feeding = [peer for peer in world.living if relay_of(peer).children]
    return sorted(feeding, key=lambda peer: -len(relay_of(peer).children)) or list(world.living)


def childless(world: World) -> list[Process]:
    return [peer for peer in world.living if not relay_of(peer).children and uplink_of(peer).parent]


def say(world: World, by: Process, to: Process, message: Any) -> None:
    """Let somebody say something to somebody who listens."""
    world.runner.feed(to, Received(by.key, message))


def late_messages(world: World) -> None:
    """A request to be adopted comes when its sender has long been elsewhere, and one from a stranger."""
    low = fed(world)[0]
    adopter = max((peer for peer in world.living if peer.capacity), key=rank_of)
    ask = Adopt.ask(world.identity(low.name), adopter.key, 99, rank_of(adopter), 0, SECOND, None)
    relay_of(adopter).tickets[low.key] = uplink_of(low).neighbours.own_ticket  # type: ignore[assignment]
    say(world, low, adopter, ask)
    stranger = world.identity("stranger")
    ask = Adopt.ask(stranger, adopter.key, 1, 32, 0, SECOND, None)
    world.runner.feed(adopter, Received(stranger.peer_id, ask))
    world.run_for(SECOND)


def a_forged_chunk(world: World) -> None:
    """A child sends its parent what the source has not signed."""
    parent = fed(world)[0]
    by_key = {peer.key: peer for peer in world.living}
    child = next(by_key[key] for key in relay_of(parent).children if by_key[key] in childless(world))
    backlog = relay_of(parent).backlog
    held = backlog.get(backlog.newest)
    assert held is not None
    forged = replace(held.chunk, sequence=backlog.newest + 1, signed=held.chunk.signed[:-1] + b"!")
    world.runner.feed(parent, ChunkReceived(child.key, Hop(0, 0), forged, 0))
    world.run_for(2 * SECOND)


def a_misled_tracker(world: World) -> None:
    """The tracker sends everybody to one peer of one place, and names a standby that is no higher."""
    victim = next(peer for peer in world.living if peer.capacity == 1)
    ticket = uplink_of(victim).neighbours.own_ticket
    assert ticket is not None
    for peer in childless(world):
        uplink = uplink_of(peer)
        if peer is not victim and uplink.parent is not None:
            say(world, world.tracker, peer, Move(1, uplink.attached_counter, uplink.parent, ticket))
    world.run_for(2 * SECOND)
    server = fed(world)[0]
    tickets = {
        rank_of(peer): uplink_of(peer).neighbours.own_ticket for peer in world.living if peer is not server
    }
    lowest = tickets[max(tickets)]
    assert lowest is not None
    say(world, world.tracker, server, Named(1, (lowest,)))
    world.run_for(4 * SECOND)


def an_island(world: World, *, alarm: bool = False) -> None:
    """A peer and its children are cut off, longer than it takes to give up; with `alarm` it takes them for dead."""
    head = fed(world)[-1]
    island = [head, *(peer for peer in world.living if uplink_of(peer).parent == head.key)]
    world.faults.tear([[world.tracker, world.source, *(p for p in world.living if p not in island)], island])
    world.run_for(1_200 * MILLISECOND)
    for child in list(relay_of(head).children) if alarm else []:
        world.runner.feed(head, Disconnected(child, "a false alarm"))
    world.run_for(3 * SECOND)
    world.faults.mend([world.tracker, world.source, *world.living])
    world.run_for(5 * SECOND)


def a_torn_network(world: World) -> None:
    an_island(world, alarm=True)


def a_suspension(world: World) -> None:
    """A lid is closed for a while."""
    sleeper = fed(world)[-1]
    world.faults.freeze(sleeper)
    world.run_for(4 * SECOND)
    world.faults.thaw(sleeper)
    world.run_for(4 * SECOND)


def a_death(world: World) -> None:
    """One that feeds others dies without a word."""
    world.faults.kill(fed(world)[0])
    world.run_for(4 * SECOND)


def a_farewell(world: World) -> None:
    """Another one goes politely."""
    world.faults.leave(fed(world)[0])
