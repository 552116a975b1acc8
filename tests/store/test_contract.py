"""What every store promises; the same sentences for each kind."""

from collections.abc import Callable
from typing import TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.store.contents import Change, Store

Reopen: TypeAlias = Callable[[], Store]
A, B = b"a" * 32, b"b" * 32


def test_a_new_store_is_empty(reopen: Reopen) -> None:
    store = reopen()
    assert store.broadcasts() == []
    assert list(store.load(A)) == []
    assert store.get("tracker key") is None


def test_rows_come_back_in_the_order_of_their_keys(reopen: Reopen) -> None:
    reopen().write([Change(A, b"2", b"two"), Change(A, b"1", b"one"), Change(B, b"3", b"three")])
    store = reopen()
    assert list(store.load(A)) == [(b"1", b"one"), (b"2", b"two")]
    assert list(store.load(B)) == [(b"3", b"three")]
    assert store.broadcasts() == [A, B]


def test_the_last_change_of_a_peer_counts(reopen: Reopen) -> None:
    store = reopen()
    store.write(
        [Change(A, b"1", b"old"), Change(A, b"1", b"new"), Change(A, b"2", b"x"), Change(A, b"2", None)]
    )
    store.write([Change(A, b"3", None), Change(A, b"4", None), Change(A, b"4", b"back")])
    assert list(reopen().load(A)) == [(b"1", b"new"), (b"4", b"back")]


def test_a_broadcast_whose_last_peer_is_gone_is_gone(reopen: Reopen) -> None:
    store = reopen()
    store.write([Change(A, b"1", b"x")])
    store.write([Change(A, b"1", None)])
    assert store.broadcasts() == []


def test_an_empty_batch_changes_nothing(reopen: Reopen) -> None:
    store = reopen()
    store.write([])
    assert store.broadcasts() == []


def test_values_are_kept_by_name(reopen: Reopen) -> None:
    reopen().put("tracker key", b"\0secret")
    store = reopen()
    assert store.get("tracker key") == b"\0secret"
    store.put("tracker key", b"")
    assert reopen().get("tracker key") == b""


def test_every_start_is_a_new_term(reopen: Reopen) -> None:
    terms = [reopen().raise_term() for _ in range(3)]
    store = reopen()
    terms += [store.raise_term(), store.raise_term()]
    assert terms == [1, 2, 3, 4, 5]


def test_closing_twice_does_nothing(reopen: Reopen) -> None:
    store = reopen()
    store.close()
    store.close()


changes = st.builds(
    Change, st.sampled_from([A, B]), st.binary(min_size=1, max_size=1), st.none() | st.binary(max_size=4)
)


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(changes, max_size=8), max_size=4))
def test_a_store_equals_a_dict(reopen: Reopen, batches: list[list[Change]]) -> None:
    store = reopen()
    for broadcast in store.broadcasts():
        store.write([Change(broadcast, key, None) for key, _ in list(store.load(broadcast))])
    model: dict[bytes, dict[bytes, bytes]] = {A: {}, B: {}}
    for batch in batches:
        store.write(batch)
        for change in batch:
            model[change.broadcast].pop(change.key, None)
            if change.row is not None:
                model[change.broadcast][change.key] = change.row
    for broadcast, rows in model.items():
        assert list(store.load(broadcast)) == sorted(rows.items())
    assert store.broadcasts() == [broadcast for broadcast, rows in model.items() if rows]
