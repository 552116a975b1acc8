"""The tracker's configuration: a file, the command line over it, and one line for each mistake."""

from pathlib import Path

import pytest

from meshcast.protocol.errors import BadInputError
from meshcast.protocol.identity import Identity
from meshcast.protocol.link import PORT_DEFAULT, key_to_text
from tracker.service.config import Config, read_config


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tracker.toml"


def test_who_is_told_nothing_listens_everywhere_and_keeps_its_tree_in_the_data_folder(home: Path) -> None:
    assert read_config(None, None, None) == Config(("0.0.0.0", PORT_DEFAULT), home / "meshcast" / "tracker")


def test_a_file_says_where_to_listen_and_what_to_keep_where(file: Path) -> None:
    file.write_text('listen = "192.0.2.1:5000"\ndata = "/var/lib/tracker"\n')
    assert read_config(file, None, None) == Config(("192.0.2.1", 5000), Path("/var/lib/tracker"))


def test_the_command_line_is_above_the_file(file: Path) -> None:
    file.write_text('listen = "192.0.2.1:5000"\ndata = "/var/lib/tracker"\n')
    assert read_config(file, "[::1]:6000", Path("here")) == Config(("::1", 6000), Path("here"))


def test_one_key_of_the_file_may_stand_alone(file: Path) -> None:
    file.write_text('data = "/var/lib/tracker"\n')
    assert read_config(file, None, None) == Config(("0.0.0.0", PORT_DEFAULT), Path("/var/lib/tracker"))


def test_an_address_without_a_port_has_the_usual_one() -> None:
    assert read_config(None, "tracker.example", None).listen == ("tracker.example", PORT_DEFAULT)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('lisen = "127.0.0.1:4433"', ["tracker.toml", "'lisen'", "listen, data"]),
        ("listen = 4433", ["tracker.toml", "'listen'", "quotes"]),
        ('data = ["a", "b"]', ["tracker.toml", "'data'", "quotes"]),
        ('[listen]\nport = "4433"', ["tracker.toml", "'listen'", "quotes"]),
        ("listen = ", ["tracker.toml", "no TOML"]),
        ('listen = "127.0.0.1:99999"', ["127.0.0.1:99999", "HOST:PORT"]),
        ('listen = ""', ["names no host and port"]),
    ],
)
def test_a_mistake_in_the_file_is_named_in_one_line(file: Path, text: str, words: list[str]) -> None:
    file.write_text(text)
    with pytest.raises(BadInputError) as caught:
        read_config(file, None, None)
    for word in words:
        assert word in str(caught.value)


def test_a_file_that_is_not_there_or_not_text_is_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"tracker.toml cannot be read: .*--config"):
        read_config(file, None, None)
    with pytest.raises(BadInputError, match="cannot be read"):
        read_config(tmp_path, None, None)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInputError, match="no TOML"):
        read_config(file, None, None)


def test_a_pin_is_nothing_to_listen_at() -> None:
    pin = key_to_text(Identity.from_seed(bytes(32)).peer_id)
    with pytest.raises(BadInputError, match="ADDR:PORT"):
        read_config(None, f"127.0.0.1:4433?pin={pin}", None)
