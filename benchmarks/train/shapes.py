"""Common settings of all sides of `bench train`: model, episodes, the reading of memory.

Imports torch and transformers alone: it runs in the peers' environment too.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

GROUPS = 2
MEMBERS = 8
PROMPT = 150  # tokens that a group begins with
LEAST, MOST = 200, 2000  # tokens of an episode
ACTION = 64  # most tokens of a turn
TOOL = (10, 100)  # of what a tool answers
VOCABULARY = 4096
MICRO_ROWS = 8  # rows of one pass, TRL's default
MICRO_TOKENS = MICRO_ROWS * MOST  # the same in tokens
STEPS = 2  # measured ones, after one to warm up


@dataclass
class Play:
    """An episode: its prompt, and turns of an action and what the tool answered to it."""

    group: int
    reward: float
    prompt: list[int]
    turns: list[tuple[list[int], list[int]]] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """All of them."""
        return len(self.prompt) + sum(len(a) + len(t) for a, t in self.turns)


def episodes() -> list[Play]:
    """The lengths of each group are spread evenly from `LEAST` to `MOST`."""
    rng = random.Random(0)

    def ids(count: int) -> list[int]:
        return [rng.randrange(3, VOCABULARY) for _ in range(count)]

    made = []
    for group in range(GROUPS):
        prompt = ids(PROMPT)
        for member in range(MEMBERS):
            play = Play(group, float(member % 3 == group), prompt)
            length = LEAST + (MOST - LEAST) * member // (MEMBERS - 1)
            while (left := length - play.tokens) > 0:
                action = ids(min(ACTION, left))
                left -= len(action)
                answer = ids(min(rng.randint(*TOOL), left - 1)) if left > 1 else []
                play.turns.append((action, answer))
            made.append(play)
    return made


def model() -> Any:
    """A random Qwen2: 4 layers of width 128, 1.6 million parameters."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    return Qwen2ForCausalLM(config)


class Memory:
    """The most that is resident from now on, beyond what is now."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self._before = _status("VmRSS")

    def mib(self) -> float:
        """Peak memory so far, in MiB."""
        return (_status("VmHWM") - self._before) / 1024


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))
