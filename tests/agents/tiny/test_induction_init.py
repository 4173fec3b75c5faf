from __future__ import annotations

import pytest
import torch

from envgym.agents.tiny import CopyingPhase, TinyConfig, build_model, learn_to_copy, train_tokenizer
from envgym.agents.tiny.pretrain_copying import copying_batch
from envgym.errors import UsageError

TOKENIZER = train_tokenizer(["ab"], 300)


def copied(induction: bool, layers: int = 2) -> float:
    """Share of a repeated string's tokens that an untrained model foretells."""
    model = build_model(TinyConfig(layers=layers, induction=induction), TOKENIZER, 0)
    ids, repeated = copying_batch(
        CopyingPhase(rows=16, length=64), len(TOKENIZER), torch.Generator().manual_seed(1)
    )
    with torch.no_grad():
        guesses = model(input_ids=ids).logits[:, :-1].argmax(-1)
    return (guesses == ids[:, 1:])[repeated[:, 1:]].float().mean().item()


@pytest.mark.parametrize("layers", [2, 3])
def test_a_model_that_was_never_trained_copies(layers: int) -> None:
    assert copied(True, layers) > 0.4
    assert copied(False, layers) < 0.05


@pytest.mark.parametrize("look_back", [2, 3])
def test_each_head_of_the_first_layer_looks_at_its_own_place(look_back: int) -> None:
    model = build_model(TinyConfig(induction=True, look_back=look_back), TOKENIZER, 0)
    model.set_attn_implementation("eager")
    ids = torch.randint(0, len(TOKENIZER), (4, 24), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        first = model(input_ids=ids, output_attentions=True).attentions[0]
    for head, back in enumerate(range(1, look_back + 1)):
        places = first[:, head, 4:].argmax(-1)
        hit = (places == torch.arange(4, 24) - back).float().mean().item()
        assert hit > 0.8


def test_training_goes_on_from_there() -> None:
    model = build_model(TinyConfig(induction=True), TOKENIZER, 0)
    accuracy = learn_to_copy(model, CopyingPhase(steps=20, rows=16, length=48, lr=2e-3), 0)
    assert accuracy > 0.6


@pytest.mark.parametrize(
    ("shape", "fix"),
    [
        ({"layers": 1}, "two layers"),
        ({"heads": 2, "kv_heads": 2}, "3 heads"),
        ({"look_back": 4}, "5 heads"),
        ({"kv_heads": 2}, "as many kv_heads"),
        ({"hidden": 32}, "16 dimensions"),
    ],
)
def test_a_shape_without_room_for_it_says_so(shape: dict[str, int], fix: str) -> None:
    with pytest.raises(UsageError, match=fix):
        build_model(TinyConfig(induction=True, **shape), TOKENIZER, 0)


def test_what_two_tokens_leave_open_three_tell() -> None:
    """Letters in brackets: after a bracket that closes and one that opens, any may follow."""
    generator = torch.Generator().manual_seed(3)
    opens, closes = torch.full((64, 5), 10), torch.full((64, 5), 11)
    letters = torch.rand(64, 100, generator=generator).argsort(1)[:, :5] + 20
    string = torch.stack([opens, letters, closes], -1).flatten(1)
    between = torch.randint(150, len(TOKENIZER), (64, 4), generator=generator)
    ids = torch.cat([between, string, between.flip(1), string], 1)

    def told(look_back: int) -> float:
        model = build_model(TinyConfig(induction=True, look_back=look_back), TOKENIZER, 0)
        with torch.no_grad():
            guesses = model(input_ids=ids).logits[:, :-1].argmax(-1)
        return (guesses == ids[:, 1:])[:, -14:][:, 3::3].float().mean().item()

    assert told(3) > told(2) + 0.2
