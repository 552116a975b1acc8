"""The hearing half of a peer: its parent, its standbys, and what it does when the parent is silent.

What happens when a parent dies, from the child's side: half of the silence threshold after the last new chunk it tells
its own children (`Stalled`), so that they stay; at the threshold it becomes an orphan, and `repair` says whom to ask;
the first good Accept ends it, and the refill that comes with it fills what is missing.
"""

from dataclasses import dataclass

from meshcast.protocol.attachment import Attachment, Step, after
from meshcast.protocol.backlog import Backlog
from meshcast.protocol.chunk import Chunk, Hop
from meshcast.protocol.effects import Dial, Effect, HangUp, Probe, Send
from meshcast.protocol.holes import Holes, ranges
from meshcast.protocol.judge import Judge
from meshcast.protocol.limits import (
    ACCEPT_AGE_US_MAX,
    AVOID_US,
    BACKLOG_US,
    BORROW_AFTER_US,
    BORROW_EVERY_US,
    PROBE_AFTER_US,
    SHED_AFTER_US,
    STALLED_PATIENCE_US,
    UNCLES_MAX,
)
from meshcast.protocol.machine import earliest
from meshcast.protocol.membership import Membership
from meshcast.protocol.messages import (
    Accept,
    Adopt,
    Beat,
    Detach,
    Enlist,
    Hello,
    Move,
    Pull,
    Refuse,
    Stalled,
    Uncles,
    Why,
)
from meshcast.protocol.relay import Relay
from meshcast.protocol.repair import Ask, Candidate, DialAll, NewRound, Repair
from meshcast.protocol.standbys import RTT_UNKNOWN_US, Standbys
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Ticket
from meshcast.protocol.units import SECOND, Micros, PeerId, Rank, Sequence
from meshcast.protocol.watch import Watch

