"""Full disk: turn ENOSPC from any library into one actionable `TrainingError`."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from envgym.trainers.learner.policy import TrainingError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_LITTLE = 1 << 16  # bytes; torch and safetensors do not say why a write failed


@contextmanager
def full_disk_said(directory: Path) -> Iterator[None]:
    """Context manager that turns write errors on a full disk into one error.

    Raises:
        TrainingError: The disk of `directory` has no room left.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        full = getattr(error, "errno", None) in _FULL
        if full or shutil.disk_usage(directory).free < _LITTLE:
            raise TrainingError(
                f"the disk is full: make room for {directory} and go on with --resume; "
                "the last checkpoint is whole"
            ) from error
        raise
