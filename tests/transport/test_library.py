"""Another version of aioquic is refused before anything is done with it, in one line that says what to do."""

import subprocess
import sys

import pytest

from meshcast.transport.library import AIOQUIC_VERSION, refusal

PRETEND = """
import importlib.metadata as metadata, runpy, sys
true = metadata.version
metadata.version = lambda name: "1.8.0" if name == "aioquic" else true(name)
sys.argv = ["meshcast", "--help"]
runpy.run_module({module!r}, run_name="__main__")
"""


def test_the_right_version_is_not_refused() -> None:
    assert refusal(AIOQUIC_VERSION) is None


@pytest.mark.parametrize("module", ["meshcast", "tracker"])
def test_every_command_says_so_in_one_line(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRETEND.format(module=module)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"meshcast: Meshcast needs aioquic {AIOQUIC_VERSION}, 1.8.0 is installed; run: pip install aioquic==1.7.2"
    ]
