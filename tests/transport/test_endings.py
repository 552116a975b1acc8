"""An end is told by whose it was, and what was said."""

from meshcast.transport import limits
from meshcast.transport.connection import MeshConnection
from meshcast.transport.endings import Blame
from tests.transport.pair import Pair


def blame_of(quic: MeshConnection) -> Blame | None:
    return None if quic.ending is None else quic.ending.blame


def test_an_end_says_who_ended_it_and_what_was_said() -> None:
    pair = Pair()
    assert blame_of(pair.dialler) is None
    pair.dialler.close(error_code=3, reason_phrase="enough")
    assert blame_of(pair.dialler) is Blame.OURS
    pair.step()
    assert pair.acceptor.ending is not None
    assert (pair.acceptor.ending.blame, pair.acceptor.ending.reason) == (Blame.PEER, "enough")


def test_an_idle_timeout_is_a_silence() -> None:
    pair = Pair()
    pair.now += limits.IDLE_S + 1
    pair.dialler.handle_timer(pair.now)
    assert pair.dialler.ending is not None
    assert pair.dialler.ending.blame is Blame.SILENCE
