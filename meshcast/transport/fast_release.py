"""What a handshake leaves behind, let go once it is confirmed: a third of the memory of a connection.

TLS's transcript and certificates, the keys, streams, buffers and packet spaces of the first two epochs are never needed
again. In their place stand a few things that all connections share and nothing ever changes: packets that come late and
belong to the handshake find keys that are gone, as RFC 9001, section 4.9 asks, and are dropped.
"""

# ruff: noqa: SLF001 - private parts are the business of this file, too

from types import SimpleNamespace
from typing import Any, Final

from aioquic import tls
from aioquic.quic.connection import QuicConnection, QuicConnectionError
from aioquic.quic.crypto import CryptoPair, NoCallback
from aioquic.quic.packet import QuicErrorCode, QuicFrameType
from aioquic.quic.recovery import QuicPacketSpace

_GONE: Final = CryptoPair()
"""Keys that are not there."""
_EPOCHS: Final = (tls.Epoch.INITIAL, tls.Epoch.ZERO_RTT, tls.Epoch.HANDSHAKE)


def _over(*_: object) -> None:
    raise QuicConnectionError(
        QuicErrorCode.PROTOCOL_VIOLATION,
        QuicFrameType.CRYPTO,
        "the handshake is over, and nothing comes after it",
    )


_CLIENT: Final = SimpleNamespace(state=tls.State.CLIENT_POST_HANDSHAKE, handle_message=_over)
_SERVER: Final = SimpleNamespace(state=tls.State.SERVER_POST_HANDSHAKE, handle_message=_over)
"""What is left of TLS: where it stands, and that it takes no message any more (we issue no session tickets)."""


def _discarded() -> QuicPacketSpace:
    space = QuicPacketSpace()
    space.discarded = True
    return space


_NOTHING: Final = _discarded()


class _Handlers:
    """The library's table of frame handlers, looked up when one is needed instead of kept thirty times over."""

    __slots__ = ("_connection",)

    names: dict[int, tuple[str, Any]] = {}  # noqa: RUF012 - filled from the library's own table, once

    def __init__(self, connection: QuicConnection) -> None:
        self._connection = connection

    def __getitem__(self, frame_type: int) -> tuple[Any, Any]:
        name, epochs = self.names[frame_type]
        return getattr(self._connection, name), epochs


def release_handshake(connection: Any) -> None:
    """Let go of what only the handshake needed; the connection must be confirmed and its events taken."""
    one_rtt = tls.Epoch.ONE_RTT
    connection.tls = _CLIENT if connection._is_client else _SERVER
    connection._crypto_buffers = {}
    connection._crypto_streams = {one_rtt: connection._crypto_streams[one_rtt]}
    pair = connection._cryptos[one_rtt]
    for keys in (pair.send, pair.recv):
        keys._setup_cb = keys._teardown_cb = NoCallback
    connection._cryptos = dict.fromkeys(_EPOCHS, _GONE) | {one_rtt: pair}
    connection._cryptos_initial = dict.fromkeys(connection._cryptos_initial, _GONE)
    space = connection._spaces[one_rtt]
    connection._spaces = {tls.Epoch.INITIAL: _NOTHING, tls.Epoch.HANDSHAKE: _NOTHING, one_rtt: space}
    connection._loss.spaces = [space]
    table = connection._QuicConnection__frame_handlers
    if not _Handlers.names:
        _Handlers.names = {number: (handler.__name__, epochs) for number, (handler, epochs) in table.items()}
    connection._QuicConnection__frame_handlers = _Handlers(connection)
