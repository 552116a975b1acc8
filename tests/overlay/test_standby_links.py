import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.limits import STANDBYS_MAX
from tracker.overlay.standby_links import StandbyLinks


def links(nodes: int = 6) -> StandbyLinks:
    made = StandbyLinks()
    made.grow(nodes)
    return made


def test_a_peer_has_two_standbys_and_no_third() -> None:
    book = links()
    assert [book.give(0, standby) for standby in (3, 1, 2)] == [True, True, False]
    assert book.of(0) == (3, 1)
    assert (book.has(0, 1), book.has(0, 2)) == (True, False)
    assert list(book.load) == [0, 1, 0, 1, 0, 0]


def test_one_peer_is_never_both_of_anothers_standbys() -> None:
    book = links()
    assert book.give(0, 3)
    assert not book.give(0, 3)
    book.give(0, 1)
    book.drop(0, 3)
    assert not book.give(0, 1)
    assert book.of(0) == (1,)


def test_clients_stay_in_the_order_they_came_and_want_another_when_their_standby_goes() -> None:
    book = links()
    for client in (4, 0, 2):
        book.give(client, 5)
    assert book.clients(5) == [4, 0, 2]
    book.drop(0, 5)
    assert book.clients(5) == [4, 2]
    book.drop_clients(5)
    assert (book.clients(5), book.load[5]) == ([], 0)
    assert list(book.wanting) == [0, 4, 2]
    book.forget(4)
    assert list(book.wanting) == [0, 2]


def test_nobody_is_relieved_of_a_client_that_it_has_not() -> None:
    book = links()
    book.give(0, 3)
    with pytest.raises(LocalProtocolError, match="1 does not stand by for 0"):
        book.drop(0, 1)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), max_size=40))
def test_both_directions_tell_the_same_whatever_happens(steps: list[tuple[int, int, int]]) -> None:
    book, model = links(), dict[tuple[int, int], None]()
    for node, standby, what in steps:
        if what == 0:
            book.drop_clients(standby)
            model = {pair: None for pair in model if pair[1] != standby}
        elif book.has(node, standby):
            book.drop(node, standby)
            del model[node, standby]
        elif book.give(node, standby):
            model[node, standby] = None
        for one in range(6):
            assert book.clients(one) == [client for client, of in model if of == one]
            assert book.load[one] == len(book.clients(one))
            assert sorted(book.of(one)) == sorted(of for client, of in model if client == one)
            assert len(book.of(one)) <= STANDBYS_MAX


@pytest.mark.plain
def test_a_copy_is_the_same_and_goes_its_own_way() -> None:
    links = StandbyLinks()
    links.grow(8)
    links.give(1, 3)
    other = copy.deepcopy(links)
    links.give(2, 3)
    other.drop(1, 3)
    assert (links.of(1), links.clients(3)) == ((3,), [1, 2])
    assert (other.of(1), other.clients(3)) == ((), [])
