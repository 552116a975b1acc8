"""The hearing half of a peer: its parent, its standbys, and what it does when the parent is silent.

What happens when a parent dies, from the child's side: half of the silence threshold after the last new chunk it tells
its own children (`Stalled`), so that they stay; at the threshold it becomes an orphan, and `repair` says whom to ask;
the first good Accept ends it, and the refill that comes with it fills what is missing.
"""

from meshcast.protocol.asks import Asks
from meshcast.protocol.attachment import Attachment, Step, after
from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import Chunk, Hop
from meshcast.protocol.effects import Effect, HangUp, Send
from meshcast.protocol.judge import Judge
from meshcast.protocol.limits import BACKLOG_US, MOVE_US_MAX, SHED_AFTER_US
from meshcast.protocol.machine import earliest
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import (
    Accept,
    Adopt,
    Beat,
    Detach,
    Move,
    Refuse,
    Stalled,
    Uncles,
    Why,
)
from meshcast.protocol.neighbours import Neighbours
from meshcast.protocol.pulls import Pulls
from meshcast.protocol.relay import Relay
from meshcast.protocol.repair import RTT_UNKNOWN_US, Ask, Candidate, DialAll, NewRound, Repair
from meshcast.protocol.reserves import Reserves
from meshcast.protocol.standbys import Standbys
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Ticket
from meshcast.protocol.units import Micros, PeerId, Rank, Sequence
from meshcast.protocol.vigil import Vigil, warn_children
from meshcast.protocol.watch import Watch


