"""Guide: re-rolls of failed groups, the loss of what its hints guided, and what it leaves alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from envgym.env import Env
from envgym.environments.search.wiki import WikiSearch
from envgym.errors import UsageError
from envgym.store.episodes import read_episodes
from envgym.trainers.collection.samples import Sample, as_groups, of_policy
from envgym.trainers.guidance import Guide, NoGuidance
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.policy import Policy
from envgym.trainers.learner.rescoring import Scorer
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.losses import Clip, GuideLoss, LossInputs
from envgym.trainers.run import train
from envgym.trajectory import Span
from tests.trainers.guidance.world import HINTS, Game, Vault, parts
from tests.trainers.helpers import episode
from tests.trainers.learner.test_packing import qwen
from tests.trainers.test_run import config, metrics, weights


async def test_a_failed_group_is_played_again_with_ever_more_hints() -> None:
    game = Game()
    result = await Guide(most_levels=3).play(game.starts(0, 1, 2, 5), game.player)
    assert parts(result.episodes[::2]) == [
        ("0.0.0", "policy", "", 1.0),
        ("0.0.1", "policy", "", 0.0),
        ("0.0.2", "policy", "", 0.0),
        ("0.0.5", "policy", "", 0.0),
        ("0.0.1", "guided", "guide:1", 1.0),
        ("0.0.2", "guided", "guide:1", 0.0),
        ("0.0.5", "guided", "guide:1", 0.0),
        ("0.0.2", "guided", "guide:2", 1.0),
        ("0.0.5", "guided", "guide:2", 0.0),
        ("0.0.5", "guided", "guide:3", 0.0),
    ]
    assert len({e.id for e in result.episodes}) == len(result.episodes) == 20
    assert game.agent.seen[-1] == ("Hint: not 'x'.", *HINTS[:2])  # members share their context
    assert len(set(game.agent.seen[8:10])) == 1


async def test_a_group_with_a_success_costs_nothing_more() -> None:
    game, plain = Game(), Game()
    guided = await Guide().play(game.starts(0), game.player)
    alone = await NoGuidance().play(plain.starts(0), plain.player)
    assert game.agent.acts == plain.agent.acts == 2
    assert parts(guided.episodes) == parts(alone.episodes)


async def test_the_trigger_reads_the_raw_score() -> None:
    """Failures are paid here, more than a success is."""
    game = Game()
    result = await Guide(most_levels=1).play(game.starts(2), game.player)
    assert [e.reward for e in result.episodes] == [1.0, 1.0, 2.0, 2.0]
    assert [e.role for e in result.episodes] == ["policy", "policy", "guided", "guided"]


async def test_guided_episodes_share_no_baseline_and_no_curriculum() -> None:
    game = Game()
    result = await Guide(most_levels=2).play(game.starts(2), game.player)
    groups = as_groups(result.episodes)
    assert [{s.episode.guided_by for s in g} for g in groups] == [{""}, {"guide:1"}, {"guide:2"}]
    assert of_policy(groups) == groups[:1]


async def test_without_hints_nothing_is_played_again() -> None:
    class Silent(Vault):
        def hints(self, attempt: Any = None) -> Sequence[str]:
            return ("", "  ")

    game = Game(Silent)
    result = await Guide().play(game.starts(3), game.player)
    assert parts(result.episodes) == [("0.0.3", "policy", "", 0.0)] * 2


async def test_a_hint_with_the_gold_answer_is_named() -> None:
    class Telling(Vault):
        def hints(self, attempt: Any = None) -> Sequence[str]:
            return ("Think.", "Say HELLO!")

    game = Game(Telling)
    said = r"hint 2 of telling-v0 .* episode 0.0.3/0 holds the gold answer 'hello' .* blank it out"
    with pytest.raises(UsageError, match=said):
        await Guide().play(game.starts(3), game.player)


def test_an_environment_without_hints_is_named() -> None:
    class Plain(Vault):
        hints = Env.hints

    with pytest.raises(UsageError, match=r"guidance 'guide' needs hints\(\) and plain-v0 has"):
        Guide().check_env(Plain())
    Guide().check_env(Vault())


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ("[clip]", "far below 1, where loss 'clip' clips their gradient away: take loss guide"),
        ("[{name: clip, roles: [policy]}, {name: gspo, roles: [guided]}]", "loss 'gspo'"),
        ("[icepop]", "loss 'icepop' clips their gradient away"),
        ("[{name: clip, roles: [policy]}]", "no loss trains its guided episodes"),
    ],
)
def test_losses_that_lose_the_gradient_are_refused(tmp_path: Path, losses: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        config(tmp_path, "a", "guidance=guide", f"losses={losses}")


@pytest.mark.parametrize("losses", ["[guide]", "[decoupled]", "[tis]", "[cispo]"])
def test_losses_that_bear_vanished_hints_are_taken(tmp_path: Path, losses: str) -> None:
    config(tmp_path, "a", "guidance=guide", f"losses={losses}")
    config(tmp_path, "b", "guidance={name: guide, vanish: false}")


# --- the loss -------------------------------------------------------------------------------------


def inputs(ratio: Sequence[float], guided: Sequence[bool], advantage: float = 1.0) -> LossInputs:
    """Tokens with these ratios to the record."""
    logp = torch.tensor(ratio).log().requires_grad_()
    count = len(ratio)
    return LossInputs(
        logp=logp,
        old_logp=torch.zeros(count),
        ref_logp=None,
        advantage=torch.full((count,), advantage),
        sample=torch.zeros(count, dtype=torch.long),
        prox_logp=logp.detach(),
        guided=torch.tensor(guided),
    )


def test_the_weights_of_guided_tokens() -> None:
    """γ = 0.9-quantile of 0.1, 0.2, 0.3: 0.28; the plain token of ratio 9 does not count."""
    batch = inputs([9.0, 0.1, 0.2, 0.3], [False, True, True, True])
    loss = GuideLoss()
    batch.statistics = loss.batch_statistics(batch)
    assert batch.statistics["gamma"] == pytest.approx(0.28)
    values, told = loss(batch)
    weight = np.array([0.1 / 0.38, 0.2 / 0.48, 0.3 / 0.58])
    assert values.tolist() == pytest.approx([-1.2, *-weight])
    values.sum().backward()
    assert batch.logp.grad is not None
    assert batch.logp.grad.tolist() == pytest.approx([0.0, *(-weight * (1 - weight))])
    assert told["guided_ratio"].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert told["ratio"].tolist() == pytest.approx([9.0])


def test_a_guided_failure_keeps_its_gradient() -> None:
    """Clipped at 0.8, a token of ratio 0.1 with a negative advantage has none."""
    for loss, moved in ((GuideLoss(), True), (Clip(), False)):
        batch = inputs([0.1], [True], advantage=-1.0)
        batch.statistics = loss.batch_statistics(batch)
        loss(batch)[0].sum().backward()
        assert batch.logp.grad is not None
        assert bool(batch.logp.grad.any()) is moved


def test_gamma_is_bounded_below() -> None:
    assert GuideLoss().batch_statistics(inputs([1e-6], [True])) == {"gamma": 1e-4}


def test_proximal_log_probs_are_asked_for() -> None:
    batch = inputs([float("nan")], [True])
    with pytest.raises(UsageError, match="train in the loop"):
        GuideLoss().batch_statistics(batch)


def hinted(advantage: float, hint: list[int], action: list[int]) -> Sample:
    made = episode([([1, 2], action)], logprob=-0.5)
    if hint:
        made.role = "guided"
        made.turns[0].context.append(Span("hint", hint))
    sample = Sample(made, made.trajectory)
    sample.set_advantage(advantage)
    return sample


def gradient(samples: list[Sample], loss: Clip, micro_tokens: int = 16384) -> torch.Tensor:
    """The gradient of a batch; the learner's own path, without a step."""
    model: PreTrainedModel = qwen()
    policy = Policy(
        LanguageModel(model, micro_tokens=micro_tokens, packing=False), lr=0.0, grad_clip=math.inf
    )
    Scorer(policy).add(loss.needs, samples)
    policy.update(train_rows(samples, [0.1] * len(samples)), [loss])
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def test_the_hint_carries_no_gradient_and_no_advantage() -> None:
    one, other = hinted(1.0, [9, 8], [3, 4]), hinted(1.0, [7], [3, 4])
    assert [len(turn) for turn in one.advantages] == [2]
    assert not set(one.rows[0].ids.tolist()) & {9, 8}
    assert torch.equal(gradient([one], GuideLoss()), gradient([other], GuideLoss()))
    assert gradient([one], GuideLoss()).any()


