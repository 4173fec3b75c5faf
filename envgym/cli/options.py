"""Command-line options shared by several commands."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Sequence
from typing import Annotated, Any, TypeVar

import typer

from envgym.errors import UsageError

T = TypeVar("T")

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show the tracebacks of errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
EnvId = Annotated[str, typer.Argument(help="Environment id, as `envgym list` shows it.")]
EnvArgs = Annotated[
    list[str] | None,
    typer.Option("--arg", "-a", help="Argument of the environment, as name=value; repeatable."),
]


def env_arguments(pairs: Sequence[str] | None) -> dict[str, Any]:
    """Parse ``name=value`` pairs to keyword arguments; values are YAML."""
    import yaml

    arguments: dict[str, Any] = {}
    for pair in pairs or ():
        name, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(f"write --arg name=value, not {pair!r}")
        try:
            arguments[name] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UsageError(f"--arg {name}: {text!r} is no YAML value") from error
    return arguments


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; Ctrl-C cancels it and lets it clean up."""
    import asyncio

    return asyncio.run(work)


def log_to_stderr(level: int) -> None:
    """Log what servers of envgym say, and nothing of what libraries log."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("envgym.serve")
    log.addHandler(handler)
    log.setLevel(level)
    log.propagate = False
