"""The serving half: whom it feeds, whom it refuses and why, and what they get."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.backlog import Backlog
from meshcast.protocol.effects import Effect, HangUp, Refill, Send, SendChunk, SendDatagram
from meshcast.protocol.identity import verify
from meshcast.protocol.limits import (
    BEAT_EVERY_US,
    BURST_CHUNKS_MAX,
    EMERGENCY_PLACES_MAX,
    PARKED_MAX,
    PARKED_US,
    PULL_CHUNKS_BURST,
    REFERRALS_MAX,
    REFILL_BYTES_MAX,
    RESERVE_PLACES_MAX,
    STALLED_EVERY_US,
    STANDBY_CLIENTS_PER_PLACE,
    STANDBY_CLIENTS_PER_PREFIX,
)
from meshcast.protocol.messages import Accept, Beat, Bye, Message, Notice, Pull, Refuse, Stalled, Uncles, Why
from meshcast.protocol.relay import Relay, prefix_of
from meshcast.protocol.sources import Sources
from meshcast.protocol.standing import Standing
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import MILLISECOND, SECOND, Micros
from meshcast.protocol.wire import decode_refill, encode_refill

NOW = 100 * SECOND
CHUNK_US = 100 * MILLISECOND


class Server:
    """A relay of rank 5 with thirty chunks."""

    def __init__(
        self, crew: Any, capacity: int = 2, chunks: int = 30, role: Role = Role.LISTENER, **more: Any
    ) -> None:
        self.crew = crew
        member = crew.member("server", role, capacity, **more)
        self.backlog = Backlog()
        sources = Sources(crew.broadcast, verify)
        sources.learn((crew.delegation(),), 0)
        self.standing = Standing(member.me, role, rank=5)
        self.relay = Relay(member, self.standing, self.backlog, sources, lambda: (crew.ticket("uncle"),))
        for sequence in range(1, chunks + 1):
            self.backlog.add(crew.chunk(sequence), NOW - (chunks - sequence) * CHUNK_US, 0)

    def meet(self, name: str, **more: Any) -> None:
        assert self.relay.hello(self.crew.id(name), self.crew.ticket(name, **more), NOW) == []

    def adopt(self, name: str, now: Micros = NOW, **more: Any) -> list[Effect]:
        self.meet(name)
        return self.relay.adopt(self.crew.id(name), self.crew.adopt(name, "server", **more), now)

    def enlist(self, name: str, **more: Any) -> list[Effect]:
        self.meet(name, **more)
        return self.relay.enlist(self.crew.id(name), 32)

    def pull(self, name: str, *ranges: tuple[int, int], now: Micros = NOW) -> list[Effect]:
        return self.relay.pull(self.crew.id(name), Pull(ranges), now)

    def arrive(self, sequence: int, now: Micros, sender: str | None = None) -> list[Effect]:
        chunk = self.crew.chunk(sequence)
        self.backlog.add(chunk, now, 0)
        held = self.backlog.get(sequence)
        assert held is not None
        return self.relay.forward([held], None if sender is None else self.crew.id(sender), now)

    @property
    def children(self) -> list[Any]:
        return list(self.relay.children)


@pytest.fixture
def server(crew: Any) -> Server:
    return Server(crew)


def messages(effects: list[Effect], kind: type[Any]) -> list[Any]:
    said: list[Message] = [one.message for one in effects if isinstance(one, Send | SendDatagram)]
    return [one for one in said if isinstance(one, kind)]


def chunks(effects: list[Effect]) -> list[tuple[Any, int]]:
    return [(one.to, one.chunk.sequence) for one in effects if isinstance(one, SendChunk)]


def refilled(effects: list[Effect]) -> list[int]:
    return [chunk.sequence for one in effects if isinstance(one, Refill) for _, chunk in one.chunks]


def why(effects: list[Effect]) -> list[Why]:
    return [one.why for one in messages(effects, Refuse)]


# ---- adoption


def test_an_adopted_child_is_told_all_that_it_needs_and_given_what_it_lacks(
    crew: Any, server: Server
) -> None:
    effects = server.adopt("ann", newest=25)
    assert server.children == [crew.id("ann")]
    (accept,) = messages(effects, Accept)
    assert (accept.counter, accept.rank, accept.newest, accept.idle_us) == (1, 5, 30, 0)
    assert messages(effects, Notice)[0].delegations == (crew.delegation(),)
    assert messages(effects, Uncles) == [Uncles((crew.ticket("uncle"),))]
    assert refilled(effects) == [26, 27, 28, 29, 30]


def test_a_joiner_gets_its_playout_delay_and_not_the_whole_backlog(server: Server) -> None:
    assert refilled(server.adopt("ann", newest=0, wanted_us=SECOND)) == list(range(20, 31))


def test_nothing_is_promised_that_is_not_here(crew: Any) -> None:
    """I11: an Accept names the newest chunk that is held, and the refill holds it."""
    empty = Server(crew, chunks=0)
    effects = empty.adopt("ann")
    assert messages(effects, Accept)[0].newest == 0
    assert refilled(effects) == []
    full = Server(crew)
    effects = full.adopt("ann")
    assert messages(effects, Accept)[0].newest == refilled(effects)[-1] == full.backlog.newest


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["adopt", "detach", "enlist", "gone"]),
            st.sampled_from("abcdefgh"),
            st.integers(1, 4),
        ),
        max_size=25,
    )
)
def test_every_request_that_comes_twice_is_answered_twice_and_changes_nothing_the_second_time(
    crew: Any, steps: list[tuple[str, str, int]]
) -> None:
    """I10 for the serving half, and I3: never more children than capacity and emergency places."""
    server = Server(crew)
    for step, name, counter in steps:
        states = []
        for _ in range(2):
            if step == "adopt":
                server.adopt(name, counter=counter)
            elif step == "enlist":
                server.enlist(name)
            elif step == "detach":
                server.relay.detach(crew.id(name), counter)
            else:
                server.relay.gone(crew.id(name), NOW)
            children = {
                child: (one.counter, one.is_emergency) for child, one in server.relay.children.items()
            }
            states.append((children, dict(server.relay.clients)))
        assert states[0] == states[1]
        assert len(server.children) <= 2 + EMERGENCY_PLACES_MAX
        assert sum(not one.is_emergency for one in server.relay.children.values()) <= 2
        assert server.relay.free == max(0, 2 - len(server.children))


def test_an_adopt_that_comes_again_is_accepted_again_without_a_second_backlog(server: Server) -> None:
    server.adopt("ann")
    effects = server.adopt("ann")
    assert len(messages(effects, Accept)) == 1
    assert refilled(effects) == []


def test_a_stale_adopt_or_detach_changes_nothing(crew: Any, server: Server) -> None:
    server.adopt("ann", counter=7)
    assert server.adopt("ann", counter=6) == []
    server.relay.detach(crew.id("ann"), 6)
    assert server.children == [crew.id("ann")]
    server.relay.detach(crew.id("ann"), 7)
    assert server.children == []


def test_beyond_its_capacity_it_takes_four_in_an_emergency_and_then_no_more(
    crew: Any, server: Server
) -> None:
    for number in range(2 + EMERGENCY_PLACES_MAX):
        assert messages(server.adopt(f"child {number}"), Accept)
    assert why(server.adopt("one too many")) == [Why.FULL]
    assert [one.is_emergency for one in server.relay.children.values()] == [False] * 2 + [True] * 4
    server.relay.detach(crew.id("child 0"), 1)
    assert [one.is_emergency for one in server.relay.children.values()] == [False] * 2 + [True] * 3


def test_the_origin_has_a_greater_reserve_for_it_is_everybodys_last_resort(crew: Any) -> None:
    origin = Server(crew, role=Role.SOURCE)
    taken = [number for number in range(40) if messages(origin.adopt(f"child {number}"), Accept)]
    assert len(taken) == 2 + RESERVE_PLACES_MAX > 2 + EMERGENCY_PLACES_MAX


def test_a_leaf_adopts_nobody_and_stands_by_for_nobody(crew: Any) -> None:
    leaf = Server(crew, capacity=0)
    assert why(leaf.adopt("ann")) == [Why.LEAF]
    assert why(leaf.enlist("ann")) == [Why.FULL]
    assert leaf.children == []


def test_who_is_full_names_children_that_can_serve_and_other_ones_each_time(crew: Any) -> None:
    server = Server(crew, capacity=6, dice=random.Random(6).randrange)
    for number in range(6):
        server.adopt(f"able {number}", rank=7)
    for number in range(EMERGENCY_PLACES_MAX):
        server.meet(f"leaf {number}", capacity=0)
        ask = crew.adopt(f"leaf {number}", "server", rank=7)
        assert messages(server.relay.adopt(crew.id(f"leaf {number}"), ask, NOW), Accept)
    named: dict[Any, None] = {}
    for number in range(20):
        (refuse,) = messages(server.adopt(f"late {number}", rank=7), Refuse)
        assert (refuse.why, len(refuse.others)) == (Why.FULL, REFERRALS_MAX)
        named |= dict.fromkeys(one.peer for one in refuse.others)
    assert set(named) == {crew.id(f"able {number}") for number in range(6)}


def test_who_is_full_names_nobody_to_those_whom_its_children_may_not_take(server: Server) -> None:
    for number in range(2 + EMERGENCY_PLACES_MAX):
        server.adopt(f"child {number}", rank=7)
    (refuse,) = messages(server.adopt("ann", rank=6), Refuse)
    assert refuse == Refuse(1, Why.FULL, 5)


@pytest.mark.parametrize("rank", [0, 4, 5])
def test_a_child_of_no_greater_rank_is_refused_and_told_the_rank(server: Server, rank: int) -> None:
    (refuse,) = messages(server.adopt("ann", rank=rank, counter=3), Refuse)
    assert refuse == Refuse(3, Why.RANK, 5)


def test_while_a_raise_is_pending_nobody_is_adopted(server: Server) -> None:
    server.standing.begin_raise()
    assert why(server.adopt("ann")) == [Why.RAISING]


def test_who_has_shown_no_ticket_or_signed_nothing_is_refused(crew: Any, server: Server) -> None:
    ask = crew.adopt("ann", "server")
    assert why(server.relay.adopt(crew.id("ann"), ask, NOW)) == [Why.TICKET]
    server.meet("ann")
    for forged in (crew.adopt("bob", "server"), crew.adopt("ann", "somebody else")):
        assert why(server.relay.adopt(crew.id("ann"), forged, NOW)) == [Why.TICKET]


def test_a_ticket_that_has_ended_since_it_was_shown_adopts_nobody(crew: Any, server: Server) -> None:
    server.meet("ann", until_s=NOW // SECOND + 1)
    effects = server.relay.adopt(crew.id("ann"), crew.adopt("ann", "server"), NOW + SECOND)
    assert why(effects) == [Why.TICKET]


def test_a_bad_ticket_ends_the_link(crew: Any, server: Server) -> None:
    bad = [
        crew.ticket("bob"),
        crew.ticket("ann", until_s=1),
        crew.ticket("ann", tracker=crew.identity("impostor")),
        crew.ticket("ann", broadcast=crew.id("another event")),
    ]
    for ticket in bad:
        effects = server.relay.hello(crew.id("ann"), ticket, NOW)
        assert messages(effects, Bye) == [Bye(Why.TICKET)]
        assert isinstance(effects[-1], HangUp)
        assert crew.id("ann") not in server.relay.tickets


def test_a_child_whose_link_is_gone_counts_as_dropped_for_it_may_not_know(crew: Any, server: Server) -> None:
    server.adopt("ann")
    server.relay.gone(crew.id("ann"), NOW)
    assert server.children == []
    assert not server.standing.may_raise(NOW, 0)


def test_a_child_that_detaches_itself_was_not_dropped(crew: Any, server: Server) -> None:
    server.adopt("ann")
    server.relay.detach(crew.id("ann"), 1)
    assert server.standing.may_raise(NOW, 0)


def test_a_head_that_found_nobody_sends_its_children_away(crew: Any, server: Server) -> None:
    server.adopt("ann")
    server.adopt("bob")
    effects = server.relay.shed(Why.SHED, NOW)
    assert messages(effects, Bye) == [Bye(Why.SHED)] * 2
    assert server.children == []
    assert not server.standing.may_raise(NOW, 0)


# ---- standing by


def test_a_peer_stands_by_for_at_most_three_times_its_capacity(crew: Any, server: Server) -> None:
    places = 2 * STANDBY_CLIENTS_PER_PLACE
    for number in range(places):
        assert messages(server.enlist(f"client {number}"), Beat)
    assert why(server.enlist("one too many")) == [Why.FULL]
    assert messages(server.enlist("client 0"), Beat), "who is in already stays in"


def test_two_thirds_of_the_room_are_for_those_one_rank_below(crew: Any, server: Server) -> None:
    for number in range(2):
        server.meet(f"deep {number}")
        assert messages(server.relay.enlist(crew.id(f"deep {number}"), 8), Beat)
    server.meet("one too deep")
    assert why(server.relay.enlist(crew.id("one too deep"), 8)) == [Why.FULL]
    for number in range(4):
        server.meet(f"near {number}")
        assert messages(server.relay.enlist(crew.id(f"near {number}"), 6), Beat)


def test_one_network_cannot_take_all_standby_places(crew: Any) -> None:
    large = Server(crew, capacity=16)
    places, quota = 16 * STANDBY_CLIENTS_PER_PLACE, 24
    assert quota == max(STANDBY_CLIENTS_PER_PREFIX, places // 2)
    answers = [large.enlist(f"{number}", host=f"203.0.113.{number}") for number in range(places)]
    assert sum(bool(messages(one, Beat)) for one in answers) == quota
    assert messages(large.enlist("elsewhere", host="198.51.100.1"), Beat)


def test_a_network_is_24_bits_of_ipv4_or_48_of_ipv6(crew: Any) -> None:
    assert prefix_of(crew.ticket("ann", host="203.0.113.7")) == "203.0.113.0/24"
    assert prefix_of(crew.ticket("ann", host="2001:db8:1:2::3")) == "2001:db8:1::/48"


def test_a_client_may_ask_to_be_stood_by_for_no_longer(crew: Any, server: Server) -> None:
    server.enlist("ann")
    server.relay.detach(crew.id("ann"), 0)
    assert server.relay.clients == {}
    assert why(server.relay.enlist(crew.id("stranger"), 32)) == [Why.TICKET]


def test_clients_get_a_beat_every_5_s_and_on_a_change_and_children_on_a_change_only(
    crew: Any, server: Server
) -> None:
    server.adopt("ann")
    server.enlist("bob")
    server.relay.tick(NOW)
    due = server.relay.deadline()
    assert due == NOW + BEAT_EVERY_US
    assert [one.to for one in server.relay.tick(due) if isinstance(one, Send)] == [crew.id("bob")]
    assert [one.to for one in server.relay.announce() if isinstance(one, Send)] == [
        crew.id("ann"),
        crew.id("bob"),
    ]


def test_whatever_says_a_rank_goes_on_the_stream_in_order(server: Server) -> None:
    """A beat sent as a datagram could arrive after a later Accept, and put a child below its parent's old rank (I1)."""
    server.enlist("bob")
    server.adopt("ann")
    said = server.relay.tick(NOW) + server.relay.announce() + server.enlist("cat")
    assert len(messages(said, Beat)) == 4
    assert not any(isinstance(one, SendDatagram) for one in said)


