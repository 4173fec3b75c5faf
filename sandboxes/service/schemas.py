"""What a request's header may hold. Anything else is refused by name, before anything is done."""

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
    """A header: JSON of the connection's other end, so nothing in it is taken for granted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class OpenRequest(Request):
    """A new box; a part, if there is one, is a snapshot."""

    limits: Limits | None = None


class ExecRequest(Request):
    """A program; the part is its standard input."""

    argv: list[Text]
    env: dict[str, Text] = {}
    limits: Limits | None = None


class PythonRequest(Request):
    """Python source; the parts are standard input and source."""

    args: list[Text] = []
    limits: Limits | None = None


class RunExec(ExecRequest):
    """A program in a box of its own."""

    language: Literal["exec"]


class RunPython(PythonRequest):
    """Python source in a box of its own."""

    language: Literal["python"]


class WriteRequest(Request):
    """A file; the part is its content."""

    path: Text


class ReadRequest(Request):
    """A file's bytes, at most `limit`."""

    path: Text
    limit: int = Field(16 * MIB, ge=0, le=1 << 30)


class SessionRequest(Request):
    """A new session."""

    kind: Literal["shell", "repl"]


class CodeRequest(Request):
    """Code for a session; the part is the code."""

    limits: Limits | None = None


class EmptyRequest(Request):
    """Nothing to say."""


def parse(model: type[ModelT], header: dict[str, Any]) -> ModelT:
    """A header as its model.

    Raises:
        UsageError: It does not fit; the message names the fields.
    """
    try:
        return model.model_validate(header)
    except ValidationError as error:
        wrong = "; ".join(problems(error, "request", most=4))
        raise UsageError(f"bad request: {wrong}") from None


def expect(parts: list[bytes], count: int) -> list[bytes]:
    """The parts, of which there have to be `count`."""
    if len(parts) != count:
        raise UsageError(f"bad request: {len(parts)} parts, not {count}")
    return parts


def source(part: bytes) -> str:
    """Code as text.

    Raises:
        UsageError: It is no UTF-8.
    """
    try:
        return part.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise UsageError(f"the code is no UTF-8: {error}") from None
