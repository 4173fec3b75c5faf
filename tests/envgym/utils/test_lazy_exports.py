from __future__ import annotations

import sys
from types import ModuleType

import pytest

from envgym.utils.lazy_exports import lazy_exports


def test_a_name_is_loaded_once_from_its_home(monkeypatch: pytest.MonkeyPatch) -> None:
    package, home = ModuleType("lazy"), ModuleType("lazy.home")
    home.answer = [42]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lazy", package)
    monkeypatch.setitem(sys.modules, "lazy.home", home)
    load = lazy_exports("lazy", {"home": ("answer",)})
    assert "answer" not in vars(package)
    assert load("answer") is home.answer
    assert vars(package)["answer"] is home.answer


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'lazy' has no attribute 'nothing'"):
        lazy_exports("lazy", {"home": ("answer",)})("nothing")
