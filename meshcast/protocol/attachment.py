"""Where a peer stands towards a parent: five states, and the table of legal steps between them.

    SEEKING --ask--> ASKING --accepted--> HEARING --ask--> MOVING --accepted--> HEARING
       ^                |                    |                |
       +----gave up-----+------lost----------+                +--gave up--> HEARING, or lost --> ASKING

Make-before-break is the difference between ASKING and MOVING: who moves still hears from its old parent.
"""

import enum
from typing import Final

from meshcast.protocol.errors import LocalProtocolError


class Attachment(enum.Enum):
    """The states."""

    SEEKING = "seeking"
    """No parent, and nobody asked."""
    ASKING = "asking"
    """No parent; somebody has been asked."""
    HEARING = "hearing"
    MOVING = "moving"
    """Hearing from a parent while another has been asked."""
    LEFT = "left"

    @property
    def is_hearing(self) -> bool:
        """Tell whether there is a parent."""
        return self is Attachment.HEARING or self is Attachment.MOVING


class Step(enum.Enum):
    """What may happen."""

    ASK = "ask"
    ACCEPTED = "accepted"
    GAVE_UP = "gave up"
    LOST = "lost"
    LEAVE = "leave"


TRANSITIONS: Final = {
    (Attachment.SEEKING, Step.ASK): Attachment.ASKING,
    (Attachment.SEEKING, Step.GAVE_UP): Attachment.SEEKING,
    (Attachment.ASKING, Step.ASK): Attachment.ASKING,
    (Attachment.ASKING, Step.ACCEPTED): Attachment.HEARING,
    (Attachment.ASKING, Step.GAVE_UP): Attachment.SEEKING,
    (Attachment.HEARING, Step.ASK): Attachment.MOVING,
    (Attachment.HEARING, Step.LOST): Attachment.SEEKING,
    (Attachment.MOVING, Step.ASK): Attachment.MOVING,
    (Attachment.MOVING, Step.ACCEPTED): Attachment.HEARING,
    (Attachment.MOVING, Step.GAVE_UP): Attachment.HEARING,
    (Attachment.MOVING, Step.LOST): Attachment.ASKING,
    (Attachment.SEEKING, Step.LEAVE): Attachment.LEFT,
    (Attachment.ASKING, Step.LEAVE): Attachment.LEFT,
    (Attachment.HEARING, Step.LEAVE): Attachment.LEFT,
    (Attachment.MOVING, Step.LEAVE): Attachment.LEFT,
}


def after(state: Attachment, step: Step) -> Attachment:
    """Take a step; one that the table does not know is a bug of the caller."""
    try:
        return TRANSITIONS[state, step]
    except KeyError as error:
        raise LocalProtocolError(f"{step.value} is no step from {state.value}") from error
