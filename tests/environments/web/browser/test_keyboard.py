"""Key events: what a key types, modifiers, and names that do not exist."""

from __future__ import annotations

import pytest

from envgym.environments.web.browser.keyboard import events
from envgym.errors import ToolError


def test_a_character_is_typed_and_enter_is_a_return() -> None:
    down, up = events("a")
    assert (down["type"], down["text"], down["code"]) == ("keyDown", "a", "KeyA")
    assert (up["type"], up["key"]) == ("keyUp", "a")
    assert events("Enter")[0]["text"] == "\r"
    assert events("+")[0]["text"] == "+"


def test_a_combination_types_nothing_and_holds_its_modifiers() -> None:
    made = events("Control+Shift+a")
    assert [e["type"] for e in made] == [
        "rawKeyDown",
        "rawKeyDown",
        "rawKeyDown",
        "keyUp",
        "keyUp",
        "keyUp",
    ]
    assert made[2]["modifiers"] == 10
    assert made[2]["commands"] == ["selectAll"]
    assert "text" not in made[2]


@pytest.mark.parametrize(
    ("keys", "message"),
    [("Entr", "no key 'Entr'. Did you mean 'Enter'"), ("Ctrl+a", "no modifier 'Ctrl'")],
)
def test_an_unknown_key_is_named(keys: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        events(keys)
