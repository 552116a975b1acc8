"""How a peer stands in the tracker's view, and the legal steps from there.

A peer that the tracker has told something is PENDING until a report confirms it: it holds its place, but nobody is
sent to it, for it may not be where the tracker believes; so is a peer restored from a snapshot, unless whoever
restores it believes that it is there still. An ORPHAN has no parent that is known; its subtree stays whole beneath it. A SUSPECT was reported silent: it
keeps its place, gets no newcomers and stands by for nobody until it is heard again.
"""

import enum
from typing import Final


class State(enum.IntEnum):
    """How a peer stands."""

    FREE = 0
    """No peer at all: the number waits to be used again."""
    ORPHAN = 1
    PENDING = 2
    ATTACHED = 3
    SUSPECT = 4


class Step(enum.IntEnum):
    """What happens to it."""

    ADD = 0
    PLACE = 1
    """The tracker names a parent."""
    CONFIRM = 2
    """A report says that it is attached."""
    SUSPECT = 3
    """Its children say it is silent."""
    CLEAR = 4
    """It is heard again."""
    LOSE = 5
    """Its parent is gone."""
    LEAVE = 6


TRANSITIONS: Final = {
    (State.FREE, Step.ADD): State.ORPHAN,
    (State.ORPHAN, Step.PLACE): State.PENDING,
    (State.ORPHAN, Step.CONFIRM): State.ATTACHED,
    (State.ORPHAN, Step.SUSPECT): State.ORPHAN,
    (State.ORPHAN, Step.CLEAR): State.ORPHAN,
    (State.ORPHAN, Step.LOSE): State.ORPHAN,
    (State.ORPHAN, Step.LEAVE): State.FREE,
    (State.PENDING, Step.PLACE): State.PENDING,
    (State.PENDING, Step.CONFIRM): State.ATTACHED,
    (State.PENDING, Step.SUSPECT): State.PENDING,
    (State.PENDING, Step.CLEAR): State.PENDING,
    (State.PENDING, Step.LOSE): State.ORPHAN,
    (State.PENDING, Step.LEAVE): State.FREE,
    (State.ATTACHED, Step.PLACE): State.PENDING,
    (State.ATTACHED, Step.CONFIRM): State.ATTACHED,
    (State.ATTACHED, Step.SUSPECT): State.SUSPECT,
    (State.ATTACHED, Step.CLEAR): State.ATTACHED,
    (State.ATTACHED, Step.LOSE): State.ORPHAN,
    (State.ATTACHED, Step.LEAVE): State.FREE,
    (State.SUSPECT, Step.PLACE): State.PENDING,
    (State.SUSPECT, Step.CONFIRM): State.ATTACHED,
    (State.SUSPECT, Step.SUSPECT): State.SUSPECT,
    (State.SUSPECT, Step.CLEAR): State.ATTACHED,
    (State.SUSPECT, Step.LOSE): State.ORPHAN,
    (State.SUSPECT, Step.LEAVE): State.FREE,
}

FREE: Final = int(State.FREE)
"""The states as plain numbers, as the columns hold them: to look up a member of an enum takes ten times as long."""
ORPHAN: Final = int(State.ORPHAN)
PENDING: Final = int(State.PENDING)
ATTACHED: Final = int(State.ATTACHED)
SUSPECT: Final = int(State.SUSPECT)

ILLEGAL: Final = -1

NEXT: Final = tuple(tuple(int(TRANSITIONS.get((state, step), ILLEGAL)) for step in Step) for state in State)
"""The same table as numbers: `NEXT[state][step]`."""
