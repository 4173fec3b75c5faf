"""Table runs: the same from the same seed, in the machine as in the environment; preconditions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from envgym.errors import UsageError
from envgym.rollout.start import Start
from envgym.task import Task
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.policy import TrainingError
from envgym.trainers.reproduce import (
    Reproduction,
    load_reproduction,
    reproduce,
    reproductions,
    write_report,
)
from envgym.trainers.reproduce.table import finished_table, train_table
from envgym.trainers.reproduce.table.config import ChainWorld
from envgym.trainers.reproduce.table.measured import compared_share
from envgym.trainers.reproduce.table.play import ActionSampler, MachinePlayer
from envgym.trainers.reproduce.table.world import build_world
from envgym.trajectory import Episode, Trajectory, Turn
from tests.trainers.reproduce.table.worlds import CORRIDOR, config


def told(summary: dict[str, Any]) -> dict[str, Any]:
    """A summary without its time and seed."""
    return {k: v for k, v in summary.items() if k not in ("wall_s", "seed")}


async def test_the_seed_decides_a_run(tmp_path: Path) -> None:
    first = await train_table(config(tmp_path / "a", seed=3))
    assert told(await train_table(config(tmp_path / "b", seed=3))) == told(first)
    assert told(await train_table(config(tmp_path / "c", seed=4))) != told(first)
    assert list(first["eval"]) == ["untrained", "step_2", "trained"]
    assert first["eval"]["trained"] != first["eval"]["untrained"]


async def test_the_environment_plays_the_machines_episodes(tmp_path: Path) -> None:
    played = CORRIDOR | {"play": "environment"}
    machine = await train_table(config(tmp_path / "machine", advantage="gigpo"))
    real = await train_table(config(tmp_path / "real", advantage="gigpo", world=played))
    assert told(real) == told(machine)


@pytest.mark.parametrize(
    "changes",
    [
        {"advantage": "turn_gae", "critic": {"kind": "table"}},
        {"batching": {"name": "delayed", "steps": 2, "batches": 2}, "losses": ["decoupled"]},
        {"world": {"kind": "ways", "ways": 5, "good": 2, "tasks": 4}, "advantage": "nsr"},
        {
            "advantage": "turn_returns",
            "rewards": ["score", {"name": "process_delta", "eta": 0.2}],
            "losses": ["clip", "kl"],
        },
    ],
)
async def test_methods_train_a_table(tmp_path: Path, changes: dict[str, Any]) -> None:
    summary = await train_table(config(tmp_path, **changes))
    assert summary["eval"]["trained"] != summary["eval"]["untrained"]
    assert 0 <= summary["measured"]["outside_clip"] <= 1


async def test_a_finished_run_is_one_of_the_same_settings(tmp_path: Path) -> None:
    assert finished_table(config(tmp_path)) is None
    summary = await train_table(config(tmp_path))
    assert finished_table(config(tmp_path)) == summary
    assert finished_table(config(tmp_path, seed=1)) is None


async def test_idle_steps_stop_a_run(tmp_path: Path) -> None:
    learner = {"steps": 4, "lr": 0.1}
    solved = {"kind": "ways", "ways": 3, "good": 3, "tasks": 1}
    with pytest.raises(TrainingError, match="max_idle_steps"):
        await train_table(config(tmp_path, world=solved, learner=learner))


CHAIN: dict[str, Any] = {
    "kind": "chain",
    "skills": 4,
    "lengths": [1, 2],
    "tasks": 4,
    "test_tasks": 4,
    "chance": 0.4,
}
SCHEDULED = CORRIDOR["env"] | {"schedule": {"seed": {"kind": "listed", "values": {0: 2}}}}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"learner": {"packing": False}}, r"learner\.packing does nothing"),
        ({"rollout": {"temperature": 0.5}}, r"rollout\.temperature does nothing"),
        ({"evaluation": {"tasks": 3}}, r"evaluation\.tasks does nothing"),
        ({"advantage": "turn_gae"}, "needs values"),
        ({"advantage": "otb"}, "needs norms"),
        ({"guidance": "guide", "losses": ["guide"]}, "needs a world of kind chain"),
        ({"world": CHAIN, "guidance": "ssb"}, "works on the text of attempts"),
        ({"world": CHAIN, "guidance": {"name": "teacher", "judge": "a"}}, "text of attempts"),
        ({"losses": ["dpo"]}, "'dpo' needs pairs"),
        ({"losses": ["self_distill"]}, "needs policy_top"),
        ({"world": CORRIDOR | {"preferred": {"(": "open"}}}, "no regular expression"),
        ({"world": CORRIDOR | {"env": SCHEDULED}}, r"env\.schedule does nothing"),
    ],
)
def test_settings_that_a_table_has_no_use_for(
    tmp_path: Path, changes: dict[str, Any], what: str
) -> None:
    with pytest.raises((UsageError, ValueError), match=what):
        config(tmp_path, **changes)


async def test_a_run_without_steps_is_evaluated(tmp_path: Path) -> None:
    summary = await train_table(config(tmp_path, learner={"steps": 0}))
    assert set(summary["eval"]) == {"untrained", "trained"}
    assert set(summary["measured"].values()) == {0.0}


async def test_every_group_may_be_guided(tmp_path: Path) -> None:
    world = await build_world(ChainWorld.model_validate(CHAIN))
    chosen = tmp_path / "points.json"
    chosen.write_text(json.dumps({task.key: [0] for task in world.tasks}))
    guidance = {"name": "knowledge", "file": str(chosen)}
    summary = await train_table(config(tmp_path, world=CHAIN, guidance=guidance))
    assert summary["steps"] == 4
    assert summary["measured"]["late_score"] == 0.0


async def test_a_stage_sets_the_size_of_groups(tmp_path: Path) -> None:
    def size(n: int) -> dict[str, Any]:
        return {"sampler": {"name": "stages", "stages": [{"group_size": n}]}}

    single = CHAIN | {"lengths": [1]}  # every episode is one token
    runs = [await train_table(config(tmp_path, world=single, **size(n))) for n in (2, 3)]
    assert [run["sampled_tokens"] for run in runs] == [16, 24]


async def test_equal_chains_are_tasks_of_their_own() -> None:
    settings = CHAIN | {"skills": 2, "lengths": [1], "tasks": 8, "unsolvable": 0.5}
    world = await build_world(ChainWorld.model_validate(settings))
    assert len({task.key for task in world.tasks}) == 8
    starts = [Start(0, task) for task in world.tasks]
    player = MachinePlayer(world)
    player.sampler = ActionSampler(world.logits.double().numpy(), 0)
    scores = [episode.score for episode in (await player.demonstrate(starts)).episodes]
    assert scores == [machine.score.sum() for machine in world.training]
    assert sum(scores) == 4


def test_compared_states() -> None:
    def played(*turns: tuple[str, int]) -> Sample:
        seat = Trajectory("agent", [Turn([], [action], anchor=state) for state, action in turns])
        return Sample(Episode("e", "t", Task({}), 0, trajectories={"agent": seat}), seat)

    group = [played(("a", 0), ("b", 1)), played(("a", 2), ("b", 1))]
    assert compared_share([group]) == 0.5  # both faced a and differed, both did the same in b
    assert compared_share([[one] for one in group]) == 0.0


SPEC: dict[str, Any] = {
    "title": "Tiny",
    "claim": "None.",
    "source": "none",
    "policy": "table",
    "first_seed": 10,
    "tuning_seeds": [0, 1],
    "recipe": {
        "world": CORRIDOR,
        "rollout": {"tasks_per_step": 2, "group_size": 4},
        "learner": {"steps": 4, "max_idle_steps": 4},
        "evaluation": {"interval": 2},
    },
    "tune": {"field": "learner.lr", "values": [0.1, 0.3]},
    "baseline": {"label": "GRPO"},
    "method": {"label": "GiGPO", "settings": {"advantage": "gigpo"}},
    "preconditions": [{"metric": "start.score", "low": 0.0, "high": 0.9}],
    "claims": [{"metric": "score", "over": "curve"}, {"metric": "turns", "better": "lower"}],
}


async def test_a_claim_end_to_end(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(SPEC))
    name, spec = load_reproduction(str(path))
    said: list[str] = []
    runs = await reproduce(spec, tmp_path / name, 2, said.append)
    assert len(said) == 2 * (2 * 2 + 2)
    assert runs.seeds == [10, 11]
    result = write_report(name, spec, runs, tmp_path / name)
    (held,) = result["preconditions"]
    assert held["holds"]
    assert held["measured"] == runs.summaries["baseline", None][0]["eval"]["untrained"]["score"]
    assert result["verdict"] in ("reproduced", "not reproduced", "reversed")
    assert [p["x"] for p in result["points"]] == [0, 2, 4]
    assert "| start.score | 0 | 0.9 |" in (tmp_path / name / "result.md").read_text()
    again = await reproduce(spec, tmp_path / name, 2, said.append)
    assert again == runs
    assert all(text.endswith("(done before)") for text in said[12:])


@pytest.mark.parametrize(
    "condition", [{"metric": "start.score", "low": 0.95}, {"metric": "outside_clip", "high": -0.1}]
)
async def test_a_failed_precondition_is_not_tested(
    tmp_path: Path, condition: dict[str, Any]
) -> None:
    spec = Reproduction.model_validate(SPEC | {"tune": None, "preconditions": [condition]})
    result = write_report("tiny", spec, await reproduce(spec, tmp_path, 2), tmp_path)
    assert result["verdict"] == "not tested"
    assert not result["preconditions"][0]["holds"]
    assert "**Not tested**" in (tmp_path / "result.md").read_text()


async def test_a_precondition_of_the_methods_runs(tmp_path: Path) -> None:
    condition = {"metric": "compared", "side": "method"}
    spec = Reproduction.model_validate(SPEC | {"tune": None, "preconditions": [condition]})
    runs = await reproduce(spec, tmp_path, 2)
    (held,) = write_report("tiny", spec, runs, tmp_path)["preconditions"]
    found = [s["measured"]["compared"] for s in runs.summaries["method", None]]
    assert held["measured"] == pytest.approx(sum(found) / 2)
    assert "compared (GiGPO)" in (tmp_path / "result.md").read_text()
    plain = SPEC | {"preconditions": [{"metric": "compared"}]}
    explicit = SPEC | {"preconditions": [{"metric": "compared", "side": "baseline"}]}
    assert (
        Reproduction.model_validate(plain).fingerprint
        == Reproduction.model_validate(explicit).fingerprint
        != Reproduction.model_validate(SPEC | {"preconditions": [condition]}).fingerprint
    )


async def test_figures_and_seeds_that_do_not_exist(tmp_path: Path) -> None:
    unknown = SPEC | {"tune": None, "preconditions": [{"metric": "outside"}]}
    spec = Reproduction.model_validate(unknown)
    with pytest.raises(UsageError, match=r"no figure 'outside'.*outside_clip"):
        write_report("tiny", spec, await reproduce(spec, tmp_path, 2), tmp_path)
    tuned = Reproduction.model_validate(SPEC | {"tuning_seeds": [11]})
    with pytest.raises(UsageError, match="tuning_seeds"):
        await reproduce(tuned, tmp_path, 2)


def test_shipped_tables_are_judged_on_fresh_seeds() -> None:
    shipped = [load_reproduction(name)[1] for name in reproductions()]
    tables = [spec for spec in shipped if spec.policy == "table"]
    assert tables
    for spec in tables:
        verdict = set(range(spec.first_seed, spec.first_seed + spec.seeds))
        assert len(verdict) >= 10
        assert len(spec.tuning_seeds) >= 3
        assert not verdict & set(spec.tuning_seeds)
        assert spec.preconditions
