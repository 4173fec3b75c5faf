"""The loop's points of extension, and the state that it keeps."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from envgym.errors import UsageError
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.loop import Trainer
from envgym.trainers.run import train
from envgym.trainers.running import checkpoint
from envgym.trajectory import Trajectory
from tests.trainers.helpers import episode
from tests.trainers.test_run import config, metrics

MODULE = '''
from typing import Any

from envgym.messages import hint
from envgym.trainers.collection.samples import Sample
from envgym.trainers.derive import Derive
from envgym.trainers.guidance import Guidance
from envgym.trainers.hooks import Hook
from envgym.trainers.losses import Clip
from envgym.trainers.rewards import Reward
from envgym.trainers.rewards.base import Probe
from envgym.trainers.samplers import Uniform


class Retry(Guidance):
    """Play failed episodes again with the first hint."""

    async def play(self, starts, player):
        result = await player.play(starts)
        by_id = {start.id: start for start in starts}
        again = []
        for episode in result.episodes:
            if episode.score < 1 and (hints := await player.hints(episode)):
                again.append(
                    by_id[episode.id].again(
                        guidance=(hint(hints[0]),), role="guided", guided_by="hint:1"
                    )
                )
        if again:
            result.add(await player.play(again))
        return result


class Running(Reward):
    """Counts its samples."""

    n: int = 0

    def __call__(self, groups):
        for sample in (s for group in groups for s in group):
            self.n += 1
            sample.add_reward("running", sample.trajectory.reward)

    def state(self):
        return {"n": self.n}

    def load(self, state):
        self.n = state["n"]


class Probing(Running):
    """Pays the probability of an answer."""

    def probes(self, sample, chat):
        return [Probe(sample.trajectory.turns[0].context_ids, [1, 2, 3])]

    def __call__(self, groups):
        for sample in (s for group in groups for s in group):
            sample.add_reward("probing", float(sample.probes[0].sum()))


class Imitate(Derive):
    """Puts the group's best answer beside it, as a demonstration."""

    async def __call__(self, groups, tools):
        assert len(tools.logps(groups[0])) == len(groups[0])
        shown = [max(group, key=lambda s: s.trajectory.reward) for group in groups]
        return [*groups, *([Sample(s.episode, s.trajectory, role="demonstration")] for s in shown)]


class Counting(Uniform):
    """Counts what it observed."""

    seen: int = 0

    def observe(self, groups):
        self.seen += sum(map(len, groups))

    def state(self):
        return {"seen": self.seen}

    def load(self, state):
        self.seen = state["seen"]


class Watch(Hook):
    """Writes down the roles of the episodes that it sees."""

    folder: Any = None

    def begin(self, directory, step):
        self.folder = directory

    def episodes_played(self, step, episodes):
        with (self.folder / "roles.txt").open("a") as file:
            file.write(" ".join(sorted({e.role for e in episodes})) + "\\n")
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A module of plug-ins, importable under a name that no other test has."""
    name = "loop_" + "".join(c if c.isalnum() else "_" for c in request.node.name)
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return name


async def test_failed_episodes_are_played_again_with_a_hint(tmp_path: Path, module: str) -> None:
    hooks = f"hooks=['{module}:Watch']"
    await train(config(tmp_path, "a", f"guidance={module}:Retry", hooks, "learner.steps=1"))
    [row] = metrics(tmp_path / "a")
    assert 0 < row["role/guided"] <= 0.5
    assert (tmp_path / "a" / "roles.txt").read_text() == "guided policy\n"


async def test_samples_may_be_made_of_samples(tmp_path: Path, module: str) -> None:
    losses = "losses=[clip, {name: sft, coef: 0.1}]"
    trainer = Trainer(config(tmp_path, "a", f"derive=['{module}:Imitate']", losses))
    try:
        told, _ = await trainer.step()
    finally:
        await trainer.close()
    assert told["learn/nll"] > 0


async def test_what_no_loss_trains_stops_the_run_and_is_named(tmp_path: Path, module: str) -> None:
    trainer = Trainer(config(tmp_path, "a", f"derive=['{module}:Imitate']"))
    try:
        with pytest.raises(UsageError, match="whose role is 'demonstration'"):
            await trainer.step()
    finally:
        await trainer.close()


async def test_a_reward_may_ask_the_policy(tmp_path: Path, module: str) -> None:
    rewards = f"rewards=['{module}:Probing']"
    trainer = Trainer(config(tmp_path, "a", rewards, "learner.max_idle_steps=9"))
    try:
        groups, _ = await trainer.collect()
        trainer.reward(groups)
        [sample, *_] = groups[0]
        ids = [*sample.trajectory.turns[0].context_ids, 1, 2, 3]
        with torch.no_grad():
            logits = trainer.model(torch.tensor([ids])).logits[0, -4:-1]
        wanted = logits.log_softmax(-1)[range(3), [1, 2, 3]].sum().item()
        assert sample.reward == pytest.approx(wanted, abs=1e-4)
    finally:
        await trainer.close()


# --- seats --------------------------------------------------------------------------------------


def of_two_seats() -> list[Group]:
    """A solver with rewards 0 and 1, a proposer with 0 and 100."""
    solver: Group = []
    proposer: Group = []
    for reward in (0.0, 1.0, 0.0, 1.0):
        made = episode([([1], [2, 3])], reward=reward)
        other = episode([([1], [2, 3])], reward=100 * reward).trajectory
        made.trajectories["proposer"] = Trajectory("proposer", other.turns)
        solver.append(Sample(made, made.trajectory, made.trajectory.reward))
        seat = made.trajectories["proposer"]
        proposer.append(Sample(made, seat, seat.reward))
    return [solver, proposer]


@pytest.mark.parametrize("method", ["{name: grpo, std: batch}", "reinforce++"])
def test_seats_share_no_statistics(tmp_path: Path, method: str) -> None:
    """A proposer's rewards of 100 once made the solver's advantages a hundredth."""
    trainer = Trainer(config(tmp_path, "a", f"advantage={method}"))
    together, alone = of_two_seats(), of_two_seats()
    trainer.credit(together)
    trainer.credit(alone[:1])
    for one, two in zip(together[0], alone[0], strict=True):
        assert np.allclose(one.advantages[0], two.advantages[0])
    assert abs(together[0][1].advantages[0][0]) > 0.5


def test_an_unknown_seat_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"seats.judge: .* has no such seat; it has agent"):
        Trainer(config(tmp_path, "a", "seats={judge: {train: false}}"))


async def test_truncated_answers_may_be_left_out(tmp_path: Path) -> None:
    trainer = Trainer(config(tmp_path, "a", "learner.mask_truncated=true"))
    made = [episode([([1], [2])], reward=r) for r in (0.0, 1.0)]
    made[0].turns[0].cut = True
    group = [Sample(e, e.trajectory, e.reward) for e in made]
    trainer.credit([group])
    assert [s.skip for s in group] == [True, False]
    assert group[1].advantages[0][0] > 0  # the other still counts it


# --- state --------------------------------------------------------------------------------------


async def test_every_plug_in_keeps_its_state(tmp_path: Path, module: str) -> None:
    """A reward's running mean once began anew with every resumption."""
    settings = (f"rewards=['{module}:Running']", "learner.max_idle_steps=9")
    await train(config(tmp_path, "a", *settings, "learner.steps=2"))
    found = checkpoint.latest(tmp_path / "a" / "checkpoints")
    assert found is not None
    assert json.loads((found / "state.json").read_text())["plugins"]["rewards.0"] == {"n": 12}
    trainer = Trainer(config(tmp_path, "a", *settings, "learner.steps=2"))
    await checkpoint.load(trainer, found)
    assert trainer.config.rewards[0].state() == {"n": 12}
    await trainer.close()


