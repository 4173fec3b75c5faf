"""Command ``envgym web serve``: serve generated web sites, one per episode."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated

import typer

from envgym.cli.options import Verbose
from envgym.errors import UsageError

app = typer.Typer(help="Serve sites for web environments.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Serve sites for web environments."""


@app.command("serve")
def serve_command(
    episodes: Annotated[
        int, typer.Option(min=1, help="Maximum number of concurrent episodes.")
    ] = 1024,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8091,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    verbose: Verbose = False,
) -> None:
    """Serve generated web sites; Ctrl-C stops the server."""
    try:
        from envgym.environments.web.host import SiteHost
        from envgym.utils.http_server import listen
    except ImportError as error:
        raise UsageError(f"it needs {error.name}: pip install 'envgym[search,api]'") from error
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(
            listen(SiteHost(episodes).app(), host, port, lambda address: print(address, flush=True))
        )
