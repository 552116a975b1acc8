"""The relay tree, drawn live from what every process says of itself."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from meshcast.demo.crew import Member

EVENTS_SHOWN = 8


def draw(
    source: Member | None, listeners: Sequence[Member], events: Sequence[str], headline: str
) -> RenderableType:
    """Draw who hears from whom now, and what has happened last."""
    root = Tree(_source_label(source))
    by_parent: dict[str | None, list[Member]] = {}
    for one in listeners:
        if one.is_alive:
            by_parent.setdefault(one.status.get("parent"), []).append(one)
    shown: set[str] = set()
    if source is not None and source.key is not None:
        _grow(root, source.key, by_parent, shown)
    lost = [one for one in listeners if one.is_alive and (one.key is None or one.key not in shown)]
    if lost:
        branch = root.add(Text("looking for a parent", style="yellow"))
        for one in lost:
            branch.add(_label(one))
    dead = [one.name for one in listeners if not one.is_alive]
    if dead:
        root.add(Text(f"dead: {', '.join(dead)}", style="red"))
    log = Text("\n".join(events[-EVENTS_SHOWN:]), style="dim")
    return Group(Text(headline, style="bold"), root, log)


def _grow(branch: Tree, key: str, by_parent: dict[str | None, list[Member]], shown: set[str]) -> None:
    """Add those who hear from `key`, and those beneath them."""
    for one in by_parent.get(key, ()):
        if one.key is not None and one.key not in shown:
            shown.add(one.key)
            _grow(branch.add(_label(one)), one.key, by_parent, shown)


def _source_label(source: Member | None) -> Text:
    """Describe the broadcaster; a title is shown as it is, whatever is written in it."""
    if source is None or not source.status:
        return Text("broadcaster (starting)")
    status = source.status
    rest = f"  {status.get('title', '')}  copies sent {status.get('copies_sent', 0):.2f}"
    return Text.assemble(("broadcaster", "bold"), rest)


def _label(one: Member) -> Text:
    """Describe a listener."""
    status = one.status
    sound = "♪" if status.get("audible") else "…"
    missing = status.get("missing_chunks", 0)
    loss = (f" {missing} missing" if missing else "", "red")
    if not status.get("hearing"):
        return Text.assemble((f"{one.name} {sound} {status.get('words', 'starting')}", "yellow"), loss)
    repairs = len(status.get("repairs_ms", ()))
    mended = f"  {repairs} repaired" if repairs else ""
    ahead = f" {sound} {status.get('buffer_ms', 0) / 1000:.1f} s ahead{mended}"
    return Text.assemble((one.name, "green"), ahead, loss)
