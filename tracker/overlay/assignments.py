"""The steward's decisions in words: a peer's place, its standbys, where it is to move, and the tickets that go with them.

Whoever has no place yet is told why.
"""

from collections.abc import Iterable
from typing import Final

from meshcast.protocol.effects import Send
from meshcast.protocol.messages import Move, Noted, Placed, Renewed, Report, Standbys, Wait, WaitFor
from meshcast.protocol.units import BroadcastId, Micros, PeerId
from meshcast.protocol.units import Sequence as Number
from tracker.overlay.columns import ORIGIN
from tracker.overlay.effects import TrackerEffect
from tracker.overlay.event import Announced
from tracker.overlay.office import Office, Vouching
from tracker.overlay.placement import Move as Shift
from tracker.overlay.registry import Registry
from tracker.overlay.steward import Steward


class Assignments:
    """What the peers of one broadcast are told to do."""

    def __init__(self, office: Office, broadcast: BroadcastId, steward: Steward, registry: Registry) -> None:
        self._term: Final = office.term
        self._steward: Final = steward
        self._tree: Final = steward.tree
        self._registry: Final = registry
        self._vouching: Final = Vouching(office, broadcast, steward.tree, registry)

    def place(self, node: int, announced: Announced, newest: Number, now: Micros) -> Send:
        """Tell a peer its place: its parent and its standbys, with what it must know of the programme."""
        standbys = self._steward.told(node, now)
        return self._placed(node, self._tree.parent[node], standbys, announced, newest, now)

    def root(self, announced: Announced, newest: Number, now: Micros) -> Send:
        """Tell the broadcaster that it is the origin."""
        return self._placed(ORIGIN, None, (), announced, newest, now)

    def standbys(
        self, node: int, held: tuple[PeerId, ...], named: tuple[int, ...], now: Micros
    ) -> list[TrackerEffect]:
        """Name a peer its standbys, if there are any and it holds others."""
        keys = {self._registry.key(one) for one in named}
        if not keys or keys == set(held):
            return []
        tickets = tuple(self._vouching.ticket(one, now) for one in named)
        return [Send(self._registry.key(node), Standbys(self._term, tickets))]

    def moves(self, shifts: Iterable[Shift], now: Micros) -> list[TrackerEffect]:
        """Tell children to move."""
        return [
            Send(
                self._registry.key(one.child),
                Move(
                    self._term,
                    self._tree.counter[one.child],
                    self._registry.key(one.source),
                    self._vouching.ticket(one.target, now),
                ),
            )
            for one in shifts
        ]

    def renewal(self, node: int, now: Micros) -> list[TrackerEffect]:
        """Renew a ticket at half of its life, so that an outage of the tracker does not matter."""
        ticket = self._vouching.renewal(node, now)
        return [] if ticket is None else [Send(self._registry.key(node), Renewed(ticket))]

    def noted(self, peer: PeerId, report: Report) -> Send:
        """Tell a peer that its report has been taken in."""
        return Send(peer, Noted(self._term, report.serial))

    def forget(self, node: int) -> None:
        """Let go of a peer that left; its number is used again."""
        self._vouching.forget(node)

    def _placed(
        self,
        node: int,
        parent: int | None,
        standbys: tuple[int, ...],
        announced: Announced,
        newest: Number,
        now: Micros,
    ) -> Send:
        """Put a place into words."""
        ticket = self._vouching.ticket
        tickets = tuple(ticket(one, now) for one in standbys)
        placed = Placed(
            self._term,
            self._vouching.own_ticket(node, now),
            None if parent is None else ticket(parent, now),
            tickets,
            (announced.delegation,),
            newest,
            announced.title,
        )
        return Send(self._registry.key(node), placed)


def source_is_away(peer: PeerId) -> Send:
    """Tell a peer that the broadcaster is not here: a joiner waits for it, and a spare that does not hear it may go on."""
    return Send(peer, Wait(WaitFor.SOURCE, 0, 0, b""))


def stands_in_line(peer: PeerId, number: int, wait_us: Micros) -> Send:
    """Tell a joiner where it stands in the line."""
    return Send(peer, Wait(WaitFor.PLACE, number, wait_us, b""))
