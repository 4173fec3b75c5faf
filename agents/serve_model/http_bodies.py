"""Bodies of requests and replies: validation with one clear line, errors in OpenAI's form."""

from __future__ import annotations

from typing import TypeVar

from aiohttp import web
from pydantic import ValidationError

from envgym.agents.serve_model.schemas import Body
from envgym.errors import UsageError
from envgym.utils.validation_text import first_problem

BodyT = TypeVar("BodyT", bound=Body)


async def read_body(request: web.Request, schema: type[BodyT]) -> BodyT:
    """Read and check a request's JSON body; an empty one is an empty object.

    Raises:
        UsageError: It is no JSON, or a field is wrong; the message names the field.
    """
    try:
        return schema.model_validate_json(await request.read() or b"{}")
    except ValidationError as error:
        raise UsageError(f"bad request to {request.path}: {first_problem(error)}") from None


def failure(status: int, message: str) -> web.Response:
    """Make an error reply in OpenAI's form."""
    kind = "BadRequestError" if status < 500 else "InternalServerError"
    error = {"message": message, "type": kind, "param": None, "code": status}
    return web.json_response({"error": error}, status=status)
