"""Joiners of one network go on at its pace, in the order they came, and those of another are not held up."""

from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.messages import Join
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND, BroadcastId, PeerId
from tracker.overlay.anteroom import JOINS_BURST, JOINS_PER_SECOND, LOOK_EVERY_US, Anteroom

WISH = Join(BroadcastId(bytes(32)), Role.LISTENER, 0, (), (), b"")


def peer(number: int) -> PeerId:
    return PeerId(number.to_bytes(32, "big"))


def filled(count: int, network: int = 1) -> tuple[Anteroom, list[int]]:
    room = Anteroom()
    return room, [n for n in range(count) if not room.may_enter(peer(n), WISH, network, 0)]


def test_a_burst_goes_on_at_once_and_the_rest_in_the_order_they_came() -> None:
    room, waiting = filled(JOINS_BURST + 40)
    assert waiting == list(range(JOINS_BURST, JOINS_BURST + 40))
    gone: list[PeerId] = []
    now = 0
    while (due := room.deadline()) is not None:
        now = due
        gone += [one for one, _ in room.due(now)]
    assert gone == [peer(number) for number in waiting]
    assert abs(now - 40 * SECOND // JOINS_PER_SECOND) <= LOOK_EVERY_US


def test_who_asks_again_keeps_its_place_and_waits_once() -> None:
    room, _ = filled(JOINS_BURST + 2)
    assert room.stands(peer(JOINS_BURST + 1)) == (2, 2 * SECOND // JOINS_PER_SECOND)
    assert not room.may_enter(peer(JOINS_BURST), WISH, 1, SECOND)
    assert len(room) == 2


def test_nobody_passes_those_who_wait() -> None:
    room, _ = filled(JOINS_BURST + 1)
    assert not room.may_enter(peer(9_999), WISH, 1, 60 * SECOND)
    assert [one for one, _ in room.due(60 * SECOND)] == [peer(JOINS_BURST), peer(9_999)]
    assert room.may_enter(peer(10_000), WISH, 1, 60 * SECOND)


def test_another_network_is_not_held_up() -> None:
    room, _ = filled(JOINS_BURST + 500)
    assert room.may_enter(peer(9_999), WISH, 2, 0)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.booleans()), max_size=400))
def test_when_all_have_gone_nothing_is_left(steps: list[tuple[int, int, bool]]) -> None:
    room = Anteroom()
    for number in range(3 * JOINS_BURST):
        room.may_enter(peer(1_000 + number), WISH, 0, 0)
    for number, network, stays in steps:
        room.may_enter(peer(number + 100 * network), WISH, network, 0)
        if not stays:
            room.drop(peer(number + 100 * network))
    for number in range(1_000 + 3 * JOINS_BURST):
        room.drop(peer(number))
    assert len(room) == 0
    assert list(room.due(10 * SECOND)) == []
    assert room.deadline() is None
