"""Forms: every argument asked for, checked at once, asked again."""

from __future__ import annotations

import io
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from rich.console import Console

from envgym.agents.human.argument_form import GoBack, QuitGame, fill_arguments, type_name
from envgym.agents.human.terminal import PlayerLeft, Terminal
from envgym.tools import ToolSpec, tool, tools_of


class Item(BaseModel):
    name: str
    amount: int = 1


class Tools:
    @tool
    def order(
        self,
        what: str,
        side: Literal["left", "right"],
        count: Annotated[int, Field(ge=1)] = 2,
        price: float | None = None,
        items: list[Item] | None = None,
        gift: bool = False,
    ) -> str:
        """Order something.

        Args:
            what: Its name.
            count: How many.
        """
        return what

    @tool
    def wait(self) -> str:
        """Do nothing."""
        return ""


SPECS = tools_of(Tools)


def fill(spec: ToolSpec, *lines: str) -> tuple[dict[str, Any], str]:
    """The arguments that lines give, and what was shown."""
    left = list(lines)
    screen = io.StringIO()

    def read(prompt: str) -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    terminal = Terminal(Console(file=screen, width=100), read)
    call = terminal.run(fill_arguments(spec, terminal))
    assert not left
    assert call.name == spec.name
    spec.arguments.model_validate(call.arguments)
    return dict(call.arguments or {}), screen.getvalue()


def test_every_kind_of_argument() -> None:
    lines = ("12", "left", "3", "0.5", '[{"name": "a"}]', "true")
    arguments, _ = fill(SPECS["order"], *lines)
    assert arguments == {
        "what": "12",
        "side": "left",
        "count": 3,
        "price": 0.5,
        "items": [{"name": "a", "amount": 1}],
        "gift": True,
    }


def test_defaults_are_left_out_and_shown() -> None:
    arguments, shown = fill(SPECS["order"], "tea", "right", "", "", "", "")
    assert arguments == {"what": "tea", "side": "right"}
    assert "what (string): Its name." in shown
    assert 'side ("left" | "right")' in shown
    assert "count (integer, 2 if left empty): How many." in shown
    assert "items (JSON list of Item as JSON or null, None if left empty)" in shown


def test_what_does_not_fit_is_explained_and_asked_again() -> None:
    lines = ("", '""', "up", "left", "many", "0", "7", "", '[{"name": 1}]', "null", "")
    arguments, shown = fill(SPECS["order"], *lines)
    assert arguments == {"what": "", "side": "left", "count": 7, "items": None}
    assert "It has no default" in shown
    assert "Input should be 'left' or 'right'" in shown
    assert "unable to parse string as an integer" in shown
    assert "greater than or equal to 1" in shown
    assert "0.name: Input should be a valid string" in shown


def test_several_lines_stand_between_quotes() -> None:
    lines = ('"""', "def f():", "", "    return 1", '"""', "left", "", "", "", "")
    arguments, _ = fill(SPECS["order"], *lines)
    assert arguments["what"] == "def f():\n\n    return 1"


def test_a_tool_without_arguments_asks_nothing() -> None:
    assert fill(SPECS["wait"]) == ({}, "")


@pytest.mark.parametrize(
    ("lines", "way"), [(("tea", "/back"), GoBack), (("/quit",), QuitGame), (("tea",), PlayerLeft)]
)
def test_ways_out(lines: tuple[str, ...], way: type[Exception]) -> None:
    with pytest.raises(way):
        fill(SPECS["order"], *lines)


@pytest.mark.parametrize(
    ("schema", "words"),
    [({"const": 3}, "3"), ({"type": "object"}, "JSON object"), ({}, "any value")],
)
def test_schemas_in_words(schema: dict[str, Any], words: str) -> None:
    assert type_name(schema) == words