class Uplink:
    """Finds, keeps, leaves and replaces a parent."""

    def __init__(
        self, member: Membership, standing: Standing, backlog: Backlog, relay: Relay, wanted_us: Micros
    ) -> None:
        self.member = member
        self.standing = standing
        self.backlog = backlog
        self.relay = relay
        self.wanted_us = wanted_us
        self.state = Attachment.SEEKING
        self.parent_ticket: Ticket | None = None
        self.parent_rank: Rank = 0
        self.attached_counter = 0
        self.asks = Asks()
        self.neighbours = Neighbours()
        self.standbys = Standbys()
        self.reserves = Reserves(member, standing, backlog, relay, self.neighbours, self.standbys)
        self.pulls = Pulls(backlog, self.standbys)
        self.vigil: Vigil | None = None
        """Over the parent, as long as there is one."""
        self.repair: Repair[PeerId] | None = None
        """Alive while there is none, and somebody to ask."""
        self.left_for_silence: PeerId | None = None
        self.orphan_since: Micros | None = None
        self.is_seeking = False
        """Nobody known could help so far: the tracker is asked."""
        self.repairs_us: list[Micros] = []
        """For each parent lost: from its last new chunk (or its Bye) to the next one's Accept."""
        self._named: Ticket | None = None
        self._moving: tuple[PeerId, Micros] | None = None
        self._has_heard = False
        self._unheard_since: Micros = 0

    @property
    def parent(self) -> PeerId | None:
        """Whom this peer hears from."""
        return self.reserves.parent

    @parent.setter
    def parent(self, parent: PeerId | None) -> None:
        self.reserves.parent = parent

    # ---- the tracker's word

    def placed(self, parent: Ticket | None, standbys: tuple[Ticket, ...], now: Micros) -> list[Effect]:
        """Take in a place: ask its parent first, then its standbys, unless there is a parent already."""
        effects = self.named_standbys(standbys, now)
        if parent is None or self.state.is_hearing or parent.peer == self.member.me:
            return effects
        self._named = parent
        if parent.peer in self.asks.peers:
            return effects
        self.neighbours.avoided.pop(parent.peer, None)
        if self.orphan_since is None:
            self.orphan_since = now
        effects += self.neighbours.dial(parent)
        if self._has_heard and self.repair is not None:
            # One of many that an orphan turns to: those who are connecting already are not forgotten for its sake.
            self.repair.named(parent.peer)
            if parent.peer in self.neighbours:
                self.repair.connected(Candidate(parent.peer, is_warm=True, rtt_us=RTT_UNKNOWN_US), now)
            return effects + self._decide(now)
        self.repair = Repair(self._candidates(), now)
        return effects + self._decide(now)

    def named_standbys(self, tickets: tuple[Ticket, ...], now: Micros) -> list[Effect]:
        """Take in who stands by."""
        return self.reserves.name(tickets, self.orphan_since if self._is_orphan else None, now)

    def move(self, order: Move, now: Micros) -> list[Effect]:
        """Go over to another parent without losing a chunk, if the order speaks of how things are."""
        place = self.parent, self.attached_counter
        if self.state is not Attachment.HEARING or (order.parent, order.counter) != place:
            return []
        if (
            self.neighbours.is_shunned(order.to.peer, now)
            or order.to.peer == self.parent
            or not self._good((order.to,), now)
        ):
            return []
        return self._move_to(order.to, now)

    # ---- links

    def connected(self, peer: PeerId, now: Micros, *, dialled: bool) -> list[Effect]:
        """Introduce oneself, and ask what the link was dialled for."""
        self.neighbours.up(peer)
        effects = self._introduce(peer) if dialled else []
        if peer in self.standbys and self.standbys.all[peer].enlisted_at is None:
            effects += self.reserves.enlist(peer, now)
        if peer in self.asks.when_up:
            del self.asks.when_up[peer]
            effects += self._ask(peer, now)
        elif self.repair is not None and peer in self.neighbours.tickets:
            self.repair.connected(Candidate(peer, is_warm=True, rtt_us=RTT_UNKNOWN_US), now)
            effects += self._decide(now)
        return effects

    def disconnected(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Take in that a link is gone, or that a dial came to nothing."""
        self.neighbours.down(peer)
        self.asks.gone(peer)
        effects: list[Effect] = []
        if self._moving is not None and self._moving[0] == peer:
            self._give_up_move()
        if peer in self.standbys:
            effects += self.reserves.lose(peer, now)
        if peer == self.parent:
            effects += self.lose_parent(now, is_silent=True)
        elif self.repair is not None:
            self._settle_asking()
            self.repair.refused(peer, now)
            effects += self._decide(now)
        return effects

    @property
    def needs(self) -> dict[PeerId, None]:
        """Give the peers whose links this half needs."""
        needed = dict.fromkeys([*self.standbys.all, *self.asks.peers])
        if self.parent is not None:
            needed[self.parent] = None
        return needed

    # ---- what neighbours say

    def accepted(self, peer: PeerId, accept: Accept, now: Micros) -> tuple[list[Effect], bool]:
        """Take in an Accept; tell whether it makes its sender the parent."""
        if peer == self.parent:
            # It has answered two requests, and its record is of the later one: a Detach now would be obeyed.
            if self.attached_counter < accept.counter <= self.asks.counter:
                self.attached_counter = accept.counter
                self._tell_of_change()
            return [], False
        asked = self.asks.take(accept.counter, peer)
        is_legal = self.standing.rank_under(accept.rank) <= self.standing.rank
        is_wanted = self.state in {Attachment.ASKING, Attachment.MOVING}
        if asked is None or not asked.is_answered_in_time(now) or not is_legal or not is_wanted:
            if asked is not None and self._moving is not None and self._moving[0] == peer:
                self._give_up_move()
            return [Send(peer, Detach(accept.counter))], False
        if self.parent is not None:
            self.neighbours.former[self.parent] = self.attached_counter
        effects = self.neighbours.leave_former(peer)
        self.state = after(self.state, Step.ACCEPTED)
        self.parent, self.attached_counter, self.parent_rank = peer, accept.counter, accept.rank
        self.parent_ticket = self.neighbours.tickets.get(peer)
        watch = Watch(now, accept.newest, self.backlog.chunk_us, self.neighbours.doubts)
        self.vigil = Vigil(peer, watch, Judge(now), self.backlog, self.relay, self.standbys)
        self._moving = self.repair = None
        self.asks.clear()
        self.pulls.holes.ask_anew(now)
        self.is_seeking = False
        if self.orphan_since is not None:
            if self._has_heard:
                self.repairs_us.append(now - self._unheard_since)
            self.orphan_since = None
        self._has_heard = True
        self.standing.end_raise(accept.rank)
        self.standing.follow(accept.rank, accept.path)
        if self.standbys.drop(peer):
            effects += [Send(peer, Detach(0)), *self.reserves.fill(now)]
        self._tell_of_change()
        return effects + self.relay.announce() + self.relay.tell_uncles(), True

    def refused(self, peer: PeerId, refuse: Refuse, now: Micros) -> list[Effect]:
        """Take in a refusal: ask from a higher rank if that is why and it is allowed, or ask somebody else."""
        referred = self._good(refuse.others, now)
        if refuse.counter == 0:
            self.neighbours.refer(referred if peer in self.standbys else [])
            return self.reserves.lose(peer, now) if peer in self.standbys else []
        if self.asks.take(refuse.counter, peer) is None:
            return []
        self.neighbours.refer(referred)
        may_raise = not self.standing.is_raising and self.standing.may_raise(now, len(self.relay.children))
        if refuse.why is Why.RANK and may_raise and self.state is not Attachment.HEARING:
            self.standing.begin_raise()
            return self._ask(peer, now)
        if self._moving is not None and self._moving[0] == peer:
            self._give_up_move()
        if self.repair is None:
            return []
        self._settle_asking()
        self.repair.refused(peer, now)
        effects = self._turn_to(referred, now) if self.is_seeking else []
        return effects + self._decide(now)

    def beat(self, peer: PeerId, beat: Beat, now: Micros) -> list[Effect]:
        """Take in a beat: a parent's rank and path, or a standby's sign of life."""
        if peer == self.parent and not self.standing.is_raising:
            if self.standing.rank_under(beat.rank) > self.standing.rank or self.member.me[:4] in beat.path:
                return self.lose_parent(now, is_silent=False)
            self.parent_rank = beat.rank
            if self.standing.follow(beat.rank, beat.path):
                self._tell_of_change()
                return self.relay.announce()
        if peer in self.standbys:
            self.standbys.beat(peer, beat, now)
            standby = self.standbys.all[peer]
            if beat.rank >= self.standing.rank:
                return self.reserves.lose(peer, now)
            is_better = self.vigil is not None and self.vigil.judge.compare(
                standby, self.backlog.newest, self.backlog.chunk_us, now
            )
            if is_better and self.state is Attachment.HEARING:
                return self._move_to(standby.ticket, now)
        return []

    def stalled(self, peer: PeerId, notice: Stalled, now: Micros) -> list[Effect]:
        """Take in a parent's word that nothing comes to it either, and pass it on at once."""
        if peer != self.parent or self.vigil is None:
            return []
        self.vigil.watch.stalled(now)
        return self.relay.stalled(notice, now)

    def uncles(self, peer: PeerId, uncles: Uncles, now: Micros) -> list[Effect]:
        """Take in a parent's tickets of whom to turn to; only what the tracker signed counts."""
        if peer != self.parent:
            return []
        self.neighbours.uncles = {ticket.peer: ticket for ticket in self._good(uncles.tickets, now)}
        return self.reserves.fill(now)

    def cut_off(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Have nothing to do with a peer any more: it is a polluter, or banned."""
        self.neighbours.avoid(peer, now, times=60)
        self.neighbours.forget(peer)
        effects: list[Effect] = []
        if self.standbys.drop(peer):
            effects += self.reserves.fill(now)
        if peer == self.parent:
            effects += self.lose_parent(now, is_silent=False)
        return [*effects, HangUp(peer, "it sent what nobody signed")]

    def bye(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Take in that somebody goes, or sends this peer away."""
        effects = self.reserves.lose(peer, now) if peer in self.standbys else []
        self.neighbours.uncles.pop(peer, None)
        if peer == self.parent:
            self.neighbours.avoid(peer, now)
            effects += self.lose_parent(now, is_silent=False)
        elif self.repair is not None:
            self.repair.refused(peer, now)
        return effects

    # ---- chunks

    def heard(self, peer: PeerId, chunk: Chunk, rtt_us: Micros, now: Micros, *, live: bool) -> None:
        """Take in a genuine chunk that came from `peer`, known before or not."""
        self.standbys.lives(peer, now)
        self.neighbours.doubts.heard(peer, now)
        if peer == self.parent and self.vigil is not None:
            self.pulls.rtt_us = rtt_us or self.pulls.rtt_us
            self.vigil.heard(chunk, now, live=live)
            self.pulls.heard_at = self.vigil.watch.heard_at

    def find_holes(self, chunk: Chunk, newest: Sequence, peer: PeerId, hop: Hop, now: Micros) -> None:
        """Note what a chunk beyond the newest shows to be missing; before the first chunk nothing is."""
        self.pulls.holes.filled(chunk.sequence)
        if not newest or chunk.sequence <= newest + 1:
            return
        self.pulls.holes.found(newest + 1, chunk.sequence - 1, chunk.sequence, hop, now)
        if peer == self.parent and self.vigil is not None and hop.have & 1:
            self.vigil.judge.withheld += 1

    # ---- time

    def tick(self, now: Micros) -> list[Effect]:
        """Do what is due."""
        effects: list[Effect] = []
        if self.vigil is not None:
            effects += self._while_hearing(self.vigil, now)
        elif self._is_orphan:
            effects += warn_children(self.relay, now, self.orphan_since or now)
        if self._moving is not None and now >= self._moving[1]:
            self._give_up_move()
        self.asks.expire(now)
        self._settle_asking()
        effects += self.reserves.tick(now)
        effects += self.pulls.tick(self.parent, now)
        return effects + self._decide(now) if self.repair is not None else effects

    def deadline(self) -> Micros | None:
        """When is something due?"""
        return earliest(self.silence_deadline(), self.other_deadline())

    def silence_deadline(self) -> Micros | None:
        """When is something due because nothing comes? The parent's next chunk puts it off."""
        silence = self.vigil.silence_deadline() if self.vigil is not None else None
        return earliest(silence, self.pulls.borrow_due)

    def other_deadline(self) -> Micros | None:
        """When is something else due?"""
        warning = self.relay.notice_due() if self._is_orphan and self.relay.children else None
        return earliest(
            self.asks.deadline(),
            self.vigil.judge.deadline() if self.vigil is not None else None,
            warning,
            self.repair.deadline() if self.repair is not None else None,
            self._moving[1] if self._moving is not None else None,
            self.reserves.deadline(),
            self.pulls.holes.deadline(),
        )

    def lose_parent(self, now: Micros, *, is_silent: bool) -> list[Effect]:
        """Become an orphan, and begin to ask."""
        if self.parent is None:
            return []
        self.neighbours.former[self.parent] = self.attached_counter
        if is_silent:
            self.neighbours.left_for_silence(self.parent, now)
            self.left_for_silence = self.parent
        self._unheard_since = self.vigil.watch.heard_at if self.vigil is not None and is_silent else now
        self.state = after(self.state, Step.LOST)
        self.parent = self.parent_ticket = self.vigil = self._named = None
        self.orphan_since = now
        self._tell_of_change()
        self.repair = Repair(self._candidates(), now)
        return self._decide(now)

    def leave(self) -> list[Effect]:
        """Go politely: let parent and standbys know."""
        self.state = after(self.state, Step.LEAVE)
        effects: list[Effect] = [
            Send(peer, Detach(0)) for peer in self.standbys.all if peer in self.neighbours
        ]
        if self.parent is not None:
            effects.append(Send(self.parent, Detach(self.attached_counter)))
        self.parent = self.parent_ticket = self.vigil = self.repair = self._moving = None
        self.asks.clear()
        return effects

    # ---- details

    def _while_hearing(self, vigil: Vigil, now: Micros) -> list[Effect]:
        """Keep the vigil; leave a silent parent, and go over from a bad one."""
        effects = vigil.tick(now)
        if vigil.must_leave(now):
            return effects + self.lose_parent(now, is_silent=not vigil.watch.is_excused(now))
        if vigil.is_judged_bad(now):
            warm = self.standbys.warm()
            is_hearing = self.state is Attachment.HEARING
            if warm and is_hearing and self.neighbours.doubts.may_go_over(now):
                effects += self._move_to(self.standbys.all[warm[0]].ticket, now)
        return effects

    @property
    def _is_orphan(self) -> bool:
        """Tell whether there was a parent and is none."""
        return self._has_heard and self.parent is None and self.state is not Attachment.LEFT

    def _candidates(self) -> list[Candidate[PeerId]]:
        """Give whom to ask first: the standbys; a joiner waits for the parent that the tracker named."""
        named = self._named.peer if self._named is not None and not self._has_heard else None
        return self.standbys.candidates(named, is_up=named is not None and named in self.neighbours)

    def _decide(self, now: Micros) -> list[Effect]:
        """Carry out what the repair decides."""
        effects: list[Effect] = []
        while self.repair is not None and (decisions := self.repair.decide(now)):
            for decision in decisions:
                match decision:
                    case Ask(peer):
                        effects += self._ask(peer, now)
                    case DialAll.NOW:
                        effects += self._dial_all(now)
                    case NewRound.NOW:
                        effects += self._new_round(now)
        return effects

    def _ask(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Ask a peer to adopt this one, on a link that is up, or as soon as it is."""
        if peer not in self.neighbours:
            ticket = self.neighbours.tickets.get(peer)
            if ticket is None:
                return []
            self.asks.when_up[peer] = None
            return self.neighbours.dial(ticket)
        counter = self.asks.begin(peer, now)
        self.state = after(self.state, Step.ASK)
        rank, newest = self.standing.rank, self.backlog.newest
        wanted_us = BACKLOG_US if newest and not self.asks.has_slept else self.wanted_us
        ask = Adopt.ask(self.member.identity, peer, counter, rank, newest, wanted_us, self.parent)
        return [*self._introduce(peer), Send(peer, ask)]

    def _introduce(self, peer: PeerId) -> list[Effect]:
        """Show one's ticket on a link that is up."""
        return self.neighbours.introduce(peer, self.standing.rank, self.backlog.newest)

    def _dial_all(self, now: Micros) -> list[Effect]:
        """Turn to everybody known, and to the tracker."""
        self.is_seeking = True
        self._tell_of_change()
        others = [one.ticket for one in self.standbys.all.values()]
        if self._named is not None:
            others.append(self._named)
            if self._named.peer not in self.neighbours:
                self.left_for_silence = self._named.peer
        return self._turn_to(self.neighbours.everybody(others, self.member.me, now), now)

    def _turn_to(self, tickets: list[Ticket], now: Micros) -> list[Effect]:
        """Dial these, and have those asked that are connected already."""
        effects: list[Effect] = []
        for ticket in tickets:
            if ticket.peer in self.neighbours and self.repair is not None:
                self.neighbours.note(ticket)
                self.repair.connected(Candidate(ticket.peer, is_warm=True, rtt_us=RTT_UNKNOWN_US), now)
            else:
                effects += self.neighbours.dial(ticket)
        return effects

    def _good(self, tickets: tuple[Ticket, ...], now: Micros) -> list[Ticket]:
        """Give those of others' tickets that count: signed by the tracker, not one's own, and of nobody who is banned."""
        spared = self.relay.bans.keys() | {self.member.me}
        return [one for one in tickets if one.peer not in spared and self.member.trusts(one, now)]

    def _new_round(self, now: Micros) -> list[Effect]:
        """Begin again with whoever is known now; a head that has found nobody for too long sheds its children."""
        silent = self.repair.unanswered if self.repair is not None else []
        effects = self.reserves.give_up(silent, now)
        if self.orphan_since is not None and now - self.orphan_since >= SHED_AFTER_US and self.relay.children:
            effects += self.relay.shed(Why.SHED, now)
        if (
            not self.standing.is_raising
            and self.standing.may_raise(now, len(self.relay.children))
            and self._has_heard
        ):
            self.standing.begin_raise()
        self.repair = Repair(self._candidates(), now)
        return effects

    def _move_to(self, ticket: Ticket, now: Micros) -> list[Effect]:
        """Begin to go over to another parent; the old one is heard until the new one has accepted."""
        self.neighbours.note(ticket)
        self._moving = ticket.peer, now + MOVE_US_MAX
        return self._ask(ticket.peer, now)

    def _give_up_move(self) -> None:
        """Stay where one is."""
        if self._moving is not None:
            self.asks.when_up.pop(self._moving[0], None)
        self._moving = None
        if self.state is Attachment.MOVING:
            self.state = after(self.state, Step.GAVE_UP)
        self._settle_raise()

    def _settle_asking(self) -> None:
        """Go back to seeking when nobody asked is left to answer."""
        if self.state is Attachment.ASKING and not self.asks:
            self.state = after(self.state, Step.GAVE_UP)

    def _settle_raise(self) -> None:
        """End a raise that came to nothing, under the parent that there still is."""
        if self.standing.is_raising and self.parent is not None:
            self.standing.end_raise(self.parent_rank)

    def _tell_of_change(self) -> None:
        """Let the tracker hear of it."""
        self.relay.changed = True
