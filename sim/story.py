"""A story: what befell a small world, told in lines of Python that show it again.

Whoever plays one, a test that draws each step or a file that keeps what such a test has found, says the lines one by one.
The words they may use are those of `Story.words`: the world, its peers in the order in which they came, and a few verbs
for what no fault of `sim.faults` does. `end` lets all faults stop and asks whether everybody is heard again.
"""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final

from meshcast.protocol.events import Event, Received
from meshcast.protocol.messages import Move
from meshcast.protocol.peer import PeerMachine
from meshcast.protocol.units import MILLISECOND, SECOND
from sim.checkers import Checker, unsettled
from sim.host import Host
from sim.process import Process
from sim.truth import uplink_of
from sim.weather import Conditions
from sim.world import Settings, World

SETTLE_US: Final = 60 * SECOND
"""A tracker that was told nothing forgets after 35 s, and what it then does takes a few reports."""
STEP_US: Final = 2 * SECOND


class Story:
    """One world, and the lines of what has befallen it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.peers: list[Process] = []
        self.world: World
        self._is_doubling = False
        self.words: dict[str, Any] = {
            "Conditions": Conditions,
            "MILLISECOND": MILLISECOND,
            "SECOND": SECOND,
            "Settings": Settings,
            "World": World,
            "double": self._double,
            "everybody": self.everybody,
            "false_alarm": self._false_alarm,
            "move": self._move,
            "peers": self.peers,
            "watched": self._watched,
        }

    def play(self, lines: str) -> "Story":
        """Play a story from its lines, to its end."""
        for line in lines.strip().splitlines():
            self.do(line.strip())
        self.end()
        return self

    def do(self, line: str) -> None:
        """Let one line happen; whatever goes wrong shows the lines so far."""
        self.lines.append(line)
        with Telling(self):
            exec(line, self.words)  # noqa: S102 - lines are the test's own

    def end(self) -> None:
        """Let all faults stop, and see that everybody is heard again; `AssertionError` if not."""
        with Telling(self):
            self._calm()
            until = self.world.now + SETTLE_US
            while (problems := unsettled(self.world, tidied=True)) and self.world.now < until:
                self.world.run_for(STEP_US)
            assert not problems, "\n".join(problems)

    def everybody(self) -> list[Process]:
        """Give tracker, source and all living peers."""
        return [self.world.tracker, self.world.source, *self.world.living]

    # ---- verbs

    def _watched(self, world: World) -> World:
        """Have a world watched, and let it begin."""
        self.world = world
        Checker(world)
        world.runner.watchers.append(self._let_go)
        network = world.network
        self._deliver, network._deliver = network._deliver, self._say  # noqa: SLF001 - worse than any network
        world.run_for(SECOND)
        return world

    def _let_go(self, process: Process) -> None:
        """Let a joiner end whom the tracker has refused, as its program does."""
        machine = process.machine
        if process.failure is not None and isinstance(machine, PeerMachine) and not machine.tally.attached_at:
            self.world.faults.kill(process)

    def _say(self, host: Host, event: Event) -> None:
        """Deliver something, and a message a second time if everything is said twice."""
        self._deliver(host, event)
        if self._is_doubling and isinstance(event, Received):
            self._deliver(host, event)

    def _double(self, is_doubling: bool) -> None:  # noqa: FBT001 - a line of a story is short
        """Have everything said twice from now on, or no longer."""
        self._is_doubling = is_doubling

    def _false_alarm(self, peer: Process, number: int) -> None:
        """Let a peer take one of its links for dead; the other end goes on until nothing answers it."""
        up = [key for key, end in peer.ends.items() if end.is_up]
        if up and not peer.is_frozen:
            self.world.network.give_up(peer, up[number % len(up)])

    def _move(self, peer: Process, to: Process) -> None:
        """Let the tracker order a peer to somebody who may be anywhere."""
        uplink = uplink_of(peer)
        ticket = uplink_of(to).neighbours.own_ticket
        if uplink.parent is not None and ticket is not None and not peer.is_frozen:
            term = peer.machine.enrolment.term  # type: ignore[attr-defined] # of an order that counts
            order = Move(term, uplink.attached_counter, uplink.parent, ticket)
            self.world.runner.feed(peer, Received(self.world.tracker.key, order))

    def _calm(self) -> None:
        """Stop all faults."""
        world, network = self.world, self.world.network
        self._is_doubling = False
        network.weather.change(Conditions(jitter=0.1))
        for peer in list(world.living):
            if peer.is_frozen:
                world.faults.thaw(peer)
            if peer.is_deaf:
                world.faults.release(peer)
        if not world.tracker.is_alive:
            world.start_tracker()
        world.faults.mend(self.everybody())


class Telling(AbstractContextManager[None]):
    """Adds the story to whatever goes wrong in it."""

    def __init__(self, story: Story) -> None:
        self._story = story

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Add the lines so far to an error that passes."""
        if error is not None:
            error.add_note("\n".join(['Story().play("""', *self._story.lines, '""")']))
