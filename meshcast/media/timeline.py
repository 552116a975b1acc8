"""What was heard, and when: a recording held against the original.

Each 200 ms of the recording is looked for in the original by normalised cross-correlation: first where the sound should
go on, then within some seconds of there, then everywhere. What is found says whether the listener heard it and at what
offset; a change of the offset is a jump: forwards something was skipped, backwards something was repeated or, with
silence between, the sound stood still and went on later. Where the original itself is silent, nothing can be told, and
nothing is.

Perceptual measures hardly notice a hole of one second in a minute (ViSQOL, measured); this one notices nothing else, and
it finds exactly the faults that were put in: its tests put them in.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import soxr

from meshcast.media.decoding import read_all
from meshcast.media.lookup import (
    FRAME,
    RATE_HZ,
    SILENT_POWER,
    WINDOW,
    Doubles,
    Reference,
    is_below,
    look_up,
)
from meshcast.media.sound import SAMPLE_RATE_HZ, to_float

Mono: TypeAlias = npt.NDArray[np.float32]
"""Samples at 48 kHz, [n]."""

HOP: Final = RATE_HZ // 10

JUMP_S_MIN: Final = 0.004


class Finding(Enum):
    """What became of a window."""

    FOUND = auto()
    MISSING = auto()
    """Silent, or unlike anything in the original, where the original is not silent."""
    UNTOLD = auto()
    """The original is silent there too: left out of every count."""


@dataclass(frozen=True, slots=True)
class Window:
    """200 ms of the recording: where they are in the original, and how alike (0 to 1)."""

    at_s: float
    finding: Finding
    original_s: float | None = None
    likeness: float = 0.0

    @property
    def offset_s(self) -> float:
        """Tell how far the original is ahead; only for what was found."""
        assert self.original_s is not None
        return self.original_s - self.at_s


@dataclass(frozen=True, slots=True)
class Jump:
    """The sound went on elsewhere: `by_s` forwards (skipped) or backwards, at `at_s` of the recording."""

    at_s: float
    by_s: float
    repeated_s: float
    """How much was heard twice: a jump backwards, less the silence in which the sound merely stood still."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What was heard, against the original."""

    windows: tuple[Window, ...]
    jumps: tuple[Jump, ...]
    silent_ms: int
    """Silence after the first sound where the original has sound, to 5 ms."""

    @property
    def found(self) -> int:
        """Count the windows that were heard."""
        return sum(window.finding is Finding.FOUND for window in self.windows)

    @property
    def missing(self) -> tuple[Window, ...]:
        """Give the windows that should have been heard and were not."""
        return tuple(window for window in self.windows if window.finding is Finding.MISSING)

    @property
    def found_share(self) -> float:
        """Tell the share of what was to be heard that was heard; 0 if nothing was to be."""
        return self.found / max(1, self.found + len(self.missing))

    @property
    def start_s(self) -> float | None:
        """Tell where in the original the recording starts (where the listener joined), if anything was found."""
        return next((w.offset_s for w in self.windows if w.finding is Finding.FOUND), None)

    @property
    def repeated_s(self) -> float:
        """Sum up what was heard twice."""
        return sum(jump.repeated_s for jump in self.jumps)

    @property
    def drift_ppm(self) -> float | None:
        """Tell how much faster than the original the recording runs, in parts per million; nothing if it jumps."""
        told = [(w.at_s, w.offset_s) for w in self.windows if w.finding is Finding.FOUND]
        if self.jumps or len(told) < 10:
            return None
        at, offset = np.array(told).T
        return float(np.polyfit(at, offset, 1)[0] * 1e6)


def load(path: Path) -> Mono:
    """Read any sound file as one channel at 48 kHz, [n]; `BadInputError` if it cannot be read."""
    return np.asarray(to_float(read_all(path)).mean(axis=1), np.float32)


def compare(original: Mono, recording: Mono) -> Timeline:
    """Find every 200 ms of a recording in the original, both 48 kHz [n]; about 10 ms of work for each second."""
    reference, heard = Reference(_slow(original)), _slow(recording)
    windows = tuple(_windows(reference, heard))
    silent = _silent_frames(heard, reference, windows)
    return Timeline(windows, tuple(_jumps(reference, heard, windows)), int(silent.sum()) * 5)


