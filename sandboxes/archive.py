"""The supervisor as one archive that any Python 3.9 runs, with nothing of envgym installed."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from importlib import resources

_MAIN = "from envgym.sandboxes.box.entry import main\n\nmain()\n"


@cache
def box_archive() -> bytes:
    """A zip file to start as ``python3 -I FILE CONFIG``; the same bytes each time."""
    files = {"__main__.py": _MAIN, "envgym/__init__.py": "", "envgym/sandboxes/__init__.py": ""}
    folder = resources.files("envgym.sandboxes.box")
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".py"):
            files[f"envgym/sandboxes/box/{file.name}"] = file.read_text(encoding="utf-8")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()
