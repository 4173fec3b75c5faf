"""Distillation: what the teacher sees, where its logits meet the student's, and SSB's replies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor
from transformers import PreTrainedModel, Qwen3ForCausalLM

from envgym.agent import Agent, Completion, Context
from envgym.errors import UsageError
from envgym.rollout.runner import Rollout, RolloutResult, Start
from envgym.trainers.collection.player import Player
from envgym.trainers.collection.samples import Sample
from envgym.trainers.guidance import Ssb
from envgym.trainers.learner import rescoring
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.model.reference import Reference
from envgym.trainers.learner.policy import Policy
from envgym.trainers.learner.rescoring import Scorer
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.losses import Clip, Distill, Loss, LossInputs, SelfDistill
from envgym.trainers.losses.base import token_weights, useful_rows
from envgym.trainers.run import train
from envgym.trajectory import Episode, Span, Trajectory
from tests.trainers.guidance.world import Game, Hinted, Vault, parts
from tests.trainers.helpers import episode
from tests.trainers.strategies import chances, groups_of_episodes
from tests.trainers.test_gradients import model  # noqa: F401  a fixture
from tests.trainers.test_preferences import Parity  # noqa: F401  registers its environment
from tests.trainers.test_run import config, metrics, weights

# --- the loss -------------------------------------------------------------------------------------


def test_the_divergence_by_hand() -> None:
    """T = 2; teacher (ln 4, 0) / 2: 2/3, 1/3; student (0, ln 16) / 2: 1/5, 4/5."""
    inputs = LossInputs(
        logp=torch.zeros(1),
        old_logp=torch.zeros(1),
        ref_logp=None,
        advantage=torch.zeros(1),
        sample=torch.zeros(1, dtype=torch.long),
        data={"ref_top": torch.tensor([[3.0, 1.0, math.log(4.0), 0.0]])},
        states=torch.ones(1, 1),
        head=lambda states: states * torch.tensor([9.0, math.log(16.0), 7.0, 0.0]),
    )
    values, told = Distill()(inputs)
    wanted = 2 / 3 * math.log(2 / 3 * 5) + 1 / 3 * math.log(1 / 3 * 5 / 4)
    assert told["distill_kl"].item() == pytest.approx(wanted)
    assert values.item() == pytest.approx(4 * wanted)


def test_without_the_loop_there_is_no_teacher() -> None:
    nothing = torch.zeros(1)
    inputs = LossInputs(nothing, nothing, None, nothing, nothing.long())
    with pytest.raises(UsageError, match="needs a teacher's logits: train in the loop"):
        Distill()(inputs)


def logits_of(model: PreTrainedModel, sample: Sample, hinted: bool) -> Tensor:  # noqa: F811
    """Logits before a sample's action tokens: a plain forward pass per turn."""
    history: list[int] = []
    found = []
    for turn in sample.trajectory.turns:
        if turn.restart:
            history = []
        history = history + [
            i for span in turn.context if hinted or span.kind != "hint" for i in span.ids
        ]
        history = history + turn.action
        count = len(turn.action)
        found.append(model(torch.tensor([history]), use_cache=False).logits[0, -count - 1 : -1])
    return torch.cat(found)


def distilled(episodes: Sequence[Episode]) -> list[Sample]:
    return [Sample(e, t, role="distilled") for e in episodes for t in e.trajectories.values()]


