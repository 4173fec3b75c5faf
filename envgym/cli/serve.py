"""Command ``envgym serve``: serve environments to other processes and machines over WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from envgym.cli.options import Verbose, log_to_stderr
from envgym.errors import UsageError


def serve_command(
    ids: Annotated[
        list[str] | None,
        typer.Argument(help="Environments to serve, as ids or module:Class; all by default."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8080,
    capacity: Annotated[
        int, typer.Option(min=1, help="Maximum number of concurrent sessions.")
    ] = 2048,
    health: Annotated[
        list[str] | None,
        typer.Option(help="Id that /health resets, repeatable; default: all named ids, else one."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            envvar="ENVGYM_TOKEN_FILE", help="File with the token that clients must send."
        ),
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Serve environments; clients make them by ws://HOST:PORT/ID. Ctrl-C stops in order."""
    try:
        from envgym.serve.server import serve
    except ImportError as error:
        raise UsageError(f"serving needs {error.name}: pip install 'envgym[serve]'") from error

    log_to_stderr(logging.DEBUG if verbose else logging.INFO)

    def ready(address: str, server: Any) -> None:
        print(f"{', '.join(server.ids)} at {address}", flush=True)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(
            serve(
                ids or (),
                health=health or (),
                host=host,
                port=port,
                capacity=capacity,
                token_file=token_file,
                ready=ready,
            )
        )
