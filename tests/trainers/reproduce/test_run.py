"""What is run, what is not run again, what is judged."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from envgym.errors import UsageError
from envgym.trainers.config import Config
from envgym.trainers.reproduce import (
    Reproduction,
    load_reproduction,
    read_result,
    reproduce,
    reproductions,
    run,
    write_report,
)
from envgym.trainers.reproduce.preparation import SUBSETS, in_folder
from envgym.trainers.reproduce.run import curve, figure
from envgym.trainers.reproduce.spec import TUNING_SEED, Claim

SPEC: dict[str, Any] = {
    "title": "Toy",
    "claim": "Two is more than one.",
    "source": "nobody",
    "recipe": {
        "env": {"id": "puzzles/key-door-v1"},
        "model": {"kind": "tiny"},
        "learner": {"steps": 4},
    },
    "baseline": {"label": "plain", "settings": {"learner.denominator": "sequence"}},
    "method": {"label": "new", "settings": {"advantage": {"name": "grpo", "std": "none"}}},
    "claims": [{"metric": "score"}],
}


def spec(**changes: Any) -> Reproduction:
    return Reproduction.model_validate({**SPEC, **changes})


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """Runs without training: the figures follow from the config, which is noted."""
    configs: list[Config] = []

    async def train(config: Config, *, resume: bool, warm: Path) -> dict[str, Any]:
        assert resume == (config.directory / "config.yaml").exists()
        configs.append(config)
        score = 0.1 * config.seed if config.seed < 100 else 0.0
        score += config.learner.lr * 100
        score += config.env.kwargs.get("length", 0) / 100
        if config.advantage.model_dump()["std"] == "none":
            score += 0.25
        scores = {"score": score, "pass_at": {"8": score / 2}, "turns": 4 - score}
        before = {"score": 0.0, "pass_at": {"8": 0.0}, "turns": 4.0}
        return {
            "steps": 4,
            "wall_s": 2.0,
            "eval": {
                "untrained": scores,
                "warm_start": before,
                "step_2": before,
                "trained": scores,
            },
        }

    monkeypatch.setattr(run, "train", train)
    return configs


async def test_both_sides_run_on_the_same_seeds(tmp_path: Path, played: list[Config]) -> None:
    runs = await reproduce(spec(), tmp_path, 3)
    assert [(c.seed, c.learner.denominator) for c in played] == [
        *[(seed, "sequence") for seed in range(3)],
        *[(seed, "token") for seed in range(3)],
    ]
    assert len({c.output for c in played}) == 6
    result = write_report("toy", spec(), runs, tmp_path)
    assert result["verdict"] == "reproduced"  # 0.25 better on every seed
    assert result["claims"][0]["gain"] == pytest.approx({"mean": 0.25, "low": 0.25, "high": 0.25})
    assert result["wall_s"] == 12  # six runs
    assert [p["x"] for p in result["points"]] == [0, 2, 4]  # updates; from the warm start on
    assert result["points"][0]["method"]["mean"] == 0.0
    assert read_result(tmp_path / "result.json") == result
    text = (tmp_path / "result.md").read_text()
    assert "**Reproduced**, 3 seeds." in text
    assert "| score higher | 0.100 [" in text
    assert "0.250 [0.250, 0.250] | reproduced |" in text
    assert "95 % interval of 3 seeds" in (tmp_path / "plot.html").read_text()


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ({"metric": "score", "better": "lower"}, "reversed"),
        ({"metric": "turns", "better": "lower"}, "reproduced"),
        ({"metric": "pass_at.8"}, "reproduced"),
        ({"metric": "turns", "tolerance": 0.3}, "reproduced"),  # 0.25 worse, and 0.3 allowed
        ({"metric": "turns", "tolerance": 0.2}, "reversed"),
    ],
)
async def test_verdicts_of_runs(
    tmp_path: Path, played: list[Config], claim: dict[str, Any], verdict: str
) -> None:
    toy = spec(claims=[claim])
    result = write_report("toy", toy, await reproduce(toy, tmp_path, 2), tmp_path)
    assert result["verdict"] == verdict


async def test_a_sweep_is_judged_by_the_mean_over_its_points(
    tmp_path: Path, played: list[Config]
) -> None:
    toy = spec(sweep={"field": "env.length", "values": [2, 6]})
    result = write_report("toy", toy, await reproduce(toy, tmp_path, 2), tmp_path)
    assert [c.env.kwargs["length"] for c in played] == [2, 2, 6, 6] * 2
    small = spec(sweep={"field": "env.step_reward", "values": [1e-05]})
    await reproduce(small, tmp_path, 2)
    assert played[-1].env.kwargs["step_reward"] == 1e-05  # a number, not a text
    assert result["axis"] == "env.length"
    assert [p["x"] for p in result["points"]] == [2, 6]
    # baseline: seeds 0 and 0.1, plus 0.02 and 0.06 of the lengths: means 0.04 and 0.14
    assert result["claims"][0]["by_seed"]["baseline"] == pytest.approx([0.04, 0.14], abs=1e-3)


async def test_both_sides_are_tuned_on_a_seed_of_its_own(
    tmp_path: Path, played: list[Config]
) -> None:
    toy = spec(tune={"field": "learner.lr", "values": [1e-4, 1e-2, 1e-3]})
    runs = await reproduce(toy, tmp_path, 2)
    tuning = [c for c in played if c.seed == TUNING_SEED]
    assert [c.learner.lr for c in tuning] == [1e-4, 1e-2, 1e-3] * 2
    assert {c.learner.lr for c in played if c.seed < 2} == {1e-2}
    assert runs.tuned == {"baseline": 1e-2, "method": 1e-2}
    result = write_report("toy", toy, runs, tmp_path)
    assert result["tuned"] == {"field": "learner.lr", "baseline": 1e-2, "method": 1e-2}
    assert "learner.lr = 0.01 and 0.01." in (tmp_path / "result.md").read_text()


async def test_of_equals_the_one_that_learnt_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All end at 0.8; on the way they had 0.3, 0.6 and 0.6: a mean of 0.7 is the first to have."""
    halfway = {1e-4: 0.3, 1e-2: 0.6, 1e-3: 0.6}

    async def train(config: Config, **options: Any) -> dict[str, Any]:
        scores = {"step_2": halfway[config.learner.lr], "trained": 0.8}
        return {"steps": 4, "wall_s": 1.0, "eval": {k: {"score": v} for k, v in scores.items()}}

    monkeypatch.setattr(run, "train", train)
    toy = spec(tune={"field": "learner.lr", "values": [1e-4, 1e-2, 1e-3]})
    assert (await reproduce(toy, tmp_path, 2)).tuned == {"baseline": 1e-2, "method": 1e-2}


