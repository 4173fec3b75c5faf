"""Schemas of answers. The client validates them, since the service is another program's."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from envgym.errors import Fault
from envgym.sandboxes.supervisor.streams.frames import Frame
from envgym.utils.validation_text import first_problem

AnswerT = TypeVar("AnswerT", bound="Answer")


class Answer(BaseModel):
    """Base of answer headers. Unknown fields are ignored: a later service may add some."""

    model_config = ConfigDict(strict=True)


class OpenedBox(Answer):
    """Header that names a new sandbox."""

    box: str


class OpenedSession(Answer):
    """Header that names a new session."""

    session: str


def parse_answer(model: type[AnswerT], frame: Frame) -> AnswerT:
    """Validate the header of an answer.

    Raises:
        Fault: (``infra``) It does not fit; the message names the field.
    """
    try:
        return model.model_validate(frame.header)
    except ValidationError as error:
        why = first_problem(error, "answer")
        raise Fault(f"the sandbox service's answer is not valid: {why}", "infra") from error


def content(frame: Frame) -> bytes:
    """Return the one part of an answer.

    Raises:
        Fault: (``infra``) It has none, or several.
    """
    if len(frame.parts) != 1:
        raise Fault(f"the sandbox service's answer has {len(frame.parts)} parts, not 1", "infra")
    return frame.parts[0]
