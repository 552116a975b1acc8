import pytest

from sim.advice import ADVISED_MIN, HUGE_PAGES, advice

NEW, OLD = ("glibc", "2.36"), ("glibc", "2.34")


def test_a_run_that_takes_moments_needs_no_advice() -> None:
    assert advice(ADVISED_MIN - 1, is_compiled=False, libc=NEW, tunables="") is None
    assert advice(ADVISED_MIN - 1, is_compiled=True, libc=NEW, tunables="") is None


def test_who_runs_a_large_crowd_on_plain_modules_hears_of_compiled_ones_first() -> None:
    said = advice(ADVISED_MIN, is_compiled=False, libc=NEW, tunables="")
    assert said is not None
    assert "compiled" in said
    assert HUGE_PAGES not in said


def test_who_runs_it_compiled_hears_of_huge_pages() -> None:
    said = advice(ADVISED_MIN, is_compiled=True, libc=NEW, tunables="glibc.malloc.arena_max=1")
    assert said is not None
    assert f"GLIBC_TUNABLES={HUGE_PAGES}" in said


@pytest.mark.parametrize(
    ("libc", "tunables"),
    [(OLD, ""), (("", ""), ""), (("musl", "1.2.5"), ""), (NEW, HUGE_PAGES), (NEW, "glibc.malloc.hugetlb=0")],
)
def test_where_huge_pages_are_not_to_be_had_or_were_decided_on_nothing_is_said(
    libc: tuple[str, str], tunables: str
) -> None:
    assert advice(ADVISED_MIN, is_compiled=True, libc=libc, tunables=tunables) is None