# ---- what they get


def test_a_new_chunk_goes_to_every_child_but_not_back_to_where_it_came_from(
    crew: Any, server: Server
) -> None:
    server.adopt("ann")
    server.adopt("bob")
    server.enlist("cat")
    assert chunks(server.arrive(31, NOW)) == [(crew.id("ann"), 31), (crew.id("bob"), 31)]
    assert chunks(server.arrive(32, NOW, sender="ann")) == [(crew.id("bob"), 32)]


def test_a_chunk_too_large_for_a_datagram_goes_on_a_short_stream(crew: Any, server: Server) -> None:
    server.adopt("ann")
    large = crew.chunk(31, packets=(b"x" * 600,) * 2)
    server.backlog.add(large, NOW, 0)
    held = server.backlog.get(31)
    assert held is not None
    assert refilled(server.relay.forward([held], None, NOW)) == [31]


def test_a_pull_is_answered_with_what_is_here(crew: Any, server: Server) -> None:
    server.enlist("ann")
    assert chunks(server.pull("ann", (5, 6), (9, 9))) == [(crew.id("ann"), number) for number in (5, 6, 9)]


def test_a_pull_for_what_is_not_here_is_parked_and_pushed_on_arrival_once(crew: Any, server: Server) -> None:
    server.enlist("ann")
    assert server.pull("ann", (31, 32)) == []
    assert chunks(server.arrive(31, NOW + SECOND)) == [(crew.id("ann"), 31)]
    assert chunks(server.arrive(32, NOW + PARKED_US + 1)) == [], "it has waited too long"
    assert chunks(server.arrive(33, NOW)) == []


