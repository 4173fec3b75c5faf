"""Shared seed file of exercises, examined once per process."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from envgym.environments.code.data.formats.row import BadRow
from envgym.environments.code.judge import Bounds
from envgym.environments.code.reason.exercise import KINDS, Exercise, Kind
from envgym.environments.code.reason.seed_files import Seed, all_of, examined
from envgym.environments.rows import read_rows
from envgym.errors import UsageError
from envgym.task import Task
from envgym.utils.splits import SPLITS, check_split, hash_split

_log = logging.getLogger(__name__)
_SPLITS = (*SPLITS, "all")
_NAMED = 5


@dataclass(frozen=True)
class Seeds:
    """Identity of a seed file, with the options that change its exercises.

    Attributes:
        path: The file.
        bad_rows: ``refuse`` (a row without an exercise is an error) or ``drop``.
        backend: Sandbox backend that runs programs.
        backend_options: Arguments of that backend.
        bounds: Resource limits of programs.
    """

    path: str
    bad_rows: Literal["refuse", "drop"] = "refuse"
    backend: str = "namespace"
    backend_options: Mapping[str, Any] = field(default_factory=dict)
    bounds: Bounds = Bounds()  # noqa: RUF009  (frozen)


@dataclass(frozen=True)
class Exercises:
    """Exercises of a seed file, and the reasons for dropped rows."""

    exercises: tuple[Exercise, ...]
    dropped: tuple[str, ...] = ()

    @classmethod
    def open(cls, seeds: Seeds) -> Exercises:
        """Read and examine a seed file.

        Raises:
            UsageError: The file is missing, has bad rows, or has no usable row.
            Fault: A sandbox broke.
        """
        if not Path(seeds.path).is_file():
            raise UsageError(f"no file {seeds.path!r}: give the path of a JSONL seed file")
        rows: list[tuple[str, Seed]] = []
        bad: list[str] = []
        try:
            for where, fields in read_rows(seeds.path):
                try:
                    rows.append((where, Seed.of(fields)))
                except BadRow as error:
                    bad.append(f"{where}: {error}")
        except ValueError as error:
            raise UsageError(str(error)) from None
        found = all_of(
            [seed for _, seed in rows],
            examined,
            seeds.backend,
            seeds.backend_options,
            seeds.bounds.limits,
        )
        good: dict[str, Exercise] = {}
        for (where, _), one in zip(rows, found, strict=True):
            if isinstance(one, BadRow):
                bad.append(f"{where}: {one}")
            else:
                good.setdefault(repr(one), one)  # seed files contain duplicates
        return cls(tuple(good.values()), _judged(seeds, bad, len(good)))

    def split(self, name: str, kinds: tuple[Kind, ...]) -> list[Task]:
        """Tasks of a split: one per exercise and kind that it serves.

        Raises:
            UsageError: Unknown or empty split.
        """
        check_split(name, _SPLITS)
        mine = [e for e in self.exercises if name in ("all", _split(e))]
        tasks = [e.task(kind, name) for e in mine for kind in kinds if _serves(e, kind)]
        if not tasks:
            raise UsageError(f"these seeds have no {name} tasks of {', '.join(kinds)}")
        return tasks


def _serves(exercise: Exercise, kind: Kind) -> bool:
    """Return whether an exercise serves a kind; induction needs pairs to show and pairs to hide."""
    return kind != KINDS[2] or len(exercise.pairs) > 1


def _split(exercise: Exercise) -> str:
    return hash_split(exercise.program, hash_name="sha256-byte-mod-5")


def _judged(seeds: Seeds, bad: list[str], good: int) -> tuple[str, ...]:
    if bad:
        named = "; ".join([*bad[:_NAMED], *(["…"] if bad[_NAMED:] else [])])
        said = f"{len(bad)} rows of {seeds.path} make no exercise, {good} do: {named}"
        if seeds.bad_rows == "refuse":
            raise UsageError(f"{said}. Fix them, or leave them out with bad_rows='drop'")
        _log.warning("%s", said)
    if not good:
        raise UsageError(f"{seeds.path} makes no exercise at all")
    return tuple(bad)
