"""The target `wire` and the frames of an enemy under atheris, which looks for branches that nothing has reached yet.

    python -m venv .venv/fuzz && .venv/fuzz/bin/pip install -r requirements/run.txt atheris
    .venv/fuzz/bin/python -m fuzz.with_atheris wire -max_total_time=600 .venv/fuzz/found
    .venv/fuzz/bin/python -m fuzz.with_atheris frames -max_total_time=600

atheris is no requirement of anything else, and no part of `make test`. What it finds is written as `crash-…` beside where
it runs; `python -m fuzz.with_atheris wire crash-…` repeats it. Put it into `fuzz/corpus` as `found-wire-….hex`, where the
tests take it up.
"""

import sys
from collections.abc import Callable
from random import Random
from typing import Final

import atheris

with atheris.instrument_imports(
    include=["meshcast.protocol", "meshcast.transport", "tracker.overlay", "aioquic"]
):
    from fuzz.packets import Dialled
    from fuzz.wire import Wire


def wire() -> Callable[[bytes], None]:
    """Give each input to the reader that its first byte names."""
    target = Wire()

    def take(data: bytes) -> None:
        if data:
            target.read_one(data[0], data[1:], Random(len(data)))

    return take


def frames() -> Callable[[bytes], None]:
    """Let an authenticated enemy put each input into a packet, as frames of QUIC."""
    dialled = Dialled()

    def take(data: bytes) -> None:
        if dialled.is_over:
            dialled.begin()
        dialled.inject(data)

    return take


TARGETS: Final = {"wire": wire, "frames": frames}


def main() -> None:
    """Run one of the two."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"say which: python -m fuzz.with_atheris {'|'.join(TARGETS)} [options of libFuzzer]")
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name]())
    atheris.Fuzz()


if __name__ == "__main__":
    main()
