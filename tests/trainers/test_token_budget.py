"""A run that ends with a number of sampled tokens, and goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

from envgym.trainers.run import train
from tests.trainers.test_run import config, metrics, weights

BUDGET = ("learner.steps=9", "learner.max_idle_steps=9")


async def test_the_step_that_reaches_the_budget_is_the_last(tmp_path: Path) -> None:
    whole = await train(config(tmp_path, "whole", "learner.steps=3"))
    sampled = [row["rollout/sampled_tokens"] for row in metrics(tmp_path / "whole")]
    assert sampled == sorted(set(sampled))
    assert whole["sampled_tokens"] == sampled[-1]
    bound = f"learner.max_sampled_tokens={int(sampled[0]) + 1}"
    cut = await train(config(tmp_path, "cut", *BUDGET, bound))
    assert (cut["steps"], cut["sampled_tokens"]) == (2, sampled[1])
    assert list(cut["eval"]) == ["untrained", "warm_start", "trained"]


async def test_a_resumed_run_counts_on(tmp_path: Path) -> None:
    await train(config(tmp_path, "whole", "learner.steps=3"))
    begun = config(tmp_path, "begun", "learner.steps=1")
    await train(begun)
    on = config(tmp_path, "begun", "learner.steps=3")
    summary = await train(on, resume=True)
    assert metrics(tmp_path / "begun")[-1] == metrics(tmp_path / "whole")[-1]
    assert summary["sampled_tokens"] == metrics(tmp_path / "whole")[-1]["rollout/sampled_tokens"]
    for name, tensor in weights(tmp_path / "whole").items():
        assert (weights(tmp_path / "begun")[name] == tensor).all()


async def test_a_spent_budget_stays_spent(tmp_path: Path) -> None:
    spent = config(tmp_path, "spent", *BUDGET, "learner.max_sampled_tokens=1")
    first = await train(spent)
    again = await train(spent, resume=True)
    assert (again["steps"], again["eval"]) == (first["steps"], first["eval"])
    assert first["steps"] == 1