BORROW_CHUNKS = 8
MOVE_US_MAX = 3 * SECOND
"""A move that has not come about by then is given up."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to be adopted that is under way."""

    peer: PeerId
    at: Micros


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
        self.ticket: Ticket | None = None
        """This peer's own, once the tracker has placed it."""
        self.state = Attachment.SEEKING
        self.parent: PeerId | None = None
        self.parent_ticket: Ticket | None = None
        self.parent_rank: Rank = 0
        self.counter = 0
        self.attached_counter = 0
        self.standbys = Standbys()
        self.holes = Holes()
        self.watch: Watch | None = None
        self.repair: Repair | None = None
        self.left_for_silence: PeerId | None = None
        self.orphan_since: Micros | None = None
        self.is_seeking = False
        """Nobody known could help so far: the tracker is asked."""
        self.repairs_us: list[Micros] = []
        """For each parent lost: from its last new chunk (or its Bye) to the next one's Accept."""
        self._judge: Judge | None = None
        self._links: dict[PeerId, Ticket | None] = {}
        """Links that are up, and the ticket of one's own that was shown on each."""
        self._asks: dict[int, Asked] = {}
        self._ask_when_up: dict[PeerId, Micros] = {}
        self._former: dict[PeerId, int] = {}
        self._avoid: dict[PeerId, Micros] = {}
        self._declined: dict[PeerId, Micros] = {}
        """Who does not stand by any more, or never did, and is not asked to again until then."""
        self._tickets: dict[PeerId, Ticket] = {}
        self._uncles: dict[PeerId, Ticket] = {}
        self._named: Ticket | None = None
        self._moving: tuple[PeerId, Micros] | None = None
        self._borrow_at: Micros = 0
        self._probed = False
        self._rtt_us: Micros = RTT_UNKNOWN_US
        self._has_heard = False
        self._unheard_since: Micros = 0

    # ---- the tracker's word

    def placed(self, parent: Ticket | None, standbys: tuple[Ticket, ...], now: Micros) -> list[Effect]:
        """Take in a place: ask its parent first, then its standbys, unless there is a parent already."""
        effects = self.named_standbys(standbys, now)
        if parent is None or self.state.is_hearing or parent.peer == self.member.me:
            return effects
        self._named = parent
        self._avoid.pop(parent.peer, None)
        self._tickets[parent.peer] = parent
        if self.orphan_since is None:
            self.orphan_since = now
        effects += self._dial(parent)
        if self._has_heard and self.repair is not None:
            # One of many that an orphan turns to: those who are connecting already are not forgotten for its sake.
            self.repair.named(parent.peer)
            if parent.peer in self._links:
                self.repair.connected(Candidate(parent.peer, is_warm=True, rtt_us=RTT_UNKNOWN_US), now)
            return effects + self._decide(now)
        self.repair = Repair(self._candidates(), now)
        return effects + self._decide(now)

    def named_standbys(self, tickets: tuple[Ticket, ...], now: Micros) -> list[Effect]:
        """Take in who stands by."""
        wanted = tuple(
            ticket
            for ticket in tickets
            if ticket.peer not in {self.member.me, self.parent}
            and now >= self._declined.get(ticket.peer, 0)
            and self.member.trusts(ticket, now)
        )
        if self._is_orphan and self.orphan_since is not None:
            # Whoever has shown a sign of life since is not exchanged for somebody who may be dead.
            living = {one.peer: one for one in self.standbys.living(self.orphan_since)}
            wanted = tuple((living | {one.peer: one for one in wanted}).values())
        fresh, gone = self.standbys.name(wanted)
        effects: list[Effect] = [Send(peer, Detach(0)) for peer in gone if peer in self._links]
        for ticket in fresh:
            effects += self._stand_by(ticket, now)
        self._tell_of_change()
        return effects

    def move(self, order: Move, now: Micros) -> list[Effect]:
        """Go over to another parent without losing a chunk, if the order speaks of how things are."""
        if self.state is not Attachment.HEARING or (order.parent, order.counter) != (
            self.parent,
            self.attached_counter,
        ):
            return []
        if order.to.peer in {self.parent, self.member.me} or not self.member.trusts(order.to, now):
            return []
        return self._move_to(order.to, now)

    # ---- links

    def connected(self, peer: PeerId, now: Micros, *, dialled: bool) -> list[Effect]:
        """Introduce oneself, and ask what the link was dialled for."""
        self._links[peer] = None
        effects = self._introduce(peer) if dialled else []
        if peer in self.standbys and self.standbys.all[peer].enlisted_at is None:
            effects += self._enlist(peer, now)
        if self._ask_when_up.pop(peer, None) is not None:
            effects += self._ask(peer, now)
        elif self.repair is not None and peer in self._tickets:
            self.repair.connected(Candidate(peer, is_warm=True, rtt_us=RTT_UNKNOWN_US), now)
            effects += self._decide(now)
        return effects

    def disconnected(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Take in that a link is gone, or that a dial came to nothing."""
        if peer not in self._links:
            self._uncles.pop(peer, None)
        self._links.pop(peer, None)
        self._ask_when_up.pop(peer, None)
        self._former.pop(peer, None)
        self._asks = {counter: one for counter, one in self._asks.items() if one.peer != peer}
        effects: list[Effect] = []
        if self._moving is not None and self._moving[0] == peer:
            self._give_up_move()
        if peer in self.standbys:
            effects += self._lose_standby(peer, now)
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
        needed = dict.fromkeys(
            [*self.standbys.all, *self._ask_when_up, *(one.peer for one in self._asks.values())]
        )
        if self.parent is not None:
            needed[self.parent] = None
        return needed

    # ---- what neighbours say

    def accepted(self, peer: PeerId, accept: Accept, now: Micros) -> tuple[list[Effect], bool]:
        """Take in an Accept; tell whether it makes its sender the parent."""
        if peer == self.parent:
            # It has answered two requests, and its record is of the later one: a Detach now would be obeyed.
            if self.attached_counter < accept.counter <= self.counter:
                self.attached_counter = accept.counter
                self._tell_of_change()
            return [], False
        asked = self._take_ask(accept.counter, peer)
        is_legal = self.standing.rank_under(accept.rank) <= self.standing.rank
        is_wanted = self.state in {Attachment.ASKING, Attachment.MOVING}
        if asked is None or now - asked.at > ACCEPT_AGE_US_MAX or not is_legal or not is_wanted:
            if asked is not None and self._moving is not None and self._moving[0] == peer:
                self._give_up_move()
            return [Send(peer, Detach(accept.counter))], False
        effects = self._leave_former(peer)
        self.state = after(self.state, Step.ACCEPTED)
        self.parent, self.attached_counter, self.parent_rank = peer, accept.counter, accept.rank
        self.parent_ticket = self._tickets.get(peer)
        self.watch = Watch(now, accept.newest, self.backlog.chunk_us)
        self._judge = Judge(now)
        self._probed = False
        self._moving = self.repair = None
        # Whoever else was asked, or is being dialled to be asked, is not needed any more.
        self._asks.clear()
        self._ask_when_up.clear()
        self.is_seeking = False
        if self.orphan_since is not None:
            if self._has_heard:
                self.repairs_us.append(now - self._unheard_since)
            self.orphan_since = None
        self._has_heard = True
        self.standing.end_raise(accept.rank)
        self.standing.follow(accept.rank, accept.path)
        if self.standbys.drop(peer):
            effects += [Send(peer, Detach(0)), *self._fill_standby(now)]
        self._tell_of_change()
        return effects + self.relay.announce() + self.relay.tell_uncles(), True

    def refused(self, peer: PeerId, refuse: Refuse, now: Micros) -> list[Effect]:
        """Take in a refusal: ask from a higher rank if that is why and it is allowed, or ask somebody else."""
        if refuse.counter == 0:
            return self._lose_standby(peer, now) if peer in self.standbys else []
        if self._take_ask(refuse.counter, peer) is None:
            return []
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
        return self._decide(now)

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
                return self._lose_standby(peer, now)
            chunk_us = self.backlog.chunk_us
            is_better = self._judge is not None and self._judge.compare(
                standby, self.backlog.newest, chunk_us, now
            )
            if is_better and self.state is Attachment.HEARING:
                return self._move_to(standby.ticket, now)
        return []

    def stalled(self, peer: PeerId, notice: Stalled, now: Micros) -> list[Effect]:
        """Take in a parent's word that nothing comes to it either, and pass it on at once."""
        if peer != self.parent or self.watch is None:
            return []
        self.watch.stalled(now)
        return self.relay.stalled(notice, now)

    def uncles(self, peer: PeerId, uncles: Uncles, now: Micros) -> list[Effect]:
        """Take in a parent's tickets of whom to turn to; only what the tracker signed counts."""
        if peer != self.parent:
            return []
        spared = self.relay.bans.keys() | {self.member.me}
        good = [one for one in uncles.tickets if one.peer not in spared and self.member.trusts(one, now)]
        self._uncles = {ticket.peer: ticket for ticket in good}
        return self._fill_standby(now)

    def own_uncles(self) -> tuple[Ticket, ...]:
        """Give one's own children whom to turn to: one's parent, standbys and uncles."""
        known = {one.ticket.peer: one.ticket for one in self.standbys.all.values()}
        if self.parent_ticket is not None:
            known = {self.parent_ticket.peer: self.parent_ticket} | known
        return tuple((known | self._uncles).values())[:UNCLES_MAX]

    def cut_off(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Have nothing to do with a peer any more: it is a polluter, or banned."""
        self._avoid[peer] = now + 60 * AVOID_US
        self._uncles.pop(peer, None)
        self._tickets.pop(peer, None)
        effects: list[Effect] = []
        if self.standbys.drop(peer):
            effects += self._fill_standby(now)
        if peer == self.parent:
            effects += self.lose_parent(now, is_silent=False)
        return [*effects, HangUp(peer, "it sent what nobody signed")]

    def bye(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Take in that somebody goes, or sends this peer away."""
        effects = self._lose_standby(peer, now) if peer in self.standbys else []
        self._uncles.pop(peer, None)
        if peer == self.parent:
            self._avoid[peer] = now + AVOID_US
            effects += self.lose_parent(now, is_silent=False)
        elif self.repair is not None:
            self.repair.refused(peer, now)
        return effects

    # ---- chunks

    def heard(self, peer: PeerId, chunk: Chunk, rtt_us: Micros, now: Micros, *, live: bool) -> None:
        """Take in a genuine chunk that came from `peer`, known before or not."""
        self.standbys.lives(peer, now)
        if peer == self.parent and self.watch is not None and self._judge is not None:
            self._rtt_us = rtt_us or self._rtt_us
            # What it brings twice does not make up for what it does not bring.
            self._judge.brought += chunk.sequence > self.watch.newest
            self._probed = False
            self.watch.heard(chunk, now, live=live)

    def find_holes(self, chunk: Chunk, newest: Sequence, peer: PeerId, hop: Hop, now: Micros) -> None:
        """Note what a chunk beyond the newest shows to be missing; before the first chunk nothing is."""
        self.holes.filled(chunk.sequence)
        if not newest or chunk.sequence <= newest + 1:
            return
        self.holes.found(newest + 1, chunk.sequence - 1, chunk.sequence, hop, now)
        if peer == self.parent and self._judge is not None and hop.have & 1:
            self._judge.withheld += 1

    # ---- time

    def tick(self, now: Micros) -> list[Effect]:
        """Do what is due."""
        effects: list[Effect] = []
        if self.watch is not None:
            effects += self._while_hearing(self.watch, now)
        elif self._is_orphan:
            effects += self._warn_children(now, self.orphan_since or now)
        effects += self._borrow(now)
        if self._moving is not None and now >= self._moving[1]:
            self._give_up_move()
        for counter in [one for one, asked in self._asks.items() if now - asked.at > ACCEPT_AGE_US_MAX]:
            del self._asks[counter]
        self._settle_asking()
        for peer in self.standbys.silent(now):
            effects += self._lose_standby(peer, now)
        if self.holes:
            effects += self._pull_holes(now)
        return effects + self._decide(now) if self.repair is not None else effects

    def deadline(self) -> Micros | None:
        """When is something due?"""
        asks = (asked.at + ACCEPT_AGE_US_MAX + 1 for asked in self._asks.values())
        hearing = self._hearing_deadline()
        warning = self.relay.notice_due() if self._is_orphan and self.relay.children else None
        return earliest(
            *asks,
            hearing,
            warning,
            self._borrow_due,
            self.repair.deadline() if self.repair is not None else None,
            self._moving[1] if self._moving is not None else None,
            self.standbys.deadline(),
            self.holes.deadline(),
        )

    def lose_parent(self, now: Micros, *, is_silent: bool) -> list[Effect]:
        """Become an orphan, and begin to ask."""
        if self.parent is None:
            return []
        self._former[self.parent] = self.attached_counter
        if is_silent:
            self._avoid[self.parent] = now + AVOID_US
            self.left_for_silence = self.parent
        self._unheard_since = self.watch.heard_at if self.watch is not None and is_silent else now
        self.state = after(self.state, Step.LOST)
        self.parent = self.parent_ticket = self.watch = self._judge = self._named = None
        self.orphan_since = now
        self._tell_of_change()
        self.repair = Repair(self._candidates(), now)
        return self._decide(now)

    def leave(self) -> list[Effect]:
        """Go politely: let parent and standbys know."""
        self.state = after(self.state, Step.LEAVE)
        effects: list[Effect] = [Send(peer, Detach(0)) for peer in self.standbys.all if peer in self._links]
        if self.parent is not None:
            effects.append(Send(self.parent, Detach(self.attached_counter)))
        self.parent = self.parent_ticket = self.watch = self.repair = self._moving = None
        self._asks.clear()
        return effects

    # ---- details: silence

    def _while_hearing(self, watch: Watch, now: Micros) -> list[Effect]:
        """Warn the children, probe, borrow, and at last leave a parent that brings nothing new."""
        effects: list[Effect] = []
        silent_us = now - watch.heard_at
        if now >= watch.notice_from() and not watch.is_excused(now):
            effects += self._warn_children(now, watch.heard_at)
        if silent_us >= PROBE_AFTER_US and not self._probed and self.parent is not None:
            self._probed = True
            effects.append(Probe(self.parent))
        if self._must_leave(watch, now):
            return effects + self.lose_parent(now, is_silent=not watch.is_excused(now))
        if self._judge is not None and now >= self._judge.deadline() and self._judge.verdict(now):
            warm = self.standbys.warm()
            if warm and self.state is Attachment.HEARING:
                effects += self._move_to(self.standbys.all[warm[0]].ticket, now)
        return effects

    def _must_leave(self, watch: Watch, now: Micros) -> bool:
        """Has the parent been silent for too long? One that says it is stalled is left only for somebody ahead."""
        if now < watch.heard_at + watch.silence_us:
            return False
        if not watch.is_excused(now) or now >= watch.heard_at + STALLED_PATIENCE_US:
            return True
        return self.standbys.ahead_of(self.backlog.newest) is not None

    def _hearing_deadline(self) -> Micros | None:
        """When is something due about the parent?"""
        watch = self.watch
        if watch is None or self._judge is None:
            return None
        due = [min(watch.deadline(), watch.heard_at + STALLED_PATIENCE_US), self._judge.deadline()]
        if watch.stalled_at is not None and self.standbys.ahead_of(self.backlog.newest) is not None:
            due.append(watch.heard_at + watch.silence_us)
        if self.relay.children:
            due.append(max(watch.notice_from(), self.relay.notice_due(), watch.excused_until))
        if not self._probed:
            due.append(watch.heard_at + PROBE_AFTER_US)
        return min(due)

    def _borrow(self, now: Micros) -> list[Effect]:
        """Pull what comes next from the standbys, without leaving a stalled parent or waiting for another one."""
        due = self._borrow_due
        if due is None or now < due:
            return []
        self._borrow_at = now + BORROW_EVERY_US
        first = self.backlog.newest + 1
        wish = Pull(((first, first + BORROW_CHUNKS - 1),))
        return [Send(peer, wish) for peer in self.standbys.warm()]

    @property
    def _borrow_due(self) -> Micros | None:
        """When is it time to borrow, if nothing new comes? Before the first chunk nobody knows what comes next."""
        if not self._has_heard or not self.standbys.all or not self.backlog.newest:
            return None
        return max(self.backlog.newest_at + BORROW_AFTER_US, self._borrow_at)

    def _warn_children(self, now: Micros, since: Micros) -> list[Effect]:
        """Tell the children that nothing comes and that this peer sees to it."""
        if not self.relay.children or now < self.relay.notice_due():
            return []
        return self.relay.stalled(Stalled(self.member.me[:4], now - since), now)

    # ---- details: asking

    @property
    def _is_orphan(self) -> bool:
        """Tell whether there was a parent and is none."""
        return self._has_heard and self.parent is None and self.state is not Attachment.LEFT

    def _candidates(self) -> list[Candidate]:
        """Give whom to ask first: the parent that the tracker named, and the standbys."""
        first = []
        if self._named is not None:
            first = [
                Candidate(self._named.peer, is_warm=self._named.peer in self._links, rtt_us=RTT_UNKNOWN_US)
            ]
        warm = [
            one for one in self.standbys.candidates() if self._named is None or one.peer != self._named.peer
        ]
        cold = [
            Candidate(peer, is_warm=False, rtt_us=RTT_UNKNOWN_US)
            for peer, one in self.standbys.all.items()
            if one.heard_at is None and self._named is not None and peer != self._named.peer
        ]
        return first + warm + cold

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
        if peer not in self._links:
            ticket = self._tickets.get(peer)
            if ticket is None:
                return []
            self._ask_when_up[peer] = now
            return self._dial(ticket)
        self.counter += 1
        self._asks[self.counter] = Asked(peer, now)
        self.state = after(self.state, Step.ASK)
        newest = self.backlog.newest
        wanted_us = BACKLOG_US if newest else self.wanted_us
        ask = Adopt.ask(
            self.member.identity, peer, self.counter, self.standing.rank, newest, wanted_us, self.parent
        )
        return [*self._introduce(peer), Send(peer, ask)]

    def _take_ask(self, counter: int, peer: PeerId) -> Asked | None:
        """Take back the request that this peer answers; nobody answers for another."""
        asked = self._asks.get(counter)
        return self._asks.pop(counter) if asked is not None and asked.peer == peer else None

    def _introduce(self, peer: PeerId) -> list[Effect]:
        """Show one's ticket, whoever dialled, unless this very ticket has been shown on this link."""
        if self.ticket is None or self._links[peer] == self.ticket:
            return []
        self._links[peer] = self.ticket
        return [Send(peer, Hello(self.ticket, self.standing.rank, self.backlog.newest))]

    def _dial_all(self, now: Micros) -> list[Effect]:
        """Turn to everybody known, and to the tracker."""
        self.is_seeking = True
        self._tell_of_change()
        self._avoid = {peer: until for peer, until in self._avoid.items() if until > now}
        known = self._uncles | {one.ticket.peer: one.ticket for one in self.standbys.all.values()}
        if self._named is not None:
            known[self._named.peer] = self._named
            if self._named.peer not in self._links:
                self.left_for_silence = self._named.peer
        # A parent left for silence may only have been unlucky: with nobody else to turn to, it is asked again.
        known |= {
            peer: self._tickets[peer]
            for peer in self._former
            if peer in self._avoid and peer in self._tickets
        }
        known.pop(self.member.me, None)
        others = {peer: ticket for peer, ticket in known.items() if peer not in self._avoid}
        effects: list[Effect] = []
        for peer, ticket in (others or known).items():
            self._tickets[peer] = ticket
            if peer in self._links and self.repair is not None:
                self.repair.connected(Candidate(peer, is_warm=True, rtt_us=RTT_UNKNOWN_US), now)
            else:
                effects += self._dial(ticket)
        return effects

    def _new_round(self, now: Micros) -> list[Effect]:
        """Begin again with whoever is known now; a head that has found nobody for too long sheds its children."""
        effects: list[Effect] = []
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
        self._tickets[ticket.peer] = ticket
        self._moving = ticket.peer, now + MOVE_US_MAX
        return self._ask(ticket.peer, now)

    def _give_up_move(self) -> None:
        """Stay where one is."""
        if self._moving is not None:
            self._ask_when_up.pop(self._moving[0], None)
        self._moving = None
        if self.state is Attachment.MOVING:
            self.state = after(self.state, Step.GAVE_UP)
        self._settle_raise()

    def _settle_asking(self) -> None:
        """Go back to seeking when nobody asked is left to answer."""
        if self.state is Attachment.ASKING and not self._asks:
            self.state = after(self.state, Step.GAVE_UP)

    def _settle_raise(self) -> None:
        """End a raise that came to nothing, under the parent that there still is."""
        if self.standing.is_raising and self.parent is not None:
            self.standing.end_raise(self.parent_rank)

    def _leave_former(self, parent: PeerId) -> list[Effect]:
        """Tell parents before this one that they need not feed this peer any more."""
        if self.parent is not None:
            self._former[self.parent] = self.attached_counter
        former, self._former = self._former, {}
        return [
            Send(peer, Detach(counter))
            for peer, counter in former.items()
            if peer != parent and peer in self._links
        ]

    # ---- details: standbys and holes

    def _dial(self, ticket: Ticket) -> list[Effect]:
        """Open a link to a ticket's peer."""
        self._tickets[ticket.peer] = ticket
        return [] if ticket.peer in self._links else [Dial(ticket.peer, ticket.addresses)]

    def _stand_by(self, ticket: Ticket, now: Micros) -> list[Effect]:
        """Ask a peer to stand by, on a link that is up, or as soon as it is."""
        if ticket.peer in self._links:
            self._tickets[ticket.peer] = ticket
            return self._enlist(ticket.peer, now)
        return self._dial(ticket)

    def _enlist(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Ask on a link that is up."""
        self.standbys.enlisted(peer, now)
        return [*self._introduce(peer), Send(peer, Enlist(self.standing.rank))]

    def _lose_standby(self, peer: PeerId, now: Micros) -> list[Effect]:
        """Replace a standby that is gone, too silent, full or no longer of lower rank."""
        self.standbys.drop(peer)
        self._declined[peer] = now + AVOID_US
        self._tell_of_change()
        effects: list[Effect] = [Send(peer, Detach(0))] if peer in self._links else []
        return effects + self._fill_standby(now)

    def _fill_standby(self, now: Micros) -> list[Effect]:
        """Take an uncle into an empty place until the tracker names somebody."""
        self._declined = {peer: until for peer, until in self._declined.items() if until > now}
        spared = self._avoid.keys() | self._declined.keys() | {self.parent}
        ticket = self.standbys.fill([one for one in self._uncles.values() if one.peer not in spared])
        if ticket is None:
            return []
        self._tell_of_change()
        return self._stand_by(ticket, now)

    def _pull_holes(self, now: Micros) -> list[Effect]:
        """Ask for missing chunks: first the parent, then the standbys."""
        self.holes.drop_below(self.backlog.floor)
        asks = self.holes.due(now, self._rtt_us)
        warm = self.standbys.warm()
        order = [self.parent, *warm] if self.parent is not None else list(warm)
        effects: list[Effect] = []
        for tries, sequences in asks.items():
            if order:
                to = order[tries % len(order)]
                assert to is not None
                effects.append(Send(to, Pull(ranges(sequences)[:32])))
        return effects

    def _tell_of_change(self) -> None:
        """Let the tracker hear of it."""
        self.relay.changed = True
