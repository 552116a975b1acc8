"""One peer without a parent: what it knows, alive only until it has found one."""

from meshcast.protocol.repair import Repair
from meshcast.protocol.units import Micros

Known = tuple[int, int]
"""A peer's number and generation: somebody else may have the number later."""


class Orphan:
    """One peer without a parent."""

    __slots__ = (
        "dropped_at", "generations", "has_heard", "is_named_up", "is_seeking", "left", "named", "node", "referred", "repair",
        "rounds", "silent", "since", "uncles", "unheard_since", "wakes_at",
    )  # fmt: skip

    def __init__(
        self,
        node: int,
        since: Micros,
        unheard_since: Micros,
        *,
        has_heard: bool,
        uncles: tuple[Known, ...],
        left: Known | None,
    ) -> None:
        self.node = node
        self.since = since
        self.unheard_since = unheard_since
        """When its last new chunk came, or its parent's Bye."""
        self.has_heard = has_heard
        """It had a parent before; a joiner had none."""
        self.uncles = uncles
        self.repair: Repair[int]
        self.named: Known | None = None
        """Whom the tracker has named."""
        self.is_named_up = False
        """The link to that one is up."""
        self.left = left
        """The parent that it left for silence."""
        self.silent: dict[int, None] = {}
        """Those that have not answered in a whole round."""
        self.rounds = 0
        self.is_seeking = False
        self.wakes_at: Micros = -1
        self.dropped_at: Micros | None = None
        """When it shed its children."""
        self.generations: dict[int, int] = {}
        self.referred: dict[int, int] = {}
        """Whom those named who were full, newest last, with their generations."""
