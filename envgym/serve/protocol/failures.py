"""Wire format of errors: the client raises the class and text that the server raised.

Any other exception has no name on this side. It becomes a `Fault` of kind ``env``, as it does in
`Env.reset` and `Env.step`, and the server's log has its traceback.
"""

from __future__ import annotations

from typing import Any

from envgym.errors import EnvgymError, Fault, ToolError, UsageError
from envgym.serve.protocol.frames import Failed

_CLASSES: dict[str, Any] = {
    "UsageError": UsageError,
    "ToolError": ToolError,
    "EnvgymError": EnvgymError,
}


def failed(error: Exception, *, number: int = 0, what: str = "") -> Failed:
    """Encode an error for the wire.

    Args:
        number: Number of the request that it answers.
        what: Whose exception it is, for those that are not envgym's own.
    """
    row: Failed = {
        "re": "failed",
        "id": number,
        "error": "Fault",
        "message": str(error),
        "kind": "env",
    }
    if isinstance(error, Fault):
        row["kind"] = error.kind
    elif (name := _name(error)) is None:
        row["message"] = f"{what} raised {type(error).__name__}: {error}"
    else:
        row["error"], row["kind"] = name, None
    return row


def raised(failure: Failed) -> EnvgymError:
    """Decode an error from the wire, to be raised."""
    if failure["error"] == "Fault":
        return Fault(failure["message"], failure["kind"] or "infra")
    error: EnvgymError = _CLASSES[failure["error"]](failure["message"])
    return error


def _name(error: Exception) -> Any:
    """The name of the nearest class that both ends know; None where there is none."""
    names = (cls.__name__ for cls in type(error).__mro__ if _CLASSES.get(cls.__name__) is cls)
    return next(names, None)
