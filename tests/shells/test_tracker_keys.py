"""Trackers' keys on first use: the first answer is kept, and must be the same ever after."""

import json
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from meshcast.protocol.errors import BadInputError, UnreachableError
from meshcast.protocol.identity import Identity
from meshcast.protocol.link import TrackerAddress, key_to_text
from meshcast.protocol.units import Address, PeerId
from meshcast.tracker_keys import pin_of
from meshcast.transport.datagram import UdpSocket
from meshcast.transport.links import open_links

TRACKER = Identity.from_seed(b"t" * 32)
NOWHERE: Address = ("127.0.0.1", 9)


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return tmp_path / "data" / "trackers.json"


def ask_somebody(known: Path) -> tuple[Address, PeerId]:
    """Ask a tracker that is there; give where it was, and its key as it is known then."""

    async def ask() -> tuple[Address, PeerId]:
        async with open_links(TRACKER, UdpSocket.bind("127.0.0.1", 0), lambda _: None) as links:
            place = links.own_address
            return place, await pin_of(TrackerAddress(*place, None), (place,), known)

    return trio.run(ask)


def ask_nobody(known: Path, place: Address = NOWHERE) -> PeerId:
    """Ask where nobody answers."""

    async def ask() -> PeerId:
        return await pin_of(TrackerAddress(*place, None), (NOWHERE,), known)

    return trio.run(ask, clock=MockClock(autojump_threshold=0))


def test_the_first_answer_is_kept_and_nobody_is_asked_again(known: Path) -> None:
    (host, port), key = ask_somebody(known)
    assert key == TRACKER.peer_id
    assert json.loads(known.read_text()) == {f"{host}:{port}": key_to_text(TRACKER.peer_id)}
    assert list(known.parent.iterdir()) == [known], "whole or not at all"
    assert ask_nobody(known, (host, port)) == TRACKER.peer_id


def test_those_that_were_kept_before_are_kept_on(known: Path) -> None:
    known.parent.mkdir()
    known.write_text(json.dumps({"other:4433": key_to_text(bytes(32))}))
    (host, port), _ = ask_somebody(known)
    assert list(json.loads(known.read_text())) == ["other:4433", f"{host}:{port}"]


def test_where_nobody_answers_nothing_is_kept(known: Path) -> None:
    with pytest.raises(UnreachableError, match=r"at 127.0.0.1:9; start one with: meshcast-tracker serve"):
        ask_nobody(known)
    assert not known.exists()


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"a:1": 5}', '"text"'])
def test_a_list_that_is_damaged_is_named_and_left_as_it_is(known: Path, text: str) -> None:
    known.parent.mkdir()
    known.write_text(text)
    with pytest.raises(BadInputError, match=r"trackers.json .*; repair it or move it away"):
        ask_nobody(known)
    assert known.read_text() == text


def test_a_key_in_the_list_that_is_none_is_bad_input(known: Path) -> None:
    known.parent.mkdir()
    known.write_text('{"127.0.0.1:9": "short"}')
    with pytest.raises(BadInputError, match="'short' is not a key"):
        ask_nobody(known)


def test_a_list_that_cannot_be_written_is_named(known: Path) -> None:
    known.parent.mkdir()
    known.with_name("trackers.json.part").mkdir()
    with pytest.raises(ExceptionGroup) as caught:
        ask_somebody(known)
    assert caught.group_contains(BadInputError, match=r"trackers.json cannot be written")
