"""Check that the verifier refuses attempts that are close to right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import islice

from envgym.checker.checks.contract import unwritable
from envgym.checker.report import Problem
from envgym.checker.target import Target, spread
from envgym.checker.traces import replay

_ATTEMPTS = 16
"""Near-misses of one task that are played."""


async def near_misses_fail(target: Target) -> AsyncIterator[Problem]:
    """Check that each of `near_misses()` scores below 1.0, on tasks spread over each split."""
    async with target.env() as env:
        for split, source in target.sources(env):
            for index in spread(len(source), target.episodes):
                await env.reset(seed=index, options={"split": split, "index": index})
                attempts = list(islice(env.near_misses(), _ATTEMPTS))
                for number, attempt in enumerate(attempts):
                    where = f"{split} task {index}: near-miss {number}"
                    for action in attempt:
                        if said := unwritable(action, env.tools):
                            yield Problem(
                                f"{where} {said}",
                                "let near_misses() do only what a model can write: a refused call "
                                "proves nothing of the judge",
                            )
                    trace = await replay(env, attempt, seed=index, split=split, index=index)
                    if trace.score >= 1.0:
                        last = trace.observations[-1].text[:200]
                        yield Problem(
                            f"{where} scores {trace.score}: {str(attempt)[:200]}; last "
                            f"observation: {last!r}",
                            "fix the verifier, which accepts a wrong answer, or near_misses(), "
                            "if this one is right",
                        )
