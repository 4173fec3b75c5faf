"""GEM's `run_python`, which its Python tool calls: in bubblewrap, or in a plain process.

Its bubblewrap binds `sys.prefix` and nothing beside it, so it wants an interpreter that is whole in
one folder, as conda makes them; such a one is made here, with no package in it to slow its start.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

from gem.utils.sandbox import run_python
from programs import NUMPY, PROGRAMS, absent, finish, in_threads, rates

_LEFT_OUT = shutil.ignore_patterns("site-packages", "dist-packages", "test", "config-*")


def whole_interpreter(folder: Path) -> None:
    """A prefix with the interpreter and its standard library alone."""
    library = Path(sysconfig.get_path("stdlib"))
    (folder / "bin").mkdir()
    shutil.copy(Path(sys.executable).resolve(), folder / "bin" / "python")
    shutil.copytree(library, folder / "lib" / library.name, ignore=_LEFT_OUT)


async def main() -> None:
    """Measure and print."""
    kind = sys.argv[1]
    if kind == "bwrap" and shutil.which("bwrap") is None:
        absent("bwrap is not installed: apt-get install bubblewrap")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # where it makes a folder for each run
        if kind == "bwrap":
            whole_interpreter(Path(folder))
            sys.prefix = folder
        else:
            os.environ["PATH"] = f"{sys.prefix}/bin:{os.environ['PATH']}"

        def run(code: str) -> str:
            good, out, error = run_python(code, kind)
            return out if good else error

        finish(await rates(in_threads(run), PROGRAMS if kind == "bwrap" else PROGRAMS | NUMPY))


asyncio.run(main())
