"""Form for the arguments of a tool call; each field is validated at once by the tool's model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from envgym.agents.human.terminal import Terminal
from envgym.messages import ToolCall
from envgym.tools import ToolSpec
from envgym.utils.validation_text import first_problem


class GoBack(Exception):
    """Raised when the person wants to choose another tool."""


class QuitGame(Exception):
    """Raised when the person wants to end the game."""


async def fill_arguments(tool: ToolSpec, terminal: Terminal) -> ToolCall:
    """Ask for every argument of a tool; return the call.

    Raises:
        GoBack: On ``/back``.
        QuitGame: On ``/quit``.
        PlayerLeft: At the end of the input.
    """
    arguments: dict[str, Any] = {}
    properties = tool.parameters.get("properties", {})
    if properties:
        terminal.say(f'{tool.name} (several lines between two of """; /back, /quit)', "dim")
    for name, field in tool.arguments.model_fields.items():
        described = properties.get(name, {})
        terminal.say(f"  {_question(name, field, described, tool.parameter_docs)}", "dim")
        while True:
            text = await terminal.ask(f"  {name}> ")
            if text.strip() in ("/back", "/quit"):
                raise GoBack if text.strip() == "/back" else QuitGame
            if not text and not field.is_required():
                break
            if not text:
                terminal.say('  It has no default; an empty text is written "".', "red")
                continue
            try:
                arguments[name] = read_value("" if text == '""' else text, field)
                break
            except ValidationError as error:
                terminal.say(f"  {first_problem(error)}", "red")
    return ToolCall(tool.name, arguments)


def read_value(text: str, field: FieldInfo) -> Any:
    """Parse a typed text to a field's JSON value: as text where that validates, else as JSON.

    Raises:
        ValidationError: Neither fits.
    """
    form: Any = Annotated[field.annotation, field]  # its bounds count as well
    adapter = TypeAdapter(form)
    try:
        value = adapter.validate_python(text)
    except ValidationError as as_text:
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            raise as_text from None
        value = adapter.validate_python(parsed)
    return adapter.dump_python(value, mode="json")


def type_name(schema: Mapping[str, Any]) -> str:
    """Describe a JSON schema in a few words."""
    if "enum" in schema:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2] + " as JSON"
    if "anyOf" in schema:
        return " or ".join(type_name(option) for option in schema["anyOf"])
    if schema.get("type") == "array":
        return f"JSON list of {type_name(schema.get('items', {}))}"
    if schema.get("type") == "object":
        return "JSON object"
    return str(schema.get("type", "any value"))


def _question(
    name: str, field: FieldInfo, schema: Mapping[str, Any], docs: Mapping[str, str]
) -> str:
    default = "" if field.is_required() else f", {field.get_default()!r} if left empty"
    about = docs.get(name, "")
    return f"{name} ({type_name(schema)}{default}){': ' if about else ''}{about}"
