"""One contract for every source, and what is said when there is none."""

import os
import re
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from math import inf
from pathlib import Path

import numpy as np
import pytest
import trio
import trio.testing

from meshcast.media.decoding import read_all
from meshcast.media.sound import BLOCK_SAMPLES, PcmInt
from meshcast.media.sources import PAUSED, Block, ScriptedSource, Source, open_loop, open_source
from meshcast.protocol.errors import BadInputError, MeshcastError, UnreachableError

MakeSound = Callable[..., Path]

THREAD_TURN_S = 0.002
"""Before virtual time jumps over a pause, the thread that could end it gets a turn."""


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Answer every connection to a port of this machine, in a thread; give the address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/live"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def http(body: bytes, status: str = "200 OK") -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: audio/x-wav\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    return answer


@asynccontextmanager
async def opened(kind: str, path: Path) -> AsyncIterator[Source]:
    if kind == "scripted":
        yield ScriptedSource(read_all(path).reshape(-1, BLOCK_SAMPLES, 2), duration_s=4.0)
    elif kind == "file":
        async with open_source(str(path)) as source:
            yield source
    else:
        with serving(http(await trio.Path(path).read_bytes())) as url:
            async with open_source(url, patience_s=1e9) as source:
                yield source


async def listen(spec: str, items: list[Block], patience_s: float) -> str | None:
    """Hear a source to its end and keep what it gave; tell whether it ended early."""
    async with open_source(spec, patience_s=patience_s) as source:
        async for item in source:
            items.append(item)  # noqa: PERF401 (what came before an error counts)
        return source.ended_early


def sound_of(items: list[Block]) -> PcmInt:
    return np.concatenate([item for item in items if item is not PAUSED])


@pytest.mark.parametrize("kind", ["file", "scripted", "url"])
async def test_a_source_gives_all_its_sound_a_block_every_20_ms_and_then_ends(
    autojump_clock: trio.testing.MockClock, make_sound: MakeSound, kind: str
) -> None:
    path = make_sound("a.wav", "pcm_s16le", 44_100, "mono")
    autojump_clock.autojump_threshold = THREAD_TURN_S
    items: list[Block] = []
    async with opened(kind, path) as source:
        async for item in source:
            if not items:
                began = trio.current_time()
            assert trio.current_time() - began == pytest.approx(len(items) * 0.02, abs=1e-6)
            items.append(item)
        with pytest.raises(StopAsyncIteration):
            await anext(source)
        assert source.duration_s == pytest.approx(4.0)
        assert (source.is_live, source.ended_early) == (False, None)
    assert (sound_of(items) == read_all(path)).all()
    assert kind == "url" or not any(item is PAUSED for item in items)


@pytest.mark.parametrize("kind", ["file", "scripted", "url"])
async def test_whoever_leaves_leaves_at_once_and_with_his_own_error(
    autojump_clock: trio.testing.MockClock, make_sound: MakeSound, kind: str
) -> None:
    path = make_sound("a.wav", "pcm_s16le")

    async def leave() -> None:
        async with opened(kind, path) as source:
            await anext(source)
            raise BadInputError("mine")

    with pytest.raises(BadInputError, match="mine"):
        await leave()


async def test_a_long_file_is_paced_without_a_pause_however_slow_the_decoder(
    autojump_clock: trio.testing.MockClock, make_sound: MakeSound
) -> None:
    async with open_source(str(make_sound("a.mp3", "libmp3lame", 44_100, seconds=30.0))) as source:
        items = [item async for item in source]
    assert len(items) == pytest.approx(1_500, abs=5)
    assert not any(item is PAUSED for item in items)


