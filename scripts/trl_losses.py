"""The losses and gradients of TRL 1.16.0 on a fixed batch, for tests/trainers/test_trl_losses.py.

TRL's own `GRPOTrainer._compute_loss` on a tiny model whose weights are a formula, and on multi-turn
rows whose tool output is masked. Model and rows go into the file too: the test takes them from
there. Run where trl==1.16.0 is installed:
``python scripts/trl_losses.py > tests/trainers/trl_losses.json``.
"""

from __future__ import annotations

import json
import tempfile
from typing import Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedModel, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM
from trl import GRPOConfig, GRPOTrainer, __version__

VOCAB = 12
# Prompt, then turns of (action, what the tool said after it).
ROWS: list[tuple[list[int], list[tuple[list[int], list[int]]]]] = [
    ([1, 2, 3], [([4, 5], [6, 7, 8]), ([9, 10], [])]),
    ([1, 2, 3], [([5], [6]), ([7, 3], [2]), ([4, 9, 1], [])]),
    ([1, 2, 3], [([10, 2, 2, 8], [])]),
    ([3, 1], [([6, 11], [1]), ([5], [])]),
]
ADVANTAGES = [1.25, -0.5, 0.75, -1.5]
LONGEST = 16
SHAPE = {
    "vocab_size": VOCAB,
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "tie_word_embeddings": False,
}
CASES: dict[str, dict[str, Any]] = {
    "grpo": {"loss_type": "grpo", "epsilon": 0.2},
    "dr_grpo": {"loss_type": "dr_grpo", "epsilon": 0.2},
    "dapo": {"loss_type": "dapo", "epsilon": 0.2, "epsilon_high": 0.28},
    "gspo": {
        "loss_type": "grpo",
        "importance_sampling_level": "sequence",
        "epsilon": 0.1,
        "epsilon_high": 0.15,
    },
}


def model() -> PreTrainedModel:
    """Weights that any machine makes alike."""
    made = Qwen3ForCausalLM(Qwen3Config(**SHAPE))
    with torch.no_grad():
        for k, parameter in enumerate(made.parameters()):
            place = torch.arange(parameter.numel(), dtype=torch.float64)
            parameter.copy_((0.5 * torch.sin(1.0 + k + 0.7 * place)).view_as(parameter))
    return made.eval()


def recorded(row: int, at: int) -> float:
    """The log-prob that was recorded of an action token."""
    return -2.4 + 0.45 * ((3 * row + 2 * at) % 5 - 2)


def batch() -> dict[str, torch.Tensor]:
    """The rows as TRL has them: prompts padded on the left, completions on the right."""
    width = max(len(prompt) for prompt, _ in ROWS)
    flat = [
        [
            (i, is_action)
            for turn in turns
            for ids, is_action in zip(turn, (1, 0), strict=True)
            for i in ids
        ]
        for _, turns in ROWS
    ]
    longest = max(map(len, flat))
    padded = [row + [(0, 0)] * (longest - len(row)) for row in flat]
    tool_mask = torch.tensor([[m for _, m in row] for row in padded])
    old = torch.zeros(len(ROWS), longest)
    for i, row in enumerate(padded):
        at = 0
        for j, (_, action) in enumerate(row):
            if action:
                old[i, j] = recorded(i, at)
                at += 1
    return {
        "prompt_ids": torch.tensor([[0] * (width - len(p)) + p for p, _ in ROWS]),
        "prompt_mask": torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p, _ in ROWS]),
        "completion_ids": torch.tensor([[t for t, _ in row] for row in padded]),
        "completion_mask": torch.tensor(
            [[1] * len(row) + [0] * (longest - len(row)) for row in flat]
        ),
        "tool_mask": tool_mask,
        "old_per_token_logps": old,
        "advantages": torch.tensor(ADVANTAGES),
        "num_items_in_batch": tool_mask.sum(),
    }


def run(settings: dict[str, Any]) -> dict[str, Any]:
    """TRL's loss and gradient under some settings."""
    words = {str(i): i for i in range(VOCAB)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel(words, unk_token="0")), pad_token="0", eos_token="11"
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = GRPOTrainer(
            model=model(),
            reward_funcs=lambda completions, **_: [0.0] * len(completions),
            args=GRPOConfig(
                output_dir=folder,
                per_device_train_batch_size=len(ROWS),
                num_generations=2,
                max_completion_length=LONGEST,
                gradient_accumulation_steps=1,
                beta=0.0,
                use_cpu=True,
                bf16=False,
                report_to=[],
                gradient_checkpointing=False,
                **settings,
            ),
            train_dataset=Dataset.from_list([{"prompt": "1"}] * 4),
            processing_class=tokenizer,
        )
        trainer.current_gradient_accumulation_steps = 1
        trainer.model.train()
        loss = trainer._compute_loss(trainer.model, batch())
        loss.backward()
        gradient = {
            name: [float(f"{g:.8g}") for g in parameter.grad.flatten().tolist()]
            for name, parameter in trainer.model.named_parameters()
        }
    return {"loss": loss.item(), "gradient": gradient}


if __name__ == "__main__":
    assert __version__ == "1.16.0", __version__
    weights = {name: p.flatten().tolist() for name, p in model().named_parameters()}
    tokens = [sum(len(action) for action, _ in turns) for _, turns in ROWS]
    print(
        json.dumps(
            {
                "shape": SHAPE,
                "weights": weights,
                "rows": ROWS,
                "recorded": [[recorded(i, at) for at in range(n)] for i, n in enumerate(tokens)],
                "advantages": ADVANTAGES,
                "cases": {name: run(settings) for name, settings in CASES.items()},
            }
        )
    )
