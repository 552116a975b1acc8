"""Whether anything is left: blocks that Python holds, bytes that are traced, and the resident set of the process.

Blocks are counted after every part of a chapter (they cost nothing to count, and every small object is one); bytes are
traced in one chapter of twenty, for tracing makes everything three times as slow. No clock is read, and nothing here
depends on how busy the machine is.
"""

import gc
import resource
import sys
import tracemalloc
from dataclasses import dataclass, field
from typing import Final

from fuzz.target import BrokenPromiseError

BLOCKS_MAX: Final = 3_000
"""How many more blocks may be held at the end of a chapter than ever in its first half. A backlog is between empty and 320
chunks of nine blocks; a leak of one small object for every few inputs shows, or of a record for every key."""

TRACED_BYTES_MAX: Final = 300_000
"""The same in bytes, where they are traced: a leak of eight bytes an input shows."""

PEAK_BYTES_MAX: Final = 48 * 1024 * 1024
"""What may be held at any moment of a traced chapter. Forty enemies with 262,144 bytes of windows each are ten million; the
stock connection needs a thousand million for one enemy and eleven packets."""


@dataclass(slots=True)
class Scale:
    """Weighs one target through one chapter."""

    is_traced: bool
    blocks: list[int] = field(default_factory=list)
    traced: list[int] = field(default_factory=list)
    peak: int = 0

    def __post_init__(self) -> None:
        """Begin to trace, if this chapter is traced."""
        if self.is_traced:
            tracemalloc.start()

    def weigh(self) -> None:
        """Note what is held by a target that has settled."""
        if self.is_traced:
            self.peak = max(self.peak, tracemalloc.get_traced_memory()[1])
        gc.collect()
        self.blocks.append(sys.getallocatedblocks())
        if self.is_traced:
            self.traced.append(tracemalloc.get_traced_memory()[0])
            tracemalloc.reset_peak()

    def conclude(self) -> None:
        """Raise `BrokenPromiseError` if what is held has grown since the middle, or was ever too much."""
        middle = len(self.blocks) // 2
        if self.is_traced:
            tracemalloc.stop()
            grown = self.traced[-1] - max(self.traced[:middle])
            if grown > TRACED_BYTES_MAX or self.peak > PEAK_BYTES_MAX:
                raise BrokenPromiseError(
                    f"{grown} bytes more are held, and {self.peak} were held at most: {self.traced}"
                )
        elif self.blocks[-1] - max(self.blocks[:middle]) > BLOCKS_MAX:
            raise BrokenPromiseError(f"the blocks that are held have grown: {self.blocks}")


def resident_kib() -> int:
    """Tell the most memory that this process ever had resident, in KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak
