"""What reaches the weights: real models, real backward passes, over random episodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel, Qwen3Config, Qwen3ForCausalLM

from envgym.agents.local import LocalAgent, SamplingParams
from envgym.agents.tiny import TinyConfig, build_model
from envgym.chat.renderer import Chat
from envgym.env import Env
from envgym.messages import Action, Observation, user
from envgym.rollout.runner import Rollout, Start
from envgym.task import Task
from envgym.trainers.advantages import Grpo
from envgym.trainers.batching import Shuffled
from envgym.trainers.collection.samples import Sample
from envgym.trainers.config_sections import Learner
from envgym.trainers.learner.hidden_states import micro_batches
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.model.reference import Reference
from envgym.trainers.learner.policy import Policy, action_logps
from envgym.trainers.learner.rescoring import Scorer
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.loop import as_groups
from envgym.trainers.losses import Clip, Gspo, Kl, Loss, Sft
from envgym.trainers.losses.base import Denominator, loss_weights, token_weights, useful_rows
from envgym.trajectory import Episode, Span
from tests.envgym import templates
from tests.trainers.strategies import (
    VOCAB,
    chances,
    changed,
    groups_of_episodes,
    rewarded,
    samples_of,
    some_ids,
    turns_of,
)

few = settings(max_examples=10)
every_denominator = pytest.mark.parametrize("denominator", get_args(Denominator))


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    """In float64, where sums in another order differ by nothing worth a tolerance."""
    torch.manual_seed(0)
    shape = Qwen3Config(
        vocab_size=VOCAB,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        initializer_range=0.3,
    )
    return Qwen3ForCausalLM(shape).double()


@pytest.fixture(scope="module")
def bigrams(model: PreTrainedModel) -> PreTrainedModel:
    """A model that sees the token before and no further: attention adds nothing."""
    blind = Qwen3ForCausalLM(model.config).double()
    blind.load_state_dict(model.state_dict())
    for layer in blind.model.layers:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        layer.self_attn.requires_grad_(False)
    return blind


def credited(episodes: Sequence[Episode]) -> list[Sample]:
    """Samples with advantages; of the first sample the first token is never clipped.

    It was likelier when it was sampled, and its advantage is positive.
    """
    groups = rewarded(episodes)
    Grpo(std="none")(groups)
    for index, sample in enumerate(samples_of(groups)):  # none is zero, no two turns are alike
        for turn, advantage in enumerate(sample.advantages):
            advantage += 0.25 + index + 0.5 * turn
    samples = samples_of(groups)
    samples[0].advantages[0][:] = abs(samples[0].advantages[0]) + 0.5
    samples[0].trajectory.turns[0].logprobs[0] = -1.0
    return samples


def gradient(
    model: PreTrainedModel,
    samples: Sequence[Sample],
    denominator: Denominator = "token",
    losses: Sequence[Loss] = (Clip(),),
    micro_tokens: int = 10**6,
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """The gradient of one update that moves nothing, and what it reports."""
    policy = Policy(LanguageModel(model, micro_tokens=micro_tokens), lr=0.0, grad_clip=1e9)
    rows = train_rows(samples, token_weights(list(samples), denominator, 7.0))
    metrics = policy.update(rows, losses)
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    assert any(g.abs().max() > 1e-5 for g in found.values())
    return found, metrics


def same(one: dict[str, Tensor], two: dict[str, Tensor]) -> None:
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-4, atol=1e-6)


@few
@given(episodes=groups_of_episodes(), chance=chances)
def test_micro_batches_and_order_change_no_number(
    model: PreTrainedModel, episodes: list[Episode], chance: Any
) -> None:
    samples = credited(episodes)
    whole, told = gradient(model, samples)
    for micro_tokens in (1, 20):
        parts, said = gradient(model, samples, micro_tokens=micro_tokens)
        same(parts, whole)
        assert said == pytest.approx(told, rel=1e-4, abs=1e-6)
    chance.shuffle(samples)
    shuffled, said = gradient(model, samples, micro_tokens=20)
    same(shuffled, whole)
    assert said == pytest.approx(told, rel=1e-4, abs=1e-6)


@every_denominator
@few
@given(episodes=groups_of_episodes(turns=1, seats=1))
def test_a_one_turn_episode_is_the_single_turn_loss(
    model: PreTrainedModel, denominator: Denominator, episodes: list[Episode]
) -> None:
    """The textbook's: one prompt and one completion at a time, no padding, no rows."""
    samples = credited(episodes)
    for sample in samples:  # hints are dropped: the textbook knows none
        turn = sample.trajectory.turns[0]
        turn.context = [span for span in turn.context if span.kind != "hint"]
    found, told = gradient(model, samples, denominator)

    model.zero_grad()
    total = torch.zeros((), dtype=torch.float64)
    lengths = [len(sample.trajectory.turns[0].action) for sample in samples]
    for sample, length in zip(samples, lengths, strict=True):
        [turn] = sample.trajectory.turns
        logits = model(torch.tensor([turn.context_ids + turn.action])).logits[0, -length - 1 : -1]
        logp = torch.log_softmax(logits, -1)[range(length), turn.action]
        ratio = (logp - torch.tensor(turn.logprobs)).exp()
        advantage = float(sample.advantages[0][0])
        surrogate = torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
        scale = {
            "token": sum(lengths),
            "sequence": length * len(samples),
            "constant": 7.0 * len(samples),
        }[denominator]
        total = total - surrogate.sum() / scale
    total.backward()
    same(found, {n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert told["loss"] == pytest.approx(total.item(), rel=1e-4, abs=1e-6)


def one_at_a_time(
    model: PreTrainedModel, sample: Sample, temperature: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probs of a sample's actions, records and advantages: a plain forward pass per turn."""
    history: list[int] = []
    logps, turns = [], sample.trajectory.turns
    for turn in turns:
        if turn.restart:
            history = []
        history = history + [i for s in turn.context if s.kind != "hint" for i in s.ids]
        history = history + turn.action
        logits = model(torch.tensor([history]), use_cache=False).logits[0] / temperature
        count = len(turn.action)
        chosen = torch.log_softmax(logits[-count - 1 : -1], -1)
        logps.append(chosen[range(count), turn.action])
    recorded = torch.tensor([lp for turn in turns for lp in turn.logprobs])
    advantages = torch.tensor([float(a) for part in sample.advantages for a in part])
    return torch.cat(logps), recorded, advantages


def one_token(name: str, gap: Tensor, advantage: Tensor) -> Tensor:
    """PPO's loss of one token; GSPO's where the gap is the episode's mean."""
    low, high = {"clip": (0.2, 0.2), "gspo": (0.05, 0.1)}[name]
    return -torch.minimum(gap.exp() * advantage, gap.exp().clamp(1 - low, 1 + high) * advantage)


LOSSES: dict[str, list[Loss]] = {
    "clip": [Clip()],
    "gspo": [Gspo(low=0.05, high=0.1)],
    "clip and kl": [Clip(), Kl(coef=0.1)],
    "clip and sft": [Clip(), Sft(coef=0.3)],
}


@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=5)
@given(episodes=groups_of_episodes(groups=2, size=2, turns=3), chance=chances)
def test_an_update_is_the_sum_over_plain_forward_passes(
    model: PreTrainedModel, name: str, packing: bool, episodes: list[Episode], chance: Any
) -> None:
    """Over restarts, hints, prefixes, seats, roles, shared prompts and samples that are skipped."""
    prompt = some_ids(chance, 5, 12)
    for turn in turns_of(episodes):
        if turn.restart or not turn.context or chance.random() < 0.5:
            turn.context.insert(0, Span("user", list(prompt)))
    samples = credited(episodes)
    for sample in samples[1:]:
        sample.skip = chance.random() < 0.25
        if name == "clip and sft" and chance.random() < 0.5:
            sample.role = "demonstration"
    for sample in samples if name == "gspo" else ():  # a mean of gaps credits an episode alike
        sample.set_advantage(float(sample.advantages[-1][-1]))
    denominator = chance.choice(get_args(Denominator))
    reference = Qwen3ForCausalLM(model.config).double() if "kl" in name else None
    policy = Policy(
        LanguageModel(model, micro_tokens=chance.choice([20, 60, 10**6]), packing=packing),
        lr=0.0,
        grad_clip=1e9,
        temperature=0.7,
    )
    if reference is not None:
        Scorer(policy, Reference(LanguageModel(reference))).add(["ref_logp"], samples)
    rows = train_rows(samples, token_weights(samples, denominator, 7.0))
    losses = LOSSES[name]
    learner = Learner(denominator=denominator, constant=7.0)
    weights = loss_weights(losses, samples, Shuffled(), learner)
    told = policy.update(useful_rows(rows, losses), losses, weights=weights)
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    model.zero_grad()
    kept = [sample for sample in samples if not sample.skip]
    total = torch.zeros((), dtype=torch.float64)
    for sample in kept:
        alike = [s for s in kept if s.role == sample.role]
        scale = {
            "token": sum(s.tokens for s in alike),
            "sequence": sample.tokens * len(alike),
            "constant": 7.0 * len(alike),
        }[denominator]
        logp, recorded, advantage = one_at_a_time(model, sample, 0.7)
        gap = logp - recorded
        if sample.role == "demonstration":
            own = -0.3 * logp
        elif name == "gspo":
            own = one_token("gspo", gap.mean().expand(len(gap)), advantage)
        else:
            own = one_token("clip", gap, advantage)
        if reference is not None:
            with torch.no_grad():
                anchor, _, _ = one_at_a_time(reference, sample, 0.7)
            own = own + 0.1 * torch.stack([k3(d) for d in logp - anchor])
        total = total + own.sum() / scale
    total.backward()
    wanted = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    largest = max(float(g.abs().max()) for g in wanted.values())
    for parameter, gradient in wanted.items():
        torch.testing.assert_close(found[parameter], gradient, rtol=1e-5, atol=1e-5 * largest)
    assert told["loss"] == pytest.approx(total.item(), rel=1e-4, abs=1e-6)


def k3(d: Tensor) -> Tensor:
    """exp(-d) - 1 + d, and its tangent below -3."""
    if d > -3:
        return (-d).exp() - 1 + d
    return math.exp(3) - 4 + (1 - math.exp(3)) * (d + 3)


@few
@given(episodes=groups_of_episodes())
def test_what_is_not_an_action_carries_no_gradient(
    model: PreTrainedModel, episodes: list[Episode]
) -> None:
    """The hidden state that predicts a token gets gradient where it is an action's, only there."""
    samples = credited(episodes)
    seen: list[Tensor] = []

    def keep(module: Any, arguments: Any, output: Any) -> None:
        output.last_hidden_state.retain_grad()
        seen.append(output.last_hidden_state)

    hook = model.base_model.register_forward_hook(keep)
    gradient(model, samples, losses=[Sft(roles=("policy",))], micro_tokens=1)  # one row a pass
    hook.remove()
    compiled = train_rows(samples, [1.0] * len(samples))
    ordered = [row for [row] in micro_batches(model, compiled, 1)]
    for hidden, item in zip(seen, ordered, strict=True):
        assert hidden.grad is not None
        reached = hidden.grad[0].abs().sum(-1) > 0
        assert reached.tolist() == [*item.row.mask[1:].tolist(), False]


@few
@given(episodes=groups_of_episodes())
def test_a_token_without_credit_carries_no_gradient(
    model: PreTrainedModel, episodes: list[Episode]
) -> None:
    samples = credited(episodes)
    for sample in samples:
        for advantage in sample.advantages[1:]:
            advantage[:] = 0.0
    before, _ = gradient(model, samples)
    for sample in samples:
        for turn in sample.trajectory.turns[1:]:  # later turns: other tokens, other log-probs
            turn.action = [(token + 1) % VOCAB for token in turn.action]
            turn.logprobs = [lp / 2 for lp in turn.logprobs]
    after, _ = gradient(model, [replace(sample) for sample in samples])
    same(after, before)


@every_denominator
@few
@given(episodes=groups_of_episodes(), chance=chances)
def test_rows_and_context_change_no_gradient(
    bigrams: PreTrainedModel, denominator: Denominator, episodes: list[Episode], chance: Any
) -> None:
    """For a model that sees one token back, the layout is all there is to change."""
    split = changed(episodes)
    for one, two in zip(turns_of(episodes), turns_of(split), strict=True):
        last = chance.randrange(VOCAB)
        one.context.append(Span("user", [last]))
        two.context.append(Span("user", [*some_ids(chance, 0, 9), last]))
        two.restart = chance.random() < 0.5
    before, told = gradient(bigrams, credited(episodes), denominator)
    after, said = gradient(bigrams, credited(split), denominator)
    same(after, before)
    assert said == pytest.approx(told, rel=1e-4, abs=1e-6)


@few
@given(episodes=groups_of_episodes())
def test_logits_are_made_for_action_tokens_alone(
    model: PreTrainedModel, episodes: list[Episode]
) -> None:
    made: list[int] = []
    head = model.get_output_embeddings()
    hook = head.register_forward_hook(lambda m, i, out: made.append(out.numel() // VOCAB))
    samples = credited(episodes)
    gradient(model, samples, micro_tokens=30)
    hook.remove()
    assert sum(made) == sum(sample.tokens for sample in samples)


class Chatter(Env[Task]):
    """Talks for four turns and forgets what was said before the third."""

    max_turns = 4

    def tasks(self, split: str = "train") -> list[Task]:
        return [Task({})]

    async def start(self, task: Task) -> str:
        return "Guess my number from 0 to 9. " * (1 + self.rng.randrange(3))

    async def act(self, action: Action) -> Observation:
        replace_from = 0 if self.turn == 2 else None
        return Observation((user("Higher. " * (1 + self.rng.randrange(4))),), replace_from)


def tiny(tokenizer: Any) -> PreTrainedModel:
    return build_model(TinyConfig(hidden=32, intermediate=48, heads=2, kv_heads=1), tokenizer, 0)


def gpt2(tokenizer: Any) -> PreTrainedModel:
    """Comes with dropout of 0.1 in three places, which a sampler has no use for."""
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 1024}
    ends = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id}
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **sizes, **ends)).eval()


