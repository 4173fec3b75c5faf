"""Base class of hooks that send a run's metrics to an experiment tracker."""

from __future__ import annotations

import contextlib
import importlib
import sys
import uuid
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import yaml
from pydantic import Field, PrivateAttr

from envgym.errors import UsageError
from envgym.trainers.hooks.base import Hook
from envgym.utils.atomic_write import write_atomically


class TrackingHook(Hook):
    """Hook that opens a run of a tracker, sends each step's metrics, and closes it.

    The tracker's id of the run is kept in the run's folder, in a file named after the tracker: a
    resumed run goes on there, a fresh one has a new id. Steps after the last checkpoint that an
    interrupted run had sent are sent again; trackers keep both.

    The tracker's package is an optional extra of the same name, imported where a run begins.
    """

    package: ClassVar[str]

    project: str = Field("envgym", min_length=1, description="Name of the tracker's project.")
    run_name: str | None = Field(
        None, description="Name that the tracker shows; null takes that of the run's folder."
    )
    _run: Any = PrivateAttr(None)
    _tracker: Any = PrivateAttr(None)

    def begin(self, directory: Path, step: int) -> None:
        """Open the run; `step` steps of it may have been sent.

        Raises:
            UsageError: The tracker's package is not installed.
        """
        try:
            tracker = importlib.import_module(self.package)
        except ImportError as error:
            raise UsageError(
                f"hook {self.name!r} needs {error.name}: pip install 'envgym[{self.package}]', or "
                "take the hook out of the recipe"
            ) from error
        with contextlib.redirect_stdout(sys.stderr):  # standard output is the summary's
            self._run = self.open(tracker, directory, _run_id(directory / f"{self.package}.id"))
        self._tracker = tracker

    @abstractmethod
    def open(self, tracker: Any, directory: Path, run_id: str) -> Any:
        """Open a run of the tracker, or go on with it.

        Args:
            tracker: The tracker's module.
            directory: Folder of the training run.
            run_id: Id that the run has, or is to have.

        Returns:
            The run; it is closed by `finish` of the module.
        """

    def end(self) -> None:
        """Close the run, where one was opened."""
        if self._tracker is not None:
            with contextlib.redirect_stdout(sys.stderr):
                self._tracker.finish()
            self._tracker = None

    def shown_name(self, directory: Path) -> str:
        """Name of the run."""
        return self.run_name or directory.name


def recorded_config(directory: Path) -> dict[str, Any]:
    """Read the settings of the training run in a folder."""
    settings: dict[str, Any] = yaml.safe_load((directory / "config.yaml").read_text())
    return settings


def _run_id(path: Path) -> str:
    """Read the id in a file; a new one is written where there is none."""
    if not path.exists():
        write_atomically(path, uuid.uuid4().hex[:8] + "\n")
    return path.read_text().strip()
