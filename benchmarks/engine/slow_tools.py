"""Rollouts whose tools take time: 32 episodes of six turns, each of 4 to 60 sampled tokens.

The numbers of tokens and the latencies follow from the seeds alone: every setting plays the same.
Argument: the engine's `patience_s`, where it is not the default.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
import sys
import time

import torch

import envgym
from envgym.agent import Completion, Context
from envgym.agents import tiny
from envgym.agents.local import LocalAgent, SamplingParams
from envgym.chat.renderer import Chat
from envgym.environments.puzzles.grid.key_door import KeyDoor
from envgym.messages import Action, Message
from envgym.registry import register
from envgym.rollout.runner import Limits, Rollout, Start
from envgym.trainers.build import texts_of

EPISODES, GROUP, TURNS = 32, 8, 6
SAMPLED = (4, 60)
LATENCY_S = {
    "no_latency": (0.0, 0.0),
    "latency_30_80_ms": (0.03, 0.08),
    "latency_200_400_ms": (0.2, 0.4),
    "latency_500_900_ms": (0.5, 0.9),
}


class SlowDoor(KeyDoor):
    """The corridor, with steps that take time."""

    latency_s = (0.0, 0.0)

    async def act(self, action: Action) -> tuple[Message, ...]:
        """Step, later."""
        await asyncio.sleep(random.Random(action.text).uniform(*self.latency_s))
        return await super().act(action)


class Uneven(LocalAgent):
    """Samples a number of tokens that the turn's seed fixes."""

    async def act(self, context: Context) -> Completion:
        """Sample."""
        length = random.Random(context.seed).randint(*SAMPLED)
        self.sampling = dataclasses.replace(self.sampling, max_tokens=length, stop_ids=())
        return await super().act(context)


async def figures(patience_s: float | None = None) -> dict[str, float]:
    """Measure the seconds of one rollout at each latency."""
    torch.set_num_threads(1)
    register("bench/slow-door-v0", SlowDoor)
    settings = {"length": TURNS - 2, "keys": 2, "max_turns": TURNS}
    world = KeyDoor(**settings)
    tokenizer = tiny.train_tokenizer(texts_of(world, "tags"), 400)
    shape = tiny.TinyConfig(vocab_size=400, hidden=32, heads=2, kv_heads=1, intermediate=48)
    model = tiny.build_model(shape, tokenizer, 0)
    tasks = world.tasks("train")
    starts = [Start(i, tasks[i // GROUP], str(i // GROUP), i % GROUP) for i in range(EPISODES)]
    waiting = {} if patience_s is None else {"patience_s": patience_s}
    measured = {}
    for name, latency_s in LATENCY_S.items():
        SlowDoor.latency_s = latency_s
        agent = Uneven(
            model, Chat(tokenizer, "tags", instructions=False), SamplingParams(), **waiting
        )
        rollout = Rollout(lambda: envgym.make("bench/slow-door-v0", **settings), Limits())
        began = time.perf_counter()
        await rollout.run(starts, agent)
        measured[f"{name}_s"] = time.perf_counter() - began
        await agent.close()
        await rollout.close()
    return measured


if __name__ == "__main__":
    print(json.dumps(asyncio.run(figures(*map(float, sys.argv[1:])))))
