"""What may befall the world: killed, frozen and cut-off processes, torn networks."""

from collections.abc import Iterable, Sequence

from meshcast.protocol.events import Stop, Tick
from meshcast.protocol.units import Micros
from sim.host import Narrows
from sim.process import Process
from sim.runner import Runner


class Faults:
    """Does to processes what the world does."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def kill(self, *processes: Process) -> None:
        """Let processes die in one instant, without a word."""
        for process in processes:
            self._runner.kill(process)

    def leave(self, process: Process) -> None:
        """Ask a process to go politely; it goes once its children are elsewhere."""
        self._runner.feed(process, Stop())

    def freeze(self, process: Process) -> None:
        """Stop a process: it does nothing, and what comes for it waits."""
        process.is_frozen = True
        self._runner.network.look_again([process])

    def thaw(self, process: Process) -> None:
        """Let a frozen process go on, with all that has waited for it."""
        process.is_frozen = False
        self._runner.network.look_again([process])
        inbox, process.inbox = process.inbox, []
        for event in inbox:
            self._runner.feed(process, event)
        self._runner.feed(process, Tick())

    def slow(self, process: Process, lag_us: Micros) -> None:
        """Let everything to and from a process take so much longer, one way; 0 mends it."""
        process.lag_us = lag_us
        self._runner.network.measure_again(process)

    def narrow(
        self, process: Process, up_chunks_per_s: float | None, down_chunks_per_s: float | None
    ) -> None:
        """Let a process's line take no more than so many chunks a second, each way; None: as many as come."""
        process.uplink = Narrows(up_chunks_per_s) if up_chunks_per_s is not None else None
        process.downlink = Narrows(down_chunks_per_s) if down_chunks_per_s is not None else None
        for end in process.ends.values():
            end.changed_at = end.other.changed_at = self._runner.scheduler.now

    def swallow(self, process: Process) -> None:
        """Put a process into a black hole: it runs on, and nothing reaches it nor leaves it."""
        process.is_deaf = True
        self._runner.network.look_again([process])

    def release(self, process: Process) -> None:
        """Take a process out of the black hole."""
        process.is_deaf = False
        self._runner.network.look_again([process])

    def tear(self, groups: Sequence[Iterable[Process]]) -> None:
        """Let the processes of each group reach only each other; those named in none stay with the first group."""
        for side, group in enumerate(groups):
            for process in group:
                process.side = side
        self._runner.network.look_again([one for group in groups for one in group])

    def mend(self, processes: Iterable[Process]) -> None:
        """Let these processes reach each other again."""
        self.tear([processes])