def test_figures_of_a_run() -> None:
    summary = {
        "steps": 20,
        "eval": {
            "untrained": {"score": 0.9},
            "warm_start": {"score": 0.1},
            "step_10": {"score": 0.2},
            "step_20": {"score": 0.4},
            "trained": {"score": 0.4},
        },
    }
    assert curve(summary, "score") == {0: 0.1, 10: 0.2, 20: 0.4}
    assert figure(summary, Claim()) == 0.4
    assert figure(summary, Claim(over="curve")) == pytest.approx(0.3)
    with pytest.raises(UsageError, match=r"no metric 'pass_at\.8'"):
        curve(summary, "pass_at.8")
    with pytest.raises(UsageError, match="evaluation"):
        curve({"steps": 1, "eval": {}}, "score")
    with pytest.raises(UsageError, match="no evaluation after an update"):
        figure({"steps": 0, "eval": {"trained": {"score": 0.5}}}, Claim(over="curve"))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"baseline": {"label": "b", "settings": {"env.length": 2}}}, "same for both"),
        ({"method": {"label": "b", "settings": {"rollout.group_size": 2}}}, "same for both"),
        ({"method": {"label": "b", "settings": {"learner": {"lr": 1}}}}, "same for both"),
        ({"tune": {"field": "env.length", "values": [1, 2]}}, "same for both"),
        ({"sweep": {"field": "env.length", "values": [2, 2]}}, "stands twice"),
        ({"claims": []}, "claims"),
        ({"seeds": 1}, "seeds"),
        ({"claims": [{"metric": "score", "bettr": "higher"}]}, r"claims\.0\.bettr"),
    ],
)
def test_what_is_unfair_or_wrong_is_named(
    tmp_path: Path, changes: dict[str, Any], what: str
) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump({**SPEC, **changes}))
    with pytest.raises(UsageError, match=what):
        load_reproduction(str(path))


async def test_bad_callers(tmp_path: Path, played: list[Config]) -> None:
    with pytest.raises(UsageError, match=r"no reproduction 'lite_pp'.*lite_ppo"):
        load_reproduction("lite_pp")
    with pytest.raises(UsageError, match="cannot read"):
        load_reproduction(str(tmp_path / "none.yaml"))
    with pytest.raises(UsageError, match="two seeds"):
        await reproduce(spec(), tmp_path, 1)
    assert not played


def test_those_that_come_with_envgym_are_recipes_that_load(tmp_path: Path) -> None:
    (tmp_path / SUBSETS).write_text("{}")
    for name in reproductions():
        stem, found = load_reproduction(name)
        assert stem == name
        recipe = tmp_path / f"{name}.yaml"
        recipe.write_text(yaml.safe_dump({"name": name, **found.recipe}))
        for arm in (found.baseline, found.method):
            run.load_side(found, recipe, in_folder(arm.settings, tmp_path))


def test_a_shipped_verdict_is_one_on_what_its_file_says_now() -> None:
    for name, path in reproductions().items():
        shipped = read_result(path.with_suffix(".json"))
        if shipped is not None:
            _, found = load_reproduction(name)
            words = (shipped["name"], shipped["title"], shipped["labels"]["method"])
            assert words == (name, found.title, found.method.label)
            assert shipped["spec"] == found.fingerprint, f"run {name} again and copy its result"


