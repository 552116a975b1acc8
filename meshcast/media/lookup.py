"""Where in the original is this? Normalised cross-correlation, first where the sound should go on.

A window is believed where it is expected if it is somewhat like the original there, for concealed sound is only
somewhat like it. It is believed elsewhere only if it is much more like the original there.
"""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Doubles: TypeAlias = npt.NDArray[np.float64]
"""Samples at `RATE_HZ`, one channel, [n]."""

RATE_HZ: Final = 8_000
"""What is correlated: telephone bandwidth is plenty, and six times cheaper."""
WINDOW: Final = RATE_HZ // 5
FRAME: Final = RATE_HZ // 200
"""5 ms: the resolution of silence and of where a jump is."""

PADDING: Final = WINDOW // 2
"""How far a window may hang out over either end of the original."""

NEAR: Final = RATE_HZ * 4
"""How far around the expected place is looked before everywhere."""
SLACK: Final = RATE_HZ // 500
"""2 ms: what drift and decoding may move between two windows."""
AUDIBLE_POWER: Final = 10.0**-6
"""Minus 60 dB of full scale: fainter sound in the original need not survive, so nothing is told from it."""
SILENT_POWER: Final = 10.0**-8
"""Minus 80 dB of full scale: fainter, a recording is silent."""

SURE: Final = 0.9
"""So alike, a window is where it was expected, and nobody looks further."""
ALIKE: Final = 0.6
"""Least likeness at the expected place; concealed sound still has it, other sound has not."""
ALIKE_ELSEWHERE: Final = 0.75
"""Least likeness to believe that the sound went on somewhere else."""
SURE_ELSEWHERE: Final = 0.95
"""Least likeness of its better half."""
MUCH_BETTER: Final = 0.1
"""How much more alike another place must be than the expected one."""

assert SILENT_POWER < AUDIBLE_POWER
assert ALIKE < ALIKE_ELSEWHERE < SURE


class Reference:
    """The original, prepared for looking things up in it."""

    def __init__(self, samples: Doubles) -> None:
        self.samples: Final = samples
        # A recording may begin a little before the original or end a little after it: then windows overhang.
        self._padded: Final = np.pad(samples, PADDING)
        self._energy: Final = np.concatenate([[0.0], np.cumsum(self._padded**2)])
        self._spectrum: npt.NDArray[np.complex128] | None = None
        self.silent_frames: Final = is_below(samples, AUDIBLE_POWER)

    def __len__(self) -> int:
        return len(self.samples)

    def is_silent(self, start: int, length: int) -> bool:
        """Tell whether nothing is to be heard in the whole of a stretch; there is nothing beyond either end."""
        low, high = (min(max(0, end + PADDING), len(self._padded)) for end in (start, start + length))
        return bool(self._energy[high] - self._energy[low] < AUDIBLE_POWER * length)

    def near(self, window: Doubles, low: int, high: int) -> tuple[int, float]:
        """Find the place from `low` to `high` that is most like a window: place and likeness."""
        low = max(0, low + PADDING)
        high = min(len(self._padded) - len(window), high + PADDING)
        if high < low:
            return 0, 0.0
        segment = self._padded[low : high + len(window)]
        if high - low <= 64:
            products = np.correlate(segment, window, "valid")
        else:
            size = _fast_size(len(segment))
            spectrum = np.fft.rfft(segment, size) * np.conj(np.fft.rfft(window, size))
            products = np.fft.irfft(spectrum, size)[: high - low + 1]
        return self._best(products, window, low)

    def at(self, window: Doubles, place: int) -> float:
        """Tell how like a window the original is at one place."""
        return self.near(window, place, place)[1]

    def anywhere(self, window: Doubles) -> tuple[int, float]:
        """Find the place in the whole original that is most like a window: place and likeness."""
        size = _fast_size(len(self._padded))
        if self._spectrum is None:
            self._spectrum = np.fft.rfft(self._padded, size)
        products = np.fft.irfft(self._spectrum * np.conj(np.fft.rfft(window, size)), size)
        return self._best(products[: len(self._padded) - len(window) + 1], window, 0)

    def _best(self, products: Doubles, window: Doubles, low: int) -> tuple[int, float]:
        """Normalise by both energies and take the greatest; `low` is a place in the padded original."""
        ends = self._energy[low + len(window) : low + len(window) + len(products)]
        energies = ends - self._energy[low : low + len(products)]
        floor = SILENT_POWER * len(window)  # or near silence would be like anything
        likeness = products / np.sqrt(np.maximum(energies, floor) * max(float(window @ window), floor))
        place = int(likeness.argmax())
        return low + place - PADDING, float(likeness[place])


def look_up(
    reference: Reference, window: Doubles, start: int, offset: int | None, missed: int
) -> tuple[int | None, float]:
    """Find a window: where it should be, near there, or anywhere (that is dear, so ever more rarely in vain)."""
    likeness = 0.0
    if offset is not None:
        expected = start + offset
        place, likeness = reference.near(window, expected - SLACK, expected + SLACK)
        if likeness >= SURE:
            return place, likeness
        other, other_likeness = reference.near(window, expected - NEAR, expected + NEAR)
        if _is_elsewhere(reference, window, other, other_likeness, likeness):
            return other, other_likeness
        if likeness >= ALIKE:
            return place, likeness
    if missed < 4 or missed & (missed - 1) == 0 or missed % 16 == 0:
        other, other_likeness = reference.anywhere(window)
        if _is_elsewhere(reference, window, other, other_likeness, likeness):
            return other, other_likeness
    return None, likeness


def _is_elsewhere(
    reference: Reference, window: Doubles, place: int, likeness: float, likeness_expected: float
) -> bool:
    """Tell whether a window belongs to an unexpected place: half of it must surely come from there.

    Concealed sound goes on at the pitch of a vowel or of a string, and so is rather like others of that pitch, all
    along; sound that really comes from elsewhere is just what is there, but for what precedes or follows the jump.
    """
    if likeness < max(ALIKE_ELSEWHERE, likeness_expected + MUCH_BETTER):
        return False
    middle = WINDOW // 2
    halves = ((window[:middle], place), (window[middle:], place + middle))
    loud_enough = float(window @ window) / 4  # a faint half is like anything
    return any(
        float(half @ half) >= loud_enough and reference.at(half, start) >= SURE_ELSEWHERE
        for half, start in halves
    )


def is_below(samples: Doubles, power: float) -> npt.NDArray[np.bool_]:
    """Tell for every 5 ms whether it has less than this power."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return np.asarray((frames**2).mean(axis=1) < power)


def _fast_size(least: int) -> int:
    """Give a size of at least `least` that the Fourier transform likes: 2 to a power, or 3 or 5 times one."""
    powers = (factor << max(0, (-(-least // factor) - 1).bit_length()) for factor in (1, 3, 5))
    return min(powers)
