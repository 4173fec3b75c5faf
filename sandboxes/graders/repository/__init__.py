"""Grader of changes to a repository: the changes, in a fresh sandbox, with untouched tests."""

from __future__ import annotations

from envgym.sandboxes.graders.repository.archive_tree import ExportLimits, Refused
from envgym.sandboxes.graders.repository.grade import Suite, grade_repository, open_work

__all__ = ["ExportLimits", "Refused", "Suite", "grade_repository", "open_work"]
