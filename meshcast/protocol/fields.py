"""How a field of a message is checked when it comes in: small parsers that compose.

A parser takes what msgpack made of hostile bytes and returns the value, or raises `RemoteProtocolError`; nothing else
escapes. Trailing fields are ignored by whoever zips parsers with values, so that a minor version may add some.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from meshcast.protocol.errors import RemoteProtocolError

T = TypeVar("T")
Parser: TypeAlias = Callable[[Any], T]


def uint(maximum: int) -> Parser[int]:
    """Accept a whole number in 0..maximum."""

    def parse(value: Any) -> int:
        if type(value) is not int or not 0 <= value <= maximum:
            raise RemoteProtocolError(f"a number in 0..{maximum} was expected")
        return value

    return parse


def octets(minimum: int, maximum: int) -> Parser[bytes]:
    """Accept between `minimum` and `maximum` bytes."""

    def parse(value: Any) -> bytes:
        if type(value) is not bytes or not minimum <= len(value) <= maximum:
            raise RemoteProtocolError(f"{minimum}..{maximum} bytes were expected")
        return value

    return parse


def text(maximum: int) -> Parser[str]:
    """Accept a printable text of at most `maximum` bytes."""

    def parse(value: Any) -> str:
        if (
            type(value) is not str
            or len(value.encode("utf-8", "replace")) > maximum
            or not value.isprintable()
        ):
            raise RemoteProtocolError(f"a printable text of at most {maximum} bytes was expected")
        return value

    return parse


def boolean(value: Any) -> bool:
    """Accept a truth value."""
    if type(value) is not bool:
        raise RemoteProtocolError("true or false was expected")
    return value


def several(item: Parser[T], maximum: int) -> Parser[tuple[T, ...]]:
    """Accept an array of at most `maximum` items."""

    def parse(value: Any) -> tuple[T, ...]:
        if type(value) is not list or len(value) > maximum:
            raise RemoteProtocolError(f"at most {maximum} items were expected")
        return tuple(item(one) for one in value)

    return parse


def optional(item: Parser[T]) -> Parser[T | None]:
    """Accept nil, or an item."""

    def parse(value: Any) -> T | None:
        return None if value is None else item(value)

    return parse


def record(*items: Parser[Any]) -> Parser[tuple[Any, ...]]:
    """Accept an array of at least these fields; more are ignored."""

    def parse(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or len(value) < len(items):
            raise RemoteProtocolError(f"{len(items)} fields were expected")
        return tuple(item(one) for item, one in zip(items, value, strict=False))

    return parse
