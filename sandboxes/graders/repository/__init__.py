"""Judging a change to a repository: what changed, in a fresh box, by tests that nobody touched."""

from __future__ import annotations

from envgym.sandboxes.graders.repository.grade import Suite, grade_repository, open_work
from envgym.sandboxes.graders.repository.tree import ExportLimits, Refused

__all__ = ["ExportLimits", "Refused", "Suite", "grade_repository", "open_work"]
