"""Chains of skills in a table: exact success, hints that the sampler sees, guidance, budgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from envgym.messages import Message
from envgym.rollout.start import Start
from envgym.trainers.reproduce.table import train_table
from envgym.trainers.reproduce.table.config import ChainWorld
from envgym.trainers.reproduce.table.machine import evaluate
from envgym.trainers.reproduce.table.play import ActionSampler, MachinePlayer
from envgym.trainers.reproduce.table.world import World, chains
from envgym.trainers.samplers.success_rates import recorded_rates
from tests.trainers.reproduce.table.worlds import config

CHAIN: dict[str, Any] = {
    "kind": "chain",
    "skills": 6,
    "actions": 3,
    "lengths": [2, 4],
    "tasks": 4,
    "test_tasks": 10,
    "chance": 0.5,
    "hint_strength": 1.5,
}


def world(**changes: Any) -> World:
    return chains(ChainWorld.model_validate(CHAIN | changes))


@given(st.integers(0, 1000))
def test_success_is_the_product_of_the_skills(seed: int) -> None:
    made = world()
    probs = np.random.default_rng(seed).dirichlet(np.ones(3), 6)
    right = made.logits.numpy().argmax(1)
    expected = []
    for machine in made.test:
        state, product = machine.start, 1.0
        while state >= 0:
            product *= probs[state, right[state]]
            state = int(machine.next_state[state, right[state]])
        expected.append(product)
    assert evaluate(made.test, probs)["score"] == pytest.approx(np.mean(expected))


def test_the_starting_policy_and_unsolvable_tasks() -> None:
    made = world(lengths=[2], unsolvable=0.5)
    start = np.exp(made.logits.numpy())
    np.testing.assert_allclose(start.sum(1), 1.0, rtol=1e-6)
    assert evaluate(made.test, start)["score"] == pytest.approx(0.25)
    assert sorted(machine.score.sum() for machine in made.training) == [0, 0, 1, 1]


async def played(made: World, share: int, **fields: Any) -> tuple[MachinePlayer, Any]:
    player = MachinePlayer(made, 1.5)
    player.sampler = ActionSampler(made.logits.double().numpy(), 3)
    hints = made.hints[1][:share]
    guidance = (Message("user", "\n".join(hints), "hint"),) if hints else ()
    starts = [Start(0, made.tasks[1], "g", i, guidance, **fields) for i in range(400)]
    return player, (await player.play(starts)).episodes


async def test_a_hint_adds_its_strength_to_the_told_actions() -> None:
    """p = 0.5 of three actions, 0.25 the others: 0.5 e^1.5 / (0.5 e^1.5 + 0.5) with the hint."""
    made = world()
    told = np.exp(1.5) / (np.exp(1.5) + 1)
    for share, expected in ((0, 0.5**4), (1, told**2 * 0.5**2), (2, told**4)):
        _, episodes = await played(made, share)
        found = np.mean([episode.score for episode in episodes])
        assert found == pytest.approx(expected, abs=4 * np.sqrt(expected / 400))
        first = episodes[0].turns[0]
        right = first.action[0] == max(range(18), key=made.logits.flatten().__getitem__)
        assert first.logprobs[0] <= np.log(told if share else 0.5) + 1e-9 or right


async def test_a_prefix_of_actions_is_stepped_and_not_recorded() -> None:
    made = world()
    player, _ = await played(made, 0)
    (shown,) = (await player.demonstrate([Start(0, made.tasks[1], "g")])).episodes
    assert shown.score == 1
    assert all(turn.logprobs == [] for turn in shown.turns)
    given_actions = tuple(turn.taken for turn in shown.turns[:3])
    (rest,) = (
        await player.play([Start(0, made.tasks[1], "g", prefix_actions=given_actions)])
    ).episodes
    assert [turn.anchor for turn in rest.turns] == [shown.turns[3].anchor]


GUIDED = [
    ({"guidance": {"name": "guide"}, "losses": ["guide"]}, 0.3),
    ({"guidance": {"name": "ghpo", "cold_start": 0}}, 0.3),
    ({"guidance": "agent_rlvr", "losses": ["clip", "sft"]}, 0.3),
    ({"guidance": {"name": "prefix_rl", "oracle": True}}, 0.3),
    (
        {"guidance": {"name": "relift", "size": 2}, "losses": ["clip", {"name": "sft", "lr": 0.1}]},
        0,
    ),
]


@pytest.mark.parametrize(("changes", "rescued"), GUIDED)
async def test_guidance_learns_where_plain_groups_fail(
    tmp_path: Path, changes: dict[str, Any], rescued: float
) -> None:
    hard = CHAIN | {"lengths": [6], "tasks": 1, "chance": 0.35, "hint_strength": 3.0}
    settings = {
        "world": hard,
        "learner": {"steps": 60, "lr": 0.1, "max_idle_steps": 60},
        "evaluation": {},
    }
    summary = await train_table(config(tmp_path / "guided", **(settings | changes)))
    assert summary["measured"]["rescued"] >= rescued
    assert summary["eval"]["trained"]["score"] > 0.5
    plain = await train_table(config(tmp_path / "plain", **settings))
    assert plain["measured"]["rescued"] == 0
    assert plain["eval"]["trained"]["score"] < summary["eval"]["trained"]["score"]


async def test_hints_that_push_nothing_teach_what_no_hints_teach(tmp_path: Path) -> None:
    """Episodes with a hint of strength 0 are plain ones: every ratio is 1."""
    weak = {"world": CHAIN | {"hint_strength": 0.0, "tasks": 1, "lengths": [6]}}
    vanish = await train_table(
        config(tmp_path / "a", **weak, guidance={"name": "ghpo", "cold_start": 0})
    )
    kept = {"name": "ghpo", "cold_start": 0, "vanish": True}
    other = await train_table(config(tmp_path / "b", **weak, guidance=kept, losses=["decoupled"]))
    assert vanish["eval"] == other["eval"]


async def test_a_budget_of_sampled_actions(tmp_path: Path) -> None:
    learner = {"steps": 50, "lr": 0.1, "max_idle_steps": 50, "max_sampled_tokens": 60}
    summary = await train_table(config(tmp_path, world=CHAIN, learner=learner))
    assert 60 <= summary["sampled_tokens"] < 60 + 2 * 4 * 4
    assert summary["steps"] < 50


def test_slack_keeps_a_wrong_action_where_it_is_but_for_fatal_skills() -> None:
    """Two skills, one wrong action allowed: p² (1 + 2 (1 - p)) with slack in both, p = 1/2."""
    both = {"chains": [[0, 1]], "test_chains": [[0, 1]], "slack": 1}
    start = np.exp(world(**both).logits.numpy())
    assert evaluate(world(**both).test, start)["score"] == pytest.approx(0.25 * 2)
    fatal = world(**both, fatal=[0])
    assert evaluate(fatal.test, start)["score"] == pytest.approx(0.25 * 1.5)


def test_each_skill_has_its_own_chance_in_given_chains() -> None:
    chances = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    made = world(chains=[[5, 0], [1], [1]], test_chains=[[0, 1], [2]], chance=chances)
    start = np.exp(made.logits.numpy())
    np.testing.assert_allclose(start.max(1)[:5], chances[:5], rtol=1e-6)
    assert evaluate(made.test, start)["score"] == pytest.approx((0.72 + 0.7) / 2)
    assert len({task.key for task in made.tasks}) == 3
    assert [task.data["skills"] for task in made.tasks] == [[5, 0], [1], [1]]


async def test_hints_that_conflict_mislead_together() -> None:
    """Odds of the right action: e^s with its hint; a wrong one has e^s per conflicting hint."""
    made = world(chains=[[0, 1, 2]], test_chains=[[0]], hints=3, conflicting=2)
    player = MachinePlayer(made, 1.5)
    player.sampler = ActionSampler(made.logits.double().numpy(), 0)
    right = made.logits.numpy().argmax(1)[2]

    def told(*indices: int) -> float:
        lines = [made.hints[0][i] for i in indices]
        tokens = tuple(player._read("\n".join(lines)))
        return float(np.exp(player.sampler.hinted(tokens, 1.5).log_probs[2][right]))

    push = float(np.exp(1.5))
    assert told(2) == pytest.approx(2 * push / (2 * push + 2))
    assert told(0, 2) == pytest.approx(2 * push / (2 * push + push + 1))
    assert told(0, 1, 2) == pytest.approx(2 * push / (2 * push + push**2 + 1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lengths": []}, "give lengths to draw tasks of, or chains and test_chains"),
        ({"chains": [[0, 0]]}, r"\[0, 0\] must hold different skills from 0 to 5"),
        ({"test_chains": [[6]]}, r"\[6\] must hold different skills from 0 to 5"),
        ({"chains": [[]]}, "a chain needs a skill"),
        ({"chance": [0.5]}, "chance lists 1 skills of 6"),
    ],
)
def test_worlds_that_do_not_fit_are_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        world(**changes)


async def test_recorded_steps_are_curves_for_a_curriculum(tmp_path: Path) -> None:
    settings = {"world": CHAIN, "sampler": {"name": "epochs"}}
    for every in (1, 2):
        await train_table(config(tmp_path / f"{every}", **settings, episodes_every=every))
    rates = recorded_rates(str(tmp_path / "1"))
    assert list(rates) == [0, 1, 2, 3]
    keys = {task.key for task in world().tasks}
    assert {*rates[0], *rates[1]} == {*rates[2], *rates[3]} == keys  # two epochs of two steps
    assert recorded_rates(str(tmp_path / "2")) == {step: rates[step] for step in (0, 2)}


async def test_figures_of_solved_groups_and_of_hinted_episodes(tmp_path: Path) -> None:
    known = CHAIN | {"chance": [0.999] * 6}
    summary = await train_table(config(tmp_path / "a", world=known))
    assert summary["measured"]["solved_groups"] > 0.9
    assert summary["measured"]["early_guided_score"] == 0.0
    losses = [{"name": "clip", "roles": ["policy", "guided"]}]
    hinted = await train_table(
        config(tmp_path / "b", world=known, guidance={"name": "knowledge"}, losses=losses)
    )
    assert hinted["measured"]["early_guided_score"] > 0.9
