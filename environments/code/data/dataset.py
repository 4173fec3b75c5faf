"""Shared data set of programming problems, read and verified once per process."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from envgym.environments.code.data.formats.row import BadRow, Loaded
from envgym.environments.code.data.sources import read, shaped
from envgym.environments.code.data.verification_cache import Proof, Proofs
from envgym.environments.code.data.verify_references import proven
from envgym.environments.code.judge import Bounds
from envgym.environments.code.problem import Problem
from envgym.errors import UsageError
from envgym.task import Task
from envgym.utils.splits import SPLITS, check_split, hash_split

_log = logging.getLogger(__name__)
BadRows = Literal["refuse", "drop"]
_SPLITS = (*SPLITS, "all")
_NAMED = 5


@dataclass(frozen=True)
class Source:
    """Identity of a data set: path or name, with the options that change its problems.

    Attributes:
        data: File, or name of a data set.
        options: Arguments for the ``datasets`` library.
        verify: Whether references have to pass their tests.
        bad_rows: ``refuse`` (an unusable row is an error) or ``drop``.
        backend: Sandbox backend that runs references.
        backend_options: Arguments of that backend.
        bounds: Resource limits of references.
        cache: Whether verification results are read from and written to disk.
    """

    data: str
    options: Mapping[str, Any] = field(default_factory=dict)
    verify: bool = True
    bad_rows: BadRows = "refuse"
    backend: str = "namespace"
    backend_options: Mapping[str, Any] = field(default_factory=dict)
    bounds: Bounds = Bounds()  # noqa: RUF009  (frozen)
    cache: bool = True

    @property
    def key(self) -> str:
        """Cache key; the order of options does not change it."""
        options = sorted(self.options.items()), sorted(self.backend_options.items())
        return repr((options, replace(self, options={}, backend_options={})))


@dataclass(frozen=True)
class Problems:
    """Problems by split; the split ``all`` has every one.

    Attributes:
        problems: In the data's order.
        dropped: Rows that hold no problem, each with the reason.
        unproven: Rows whose tests no reference of theirs could prove, each with the reason; they
            are among the problems, and have no oracle.
    """

    problems: tuple[Problem, ...]
    dropped: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()

    @classmethod
    def open(cls, source: Source) -> Problems:
        """Read and verify a source.

        Raises:
            UsageError: The data is missing, has bad rows, or has no usable row.
            Fault: A sandbox broke.
        """
        rows: list[Loaded] = []
        bad: list[str] = []
        for where, split, fields in read(source.data, source.options):
            try:
                loaded = shaped(fields, where)
            except BadRow as error:
                bad.append(f"{where}: {error}")
                continue
            rows.append(replace(loaded, problem=replace(loaded.problem, split=split)))
        problems: list[Problem] = []
        unproven: list[str] = []
        for row, proof in zip(rows, _proofs(source, rows), strict=True):
            named = f"{row.where} ({row.problem.name})"
            if proof.bad:
                bad.append(f"{named}: {proof.bad}")
                continue
            problems.append(proof.problem(row))
            if proof.unproven:
                unproven.append(f"{named}: {proof.unproven}")
        if unproven:
            _log.warning(
                "%d rows of %s have tests that no reference proves: %s",
                len(unproven),
                source.data,
                _first(unproven),
            )
        return cls(tuple(problems), _judged(source, bad, len(problems)), tuple(unproven))

    def split(self, name: str) -> list[Task]:
        """The tasks of a split.

        Raises:
            UsageError: Unknown or empty split.
        """
        check_split(name, _SPLITS)
        if name not in self._tasks:
            mine = [p for p in self.problems if name in ("all", _split(p))]
            if not mine:
                raise UsageError(f"this data has no {name} rows: use another split")
            self._tasks[name] = [problem.task(name) for problem in mine]
        return self._tasks[name]

    @cached_property
    def _tasks(self) -> dict[str, list[Task]]:
        return {}


def _proofs(source: Source, rows: list[Loaded]) -> list[Proof]:
    """Verification result per row; without verification the first reference is trusted."""
    if not source.verify or not rows:
        return [Proof(0 if row.references else -1) for row in rows]
    kept = Proofs.of_user() if source.cache else None
    return proven(rows, source.backend, source.backend_options, source.bounds, kept)


def _first(said: list[str]) -> str:
    return "; ".join([*said[:_NAMED], *(["…"] if said[_NAMED:] else [])])


def _split(problem: Problem) -> str:
    if problem.split is not None:
        return problem.split
    return hash_split(f"{problem.name}\n{problem.statement}", hash_name="sha256-byte-mod-5")


def _judged(source: Source, bad: list[str], good: int) -> tuple[str, ...]:
    """Unusable rows, when `bad_rows` is ``drop``."""
    if bad:
        count = f"{len(bad)} of {len(bad) + good} rows of {source.data}"
        said = f"{count} hold no problem: {_first(bad)}"
        if source.bad_rows == "refuse":
            raise UsageError(f"{said}. Fix them, or leave them out with bad_rows='drop'")
        _log.warning("%s", said)
    if not good:
        raise UsageError(f"{source.data} holds no problem at all")
    return tuple(bad)
