"""Who comes: half of the peers can serve nobody, the others carry 2, 4 or 8 children (mean 4.2)."""

from dataclasses import dataclass
from random import Random
from typing import Final

CAPACITIES: Final = (2, 4, 8)
SHARES: Final = (0.3, 0.5, 0.2)


@dataclass(frozen=True, slots=True)
class Population:
    """A crowd, as shares."""

    serving: float = 0.5
    """Share of the peers that can serve others at all."""
    mobile: float = 0.5
    """Share of the peers on mobile links; those that serve are on fixed lines first."""

    def capacity(self, chance: Random) -> int:
        """Draw how many children a peer can carry."""
        if chance.random() >= self.serving:
            return 0
        return chance.choices(CAPACITIES, SHARES)[0]

    def is_mobile(self, capacity: int, chance: Random) -> bool:
        """Draw whether a peer is on a mobile link: whoever serves is so only as far as fixed lines are short."""
        fixed_left = max(0.0, 1.0 - self.mobile - self.serving)
        if capacity:
            short = max(0.0, self.serving - (1.0 - self.mobile))
            return chance.random() * self.serving < short
        return chance.random() * (1.0 - self.serving) >= fixed_left