def test_a_verdict_holds_for_what_was_run() -> None:
    named = spec(title="Other words", seeds=9, method={**SPEC["method"], "label": "newer"})
    assert named.fingerprint == spec().fingerprint
    assert spec(claims=[{"metric": "turns"}]).fingerprint != spec().fingerprint
    assert spec(baseline={"label": "plain"}).fingerprint != spec().fingerprint


MINI = """
title: Mini
claim: None.
source: none
recipe:
  torch_threads: 1
  env: {id: puzzles/frozen-lake-v1, size: 3, max_turns: 2}
  model: {kind: tiny, vocab_size: 400, hidden: 16, layers: 1, heads: 1, kv_heads: 1,
          intermediate: 16, copying: {steps: 0}}
  chat: {dialect: tags, instructions: false}
  rollout: {tasks_per_step: 2, group_size: 2, max_tokens_per_turn: 4}
  learner: {steps: 1, max_idle_steps: 1}
  evaluation: {tasks: 2}
baseline: {label: GRPO}
method: {label: Dr. GRPO, settings: {advantage: {name: grpo, std: none}}}
claims: [{metric: score}]
"""


async def test_real_runs_once_and_not_again(tmp_path: Path) -> None:
    path = tmp_path / "mini.yaml"
    path.write_text(MINI)
    name, mini = load_reproduction(str(path))
    said: list[str] = []
    first = await reproduce(mini, tmp_path / name, 2, said.append)
    again = await reproduce(mini, tmp_path / name, 2, said.append)
    assert said[0] == "1/4: baseline/seed-0"
    assert said[4:] == [f"{text} (done before)" for text in said[:4]]
    assert again == first
    (tmp_path / name / "method" / "seed-1" / "summary.json").unlink()  # cut before its end
    third = await reproduce(mini, tmp_path / name, 2, said.append)
    assert said[11] == "4/4: method/seed-1"
    assert third.summaries["method", None][1]["eval"] == first.summaries["method", None][1]["eval"]
    other = mini.model_copy(update={"recipe": {**mini.recipe, "learner": {"steps": 2}}})
    with pytest.raises(UsageError, match="differs"):
        await reproduce(other, tmp_path / name, 2)


async def test_a_shared_warm_start_changes_no_run(tmp_path: Path) -> None:
    recipe = yaml.safe_load(MINI)["recipe"] | {
        "warm_start": {"episodes": 4, "steps": 2, "rows": 2},
        "learner": {"steps": 2, "max_idle_steps": 2, "lr": 1e-2},
    }
    critic = {"advantage": "turn_gae", "critic": {"kind": "head"}, "learner.weight_decay": 0.0}
    arms = {"baseline": {"label": "GRPO"}, "method": {"label": "GAE", "settings": critic}}
    mini = spec(recipe=recipe, **arms)
    shared = await reproduce(mini, tmp_path / "shared", 2)
    assert len(list((tmp_path / "shared" / "warm").iterdir())) == 2  # one a seed
    where = {"output": str(tmp_path / "alone"), "seed": 1}
    settings = [f"{k}={yaml.safe_dump(v)}" for k, v in (critic | where).items()]
    config = run.load_config(tmp_path / "shared" / "recipe.yaml", settings)
    alone = await run.train(config)
    assert alone["eval"] == shared.summaries["method", None][1]["eval"]
    own, begun = (
        load_file(folder / "model" / "model.safetensors")
        for folder in (tmp_path / "alone", tmp_path / "shared" / "method" / "seed-1")
    )
    assert all(torch.equal(own[name], begun[name]) for name in own)


async def test_all_seeds_may_begin_with_one_warm_start(tmp_path: Path) -> None:
    recipe = yaml.safe_load(MINI)["recipe"] | {
        "warm_start": {"episodes": 4, "steps": 2, "batch_size": 2},
        "learner": {"steps": 1, "max_idle_steps": 1},
    }
    apart = await reproduce(spec(recipe=recipe), tmp_path / "apart", 2)
    one = await reproduce(spec(recipe=recipe, shared_warm_start=True), tmp_path / "one", 2)
    starts = [
        [s["eval"]["warm_start"] for s in runs.summaries["method", None]] for runs in (apart, one)
    ]
    assert starts[1][0] == starts[1][1] == starts[0][0]  # that of seed 0
    assert len([f for f in (tmp_path / "one" / "warm").iterdir() if f.suffix == ""]) == 2


def test_a_cut_run_goes_on(tmp_path: Path, played: list[Config]) -> None:
    """An interruption between two runs leaves those before it, and nothing is judged."""

    async def cut() -> None:
        task = asyncio.create_task(reproduce(spec(), tmp_path, 5, lambda text: task.cancel()))
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cut())
    assert read_result(tmp_path / "result.json") is None
