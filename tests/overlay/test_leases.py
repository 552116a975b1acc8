from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.overlay.leases import Lease, Leases


def test_a_lease_ends_a_while_after_the_last_sign_of_life() -> None:
    leases = Leases(heard_us=35, grace_us=100)
    assert leases.deadline() is None
    leases.touch(4, 10)
    leases.touch(2, 20)
    assert leases.deadline() == 45
    leases.touch(4, 30)
    assert leases.deadline() == 55
    assert leases.expired(54) == []
    assert leases.expired(55) == [2]
    assert leases.expired(65) == [2, 4]
    leases.drop(2)
    assert leases.expired(65) == [4]
    assert (leases.heard_us(4), leases.heard_us(2), leases.heard_us(999)) == (30, None, None)


def test_one_that_was_restored_gets_the_lease_of_grace_until_it_is_heard() -> None:
    leases = Leases(heard_us=35, grace_us=100)
    leases.touch(1, 0, Lease.GRACE)
    leases.touch(2, 0, Lease.GRACE)
    leases.touch(2, 5)
    assert leases.deadline() == 40
    assert leases.heard_us(1) is None
    assert leases.expired(99) == [2]
    assert leases.expired(100) == [2, 1]


def test_a_clock_that_steps_back_breaks_nothing() -> None:
    leases = Leases(heard_us=10, grace_us=10)
    leases.touch(1, 50)
    leases.touch(2, 20)
    assert leases.expired(60) == [1, 2]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 9), st.sampled_from(["heard", "grace", "drop"])),
        max_size=50,
    )
)
def test_leases_equal_a_dict_of_times(steps: list[tuple[int, int, str]]) -> None:
    leases, model, now = Leases(heard_us=7, grace_us=20), {}, 0  # type: tuple[Leases, dict[int, int], int]
    for node, passed, what in steps:
        now += passed
        if what == "drop":
            leases.drop(node)
            model.pop(node, None)
        else:
            leases.touch(node, now, Lease.HEARD if what == "heard" else Lease.GRACE)
            model[node] = now + (7 if what == "heard" else 20)
        assert sorted(leases.expired(now)) == sorted(one for one, end in model.items() if end <= now)
        assert leases.deadline() == min(model.values(), default=None)
