"""Plain `model.generate` on the shapes of `bench engine`: each turn from the whole history."""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

import torch
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

TOOL = {
    "type": "function",
    "function": {
        "name": "move",
        "description": "Move one step in the maze, towards one side.",
        "parameters": {
            "type": "object",
            "properties": {
                "to": {"type": "string", "description": "Where to: left or right."},
            },
            "required": ["to"],
        },
    },
}


def rollout(model: Any, tokens: Any) -> float:
    """Seconds for one batch of episodes."""
    ask = [{"role": "user", "content": PROMPT}]
    text = tokens.apply_chat_template(ask, tools=[TOOL], add_generation_prompt=True, tokenize=False)
    answer = (
        f"\n<|im_start|>user\n<tool_response>\n{WALL}\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    new = tokens.encode(answer, add_special_tokens=False)
    began = time.perf_counter()
    rows = [tokens.encode(text, add_special_tokens=False) for _ in range(EPISODES)]
    for turn in range(TURNS):
        ids = torch.tensor(rows)
        with torch.no_grad():
            out = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=SAMPLED,
                do_sample=True,
                top_k=0,
            )
        width = ids.shape[1]
        rows = [
            [*row[:width], *scripted(row[width:], member, turn, tokens), *new]
            for member, row in enumerate(out.tolist())
        ]
    return time.perf_counter() - began


def main() -> None:
    causal, tokens = model().eval(), tokenizer()
    seconds = [rollout(causal, tokens) for _ in range(STEPS + 1)]
    figures = {
        "tokens_per_s": EPISODES * TURNS * SAMPLED / statistics.median(seconds[1:]),
        "peak_rss_mib": peak_mib(),
    }
    print(json.dumps(figures))


main()
