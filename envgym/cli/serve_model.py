"""Command ``envgym serve-model``: serve a model over vLLM's token protocol and OpenAI's chat."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Annotated

import typer

from envgym.cli.options import Verbose, log_to_stderr
from envgym.errors import UsageError


def serve_model_command(
    model: Annotated[
        str, typer.Argument(help="Directory or hub name of the model; the small base by default.")
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the model in requests.")] = "",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    dtype: Annotated[
        str, typer.Option(help="Number format of the weights: float32, bfloat16 or auto.")
    ] = "float32",
    dialect: Annotated[
        str, typer.Option(help="Tool-call format; auto reads it from the chat template.")
    ] = "auto",
    max_rows: Annotated[
        int, typer.Option(min=1, help="Maximum number of concurrent generations.")
    ] = 256,
    max_context: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of tokens of a context and its reply.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File that holds the token that clients must send.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Number of threads of tensor operations.")
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Serve a model: /inference/v1/generate, /v1/chat/completions and weight updates.

    Whoever can reach the address can replace the weights by files on this machine's disk. Ctrl-C
    stops it.
    """
    try:
        import torch

        from envgym.agents.serve_model import ServedModel, serve_model
        from envgym.agents.tiny import BASE, load_model
        from envgym.chat.renderer import Chat
    except ImportError as error:
        raise UsageError(
            f"serving a model needs {error.name}: pip install 'envgym[train,api]'"
        ) from error

    log_to_stderr(logging.DEBUG if verbose else logging.INFO)
    if threads is not None:
        torch.set_num_threads(threads)
    loaded, tokenizer = load_model(model or BASE, dtype)
    loaded.eval()

    async def work() -> None:
        served = ServedModel(
            loaded,
            Chat(tokenizer, dialect),
            name or Path(model or BASE).name,
            max_rows=max_rows,
            max_context=max_context,
        )
        say = lambda address: print(f"{served.name} at {address}", flush=True)  # noqa: E731
        await serve_model(served, host=host, port=port, token_file=token_file, ready=say)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(work())
