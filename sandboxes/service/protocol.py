"""Protocol shared by service and client: frames, outcomes, and errors that keep their class."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from envgym.errors import EnvgymError, Fault, UsageError
from envgym.sandboxes.base import BoxLost, Denied, SessionLost
from envgym.sandboxes.outcome import Result
from envgym.sandboxes.pool.pool import PoolFull
from envgym.sandboxes.supervisor.streams.frames import BadFrame, Frame, Unpacker

FRAME = "application/vnd.envgym.frame"
"""Content type of a body that is one frame (`envgym.sandboxes.supervisor.streams.frames`)."""
REQUEST_ID = "X-Request-ID"


class Gone(Fault):
    """The service no longer has the sandbox, through no fault of a program."""


class Busy(PoolFull):
    """The service is overloaded or about to stop; retry later."""


class WrongToken(UsageError):
    """The bearer token is missing or not among the service's."""


class TooLarge(UsageError):
    """The request's body is larger than the service accepts."""


class Cancelled(UsageError):
    """The client cancelled the request."""


# The first that fits: subclasses come before their bases.
ERRORS: tuple[tuple[str, int, type[EnvgymError]], ...] = (
    ("wrong_token", 401, WrongToken),
    ("denied", 403, Denied),
    ("cancelled", 409, Cancelled),
    ("lost", 410, SessionLost),
    ("box_lost", 410, BoxLost),
    ("too_large", 413, TooLarge),
    ("usage", 400, UsageError),
    ("gone", 404, Gone),
    ("busy", 503, PoolFull),
    ("fault", 502, Fault),
)


def describe(error: EnvgymError) -> tuple[int, str]:
    """HTTP status and kind of an error."""
    for kind, status, cls in ERRORS:
        if isinstance(error, cls):
            return status, kind
    return 500, "fault"


def error_body(error: EnvgymError) -> bytes:
    """Encode an error as a JSON body."""
    return json.dumps({"error": describe(error)[1], "message": str(error)}).encode()


def read_error(body: bytes) -> EnvgymError | None:
    """Decode the error of a body, or None if it is not one of the service's."""
    try:
        said = json.loads(body)
        kind, message = said["error"], str(said["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return next((cls(message) for name, _, cls in ERRORS if name == kind), None)


def read_frame(body: bytes) -> Frame:
    """Decode a body that holds exactly one frame.

    Raises:
        UsageError: It holds none, or more than one.
    """
    unpacker = Unpacker()
    try:
        frames = list(unpacker.feed(body))
    except BadFrame as error:
        raise UsageError(f"the body is no frame: {error}") from error
    return one_frame(frames, unpacker)


def one_frame(frames: list[Frame], unpacker: Unpacker) -> Frame:
    """Frame of a body that holds exactly one, with no bytes left in its unpacker."""
    if len(frames) != 1 or unpacker.waiting:
        raise UsageError(
            f"the body holds {len(frames)} frames and {unpacker.waiting} bytes more, not one frame"
        )
    frame = frames[0]
    frame.header.pop("parts")
    return frame


def result_header(result: Result) -> dict[str, Any]:
    """Header of a result, which `read_result` reads; its two outputs travel as parts."""
    said = asdict(result)
    del said["stdout"], said["stderr"]
    return said
