import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meshcast.protocol.errors import LocalProtocolError
from meshcast.protocol.units import Address, PeerId
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


octet = st.integers(0, 300).map(str) | st.sampled_from(["01", "", "+1", "1_0", "\u0663"])
host = st.lists(octet, min_size=3, max_size=5).map(".".join) | st.text() | st.ip_addresses().map(str)
port = st.integers(0, 65_535) | st.sampled_from([-1, 65_536])


@given(st.lists(st.lists(st.tuples(host, port), max_size=3).map(tuple), min_size=1, max_size=4))
@example([(("0.0.0.0", 0),), (), (("255.255.255.255", 65_535),)])
def test_addresses_come_back_letter_by_letter_whatever_they_were_before(
    stages: list[tuple[Address, ...]],
) -> None:
    registry = Registry()
    registry.enter(A, 1, stages[0])
    for addresses in stages:
        registry.set_addresses(1, addresses)
        assert registry.addresses(1) == addresses
    registry.strike(1)
    assert registry.addresses(1) == ()
