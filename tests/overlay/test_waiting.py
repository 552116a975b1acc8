"""The waiting room: two lines, who can serve first, and how long it will take."""

from meshcast.protocol.messages import Join
from meshcast.protocol.tickets import Role
from meshcast.protocol.units import SECOND, BroadcastId, PeerId
from tracker.overlay.waiting import GAP_US, Waiting


def peer(number: int) -> PeerId:
    return PeerId(number.to_bytes(32, "big"))


def wish(capacity: int = 0) -> Join:
    return Join(BroadcastId(bytes(32)), Role.LISTENER, capacity, (), (), b"")


def line(*capacities: int) -> Waiting[PeerId, Join]:
    waiting: Waiting[PeerId, Join] = Waiting()
    for number, capacity in enumerate(capacities):
        waiting.add(peer(number), wish(capacity))
    return waiting


def turns(waiting: Waiting[PeerId, Join]) -> list[PeerId]:
    """Let everybody in, one after another."""
    order = [name for name, _, _ in waiting.stands()]
    came: list[PeerId] = []
    while (name := waiting.next()) is not None:
        came.append(name)
        waiting.admitted(name, 0)
    assert came == order
    assert not waiting
    return came


def test_who_can_serve_goes_first_and_within_a_line_who_came_first() -> None:
    assert turns(line(0, 2, 0, 3)) == [peer(1), peer(3), peer(0), peer(2)]


def test_asking_again_is_no_way_to_the_end_of_the_line() -> None:
    waiting = line(2, 3)
    waiting.add(peer(0), wish(1))
    assert waiting.join(peer(0)).capacity == 1
    assert turns(waiting) == [peer(0), peer(1)]


def test_nobody_stands_in_both_lines() -> None:
    waiting = line(2, 0)
    waiting.add(peer(0), wish(0))
    assert [name for name, _, _ in waiting.stands()] == [peer(1), peer(0)]
    assert len(waiting) == 2
    waiting.add(peer(1), wish(4))
    assert waiting.join(peer(1)).capacity == 4
    assert turns(waiting) == [peer(1), peer(0)]


def test_one_who_is_gone_is_in_no_line() -> None:
    waiting = line(2, 0)
    for number in (0, 1, 2):
        waiting.drop(peer(number))
    assert not waiting
    assert waiting.next() is None
    assert peer(0) not in waiting


def test_everybody_is_told_a_number_and_a_wait_in_proportion() -> None:
    assert line(0, 1).stands() == [(peer(1), 1, GAP_US), (peer(0), 2, 2 * GAP_US)]


def test_the_wait_follows_the_pace_of_admissions() -> None:
    waiting = line(*[0] * 400)
    for number in range(100):
        waiting.admitted(peer(number), number * SECOND // 100)
    ((_, _, fast_us), *_) = waiting.stands()
    assert SECOND // 100 <= fast_us < 2 * SECOND // 100
    for number in range(100, 300):
        waiting.admitted(peer(number), number * 2 * SECOND)
    ((_, _, slow_us), *_) = waiting.stands()
    assert 0.9 * SECOND < slow_us <= SECOND, "a pause of the crowd is no pace: a second at most"
