"""Commands ``envgym sandbox``: probe this machine's sandbox backends, serve sandboxes to others."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from envgym.cli.options import Json, Verbose, env_arguments, run
from envgym.errors import UsageError

app = typer.Typer(help="Run untrusted code in sandboxes.", no_args_is_help=True)


@app.command()
def probe(as_json: Json = False, verbose: Verbose = False) -> None:
    """Print which sandbox backends work on this machine, and why the others do not."""
    from envgym.sandboxes.backends.namespace.probe import backends, features

    found = {"features": list(features()), "backends": run(backends())}
    if as_json:
        print(json.dumps({k: [dataclasses.asdict(f) for f in v] for k, v in found.items()}))
        return
    console = Console()
    for title, findings in found.items():
        table = Table(title, "", "detail", box=None)
        for finding in findings:
            mark = "[green]yes[/]" if finding.there else "[red]no[/]"
            table.add_row(finding.name, mark, finding.detail)
        console.print(table)
        console.print()
    console.print("`unsafe` boxes isolate nothing and are always there, by explicit choice alone.")


@app.command("serve")
def serve_command(
    token_file: Annotated[
        Path,
        typer.Option(help="File of the accepted tokens, one `NAME TOKEN` or `TOKEN` per line."),
    ],
    backend: Annotated[
        str, typer.Option(help="Sandbox backend that isolates programs.")
    ] = "namespace",
    arg: Annotated[
        list[str] | None,
        typer.Option("--arg", "-a", help="Argument of the backend, as name=value; repeatable."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8700,
    size: Annotated[int, typer.Option(min=0, help="Number of sandboxes kept ready.")] = 4,
    most: Annotated[int, typer.Option(min=1, help="Maximum number of concurrent sandboxes.")] = 16,
    share: Annotated[
        int | None,
        typer.Option(min=1, help="Maximum number of sandboxes per token; no limit if not given."),
    ] = None,
    idle_s: Annotated[
        float, typer.Option(min=1, help="Seconds until an unused sandbox is closed.")
    ] = 600.0,
    body_mib: Annotated[
        int, typer.Option(min=1, max=1000, help="Maximum size of a request, in MiB.")
    ] = 288,
    stop_s: Annotated[
        float, typer.Option(min=0, help="Seconds that running programs get at shutdown.")
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

    arguments = env_arguments(arg)

    async def serve_until_stopped() -> None:
        await serve(
            open_backend(backend, **arguments),
            token_file,
            host=host,
            port=port,
            size=size,
            most=most,
            share=share,
            config=config,
            ready=lambda address: print(address, flush=True),
        )

    asyncio.run(serve_until_stopped())
