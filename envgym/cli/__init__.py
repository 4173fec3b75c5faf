"""Command line ``envgym``, one module per command.

The program loads each part of the library only when a command needs it. Exit codes: 2 for usage
errors (with a one-line message), 3 for faults, 1 for failed checks.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from importlib import import_module
from typing import Any

import typer

from envgym.errors import EnvgymError, UsageError

_COMMANDS = {
    "list": "listing:list_command",
    "check": "check:check_command",
    "rollout": "rollout:rollout_command",
    "replay": "replay:replay_command",
    "play": "play:play_command",
    "train": "train:train_command",
    "eval": "evaluation.command:eval_command",
    "reproduce": "reproduce:reproduce_command",
    "view": "view:view_command",
    "serve": "serve:serve_command",
    "serve-model": "serve_model:serve_model_command",
    "bench": "bench:bench_command",
    "search": "search:app",
    "web": "web:app",
    "sandbox": "sandbox:app",
}


def build(names: Collection[str] = tuple(_COMMANDS)) -> typer.Typer:
    """Build the command-line program, loading only the module of the requested command."""
    app = typer.Typer(
        help="The gym for language-model agents that act over many turns with tools.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(lambda: None)  # a command has a name also where it is the only one
    for name in names:
        module, _, attribute = _COMMANDS[name].partition(":")
        command = getattr(import_module(f"envgym.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def __getattr__(name: str) -> Any:
    if name == "app":  # the whole program, for callers from Python
        return build()
    raise AttributeError(f"module 'envgym.cli' has no attribute {name!r}")


def main() -> None:
    """Run the ``envgym`` program."""
    sys.path.insert(0, "")  # finds modules of the working directory: `envgym check guess:Guess`
    verbose = bool({"-v", "--verbose"} & set(sys.argv))
    asked = [name for name in sys.argv[1:2] if name in _COMMANDS]
    try:
        build(asked or tuple(_COMMANDS))()
    except KeyboardInterrupt:
        _end("interrupted", 130)
    except EnvgymError as error:
        if verbose:
            raise
        _end(f"error: {error}", 2 if isinstance(error, UsageError) else 3)
    except BrokenPipeError:
        sys.exit(141)


def _end(text: str, code: int) -> None:
    print(text, file=sys.stderr)
    sys.exit(code)