async def test_a_file_cut_short_ends_and_says_so(
    autojump_clock: trio.testing.MockClock, make_sound: MakeSound
) -> None:
    path = make_sound("a.flac", "flac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    async with open_source(str(path)) as source:
        items = [item async for item in source]
        assert 20 < len(items) < 150
        assert source.ended_early is not None
        assert "of the 4.0 s that it declares" in source.ended_early


async def test_a_server_that_stalls_is_paused_and_after_our_patience_unreachable(
    autojump_clock: trio.testing.MockClock, make_sound: MakeSound
) -> None:
    sound = make_sound("a.wav", "pcm_s16le").read_bytes()
    is_over = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: audio/x-wav\r\n\r\n" + sound[: len(sound) // 2])
        is_over.wait(30)

    items: list[Block] = []
    with serving(answer) as url:
        with pytest.raises(UnreachableError, match=rf"^{url} has sent nothing for 20 s; check what feeds it"):
            await listen(url, items, patience_s=20.0)
        is_over.set()
    assert any(item is not PAUSED for item in items)
    assert items[-1] is PAUSED


async def test_a_pipe_that_falls_silent_is_paused_and_goes_on_where_it_resumed(
    autojump_clock: trio.testing.MockClock, make_sound: MakeSound, tmp_path: Path
) -> None:
    path = make_sound("a.mp3", "libmp3lame", seconds=3.0)
    autojump_clock.autojump_threshold = THREAD_TURN_S
    sound = path.read_bytes()
    half = len(sound) // 2
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)
    os.write(end, sound[:half])
    items: list[Block] = []
    async with open_source(str(pipe), patience_s=inf) as source:
        async for item in source:
            items.append(item)
            if item is PAUSED and source.stalled_for_s == pytest.approx(3.0) and end >= 0:
                os.write(end, sound[half:])
                os.close(end)
                end = -1
    assert sum(item is PAUSED for item in items) >= 150
    assert (sound_of(items) == read_all(path)).all()


async def test_a_pipe_that_nobody_writes_to_is_unreachable(
    autojump_clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UnreachableError, match="has sent nothing for 60 s"):
        async with open_source(str(pipe)):
            pass


async def one_line(spec: str) -> MeshcastError:
    with pytest.raises(MeshcastError) as caught:
        async with open_source(spec):
            pass
    assert "\n" not in str(caught.value)
    return caught.value


async def test_what_is_no_source_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("no sound at all\n" * 100)
    for spec, says in (
        (str(tmp_path / "missing.mp3"), "there is no file"),
        (str(tmp_path), "is a directory"),
        (str(tmp_path / "text.mp3"), "give a sound file"),
        ("", "no source is named"),
        ("nonsense://example/x", "is no kind of address that can be read"),
    ):
        error = await one_line(spec)
        assert isinstance(error, BadInputError)
        assert says in str(error)


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    error = await one_line(f"http://127.0.0.1:{port}/live")
    assert isinstance(error, UnreachableError)
    assert "cannot be reached (Connection refused); check the address and whether its server runs" in str(
        error
    )


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("404 Not Found", r"is not there \(404\); check the address"),
        ("401 Unauthorized", "wants a password"),
        ("403 Forbidden", "wants a password"),
        ("200 OK", "answers, but not with sound"),
    ],
)
async def test_a_server_that_answers_otherwise_is_said_in_one_line(status: str, says: str) -> None:
    with serving(http(b"<html>hello</html>" * 100, status)) as url:
        error = await one_line(url)
    assert isinstance(error, BadInputError)
    assert re.search(says, str(error))


async def test_a_connection_that_breaks_is_unreachable_after_all_that_came(
    autojump_clock: trio.testing.MockClock, make_sound: MakeSound
) -> None:
    sound = make_sound("a.wav", "pcm_s16le").read_bytes()

    def answer(connection: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: audio/x-wav\r\nContent-Length: {len(sound)}\r\n\r\n"
        connection.sendall(head.encode() + sound[: len(sound) // 2])

    items: list[Block] = []
    with serving(answer) as url, pytest.raises(UnreachableError, match=rf"^the connection to {url} broke"):
        await listen(url, items, patience_s=1e9)
    assert len(sound_of(items)) > 48_000


async def test_a_loop_gives_a_file_again_and_again_at_any_pace(make_sound: MakeSound) -> None:
    path = make_sound("jingle.wav", "pcm_s16le", seconds=1.0)
    whole = read_all(path)
    count = -(-len(whole) // BLOCK_SAMPLES)
    async with open_loop(str(path)) as loop:
        blocks = [await loop.take() for _ in range(2 * count + 3)]
    assert all(block is not PAUSED for block in blocks)
    for at in range(count, 2 * count + 3):
        assert np.array_equal(np.asarray(blocks[at]), np.asarray(blocks[at - count]))


async def test_what_is_no_file_cannot_be_a_loop() -> None:
    with pytest.raises(BadInputError, match="must be one"):
        async with open_loop("https://example.org/live"):
            raise AssertionError
