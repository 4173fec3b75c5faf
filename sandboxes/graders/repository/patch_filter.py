"""Filter of a work sandbox's changes: tested code passes, test and build configuration do not."""

from __future__ import annotations

import sys
from collections.abc import Collection
from fnmatch import fnmatchcase

from envgym.sandboxes.graders.repository.archive_tree import (
    ExportLimits,
    Refused,
    RegularFile,
    Symlink,
    Tree,
)

TEST_FILES = ("test_*.py", "*_test.py", "conftest.py")
"""Names of files that are tests wherever they are; so is all that lies in `TEST_FOLDERS`."""

TEST_FOLDERS = ("test", "tests")

_DECIDING = frozenset(
    {
        "pytest.ini",
        ".pytest.ini",
        "pytest.toml",
        ".pytest.toml",
        "tox.ini",
        "setup.cfg",
        "pyproject.toml",
        "sitecustomize.py",
        "usercustomize.py",
        "pyvenv.cfg",
    }
)
_SUFFIXES = (".pth", ".egg-link")
_PLUGINS = (".egg-info", ".dist-info")  # their entry points are loaded as plugins
_RUNNER = frozenset(
    "pytest _pytest pluggy iniconfig packaging pygments exceptiongroup tomli py attr attrs".split()  # noqa: SIM905
)
_SHADOWED = _RUNNER | sys.stdlib_module_names


def fresh_tree(
    pristine: Tree, work: Tree, tests: Collection[str], limits: ExportLimits
) -> tuple[Tree, tuple[str, ...]]:
    """Build the pristine tree with the work sandbox's permitted changes.

    Args:
        pristine: Repository at the start.
        work: Tree of the work sandbox.
        tests: Protected paths beside the usual ones.
        limits: Maximum size of a change.

    Returns:
        The tree, and the paths of ignored changes.

    Raises:
        Refused: A link is new or changed, or the changes exceed the limits.
    """
    fresh = {
        path: entry
        for path, entry in pristine.items()
        if not _is_history(path) and not _is_cache(path)
    }
    roots = _import_roots(fresh)
    left_out, files, total = [], 0, 0
    for path in sorted(pristine.keys() | work.keys()):
        entry = work.get(path)
        if entry == pristine.get(path) or _is_history(path):
            continue
        if _is_cache(path):
            continue
        if path in tests or is_protected(path) or _shadows(path, roots, pristine):
            left_out.append(path)
            continue
        files += 1
        if entry is None:
            del fresh[path]
        elif isinstance(entry, Symlink):
            raise Refused(f"{path!r} is a link, and was none, or another one, before")
        else:
            total += _size(path, entry, limits)
            fresh[path] = entry
    if files > limits.files:
        raise Refused(f"{files} changed files, more than {limits.files}")
    if total > limits.total_bytes:
        raise Refused(f"{total} bytes of changes, more than {limits.total_bytes}")
    return fresh, tuple(left_out)


def _size(path: str, entry: RegularFile, limits: ExportLimits) -> int:
    if len(entry.data) > limits.file_bytes:
        raise Refused(f"{path!r} is larger than {limits.file_bytes} bytes")
    return len(entry.data)


def is_protected(path: str) -> bool:
    """Return whether a path decides how tests are found, run or judged."""
    *folders, name = path.split("/")
    return (
        name in _DECIDING
        or name.endswith((*_SUFFIXES, *_PLUGINS))
        or any(fnmatchcase(name, pattern) for pattern in TEST_FILES)
        or any(folder in TEST_FOLDERS for folder in folders)
        or any(folder.endswith(_PLUGINS) for folder in folders)
    )


def _is_history(path: str) -> bool:
    """Return whether a path is part of a version history, which may hold later commits."""
    return any(part in (".git", ".hg", ".svn") for part in path.split("/"))


def _is_cache(path: str) -> bool:
    """Return whether a path is a by-product of running; compiled files would replace sources."""
    caches = ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis")
    return path.endswith((".pyc", ".pyo")) or any(part in caches for part in path.split("/"))


def _import_roots(tree: Tree) -> set[str]:
    """Folders that tests import from: the top, ``src``, and the folders of test files."""
    folders = {path.rpartition("/")[0] for path in tree if is_protected(path)}
    return {"", "src", "lib"} | folders


def _shadows(path: str, roots: set[str], pristine: Tree) -> bool:
    """Return whether a new module here would shadow pytest's or the standard library's."""
    parts = path.split("/")
    for n, part in enumerate(parts):
        module = part.split(".")[0]
        if "/".join(parts[:n]) in roots and module in _SHADOWED:
            prefix = "/".join((*parts[:n], module))
            return not any(
                old == f"{prefix}.py" or old.startswith(f"{prefix}/") for old in pristine
            )
    return False
