"""Schemas of request headers. Unknown fields are refused by name before anything runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from envgym.errors import UsageError
from envgym.sandboxes.limits import MIB, Limits
from envgym.utils.validation_text import problems

ModelT = TypeVar("ModelT", bound="Request")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


# Also with lone surrogates, which stand for bytes that are no UTF-8 in names and arguments.
Text = Annotated[str, PlainValidator(_text)]


class Request(BaseModel):
    """Base of request headers: untrusted JSON."""

    model_config = ConfigDict(extra="forbid", strict=True)


class OpenRequest(Request):
    """Header of a new sandbox; the optional part is a snapshot."""

    limits: Limits | None = None


class ExecRequest(Request):
    """Header of a program; the part is its standard input."""

    argv: list[Text]
    env: dict[str, Text] = {}
    limits: Limits | None = None


class PythonRequest(Request):
    """Header of Python source; the parts are standard input and source."""

    args: list[Text] = []
    limits: Limits | None = None


class RunExec(ExecRequest):
    """Header of a program in its own sandbox."""

    language: Literal["exec"]


class RunPython(PythonRequest):
    """Header of Python source in its own sandbox."""

    language: Literal["python"]


class WriteRequest(Request):
    """Header of a file to write; the part is its content."""

    path: Text


class ReadRequest(Request):
    """Header of a file to read, at most `limit` bytes."""

    path: Text
    limit: int = Field(16 * MIB, ge=0, le=1 << 30)


class SessionRequest(Request):
    """Header of a new session."""

    kind: Literal["shell", "repl"]


class CodeRequest(Request):
    """Header of code for a session; the part is the code."""

    limits: Limits | None = None


class EmptyRequest(Request):
    """Header without fields."""


def parse(model: type[ModelT], header: dict[str, Any]) -> ModelT:
    """Validate a header.

    Raises:
        UsageError: It does not fit; the message names the fields.
    """
    try:
        return model.model_validate(header)
    except ValidationError as error:
        wrong = "; ".join(problems(error, "request", most=4))
        raise UsageError(f"bad request: {wrong}") from None


def expect(parts: list[bytes], count: int) -> list[bytes]:
    """Return the parts, after a check of their number."""
    if len(parts) != count:
        raise UsageError(f"bad request: {len(parts)} parts, not {count}")
    return parts


def source(part: bytes) -> str:
    """Decode code as text.

    Raises:
        UsageError: It is no UTF-8.
    """
    try:
        return part.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise UsageError(f"the code is no UTF-8: {error}") from None
