from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from envgym.agents.tiny import (
    CopyingPhase,
    TinyConfig,
    build_model,
    learn_to_copy,
    load_model,
    save_model,
    train_tokenizer,
)
from envgym.agents.tiny.pretrain_copying import copying_batch
from envgym.errors import UsageError

TEXTS = ["Silent River is a 1974 film directed by Anna Kowal."] * 20
SHAPE = TinyConfig(vocab_size=320, hidden=32, heads=2, kv_heads=1, intermediate=48)


def test_a_name_has_the_same_ids_wherever_it_stands() -> None:
    tokenizer = train_tokenizer(TEXTS, 320)
    name = tokenizer.encode("Anna Kowal")
    for text in ("by Anna Kowal.", "<answer>Anna Kowal</answer>", "Anna Kowal's"):
        ids = tokenizer.encode(text)
        assert any(ids[i : i + len(name)] == name for i in range(len(ids)))
        assert tokenizer.decode(ids) == text


def test_any_text_survives_encoding() -> None:
    tokenizer = train_tokenizer(TEXTS, 320)
    for text in ("naïve café", "日本語 🙂", " a  b\n\tc "):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_same_seed_same_weights() -> None:
    tokenizer = train_tokenizer(TEXTS, 320)
    one, two = (build_model(SHAPE, tokenizer, 3).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_marked_tokens_of_a_copying_batch_do_continue_a_copy() -> None:
    phase = CopyingPhase(rows=8, length=64)
    ids, repeated = copying_batch(phase, 1000, torch.Generator().manual_seed(0))
    for row, marks in zip(ids.tolist(), repeated.tolist(), strict=True):
        pairs = set(pairwise(row[:32]))
        for place in (i for i, mark in enumerate(marks) if mark):
            assert (row[place - 1], row[place]) in pairs


def test_the_copying_phase_lowers_its_loss() -> None:
    tokenizer = train_tokenizer(TEXTS, 320)
    model = build_model(SHAPE, tokenizer, 0)
    accuracies: list[float] = []
    phase = CopyingPhase(steps=30, rows=16, length=32)
    learn_to_copy(model, phase, 0, lambda _, accuracy: accuracies.append(accuracy))
    assert max(accuracies[-5:]) > accuracies[0]


def test_a_saved_model_loads_identical(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(TEXTS, 320)
    model = build_model(SHAPE, tokenizer, 0)
    save_model(model, tokenizer, tmp_path)
    loaded, read = load_model(tmp_path)
    assert read.encode(TEXTS[0]) == tokenizer.encode(TEXTS[0])
    ids = torch.tensor([tokenizer.encode(TEXTS[0])])
    assert torch.equal(loaded(ids).logits, model.eval()(ids).logits)


def test_a_directory_that_lacks_something_says_what(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(TEXTS, 320)
    with pytest.raises(UsageError, match="no model in"):
        load_model(tmp_path)
    build_model(SHAPE, tokenizer, 0).save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="no tokenizer in"):
        load_model(tmp_path)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="no chat template"):
        load_model(tmp_path)
