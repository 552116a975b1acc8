"""Is the source silent, or is it only that this spare does not hear it? Others are asked before anybody takes over.

The *witnesses* are peers with a link to this spare: those for whom it stands by, who hear from somebody else, and children of
its own, who have standbys elsewhere. Each has been asked to stand by in its turn, so that it answers a `Pull`. When half of
the silence threshold has passed without anything new from anybody, they are asked for the newest chunk and for what follows:

- whoever has a later chunk sends it, at once or as soon as it comes: the source lives, and the inquiry is over;
- whoever sends the newest one again, or turns to this spare as an orphan with nothing later, says that it is silent there too;
- whoever says nothing is no witness: a spare that nobody answers has lost its own network, and must not speak.

A child hears through this spare, and through its standbys only once it *borrows* (400 ms after the last chunk): its word
counts later. The tracker's word that the source is away counts as well, if there is nobody to ask.
"""

from dataclasses import dataclass, field
from typing import Final

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.effects import Effect, Send
from meshcast.protocol.limits import BORROW_AFTER_US, PLAYOUT_DELAY_US_DEFAULT, silence_us
from meshcast.protocol.machine import earliest
from meshcast.protocol.messages import Enlist, Pull
from meshcast.protocol.neighbours import Neighbours
from meshcast.protocol.relay import Relay
from meshcast.protocol.standing import Standing
from meshcast.protocol.units import MILLISECOND, SECOND, Micros, PeerId, Sequence

WITNESSES_MAX: Final = 4
"""Enough that one of them is near and one is on another branch; each costs a beat every 5 s."""
AHEAD_AT_FIRST: Final = 2
"""Chunks beyond the newest that are asked for before the threshold: mostly one was lost, and no more is to be sent twice."""
AHEAD: Final = 8
"""The same afterwards: whoever hears the source keeps this spare supplied with them."""
ASK_EVERY_US: Final = 100 * MILLISECOND
ASK_LATER_EVERY_US: Final = 1 * SECOND
"""Once it is too late to be unheard, so often is enough."""
ANSWER_US: Final = 200 * MILLISECOND
"""A witness that has not answered so long after the threshold is not waited for."""
DEPENDENT_US: Final = BORROW_AFTER_US + ANSWER_US
"""From then on the word of one's own children counts: they have borrowed, or found nobody to borrow from."""

assert silence_us(100 * MILLISECOND, 0) + ANSWER_US <= DEPENDENT_US
assert DEPENDENT_US + ANSWER_US < PLAYOUT_DELAY_US_DEFAULT, "a take-over is over before the sound runs out"


@dataclass(slots=True)
class Inquiry:
    """One spare's witnesses, and what they say."""

    backlog: Backlog
    relay: Relay
    standing: Standing
    neighbours: Neighbours
    is_source_away: bool = False
    """The tracker says that it has lost the source."""
    has_source_left: bool = False
    """It has said so itself."""
    _enlisted: dict[PeerId, None] = field(default_factory=dict)
    """Witnesses: asked to stand by, and not refused."""
    _unable: dict[PeerId, None] = field(default_factory=dict)
    _about: Sequence = 0
    """The newest chunk that the present inquiry is about."""
    _silent: dict[PeerId, bool] = field(default_factory=dict)
    """Who has said that it has nothing later either, and whether it heard from somebody else than this spare."""
    _asked_at: Micros = 0
    _ticked_at: Micros = 0

    # ---- who is asked

    def enlist(self) -> list[Effect]:
        """Ask more to be witnesses, if there are any: those who hear from others first."""
        served = self.relay.served
        self._enlisted = {peer: None for peer in self._enlisted if peer in served}
        self._unable = {peer: None for peer in self._unable if peer in served}
        effects: list[Effect] = []
        for peer in (*self.relay.clients, *self.relay.children):
            if len(self._enlisted) >= WITNESSES_MAX:
                break
            ticket = self.relay.tickets.get(peer)
            is_known = peer in self._enlisted or peer in self._unable
            if is_known or peer not in self.neighbours or ticket is None or not ticket.capacity:
                continue
            self._enlisted[peer] = None
            greeting = self.neighbours.introduce(peer, self.standing.rank, self.backlog.newest)
            effects += [*greeting, Send(peer, Enlist(self.standing.rank))]
        return effects

    def refused(self, peer: PeerId) -> None:
        """Take in that a peer stands by for nobody, and so answers no pull."""
        if self._enlisted.pop(peer, self) is None:
            self._unable[peer] = None

    # ---- what they say

    def says_silent(self, peer: PeerId, newest: Sequence) -> None:
        """Take in that a peer has nothing later than this; before it is adopted, if it asks for that."""
        if self._about and newest <= self._about:
            self._silent[peer] = self._silent.get(peer, False) or peer not in self.relay.children

    def tick(self, now: Micros) -> list[Effect]:
        """Open an inquiry when it is time to, end it when something new has come, and ask."""
        backlog, self._ticked_at = self.backlog, now
        if backlog.newest != self._about:
            self._about, self._silent = 0, {}
        if not backlog.newest or now < self._opens_at:
            return []
        self.is_source_away &= self._about != 0
        self._about = backlog.newest
        if now < self._ask_again_at:
            return []
        self._asked_at = now
        is_early = now < backlog.newest_at + self._threshold_us
        wish = Pull(((self._about, self._about + (AHEAD_AT_FIRST if is_early else AHEAD)),))
        return [Send(peer, wish) for peer in self._waited_for]

    def deadline(self) -> Micros | None:
        """When is something due?"""
        if not self.backlog.newest:
            return None
        if not self._is_open:
            return self._opens_at
        return earliest(self._ask_again_at if self._waited_for else None, *self._moments)

    def has_found_silence(self, now: Micros) -> bool:
        """Is the source silent for others too?"""
        if self.has_source_left and self.backlog.newest:
            return True
        if not self._is_open:
            return False
        silence = now - self.backlog.newest_at
        if silence < self._threshold_us:
            return False
        if self.is_source_away:
            return True
        if any(self._silent.values()):
            others = [peer for peer in self._waited_for if peer not in self.relay.children]
            return not others or silence >= self._threshold_us + ANSWER_US
        return bool(self._silent) and silence >= DEPENDENT_US

    # ---- details

    @property
    def _threshold_us(self) -> Micros:
        """How long nothing new has come from anybody, at least. No jitter is allowed for: who hears something says so."""
        return silence_us(self.backlog.chunk_us, 0)

    @property
    def _opens_at(self) -> Micros:
        return self.backlog.newest_at + self._threshold_us // 2

    @property
    def _is_open(self) -> bool:
        return self._about != 0 and self._about == self.backlog.newest

    @property
    def _ask_again_at(self) -> Micros:
        is_early = self._asked_at < self.backlog.newest_at + ASK_LATER_EVERY_US
        return self._asked_at + (ASK_EVERY_US if is_early else ASK_LATER_EVERY_US)

    @property
    def _waited_for(self) -> list[PeerId]:
        """Give the witnesses that have not answered."""
        return [peer for peer in self._enlisted if peer not in self._silent and peer in self.relay.served]

    @property
    def _moments(self) -> list[Micros]:
        """When may the answer turn without anybody saying anything?"""
        since, threshold_us = self.backlog.newest_at, self._threshold_us
        moments = (since + threshold_us, since + threshold_us + ANSWER_US, since + DEPENDENT_US)
        return [one for one in moments if one > self._ticked_at]
