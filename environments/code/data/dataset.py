"""The problems of a data set, read and proven once for all environments of a process."""

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
    """Problems of a data set.

    Attributes:
        data: A file or a data set's name.
        options: Of the ``datasets`` library.
        verify: Whether references have to pass their tests.
        bad_rows: Whether a row that holds no problem ends it all (``refuse``) or is left out.
        backend, backend_options: Where references run.
        bounds: Of references.
        cache: Whether proofs of earlier processes are taken, and new ones kept.
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
        """Equal for sources that are equal but for the order in which options are written."""
        options = sorted(self.options.items()), sorted(self.backend_options.items())
        return repr((options, replace(self, options={}, backend_options={})))


@dataclass(frozen=True)
class Problems:
    """Problems with the splits that they belong to; ``all`` has every one.

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
        """Read and prove.

        Raises:
            UsageError: There is no such data, rows are bad, or none is left.
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
            UsageError: There is no such split, or it is empty.
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
    """What is known of each row; without verification the first reference is trusted."""
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
    """The bad rows, where they may be left out."""
    if bad:
        count = f"{len(bad)} of {len(bad) + good} rows of {source.data}"
        said = f"{count} hold no problem: {_first(bad)}"
        if source.bad_rows == "refuse":
            raise UsageError(f"{said}. Mend them, or leave them out with bad_rows='drop'")
        _log.warning("%s", said)
    if not good:
        raise UsageError(f"{source.data} holds no problem at all")
    return tuple(bad)
