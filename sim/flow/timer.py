"""What an operation of the tracker costs, by looking at one in many."""

from typing import Final

from sim.measures import Clock

TIMED_EVERY: Final = 256
"""One operation in so many is timed: to ask a process for its CPU time is a system call, and where those are slow (in
containers that filter them) every sixteenth took a sixth of the whole run."""
_TIMED_EVERY: Final = TIMED_EVERY
"""The same, for this module alone: declared where it is compiled."""


class Timer:
    """CPU time of some operations of one kind."""

    def __init__(self, clock: Clock | None) -> None:
        self.clock = clock
        self.count = 0
        self.timed = 0
        self.seconds = 0.0
        self.is_on = False
        """The operation that began last is one of those that are timed; to ask this first saves most of the calls below."""
        self._began = -1.0

    def begin(self) -> None:
        """Perhaps time the operation that begins now."""
        self.count += 1
        self.is_on = not self.count % _TIMED_EVERY
        if self.is_on:
            self.resume()

    def resume(self) -> None:
        """Time another part of the operation that is being timed, if it is one."""
        if self.clock is not None and self.is_on:
            self._began = self.clock()

    def end(self, *, is_whole: bool = True) -> None:
        """End what began."""
        if self.clock is not None and self._began >= 0:
            self.seconds += self.clock() - self._began
            self.timed += is_whole
            self._began = -1.0

    @property
    def us(self) -> float:
        """Give the mean in microseconds."""
        return 1e6 * self.seconds / self.timed if self.timed else 0.0
