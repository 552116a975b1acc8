"""What machines want done, looked at before it is: I1 and I9 at adoption, I8 of beats, I9, I11 and I12 of the rest.

What the source has really sent is what its machine has signed; everything that anybody sends on or plays is held against
that, byte for byte.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Final, TypeAlias

from meshcast.protocol.chunk import Chunk, Hop
from meshcast.protocol.effects import Play, Refill, Send, SendChunk
from meshcast.protocol.events import Event, Received
from meshcast.protocol.limits import HAVE_BITS, PARKED_MAX, PULL_CHUNKS_PER_SECOND
from meshcast.protocol.messages import Accept, Adopt, Beat, Move, Pull
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import SourceMachine
from meshcast.protocol.units import SECOND, Micros, PeerId
from sim.checkers.ledger import Ledger
from sim.checkers.safety import Safety
from sim.checkers.twice import Twice
from sim.process import Process
from sim.world import World

Machine: TypeAlias = PeerMachine | SourceMachine
GENUINE_MAX: Final = 4_096
"""Chunks of the source that are remembered: more than twice what any backlog holds."""
HOPS_EVERY: Final = 16
"""One hop header of so many is held against the backlog: each costs sixteen look-ups."""
FEW: Final = 64
"""Peers of a world in which every message is heard twice."""
TWICE_EVERY: Final = 8
"""In a larger one, one message of so many."""
ONE_US: Final = SECOND // PULL_CHUNKS_PER_SECOND


class Traffic:
    """Of all processes of one world."""

    def __init__(self, world: World, ledger: Ledger, safety: Safety) -> None:
        self._world = world
        self._ledger = ledger
        self._safety = safety
        self._twice = Twice(ledger)
        self._genuine: dict[bytes, None] = {}
        self._last_played: dict[PeerId, tuple[int, int]] = {}
        self._sends = 0
        self._messages = 0

    def witness(self, process: Process, machine: Machine, event: Event, effects: Sequence[object]) -> None:
        """Look at what a machine wants done for an event."""
        if process.key == self._world.source.key:
            self._note_genuine(machine)
        for effect in effects:
            match effect:
                case SendChunk(_, hop, chunk):
                    self._sent(process, machine, hop, chunk)
                case Play(chunk):
                    self._played(process, chunk)
                case Send(to, Accept() as accept):
                    self._accepts(process, machine, event, to, accept)
                case Send(_, Beat(newest=newest)):
                    self._promises(process, machine, newest)
                case Refill(_, chunks):
                    for hop, chunk in chunks:
                        self._sent(process, machine, hop, chunk)
                case _:
                    pass
        if type(event) is Received:
            self._received(process, machine, event, effects)

    def _received(
        self, process: Process, machine: Machine, event: Received, effects: Sequence[object]
    ) -> None:
        """Look at what a message has come to."""
        match event.message:
            case Pull() as pull:
                self._pulled(process, machine, event.peer, pull, effects)
                return
            case Move() if isinstance(machine, PeerMachine):
                self._told_to_move(process, machine, event)
            case Beat(rank=rank) if isinstance(machine, PeerMachine):
                standbys = machine.uplink.standbys
                if event.peer in standbys and rank >= machine.standing.rank:
                    self._ledger.broken(
                        "I8", process, f"of rank {machine.standing.rank} keeps a standby of rank {rank}"
                    )
            case _:
                pass
        if process.wakes_at < self._world.now:
            # It has slept, and does with this message what was due before.
            return
        self._messages += 1
        if len(self._world.peers) > FEW and self._messages % TWICE_EVERY:
            return
        self._twice.feed(process, machine, event, effects, machine_time(process, self._world.now))

    # ---- chunks

    def _note_genuine(self, machine: Machine) -> None:
        """Remember what the source has sent last."""
        held = machine.backlog.get(machine.backlog.newest)
        if held is not None and held.chunk.signed not in self._genuine:
            self._genuine[held.chunk.signed] = None
            if len(self._genuine) > 2 * GENUINE_MAX:
                for old in list(islice(self._genuine, GENUINE_MAX)):
                    del self._genuine[old]

    def _sent(self, process: Process, machine: Machine, hop: Hop, chunk: Chunk) -> None:
        """I9: only the source's own chunks of the run that one knows; I11: which one has, and those that the header says."""
        if chunk.signed not in self._genuine:
            self._ledger.broken(
                "I9", process, f"sends on a chunk {chunk.sequence} that the source has not sent"
            )
        backlog = machine.backlog
        held = backlog.get(chunk.sequence)
        if held is None and chunk.sequence > backlog.floor:
            self._ledger.broken("I11", process, f"sends a chunk {chunk.sequence} that it does not keep")
        if not machine.sources.knows(chunk):
            self._ledger.broken("I9", process, f"sends on a chunk of generation {chunk.generation}")
        self._sends += 1
        if self._sends % HOPS_EVERY == 0:
            before = (chunk.sequence - 1 - bit for bit in range(HAVE_BITS) if hop.have >> bit & 1)
            lacking = [sequence for sequence in before if sequence not in backlog]
            if lacking:
                self._ledger.broken("I11", process, f"says that it has chunk {lacking[0]}, and lacks it")

    def _played(self, process: Process, chunk: Chunk) -> None:
        """I9: what is played only grows, and is the source's."""
        now_played = chunk.generation, chunk.sequence
        if now_played <= self._last_played.get(process.key, (0, 0)):
            before = self._last_played[process.key][1]
            self._ledger.broken("I9", process, f"plays chunk {chunk.sequence} after {before}")
        self._last_played[process.key] = now_played
        if chunk.signed not in self._genuine:
            self._ledger.broken("I9", process, f"plays a chunk {chunk.sequence} that the source has not sent")

    # ---- promises to others

    def _accepts(self, process: Process, machine: Machine, event: Event, to: PeerId, accept: Accept) -> None:
        """I1, I9, I11: of higher rank, with a good ticket, and promised only what there is."""
        now = machine_time(process, self._world.now)
        ticket = machine.relay.tickets.get(to)
        if ticket is None or not machine.member.trusts(ticket, now):
            self._ledger.broken("I9", process, f"adopts {to[:4].hex()} without a good ticket")
        if type(event) is Received and isinstance(event.message, Adopt):
            asked = event.message.rank
            if asked <= machine.standing.rank:
                self._ledger.broken(
                    "I1", process, f"of rank {machine.standing.rank} adopts one of rank {asked}"
                )
        self._promises(process, machine, accept.newest)

    def _promises(self, process: Process, machine: Machine, newest: int) -> None:
        """I11: what is said to be the newest is there."""
        if newest and newest not in machine.backlog:
            self._ledger.broken("I11", process, f"promises chunk {newest}, and has {machine.backlog.newest}")

    def _pulled(
        self, process: Process, machine: Machine, peer: PeerId, pull: Pull, effects: Sequence[object]
    ) -> None:
        """I11: a neighbour that asks for what is there gets it, as far as its budget goes."""
        relay, backlog = machine.relay, machine.backlog
        if peer not in relay.served:
            return
        given: dict[int, None] = {}
        for effect in effects:
            match effect:
                case SendChunk(to, _, chunk) if to == peer:
                    given[chunk.sequence] = None
                case Refill(to, chunks) if to == peer:
                    given |= dict.fromkeys(chunk.sequence for _, chunk in chunks)
                case _:
                    pass
        budget = relay.wishes.budgets.get(peer)
        if budget is not None and budget.level_us < ONE_US:
            return
        for first, last in pull.ranges:
            last_answered = min(last, first + PARKED_MAX, backlog.newest)
            for sequence in range(max(first, backlog.floor + 1), last_answered + 1):
                if sequence in backlog and sequence not in given:
                    self._ledger.broken(
                        "I11", process, f"is asked for chunk {sequence}, has it, and keeps it"
                    )

    def _told_to_move(self, process: Process, machine: PeerMachine, event: Received) -> None:
        """I12: whoever is told to move keeps its parent until another has accepted."""
        before = self._safety.seen(process.key)
        if before is None or before.parent is None or event.peer != machine.member.tracker:
            return
        if machine.uplink.parent != before.parent:
            self._ledger.broken("I12", process, "is told to move, and breaks before it makes")


def machine_time(process: Process, now: Micros) -> Micros:
    """Give the time as a process's own clock shows it."""
    clock = getattr(process, "clock", None)
    return now if clock is None else clock.shows(now)
