"""What tests look for in a broadcast, and in what the tracker answers."""

from typing import Any

from meshcast.protocol.messages import Refused, Why
from tracker.overlay.states import State


def state(desk: Any, name: str) -> State:
    return State(desk.broadcast.tree.state[desk.node(name)])


def standbys(desk: Any, name: str) -> set[str]:
    tree, registry = desk.broadcast.tree, desk.broadcast.registry
    return {desk.name(registry.key(one)) for one in tree.standbys.of(desk.node(name))}


def refusals(desk: Any, effects: Any) -> list[Why]:
    return [one.why for one in desk.said(effects, Refused)]