async def test_a_step_that_is_cut_leaves_no_trace_in_the_plug_ins(
    tmp_path: Path, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt inside a step once saved what the sampler saw of it, and counted it twice."""
    settings = config(tmp_path, "a", f"sampler={module}:Counting", "learner.steps=2")
    observed = asyncio.Event()
    derive = Trainer.derive

    async def hang(trainer: Trainer, groups: list[Group]) -> list[Group]:
        if trainer.step_number == 1:
            observed.set()
            await asyncio.sleep(60)
        return await derive(trainer, groups)

    monkeypatch.setattr(Trainer, "derive", hang)
    run = asyncio.create_task(train(settings))
    await observed.wait()
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    found = checkpoint.latest(tmp_path / "a" / "checkpoints")
    assert found is not None
    state = json.loads((found / "state.json").read_text())
    assert (state["step"], state["plugins"]["sampler"]) == (1, {"seen": 6})


async def broken(tmp_path: Path, spoil: Any) -> str:
    """What loading a spoilt checkpoint says."""
    settings = config(tmp_path, "a", "learner.steps=1", "advantage={name: grpo}")
    await train(settings)
    found = checkpoint.latest(tmp_path / "a" / "checkpoints")
    assert found is not None
    spoil(found)
    trainer = Trainer(settings)
    with pytest.raises(UsageError) as caught:
        await checkpoint.load(trainer, found)
    await trainer.close()
    return str(caught.value)


async def test_a_checkpoint_without_a_weight_is_refused(tmp_path: Path) -> None:
    def spoil(found: Path) -> None:
        weights = load_file(found / "model.safetensors")
        del weights["model.norm.weight"]
        save_file(weights, found / "model.safetensors")

    assert "lacks the weight model.norm.weight" in await broken(tmp_path, spoil)


async def test_a_weight_that_is_no_number_is_refused(tmp_path: Path) -> None:
    def spoil(found: Path) -> None:
        weights = load_file(found / "model.safetensors")
        weights["model.norm.weight"][0] = float("nan")
        save_file(weights, found / "model.safetensors")

    assert "model.norm.weight holds a number that is not finite" in await broken(tmp_path, spoil)


async def test_a_plug_ins_state_of_another_version_is_refused(tmp_path: Path) -> None:
    def spoil(found: Path) -> None:
        state = json.loads((found / "state.json").read_text())
        state["plugins"]["rewards.7"] = {"mean": 1}
        (found / "state.json").write_text(json.dumps(state))

    assert "rewards.7 cannot read its state" in await broken(tmp_path, spoil)


async def test_the_rate_rises_with_updates_and_not_with_steps(tmp_path: Path) -> None:
    """Steps that wait for samples once used the warm-up up before the first update."""
    settings = config(
        tmp_path,
        "a",
        "learner.warmup=3",
        "learner.max_idle_steps=2",
        "learner.steps=3",
        "batching={name: delayed, steps: 2}",
    )
    rates: list[float] = []
    trainer = Trainer(settings)
    step = trainer.policy.optimizer.step
    trainer.policy.optimizer.step = lambda *a: (  # type: ignore[method-assign,assignment]
        rates.append(trainer.policy.optimizer.param_groups[0]["lr"]),
        step(*a),
    )
    for _ in range(3):
        await trainer.step()
    await trainer.close()
    assert rates == [pytest.approx(1e-3 / 4)]
