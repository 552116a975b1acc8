"""What holds for all tests."""

import gc
from collections.abc import Generator

import pytest
from hypothesis import settings

# How long an example takes depends on the machine and on what else it does: nothing is asserted about it.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# Their assertions tell what they compared, as those of tests do.
pytest.register_assert_rewrite("tests.protocol", "tests.overlay")

UNCOLLECTED_MAX = 500_000
"""So many things more than there were before a test are looked through for circles when it is over: some 100 MB at most."""


def pytest_collection_finish() -> None:
    """Never look again through what has been imported and collected: it stays."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Look for garbage in circles between tests: worlds are made of things that stay, and looking cost a fifth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        if gc.get_count()[0] > UNCOLLECTED_MAX:
            gc.collect()
        gc.enable()