@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize(("loss", "top"), [(Distill(), 99), (Distill(), 5), (SelfDistill(), 7)])
@settings(max_examples=6)
@given(episodes=groups_of_episodes(groups=2, size=2, turns=3), chance=chances)
def test_the_gradient_is_the_plain_one(
    model: PreTrainedModel,  # noqa: F811
    loss: Distill,
    top: int,
    packing: bool,
    episodes: list[Episode],
    chance: Any,
) -> None:
    """Over hints of many lengths, restarts, micro-batches, and samples of other roles."""
    samples = distilled(episodes)
    for sample in samples[1:]:
        if chance.random() < 0.3:
            sample.role = "policy"
            sample.set_advantage(0.0)
    torch.manual_seed(1)
    reference = Qwen3ForCausalLM(model.config).double()
    micro_tokens = chance.choice([1, 30, 10**6])
    lm = LanguageModel(model, micro_tokens=micro_tokens, packing=packing)
    policy = Policy(lm, lr=0.0, grad_clip=1e9, temperature=0.7)
    mine = [sample for sample in samples if sample.role == "distilled"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rescoring, "TOP", top)
        Scorer(policy, Reference(LanguageModel(reference))).add(loss.needs, mine)
    losses: list[Loss] = [Clip(), loss]
    rows = train_rows(samples, token_weights(samples, "token", 1.0))
    weight = 1 / sum(sample.tokens for sample in mine)
    shares = [weight if sample.role == "distilled" else 0.0 for sample in samples]
    told = policy.update(useful_rows(rows, losses), losses, weights=[[0.0] * len(samples), shares])
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    model.zero_grad()
    total = torch.zeros((), dtype=torch.float64)
    for sample in mine:
        with torch.no_grad():
            # Where both distributions are equal the gradient is a difference of float32 numbers,
            # as the learner keeps logits: the reference rounds where the learner does.
            seen = logits_of(reference if type(loss) is Distill else model, sample, True).float()
        kept, ids = seen.topk(min(top, seen.shape[1]))
        teacher = torch.softmax(kept / 0.7 / 2, -1)
        own = logits_of(model, sample, False).float().gather(1, ids)
        student = torch.log_softmax(own / 0.7 / 2, -1)
        total = total + 4 * (teacher * (teacher.log() - student)).sum() * weight
    total.backward()
    wanted = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    largest = max(float(g.abs().max()) for g in wanted.values())
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-5, atol=1e-5 * largest + 1e-7)
    assert told["loss"] == pytest.approx(total.item(), rel=1e-4, abs=1e-6)


@settings(max_examples=6)
@given(episodes=groups_of_episodes(groups=2, size=2))
def test_equal_models_without_hints_have_nothing_to_learn(
    model: PreTrainedModel,  # noqa: F811
    episodes: list[Episode],
) -> None:
    samples = distilled(episodes)
    for turn in (turn for sample in samples for turn in sample.trajectory.turns):
        turn.context = [span for span in turn.context if span.kind != "hint"]
    policy = Policy(model, lr=0.0, grad_clip=1e9)
    Scorer(policy).add(["policy_top"], samples)
    told = policy.update(train_rows(samples, [1.0] * len(samples)), [SelfDistill()])
    assert told["distill_kl"] == pytest.approx(0.0, abs=1e-6)
    assert told["grad_norm"] < 1e-4


def test_the_hint_is_in_the_teachers_view_alone(model: PreTrainedModel) -> None:  # noqa: F811
    """Another hint changes the teacher's numbers and no row of the student's."""
    made = []
    for hint in ([9, 8, 7], [6]):
        shown = episode([([1, 2], [3, 4])])
        shown.turns[0].context.append(Span("hint", hint))
        made.append(Sample(shown, shown.trajectory, role="distilled"))
    Scorer(Policy(model, lr=0.0)).add(["policy_top", "prox_logp"], made)
    one, two = (np.concatenate(s.token_data["policy_top"]) for s in made)
    assert one.shape == two.shape == (2, 2 * min(rescoring.TOP, model.config.vocab_size))
    assert not np.allclose(one, two)
    assert np.array_equal(made[0].rows[0].ids, made[1].rows[0].ids)
    for left, right in zip(made[0].prox_logp or [], made[1].prox_logp or [], strict=True):
        np.testing.assert_allclose(left, right)


# --- SSB ------------------------------------------------------------------------------------------


class Members(Agent):
    """Says what its script has for the door and the member; solves what shows two attempts."""

    chat = None

    def __init__(self, script: dict[int, list[str]], solves: bool = True) -> None:
        self.script = script
        self.solves = solves
        self.shown: list[str] = []

    async def act(self, context: Context) -> Completion:
        door = int(context.messages[0].content.split()[1].rstrip("."))
        if len(context.messages) > 1:
            self.shown.append(context.messages[1].content)
            return Completion(text="hello" if self.solves else "no")
        return Completion(text=self.script[door].pop(0))


