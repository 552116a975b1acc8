"""Draw a relay's death from a demo that really runs: who hears from whom before, at that moment, and afterwards.

    .venv/bin/python docs/pictures/draw_death.py docs/pictures/death.svg [SOURCE]

The director of `meshcast demo` starts the processes and kills one relay; the three trees are what the processes said of
themselves. Without SOURCE the shipped programme is broadcast.
"""

# ruff: noqa: INP001 - a script beside its picture, not a package

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import trio

from meshcast.demo.crew import Member, open_crew
from meshcast.demo.director import DemoSettings, Director
from meshcast.media.programme import programme_path

PANEL_WIDTH = 300
RADIUS, LEVEL = 10, 62
MARGIN = 66
SOURCE, HEARS, ORPHAN, DEAD, LINE, INK = "#1f4e79", "#2e7d32", "#e08a00", "#c62828", "#8a949e", "#24292f"


@dataclass(frozen=True)
class Tree:
    """Who hears from whom at one moment, by the names of the processes."""

    parent: dict[str, str]
    dead: str = ""
    repairs_ms: tuple[float, ...] = ()
    missing: int = 0

    def children(self, name: str) -> list[str]:
        """Name those who hear from `name`, in the order of their numbers."""
        return [child for child, parent in sorted(self.parent.items()) if parent == name]


class Photographer:
    """Takes the pictures while the director directs."""

    def __init__(self) -> None:
        self.director: Director | None = None
        self.victim = ""
        self.has_killed = trio.Event()
        self.before = Tree({})

    def say(self, line: str) -> None:
        """Take the first picture as soon as a relay is killed: nobody has noticed anything yet."""
        if "killed listener-" in line:
            self.victim = line.partition("killed ")[2].partition(",")[0]
            self.before = self.shot(with_dead=True)
            self.has_killed.set()

    def shot(self, *, with_dead: bool = False) -> Tree:
        """Say who hears from whom, as the processes said last."""
        assert self.director is not None, "there is a director before anybody speaks"
        scene = self.director.scene
        assert scene.source is not None, "the source is started first"
        shown = [one for one in scene.listeners if with_dead or not one.was_killed]
        names = {one.key: one.name for one in shown} | {scene.source.key: "source"}
        parent = {one.name: names.get(one.status.get("parent"), "") for one in shown}
        missing = sum(one.status["missing_chunks"] for one in shown)
        return Tree(parent, self.victim, _repairs_ms(scene.listeners), missing)


def _repairs_ms(listeners: list[Member]) -> tuple[float, ...]:
    """Give all repairs of all listeners that live."""
    return tuple(ms for one in listeners if not one.was_killed for ms in one.status["repairs_ms"])


async def photograph(source: Path) -> tuple[Tree, Tree]:
    """Run a demo with one death; give the tree at that moment, and some seconds later."""
    photographer = Photographer()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        settings = DemoSettings(source, 12, 3, 10.0, 1, 0.0, None, state)
        async with open_crew(state) as crew:
            photographer.director = Director(settings, crew, state, photographer.say)
            after: list[Tree] = []

            async def wait_and_shoot() -> None:
                await photographer.has_killed.wait()
                await trio.sleep(4)
                after.append(photographer.shot())

            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait_and_shoot)
                await photographer.director.play()
    return photographer.before, after[0]


def places(tree: Tree) -> dict[str, tuple[float, float]]:
    """Lay a tree out: leaves side by side, each parent above the middle of its children."""
    leaves = [0.0]
    found: dict[str, tuple[float, float]] = {}

    def put(name: str, depth: int) -> float:
        xs = [put(child, depth + 1) for child in tree.children(name)]
        if not xs:
            leaves[0] += 1
            xs = [leaves[0]]
        found[name] = sum((xs[0], xs[-1])) / 2, depth
        return found[name][0]

    put("source", 0)
    step = (PANEL_WIDTH - 2 * RADIUS) / (leaves[0] + 1)
    return {name: (RADIUS + x * step, MARGIN + depth * LEVEL) for name, (x, depth) in found.items()}


def panel(tree: Tree, title: str, words: str, *, moment: bool, moved: list[str]) -> str:
    """Draw one tree with its title above it."""
    at, parts = places(tree), []
    for child, parent in tree.parent.items():
        (x1, y1), (x2, y2) = at[parent], at[child]
        style = f'stroke="{LINE}" stroke-width="1.5"'
        if moment and tree.dead in {parent, child}:
            style = f'stroke="{DEAD}" stroke-width="1.5" stroke-dasharray="3 3"'
        elif child in moved and not moment:
            style = f'stroke="{ORPHAN}" stroke-width="2.5"'
        parts.append(f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" {style}/>')
    for name, (x, y) in at.items():
        colour = SOURCE if name == "source" else ORPHAN if name in moved else HEARS
        if moment and name == tree.dead:
            colour = DEAD
        text = "S" if name == "source" else name.removeprefix("listener-").lstrip("0")
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}" fill="{colour}"/>'
            f'<text x="{x:.1f}" y="{y + 4:.1f}" fill="#fff" font-size="11" text-anchor="middle">{text}</text>'
        )
    head = f'<text x="12" y="22" font-size="14" font-weight="600">{title}</text>'
    return f'{head}<text x="12" y="40" font-size="12" fill="#57606a">{words}</text>{"".join(parts)}'


def drawing(before: Tree, after: Tree) -> str:
    """Put three trees side by side."""
    moved = before.children(before.dead)
    number = before.dead.removeprefix("listener-").lstrip("0")
    repairs = ", ".join(f"{ms:.0f}" for ms in sorted(after.repairs_ms))
    panels = (
        panel(Tree(before.parent), "Everybody hears", "S is the broadcaster", moment=False, moved=[]),
        panel(before, f"Relay {number} is killed", f"it fed {len(moved)} others", moment=True, moved=moved),
        panel(
            after,
            "Mended by themselves",
            f"in {repairs} ms; {after.missing} chunks missing",
            moment=False,
            moved=moved,
        ),
    )
    depth_px = max(y for tree in (before, after) for _, y in places(tree).values())
    width, height = PANEL_WIDTH * len(panels), depth_px + 3 * RADIUS
    groups = "".join(
        f'<g transform="translate({number * PANEL_WIDTH} 0)">{body}</g>' for number, body in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" width="{width}" '
        f'height="{height:.0f}" font-family="Helvetica, Arial, sans-serif" fill="{INK}" role="img" '
        f'aria-label="A relay tree before, during and after the death of a relay">'
        f'<rect width="100%" height="100%" rx="8" fill="#ffffff" stroke="#d0d7de"/>{groups}</svg>\n'
    )


def main() -> None:
    """Run the demo and write the picture."""
    source = Path(sys.argv[2]) if len(sys.argv) > 2 else programme_path()
    before, after = trio.run(photograph, source)
    Path(sys.argv[1]).write_text(drawing(before, after))


main()
