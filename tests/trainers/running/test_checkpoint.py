from __future__ import annotations

from pathlib import Path

from envgym.trainers.running.checkpoint import latest


def test_one_put_aside_counts_only_where_none_took_its_place(tmp_path: Path) -> None:
    """A kill may leave it there, half removed."""
    assert latest(tmp_path) is None
    aside, whole = tmp_path / "step-000012.old", tmp_path / "step-000012"
    (tmp_path / "step-000010").mkdir()
    aside.mkdir()
    assert latest(tmp_path) == aside
    whole.mkdir()
    assert latest(tmp_path) == whole
