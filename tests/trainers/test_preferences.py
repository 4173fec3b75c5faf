"""Preference pairs: how they are made, kept together and learnt from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor
from torch.nn.functional import logsigmoid
from transformers import PreTrainedModel, Qwen3ForCausalLM

import envgym
from envgym.env import Content
from envgym.environments.search.wiki import WikiSearch
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.trainers.batching import Shuffled
from envgym.trainers.collection.samples import Sample, as_groups
from envgym.trainers.config_sections import Learner
from envgym.trainers.derive import Pairs
from envgym.trainers.guidance import AgentRlvr, Guide
from envgym.trainers.learner.hidden_states import micro_batches
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.model.reference import Reference
from envgym.trainers.learner.policy import Policy
from envgym.trainers.learner.rescoring import Scorer
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.loop import Trainer
from envgym.trainers.losses import Clip, Dpo, Loss, LossInputs, Modpo
from envgym.trainers.losses.base import loss_weights, token_weights, useful_rows
from envgym.trainers.run import train
from envgym.trajectory import Episode
from tests.trainers.guidance.world import Game
from tests.trainers.helpers import episode
from tests.trainers.strategies import chances, groups_of_episodes
from tests.trainers.test_gradients import model, one_at_a_time  # noqa: F401  a fixture
from tests.trainers.test_run import config, metrics, weights

DPO = "losses=[clip, {name: sft, coef: 0.1}, {name: dpo, coef: 0.1}]"


# --- pairs ----------------------------------------------------------------------------------------


def played(role: str, score: float, group: str = "g", tokens: int = 1) -> Episode:
    made = episode([([1], [2] * tokens)], score=score, group=group)
    made.role = role
    made.id = f"{group}/{role}/{score:g}"
    return made


def sides(groups: Sequence[Sequence[Sample]]) -> list[tuple[str, str]]:
    return [(g[0].episode.id, g[1].episode.id) for g in groups if g[0].pair]


async def paired(episodes: Sequence[Episode], **options: Any) -> list[list[Sample]]:
    tools: Any = None  # pairs ask no model
    return await Pairs(**options)(as_groups(episodes), tools)


async def test_a_success_meets_a_failure_of_the_policy_at_its_task() -> None:
    episodes = [
        played("policy", 1.0),
        played("policy", 0.0),
        played("policy", 0.5),
        played("demonstration", 1.0, "h"),
        played("guided", 0.0, "h"),
        played("policy", 0.0, "h"),
        played("policy", 0.0, "i"),
    ]
    groups = await paired(episodes)
    assert sides(groups) == [
        ("g/policy/1", "g/policy/0"),
        ("h/demonstration/1", "h/policy/0"),
    ]
    assert groups[:-2] == as_groups(episodes)  # what was played stays
    for good, bad in groups[-2:]:
        assert good.pair == bad.pair
        assert (good.role, bad.role) == ("chosen", "rejected")
    assert groups[-2][0].pair != groups[-1][0].pair


async def test_guided_successes_come_first_and_no_sample_twice() -> None:
    episodes = [played("policy", s) for s in (1.0, 0.0, 0.0)] + [played("guided", 1.0)]
    assert sides(await paired(episodes)) == [
        ("g/guided/1", "g/policy/0"),
        ("g/policy/1", "g/policy/0"),
    ]
    assert len(sides(await paired(episodes, most=1))) == 1
    assert sides(await paired(episodes, preferred=("policy",))) == [("g/policy/1", "g/policy/0")]


async def test_an_episode_without_tokens_is_in_no_pair() -> None:
    assert sides(await paired([played("policy", 1.0, tokens=0), played("policy", 0.0)])) == []


async def test_hints_are_in_no_context_of_a_pair() -> None:
    """Both sides of a pair begin with the plain task, as the loss sees them."""
    game = Game()
    for guidance in (Guide(), AgentRlvr()):
        result = await guidance.play(game.starts(1, 2), game.player)
        for turn in (t for e in result.episodes for t in e.turns):
            turn.action = turn.action or [3]  # this agent has no tokens
        pairs = [g for g in await paired(result.episodes) if g[0].pair]
        assert pairs
        for good, bad in pairs:
            assert good.episode.task.key == bad.episode.task.key
            assert good.episode.guided_by
            assert not bad.episode.guided_by


# --- together -------------------------------------------------------------------------------------


def pair_of(name: str, good: Episode, bad: Episode) -> list[Sample]:
    return [
        Sample(good, good.trajectory, role="chosen", pair=name),
        Sample(bad, bad.trajectory, role="rejected", pair=name),
    ]


def test_batches_part_no_pair() -> None:
    one = episode([([1], [2])])
    plain = [[Sample(one, one.trajectory) for _ in range(5)]]
    groups = [*plain, *(pair_of(f"p{i}", one, one) for i in range(7))]
    batches = list(Shuffled(epochs=2, batches=3)(groups, "s"))
    assert sum(map(len, batches)) == 2 * (5 + 14)
    for batch in batches:
        pairs = [s.pair for s in batch if s.pair]
        assert sorted(pairs) == sorted([*set(pairs)] * 2)


def test_a_pair_whose_side_was_cut_is_left_out() -> None:
    one = episode([([1], [2])])
    groups = [pair_of("a", one, one), pair_of("b", one, one)]
    groups[0][1].skip = True
    [batch] = Shuffled()(groups, "s")
    assert [s.pair for s in batch] == ["b", "b"]


# --- the losses -----------------------------------------------------------------------------------


def inputs(gaps: Sequence[float], pair: Sequence[int], side: Sequence[float]) -> LossInputs:
    """Tokens with these log-ratios to the reference."""
    count = len(gaps)
    return LossInputs(
        logp=(torch.tensor(gaps) - 1.0).requires_grad_(),
        old_logp=torch.zeros(count),
        ref_logp=torch.full((count,), -1.0),
        advantage=torch.zeros(count),
        sample=torch.zeros(count, dtype=torch.long),
        pair=torch.tensor(pair),
        side=torch.tensor(side),
    )


def test_dpo_by_hand() -> None:
    """β = 0.5; margins 0.5 (0.2 + 0.4 + 0.3) = 0.45 and 0.5 (-1 - 1) = -1."""
    batch = inputs([0.2, 0.4, -0.3, -1.0, 1.0], [4, 4, 4, 9, 9], [1.0, 1.0, -1.0, 1.0, -1.0])
    values, told = Dpo(beta=0.5)(batch)
    first, second = math.log1p(math.exp(-0.45)), math.log1p(math.exp(1.0))
    assert values.tolist() == pytest.approx([first] * 3 + [second] * 2)
    assert told["preference_margin"].tolist() == pytest.approx([0.45] * 3 + [-1.0] * 2)
    assert told["preference_accuracy"].tolist() == [1.0] * 3 + [0.0] * 2
    each = torch.tensor([1 / 4, 1 / 4, 1 / 2, 1 / 2, 1 / 2]) / 2  # over samples, and two a pair
    (values * each).sum().backward()
    slope = 0.5 / (1 + math.exp(0.45)) / 2  # β σ(-margin), over two pairs
    assert batch.logp.grad is not None
    assert batch.logp.grad[:3].tolist() == pytest.approx([-slope, -slope, slope])


def test_modpo_by_hand() -> None:
    """w₀ = 0.5: (0.45 - 0.3 · (1 - 0.5) - 0.2 · (0 - 1)) / 0.5 = 1."""
    batch = inputs([0.2, 0.4, -0.3], [0, 0, 0], [1.0, 1.0, -1.0])
    batch.components = {
        "format": torch.tensor([1.0, 1.0, 0.5]),
        "short": torch.tensor([0.0, 0.0, 1.0]),
        "score": torch.tensor([1.0, 1.0, 0.0]),
    }
    loss = Modpo(beta=0.5, weights={"format": 0.3, "short": 0.2})
    values, told = loss(batch)
    assert told["preference_margin"].tolist() == pytest.approx([1.0] * 3)
    assert values.tolist() == pytest.approx([math.log1p(math.exp(-1.0))] * 3)


def test_modpo_without_other_objectives_is_dpo() -> None:
    batch = inputs([0.2, 0.4, -0.3], [0, 0, 0], [1.0, 1.0, -1.0])
    assert torch.equal(Modpo()(batch)[0], Dpo()(batch)[0])


@pytest.mark.parametrize("weights", [{"a": 0.5, "b": 0.5}, {"a": -0.1}])
def test_weights_leave_something_to_the_score(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="their sum below 1"):
        Modpo(weights=weights)


def test_what_is_no_pair_is_named() -> None:
    lone = inputs([0.1, 0.2], [0, 0], [1.0, 1.0])
    with pytest.raises(UsageError, match="a pair without a rejected sample"):
        Dpo()(lone)
    lone.pair = torch.tensor([0, -1])
    with pytest.raises(UsageError, match=r"a sample without a pair: .* Sample\.pair"):
        Dpo()(lone)
    lone.ref_logp = None
    with pytest.raises(UsageError, match="needs a reference policy"):
        Dpo()(lone)


def of_pairs(episodes: Sequence[Episode], chance: Any) -> list[Sample]:
    """All trajectories, two by two: of other lengths, turns, rows and contexts."""
    found = [Sample(e, t) for e in episodes for t in e.trajectories.values()]
    chance.shuffle(found)
    for index, sample in enumerate(found[: len(found) // 2 * 2]):
        sample.pair, sample.role = f"p{index // 2}", ("chosen", "rejected")[index % 2]
        sample.components = {"format": chance.random(), "score": 1.0 - index % 2}
    samples = [s for s in found if s.pair]
    for sample in found:
        if not sample.pair or chance.random() < 0.3:  # samples played are trained on beside them
            alone = Sample(sample.episode, sample.trajectory)
            alone.set_advantage(chance.uniform(-1, 1))
            samples.append(alone)
    chance.shuffle(samples)
    return samples


@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize("loss", [Dpo(beta=0.3), Modpo(beta=0.3, weights={"format": 0.4})])
@settings(max_examples=8)
@given(episodes=groups_of_episodes(groups=2, size=3, turns=3), chance=chances)
def test_the_gradient_is_the_plain_one(
    model: PreTrainedModel,  # noqa: F811
    loss: Dpo,
    packing: bool,
    episodes: list[Episode],
    chance: Any,
) -> None:
    """Over restarts, hints, shared prompts, and micro-batches smaller than any pair."""
    samples = of_pairs(episodes, chance)
    torch.manual_seed(1)
    reference = Qwen3ForCausalLM(model.config).double()
    micro_tokens = chance.choice([1, 30, 10**6])
    lm = LanguageModel(model, micro_tokens=micro_tokens, packing=packing)
    policy = Policy(lm, lr=0.0, grad_clip=1e9, temperature=0.7)
    Scorer(policy, Reference(LanguageModel(reference))).add(["ref_logp"], samples)
    losses: list[Loss] = [Clip(), loss]
    rows = useful_rows(train_rows(samples, token_weights(samples, "token", 1.0)), losses)
    shares = loss_weights(losses, samples, Shuffled(), Learner())
    for part in micro_batches(model, rows, micro_tokens, packing, True):
        pairs = [s.pair for s in {id(r.source): r.source for r in part}.values() if s.pair]
        assert sorted(pairs) == sorted([*set(pairs)] * 2)
    told = policy.update(rows, losses, weights=shares)
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    model.zero_grad()
    plain = [s for s in samples if not s.pair]
    total = torch.zeros((), dtype=torch.float64)
    for sample in plain:
        logp, recorded, advantage = one_at_a_time(model, sample, 0.7)
        ratio = (logp - recorded).exp()
        gain = torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
        total = total - gain.sum() / sum(s.tokens for s in plain)
    by_pair: dict[str, dict[str, Sample]] = {}
    for sample in samples:
        if sample.pair:
            by_pair.setdefault(sample.pair, {})[sample.role] = sample

    def log_ratio(sample: Sample) -> Tensor:
        with torch.no_grad():
            anchor = one_at_a_time(reference, sample, 0.7)[0].sum()
        return one_at_a_time(model, sample, 0.7)[0].sum() - anchor

    for pair in by_pair.values():
        good, bad = pair["chosen"], pair["rejected"]
        margin = 0.3 * (log_ratio(good) - log_ratio(bad))
        if isinstance(loss, Modpo):
            margin = margin - 0.4 * (good.components["format"] - bad.components["format"])
            margin = margin / 0.6
        total = total - logsigmoid(margin) / len(by_pair)
    if not total.requires_grad:
        return
    total.backward()
    wanted = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    largest = max(float(g.abs().max()) for g in wanted.values())
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-5, atol=1e-5 * largest)
    assert told["loss"] == pytest.approx(total.item(), rel=1e-4, abs=1e-6)


# --- whole runs -----------------------------------------------------------------------------------


class Parity(WikiSearch):
    """Right where what was said has an even length: some members of a group are."""

    async def act(self, action: Action) -> Content:
        self.end(float(len(action.text) % 2 == 0))
        return ""


envgym.register("test/parity-v1", Parity)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("derive=[pairs]", "losses=[clip]"), "no loss trains its chosen episodes: add dpo"),
        ((DPO,), "no plug-in makes pairs to learn from: add pairs to derive"),
        (
            ("derive=[pairs]", DPO, "batching={name: c3po, tokens: 9}"),
            "batching 'c3po' may put the two sides .* take shuffled",
        ),
        (
            ("derive=[pairs]", DPO, "learner.max_idle_steps=9", "batching={name: delayed}"),
            "batching 'delayed' may put the two sides",
        ),
        (
            ("derive=[pairs]", "guidance={name: guide, vanish: false}", DPO),
            "'guide' leaves its hints in the context of the chosen .*vanish to true",
        ),
        (
            ("derive=[pairs]", DPO, "rollout.dynamic_rounds=2"),
            r"set rollout.dynamic_rounds to 1, or preferred to \[policy\]",
        ),
        (("derive=[{name: pairs, min_score: 0.5, max_failed_score: 0.5}]", DPO), "a success and"),
        (("derive=[{name: pairs, preferred: [prefixed]}]", DPO), "leave prefixed out"),
        (
            ("derive=[pairs]", "losses=[clip, {name: modpo, weights: {formt: 0.5}}]"),
            "weights.formt: no reward is called 'formt'",
        ),
    ],
)
def test_what_goes_ill_together_is_refused(
    tmp_path: Path, overrides: Sequence[str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        config(tmp_path, "a", *overrides)


async def test_a_run_prefers_solved_retries_to_failures(tmp_path: Path) -> None:
    """A first pass at the reference, where each margin is 0, and further ones above it."""
    told = {}
    losses = "losses=[{name: clip, coef: 0}, {name: sft, coef: 0}, dpo]"
    for epochs in (1, 4):
        passes = f"batching={{name: shuffled, epochs: {epochs}}}"
        settings = ("guidance=agent_rlvr", "derive=[pairs]", losses, passes, "learner.lr=1.0e-3")
        trainer = Trainer(config(tmp_path, "a", *settings))
        play = trainer.collector.player.play

        async def solved(starts: Any, play: Any = play) -> Any:
            result = await play(starts)
            for made in result.episodes:
                made.score = 1.0 if made.guided_by else 0.0
            return result

        trainer.collector.player.play = solved  # type: ignore[method-assign]
        try:
            told[epochs], episodes = await trainer.step()
        finally:
            await trainer.close()
        assert len(episodes) == 12
    assert told[1]["derive/pairs"] == 6.0
    assert told[1]["learn/preference_margin"] == pytest.approx(0.0, abs=1e-5)
    assert told[4]["learn/preference_margin"] > 1e-3
    assert told[1]["score"] == told[1]["reward"] == 0.0  # the pairs count in neither


async def test_a_run_with_pairs_resumes_to_the_bit(tmp_path: Path) -> None:
    settings = (
        "env.id=test/parity-v1",
        "derive=[pairs]",
        "losses=[{name: clip, coef: 0.0}, {name: modpo, weights: {environment: 0.1}}]",
        "batching={name: shuffled, batches: 2}",
        "learner.max_idle_steps=9",
    )
    await train(config(tmp_path, "whole", *settings))
    await train(config(tmp_path, "cut", *settings, "learner.steps=2"))
    await train(config(tmp_path, "cut", *settings), resume=True)
    whole = metrics(tmp_path / "whole")
    assert metrics(tmp_path / "cut") == whole
    assert sum(row["derive/pairs"] for row in whole) > 2
    one, two = weights(tmp_path / "cut"), weights(tmp_path / "whole")
    assert all(torch.equal(one[name], two[name]) for name in two)