@pytest.fixture(params=[tiny, gpt2])
def played(request: pytest.FixtureRequest) -> Any:
    """A model, and what it sampled at a temperature."""

    async def play(temperature: float) -> tuple[PreTrainedModel, list[Sample]]:
        tokenizer = templates.tokenizer(templates.CHATML)
        model = request.param(tokenizer)
        sampling = SamplingParams(max_tokens=10, temperature=temperature)
        agent = LocalAgent(model, Chat(tokenizer), sampling)
        rollout = Rollout(Chatter)
        starts = [Start(g, group=f"g{g}", member=m) for g in range(3) for m in range(3)]
        result = await rollout.run(starts, agent)
        await rollout.close()
        await agent.close()
        groups = as_groups(result.episodes)
        Grpo()(groups)
        return model, samples_of(groups)

    return play


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.5])
async def test_sampler_and_learner_agree_before_the_first_update(
    played: Any, temperature: float
) -> None:
    """Over turns, rows and padding: two ways to one log-prob."""
    model, samples = await played(temperature)
    for sample in samples:
        sample.set_advantage(1.0)
    rows = train_rows(samples, token_weights(samples, "token", 1.0))
    assert len(samples) == 9
    assert len(rows) == 18  # the history was replaced once
    recorded = torch.cat([torch.from_numpy(r.row.logprobs[r.row.mask]) for r in rows])
    with torch.no_grad():
        found = action_logps(model, rows, temperature)
    torch.testing.assert_close(found, recorded, atol=1e-4, rtol=0)
    policy = Policy(model, lr=1e-3, temperature=temperature)
    metrics = policy.update(rows, [Clip()])
    assert metrics["logp_gap"] < 1e-4
    assert metrics["ratio"] == pytest.approx(1.0, abs=1e-4)
    assert policy.update(rows, [Clip()])["logp_gap"] > 1e-3  # and no longer after it
