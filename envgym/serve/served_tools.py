"""Tools of a served environment: the server's schema, and the argument model that parses calls.

The server validates what a call says. Here the schema is shown to models, and its names, types and
defaults serve dialects, forms and agents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, create_model

from envgym.serve.protocol.frames import ToolRow
from envgym.tools import ToolSpec

_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list[Any],
    "object": dict[str, Any],
    "null": None,
}


@dataclass(frozen=True)
class ServedTool(ToolSpec):
    """A tool that runs on the server; `declared` is its schema there."""

    declared: dict[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Any]:
        """JSON schema of the arguments."""
        return self.declared


def tool_row(tool: ToolSpec) -> ToolRow:
    """Encode a tool for the wire."""
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "is_async": tool.is_async,
        "timeout": tool.timeout,
        "parallel": tool.parallel,
        "parameter_docs": tool.parameter_docs,
    }


def served_tool(row: ToolRow) -> ServedTool:
    """Decode a tool from the wire."""
    return ServedTool(
        name=row["name"],
        description=row["description"],
        arguments=_model(row["name"], row["parameters"]),
        is_async=row["is_async"],
        timeout=row["timeout"],
        parallel=row["parallel"],
        parameter_docs=row["parameter_docs"],
        declared=row["parameters"],
    )


def _model(name: str, schema: Mapping[str, Any]) -> type[BaseModel]:
    required = set(schema.get("required", ()))
    fields: dict[str, Any] = {}
    for parameter, form in schema.get("properties", {}).items():
        default = ... if parameter in required else form.get("default")
        fields[parameter] = (_type(form), Field(default, description=form.get("description")))
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


def _type(form: Mapping[str, Any]) -> Any:
    """The Python type of a JSON schema; Any where it says something else than a plain type."""
    if "const" in form:
        return Literal[form["const"]]
    if "enum" in form:
        return Literal[tuple(form["enum"])]
    if "anyOf" in form:
        return Union[tuple(_type(one) for one in form["anyOf"])]  # noqa: UP007  (of a tuple)
    return _TYPES.get(form.get("type", ""), Any)
