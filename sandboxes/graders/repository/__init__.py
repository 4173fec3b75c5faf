"""Judging a change to a repository: what changed, in a fresh box, by tests that nobody touched."""

from __future__ import annotations

from envgym.sandboxes.graders.repository.archive_tree import ExportLimits, Refused
from envgym.sandboxes.graders.repository.grade import Suite, grade_repository, open_work

__all__ = ["ExportLimits", "Refused", "Suite", "grade_repository", "open_work"]
