"""Command ``envgym view``: show a run in the browser, during training or afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Annotated

import typer

from envgym.cli.options import Verbose
from envgym.errors import UsageError


def view_command(
    folder: Annotated[Path, typer.Argument(help="Folder of a training run or of rollout --save.")],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8642,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    html: Annotated[
        Path | None, typer.Option(help="File to write the page to, instead of serving it.")
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Serve a live page of a run's curves and episodes; Ctrl-C stops it."""
    try:
        from envgym.view.page import write_page
        from envgym.view.server import serve
    except ImportError as error:
        raise UsageError(f"viewing needs {error.name}: pip install 'envgym[view]'") from error

    if html is not None:
        print(write_page(folder, html))
        return
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(folder, host, port, lambda address: print(address, flush=True)))
