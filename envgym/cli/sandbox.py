"""``envgym sandbox``: places where untrusted code runs."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from envgym.cli.options import Verbose
from envgym.errors import UsageError

sandbox_app = typer.Typer(help="Places where untrusted code runs.", no_args_is_help=True)


@sandbox_app.command("serve")
def serve_command(
    token_file: Annotated[
        Path, typer.Option(help="A token a line, `NAME TOKEN` or `TOKEN`: who may ask.")
    ],
    backend: Annotated[str, typer.Option(help="What keeps programs in.")] = "namespace",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 8700,
    size: Annotated[int, typer.Option(min=0, help="Boxes kept ready.")] = 4,
    most: Annotated[int, typer.Option(min=1, help="Boxes at once.")] = 16,
    share: Annotated[
        int | None, typer.Option(min=1, help="Most boxes of one token; all, if not given.")
    ] = None,
    idle_s: Annotated[
        float, typer.Option(min=1, help="Seconds after which an unused box is closed.")
    ] = 600.0,
    body_mib: Annotated[int, typer.Option(min=1, max=1000, help="Largest request, MiB.")] = 288,
    stop_s: Annotated[
        float, typer.Option(min=0, help="Seconds that runs get when it is told to stop.")
    ] = 4.0,
    verbose: Verbose = False,
) -> None:
    """Serve sandboxes over HTTP until SIGTERM or Ctrl-C (docs/sandbox_service.md)."""
    try:
        from envgym.sandboxes.service.config import ServiceConfig
        from envgym.sandboxes.service.serve import serve
    except ImportError as error:
        raise UsageError(f"serving needs {error.name}: pip install 'envgym[serve]'") from error
    from envgym.sandboxes import open_backend

    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    config = ServiceConfig(idle_s=idle_s, body_bytes=body_mib << 20, stop_s=stop_s)

    async def run() -> None:
        await serve(
            open_backend(backend),
            token_file,
            host=host,
            port=port,
            size=size,
            most=most,
            share=share,
            config=config,
            ready=lambda address: print(address, flush=True),
        )

    asyncio.run(run())
