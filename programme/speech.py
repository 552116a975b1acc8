"""A small formant synthesiser: phonemes in, speech out, with numpy alone.

The voice is the old source and filter (Fant 1960, Klatt 1980), but made in the frequency domain, which numpy does fast:
each glottal pulse is one impulse response of the vocal tract as it stands at that moment, added in at its place; breath
and friction are short pieces of noise, shaped and overlapped. Formant values are those of Peterson and Barney (1952) and
Klatt (1980), for a man; another voice scales them and the pitch.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[np.float64]
"""One channel at 48 kHz, [n]."""

RATE_HZ: Final = 48_000
STEP: Final = 240
"""5 ms: how often the tract is described."""
RESPONSE: Final = 2_048
"""43 ms: by then a pulse has died away."""

FREQUENCIES: Final = np.fft.rfftfreq(RESPONSE, 1 / RATE_HZ)


@dataclass(frozen=True, slots=True)
class Phoneme:
    """One sound: how long, where its formants are, and how loud voice, breath and friction are."""

    ms: float
    formants_hz: tuple[float, float, float]
    voice: float = 0.0
    breath: float = 0.0
    friction: float = 0.0
    friction_hz: float = 0.0
    friction_width_hz: float = 1_000.0
    glide_hz: tuple[float, float, float] | None = None
    """Where the formants end, for diphthongs."""
    closure_ms: float = 0.0
    """Silence (or, with `voice`, a murmur) before the burst of a stop."""


def _vowel(ms: float, *formants: float, glide: tuple[float, float, float] | None = None) -> Phoneme:
    """Describe a vowel, or with `glide` a diphthong."""
    return Phoneme(ms, (formants[0], formants[1], formants[2]), voice=1.0, glide_hz=glide)


def _hiss(
    ms: float, loud: float, hz: float, width: float, voice: float = 0.0, locus: float = 1_700
) -> Phoneme:
    """Describe a fricative."""
    return Phoneme(
        ms, (300, locus, 2_600), voice=voice, friction=loud, friction_hz=hz, friction_width_hz=width
    )


def _stop(hz: float, width: float, locus: float, loud: float, *, voiced: bool) -> Phoneme:
    """Describe a stop: closed, then a burst, and for the unvoiced ones breath."""
    return Phoneme(
        22 if voiced else 50,
        (250, locus, 2_500),
        voice=0.25 if voiced else 0.0,
        breath=0.0 if voiced else 0.28,
        friction=loud,
        friction_hz=hz,
        friction_width_hz=width,
        closure_ms=52 if voiced else 65,
    )


PHONEMES: Final[dict[str, Phoneme]] = {
    "IY": _vowel(115, 270, 2_290, 3_010), "IH": _vowel(85, 390, 1_990, 2_550), "EH": _vowel(100, 530, 1_840, 2_480),
    "AE": _vowel(130, 660, 1_720, 2_410), "AA": _vowel(135, 730, 1_090, 2_440), "AO": _vowel(135, 570, 840, 2_410),
    "UH": _vowel(85, 440, 1_020, 2_240), "UW": _vowel(120, 300, 870, 2_240), "AH": _vowel(90, 640, 1_190, 2_390),
    "AX": _vowel(60, 500, 1_400, 2_400), "ER": _vowel(115, 490, 1_350, 1_690),
    "EY": _vowel(150, 480, 1_950, 2_550, glide=(330, 2_250, 2_900)),
    "AY": _vowel(175, 710, 1_150, 2_450, glide=(380, 2_050, 2_600)),
    "OY": _vowel(190, 550, 850, 2_400, glide=(380, 1_950, 2_550)),
    "AW": _vowel(180, 720, 1_250, 2_450, glide=(420, 900, 2_300)),
    "OW": _vowel(155, 540, 1_000, 2_350, glide=(380, 800, 2_300)),
    "M": Phoneme(75, (270, 1_100, 2_200), voice=0.40), "N": Phoneme(70, (270, 1_600, 2_600), voice=0.40),
    "NG": Phoneme(85, (270, 2_000, 2_700), voice=0.40), "L": Phoneme(70, (330, 1_050, 2_800), voice=0.65),
    "R": Phoneme(75, (340, 1_100, 1_450), voice=0.70), "W": Phoneme(70, (290, 640, 2_200), voice=0.65),
    "Y": Phoneme(60, (270, 2_250, 3_000), voice=0.65), "HH": Phoneme(65, (500, 1_500, 2_500), breath=0.30),
    "S": _hiss(105, 0.30, 6_500, 1_700), "Z": _hiss(80, 0.18, 6_300, 1_700, voice=0.35),
    "SH": _hiss(110, 0.32, 3_300, 1_100, locus=1_900), "F": _hiss(90, 0.09, 5_500, 5_000, locus=1_000),
    "V": _hiss(60, 0.05, 5_000, 5_000, voice=0.45, locus=1_000), "TH": _hiss(85, 0.08, 6_000, 4_000, locus=1_400),
    "DH": _hiss(50, 0.04, 5_500, 4_000, voice=0.5, locus=1_400),
    "P": _stop(900, 1_400, 900, 0.20, voiced=False), "T": _stop(4_800, 1_800, 1_800, 0.34, voiced=False),
    "K": _stop(1_900, 900, 1_900, 0.34, voiced=False), "B": _stop(700, 1_000, 900, 0.14, voiced=True),
    "D": _stop(4_200, 1_800, 1_800, 0.18, voiced=True), "G": _stop(1_800, 800, 1_900, 0.20, voiced=True),
    "CH": Phoneme(85, (300, 1_900, 2_600), friction=0.34, friction_hz=3_500, friction_width_hz=1_200, closure_ms=55),
    "JH": Phoneme(60, (300, 1_900, 2_600), voice=0.3, friction=0.2, friction_hz=3_300, closure_ms=45),
    ",": Phoneme(190, (500, 1_500, 2_500)), "|": Phoneme(330, (500, 1_500, 2_500)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker: pitch, size of the head, pace."""

    pitch_hz: float
    formant_scale: float
    pace: float
    breathiness: float


