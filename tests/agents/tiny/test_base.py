"""The base model that comes with envgym: small, complete, and able to read."""

from __future__ import annotations

import itertools

import torch

from envgym.agents.tiny import BASE, load_model
from envgym.agents.tiny.pretrain_reading import encode
from envgym.environments.search.world.reading_documents import fact_sheets


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in BASE.iterdir()) <= 4 * 2**20


def test_it_reads_pages_it_has_never_seen() -> None:
    model, tokenizer = load_model(BASE)
    right = total = 0
    for document in itertools.islice(fact_sheets(first=7), 20):
        ids, learnt = encode(tokenizer, document)
        with torch.inference_mode():
            guesses = model(torch.tensor([ids])).logits[0, :-1].argmax(-1).tolist()
        for guess, token, learn in zip(guesses, ids[1:], learnt[1:], strict=True):
            right += learn and guess == token
            total += learn
    assert right / total > 0.9
