"""Make the demonstration's programme: 90 seconds of speech and music that never repeat, from a seed.

    python programme/make_programme.py [OUTPUT]

writes meshcast/media/programme.ogg. Nothing is recorded and nothing borrowed: the speech is synthesised (`speech.py`),
the music composed and played (`music.py`), so it is as free as the rest of the project. Every 200 ms are unlike every
other, which is what lets a recording be held against it (`meshcast/media/timeline.py`).
"""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.audio.stream import AudioStream
from music import RATE_HZ, Samples, Section, Stereo, compose
from speech import MAN, WOMAN, Voice, speak

SEED: Final = 20_260_401
LENGTH_S: Final = 90.0
BITRATE_BPS: Final = 96_000
OUTPUT: Final = Path(__file__).parent.parent / "meshcast" / "media" / "programme.ogg"

SENTENCES: Final[tuple[tuple[float, Voice, str], ...]] = (
    # This is Meshcast. One voice, and a whole crowd listens.
    (5.0, MAN, "DH.IH1.S IH.Z M.EH1.SH.K.AE.S.T | W.AH1.N V.OY1.S , AE.N.D AX HH.OW1.L K.R.AW1.D L.IH1.S.AX.N.Z"),
    # No server could send to so many, so every listener passes the sound on to a few others.
    (11.5, WOMAN, ("N.OW1 S.ER1.V.ER K.UH.D S.EH1.N.D T.UW S.OW1 M.EH1.N.IY , S.OW EH1.V.R.IY L.IH1.S.AX.N.ER "
     "P.AE1.S.AX.Z DH.AX S.AW1.N.D AA1.N , T.UW AX F.Y.UW1 AH1.DH.ER.Z")),
    # The further it goes, the more people hear it, and still the first sender sends no more than before.
    (21.0, MAN, ("DH.AX F.ER1.DH.ER IH.T G.OW1.Z , DH.AX M.AO1.R P.IY1.P.AX.L HH.IY1.R IH.T | AE.N.D S.T.IH1.L "
     "DH.AX F.ER1.S.T S.EH1.N.D.ER , S.EH1.N.D.Z N.OW1 M.AO1.R DH.AE.N B.IH.F.AO1.R")),
    # People come and go. When one falls silent, another takes its place, and you hear nothing of it.
    (36.5, WOMAN, ("P.IY1.P.AX.L K.AH1.M AE.N.D G.OW1 | W.EH.N W.AH1.N F.AO1.L.Z S.AY1.L.AX.N.T , AX.N.AH1.DH.ER "
     "T.EY1.K.S IH.T.S P.L.EY1.S , AE.N.D Y.UW HH.IY1.R N.AH1.TH.IH.NG AH.V IH.T")),
    # Listen closely. If a single word were missing, you would know.
    (46.5, MAN, "L.IH1.S.AX.N K.L.OW1.S.L.IY | IH.F AX S.IH1.NG.G.AX.L W.ER1.D W.ER M.IH1.S.IH.NG , Y.UW W.UH.D N.OW1"),
    # One, two, three, four, five, six, seven, eight, nine, ten.
    (54.4, WOMAN, "W.AH1.N , T.UW1 , TH.R.IY1 , F.AO1.R , F.AY1.V , S.IH1.K.S , S.EH1.V.AX.N , EY1.T , N.AY1.N , T.EH1.N"),
    # The tracker knows who hears from whom. It never hears the sound itself.
    (69.5, MAN, ("DH.AX T.R.AE1.K.ER N.OW1.Z HH.UW1 HH.IY1.R.Z F.R.AH.M HH.UW1.M | IH.T N.EH1.V.ER HH.IY1.R.Z "
     "DH.AX S.AW1.N.D IH.T.S.EH1.L.F")),
    # Thank you for listening. This was Meshcast, and nobody was missing.
    (80.0, WOMAN, ("TH.AE1.NG.K Y.UW F.AO.R L.IH1.S.AX.N.IH.NG | DH.IH1.S W.AA.Z M.EH1.SH.K.AE.S.T , AE.N.D "
     "N.OW1.B.AA.D.IY W.AA.Z M.IH1.S.IH.NG")),
)  # fmt: skip

SECTIONS: Final = [
    Section(0.2, 12.0, 50, "major", 92, 0.7, 0.0),
    Section(11.2, 22.6, 53.3, "dorian", 84, 0.4, 0.5),
    Section(21.0, 37.5, 48.6, "lydian", 100, 0.6, 0.8),
    Section(36.2, 47.0, 51.7, "minor", 88, 0.5, 0.0),
    Section(46.2, 61.0, 54.4, "major", 80, 0.3, 0.0),
    Section(59.8, 81.0, 49.2, "dorian", 112, 0.9, 1.0),
    Section(79.8, 91.5, 52.5, "major", 96, 0.6, 0.6),
]


def main() -> None:
    """Make it and write it."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    write(output, make())
    print(f"{output}: {output.stat().st_size:,} bytes")


def make() -> Stereo:
    """Mix speech and music, [n, 2], full scale -1 to 1."""
    voices, hands = np.random.default_rng(SEED).spawn(2)
    speech = np.zeros(round(LENGTH_S * RATE_HZ))
    for start_s, voice, text in SENTENCES:
        spoken = speak(text, voice, voices)
        start = round(start_s * RATE_HZ)
        print(f"{start_s:5.1f} s to {start_s + len(spoken) / RATE_HZ:5.1f} s: {text[:40]}…")
        speech[start : start + len(spoken)] += spoken[: len(speech) - start]
    music = compose(SECTIONS, LENGTH_S, hands)
    music /= np.abs(music).max()
    mixed = 0.62 * speech[:, None] + 0.85 * music * _duck(speech)[:, None]
    fade = np.clip(np.arange(len(mixed), 0, -1) / RATE_HZ, 0, 1)[:, None]
    return np.tanh(1.7 * mixed * fade) * 0.95


def _duck(speech: Samples) -> Samples:
    """Play the music softly (a quarter) while somebody speaks, with half a second to come and go."""
    step = RATE_HZ // 100
    loud = (np.abs(speech).reshape(-1, step).max(axis=1) > 0.02).astype(float)
    held = np.convolve(loud, np.ones(81), "same") > 0
    glide = np.convolve(
        np.pad(held.astype(float), 25, mode="edge"), np.hanning(52)[1:-1] / np.hanning(52).sum(), "valid"
    )
    times = np.arange(len(speech)) / step
    return 1 - 0.75 * np.interp(times, np.arange(len(glide)), glide)


def write(path: Path, programme: Stereo) -> None:
    """Write Ogg Opus; bit by bit the same whenever libopus is."""
    pcm = np.rint(np.clip(programme, -1, 1) * 32_767).astype(np.int16)
    with av.open(str(path), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        container.metadata["title"] = "This is Meshcast"
        stream = container.add_stream("libopus", rate=RATE_HZ)
        assert isinstance(stream, AudioStream)
        stream.layout, stream.format, stream.bit_rate = "stereo", "s16", BITRATE_BPS
        for start in range(0, len(pcm), 960):
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(pcm[start : start + 960]).reshape(1, -1), "s16", "stereo"
            )
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main()
