"""The serving half: whom it feeds, and for whom it stands by."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.effects import HangUp, Send, SendDatagram
from meshcast.protocol.limits import BEAT_EVERY_US, EMERGENCY_PLACES_MAX, RESERVE_PLACES_MAX
from meshcast.protocol.messages import Accept, Beat, Bye, Notice, Uncles, Why
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND
from tests.protocol.sayings import refilled, said, why
from tests.protocol.server import NOW, Server

# ---- adoption


def test_an_adopted_child_is_told_all_that_it_needs_and_given_what_it_lacks(
    crew: Any, server: Server
) -> None:
    effects = server.adopt("ann", newest=25)
    assert server.children == [crew.id("ann")]
    (accept,) = said(effects, Accept)
    assert (accept.counter, accept.rank, accept.newest, accept.idle_us) == (1, 5, 30, 0)
    assert said(effects, Notice)[0].delegations == (crew.delegation(),)
    assert said(effects, Uncles) == [Uncles((crew.ticket("uncle"),))]
    assert refilled(effects) == [26, 27, 28, 29, 30]


def test_a_joiner_gets_its_playout_delay_and_not_the_whole_backlog(server: Server) -> None:
    assert refilled(server.adopt("ann", newest=0, wanted_us=SECOND)) == list(range(20, 31))


def test_nothing_is_promised_that_is_not_here(crew: Any) -> None:
    """I11: an Accept names the newest chunk that is held, and the refill holds it."""
    empty = Server(crew, chunks=0)
    effects = empty.adopt("ann")
    assert said(effects, Accept)[0].newest == 0
    assert refilled(effects) == []
    full = Server(crew)
    effects = full.adopt("ann")
    assert said(effects, Accept)[0].newest == refilled(effects)[-1] == full.backlog.newest


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
    assert len(said(effects, Accept)) == 1
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
        assert said(server.adopt(f"child {number}"), Accept)
    assert why(server.adopt("one too many")) == [Why.FULL]
    assert [one.is_emergency for one in server.relay.children.values()] == [False] * 2 + [True] * 4
    server.relay.detach(crew.id("child 0"), 1)
    assert [one.is_emergency for one in server.relay.children.values()] == [False] * 2 + [True] * 3


def test_the_origin_has_a_greater_reserve_for_it_is_everybodys_last_resort(crew: Any) -> None:
    origin = Server(crew, role=Role.SOURCE)
    taken = [number for number in range(40) if said(origin.adopt(f"child {number}"), Accept)]
    assert len(taken) == 2 + RESERVE_PLACES_MAX > 2 + EMERGENCY_PLACES_MAX


def test_a_bad_ticket_ends_the_link(crew: Any, server: Server) -> None:
    bad = [
        crew.ticket("bob"),
        crew.ticket("ann", until_s=1),
        crew.ticket("ann", tracker=crew.identity("impostor")),
        crew.ticket("ann", broadcast=crew.id("another event")),
    ]
    for ticket in bad:
        effects = server.relay.hello(crew.id("ann"), ticket, NOW)
        assert said(effects, Bye) == [Bye(Why.TICKET)]
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
    assert said(effects, Bye) == [Bye(Why.SHED)] * 2
    assert server.children == []
    assert not server.standing.may_raise(NOW, 0)


# ---- standing by


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
    effects = server.relay.tick(NOW) + server.relay.announce() + server.enlist("cat")
    assert len(said(effects, Beat)) == 4
    assert not any(isinstance(one, SendDatagram) for one in effects)
