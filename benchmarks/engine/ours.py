"""envgym's trainer on the shapes of `bench engine`."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from shapes import (
    EPISODES,
    SAMPLED,
    STEPS,
    TURNS,
    model,
    peak_mib,
    scripted,
    tokenizer,
)
from slow_tools import figures as slow_tool_figures

from envgym.agent import Completion, Context
from envgym.agents.local import LocalAgent
from envgym.tools import ToolSpec
from envgym.trainers.config import Config
from envgym.trainers.loop import Trainer


class Scripted(LocalAgent):
    """Samples as ever, for a fixed number of tokens; the end of each turn is the script's."""

    async def act(self, context: Context) -> Completion:
        completion = await super().act(context)
        member = int(context.session.split("/")[-2])  # group/member/seat
        turn = sum(message.role == "assistant" for message in context.messages)
        completion.ids = scripted(completion.ids, member, turn, self.chat.tokenizer)
        completion.text = self.chat.decode(completion.ids)
        return completion

    def _stop_text(self, tools: Sequence[ToolSpec]) -> Callable[[list[int]], bool] | None:
        return None


async def main() -> None:
    """Train a few steps and print."""
    torch.set_num_interop_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model().save_pretrained(folder)
        tokenizer().save_pretrained(folder)
        trainer = Trainer(
            Config.model_validate(
                {
                    "name": "bench",
                    "threads": 1,
                    "output": str(Path(folder) / "run"),
                    "env": {"id": "maze:Maze"},
                    "model": {"kind": "pretrained", "path": folder},
                    "rollout": {
                        "tasks_per_step": 1,
                        "group_size": EPISODES,
                        "max_tokens_per_turn": SAMPLED,
                    },
                    "learner": {"steps": STEPS + 1, "lr": 1e-5},
                }
            )
        )
    plain = trainer.agent
    trainer.agent = Scripted(trainer.model, trainer.chat, plain.sampling, max_rows=EPISODES)
    trainer.collector.player.agents = trainer.agent
    trainer.agent.sampling = dataclasses.replace(plain.sampling, stop_ids=())
    await plain.close()
    seconds, played = [], []
    for _ in range(STEPS + 1):
        began = time.perf_counter()
        metrics, episodes = await trainer.step()
        seconds.append(time.perf_counter() - began)
        played.append(metrics["time/rollout_s"])
        sampled = sum(episode.trajectory.action_tokens for episode in episodes)
        if sampled != EPISODES * TURNS * SAMPLED or metrics["learn/grad_norm"] == 0:
            raise SystemExit(f"{sampled} tokens were sampled: the script was not followed")
    await trainer.close()
    figures = {
        "tokens_per_s": sampled / statistics.median(played[1:]),
        "step_s": statistics.median(seconds[1:]),
        "peak_rss_mib": peak_mib(),
    }
    print(json.dumps(figures | await slow_tool_figures()))


asyncio.run(main())
