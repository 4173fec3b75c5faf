"""Tool calls built from a JSON object, named texts or a bare body.

No argument is dropped: one under another key is read where its meaning is certain, and refused by
that key where it is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from envgym.messages import ToolCall
from envgym.parsing.arguments import takes_integer_alone, takes_null, takes_text, takes_texts
from envgym.parsing.near_json import BrokenJson, WrittenFloat, read_json
from envgym.tools import ToolSpec

_HALF = re.compile("[\ud800-\udfff]")
_KEYS = ("arguments", "parameters", "args", "input")
_BESIDE = frozenset({"id", "type", "index"})  # keys that servers and templates put beside a name
NO_OBJECT = 'a call is an object with "name" and "arguments".'


def call_of(value: Any, tools: Mapping[str, ToolSpec]) -> ToolCall:
    """Build a call from a JSON object; its id is empty.

    The arguments stand under ``arguments``, ``parameters``, ``args`` or ``input``, or beside the
    name.
    """
    value = unwrapped(value)
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return refusal(NO_OBJECT)
    name = value["name"]
    spec = tools.get(name)
    known = spec.arguments.model_fields if spec else {}
    held = [k for k in _KEYS if k in value and (k == "arguments" or k not in known)]
    beside = [
        k
        for k in value
        if k not in (*held, "name") and (k not in _BESIDE or (k in known and not held))
    ]
    if not held:
        return ToolCall(name, letters_kept({k: value[k] for k in beside}, spec), "")
    if len(held) > 1:
        return refusal(f'"{held[0]}" and "{held[1]}" both hold arguments: give one.', name)
    if beside:
        wrong = f'"{beside[0]}" stands beside "{held[0]}": put every argument into "{held[0]}".'
        return refusal(wrong, name)
    arguments = value[held[0]]
    if isinstance(arguments, str):  # some models quote the object once more
        try:
            arguments = read_json(arguments)
        except BrokenJson:
            arguments = None
    elif arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        return refusal(f'"{held[0]}" must be an object.', name)
    return ToolCall(name, letters_kept(arguments, spec), "")


def unwrapped(value: Any) -> Any:
    """Remove the ``function`` object that servers put around a call.

    What stands beside that object is kept beside the name: it is read or refused there. Where the
    two contradict each other, the value is left as it is, which no tool takes.
    """
    inner = value.get("function") if isinstance(value, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        return value
    outer = {key: one for key, one in value.items() if key != "function"}
    if any(key in inner and inner[key] != one for key, one in outer.items()):
        return value
    return {**outer, **inner}


def call_of_texts(
    name: str, pairs: Iterable[tuple[str, str, bool | None]], tools: Mapping[str, ToolSpec]
) -> ToolCall:
    """Build a call from texts between tags: text where the tool takes text, else JSON.

    Args:
        pairs: Each parameter, what stands for it, and whether that is text, where the tags say.
    """
    spec, arguments = tools.get(name), dict[str, Any]()
    for parameter, text, is_text in pairs:
        if parameter in arguments:
            return refusal(f"{name}: {parameter} is given twice: give it once.", name)
        if is_text is None:
            is_text = spec is None or (
                takes_text(spec.parameters, parameter)
                and not (text == "null" and takes_null(spec.parameters, parameter))
            )
        arguments[parameter] = text if is_text else _value(text)
    return ToolCall(name, letters_kept(arguments, spec), "")


def refusal(error: str, name: str = "", call_id: str = "") -> ToolCall:
    """Make a call that cannot be run, with the reason as its `error`."""
    return ToolCall(name, None, call_id, error)


def unreadable(error: object, name: str = "", call_id: str = "") -> ToolCall:
    """Make a call whose text cannot be parsed, with the reason as its `error`."""
    return refusal(f"the call could not be read: {error}.", name, call_id)


def letters_kept(arguments: Mapping[str, Any], spec: ToolSpec | None) -> dict[str, Any]:
    """Convert arguments so that a number for a text parameter keeps its spelling (``1.50``).

    One for an integer keeps each of its digits, which a float would round.
    """
    schema = spec.parameters if spec else {}
    return {name: _letters_kept(value, schema, name) for name, value in arguments.items()}


def _letters_kept(value: Any, schema: Mapping[str, Any], name: str) -> Any:
    if isinstance(value, list) and takes_texts(schema, name):
        return [one.letters if isinstance(one, WrittenFloat) else one for one in value]
    if not isinstance(value, WrittenFloat):
        return value
    if schema and takes_text(schema, name):
        return value.letters
    return value.exact if schema and takes_integer_alone(schema, name) else float(value)


def write_json(value: Any, markup: Sequence[str] = ()) -> str:
    """Serialize to JSON without `markup` or lone surrogates, which no tokenizer takes."""
    text = json.dumps(value, ensure_ascii=False)
    for mark in markup:  # begins with a sign that JSON has in strings alone
        text = text.replace(mark, f"\\u{ord(mark[0]):04x}{mark[1:]}")
    return _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def bare_call(name: str, body: str, call_id: str, tools: Sequence[ToolSpec]) -> ToolCall:
    """Build a call whose body is plain text for the tool's main parameter, or a JSON object.

    A tool of one parameter often takes text that is itself JSON: there, only an object with that
    very parameter is taken for the arguments.
    """
    spec = next((t for t in tools if t.name == name), None)
    if spec is None:
        return ToolCall(name, None, call_id, f"no tool {name!r}.")
    fields = spec.arguments.model_fields
    if body.lstrip().startswith("{"):
        try:
            arguments = read_json(body)
        except BrokenJson as error:
            arguments = None
            if _begins_arguments(body, fields):
                return unreadable(f"its JSON is broken ({error})", name, call_id)
        if isinstance(arguments, dict) and (len(fields) != 1 or set(arguments) == set(fields)):
            return ToolCall(name, letters_kept(arguments, spec), call_id)
    if not fields:
        if body.strip():
            return refusal(f"{name} takes no arguments: leave its body empty.", name, call_id)
        return ToolCall(name, {}, call_id)
    if spec.main_parameter is None:
        wanted = ", ".join(fields)
        return ToolCall(name, None, call_id, f"{name} needs a JSON object with: {wanted}.")
    return ToolCall(name, {spec.main_parameter: body}, call_id)


def bare_body(
    call: ToolCall, read: Callable[[str], Sequence[ToolCall]], markup: Sequence[str] = ()
) -> str:
    """Write the body of a call: its one argument as text where that parses back, or JSON.

    Args:
        read: The calls that the dialect finds where a body is put in its place.
        markup: Marks that the body must not hold.
    """
    arguments = dict(call.arguments or {})
    values = list(arguments.values())
    if len(values) <= 1 and all(isinstance(v, str | int | float) for v in values):
        text = "".join(map(str, values))
        harmless = not _HALF.search(text) and not any(mark in text for mark in markup)
        wanted = {name: str(value) for name, value in arguments.items()}
        if harmless and [c.arguments for c in read(text)] == [wanted]:
            return text
    return write_json(arguments, markup)


def _begins_arguments(body: str, fields: Iterable[str]) -> bool:
    """Test that a text begins as an object with one of the parameters does."""
    first = re.match(r"\s*+\{\s*+[\"']?([\w$]++)[\"']?\s*+:", body)
    return first is not None and first[1] in fields


def _value(text: str) -> Any:
    """The JSON value of a text, or the text where it is none: then the parameter's type judges."""
    try:
        return read_json(text)
    except BrokenJson:
        return text
