"""Read whatever FFmpeg reads, as blocks: the blocking half of a source. It runs in a thread of its own.

Time stamps of inputs are not trusted for anything but a report (HLS and MP3 have wrong ones): samples are counted.
What cannot be decoded is skipped and counted, since a broadcast goes on. Only at the end is it told whether what came
was all that was declared: `ended_early`.

A mono source is doubled; FFmpeg's own mixing would take 3 dB off it. More than two channels are mixed down by FFmpeg.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import EOFError as AvEofError
from av.error import FFmpegError, InvalidDataError

from meshcast.media import sentences
from meshcast.media.places import Kind, Place, is_cut_short, place_of
from meshcast.media.sound import BLOCK_SAMPLES, CHANNELS, SAMPLE_RATE_HZ, PcmInt

OPEN_S_MAX: Final = 10.0
"""A server that has not answered by then will not."""

PROBING: Final = {"analyzeduration": "500000", "probesize": "65536"}
"""Microseconds and bytes that FFmpeg may look at before it knows what a stream is. What comes at the pace of the world
would else be heard seconds later (WAV 10 s, measured, where nothing was sent ahead), and time out when it stalls."""

READ_ERRORS_MAX: Final = 100
"""So many unreadable packets in a row, and there is nothing readable behind them."""

SHORTFALL_S: Final = 0.5
SHORTFALL_SHARE: Final = 0.02
"""Declared durations are rounded, and include the silence an encoder adds: less missing than this is nothing."""

GUESSED_DURATIONS: Final = frozenset({"aac", "ac3", "eac3", "dts"})
"""Formats without any header: FFmpeg guesses their duration from the bit rate."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a source says about itself."""

    title: str | None
    is_live: bool
    duration_s: float | None


