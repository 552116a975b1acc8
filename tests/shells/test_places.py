"""Where things are kept, and where hosts are."""

from pathlib import Path

import pytest

from meshcast.places import data_folder, own_address, resolve
from meshcast.protocol.errors import BadInputError


def test_data_is_kept_where_the_desktop_says_or_else_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert data_folder() == Path("/somewhere/meshcast")
    monkeypatch.setenv("XDG_DATA_HOME", "")
    monkeypatch.setenv("HOME", "/people/me")
    assert data_folder() == Path("/people/me/.local/share/meshcast")


@pytest.mark.parametrize("host", ["192.0.2.7", "::1"])
async def test_a_literal_address_is_itself(host: str) -> None:
    assert await resolve(host, 4433) == ((host, 4433),)


async def test_of_a_name_the_ipv4_addresses_come_first() -> None:
    assert (await resolve("localhost", 5))[0] == ("127.0.0.1", 5)


@pytest.mark.parametrize("host", ["256.1.1.1", "a..b", "x" * 70, "."])
async def test_what_is_no_host_is_bad_input_in_one_line(host: str) -> None:
    with pytest.raises(BadInputError, match=r"is not known here; check its name[^\n]*$"):
        await resolve(host, 4433)


@pytest.mark.parametrize(
    ("towards", "own"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("192.0.2.7", "0.0.0.0"),
        ("2001:db8::7", "::"),
    ],
)
def test_one_speaks_from_loopback_only_towards_loopback_and_in_the_same_family(
    towards: str, own: str
) -> None:
    assert own_address((towards, 4433)) == (own, 0)
    assert own_address((towards, 4433), 5000) == (own, 5000)
