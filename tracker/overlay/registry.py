"""Which key is which node.

Keys are 32 bytes and nodes small integers; the tree works with the latter, everybody else speaks of the former. A
peer's addresses are kept beside its key, because whoever asks for the one mostly needs the other.
"""

from typing import Final

from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.units import Address, PeerId


class Registry:
    """Keys and nodes, in both directions; nodes are numbered by the tree."""

    def __init__(self) -> None:
        self._nodes: Final[dict[PeerId, int]] = {}
        self._keys: Final[list[PeerId | None]] = []
        self._addresses: Final[list[tuple[Address, ...]]] = []

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, key: PeerId) -> bool:
        return key in self._nodes

    def enter(self, key: PeerId, node: int, addresses: tuple[Address, ...] = ()) -> None:
        """Note that `key` is `node`; neither may be in use."""
        while node >= len(self._keys):
            self._keys.append(None)
            self._addresses.append(())
        if key in self._nodes or self._keys[node] is not None:
            raise LocalProtocolError(f"node {node} or its key is entered already")
        self._nodes[key] = node
        self._keys[node] = key
        self._addresses[node] = addresses

    def strike(self, node: int) -> PeerId:
        """Forget a node; give the key it had."""
        key = self.key(node)
        del self._nodes[key]
        self._keys[node] = None
        self._addresses[node] = ()
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
        return self._addresses[node]

    def set_addresses(self, node: int, addresses: tuple[Address, ...]) -> None:
        """Note where a node is to be found from now on."""
        self._addresses[node] = addresses
