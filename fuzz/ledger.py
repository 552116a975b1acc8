"""The ledger: how many inputs of each target were survived, by which version, from which seeds.

Only chapters that passed are entered. The counts add up over runs; the file is kept in the repository, so that the sum is
that of everybody who has run it and committed it.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

LEDGER: Final = Path(__file__).parent / "ledger.json"
VERSION: Final = version("meshcast")
SEEDS_MAX: Final = 40
"""So many runs are listed by seed for each target; older ones remain in the sums."""


class Ledger:
    """The counts of all runs."""

    def __init__(self, path: Path = LEDGER) -> None:
        self._path = path
        self._sums: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}

    @property
    def total(self) -> int:
        """Count the inputs of all targets."""
        return sum(self.count(name) for name in self._sums)

    def count(self, name: str) -> int:
        """Count the inputs of one target."""
        return int(self._sums.get(name, {}).get("inputs", 0))

    def enter(self, name: str, seed: str, count: int) -> None:
        """Add what a chapter has survived, and write it down."""
        entry = self._sums.setdefault(name, {"inputs": 0, "runs": []})
        entry["inputs"] += count
        runs = entry["runs"]
        for run in runs:
            if (run["seed"], run["version"]) == (seed, VERSION):
                run["inputs"] += count
                break
        else:
            runs.append({"seed": seed, "version": VERSION, "inputs": count})
        del runs[:-SEEDS_MAX]
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._sums, indent=1, sort_keys=True) + "\n")
        fresh.replace(self._path)
