"""ReLIFT: failed tasks wait, and demonstrations of them are trained on by a loss of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from envgym.env import Env
from envgym.errors import Fault, UsageError
from envgym.messages import Action
from envgym.trainers.collection.samples import as_groups, of_policy
from envgym.trainers.guidance import Relift
from envgym.trainers.loop import Trainer
from envgym.trainers.run import train
from envgym.trainers.running import checkpoint
from tests.trainers.guidance.world import Game, Vault, parts
from tests.trainers.test_run import config, metrics

SFT = "losses=[clip, {name: sft, lr: 1.0e-4}]"


async def test_the_oracle_plays_the_newest_failed_tasks_once_enough_wait() -> None:
    game, relift = Game(), Relift(size=2)
    first = await relift.play(game.starts(0, 1), game.player)
    assert [e.role for e in first.episodes] == ["policy"] * 4
    second = await relift.play(game.starts(2, 3), game.player)
    assert parts(second.episodes[4:]) == [
        ("0.0.2", "demonstration", "relift", 1.0),
        ("0.0.3", "demonstration", "relift", 1.0),
    ]
    assert [row["group"] for row in relift.state()["waiting"]] == ["0.0.1"]
    assert game.agent.acts == 8  # the oracle plays in its place
    assert of_policy(as_groups(second.episodes)) == as_groups(second.episodes[:4])


class Broken(Vault):
    """A vault whose oracle breaks behind the third door."""

    async def oracle(self) -> AsyncIterator[Action]:
        if self.task.data["needs"] == 3:
            raise Fault("the expert is gone", "infra")
        yield Action(self.task.hidden["answer"])


async def test_broken_episodes_of_the_oracle_are_counted() -> None:
    game, relift = Game(Broken), Relift(size=2)
    result = await relift.play(game.starts(2, 3), game.player)
    assert [e.group for e in result.episodes if e.role == "demonstration"] == ["0.0.2"]
    assert [e.group for e in result.quarantined] == ["0.0.3"]
    assert result.counts == {"guidance/waiting": 2.0, "guidance/oracle_quarantined": 1.0}


async def test_the_buffer_is_bounded() -> None:
    game, relift = Game(), Relift(size=2)
    await relift.play(game.starts(1, 2, 3, 4, 5, 6), game.player)
    assert [row["group"] for row in relift.state()["waiting"]] == ["0.0.3", "0.0.4"]


async def test_waiting_tasks_are_counted() -> None:
    game, relift = Game(), Relift(size=9)
    for wanted in (2.0, 3.0):
        result = await relift.play(game.starts(*((1, 2) if wanted == 2 else (3,))), game.player)
        assert result.counts == {"guidance/waiting": wanted}


async def test_waiting_tasks_survive_a_checkpoint() -> None:
    game, relift = Game(), Relift(size=2)
    await relift.play(game.starts(1), game.player)
    again = Relift(size=2)
    again.load(json.loads(json.dumps(relift.state())))
    played = [await one.play(game.starts(2), game.player) for one in (relift, again)]
    assert parts(played[0].episodes) == parts(played[1].episodes)
    assert len(played[0].episodes) == 4
    assert relift.state() == again.state() == {"waiting": []}


async def test_a_group_with_a_success_costs_nothing_more() -> None:
    game, relift = Game(), Relift(size=1)
    result = await relift.play(game.starts(0), game.player)
    assert (game.agent.acts, len(result.episodes)) == (2, 2)


def test_an_environment_without_an_oracle_is_named() -> None:
    class Plain(Vault):
        oracle = Env.oracle

    with pytest.raises(UsageError, match=r"guidance 'relift' needs oracle\(\) and plain-v0 has"):
        Relift().check_env(Plain())


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("losses=[clip]",), r"add {name: sft, lr: 1.0e-6} to losses"),
        (("losses=[clip, sft]",), "loss 'sft' shares the policy's optimiser"),
        ((SFT, "rollout.dynamic_rounds=2"), "set rollout.dynamic_rounds to 1"),
        ((SFT,), "the run plays 6 tasks, fewer than the 128 that must wait"),
    ],
)
def test_what_goes_ill_with_it_is_refused(
    tmp_path: Path, overrides: Sequence[str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        config(tmp_path, "a", "guidance=relift", *overrides)


async def test_a_run_imitates_what_failed(tmp_path: Path) -> None:
    settings = ("guidance={name: relift, size: 1}", SFT, "learner.max_idle_steps=9")
    await train(config(tmp_path, "a", *settings, "learner.steps=2"))
    [first, _] = metrics(tmp_path / "a")
    assert first["role/demonstration_score"] == 1.0
    assert first["learn/sft_nll"] > 0
    found = checkpoint.latest(tmp_path / "a" / "checkpoints")
    assert found is not None
    trainer = Trainer(config(tmp_path, "a", *settings, "learner.steps=2"))
    await checkpoint.load(trainer, found)
    state = json.loads((found / "state.json").read_text())["plugins"]["guidance"]
    assert trainer.config.guidance.state() == state
    assert trainer.policy.own_optimizers.keys() == {"sft"}
    await trainer.close()
