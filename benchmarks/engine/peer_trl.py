"""TRL's GRPOTrainer with an environment, on the shapes of `bench engine`."""

from __future__ import annotations

import json
import logging
import statistics
import tempfile
import time
import warnings
from typing import Any

import torch
from datasets import Dataset
from shapes import (
    EPISODES,
    PROMPT,
    SAMPLED,
    STEPS,
    TURNS,
    WALL,
    model,
    peak_mib,
    scripted,
    tokenizer,
)
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


class Maze:
    """One tool; the reward is the share of right turns."""

    def reset(self, **row: Any) -> None:
        self.right = 0

    def move(self, to: str) -> str:
        """Move one step in the maze, towards one side.

        Args:
            to: Where to: left or right.
        """
        self.right += to == "right"
        return WALL

    def get_reward(self) -> float:
        return self.right / (TURNS - 1)


class Clock(TrainerCallback):
    """Seconds of each training step."""

    def __init__(self) -> None:
        self.steps: list[float] = []

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.began = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.steps.append(time.perf_counter() - self.began)


def main() -> None:
    tokens = tokenizer()
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = GRPOTrainer(
            model=model(),
            args=GRPOConfig(
                output_dir=folder,
                use_cpu=True,
                max_steps=STEPS + 1,
                per_device_train_batch_size=EPISODES,
                num_generations=EPISODES,
                max_completion_length=1024,
                max_tool_calling_iterations=TURNS - 1,
                temperature=1.0,
                beta=0.0,
                learning_rate=1e-5,
                gradient_checkpointing=False,  # it saves memory for time; ours has none either
                bf16=False,
                report_to=[],
                save_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_list(
                [{"prompt": [{"role": "user", "content": PROMPT}]}] * 8
            ),
            processing_class=tokens,
            environment_factory=Maze,
            callbacks=[clock],
        )
        sampled, played = play_by_script(trainer, tokens)
        trainer.train()
    if sampled[-1] != EPISODES * TURNS * SAMPLED:
        raise SystemExit(
            f"{sampled[-1]} tokens were sampled in a step: the script was not followed"
        )
    print(
        json.dumps(
            {
                "tokens_per_s": sampled[-1] / statistics.median(played[1:]),
                "step_s": statistics.median(clock.steps[1:]),
                "peak_rss_mib": peak_mib(),
            }
        )
    )


def play_by_script(trainer: Any, tokens: Any) -> tuple[list[int], list[float]]:
    """Wrap generation; returns sampled tokens and seconds of rollout, by step, as they come."""
    sampled: list[int] = []
    played: list[float] = []
    turn = 0
    inner = trainer.model.generate
    rollout = trainer._generate

    def generate(*args: Any, generation_config: Any, **kwargs: Any) -> Any:
        nonlocal turn
        generation_config.max_new_tokens = SAMPLED
        out = inner(*args, generation_config=generation_config, **kwargs)
        width = kwargs["input_ids"].shape[1]
        rows = [
            [*row[:width], *scripted(row[width:], member, turn, tokens)]
            for member, row in enumerate(out.tolist())
        ]
        sampled[-1] += len(rows) * SAMPLED
        turn += 1
        return torch.tensor(rows)

    def timed(*args: Any, **kwargs: Any) -> Any:
        nonlocal turn
        turn = 0
        sampled.append(0)
        began = time.perf_counter()
        result = rollout(*args, **kwargs)
        played.append(time.perf_counter() - began)
        return result

    trainer.model.generate = generate
    trainer._generate = timed
    return sampled, played


main()
