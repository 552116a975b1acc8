"""Which key is which node.

Keys are 32 bytes and nodes small integers; the tree works with the latter, everybody else speaks of the former. A
peer's addresses are kept beside its key, because whoever asks for the one mostly needs the other. Most peers have one
address, of IPv4: that is packed into a number of eight bytes, where the tuples and the text would take two hundred.
"""

from array import array
from typing import Final

from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.units import Address, PeerId

_NONE: Final = 0
_OTHERWISE: Final = -1
"""What is kept for a node whose addresses cannot be packed."""
_PORT_BITS: Final = 16
_OCTETS: Final = {str(octet): octet for octet in range(256)}
"""The one way to write each part of an address: what is packed must come back letter by letter."""


class Registry:
    """Keys and nodes, in both directions; nodes are numbered by the tree."""

    def __init__(self) -> None:
        self._nodes: Final[dict[PeerId, int]] = {}
        self._keys: Final[list[PeerId | None]] = []
        self._packed: Final = array("q")
        self._others: Final[dict[int, tuple[Address, ...]]] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, key: PeerId) -> bool:
        return key in self._nodes

    def enter(self, key: PeerId, node: int, addresses: tuple[Address, ...] = ()) -> None:
        """Note that `key` is `node`; neither may be in use."""
        keys = self._keys
        while node >= len(keys):
            keys.append(None)
            self._packed.append(_NONE)
        if key in self._nodes or keys[node] is not None:
            raise LocalProtocolError(f"node {node} or its key is entered already")
        self._nodes[key] = node
        keys[node] = key
        if addresses:
            self.set_addresses(node, addresses)

    def strike(self, node: int) -> PeerId:
        """Forget a node; give the key it had."""
        key = self.key(node)
        del self._nodes[key]
        self._keys[node] = None
        if self._others:
            self._others.pop(node, None)
        self._packed[node] = _NONE
        return key

    def find(self, key: PeerId) -> int | None:
        """Give the node of a key, if it has one."""
        return self._nodes.get(key)

    def key(self, node: int) -> PeerId:
        """Give the key of a node that is entered."""
        key = self._keys[node] if 0 <= node < len(self._keys) else None
        if key is None:
            raise LocalProtocolError(f"node {node} has no key")
        return key

    def addresses(self, node: int) -> tuple[Address, ...]:
        """Give the addresses of a node, as observed first and as it says afterwards."""
        word = self._packed[node]
        return self._others[node] if word == _OTHERWISE else _unpacked(word)

    def set_addresses(self, node: int, addresses: tuple[Address, ...]) -> None:
        """Note where a node is to be found from now on."""
        word = _packed(addresses)
        if word == _OTHERWISE:
            self._others[node] = addresses
        elif self._others:
            self._others.pop(node, None)
        self._packed[node] = word


def _packed(addresses: tuple[Address, ...]) -> int:
    """Make a number of a single address of IPv4, or of none; `_OTHERWISE` for what is neither."""
    if len(addresses) != 1:
        return _OTHERWISE if addresses else _NONE
    host, port = addresses[0]
    octets = host.split(".")
    if len(octets) != 4 or not 0 <= port < 1 << _PORT_BITS:
        return _OTHERWISE
    a, b, c, d = octets
    try:
        number = _OCTETS[a] << 24 | _OCTETS[b] << 16 | _OCTETS[c] << 8 | _OCTETS[d]
    except KeyError:
        return _OTHERWISE
    # One more, for nothing is no address.
    return (number << _PORT_BITS | port) + 1


def _unpacked(word: int) -> tuple[Address, ...]:
    """Read what `_packed` wrote."""
    if word == _NONE:
        return ()
    host, port = divmod(word - 1, 1 << _PORT_BITS)
    return ((f"{host >> 24}.{host >> 16 & 255}.{host >> 8 & 255}.{host & 255}", port),)
