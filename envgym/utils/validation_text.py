"""Text of a pydantic ``ValidationError``: the path of a field and what is wrong with it.

Pydantic's own text names models and links to its site; people and models need one line.
"""

from __future__ import annotations

from pydantic import ValidationError


def first_problem(error: ValidationError, whole: str = "") -> str:
    """Return the first problem of `error` as ``path.of.field: what is wrong``.

    Args:
        whole: Stands in place of the path where the problem concerns the value as a whole; where
            it is empty, the text is the message alone.
    """
    return problems(error, whole, most=1)[0]


def problems(error: ValidationError, whole: str = "", *, most: int) -> list[str]:
    """Return the first `most` problems of `error`, each as `first_problem` writes it."""
    return [
        f"{where}: {problem['msg']}"
        if (where := ".".join(map(str, problem["loc"])) or whole)
        else problem["msg"]
        for problem in error.errors(include_url=False, include_input=False)[:most]
    ]
