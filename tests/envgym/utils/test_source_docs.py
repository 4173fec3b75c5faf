from __future__ import annotations

from pathlib import Path

import pytest

from envgym.registry import BUILTIN, about, load_class, specs
from envgym.utils.source_docs import docstring, first_sentence


@pytest.mark.parametrize("id", sorted(BUILTIN))
def test_it_is_what_the_loaded_class_says(id: str) -> None:
    path = BUILTIN[id]
    assert docstring(path) is not None
    spec = specs()[id]
    unloaded = first_sentence(docstring(path) or "")
    assert unloaded == first_sentence(load_class(spec).__doc__ or "") == about(spec)
    assert unloaded.endswith(".")
    assert ": score" not in unloaded, "it says what the environment is"


def test_the_first_sentence_may_go_over_lines() -> None:
    assert first_sentence("One\n    two. Three.\n\n    Four.") == "One two."
    assert first_sentence("\n    v1.5 of it") == "v1.5 of it"
    assert first_sentence("") == ""


def test_what_has_no_source_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lone_world.py").write_text('raise RuntimeError\nclass A:\n    """An A."""\n')
    (tmp_path / "torn_world.py").write_text("class A(:\n")
    assert docstring("lone_world:A") == "An A."
    for path in ("lone_world:B", "torn_world:A", "no_such:A", "envgym.no_such:A", "sys:A", ":"):
        assert docstring(path) is None
