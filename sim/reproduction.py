"""How to see again what went wrong in a world: its seed, what kind of world it is, and the moment."""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final

from sim.scheduler import Scheduler


class Reproduction(AbstractContextManager[None]):
    """Adds to whatever goes wrong inside it how to see it again."""

    def __init__(self, seed: int | str, settings: object, scheduler: Scheduler) -> None:
        self._seed: Final = seed
        self._settings: Final = settings
        self._scheduler: Final = scheduler

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Add a note to an error that passes."""
        if error is not None:
            seed, settings = self._seed, self._settings
            error.add_note(
                f"in the world of seed {seed!r} at {self._scheduler.now} us: World(seed={seed!r}, settings="
                f"{settings!r}), run until then with the same steps, shows it again"
            )
