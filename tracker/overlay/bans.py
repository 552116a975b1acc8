"""Bans from one broadcast: whose accusations count, what follows from them, and who hears of it at once.

How many words it takes is `trust`'s affair; here it is known who is whose neighbour, and what was signed.
"""

from typing import Final

from meshcast.protocol.effects import Send
from meshcast.protocol.messages import Notice
from meshcast.protocol.tickets import Ban
from meshcast.protocol.units import SECOND, BroadcastId, Micros, PeerId
from tracker.overlay.columns import ORIGIN
from tracker.overlay.effects import TrackerEffect
from tracker.overlay.office import Office
from tracker.overlay.registry import Registry
from tracker.overlay.tree import Tree
from tracker.overlay.trust import Trust, Verdict


class Bans:
    """Who is accused in one broadcast, and who is banned from it."""

    def __init__(self, office: Office, broadcast: BroadcastId, tree: Tree, registry: Registry) -> None:
        self._office: Final = office
        self._broadcast: Final = broadcast
        self._tree: Final = tree
        self._registry: Final = registry
        self._trust: Final = Trust()
        self.signed: dict[PeerId, Ban] = {}

    def is_accused(self, peer: PeerId) -> bool:
        """Tell whether a neighbour has spoken against a peer."""
        return bool(self._trust.accusers(peer))

    def accuse(self, accuser: PeerId, accused: PeerId) -> Verdict:
        """Take in a word, which counts if it is a child's or a standby's client's; it makes a peer leaf-only."""
        node, witness = self._registry.find(accused), self._registry.find(accuser)
        if node in {None, ORIGIN} or witness is None or accused in self.signed:
            return Verdict.NOTHING
        assert node is not None
        is_neighbour = self._tree.parent[witness] == node or node in self._tree.standbys.of(witness)
        verdict = self._trust.accuse(accuser, accused) if is_neighbour else Verdict.NOTHING
        if verdict is not Verdict.NOTHING:
            self._tree.set_capacity(node, 0)
        return verdict

    def ban(self, node: int, source: PeerId, now: Micros) -> list[TrackerEffect]:
        """Ban a peer, which is to be forgotten then: its neighbours hear of it now, the others through the tree."""
        accused, wall_us = self._registry.key(node), now + self._office.wall_offset_us
        ban = self._office.ban(accused, self._broadcast, now)
        self.signed = {peer: one for peer, one in self.signed.items() if wall_us < one.not_after_s * SECOND}
        self.signed[accused] = ban
        told = [
            source,
            accused,
            *self._trust.accusers(accused),
            *(self._registry.key(one) for one in self._tree.children.of(node)),
        ]
        return [Send(one, Notice((), (ban,))) for one in dict.fromkeys(told)]

    def forget(self, peer: PeerId) -> None:
        """Let go of a peer that left; what it said of others stays said, and its ban holds."""
        self._trust.forget(peer)
