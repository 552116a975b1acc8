"""The programme that ships with Meshcast: about 90 seconds of speech and music that it synthesised itself."""

from pathlib import Path


def programme_path() -> Path:
    """Name the file; `programme/make_programme.py` makes it."""
    return Path(__file__).with_name("programme.ogg")
