"""Named streams of chance: each use of chance has a name of its own, so that a change in one place reshuffles no other.

The same names serve both kinds of source. `stream` is for whoever draws one thing after another; `generator` draws a
million at once, from the PCG64 generator seeded with a hash of the name, which is the same in every process.
"""

import hashlib
from random import Random

import numpy as np

from meshcast.protocol.machine import Dice


def stream(seed: int | str, name: str) -> Random:
    """Give the stream of this name."""
    return Random(f"{seed}/{name}")


def dice(seed: int | str, name: str) -> Dice:
    """Give the dice of this name: the numbers of `stream(…).randrange`, in a third of its time."""
    bits = stream(seed, name).getrandbits

    def roll(sides: int) -> int:
        width = sides.bit_length()
        number = bits(width)
        while number >= sides:
            if sides < 1:
                raise ValueError(f"dice of {sides} sides")
            number = bits(width)
        return number

    return roll


def generator(seed: int | str, name: str) -> np.random.Generator:
    """Give the stream of this name for arrays."""
    hashed = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashed, "big")))
