"""The hearing half of a peer: its parent, its standbys, and what it does when the parent is silent.

What happens when a parent dies, from the child's side: half of the silence threshold after the last new chunk it tells
its own children (`Stalled`), so that they stay; at the threshold it becomes an orphan, and its `search` begins; the first
good Accept ends it, and the refill that comes with it fills what is missing.
"""

from meshcast.protocol.adoption import Adoption
from meshcast.protocol.attachment import Attachment, Step
from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import Chunk, Hop
from meshcast.protocol.effects import Effect, HangUp, Send
from meshcast.protocol.judge import Judge
from meshcast.protocol.machine import earliest
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import Accept, Beat, Detach, Move, Refuse, Stalled, Uncles, Why
from meshcast.protocol.neighbours import Neighbours
from meshcast.protocol.pulls import Pulls
from meshcast.protocol.relay import Relay
from meshcast.protocol.reserves import Reserves
from meshcast.protocol.search import Search
from meshcast.protocol.standbys import Standbys
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Ticket
from meshcast.protocol.transfer import Transfer
from meshcast.protocol.units import Micros, PeerId, Rank, Sequence
from meshcast.protocol.vigil import Vigil
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
        self.parent_ticket: Ticket | None = None
        self.parent_rank: Rank = 0
        self.attached_counter = 0
        self.neighbours = Neighbours()
        self.adoption = Adoption(member, standing, backlog, self.neighbours, wanted_us)
        self.asks = self.adoption.asks
        self.standbys = Standbys()
        self.reserves = Reserves(member, standing, backlog, relay, self.neighbours, self.standbys)
        self.search = Search(self.adoption, standing, relay, self.neighbours, self.standbys, self.reserves)
        self.transfer = Transfer(self.adoption, standing, self.neighbours)
        self.pulls = Pulls(backlog, self.standbys)
        self.vigil: Vigil | None = None
        """Over the parent, as long as there is one."""

    @property
    def state(self) -> Attachment:
        """Say where this peer stands towards a parent."""
        return self.adoption.state

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
        return effects + self.search.named(parent, now)

    def named_standbys(self, tickets: tuple[Ticket, ...], now: Micros) -> list[Effect]:
        """Take in who stands by."""
        return self.reserves.name(tickets, self.search.orphan_since if self.search.is_orphan else None, now)

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
        return self.transfer.begin(order.to, self.parent, now)

    # ---- links

    def connected(self, peer: PeerId, now: Micros, *, dialled: bool) -> list[Effect]:
        """Introduce oneself, and ask what the link was dialled for."""
        self.neighbours.up(peer)
        effects = self.adoption.introduce(peer) if dialled else []
        if peer in self.standbys and self.standbys.all[peer].enlisted_at is None:
            effects += self.reserves.enlist(peer, now)
        if peer in self.asks.when_up:
            del self.asks.when_up[peer]
            effects += self.adoption.ask(peer, now, self.parent)
        else:
            effects += self.search.connected(peer, now)
        return effects

    def disconnected(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Take in that a link is gone, or that a dial came to nothing."""
        self.neighbours.down(peer)
        self.asks.gone(peer)
        effects: list[Effect] = []
        self.transfer.failed(peer, self._rank_above)
        if peer in self.standbys:
            effects += self.reserves.lose(peer, now)
        if peer == self.parent:
            effects += self.lose_parent(now, is_silent=True)
        else:
            effects += self.search.refused(peer, now)
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
            if asked is not None:
                self.transfer.failed(peer, self._rank_above)
            return [Send(peer, Detach(accept.counter))], False
        if self.parent is not None:
            self.neighbours.former[self.parent] = self.attached_counter
        effects = self.neighbours.leave_former(peer)
        self.adoption.take(Step.ACCEPTED)
        self.parent, self.attached_counter, self.parent_rank = peer, accept.counter, accept.rank
        self.parent_ticket = self.neighbours.tickets.get(peer)
        watch = Watch(now, accept.newest, self.backlog.chunk_us, self.neighbours.doubts)
        self.vigil = Vigil(peer, watch, Judge(now), self.backlog, self.relay, self.standbys)
        self.transfer.end()
        self.search.end(now)
        self.asks.clear()
        self.pulls.holes.ask_anew(now)
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
            return self.adoption.ask(peer, now, self.parent)
        self.transfer.failed(peer, self._rank_above)
        return self.search.refused(peer, now, referred)

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
                return self.transfer.begin(standby.ticket, self.parent, now)
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
        elif self.search.repair is not None:
            self.search.repair.refused(peer, now)
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
        vigil = self.vigil
        effects = self.search.warn(now) if vigil is None else self._while_hearing(vigil, now)
        self.transfer.expire(now, self._rank_above)
        self.asks.expire(now)
        self.adoption.settle()
        effects += self.reserves.tick(now)
        effects += self.pulls.tick(self.parent, now)
        return effects + self.search.decide(now)

    def deadline(self) -> Micros | None:
        """When is something due?"""
        return earliest(self.silence_deadline(), self.other_deadline())

    def silence_deadline(self) -> Micros | None:
        """When is something due because nothing comes? The parent's next chunk puts it off."""
        silence = self.vigil.silence_deadline() if self.vigil is not None else None
        return earliest(silence, self.pulls.borrow_due)

    def other_deadline(self) -> Micros | None:
        """When is something else due?"""
        return earliest(
            self.asks.deadline(),
            self.vigil.judge.deadline() if self.vigil is not None else None,
            self.search.deadline(),
            self.transfer.until,
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
            self.search.left_for_silence = self.parent
        unheard_since = self.vigil.watch.heard_at if self.vigil is not None and is_silent else now
        self.adoption.take(Step.LOST)
        self.parent = self.parent_ticket = self.vigil = None
        self._tell_of_change()
        return self.search.begin(unheard_since, now)

    def leave(self) -> list[Effect]:
        """Go politely: let parent and standbys know."""
        self.adoption.take(Step.LEAVE)
        effects = self.reserves.part()
        if self.parent is not None:
            effects.append(Send(self.parent, Detach(self.attached_counter)))
        self.parent = self.parent_ticket = self.vigil = self.search.repair = None
        self.transfer.end()
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
                effects += self.transfer.begin(self.standbys.all[warm[0]].ticket, self.parent, now)
        return effects

    @property
    def _rank_above(self) -> Rank | None:
        """Give the parent's rank, as long as there is a parent."""
        return self.parent_rank if self.parent is not None else None

    def _good(self, tickets: tuple[Ticket, ...], now: Micros) -> list[Ticket]:
        """Give those of others' tickets that count: signed by the tracker, not one's own, and of nobody who is banned."""
        spared = self.relay.bans.keys() | {self.member.me}
        return [one for one in tickets if one.peer not in spared and self.member.trusts(one, now)]

    def _tell_of_change(self) -> None:
        """Let the tracker hear of it."""
        self.relay.changed = True
