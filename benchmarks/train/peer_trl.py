"""TRL's GRPOTrainer on the episodes of `bench train`, handed in through its `rollout_func`."""

from __future__ import annotations

import json
import logging
import statistics
import sys
import tempfile
import time
import warnings
from typing import Any

import torch
from datasets import Dataset
from shapes import (
    GROUPS,
    MEMBERS,
    MICRO_ROWS,
    MOST,
    STEPS,
    VOCABULARY,
    Memory,
    Play,
    episodes,
    model,
)
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


class Clock(TrainerCallback):
    """Seconds of each training step."""

    def __init__(self) -> None:
        self.steps: list[float] = []

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.began = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.steps.append(time.perf_counter() - self.began)


def tokenizer() -> Any:
    """A word an id: nothing here is text, but a trainer wants one."""
    words = {"<pad>": 0, "<eos>": 1, "<unk>": 2} | {f"w{i}": i for i in range(3, VOCABULARY)}
    plain = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="<pad>", eos_token="<eos>")


def rollout(prompts: list[str], trainer: Any) -> dict[str, Any]:
    """The episodes of each prompt's group, in turn, each as often as it is asked for."""
    by_group: dict[str, list[Play]] = {}
    for play in episodes():
        by_group.setdefault(f"w{play.group}", []).append(play)
    taken = [by_group[prompt].pop(0) for prompt in prompts]
    return {
        "prompt_ids": [play.prompt for play in taken],
        "completion_ids": [[i for a, t in play.turns for i in (*a, *t)] for play in taken],
        "env_mask": [
            [m for a, t in play.turns for m in (*[1] * len(a), *[0] * len(t))] for play in taken
        ],
        "logprobs": None,
        "score": [play.reward for play in taken],
    }


def reward(prompts: list[str], score: list[float], **_: Any) -> list[float]:
    """Rewards of the episodes."""
    return score


def main() -> None:
    """Train a few steps and print."""
    torch.set_num_threads(1)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = GRPOTrainer(
            model=model(),
            reward_funcs=reward,
            args=GRPOConfig(
                output_dir=folder,
                use_cpu=True,
                max_steps=STEPS + 1,
                per_device_train_batch_size=MICRO_ROWS,
                gradient_accumulation_steps=GROUPS * MEMBERS // MICRO_ROWS,
                num_generations=MEMBERS,
                max_completion_length=MOST,
                temperature=1.0,
                beta=0.0,
                learning_rate=1e-5,
                lr_scheduler_type="constant",
                gradient_checkpointing=False,  # it saves memory for time; ours has none either
                bf16=False,
                report_to=[],
                save_strategy="no",
                logging_steps=1,
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_list([{"prompt": f"w{g}"} for g in range(GROUPS)]),
            processing_class=tokenizer(),
            rollout_func=rollout,
            callbacks=[clock],
        )
        memory = Memory()
        trainer.train()
    norms = [entry["grad_norm"] for entry in trainer.state.log_history if "grad_norm" in entry]
    if len(norms) != STEPS + 1 or not all(norms):
        raise SystemExit(f"gradients of {norms}: it did not learn from these episodes")
    print(f"gradients {norms}", file=sys.stderr)
    tokens = sum(play.tokens for play in episodes())
    median = statistics.median(clock.steps[1:])
    figures = {
        "tokens_per_s": tokens / median,
        "speed_s": median,
        "memory_mib": memory.mib(),
    }
    print(json.dumps(figures))


main()
