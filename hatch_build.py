"""Builds the wheel: plain as a rule, and with `MESHCAST_COMPILED=1` with compiled modules beside the plain ones.

A module is compiled if a `.pxd` lies beside it, which says what is a number and what an object; the module itself is the
same file that the interpreter runs (docs/decisions/0021). It takes a C compiler and one or two minutes.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WISH = "MESHCAST_COMPILED"
NEEDED = ["cython>=3.1", "setuptools>=77"]
DIRECTIVES = {
    # What is a number and what an object, declarations say; the modules' own annotations say it to people and mypy.
    "annotation_typing": False,
    # Every column is there from the beginning. Bounds are checked, and negative indices are as in Python.
    "initializedcheck": False,
}


class Compiled(BuildHookInterface[Any]):
    """Compiles what has declarations, if that is wished for."""

    def dependencies(self) -> list[str]:
        """Say what compiling needs beside a C compiler."""
        return NEEDED if os.environ.get(WISH) == "1" else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and have the wheel hold what comes of it; an editable install stays plain."""
        if os.environ.get(WISH) != "1" or version == "editable":
            return
        root = Path(self.root)
        build_data["pure_python"], build_data["infer_tag"] = False, True
        for built, place in compiled(root, Path(self.directory) / "compiled"):
            build_data["force_include"][str(built)] = str(place)


def compiled(root: Path, work: Path) -> list[tuple[Path, Path]]:
    """Compile all modules under `root` that have declarations; give each file, and where in the project it belongs."""
    from Cython.Build import cythonize  # noqa: PLC0415 - only needed here
    from setuptools import Distribution, Extension  # noqa: PLC0415

    shutil.rmtree(work, ignore_errors=True)
    sources = sorted(
        found.with_suffix(".py").relative_to(root)
        for room in ("meshcast", "tracker", "sim")
        for found in (root / room).rglob("*.pxd")
    )
    # Names for debuggers would be nine tenths of what is built. And where a method that is declared is kept as a value of
    # another object's, Cython forgets whose it was: compilers of C notice, so that it ends the build, and it is not declared.
    flags = [] if os.name == "nt" else ["-g0", "-Werror=incompatible-pointer-types"]
    modules = [
        Extension(".".join(source.with_suffix("").parts), [str(source)], extra_compile_args=flags)
        for source in sources
    ]
    # Sources are named from the root, so that what is built says nothing about where it was built.
    before = Path.cwd()
    os.chdir(root)
    try:
        extensions = cythonize(
            modules,
            build_dir=str(work / "c"),
            language_level=3,
            compiler_directives=DIRECTIVES,
        )
        builder: Any = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
        builder.build_lib, builder.build_temp = str(work / "lib"), str(work / "o")
        builder.parallel = os.cpu_count()
        builder.ensure_finalized()
        builder.run()
    finally:
        os.chdir(before)
    lib = work / "lib"
    return [(built, built.relative_to(lib)) for built in sorted(lib.rglob("*")) if built.is_file()]
