"""Rules for programs to reason about: Absolute Zero's, checked on the syntax tree.

The paper's check counts ``def`` in the text, which rejects helpers and methods, and compares
imports by name. Here the syntax tree decides: one function ``f`` at the top, no access to chance,
time, the machine or the grader.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from envgym.environments.code.reason.names import built_ins_used

_MODULES = """
    asyncio atexit bcrypt builtins calendar concurrent ctypes datetime faulthandler gc getpass
    hashlib hmac importlib inspect io linecache locale logging mmap multiprocessing os pathlib
    pebble pickle platform posix random resource runpy sched secrets select shutil signal site
    socket subprocess sys sysconfig tempfile threading time timeit tracemalloc uuid weakref
"""
BANNED_MODULES = frozenset(_MODULES.split())
"""The paper's list, and other names that are non-deterministic or reach outside the program."""
_NAMES = """
    __import__ breakpoint compile delattr dir eval exec exit globals hash help id input locals
    memoryview open quit setattr vars
"""
BANNED_NAMES = frozenset(_NAMES.split())
_ALLOWED = ("__init__", "__name__", "__doc__", "__len__", "__iter__", "__next__", "__call__")
MOST_CHARS = 10_000


def broken_rules(program: str, entry: str = "f") -> list[str]:
    """Rules that a program breaks; empty for a valid one.

    Args:
        program: Python source.
        entry: The function that it has to define.
    """
    if len(program) > MOST_CHARS:
        return [f"it is longer than {MOST_CHARS} characters"]
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return [f"it does not parse: {error}"]
    used = [f"it uses {name}" for name in built_ins_used(program, tree, BANNED_NAMES)]
    return list(dict.fromkeys([*_entry(tree, entry), *_reached(tree), *used]))


def _entry(tree: ast.Module, entry: str) -> Iterator[str]:
    defined = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == entry]
    if len(defined) != 1:
        yield f"it has to define one function {entry} at its top, not {len(defined)}"
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef) and node.name == entry:
            yield f"{entry} must not be async"


def _reached(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            yield from _module(node.module or ".")
        elif isinstance(node, ast.Attribute) and _is_inner(node.attr):
            yield f"it reaches for .{node.attr}"
        elif isinstance(node, ast.Name) and _is_inner(node.id):
            yield f"it uses {node.id}"


def _module(name: str) -> Iterator[str]:
    if name.partition(".")[0] in BANNED_MODULES or name == ".":
        yield f"it imports {name}"


def _is_inner(name: str) -> bool:
    """Return whether a name is Python's own, which gives access outside the program."""
    inner = len(name) > 4 and name.startswith("__") and name.endswith("__")
    return inner and name not in _ALLOWED
