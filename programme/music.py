"""Instruments and a composer: plucked strings, a soft pad, a bass and drums, with numpy alone.

Every bar is drawn anew (chord, melody, rhythm, touch), each section has a key and a pace of its own, and no two notes
share their noise, so that no 200 ms of the piece are like any other: whoever hears some knows where in the programme
they are.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Stereo: TypeAlias = npt.NDArray[np.float64]
"""Samples by two channels at 48 kHz, [n, 2]."""
Samples: TypeAlias = npt.NDArray[np.float64]
"""One channel at 48 kHz, [n]."""

RATE_HZ: Final = 48_000

MODES: Final = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
}
NEXT_CHORDS: Final = {0: (3, 5, 4, 1), 1: (4, 3), 2: (5, 3), 3: (4, 0, 1), 4: (0, 5), 5: (3, 1, 2), 6: (0,)}
"""From each degree of the scale, those that sound well after it."""


@dataclass(frozen=True, slots=True)
class Section:
    """Some bars in one key, mode, pace and density (0 to 1)."""

    start_s: float
    end_s: float
    tonic_midi: float
    mode: str
    beats_per_minute: float
    density: float
    drums: float


def compose(sections: list[Section], length_s: float, chance: np.random.Generator) -> Stereo:
    """Play all sections into one piece [n, 2]."""
    out = np.zeros((round((length_s + 4) * RATE_HZ), 2))
    for section in sections:
        _play_section(out, section, chance)
    wet = _reverb(out, chance)
    return (out + 0.22 * wet)[: round(length_s * RATE_HZ)]


def _play_section(out: Stereo, section: Section, chance: np.random.Generator) -> None:
    """Play bar after bar until the section is over."""
    at, chord, degree = section.start_s, 0, 7
    while True:
        beat_s = 60 / section.beats_per_minute * (1 + 0.02 * chance.standard_normal())
        if at + 4 * beat_s > section.end_s:
            return
        _play_chord(out, section, chord, at, 4 * beat_s, chance)
        degree = _play_melody(out, section, chord, degree, at, beat_s, chance)
        if section.drums > 0:
            _play_drums(out, section.drums, at, beat_s, chance)
        chord = int(chance.choice(NEXT_CHORDS[chord]))
        at += 4 * beat_s


def _pitch_hz(section: Section, degree: int) -> float:
    """Tell the pitch of a degree of the section's scale; 7 is an octave above 0."""
    scale = MODES[section.mode]
    midi = section.tonic_midi + 12 * (degree // 7) + scale[degree % 7]
    return float(440 * 2 ** ((midi - 69) / 12))


def _play_chord(
    out: Stereo, section: Section, chord: int, at: float, length_s: float, chance: np.random.Generator
) -> None:
    """Lay a pad and a bass under a bar, and strum the chord once or twice."""
    tones = [chord, chord + 2, chord + 4] + ([chord + 6] if chance.random() < 0.4 else [])
    for tone in tones:
        _add(out, at, 0.055 * pad(_pitch_hz(section, tone), length_s * 1.1, chance), chance.uniform(0.2, 0.8))
    bass_hz = _pitch_hz(section, chord - 14 if chord > 2 else chord - 7)
    for beat in (0.0, 0.5) if chance.random() < 0.6 else (0.0, 0.375, 0.75):
        _add(out, at + beat * length_s, 0.30 * pluck(bass_hz, 0.9, 0.35, chance), 0.5)
    for beat in chance.choice([0.0, 0.25, 0.5, 0.625], size=1 + int(2 * section.density), replace=False):
        for number, tone in enumerate(tones):
            when = at + beat * length_s + number * chance.uniform(0.012, 0.03)
            _add(
                out,
                when,
                0.11 * pluck(_pitch_hz(section, tone + 7), 1.4, 0.6, chance),
                chance.uniform(0.25, 0.75),
            )


def _play_melody(
    out: Stereo,
    section: Section,
    chord: int,
    degree: int,
    at: float,
    beat_s: float,
    chance: np.random.Generator,
) -> int:
    """Wander from the last bar's degree in eighths, home to the chord on the strong beats; tell where it ended."""
    for eighth in range(8):
        if chance.random() > (0.85 if eighth % 4 == 0 else 0.25 + 0.55 * section.density):
            continue
        degree += int(chance.choice([-2, -1, -1, 0, 1, 1, 2, 3]))
        degree = int(np.clip(degree, 2, 13))
        if eighth % 4 == 0:
            degree = _nearest_chord_tone(chord, degree)
        swing = 0.06 * beat_s if eighth % 2 else 0.0
        when = at + eighth * beat_s / 2 + swing + 0.006 * chance.standard_normal()
        loud = 0.26 * chance.uniform(0.6, 1.0)
        _add(
            out,
            max(0.0, when),
            loud * pluck(_pitch_hz(section, degree + 7), 1.6, chance.uniform(0.6, 0.9), chance),
            chance.uniform(0.35, 0.65),
        )
    return degree


def _nearest_chord_tone(chord: int, degree: int) -> int:
    """Tell the degree of a chord that is nearest to where the melody is."""
    tones = [chord + step + octave for octave in (-7, 0, 7, 14) for step in (0, 2, 4)]
    return min(tones, key=lambda tone: abs(tone - degree))


def _play_drums(out: Stereo, loud: float, at: float, beat_s: float, chance: np.random.Generator) -> None:
    """Kick, brush and shaker, never twice the same."""
    for beat in (0, 2) if chance.random() < 0.6 else (0, 1.5, 2):
        _add(out, at + beat * beat_s, 0.45 * loud * kick(chance), 0.5)
    for beat in (1, 3):
        _add(out, at + beat * beat_s, 0.16 * loud * brush(0.16, 1_500, chance), 0.45)
    for eighth in range(8):
        touch = chance.uniform(0.3, 1.0) * (1.0 if eighth % 2 else 0.6)
        _add(out, at + eighth * beat_s / 2, 0.085 * loud * touch * brush(0.05, 6_000, chance), 0.7)


def pluck(hz: float, length_s: float, brightness: float, chance: np.random.Generator) -> Samples:
    """Pluck a string (Karplus and Strong 1983): noise runs round a delay line and loses its edge."""
    period = int(RATE_HZ / hz)
    line = chance.uniform(-1, 1, period)
    for _ in range(int((1 - brightness) * 6) + 1):
        line = 0.5 * (line + np.roll(line, 1))
    line = (line - line.mean()) / np.abs(line).max()
    rounds = int(length_s * RATE_HZ / period) + 2
    loss = 0.5 ** (1 / (0.45 * RATE_HZ / period))  # half as loud after 0.45 s, and more in the treble
    table = np.empty((rounds, period))
    for number in range(rounds):
        table[number] = line
        line = loss * (0.5 * line + 0.5 * np.roll(line, 1))
    flat = table.reshape(-1)
    # Each round is late by half a sample more, and the line is whole samples long: read it at the true pace.
    positions = np.arange(round(length_s * RATE_HZ)) * (hz * (period + 0.5) / RATE_HZ)
    tone = np.interp(positions, np.arange(len(flat)), flat)
    fade = np.clip((length_s * RATE_HZ - np.arange(len(tone))) / (0.15 * RATE_HZ), 0, 1)
    return np.asarray(tone * fade)


def pad(hz: float, length_s: float, chance: np.random.Generator) -> Samples:
    """Hold a soft tone of a few harmonics, each beating slowly on its own."""
    t = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    tone = np.zeros_like(t)
    for harmonic in range(1, 7):
        for _ in range(2):
            detuned = hz * harmonic * (1 + 0.003 * chance.standard_normal())
            wobble = 0.5 * np.sin(2 * np.pi * chance.uniform(3, 6) * t + chance.uniform(0, 6.3))
            tone += np.sin(2 * np.pi * detuned * t + wobble + chance.uniform(0, 6.3)) / harmonic**1.3
    return np.asarray(tone * np.clip(np.minimum(t / 0.35, (length_s - t) / 0.35), 0, 1))


def kick(chance: np.random.Generator) -> Samples:
    """Beat a drum: a falling sine."""
    t = np.arange(round(0.28 * RATE_HZ)) / RATE_HZ
    start_hz = chance.uniform(105, 130)
    phase = 2 * np.pi * (46 * t + (start_hz - 46) * 0.035 * (1 - np.exp(-t / 0.035)))
    return np.sin(phase) * np.exp(-t / 0.085) * np.clip(t / 0.002, 0, 1)


def brush(length_s: float, from_hz: float, chance: np.random.Generator) -> Samples:
    """Brush or shake: noise without its bass, dying away."""
    count = round(length_s * 3 * RATE_HZ)
    spectrum = np.fft.rfft(chance.standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1 / RATE_HZ)
    noise = np.fft.irfft(spectrum * frequencies**2 / (frequencies**2 + from_hz**2), count)
    t = np.arange(count) / RATE_HZ
    return 0.6 * noise * np.exp(-t / (length_s / 2)) * np.clip(t / 0.002, 0, 1)


def _add(out: Stereo, at_s: float, tone: Samples, place: float) -> None:
    """Mix a tone in, from left (0) to right (1), equally loud everywhere."""
    start = round(at_s * RATE_HZ)
    tone = tone[: len(out) - start]
    out[start : start + len(tone), 0] += tone * np.cos(place * np.pi / 2)
    out[start : start + len(tone), 1] += tone * np.sin(place * np.pi / 2)


def _reverb(dry: Stereo, chance: np.random.Generator) -> Stereo:
    """Put it into a room: convolve with noise that dies away, its own in each ear."""
    t = np.arange(round(1.4 * RATE_HZ)) / RATE_HZ
    size = 1 << (len(dry) + len(t)).bit_length()
    wet = np.empty_like(dry)
    for ear in (0, 1):
        room = np.convolve(chance.standard_normal(len(t)) * np.exp(-t / 0.28), [0.25, 0.5, 0.25], "same")
        room /= np.sqrt((room**2).sum())
        wet[:, ear] = np.fft.irfft(np.fft.rfft(dry[:, ear], size) * np.fft.rfft(room, size), size)[: len(dry)]
    return wet
