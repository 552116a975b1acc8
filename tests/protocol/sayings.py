"""What effects say."""

from typing import Any

from meshcast.protocol.effects import Effect, Refill, Send, SendChunk, SendDatagram
from meshcast.protocol.messages import Refuse, Why


def said(effects: list[Effect], kind: type[Any]) -> list[Any]:
    return [
        one.message
        for one in effects
        if isinstance(one, Send | SendDatagram) and isinstance(one.message, kind)
    ]


def chunks(effects: list[Effect]) -> list[tuple[Any, int]]:
    return [(one.to, one.chunk.sequence) for one in effects if isinstance(one, SendChunk)]


def refilled(effects: list[Effect]) -> list[int]:
    return [chunk.sequence for one in effects if isinstance(one, Refill) for _, chunk in one.chunks]


def why(effects: list[Effect]) -> list[Why]:
    return [one.why for one in said(effects, Refuse)]
