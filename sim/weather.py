"""What the network does to packets: how long they take, which are lost, and which come twice.

All of it is drawn from one stream of chance. How much longer than the least a packet takes is drawn beforehand, for there are
millions of packets, and looked up by turns.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from meshcast.protocol.units import MILLISECOND, Micros

RECOVERY_US: Final = 25 * MILLISECOND
"""A lost packet is sent again after a round trip and so much for the acknowledgement (RFC 9002, 6.1 and 6.2)."""
NOISE: Final = 1 << 14


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the network does to packets."""

    loss: float = 0.0
    """Share of packets lost, each way."""
    jitter: float = 0.1
    """Mean of the extra delay of each packet, as a share of the link's delay; exponential."""
    jitter_us: Micros = 0
    """The same, whatever the link's delay is; added to it."""
    duplication: float = 0.0
    """Share of datagrams that come twice."""


class Weather:
    """The conditions of the moment, and what they do to each packet."""

    def __init__(self, chance: Random, conditions: Conditions) -> None:
        self._chance: Final = chance
        self._noise: Final = [chance.expovariate(1.0) for _ in range(NOISE)]
        self._drawn = 0
        self.change(conditions)

    def change(self, conditions: Conditions) -> None:
        """Let the weather change, for what is sent from now on."""
        self.conditions = conditions
        self.is_lossless = conditions.loss <= 0.0 and conditions.duplication <= 0.0
        """Does every datagram come, and once?"""
        self._jitter, self._jitter_us = conditions.jitter, conditions.jitter_us

    def extra_us(self, delay_us: Micros) -> Micros:
        """Draw how much longer a packet takes than the delay of its link."""
        self._drawn = drawn = (self._drawn + 1) % NOISE
        return int((delay_us * self._jitter + self._jitter_us) * self._noise[drawn])

    def recovery_us(self, rtt_us: Micros) -> Micros:
        """Draw how much later a reliable packet comes because copies of it were lost."""
        extra_us = 0
        while self._chance.random() < self.conditions.loss:
            extra_us += rtt_us + RECOVERY_US
        return extra_us

    def copies(self) -> int:
        """Draw how many copies of a datagram arrive."""
        if self.is_lossless:
            return 1
        if self._chance.random() < self.conditions.loss:
            return 0
        return 2 if self._chance.random() < self.conditions.duplication else 1
