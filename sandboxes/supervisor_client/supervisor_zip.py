"""Supervisor packed as one archive for any Python 3.9, without envgym installed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

_MAIN = "from envgym.sandboxes.supervisor.main import main\n\nmain()\n"


@cache
def box_archive() -> bytes:
    """Build the zip file for ``python3 -I FILE CONFIG``; the same bytes each time."""
    files = {"__main__.py": _MAIN, "envgym/__init__.py": "", "envgym/sandboxes/__init__.py": ""}
    folder = resources.files("envgym.sandboxes.supervisor")
    for name, text in sorted(_sources(folder, "envgym/sandboxes/supervisor")):
        files[name] = text
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


def _sources(folder: Traversable, name: str) -> Iterator[tuple[str, str]]:
    """Name in the archive and source text of each module of a package, subpackages included."""
    for file in folder.iterdir():
        if file.is_dir() and file.name != "__pycache__":
            yield from _sources(file, f"{name}/{file.name}")
        elif file.name.endswith(".py"):
            yield f"{name}/{file.name}", file.read_text(encoding="utf-8")