def _windows(reference: Reference, heard: Doubles) -> Iterator[Window]:
    """Look up window after window, each where the last one leads to expect it."""
    offset: int | None = None
    missed = 0
    for start in range(0, len(heard) - WINDOW + 1, HOP):
        window = heard[start : start + WINDOW]
        if offset is not None and reference.is_silent(start + offset, WINDOW):
            yield Window(start / RATE_HZ, Finding.UNTOLD)
            continue
        sounding = (
            window if offset is not None else window[:FRAME]
        )  # the first sound may begin within a window
        if float(sounding @ sounding) < SILENT_POWER * len(sounding):
            finding = Finding.MISSING if offset is not None else Finding.UNTOLD
            yield Window(start / RATE_HZ, finding)
            continue
        place, likeness = look_up(reference, window, start, offset, missed)
        if place is None:
            missed += 1
            yield Window(start / RATE_HZ, Finding.MISSING, likeness=likeness)
            continue
        offset, missed = place - start, 0
        yield Window(start / RATE_HZ, Finding.FOUND, place / RATE_HZ, likeness)


def _jumps(reference: Reference, heard: Doubles, windows: tuple[Window, ...]) -> Iterator[Jump]:
    """Tell where the offset changes from one found window to the next."""
    silent = is_below(heard, SILENT_POWER)
    told = [window for window in windows if window.finding is Finding.FOUND]
    for before, after in itertools.pairwise(told):
        by_s = after.offset_s - before.offset_s
        if abs(by_s) <= JUMP_S_MIN:
            continue
        low, high = round(before.at_s * RATE_HZ), round(after.at_s * RATE_HZ) + WINDOW
        stood_still_s = int(silent[low // FRAME : high // FRAME].sum()) * FRAME / RATE_HZ
        at = low + _cut(reference, heard[low:high], low, before, after)
        yield Jump(at / RATE_HZ, by_s, max(0.0, -by_s - stood_still_s))


def _cut(reference: Reference, heard: Doubles, start: int, before: Window, after: Window) -> int:
    """Find the sample at which the sound stops following one offset and follows another: the least error in all."""
    errors = [
        (heard - _stretch_at(reference, start + round(window.offset_s * RATE_HZ), len(heard))) ** 2
        for window in (before, after)
    ]
    up_to = np.concatenate([[0.0], np.cumsum(errors[0] - errors[1])])
    return int(np.argmin(up_to))


def _stretch_at(reference: Reference, start: int, length: int) -> Doubles:
    """Cut a stretch out of the original, with silence beyond its ends."""
    out = np.zeros(length)
    low, high = max(0, start), min(len(reference), start + length)
    if high > low:
        out[low - start : high - start] = reference.samples[low:high]
    return out


def _silent_frames(
    heard: Doubles, reference: Reference, windows: tuple[Window, ...]
) -> npt.NDArray[np.bool_]:
    """Mark the 5 ms of the recording that are silent, after its first sound, where the original is not."""
    silent = is_below(heard, SILENT_POWER)
    sounding = np.flatnonzero(~silent)
    if not len(sounding):
        return np.zeros_like(silent)
    silent[: sounding[0]] = False
    offset_s: float | None = None
    hop_frames = HOP // FRAME
    for number, window in enumerate(windows):
        if window.finding is Finding.FOUND:
            offset_s = window.offset_s
        if offset_s is None:
            continue
        first = number * hop_frames
        there = np.arange(first, min(first + hop_frames, len(silent))) + round(offset_s * RATE_HZ / FRAME)
        inside = (there >= 0) & (there < len(reference.silent_frames))
        is_silent_there = ~inside
        is_silent_there[inside] = reference.silent_frames[there[inside]]
        silent[first : first + len(there)] &= ~is_silent_there
    return silent


def _slow(samples: Mono) -> Doubles:
    """Bring 48 kHz down to what is correlated."""
    return np.asarray(soxr.resample(samples, SAMPLE_RATE_HZ, RATE_HZ, quality="MQ"), np.float64)
