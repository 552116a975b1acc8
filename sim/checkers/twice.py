"""I10: a message that is heard a second time changes nothing.

Each control message is given to the very machine a second time, at the same moment, and what that wants done is thrown
away. If the machine then stands where it stood, the world goes on as if this had not been; if not, that is the finding.
Answers may be given twice, sound may not. Pulls are left out: they are answered twice, as far as a budget goes.
"""

from collections.abc import Sequence
from typing import TypeAlias

from meshcast.protocol.effects import Failed, Refill, SendChunk
from meshcast.protocol.events import Received
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.source import SourceMachine
from meshcast.protocol.units import Micros
from sim.checkers.ledger import Ledger
from sim.process import Process

Machine: TypeAlias = PeerMachine | SourceMachine


class Twice:
    """Says everything a second time."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def feed(
        self, process: Process, machine: Machine, event: Received, effects: Sequence[object], now: Micros
    ) -> None:
        """Let a machine hear again what it has just heard; `now` is the time by its own clock."""
        deadline = machine.deadline()
        if deadline is not None and deadline <= now:
            # More is due in this instant: what it does next would be taken for what the message does.
            return
        before = standing_of(machine)
        again = machine.handle(event, now)
        after = standing_of(machine)
        kind = type(event.message).__name__
        if before != after:
            changed = ", ".join(name for name in before if before[name] != after[name])
            self._ledger.broken(
                "I10", process, f"hears {kind} twice, and the second one changes its {changed}"
            )
        if any(isinstance(effect, SendChunk | Refill) for effect in again):
            self._ledger.broken("I10", process, f"hears {kind} twice, and sends sound the second time")
        if has_failed(again) and not has_failed(effects):
            self._ledger.broken("I10", process, f"hears {kind} twice, and fails the second time")


def has_failed(effects: Sequence[object]) -> bool:
    """Tell whether a machine gives up."""
    return any(isinstance(effect, Failed) for effect in effects)


def standing_of(machine: Machine) -> dict[str, object]:
    """Give all of a machine's state that a message may change, by name; counts of bytes and times of hearing apart."""
    relay, standing = machine.relay, machine.standing
    state: dict[str, object] = {
        "rank": (standing.rank, standing.is_raising, standing.dropped_at),
        "path": standing.path,
        "children": [(key, one.counter, one.is_emergency) for key, one in relay.children.items()],
        "emergencies": relay.emergencies,
        "clients": list(relay.clients),
        "tickets": list(relay.tickets),
        "bans": list(relay.bans),
        "backlog": (machine.backlog.newest, len(machine.backlog)),
        "delegations": machine.sources.delegations,
        "contact": machine.session.contact,
    }
    if isinstance(machine, PeerMachine):
        uplink, neighbours = machine.uplink, machine.uplink.neighbours
        state |= {
            "parent": (uplink.parent, uplink.parent_rank, uplink.attached_counter),
            "state": uplink.state,
            "requests": (uplink.asks.counter, list(uplink.asks.peers)),
            "seeking": uplink.search.is_seeking,
            "standbys": [
                (key, one.rank, one.is_from_uncles, one.lagging_beats)
                for key, one in uplink.standbys.all.items()
            ],
            "uncles": list(neighbours.uncles),
            "former parents": dict(neighbours.former),
            "own ticket": uplink.neighbours.own_ticket,
            "holes": len(uplink.pulls.holes),
            "playout": (machine.playout.phase, machine.playout.next_sequence),
            "repairs": (len(uplink.search.repairs_us), machine.tally.parents),
        }
    return state