MAN: Final = Voice(112, 1.0, 0.90, 0.02)
WOMAN: Final = Voice(196, 1.16, 0.93, 0.035)


class Tract:
    """What the mouth does, every 5 ms: columns of pitch, formants and loudness."""

    def __init__(self, text: str, voice: Voice, chance: np.random.Generator) -> None:
        self.voice: Final = voice
        rows: list[tuple[float, ...]] = []
        accents: list[float] = []
        for word in text.split():
            _append(rows, accents, word, voice, chance)
        table = np.array(rows)
        self.formants_hz: Final = _smooth(table[:, :3], 9) * voice.formant_scale
        self.voicing: Final = _smooth(table[:, 3:4], 5)[:, 0]
        self.breath: Final = _smooth(table[:, 4:5], 5)[:, 0]
        self.friction: Final = 0.55 * _smooth(table[:, 5:6], 5)[:, 0]
        self.friction_hz: Final = table[:, 6]
        self.friction_width_hz: Final = table[:, 7]
        count = len(table)
        decline = np.linspace(1.10, 0.84, count)
        wander = _smooth(chance.standard_normal((count, 1)), 40)[:, 0] * 0.22
        self.pitch_hz: Final = (
            voice.pitch_hz * decline * (1 + _smooth(np.array(accents)[:, None], 25)[:, 0] + wander)
        )


def speak(text: str, voice: Voice, chance: np.random.Generator) -> Samples:
    """Say phonemes: spaces between words, dots between phonemes, a stressed vowel ends in 1, `,` and `|` are pauses; [n]."""
    tract = Tract(text, voice, chance)
    out = np.zeros(len(tract.voicing) * STEP + 2 * RESPONSE)
    _add_voice(out, tract, chance)
    _add_noise(out, tract, chance)
    return np.asarray(out / np.abs(out).max())


def _append(
    rows: list[tuple[float, ...]], accents: list[float], word: str, voice: Voice, chance: np.random.Generator
) -> None:
    """Add a word's steps."""
    for name in word.split("."):
        phoneme, is_stressed = PHONEMES[name.rstrip("1")], name.endswith("1")
        ms = phoneme.ms * (1.25 if is_stressed else 1.0) * chance.uniform(0.93, 1.07) / voice.pace
        before = len(rows)
        rows += _closure(phoneme) + _sounding(phoneme, max(2, round(ms / 5)), is_stressed=is_stressed)
        accents += [0.22 if is_stressed else 0.0] * (len(rows) - before)


