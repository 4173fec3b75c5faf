"""Episodes that every side plays: a task, and the text of the button or the field to click."""

from __future__ import annotations

TASKS = (("click-test", "button", "Click Me!"), ("click-test-2", "button", "ONE"))
EPISODES = 10
"""Number of episodes per task."""