def test_gamma_does_not_depend_on_micro_batches() -> None:
    batch = [hinted(1.0, [9], [3, 4]), hinted(-1.0, [9], [5, 6]), hinted(1.0, [], [7, 8])]
    whole, cut = (gradient(batch, GuideLoss(), size) for size in (16384, 4))
    assert torch.allclose(whole, cut, rtol=1e-4, atol=1e-7)


def test_without_hints_the_loss_is_clip() -> None:
    plain = [hinted(a, [], [3, 4]) for a in (1.0, -1.0, 0.5)]
    assert torch.equal(gradient(plain, GuideLoss()), gradient(plain, Clip()))


# --- whole runs -----------------------------------------------------------------------------------


async def test_with_empty_hints_a_run_is_the_unguided_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WikiSearch, "hints", lambda self, attempt=None: ("",))
    settings = ("rewards=[environment, length]", "learner.steps=2")
    await train(
        config(tmp_path, "a", "guidance=guide", "losses=[guide, {name: kl, coef: 0.01}]", *settings)
    )
    await train(config(tmp_path, "b", "losses=[clip, {name: kl, coef: 0.01}]", *settings))
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")
    guided, plain = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(torch.equal(guided[name], plain[name]) for name in plain)


async def test_a_guided_run_learns_from_its_guided_episodes(tmp_path: Path) -> None:
    settings = ("guidance={name: guide, most_levels: 1}", "losses=[guide]", "learner.steps=2")
    await train(
        config(tmp_path, "a", *settings, "rollout.group_size=6", "learner.max_idle_steps=2")
    )
    rows = metrics(tmp_path / "a")
    assert any(row.get("role/guided", 0) > 0 for row in rows)


@pytest.mark.parametrize("guidance", ["{name: guide, most_levels: 1}", "none"])
async def test_a_run_records_what_the_loss_saw_of_guided_tokens(
    tmp_path: Path, guidance: str
) -> None:
    """The record's log-probs are those with the hint in view, the target ones without it."""
    settings = ("losses=[guide]", "learner.steps=1", "learner.max_idle_steps=1", "hooks=[]")
    await train(config(tmp_path, "a", f"guidance={guidance}", *settings, "evaluation.tasks=0"))
    episodes = list(read_episodes(tmp_path / "a" / "episodes" / "train"))
    guided = [turn for e in episodes if e.role == "guided" for turn in e.turns]
    plain = [turn for e in episodes if e.role == "policy" for turn in e.turns]
    assert bool(guided) is (guidance != "none")
    assert plain
    assert not any(turn.target_logprobs for turn in plain)
    for turn in guided:
        assert len(turn.target_logprobs) == len(turn.logprobs) == len(turn.action)
        assert turn.target_logprobs != pytest.approx(turn.logprobs, abs=1e-4)