def test_a_child_gets_a_parked_chunk_once_and_not_twice(crew: Any, server: Server) -> None:
    server.adopt("ann")
    server.pull("ann", (31, 31))
    assert chunks(server.arrive(31, NOW)) == [(crew.id("ann"), 31)]


def test_strangers_pull_nothing(server: Server) -> None:
    server.meet("ann")
    assert server.pull("ann", (1, 30)) == []


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=32))
def test_a_pull_of_any_ranges_is_bounded_in_what_it_draws_and_what_it_parks(
    crew: Any, ranges: list[tuple[int, int]]
) -> None:
    server = Server(crew)
    server.enlist("ann")
    answered = 0
    for _ in range(5):
        answered += len(server.pull("ann", *ranges, (1, 64)))
    assert answered <= PULL_CHUNKS_BURST
    assert sum(len(wishes) for wishes in server.relay._parked.values()) <= PARKED_MAX


def test_a_neighbour_that_pulls_and_pulls_has_a_budget(server: Server) -> None:
    server.enlist("ann")
    answers = [effect for _ in range(20) for effect in server.pull("ann", (1, 30))]
    assert len(refilled(answers)) + len(chunks(answers)) == PULL_CHUNKS_BURST


def test_many_chunks_at_once_go_on_a_short_stream_and_few_as_datagrams(server: Server) -> None:
    """A link holds few datagrams back: of a backlog passed on as a burst half was lost."""
    server.enlist("ann")
    few = server.pull("ann", (1, BURST_CHUNKS_MAX))
    assert len(chunks(few)) == BURST_CHUNKS_MAX
    assert refilled(few) == []
    many = server.pull("ann", (1, BURST_CHUNKS_MAX + 1))
    assert chunks(many) == []
    assert refilled(many) == list(range(1, BURST_CHUNKS_MAX + 2))


