"""Episodes of ``verilog/design-v1``: reset to the problem, hand the design in, read the score."""

from __future__ import annotations

import os

from items import AT_ONCE, Item, check, timed

import envgym
from benchmarks.graded import measure
from envgym.env import Env
from envgym.messages import Action


async def graded(env: Env, item: Item) -> None:
    """One episode."""
    await env.reset(options={"task": tasks[item.place.name]})
    step = await env.step(Action.call("submit", design=item.design))
    check(item, step.info["score"] == 1.0)


options = {"data": os.environ["BENCH_DATA"], "attempts": 1}
envs = [envgym.make("verilog/design-v1", **options) for _ in range(AT_ONCE)]
tasks = {task.data["name"]: task for task in envs[0].tasks("all")}
measure(envs, graded, timed)
