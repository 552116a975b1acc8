"""The link that people paste: it round-trips, and whatever is wrong with it is said in one line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.link import (
    PORT_DEFAULT,
    Link,
    TrackerAddress,
    format_address,
    key_from_text,
    key_to_text,
)
from meshcast.protocol.units import BroadcastId, PeerId

KEY = key_to_text(bytes(range(32)))
PIN = key_to_text(bytes(32))
keys = st.binary(min_size=32, max_size=32)
hosts = (
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z0-9]{1,9}){0,3}", fullmatch=True)
    | st.ip_addresses(v=4).map(str)
    | st.ip_addresses(v=6).map(str)
)
ports = st.integers(1, 65535)


@settings(deadline=None, max_examples=100)
@given(hosts, ports, keys, keys)
def test_a_link_reads_back_as_it_was_written(host: str, port: int, broadcast: bytes, pin: bytes) -> None:
    link = Link(host, port, BroadcastId(broadcast), PeerId(pin))
    assert Link.parse(str(link)) == link
    assert Link.parse(f"  {link}\n") == link, "as people paste it"


@settings(deadline=None, max_examples=100)
@given(hosts, ports, st.none() | keys)
def test_a_trackers_address_reads_back_as_it_was_written(host: str, port: int, pin: bytes | None) -> None:
    address = TrackerAddress(host, port, None if pin is None else PeerId(pin))
    assert TrackerAddress.parse(str(address)) == address


@settings(deadline=None, max_examples=100)
@given(keys)
def test_a_key_is_43_characters_that_need_no_quoting(key: bytes) -> None:
    text = key_to_text(key)
    assert len(text) == 43
    assert key_from_text(text) == key


def test_a_link_without_a_port_means_the_default_port() -> None:
    assert Link.parse(f"meshcast://radio.example/{KEY}?pin={PIN}").port == PORT_DEFAULT


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    assert format_address(("2001:db8::1", 1)) == "[2001:db8::1]:1"
    assert format_address(("radio.example", 1)) == "radio.example:1"


SCRAPS = [
    "meshcast://",
    "[",
    "]",
    ":",
    "/",
    "?pin=",
    "&pin=",
    KEY,
    PIN,
    "radio.example",
    "%",
    "@",
    "#",
    "٣",
    "℀",
    "\n",
]


@settings(deadline=None, max_examples=100)
@given(
    st.text(max_size=80) | st.lists(st.sampled_from(SCRAPS) | st.text(max_size=3), max_size=10).map("".join)
)
def test_no_text_raises_anything_but_a_bad_input_error_of_one_line(text: str) -> None:
    said = []
    for parse in (Link.parse, TrackerAddress.parse, key_from_text):
        for candidate in (text, f"meshcast://{text}", f"meshcast://h/{KEY}?{text}"):
            try:
                parse(candidate)
            except BadInputError as error:
                said.append(str(error))
    assert not any("\n" in one for one in said)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a Meshcast link"),
        ("https://radio.example/x", "is not a Meshcast link"),
        ("meshcast://[/x?pin=y", "is not a Meshcast link"),
        (f"meshcast:///{KEY}?pin={PIN}", "names no host and port"),
        (f"meshcast://radio.example:0/{KEY}?pin={PIN}", "names no host and port"),
        (f"meshcast://radio.example:70000/{KEY}?pin={PIN}", "names no host and port"),
        (f"meshcast://radio.example:٣٣/{KEY}?pin={PIN}", "names no host and port"),
        (f"meshcast://2001:db8::1/{KEY}?pin={PIN}", "names no host and port"),
        (f"meshcast://radio.example/{KEY}", "has no pin"),
        (f"meshcast://radio.example/{KEY}?pin={PIN}&pin={PIN}", "has no pin"),
        (f"meshcast://radio.example/{KEY[:-1]}?pin={PIN}", "is not a key"),
        (f"meshcast://radio.example/{KEY}?pin={PIN}=", "is not a key"),
        (f"meshcast://radio.example/{KEY[:-1]}9?pin={PIN}", "is not a key"),
    ],
)
def test_a_bad_link_is_answered_in_one_line_that_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(BadInputError, match=says) as caught:
        Link.parse(text)
    assert "\n" not in str(caught.value)