def test_wishes_that_have_waited_too_long_make_room_for_others(crew: Any, server: Server) -> None:
    """They held their places until the next beat, and later pulls were not parked."""
    server.enlist("ann")
    server.pull("ann", (1_000, 1_000 + PARKED_MAX))
    later = NOW + PARKED_US + 1
    server.pull("ann", (31, 31), now=later)
    assert chunks(server.arrive(31, later)) == [(crew.id("ann"), 31)]


def test_asking_to_be_adopted_again_and_again_draws_no_more_than_the_budget(server: Server) -> None:
    """Each new counter drew another whole backlog: 96 KB for 150 bytes."""
    drawn = sum(
        len(refilled(server.adopt("ann", counter=number, wanted_us=30 * SECOND))) for number in range(1, 50)
    )
    assert drawn == PULL_CHUNKS_BURST


def test_a_refill_is_never_larger_than_a_child_will_read(crew: Any) -> None:
    """One byte too many was possible, and the child would have hung up on its parent."""
    bytes_each = REFILL_BYTES_MAX // 96
    packet = bytes_each - 7 - 2 - 26 - 64 - 2
    server = Server(crew, chunks=0)
    for sequence in range(1, 121):
        server.backlog.add(crew.chunk(sequence, packets=(b"x" * packet,)), NOW, 0)
    effects = server.adopt("ann", wanted_us=30 * SECOND)
    (refill,) = [one for one in effects if isinstance(one, Refill)]
    data = encode_refill(list(refill.chunks))
    assert len(refill.chunks) == 95
    assert len(data) <= REFILL_BYTES_MAX
    assert decode_refill(data) == list(refill.chunks)


