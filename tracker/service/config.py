"""The tracker's configuration: a TOML file, and the command line over it."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from meshcast.places import data_folder
from meshcast.protocol.errors import BadInputError
from meshcast.protocol.link import PORT_DEFAULT, TrackerAddress
from meshcast.protocol.units import Address


@dataclass(frozen=True, slots=True)
class Config:
    """What a tracker is told; the file's keys are these names."""

    listen: Address = ("0.0.0.0", PORT_DEFAULT)  # noqa: S104 - a tracker is for everybody
    data: Path = Path()


def read_config(file: Path | None, listen: str | None, data: Path | None) -> Config:
    """Read the file, if there is one; `BadInputError` names the file and what is wrong in it."""
    values = _read(file) if file is not None else {}
    place = listen if listen is not None else values.get("listen")
    folder = data if data is not None else Path(values.get("data", data_folder() / "tracker"))
    address = Config().listen if place is None else _address(place)
    return Config(address, folder)


def _read(file: Path) -> dict[str, Any]:
    """Read a TOML file of known keys, each a text."""
    try:
        values = tomllib.loads(file.read_text())
    except OSError as error:
        raise BadInputError(
            f"the configuration {file} cannot be read: {error.strerror}; check --config"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"the configuration {file} is no TOML: {error}") from error
    known = [field.name for field in fields(Config)]
    for name, value in values.items():
        if name not in known:
            raise BadInputError(f"{file}: unknown key {name!r}; the keys are {', '.join(known)}")
        if not isinstance(value, str):
            raise BadInputError(f'{file}: {name!r} must be a text in quotes, such as {name} = "…"')
    return values


def _address(text: str) -> Address:
    """Read ADDR:PORT."""
    place = TrackerAddress.parse(text)
    if place.pin is not None:
        raise BadInputError(f"{text!r} has a pin; --listen takes ADDR:PORT")
    return place.host, place.port
