import pytest

from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.units import PeerId
from tracker.overlay.registry import Registry

A, B = PeerId(b"a" * 32), PeerId(b"b" * 32)


def test_keys_and_nodes_find_each_other() -> None:
    registry = Registry()
    registry.enter(A, 0)
    registry.enter(B, 5, (("192.0.2.1", 7),))
    assert (registry.find(A), registry.find(B)) == (0, 5)
    assert registry.key(5) == B
    assert registry.addresses(5) == (("192.0.2.1", 7),)
    assert A in registry
    assert len(registry) == 2


def test_a_node_is_used_again_without_a_trace_of_its_last_key() -> None:
    registry = Registry()
    registry.enter(A, 1, (("192.0.2.1", 7),))
    assert registry.strike(1) == A
    assert registry.find(A) is None
    registry.enter(B, 1)
    assert registry.key(1) == B
    assert registry.addresses(1) == ()
    registry.set_addresses(1, (("192.0.2.9", 9),))
    assert registry.addresses(1) == (("192.0.2.9", 9),)


def test_confusion_is_the_callers_fault() -> None:
    registry = Registry()
    registry.enter(A, 1)
    with pytest.raises(LocalProtocolError, match="entered already"):
        registry.enter(B, 1)
    with pytest.raises(LocalProtocolError, match="entered already"):
        registry.enter(A, 2)
    for node in (0, -1, 9):
        with pytest.raises(LocalProtocolError, match="has no key"):
            registry.key(node)
