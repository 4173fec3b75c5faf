"""Playing of near-misses: each one whole, from a reset of the same task."""

from __future__ import annotations

from typing import Any

import envgym


async def scores_of_near_misses(name: str, seeds: int, **kwargs: Any) -> list[float]:
    """The score of every near-miss of so many tasks; each task has at least two."""
    scores: list[float] = []
    async with envgym.make(name, **kwargs) as env:
        for seed in range(seeds):
            await env.reset(seed=seed)
            task, attempts = env.task, [list(attempt) for attempt in env.near_misses()]
            assert len(attempts) > 1, task.data
            for attempt in attempts:
                await env.reset(seed=seed, options={"task": task})
                for action in attempt:
                    step = await env.step(action)
                    if step.done:
                        break
                scores.append(env.score if step.done else env.partial_score())
    return scores
