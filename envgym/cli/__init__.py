"""The command line, ``envgym``: a module a command.

A front door: it reaches every room, and loads each only when a command needs it. Mistakes of the
caller end with one line and code 2, faults of the world with code 3, failed checks with code 1.
"""

from __future__ import annotations

import sys

import typer

from envgym.cli import (
    bench,
    check,
    evaluate,
    listing,
    play,
    replay,
    reproduce,
    rollout,
    sandbox,
    search,
    serve,
    train,
    view,
    web,
)
from envgym.errors import EnvgymError, UsageError

app = typer.Typer(
    help="The gym for language-model agents that act over many turns with tools.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("list")(listing.list_command)
app.command("check")(check.check_command)
app.command("rollout")(rollout.rollout_command)
app.command("replay")(replay.replay_command)
app.command("play")(play.play_command)
app.command("train")(train.train_command)
app.command("eval")(evaluate.eval_command)
app.command("reproduce")(reproduce.reproduce_command)
app.command("view")(view.view_command)
app.command("serve")(serve.serve_command)
app.command("bench")(bench.bench_command)
app.add_typer(search.app, name="search")
app.add_typer(web.app, name="web")
app.add_typer(sandbox.app, name="sandbox")


def main() -> None:
    """The ``envgym`` program."""
    sys.path.insert(0, "")  # environments of the folder one is in: `envgym check guess:Guess`
    verbose = bool({"-v", "--verbose"} & set(sys.argv))
    try:
        app()
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
