"""What somebody who rehearses with a large crowd may not know: how it takes less time."""

from typing import Final

ADVISED_MIN: Final = 200_000
"""From so many listeners on a run takes minutes."""
GLIBC_MIN: Final = (2, 35)
"""The first glibc whose allocator asks for huge pages if it is told to."""
HUGE_PAGES: Final = "glibc.malloc.hugetlb=1"


def advice(peers: int, *, is_compiled: bool, libc: tuple[str, str], tunables: str) -> str | None:
    """Say how a run of so many listeners takes less time, if it can; `libc` is a name and a version, `tunables` glibc's own.

    What huge pages give is the machine's affair: nothing where its memory is fast, a fifth where others use it too.
    """
    if peers < ADVISED_MIN:
        return None
    if not is_compiled:
        return (
            "compiled, so many listeners take about a quarter of the time, and the result is the same: "
            "README says how, under 'A rehearsal'"
        )
    name, version = libc
    if name == "glibc" and _parts(version) >= GLIBC_MIN and "glibc.malloc.hugetlb" not in tunables:
        return f"with GLIBC_TUNABLES={HUGE_PAGES} in the environment it takes less time, up to a fifth"
    return None


def _parts(version: str) -> tuple[int, ...]:
    """Read a version such as 2.36."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))
