from __future__ import annotations

import itertools

import torch

from envgym.agents.tiny import (
    CopyingPhase,
    ReadingPhase,
    TinyConfig,
    build_model,
    learn_to_read,
    train_tokenizer,
)

DOCUMENTS = [
    [(f"{name} is {colour}.\ncolour:", False), (f" {colour}\n", True)]
    for name in ("Anna", "Bert", "Cora", "Dirk")
    for colour in ("red", "blue", "green", "white")
]
PHASE = ReadingPhase(steps=60, rows=8, lr=5e-3, copying=CopyingPhase(rows=4, length=32))


def trained(phase: ReadingPhase, seed: int) -> tuple[dict[str, torch.Tensor], list[float]]:
    tokenizer = train_tokenizer((text for d in DOCUMENTS for text, _ in d), 300)
    shape = TinyConfig(vocab_size=300, hidden=32, heads=2, kv_heads=1, intermediate=48)
    model = build_model(shape, tokenizer, seed)
    curve: list[float] = []
    learn_to_read(
        model, tokenizer, itertools.cycle(DOCUMENTS), phase, seed, lambda _, a: curve.append(a)
    )
    return model.state_dict(), curve


def test_it_learns_to_read() -> None:
    _, curve = trained(PHASE, 0)
    assert len(curve) == 60
    assert sum(curve[-5:]) / 5 > curve[0] + 0.3


def test_same_seed_same_weights() -> None:
    phase = PHASE.model_copy(update={"steps": 3})
    (one, _), (two, _) = (trained(phase, 1) for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_it_ends_with_its_documents() -> None:
    tokenizer = train_tokenizer((text for d in DOCUMENTS for text, _ in d), 300)
    model = build_model(TinyConfig(vocab_size=300, hidden=32, heads=2, kv_heads=1), tokenizer, 0)
    steps: list[int] = []
    learn_to_read(model, tokenizer, DOCUMENTS, PHASE, 0, lambda step, _: steps.append(step))
    assert len(steps) == 2  # 16 documents, 8 a step