def player_of(agent: Agent) -> Player:
    return Player(Rollout(Vault), agent)


async def test_a_mixed_group_is_played_once_more_with_both_attempts() -> None:
    agent = Members({0: ["hello", "bye", "by", "bye"], 1: ["no"] * 4, 2: ["hello"] * 4})
    result = await Ssb().play(Game.starts(0, 1, 2, members=4), player_of(agent))
    assert parts(result.episodes[12:]) == [("0.0.0", "distilled", "ssb", 1.0)]
    [told] = agent.shown
    assert "Right attempt:\nhello\n" in told
    assert "Wrong attempt:\nbye\n" in told  # the most frequent one
    reply = result.episodes[-1]
    assert [m.kind for m in reply.turns[0].messages] == ["user", "hint"]


async def test_a_reply_that_fails_is_not_trained_on() -> None:
    agent = Members({0: ["hello", "bye"]}, solves=False)
    result = await Ssb().play(Game.starts(0), player_of(agent))
    assert [e.role for e in result.episodes] == ["policy", "policy", "failed_teacher"]
    assert "failed_teacher" in Ssb.untrained


async def test_a_failure_without_a_turn_shows_nothing() -> None:
    class Crowded(Player):
        async def play(self, starts: Sequence[Start]) -> RolloutResult:
            played = [episode([([1], [2])], score=1.0, group="0.0.1"), _turnless()]
            return RolloutResult(played)

    result = await Ssb().play(Game.starts(1), Crowded(Rollout(Vault), Hinted()))
    assert len(result.episodes) == 2


def _turnless() -> Episode:
    """An episode whose first prompt did not fit into the context."""
    return replace(episode([([1], [2])], group="0.0.1"), trajectories={"agent": Trajectory()})


async def test_a_shown_attempt_is_cut_at_its_beginning() -> None:
    agent = Members({0: ["hello", "x" * 50 + "end"]})
    await Ssb(most_chars=5).play(Game.starts(0), player_of(agent))
    assert "Wrong attempt:\nxxend\n" in agent.shown[0]


async def test_without_a_majority_the_wrong_attempt_is_drawn_by_the_seed() -> None:
    told = set()
    for _ in range(2):
        agent = Members({0: ["hello", "a", "b", "c"]})
        await Ssb().play(Game.starts(0, members=4), player_of(agent))
        told.add(agent.shown[0])
    assert len(told) == 1


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("guidance=ssb",), "no loss trains its distilled episodes: add distill to losses"),
        (("guidance=ssb", "losses=[clip, distill]", "rollout.group_size=1"), "group_size to 2"),
        (
            ("guidance=ssb", "losses=[clip, distill]", "rollout.dynamic_rounds=2"),
            "set rollout.dynamic_rounds to 1",
        ),
        (("losses=[clip, distill]",), "teacher and student see the same .*: take a guidance"),
        (
            (
                "guidance={name: guide, vanish: false}",
                "losses=[guide, {name: distill, roles: [guided]}]",
            ),
            "'guide' leaves its hints in the student's .*vanish to true",
        ),
    ],
)
def test_what_goes_ill_together_is_refused(
    tmp_path: Path, overrides: Sequence[str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        config(tmp_path, "a", *overrides)


@pytest.mark.parametrize("loss", ["distill", "self_distill"])
async def test_a_run_distils_and_resumes_to_the_bit(tmp_path: Path, loss: str) -> None:
    settings = (
        "env.id=test/parity-v1",
        "guidance={name: ssb, most_chars: 20}",
        f"losses=[clip, {loss}]",
    )
    await train(config(tmp_path, "whole", *settings))
    await train(config(tmp_path, "cut", *settings, "learner.steps=2"))
    await train(config(tmp_path, "cut", *settings), resume=True)
    whole = metrics(tmp_path / "whole")
    assert metrics(tmp_path / "cut") == whole
    assert any(row.get("learn/distill_kl", 0.0) > 0.0 for row in whole)
    one, two = weights(tmp_path / "cut"), weights(tmp_path / "whole")
    assert all(torch.equal(one[name], two[name]) for name in two)
