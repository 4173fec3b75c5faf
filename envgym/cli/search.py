"""Command ``envgym search serve``: serve a search index over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Literal

import typer

from envgym.cli.options import Verbose
from envgym.errors import UsageError

app = typer.Typer(help="Serve retrieval for search environments.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Serve retrieval for search environments."""


@app.command("serve")
def serve_command(
    corpus: Annotated[
        str | None,
        typer.Option(help="JSON or JSONL file of passages; a generated world without it."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the generated world.")] = 0,
    size: Annotated[int, typer.Option(help="Number of pages of the generated world.")] = 600,
    phrasings: Annotated[
        int, typer.Option(help="Number of wordings per fact in the generated world, 1 to 3.")
    ] = 3,
    backend: Annotated[
        Literal["auto", "rank-bm25", "bm25s"], typer.Option(help="BM25 library of the index.")
    ] = "auto",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8090,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    verbose: Verbose = False,
) -> None:
    """Serve an index of pages to environments made with `-a server=URL`; Ctrl-C stops it."""
    try:
        from envgym.environments.search.dataset import Source, pages
        from envgym.environments.search.retrieval.index import Bm25Index
        from envgym.environments.search.retrieval.service import SearchService
        from envgym.utils.http_server import listen

        passages, _ = pages(Source(seed, size, phrasings, corpus=corpus))
        service = SearchService(Bm25Index(passages, backend))
    except ImportError as error:
        raise UsageError(f"it needs {error.name}: pip install 'envgym[search,api]'") from error
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(listen(service.app(), host, port, lambda address: print(address, flush=True)))
