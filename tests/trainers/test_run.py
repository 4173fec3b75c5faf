"""Whole runs at the smallest size: they finish, resume exactly and refuse what does not fit."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from envgym.errors import UsageError
from envgym.store.episodes import read_episodes
from envgym.trainers.config import Config
from envgym.trainers.loop import Trainer
from envgym.trainers.recipe import load_config
from envgym.trainers.run import finished, train
from envgym.trainers.running.resume import differences

RECIPE = """
name: mini
torch_threads: 1
checkpoint_every: 1
env: {id: search/wiki-v1, size: 60, hops: [1], top_k: 1, max_turns: 3, phrasings: 1}
model: {kind: tiny, vocab_size: 400, hidden: 32, heads: 2, kv_heads: 1, intermediate: 48,
        copying: {steps: 2, rows: 4, length: 32}}
chat: {dialect: tags, instructions: false}
rollout: {tasks_per_step: 2, group_size: 3, max_tokens_per_turn: 8, deterministic: true}
warm_start: {episodes: 12, steps: 3, batch_size: 4, lr: 1.0e-3}
learner: {steps: 3, lr: 1.0e-3}
losses: [{name: clip}, {name: kl, coef: 0.01}]
hooks: [{name: tensorboard}]
evaluation: {tasks: 4}
"""


def config(folder: Path, name: str, *overrides: str) -> Config:
    path = folder / "mini.yaml"
    path.write_text(RECIPE)
    return load_config(path, [f"output={folder / name}", *overrides])


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def metrics(folder: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    clocks = ("time/", "rollout/loop_lag_s", "engine/waited_s")
    return [{k: v for k, v in row.items() if not k.startswith(clocks)} for row in rows]


def shown(page: Path) -> dict[str, Any]:
    """The data that a page holds."""
    text = page.read_text()
    begin = text.index('id="data">') + len('id="data">')
    return json.loads(text[begin : text.index("</script>", begin)])


async def test_a_run_leaves_what_it_promises(tmp_path: Path) -> None:
    summary = await train(config(tmp_path, "a"))
    folder = tmp_path / "a"
    assert set(summary["eval"]) == {"untrained", "warm_start", "trained"}
    assert summary == json.loads((folder / "summary.json").read_text())
    assert [row["step"] for row in metrics(folder)] == [1, 2, 3]
    # sampler and learner agree before the first update
    assert metrics(folder)[0]["learn/logp_gap"] < 1e-4
    first = json.loads((folder / "metrics.jsonl").read_text().splitlines()[0])
    # of an almost untrained model: near the whole vocabulary's, sampled or exact
    assert first["learn/entropy"] == pytest.approx(first["episode/entropy"], rel=0.3)
    assert 0 < first["time/generate_s"] + first["time/tools_s"] <= first["time/rollout_s"]
    page = shown(folder / "report.html")
    evaluated = [s["key"] for s in page["sets"] if s["kind"] == "evaluation"]
    assert evaluated == [f"{name}/0" for name in summary["eval"]]
    assert page["metrics"]["step"] == [1, 2, 3]
    trained = page["episodes"]["train/1/0"]["seats"][0]["turns"][0]
    assert "".join(trained["blocks"][0]["p"]).startswith("<|im_start|>")
    assert trained["blocks"][-1]["adv"] is not None
    assert len(list(read_episodes(folder / "episodes" / "trained"))) == 4
    assert list((folder / "tensorboard").iterdir())
    with pytest.raises(UsageError, match="--resume"):
        await train(config(tmp_path, "a"))
    said = r"differs .*\(seed was 0, now 7; learner\.lr was 0\.001, now 0\.1\)"
    with pytest.raises(UsageError, match=said):
        await train(config(tmp_path, "a", "learner.lr=0.1", "seed=7"), resume=True)
    with pytest.raises(UsageError, match=r"has learner\.steps 3, and now it is 2"):
        await train(config(tmp_path, "a", "learner.steps=2"), resume=True)


async def test_spent_tokens_may_be_raised(tmp_path: Path) -> None:
    def run(most: int) -> Config:
        short = (
            "learner.steps=3",
            "evaluation.tasks=0",
            "hooks=[]",
            "rewards=[environment, length]",
        )
        return config(tmp_path, "a", *short, f"learner.max_sampled_tokens={most}")

    assert (await train(run(60)))["steps"] == 1
    with pytest.raises(UsageError, match=r"max_sampled_tokens 60, and now it is 50"):
        await train(run(50), resume=True)
    assert (await train(run(10_000), resume=True))["steps"] == 3


async def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    await train(config(tmp_path, "whole"))
    running = asyncio.create_task(train(config(tmp_path, "cut")))
    while not list((tmp_path / "cut").glob("checkpoints/step-000001")):
        await asyncio.sleep(0.01)
        assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await train(config(tmp_path, "cut"), resume=True)
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    one, two = weights(tmp_path / "cut"), weights(tmp_path / "whole")
    assert all(torch.equal(one[name], two[name]) for name in two)


async def test_a_finished_run_may_be_prolonged(tmp_path: Path) -> None:
    """It ends as a run that was to be longer from the beginning."""
    await train(config(tmp_path, "whole", "learner.steps=4"))
    short = config(tmp_path, "short", "learner.steps=2")
    await train(short)
    assert finished(short)
    longer = config(tmp_path, "short", "learner.steps=4")
    assert finished(longer) is None
    summary = await train(longer, resume=True)
    assert metrics(tmp_path / "short") == metrics(tmp_path / "whole")
    one, two = weights(tmp_path / "short"), weights(tmp_path / "whole")
    assert all(torch.equal(one[name], two[name]) for name in two)
    assert list(summary["eval"]) == ["untrained", "warm_start", "step_2", "trained"]
    assert (tmp_path / "short/episodes/step_2").is_dir()
    assert finished(longer) == summary


@pytest.mark.parametrize("there", [False, True])
async def test_there_must_be_a_run_to_resume(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "a").mkdir()
    with pytest.raises(UsageError, match="holds no run to resume: leave --resume out"):
        await train(config(tmp_path, "a"), resume=True)
    assert (tmp_path / "a").exists() == there


async def test_a_run_of_an_older_version_is_compared_by_its_fields(tmp_path: Path) -> None:
    """A field that was not there yet has its default; the folder may have been moved."""
    settings = config(tmp_path, "a")
    recorded = tmp_path / "config.yaml"
    old = settings.model_dump(mode="json")
    del old["chat"]["fold"]
    recorded.write_text(yaml.safe_dump({**old, "output": "elsewhere"}))
    assert differences(recorded, settings) == {}
    recorded.write_text(yaml.safe_dump({**old, "no_longer_a_field": 1}))
    assert set(differences(recorded, settings)) == {"no_longer_a_field", "chat.fold"}


async def test_a_run_from_before_the_engine_could_be_deterministic_goes_on(tmp_path: Path) -> None:
    """It waited up to a second a step, which was neither; the last bits of sums alone change."""
    settings = config(tmp_path, "a")
    old = settings.model_dump(mode="json")
    old["rollout"]["batch_wait_s"] = 1.0
    recorded = tmp_path / "config.yaml"
    recorded.write_text(yaml.safe_dump(old))
    assert set(differences(recorded, settings)) == {"rollout.batch_wait_s"}
    del old["rollout"]["deterministic"]
    recorded.write_text(yaml.safe_dump(old))
    assert differences(recorded, settings) == {}
    recorded.write_text(yaml.safe_dump({**old, "no_longer_a_field": 1}))
    assert set(differences(recorded, settings)) == {"no_longer_a_field"}


async def test_the_loop_asks_models_for_what_plug_ins_need(tmp_path: Path) -> None:
    """A reference for a reward, distributions for credit, log-probs of before the first update."""
    asked = (
        "rewards=[environment, {name: kl, coef: 1.0}]",
        "advantage=otb",
        "losses=[tis]",
        "batching={name: shuffled, batches: 2}",
    )
    await train(config(tmp_path, "a", *asked, "learner.steps=2", "evaluation.tasks=0"))
    for row in metrics(tmp_path / "a"):
        assert row["learn/sampler_weight"] == pytest.approx(1.0, abs=1e-3)
        assert row["learn/sampler_cut"] == 0
    assert metrics(tmp_path / "a")[1]["learn/logp_gap"] > 1e-4  # the second update of a step


async def test_evaluation_may_be_of_another_setting(tmp_path: Path) -> None:
    """Trained on single questions, and measured on chains of two as well."""
    settings = config(tmp_path, "a", "evaluation.env={hops: [1, 2]}", "evaluation.tasks=8")
    trainer = Trainer(settings)
    try:
        scores, _ = await trainer.evaluate()
        assert {task.difficulty for task in trainer.source} == {1}
    finally:
        await trainer.close()
    assert set(scores.by_difficulty) == {"1", "2"}
