from __future__ import annotations

from typing import Any

import pytest

from envgym import registry
from envgym.errors import UsageError
from envgym.registry import make, register, specs
from tests.envgym.worlds import Guess


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    specs()  # plugins are loaded into the real one
    monkeypatch.setattr(registry, "_specs", dict(registry._specs))
    monkeypatch.setattr(registry, "_classes", dict(registry._classes))


def test_make_by_id_and_short_name() -> None:
    register("test/guess-v3", Guess, max_turns=4)
    env = make("test/guess-v3")
    assert (env.spec.id, env.spec.version, env.max_turns) == ("test/guess-v3", 3, 4)
    assert make("guess-v3", max_turns=2).max_turns == 2
    assert make("guess-v3", max_turns=2).spec.kwargs == {"max_turns": 2}
    assert "test/guess-v3" in specs()


def test_entry_points_are_loaded_on_make() -> None:
    register("test/lazy-v0", "nowhere_at_all:Env")
    with pytest.raises(UsageError, match="no module 'nowhere_at_all'; install it"):
        make("test/lazy-v0")
    register("test/typo-v0", "envgym.task:Tsak")
    with pytest.raises(UsageError, match="has no attribute 'Tsak'"):
        make("test/typo-v0")


def test_mistakes_are_named() -> None:
    register("test/guess-v3", Guess)
    with pytest.raises(UsageError, match="Did you mean 'test/guess-v3'"):
        make("test/gues-v3")
    with pytest.raises(UsageError, match=r"takes no argument 'max_turn'.*max_turns"):
        make("test/guess-v3", max_turn=3)
    with pytest.raises(UsageError, match="registered already"):
        register("test/guess-v3", Guess)
    for bad in ("guess", "test/guess", "Test/Guess-v1", "a/b/c-v1"):
        with pytest.raises(UsageError, match="family/name-vN"):
            register(bad, Guess)


def test_a_short_name_of_two_families_is_refused() -> None:
    register("a/guess-v1", Guess)
    register("b/guess-v1", Guess)
    with pytest.raises(UsageError, match="no environment"):
        make("guess-v1")


def test_defaults_of_the_entry_are_overridden() -> None:
    class Sized(Guess):
        def __init__(self, size: int = 1, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.size = size

    register("test/sized-v1", Sized, kwargs={"size": 5})
    assert make("test/sized-v1").size == 5  # type: ignore[attr-defined]
    assert make("test/sized-v1", size=6).size == 6  # type: ignore[attr-defined]


def test_packages_register_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        def load(self) -> Any:
            return lambda: register("plugin/guess-v0", Guess)

    monkeypatch.setattr(registry, "_plugins_loaded", False)
    monkeypatch.setattr(registry, "BUILTIN", {})
    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()])
    assert isinstance(make("plugin/guess-v0"), Guess)
