"""Makes a piece of sound a little shorter or longer, where it is heard least: nothing is stretched and nothing clicks.

A stretch of samples is left out, or played twice, and the two ends that meet are faded into each other. Among all places
in the piece the one is taken where they differ least: within a pause if there is one, and otherwise where the wave is in
step with itself (the idea of WSOLA: Verhelst and Roelands, ICASSP 1993, on a grid of single samples, for pieces are short).
"""

from typing import Final

import numpy as np

from meshcast.media.sound import SAMPLE_RATE_HZ, PcmFloat

FADE_SAMPLES: Final = SAMPLE_RATE_HZ * 5 // 1000
"""5 ms: longer than any wave that is heard as a tone of its own in speech, short enough for the shortest chunk."""


def resized(pcm: PcmFloat, more_samples: int) -> PcmFloat:
    """Give [n + more_samples, 2]; as it is where it is too short for that."""
    count = abs(more_samples)
    if not count or len(pcm) < count + FADE_SAMPLES:
        return pcm
    at = _least_heard(pcm, count)
    early, late = pcm[at : at + FADE_SAMPLES], pcm[at + count : at + count + FADE_SAMPLES]
    if more_samples < 0:
        return np.concatenate([pcm[:at], _faded(early, late), pcm[at + count + FADE_SAMPLES :]])
    return np.concatenate([pcm[: at + count], _faded(late, early), pcm[at + FADE_SAMPLES :]])


def _least_heard(pcm: PcmFloat, count: int) -> int:
    """Find where sound and what comes `count` samples later differ least over a fade."""
    differs = np.square(pcm[:-count] - pcm[count:], dtype=np.float64).sum(axis=1)
    sums = np.concatenate([[0.0], np.cumsum(differs)])
    return int(np.argmin(sums[FADE_SAMPLES:] - sums[:-FADE_SAMPLES]))


def _faded(out: PcmFloat, into: PcmFloat) -> PcmFloat:
    """Fade from one into the other, smoothly at both ends."""
    share = (0.5 - 0.5 * np.cos(np.pi * (np.arange(len(out)) + 0.5) / len(out)))[:, None]
    return np.asarray(out * (1 - share) + into * share, np.float32)
