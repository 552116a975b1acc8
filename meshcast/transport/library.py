"""The one version of aioquic that the transport knows, looked at before anything of it is imported."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final

from meshcast.protocol.errors import BadInputError

AIOQUIC_VERSION: Final = "1.7.2"


def refusal(installed: str) -> str | None:
    """Say why this version cannot be used, and what to do; None when it can."""
    if installed == AIOQUIC_VERSION:
        return None
    return (
        f"Meshcast needs aioquic {AIOQUIC_VERSION}, {installed} is installed; "
        f"run: pip install aioquic=={AIOQUIC_VERSION}"
    )


def check_library() -> None:
    """Raise BadInputError unless the right version is installed; commands ask before they import the transport."""
    try:
        installed = version("aioquic")
    except PackageNotFoundError:
        installed = "none"
    said = refusal(installed)
    if said is not None:
        raise BadInputError(said)
