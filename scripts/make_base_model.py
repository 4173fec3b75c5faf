"""Make the small base model that comes with envgym: `agents/tiny/base`.

Its weights learn to copy and to read on pages of generated worlds that no environment asks about,
and never see a question; its tokenizer is trained on the text of a few more, their questions
included. Run again with the same arguments, on as many threads, it makes the same model.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.progress import track

import envgym
from envgym.agents.tiny import (
    BASE,
    ReadingPhase,
    TinyConfig,
    build_model,
    learn_to_read,
    save_model,
    train_tokenizer,
)
from envgym.environments.search.world.reading_documents import FIRST_WORLD, fact_sheets
from envgym.trainers.build import texts_of


def main(
    out: Annotated[Path, typer.Option(help="Directory of the model.")] = BASE,
    steps: Annotated[int, typer.Option(help="Optimiser steps.")] = 1800,
    seed: Annotated[int, typer.Option(help="Of weights and documents.")] = 0,
    threads: Annotated[int, typer.Option(help="CPU threads of torch.")] = 2,
) -> None:
    """Make the base model (about a quarter of an hour on two cores)."""
    torch.set_num_threads(threads)
    # Words from several worlds: a name is then mostly one token, and copying it one step.
    seeds = range(FIRST_WORLD - 8, FIRST_WORLD)
    worlds = (envgym.make("search/wiki-v1", seed=seed, size=2000) for seed in seeds)
    texts = itertools.chain.from_iterable(texts_of(world, "tags") for world in worlds)
    config = TinyConfig(vocab_size=3072, layers=3)
    tokenizer = train_tokenizer(texts, config.vocab_size)
    model = build_model(config, tokenizer, seed)
    curve: list[float] = []

    progress = iter(track(range(steps), "learning to read"))

    def on_step(step: int, accuracy: float) -> None:
        next(progress)
        curve.append(accuracy)
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}: accuracy {sum(curve[-100:]) / 100:.3f}")

    learn_to_read(model, tokenizer, fact_sheets(seed), ReadingPhase(steps=steps), seed, on_step)
    save_model(model.half(), tokenizer, out)


if __name__ == "__main__":
    typer.run(main)
