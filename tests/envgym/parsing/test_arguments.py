"""Arguments are fitted to parameters where nothing is lost, and refused by name elsewhere."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.chat.dialects import DIALECTS, dialect
from envgym.messages import Action
from envgym.parsing.arguments import fit, takes_null, takes_text
from envgym.tools import tool, tools_of


class _Box:
    @tool
    def f(
        self,
        text: str = "",
        count: int = 3,
        size: float = 1.0,
        on: bool = False,
        items: list[int] | None = None,
        names: list[str] = [],  # noqa: B006 - a default as authors write it
        table: dict[str, int] = {},  # noqa: B006
        level: Literal["1", "2"] = "1",
        either: int | str = 0,
        note: str | None = None,
    ) -> str:
        """F."""
        return ""


SPEC = tools_of(_Box)["f"]


@pytest.mark.parametrize(
    ("name", "came", "value"),
    [
        ("text", 1954, "1954"),
        ("text", 1.5, "1.5"),
        ("text", True, "true"),
        ("text", None, ""),
        ("text", "[1]", "[1]"),
        ("count", "3", 3),
        ("count", 3.0, 3),
        ("count", None, 3),
        ("size", "1.5", 1.5),
        ("size", 2, 2.0),
        ("on", "true", True),
        ("items", "[1, 2]", [1, 2]),
        ("items", "['1', 2,]", [1, 2]),
        ("items", None, None),
        ("items", "null", None),
        ("names", [1, 2], ["1", "2"]),
        ("table", '{"a": 1}', {"a": 1}),
        ("level", 1, "1"),
        ("either", "3", "3"),
        ("either", 3, 3),
        ("note", "null", "null"),
        ("note", None, None),
    ],
)
def test_nothing_is_lost(name: str, came: Any, value: Any) -> None:
    fitted = fit({name: came}, SPEC.arguments)[name]
    assert (fitted, type(fitted)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "came"),
    [
        ("count", "3.7"),
        ("count", 3.7),
        ("count", True),
        ("count", "three"),
        ("size", 2**60 + 1),
        ("size", False),
        ("on", "maybe"),
        ("items", "1, 2"),
        ("items", "[1, x]"),
        ("names", "a"),
        ("text", [1]),
        ("text", {"a": 1}),
        ("level", 3),
    ],
)
def test_what_would_be_lost_is_refused_by_name(name: str, came: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{name}\S*: .* \(got "):
        fit({name: came}, SPEC.arguments)


def test_an_unknown_argument_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"cuont: Extra inputs.* Did you mean 'count'"):
        fit({"cuont": 3}, SPEC.arguments)


@given(st.integers())
def test_integers_travel_both_ways(number: int) -> None:
    fitted = fit({"text": number, "count": str(number)}, SPEC.arguments)
    assert (fitted["text"], fitted["count"]) == (str(number), number)


def test_kinds_of_parameters() -> None:
    taking = [n for n in SPEC.arguments.model_fields if takes_text(SPEC.parameters, n)]
    assert taking == ["text", "level", "either", "note"]
    assert [n for n in SPEC.arguments.model_fields if takes_null(SPEC.parameters, n)] == [
        "items",
        "note",
    ]


@pytest.mark.parametrize("name", sorted({*DIALECTS} - {"native"}))
def test_arguments_are_the_same_in_every_dialect(name: str) -> None:
    """A dialect that writes text between tags reads the type the tool asks for."""
    wanted = {"text": "1954", "count": 5, "size": 0.5, "on": True, "items": [1, 2], "note": "x"}
    form, tools = dialect(name), tuple(tools_of(_Box).values())
    [call] = form.parse(form.write(Action.call("f", **wanted), tools), tools).tool_calls
    fitted = fit(call.arguments or {}, SPEC.arguments)
    assert {key: fitted[key] for key in wanted} == wanted


def test_a_number_for_a_text_keeps_its_letters() -> None:
    text = '<tool_call>{"name": "f", "arguments": {"text": 1.50, "size": 1.50}}</tool_call>'
    [call] = dialect("hermes").parse(text, tuple(tools_of(_Box).values())).tool_calls
    assert call.arguments == {"text": "1.50", "size": 1.5}
    assert type((call.arguments or {})["size"]) is float
