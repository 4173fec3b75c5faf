"""Conversion of call arguments to the tool's parameter types wherever nothing is lost.

Models write ``"3"`` for a number, ``1954`` for a text, ``null`` for a parameter that they leave out
and a list as JSON in a string. Each of these has one meaning for a given parameter, in every
dialect; what would lose something (``3.7`` for an integer) is refused, by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from envgym.errors import suggest
from envgym.parsing.near_json import BrokenJson, WrittenFloat, read_json
from envgym.utils.validation_text import first_problem

_LEFT_OUT = object()


def fit(arguments: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Fit a model's arguments to the fields of `model`; return the value of each field.

    Raises:
        ValueError: A parameter is unknown, missing or of another type; the message names it, what
            came and what is wanted.
    """
    values = dict(arguments)
    for name in values:
        if name not in model.model_fields:
            near = suggest(name, model.model_fields) or " It takes no parameters."
            raise ValueError(f"{name}: Extra inputs are not permitted.{near}")
    try:
        read = model.model_validate(values)
    except ValidationError:
        values = _reread(values, model)
        try:
            read = model.model_validate(values)
        except ValidationError as error:
            raise ValueError(_first_problem_with_input(error)) from None
    fitted = {name: getattr(read, name) for name in model.model_fields}
    for name, value in values.items():
        if _lost(value, fitted[name]):
            wanted = "integer" if isinstance(fitted[name], int) else "number"
            raise ValueError(f"{name}: Input should be a valid {wanted}{_shown(value)}")
    return fitted


def takes_text(schema: Mapping[str, Any], name: str) -> bool:
    """Test that a parameter takes text, by the JSON schema of all parameters."""
    return _takes(schema, schema.get("properties", {}).get(name, {}), "string")


def takes_texts(schema: Mapping[str, Any], name: str) -> bool:
    """Test that a parameter takes a list of texts."""
    part = schema.get("properties", {}).get(name, {})
    lists = (one for one in (part, *part.get("anyOf", ())) if one.get("type") == "array")
    return any("items" in one and _takes(schema, one["items"], "string") for one in lists)


def takes_integer_alone(schema: Mapping[str, Any], name: str) -> bool:
    """Test that a parameter takes integers and no other number."""
    part = schema.get("properties", {}).get(name, {})
    return _takes(schema, part, "integer") and not _takes(schema, part, "number")


def takes_null(schema: Mapping[str, Any], name: str) -> bool:
    """Test that a parameter takes null."""
    return _takes(schema, schema.get("properties", {}).get(name, {}), "null")


def _takes(schema: Mapping[str, Any], part: Mapping[str, Any], kind: str) -> bool:
    if "$ref" in part:
        part = schema.get("$defs", {}).get(part["$ref"].rpartition("/")[2], {})
    if "anyOf" in part:
        return any(_takes(schema, one, kind) for one in part["anyOf"])
    return part.get("type", kind) == kind


def _reread(values: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """The values, each refused one in the first other reading that is not."""
    for name in sorted(_wrong(values, model) & set(values)):
        for other in _other_readings(values[name]):
            tried = {**values, name: other}
            if other is _LEFT_OUT:
                del tried[name]
            if name not in _wrong(tried, model):
                values = tried
                break
    return values


def _wrong(values: Mapping[str, Any], model: type[BaseModel]) -> set[str]:
    """The names of the parameters that `model` refuses."""
    try:
        model.model_validate(values)
    except ValidationError as error:
        return {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
    return set()


def _other_readings(value: Any) -> Iterator[Any]:
    """Other readings of a refused value."""
    if value is None:
        yield _LEFT_OUT
    elif isinstance(value, bool | int | float):
        yield json.dumps(value)
    elif isinstance(value, str):
        try:
            other = read_json(value)
            yield other.exact if isinstance(other, WrittenFloat) else other
        except BrokenJson:
            return


def _lost(value: Any, fitted: Any) -> bool:
    """Test that a boolean became a number, or an integer lost digits as a float."""
    if isinstance(value, bool):
        return isinstance(fitted, int | float) and not isinstance(fitted, bool)
    return isinstance(value, int) and isinstance(fitted, float) and fitted != value


def _first_problem_with_input(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    came = "" if problem["type"] == "missing" else _shown(problem["input"])
    return first_problem(error, "arguments") + came


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return f" (got {text if len(text) <= 60 else text[:57] + '...'})"
