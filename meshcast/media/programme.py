"""The programme that the demonstration plays: 90 s of speech and music, made by `programme/make_programme.py`."""

from pathlib import Path


def programme_path() -> Path:
    """Tell where the file is, in a checkout and in an installed package alike."""
    return Path(__file__).with_name("programme.ogg")
