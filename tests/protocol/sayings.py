"""What effects say."""

from typing import Any

from meshcast.protocol.effects import Effect, Send, SendDatagram


def said(effects: list[Effect], kind: type[Any]) -> list[Any]:
    return [
        one.message
        for one in effects
        if isinstance(one, Send | SendDatagram) and isinstance(one.message, kind)
    ]