def test_a_stall_is_told_to_the_children_and_the_next_notice_is_due_100_ms_later(
    crew: Any, server: Server
) -> None:
    server.adopt("ann")
    assert server.relay.notice_due() <= NOW
    notice = Stalled(b"head", 5)
    assert server.relay.stalled(notice, NOW) == [SendDatagram(crew.id("ann"), notice)]
    assert server.relay.notice_due() == NOW + STALLED_EVERY_US


def test_what_is_sent_is_counted_and_emergencies_apart(server: Server) -> None:
    for name in "abc":
        server.adopt(name, newest=30)
    assert server.relay.served_chunks == 0
    size = server.relay.size(server.backlog.get(30))  # type: ignore[arg-type]
    server.arrive(31, NOW)
    assert (server.relay.served_chunks, server.relay.served_bytes) == (3, 3 * size)
    assert (server.relay.emergency_bytes, server.relay.emergencies, server.relay.children_peak) == (
        size,
        1,
        2,
    )


# ---- bans


def test_a_ban_cuts_the_banned_off_and_is_passed_on_once(crew: Any, server: Server) -> None:
    server.adopt("ann")
    server.adopt("bob")
    effects = server.relay.ban(crew.ban("bob"), NOW)
    assert server.children == [crew.id("ann")]
    assert Send(crew.id("ann"), Notice((), (crew.ban("bob"),))) in effects
    assert Send(crew.id("bob"), Bye(Why.BANNED)) in effects
    assert server.relay.ban(crew.ban("bob"), NOW) == []


def test_the_banned_are_not_adopted_again(crew: Any, server: Server) -> None:
    server.relay.ban(crew.ban("bob"), NOW)
    effects = server.relay.hello(crew.id("bob"), crew.ticket("bob"), NOW)
    assert messages(effects, Bye) == [Bye(Why.BANNED)]
    assert why(server.relay.adopt(crew.id("bob"), crew.adopt("bob", "server"), NOW)) != []
    assert server.children == []


def test_a_ban_that_the_tracker_did_not_sign_or_of_oneself_is_ignored(crew: Any, server: Server) -> None:
    assert server.relay.ban(crew.ban("bob", until_s=1), NOW) == []
    assert server.relay.ban(crew.ban("server"), NOW) == []
    assert server.relay.bans == {}
