"""On-disk cache of verification results, shared by processes.

One JSON file per row, named by the hash of everything the result depends on: the row's problem and
references, the limits and the backend, the sources of judge and graders, Python's version. Files
are written atomically (renamed into place), so processes may share a folder; an unreadable file
counts as absent.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from envgym.environments.code.data.formats.row import Loaded
from envgym.environments.code.problem import Problem
from envgym.utils.atomic_write import write_atomically

_log = logging.getLogger(__name__)
FOLDER = "ENVGYM_CACHE"
"""Environment variable that replaces the user's cache folder."""


@dataclass(frozen=True)
class Proof:
    """Verification result of one row.

    Attributes:
        reference: The index of the one that passes the tests; -1 where none is proven.
        reading: The index of the row's reading that it passes; -1 where the row has none.
        shown: The indices of the public tests that it bears out; None for all.
        bad: Why the row holds no problem; "" where it does.
        unproven: Why no reference proves the tests, where the row has some.
    """

    reference: int = -1
    reading: int = -1
    shown: tuple[int, ...] | None = None
    bad: str = ""
    unproven: str = ""

    def problem(self, row: Loaded) -> Problem:
        """Problem of the row with the reference and reading that passed."""
        suite = row.readings[self.reading] if self.reading >= 0 else row.problem.suite
        if self.shown is not None:
            suite = replace(suite, public=tuple(suite.public[index] for index in self.shown))
        reference = row.references[self.reference] if self.reference >= 0 else ""
        return replace(row.problem, suite=suite, reference=reference)

    @classmethod
    def of(cls, fields: Any) -> Proof:
        """Read from JSON.

        Raises:
            TypeError, ValueError: The JSON is no verification result.
        """
        proof = cls(**fields)
        whole = isinstance(proof.reference, int) and isinstance(proof.reading, int)
        if not whole or not isinstance(proof.bad, str) or not isinstance(proof.unproven, str):
            raise ValueError("no proof")
        return replace(proof, shown=None if proof.shown is None else tuple(map(int, proof.shown)))


class Proofs:
    """Folder of verification results.

    Args:
        folder: Made where it is missing. Where it cannot be, nothing is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_user(cls) -> Proofs:
        """User's cache: ``$ENVGYM_CACHE``, ``$XDG_CACHE_HOME/envgym`` or ``~/.cache/envgym``."""
        given = os.environ.get(FOLDER)
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return cls((Path(given) if given else Path(base) / "envgym") / "proofs")

    def get(self, key: str) -> Proof | None:
        """Stored result of a key, or None."""
        try:
            found = json.loads(self._path(key).read_text("utf-8"))
            return Proof.of(found["proof"]) if found["key"] == key else None
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def put(self, key: str, proof: Proof) -> None:
        """Store a result."""
        path = self._path(key)
        text = json.dumps({"key": key, "proof": asdict(proof)})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text)
        except OSError as error:
            _log.warning("a proof is not kept: %s; set %s to a folder", error, FOLDER)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"


def key_of(row: Loaded, settings: Sequence[Any]) -> str:
    """Hash of everything that a row's result depends on."""
    parts = [row.problem, row.references, row.readings, settings, _judge(), sys.version_info[:3]]
    return sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _judge() -> str:
    """Hash of the sources that decide a verdict."""
    from envgym import environments, sandboxes

    digest = sha256()
    for package, folder in ((sandboxes, "graders"), (environments, "code")):
        home = Path(str(package.__file__)).parent / folder
        for path in sorted(home.rglob("*.py")):
            digest.update(f"{path.relative_to(home)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
