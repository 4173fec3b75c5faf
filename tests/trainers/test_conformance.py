"""What every registered plug-in must keep, whoever wrote it.

Context, rows and the outcome's reach are in `test_properties` and `test_peer_defects`, over the
same registry.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from envgym.stop_reason import StopReason
from envgym.trainers.advantages import Advantage
from envgym.trainers.advantages.credit import rewards_by_token, rewards_by_turn
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.loop import as_groups
from envgym.trainers.losses import Loss, LossInputs
from envgym.trainers.plugin import PLUGINS
from envgym.trainers.rewards import Reward
from envgym.trajectory import Episode, Span, Turn
from tests.trainers.helpers import episode
from tests.trainers.strategies import (
    chances,
    changed,
    groups_of_episodes,
    informed,
    rewarded,
    samples_of,
    turns_of,
)

Episodes = list[Episode]
few = settings(max_examples=6)  # of each of many methods
ADVANTAGES = sorted(PLUGINS["advantage"])
COMPARING = [name for name in ADVANTAGES if PLUGINS["advantage"][name].compares]  # type: ignore[attr-defined]
LOSSES = sorted(PLUGINS["loss"])
IMPROVING = [name for name in LOSSES if PLUGINS["loss"][name].improves]  # type: ignore[attr-defined]
every_advantage = pytest.mark.parametrize("name", ADVANTAGES)
every_comparing = pytest.mark.parametrize("name", COMPARING)
every_loss = pytest.mark.parametrize("name", LOSSES)
every_improving = pytest.mark.parametrize("name", IMPROVING)
every_reward = pytest.mark.parametrize("name", sorted(PLUGINS["reward"]))


def advantage(name: str, **settings: Any) -> Advantage:
    made = PLUGINS["advantage"][name](**settings)
    assert isinstance(made, Advantage)
    return made


def credited(episodes: Episodes, name: str) -> list[Sample]:
    groups = rewarded(episodes)
    advantage(name)(informed(groups))
    return samples_of(groups)


def flat(sample: Sample) -> np.ndarray:
    return np.concatenate([*sample.advantages, np.zeros(0)])


# --- advantages ---------------------------------------------------------------------------------


@every_advantage
@few
@given(episodes=groups_of_episodes())
def test_every_token_has_a_finite_advantage(name: str, episodes: Episodes) -> None:
    for sample in credited(episodes, name):
        lengths = [len(turn.action) for turn in sample.trajectory.turns]
        assert [a.shape for a in sample.advantages] == [(n,) for n in lengths]
        assert all(a.dtype == np.float32 and np.isfinite(a).all() for a in sample.advantages)


@every_comparing
def test_no_eps_is_no_trouble(name: str) -> None:
    """0 / 0 is not a number, and many a deviation is 0."""
    if "eps" in PLUGINS["advantage"][name].model_fields:
        groups = rewarded([chain(2, 0.1), chain(2, 0.1), chain(3, 0.1)])
        groups += rewarded([chain(1, 0.0), chain(2, 1.0)])
        advantage(name, eps=0.0)(informed(groups))
        assert all(np.isfinite(flat(s)).all() for s in samples_of(groups))


@every_advantage
def test_turns_and_episodes_without_tokens_are_no_trouble(name: str) -> None:
    """An agent may say nothing: what such a turn earned is credited to the tokens before it."""
    silent = [episode([([1], []), ([2], [3]), ([4], []), ([5], [6, 7]), ([8], [])], reward=1.0)]
    silent += [episode([([1], [])]), episode([([1], [2])])]
    for sample in credited(silent, name):
        assert np.isfinite(flat(sample)).all()
    first = Sample(silent[0], silent[0].trajectory, reward=1.0)
    assert rewards_by_token(first).tolist() == [0, 0, 1]


@every_comparing
@few
@given(episodes=groups_of_episodes(size=1), reward=st.floats(-1e3, 1e3))
def test_a_group_of_one_gets_nothing(name: str, episodes: Episodes, reward: float) -> None:
    for made in episodes:
        for trajectory in made.trajectories.values():
            trajectory.turns[-1].reward += reward
    assert not any(flat(sample).any() for sample in credited(episodes, name))


@every_advantage
def test_rounding_is_no_credit(name: str) -> None:
    """0.1 + 0.2 is not 0.3, and divided by a deviation as small it would be a full advantage."""
    eps = {"eps": 0.0} if "eps" in PLUGINS["advantage"][name].model_fields else {}
    found = []
    assert 0.1 + 0.2 != 0.3
    for reward in (0.3, 0.1 + 0.2):
        groups = rewarded([chain(1, 0.3), chain(1, reward), chain(1, 0.3)])
        advantage(name, **eps)(informed(groups))
        found.append([flat(s).tolist() for s in samples_of(groups)])
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)


@every_comparing
@pytest.mark.parametrize("reward", [0.0, 0.1, -1.0])
def test_equal_episodes_get_nothing(name: str, reward: float) -> None:
    same = [episode([([1], [2, 3]), ([4], [5])], reward=reward) for _ in range(3)]
    assert all(np.abs(flat(s)).max() < 1e-6 for s in credited(same, name))


@every_advantage
@few
@given(episodes=groups_of_episodes())
def test_episodes_without_rewards_are_no_trouble(name: str, episodes: Episodes) -> None:
    for turn in turns_of(episodes):
        turn.reward = 0.0
    for sample in credited(episodes, name):
        assert np.isfinite(flat(sample)).all()
        if name in COMPARING:
            assert not flat(sample).any()


def chain(turns: int, reward: float, cut: bool = False) -> Episode:
    return episode(
        [([1], [2])] * turns, reward=reward, restart=tuple(range(1, turns)) if cut else ()
    )


@every_comparing
def test_group_statistics_count_an_episode_once(name: str) -> None:
    """However many rows it is cut into, and whatever another group does."""
    wholes, cuts = (
        credited([chain(4, 1.0, cut), chain(4, 0.0), chain(4, 0.5)], name) for cut in (False, True)
    )
    for one, two in zip(wholes, cuts, strict=True):
        np.testing.assert_array_equal(flat(one), flat(two))


# By how much credit grows when all rewards do; None where values, thresholds or judges are on a
# scale of their own.
DEGREE: dict[str, int | None] = {
    "bi_level_gae": None,
    "brpo": 0,
    "dr_grpo": 1,
    "dr_irl": 0,
    "gae": None,
    "gagpo": 0,
    "gdpo": 0,
    "gigpo": 0,
    "grpo": 0,
    "hgpo": 0,
    "lite_ppo": 0,
    "maxrl": 0,
    "nsr": None,
    "otb": 1,
    "psr": None,
    "recap": 0,
    "reinforce++": 0,
    "reinforce++-baseline": 0,
    "rloo": 1,
    "turn_gae": None,
    "turn_returns": 1,
    "w_reinforce": None,
}


@every_advantage
def test_credit_scales_as_it_says(name: str) -> None:
    assert set(DEGREE) == set(ADVANTAGES), "a new advantage says here how it scales"
    degree = DEGREE[name]
    groups = rewarded([chain(3, 100.0), chain(2, 200.0), chain(2, 400.0), chain(4, 50.0)])
    larger = copy.deepcopy(groups)
    for sample in samples_of(larger):
        sample.reward *= 8
        sample.turn_rewards = [8 * r for r in sample.turn_rewards]
        sample.components = {n: 8 * r for n, r in sample.components.items()}
    for one in (groups, larger):
        advantage(name)(informed(one))
    if degree is not None:
        for before, after in zip(samples_of(groups), samples_of(larger), strict=True):
            np.testing.assert_allclose(flat(after), 8**degree * flat(before), rtol=1e-4, atol=1e-5)


@every_advantage
@few
@given(episodes=groups_of_episodes(), chance=chances)
def test_credit_twice_is_credit_once(name: str, episodes: Episodes, chance: Any) -> None:
    """The same groups give the same numbers: no hidden state, no global randomness."""
    method = advantage(name)
    groups, again = rewarded(episodes), rewarded(changed(episodes))
    method(informed(groups))
    fresh = advantage(name)
    fresh(informed(again))
    for one, two in zip(samples_of(groups), samples_of(again), strict=True):
        np.testing.assert_array_equal(flat(one), flat(two))
        assert one.skip == two.skip


@pytest.mark.parametrize("name", ["gae", "turn_gae", "bi_level_gae"])
@few
@given(episodes=groups_of_episodes())
def test_a_critic_has_targets_for_its_values(name: str, episodes: Episodes) -> None:
    for sample in credited(episodes, name):
        assert [r.shape for r in sample.returns] == [a.shape for a in sample.advantages]
        targets = np.concatenate(sample.returns)
        assert not np.isinf(targets).any()
        assert np.isfinite(targets).any()


# --- losses -------------------------------------------------------------------------------------


def inputs(count: int = 24, seed: int = 0, spread: float = 1.0) -> LossInputs:
    rng = np.random.default_rng(seed)

    def numbers(scale: float) -> torch.Tensor:
        return torch.tensor(rng.normal(scale=scale, size=count), dtype=torch.float32)

    old = -numbers(1.0).abs() - 0.1
    return with_states(
        LossInputs(
            logp=(old + numbers(spread)).clamp(max=-1e-3).requires_grad_(),
            old_logp=old,
            ref_logp=old + numbers(0.3),
            advantage=numbers(1.0),
            sample=torch.arange(count) // 4,
            prox_logp=old + numbers(0.1),
            pair=torch.arange(count) // 8,
            side=1.0 - 2 * (torch.arange(count) // 4 % 2),
        )
    )


def with_states(made: LossInputs) -> LossInputs:
    """Inputs with states of which the log-probs are all there is, and teachers at three ids."""
    made.states, made.head = made.logp.unsqueeze(1), lambda states: states * torch.arange(5.0)
    ids = torch.tensor([0.0, 2.0, 4.0]).expand(len(made.logp), 3)
    logits = made.old_logp.unsqueeze(1) * torch.tensor([1.0, -1.0, 0.5])
    made.data = dict.fromkeys(("ref_top", "policy_top"), torch.cat([ids, logits], 1))
    return made


def on_policy(count: int = 8) -> LossInputs:
    made = inputs(count)
    now = made.old_logp.clone()
    return LossInputs(
        now.requires_grad_(), now.detach(), now.detach(), made.advantage, made.sample, now.detach()
    )


def loss(name: str) -> Loss:
    made = PLUGINS["loss"][name]()
    assert isinstance(made, Loss)
    return made


@every_loss
@pytest.mark.parametrize("spread", [0.1, 10.0])
def test_losses_are_finite_and_one_a_token(name: str, spread: float) -> None:
    given = inputs(spread=spread)
    values, metrics = loss(name)(given)
    assert values.shape == given.logp.shape
    values.sum().backward()
    assert given.logp.grad is not None
    assert values.isfinite().all()
    assert given.logp.grad.isfinite().all()
    assert all(m.shape == values.shape and m.isfinite().all() for m in metrics.values())


@every_improving
def test_the_first_gradient_is_the_policy_gradient(name: str) -> None:
    """Before the first update every ratio is 1 and no bound binds."""
    given = on_policy()
    loss(name)(given)[0].sum().backward()
    assert given.logp.grad is not None
    wanted = given.advantage.clamp(min=0) if name.startswith("a_lol") else given.advantage
    torch.testing.assert_close(given.logp.grad, -wanted)


@every_improving
def test_ratios_are_told_raw(name: str) -> None:
    given = inputs(spread=3.0)
    given.old_logp = given.old_logp - 4
    _, metrics = loss(name)(given)
    wanted = (given.logp - given.old_logp).exp()
    assert wanted.max() > 5  # beyond every bound
    torch.testing.assert_close(metrics["ratio"], wanted)


@every_improving
def test_a_token_without_credit_is_not_pushed(name: str) -> None:
    given = inputs(spread=0.5)
    given.advantage = torch.zeros_like(given.advantage)
    loss_of = PLUGINS["loss"][name](**({"pull": 0.0} if name == "dppo_tv" else {}))
    assert isinstance(loss_of, Loss)
    loss_of(given)[0].sum().backward()
    assert given.logp.grad is not None
    assert not given.logp.grad.any()


@every_loss
def test_micro_batches_change_no_loss(name: str) -> None:
    """Cut between pairs of samples; where the loss takes tokens one by one, anywhere."""
    cuts = [8, 16] if loss(name).whole_samples else [7, 13]
    whole, parts = inputs(), inputs()
    loss(name)(whole)[0].sum().backward()
    for begin, end in zip([0, *cuts], [*cuts, 24], strict=True):
        chosen = (torch.arange(24) >= begin) & (torch.arange(24) < end)
        loss(name)(with_states(parts).where(chosen))[0].sum().backward()
    torch.testing.assert_close(parts.logp.grad, whole.logp.grad)


@every_loss
def test_the_order_of_tokens_changes_no_loss(name: str) -> None:
    given = inputs()
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    shuffled = given.where(order)
    torch.testing.assert_close(loss(name)(shuffled)[0], loss(name)(given)[0][order])


# --- rewards ------------------------------------------------------------------------------------


def verdicts(sample: Sample) -> Sequence[Sequence[bool]]:
    turns = len(sample.trajectory.turns)
    return [[k % 2 == 0 for k in range(turns)], [True] * turns, [False] * turns]


NEEDED: dict[str, dict[str, Any]] = {
    "overlong": {"limit": 4, "buffer": 2},
    "judge_noise": {"std": 0.1},
    "metric": {"metric": "format"},
    "spark": {"judge": verdicts},
}


def paid(name: str, episodes: Episodes) -> list[Group]:
    for made in episodes:
        made.metrics["format"] = 0.5
    groups = as_groups(episodes)
    method = PLUGINS["reward"][name](**NEEDED.get(name, {}))
    assert isinstance(method, Reward)
    method(informed(groups))
    return groups


@every_reward
@few
@given(episodes=groups_of_episodes(), score=st.sampled_from([0.0, 0.25, 1.0]))
def test_rewards_add_up_and_leave_the_score_alone(
    name: str, episodes: Episodes, score: float
) -> None:
    for made in episodes:
        made.score, made.stop_reason = score, StopReason.ANSWERED
    before = [turn.reward for turn in turns_of(episodes)]
    for sample in samples_of(paid(name, episodes)):
        assert math.isfinite(sample.reward)
        assert sample.reward == pytest.approx(sum(sample.components.values()))
        assert rewards_by_token(sample).sum() == pytest.approx(sample.reward)
        assert rewards_by_turn(sample).sum() == pytest.approx(sample.reward)
        assert sample.episode.score == score
    assert [turn.reward for turn in turns_of(episodes)] == before


@every_reward
@few
@given(episodes=groups_of_episodes(), chance=chances)
def test_context_and_rows_change_no_reward(name: str, episodes: Episodes, chance: Any) -> None:
    longer = changed(episodes)
    for turn in turns_of(longer):
        turn.context.insert(0, Span("tool", [chance.randrange(40)] * chance.randrange(1, 6)))
        turn.restart = chance.random() < 0.5
    rewards = [[s.reward for s in samples_of(paid(name, e))] for e in (episodes, longer)]
    assert rewards[0] == rewards[1]


@every_reward
def test_rewards_of_plug_ins_add_up(name: str) -> None:
    groups = paid(name, [chain(3, 0.5), chain(2, 0.0)])
    once = [s.reward for s in samples_of(groups)]
    method = PLUGINS["reward"][name](**NEEDED.get(name, {}))
    assert isinstance(method, Reward)
    method(groups)
    assert [s.reward for s in samples_of(groups)] == pytest.approx([2 * r for r in once])


def test_turns_added_after_the_end_earn_nothing() -> None:
    made = chain(2, 1.0)
    made.turns.append(Turn([Span("user", [1])], [2]))
    sample = Sample(made, made.trajectory)
    sample.add_reward_turns("environment", [t.reward for t in made.turns])
    assert rewards_by_turn(sample).tolist() == [0, 1, 0]