def _closure(phoneme: Phoneme) -> list[tuple[float, ...]]:
    """Describe the closed part of a stop."""
    murmur = 0.15 if phoneme.voice else 0.0
    row = (*phoneme.formants_hz, murmur, 0.0, 0.0, phoneme.friction_hz or 1_000, phoneme.friction_width_hz)
    return [row] * round(phoneme.closure_ms / 5)


def _sounding(phoneme: Phoneme, steps: int, *, is_stressed: bool) -> list[tuple[float, ...]]:
    """Describe the sounding part; diphthongs glide through their second half, bursts are over after 15 ms."""
    rows: list[tuple[float, ...]] = []
    end = np.array(phoneme.glide_hz or phoneme.formants_hz)
    for step in range(steps):
        share = min(1.0, max(0.0, (step / steps - 0.25) / 0.55))
        formants = (1 - share) * np.array(phoneme.formants_hz) + share * end
        is_burst_over = phoneme.closure_ms > 0 and phoneme.ms < 60 and step >= 3
        friction = 0.0 if is_burst_over else phoneme.friction
        voicing = phoneme.voice * (1.15 if is_stressed else 1.0)
        rows.append(
            (
                *formants,
                voicing,
                phoneme.breath,
                friction,
                phoneme.friction_hz or 1_000,
                phoneme.friction_width_hz,
            )
        )
    return rows


def _add_voice(out: Samples, tract: Tract, chance: np.random.Generator) -> None:
    """Add one response of the tract for every glottal pulse."""
    at, last = 0.0, len(tract.voicing) - 1
    while at < last * STEP:
        step = int(at / STEP)
        loud = float(tract.voicing[step])
        if loud > 0.01:
            place = int(at)
            shift = np.exp(-2j * np.pi * FREQUENCIES * (at - place) / RATE_HZ)
            spectrum = _tract_response(tract, step) * _glottis() * shift
            out[place : place + RESPONSE] += 9.0 * loud * np.fft.irfft(spectrum)
        at += RATE_HZ / (float(tract.pitch_hz[step]) * (1 + 0.012 * chance.standard_normal()))


def _add_noise(out: Samples, tract: Tract, chance: np.random.Generator) -> None:
    """Add breath through the tract, and friction at its own place, in overlapping pieces of 10 ms."""
    window = np.hanning(2 * STEP + 1)[:-1]
    for step in range(len(tract.voicing) - 1):
        breath = float(tract.breath[step]) + tract.voice.breathiness * float(tract.voicing[step])
        friction = float(tract.friction[step])
        if breath < 0.003 and friction < 0.003:
            continue
        noise = np.fft.rfft(chance.standard_normal(2 * STEP) * window, RESPONSE)
        distance = (FREQUENCIES - tract.friction_hz[step]) / tract.friction_width_hz[step]
        shape = friction * np.exp(-0.5 * distance**2) + 0.35 * breath * _tract_response(tract, step)
        out[step * STEP : step * STEP + RESPONSE] += np.fft.irfft(noise * shape)


def _tract_response(tract: Tract, step: int) -> npt.NDArray[np.complex128]:
    """Give the spectrum of the tract: five resonators in a row, whose loudness so comes by itself (Klatt 1980)."""
    scale = tract.voice.formant_scale
    first, second, third = tract.formants_hz[step]
    centres = (first, second, third, 3_500 * scale, 4_600 * scale)
    widths = (60 + first / 12, 80.0, 120.0, 200.0, 280.0)
    response = np.ones(len(FREQUENCIES), complex)
    for centre, width in zip(centres, widths, strict=True):
        pole = np.pi * width - 2j * np.pi * centre
        s = 2j * np.pi * FREQUENCIES
        response = response * (abs(pole) ** 2 / ((s + pole) * (s + np.conj(pole))))
    return response


def _glottis() -> npt.NDArray[np.complex128]:
    """Give the spectrum of a glottal pulse that leaves the lips: down 12 dB an octave, and up 6 again."""
    s = 1j * FREQUENCIES
    return s / 200 / ((1 + s / 160) * (1 + s / 320)) / (1 + s / 9_000)


def _smooth(table: npt.NDArray[np.float64], steps: int) -> npt.NDArray[np.float64]:
    """Let columns glide, by a window of so many steps."""
    window = np.hanning(steps + 2)[1:-1]
    padded = np.pad(table, ((steps // 2, steps - 1 - steps // 2), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, window / window.sum(), "valid") for column in padded.T], axis=1)