class Reader:
    """An opened input; everything about it may block. Close it in the thread that reads it."""

    def __init__(self, place: Place, patience_s: float) -> None:
        """Open and decode the first block, so that what cannot work fails here: `BadInputError`, `UnreachableError`."""
        self._place: Final = place
        self._patience_s: Final = patience_s
        self._decoded_samples = 0
        self._errors_in_a_row = 0
        self.skipped_errors = 0
        self.ended_early: str | None = None
        self._container: Final = self._open()
        try:
            self.facts: Final = self._read_facts()
            self._rest: Final = self._from_first_block()
        except BaseException:
            self._container.close()
            raise

    def blocks(self) -> Iterator[PcmInt]:
        """Give block after block [960, 2], the last one filled up with silence; `UnreachableError` if a URL breaks off."""
        return self._rest

    def close(self) -> None:
        """Let the file or the connection go."""
        self._container.close()

    def _open(self) -> InputContainer:
        """Let FFmpeg open the input; say in one line why it cannot."""
        is_url = self._place.kind is Kind.URL
        try:
            return av.open(
                self._place.address,
                timeout=(OPEN_S_MAX, self._patience_s) if is_url else None,
                options={} if self._place.kind is Kind.FILE else PROBING,
            )
        except (FFmpegError, ValueError) as error:
            raise sentences.cannot_open(self._place.name, error, is_url=is_url) from error

    def _read_facts(self) -> Facts:
        """Read title and duration; a URL without a duration is live."""
        container = self._container
        if not container.streams.audio:
            raise sentences.no_audio_stream(self._place.name)
        tags = {**container.streams.audio[0].metadata, **container.metadata}
        tags = {name.lower(): value for name, value in tags.items()}
        duration_s = container.duration / av.time_base if container.duration else None
        return Facts(
            title=tags.get("title") or tags.get("icy-name") or None,
            is_live=self._place.kind is not Kind.FILE and duration_s is None,
            duration_s=duration_s,
        )

    def _from_first_block(self) -> Iterator[PcmInt]:
        """Decode the first block to see that there is one, and give it and all others."""
        blocks = self._blocks()
        first = next(blocks, None)
        if first is None:
            raise sentences.no_sound(self._place.name)
        return itertools.chain([first], blocks)

    def _blocks(self) -> Iterator[PcmInt]:
        """Cut what is decoded into blocks."""
        kept: list[PcmInt] = []
        kept_samples = 0
        for piece in self._pieces():
            self._decoded_samples += len(piece)
            kept.append(piece)
            kept_samples += len(piece)
            if kept_samples < BLOCK_SAMPLES:
                continue
            whole = np.concatenate(kept)
            end = len(whole) - len(whole) % BLOCK_SAMPLES
            yield from whole[:end].reshape(-1, BLOCK_SAMPLES, CHANNELS)
            kept, kept_samples = [whole[end:]], len(whole) - end
        if kept_samples:
            missing = np.zeros((BLOCK_SAMPLES - kept_samples, CHANNELS), np.int16)
            yield np.concatenate([*kept, missing])
        self.ended_early = self._judge_end()

    def _pieces(self) -> Iterator[PcmInt]:
        """Decode and convert, over every error that leaves something to decode behind it."""
        converter = Converter()
        for packet in self._packets():
            try:
                frames = packet.decode()
            except AvEofError:
                continue
            except FFmpegError:
                self._count_error()
                continue
            for frame in frames:
                assert isinstance(frame, AudioFrame)
                self._errors_in_a_row = 0
                yield from converter.convert(frame)
        yield from converter.flush()

    def _packets(self) -> "Iterator[av.Packet[AudioStream]]":
        """Read packets; a file's unreadable stretches are skipped, a broken connection is an `UnreachableError`."""
        stream = self._container.streams.audio[0]
        while self._errors_in_a_row < READ_ERRORS_MAX:
            try:
                yield from self._container.demux(stream)
            except AvEofError:
                return
            except InvalidDataError:
                self._count_error()
            except FFmpegError as error:
                if self._place.kind is Kind.URL:
                    raise sentences.broke_off(self._place.name, error, self._patience_s) from error
                self._count_error()
            else:
                return

    def _count_error(self) -> None:
        """Note what could not be read or decoded."""
        self.skipped_errors += 1
        self._errors_in_a_row += 1

    def _judge_end(self) -> str | None:
        """Say in one line that the end came early, if it did."""
        decoded_s = self._decoded_samples / SAMPLE_RATE_HZ
        declared_s = self.facts.duration_s
        if declared_s is None or self._container.format.name in GUESSED_DURATIONS:
            is_short, declared_s = False, None
        else:
            is_short = declared_s - decoded_s > max(SHORTFALL_S, SHORTFALL_SHARE * declared_s)
        is_broken = self._errors_in_a_row > 0 and (is_short or declared_s is None)
        is_cut = self._place.kind is Kind.FILE and is_cut_short(Path(self._place.name))
        if not (is_short or is_broken or is_cut):
            return None
        return sentences.ended_early(self._place.name, decoded_s, declared_s if is_short else None)


class Converter:
    """Frames of any rate and layout in, 48 kHz stereo out; a stream may change its shape midway."""

    def __init__(self) -> None:
        self._shape: tuple[str, str, int] | None = None
        self._resampler: AudioResampler | None = None

    def convert(self, frame: AudioFrame) -> Iterator[PcmInt]:
        """Give what is ready of [n, 2]."""
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            yield from self.flush()
            layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
            self._resampler = AudioResampler(format="s16", layout=layout, rate=SAMPLE_RATE_HZ)
            self._shape = shape
        assert self._resampler is not None
        frame.pts = None  # inputs' time stamps are not trusted: samples are counted
        yield from map(_as_stereo, self._resampler.resample(frame))

    def flush(self) -> Iterator[PcmInt]:
        """Give what the filter still holds, [n, 2]."""
        if self._resampler is not None:
            yield from map(_as_stereo, self._resampler.resample(None))
        self._resampler, self._shape = None, None


def read_all(path: Path) -> PcmInt:
    """Decode a whole file at once, [n, 2], its last block filled up with silence; `BadInputError` as `Reader`."""
    reader = Reader(place_of(str(path)), patience_s=0.0)
    try:
        return np.concatenate(list(reader.blocks()))
    finally:
        reader.close()


def _as_stereo(frame: AudioFrame) -> PcmInt:
    """Unpack a converted frame, [n, 2]; mono is doubled."""
    pcm = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
    return np.asarray(np.repeat(pcm, CHANNELS, axis=1) if pcm.shape[1] == 1 else pcm, np.int16)
