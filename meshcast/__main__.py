"""Where the command begins, `python -m meshcast` too: with a look at what cannot be imported in another version."""

from meshcast.errors_shown import one_line
from meshcast.transport.library import check_library


def main() -> None:
    """Run the command line."""
    with one_line():
        check_library()
    from meshcast.cli import main as command  # noqa: PLC0415 - another version of a library could break it

    command()


if __name__ == "__main__":
    main()
