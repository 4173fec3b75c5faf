"""Docstrings read from source, for classes whose import may take seconds."""

from __future__ import annotations

import ast
import inspect
import re
from importlib.util import find_spec
from pathlib import Path

_SENTENCE = re.compile(r"(?<=[.!?])\s")


def first_sentence(doc: str) -> str:
    """The first sentence of a docstring, on one line."""
    paragraph = inspect.cleandoc(doc).partition("\n\n")[0]
    return _SENTENCE.split(" ".join(paragraph.split()), maxsplit=1)[0]


def docstring(path: str) -> str | None:
    """Read the docstring of ``module:Class`` from its source; None where it cannot be read."""
    module, _, name = path.partition(":")
    source = _source(module)
    if source is None:
        return None
    try:
        tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    found = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    return next((ast.get_docstring(node) for node in found), None)


def _source(module: str) -> Path | None:
    """A module's file, by its folders alone: asking for a submodule would import its packages."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.has_location else None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder, *rest)
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file
    return None
