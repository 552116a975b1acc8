"""The search for a parent, by a joiner or by an orphan: who is asked, who is dialled, and what has come of it.

`repair` says whom to ask next, and when; here it is done. A joiner begins with the parent that the tracker has named, an orphan
with its standbys; when these have not helped, everybody known is dialled and the tracker is told. A round in which nobody
has answered is followed by another one. Meanwhile an orphan's children are told to stay.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from meshcast.protocol.adoption import Adoption
from meshcast.protocol.attachment import Attachment
from meshcast.protocol.effects import Effect
from meshcast.protocol.limits import SHED_AFTER_US
from meshcast.protocol.machine import earliest
from meshcast.protocol.messages import Why
from meshcast.protocol.neighbours import Neighbours
from meshcast.protocol.relay import Relay
from meshcast.protocol.repair import RTT_UNKNOWN_US, Ask, Candidate, DialAll, NewRound, Repair
from meshcast.protocol.reserves import Reserves
from meshcast.protocol.standbys import Standbys
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Ticket
from meshcast.protocol.units import Micros, PeerId
from meshcast.protocol.vigil import warn_children


@dataclass(slots=True)
class Search:
    """Of one peer; it goes on as long as there is a `repair`."""

    adoption: Adoption
    standing: Standing
    relay: Relay
    neighbours: Neighbours
    standbys: Standbys
    reserves: Reserves
    repair: Repair[PeerId] | None = None
    """Alive while there is no parent, and somebody to ask."""
    has_heard: bool = False
    """There was a parent: this is no joiner any more."""
    orphan_since: Micros | None = None
    is_seeking: bool = False
    """Nobody known could help so far: the tracker is asked."""
    left_for_silence: PeerId | None = None
    """Whom the tracker is to be told of: a parent that brought nothing, or one that it named and nobody reached."""
    repairs_us: list[Micros] = field(default_factory=list)
    """For each parent lost: from its last new chunk (or its Bye) to the next one's Accept."""
    _named: Ticket | None = None
    """Whom the tracker has named since there is no parent."""
    _unheard_since: Micros = 0

    def begin(self, unheard_since: Micros, now: Micros) -> list[Effect]:
        """Become an orphan, who has heard nothing new since then, and begin to ask."""
        self._named = None
        self._unheard_since, self.orphan_since = unheard_since, now
        self.repair = Repair(self._candidates(), now)
        return self.decide(now)

    def named(self, parent: Ticket, now: Micros) -> list[Effect]:
        """Take in whom the tracker names as the parent: it is asked first, or once more."""
        self._named = parent
        if parent.peer in self.adoption.asks.peers:
            return []
        self.neighbours.avoided.pop(parent.peer, None)
        if self.orphan_since is None:
            self.orphan_since = now
        effects = self.neighbours.dial(parent)
        if self.has_heard and self.repair is not None:
            # One of many that an orphan turns to: those who are connecting already are not forgotten for its sake.
            self.repair.named(parent.peer)
            if parent.peer in self.neighbours:
                self.repair.connected(Candidate(parent.peer, is_warm=True, rtt_us=RTT_UNKNOWN_US), now)
            return effects + self.decide(now)
        self.repair = Repair(self._candidates(), now)
        return effects + self.decide(now)

    def connected(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Take in that a link is up: perhaps it was dialled because nobody else had answered."""
        if self.repair is None or peer not in self.neighbours.tickets:
            return []
        self.repair.connected(Candidate(peer, is_warm=True, rtt_us=RTT_UNKNOWN_US), now)
        return self.decide(now)

    def refused(self, peer: PeerId, now: Micros, referred: Iterable[Ticket] = ()) -> list[Effect]:
        """Take in that somebody has refused, and named others, or is gone."""
        if self.repair is None:
            return []
        self.adoption.settle()
        self.repair.refused(peer, now)
        effects = self._turn_to(referred, now) if self.is_seeking else []
        return effects + self.decide(now)

    def end(self, now: Micros) -> None:
        """Take in that there is a parent."""
        self.repair = None
        self.is_seeking = False
        if self.orphan_since is not None:
            if self.has_heard:
                self.repairs_us.append(now - self._unheard_since)
            self.orphan_since = None
        self.has_heard = True

    @property
    def is_orphan(self) -> bool:
        """Tell whether there was a parent and is none."""
        is_alone = self.orphan_since is not None and self.adoption.state is not Attachment.LEFT
        return self.has_heard and is_alone

    def warn(self, now: Micros) -> list[Effect]:
        """Tell the children of an orphan that nothing comes to it, and that it sees to it."""
        return warn_children(self.relay, now, self.orphan_since or now) if self.is_orphan else []

    def deadline(self) -> Micros | None:
        """When is the next decision or warning due?"""
        warning = self.relay.notice_due() if self.is_orphan and self.relay.children else None
        return earliest(warning, self.repair.deadline() if self.repair is not None else None)

    def decide(self, now: Micros) -> list[Effect]:
        """Carry out what the repair decides."""
        effects: list[Effect] = []
        while self.repair is not None and (decisions := self.repair.decide(now)):
            for decision in decisions:
                match decision:
                    case Ask(peer):
                        effects += self.adoption.ask(peer, now)
                    case DialAll.NOW:
                        effects += self._dial_all(now)
                    case NewRound.NOW:
                        effects += self._new_round(now)
        return effects

    def _candidates(self) -> list[Candidate[PeerId]]:
        """Give whom to ask first: the standbys; a joiner waits for the parent that the tracker named."""
        named = self._named.peer if self._named is not None and not self.has_heard else None
        return self.standbys.candidates(named, is_up=named is not None and named in self.neighbours)

    def _dial_all(self, now: Micros) -> list[Effect]:
        """Turn to everybody known, and to the tracker."""
        self.is_seeking = True
        self.relay.changed = True
        others = [one.ticket for one in self.standbys.all.values()]
        if self._named is not None:
            others.append(self._named)
            if self._named.peer not in self.neighbours:
                self.left_for_silence = self._named.peer
        return self._turn_to(self.neighbours.everybody(others, self.adoption.member.me, now), now)

    def _turn_to(self, tickets: Iterable[Ticket], now: Micros) -> list[Effect]:
        """Dial these, and have those asked that are connected already."""
        effects: list[Effect] = []
        for ticket in tickets:
            if ticket.peer in self.neighbours and self.repair is not None:
                self.neighbours.note(ticket)
                self.repair.connected(Candidate(ticket.peer, is_warm=True, rtt_us=RTT_UNKNOWN_US), now)
            else:
                effects += self.neighbours.dial(ticket)
        return effects

    def _new_round(self, now: Micros) -> list[Effect]:
        """Begin again with whoever is known now; a head that has found nobody for too long sheds its children."""
        silent = self.repair.unanswered if self.repair is not None else []
        effects = self.reserves.give_up(silent, now)
        if self.orphan_since is not None and now - self.orphan_since >= SHED_AFTER_US and self.relay.children:
            effects += self.relay.shed(Why.SHED, now)
        may_raise = not self.standing.is_raising and self.standing.may_raise(now, len(self.relay.children))
        if may_raise and self.has_heard:
            self.standing.begin_raise()
        self.repair = Repair(self._candidates(), now)
        return effects
