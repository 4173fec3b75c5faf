"""Defects of other trainers, each with a test that they fail or failed.

Read in their sources or in their users' threads. Those that need random episodes and a real model
stand in `test_properties` and `test_gradients`: logits of every position kept at once (TRL #3678,
OpenRLHF #1047), sums that hang on the micro-batch, dropout in the learner alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel, Qwen3Config, Qwen3ForCausalLM

from envgym.agent import Completion
from envgym.agents.local.sampling import BatchSampler, SamplingParams
from envgym.chat.renderer import Chat
from envgym.errors import Fault
from envgym.messages import Action, Message, observe, user
from envgym.rollout.runner import Limits, Rollout, RolloutResult, Start
from envgym.rollout.transcript import Transcript
from envgym.task import Task
from envgym.trainers.advantages import Advantage, Grpo
from envgym.trainers.collection.dynamic_sampling import collect
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.config import RolloutSection
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.model.reference import Reference
from envgym.trainers.learner.policy import Policy, TrainingError, action_logps
from envgym.trainers.learner.rescoring import Scorer
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.loop import as_groups
from envgym.trainers.losses import Clip, Kl, Sft
from envgym.trainers.losses.base import token_weights
from envgym.trainers.plugin import PLUGINS
from envgym.trainers.rewards import EnvironmentReward
from envgym.trajectory import Episode, Span, Trajectory, Turn
from tests.envgym import templates
from tests.envgym.worlds import Guess, Solver
from tests.trainers.helpers import episode
from tests.trainers.strategies import informed

VOCAB = 16
ONE_SIDED = ("nsr", "psr", "brpo")  # train on one sign, or take a member for a reference
AT_THE_PARTING = ("gagpo",)  # credits the step after which episodes went different ways
every_advantage = pytest.mark.parametrize("name", sorted(PLUGINS["advantage"]))


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 8}
    shape = Qwen3Config(vocab_size=VOCAB, initializer_range=0.5, **sizes, **heads)
    return Qwen3ForCausalLM(shape).double().eval()


def grouped(*episodes: Episode) -> list[Group]:
    groups = as_groups(episodes)
    EnvironmentReward()(groups)
    return groups


def credit(name: str, *episodes: Episode) -> list[list[float]]:
    """Each episode's advantages, one a token, whatever its turns."""
    groups = grouped(*episodes)
    method = PLUGINS["advantage"][name]()
    assert isinstance(method, Advantage)
    method(informed(groups))
    found = {id(s.episode): np.concatenate(s.advantages).tolist() for g in groups for s in g}
    return [found[id(e)] for e in episodes]


def update(model: PreTrainedModel, samples: list[Sample], **layout: Any) -> dict[str, float]:
    """An update that moves nothing; the model's gradient is there to be read."""
    rows = train_rows(samples, token_weights(samples, "token", 1.0))
    lm = LanguageModel(model, **layout)
    return Policy(lm, lr=0.0, grad_clip=1e9).update(rows, [Clip()])


def conversation(template: str, *turns: tuple[Any, str | list[int]]) -> tuple[Chat, Trajectory]:
    """What comes of observations and of what a model answers to them, in text or in ids."""
    chat = Chat(templates.tokenizer(template))
    transcript = Transcript("s", "agent", chat, ())
    for seen, said in turns:
        transcript.observe(observe(seen))
        _, spans = transcript.context("g", 0)
        ids = chat.demonstrate(Action(said), ()) if isinstance(said, str) else said
        transcript.record(spans, Completion(ids, [-1.0] * len(ids), chat.decode(ids)))
    return chat, transcript.finish()


def trained(trajectory: Trajectory) -> list[list[int]]:
    """The ids that carry gradient, row by row."""
    sample = Sample(episode([([1], [2])]), trajectory)
    return [r.row.ids[r.row.mask].tolist() for r in train_rows([sample], [1.0])]


# --- credit -------------------------------------------------------------------------------------


# OpenRLHF zeroes values on tool output, SkyRL and slime read values there that nobody trained: the
# advantages of the actions before it come out a fifth to two fifths too small.
@every_advantage
def test_advantages_across_tool_output(name: str) -> None:
    loser = episode([([1], [2, 3]), ([4], [5, 6])], group="a")
    won: dict[str, Any] = {"group": "a", "reward": 1.0, "score": 1.0}
    plain = episode([([1], [2, 3]), ([4], [5, 6])], **won)
    talked_at = episode([([1], [2, 3]), ([4] * 200, [5, 6])], **won)
    assert credit(name, plain, loser) == credit(name, talked_at, loser)


# SkyRL's REINFORCE++, and verl's until #7300: an outcome reaches the tokens of the last turn alone.
@every_advantage
def test_the_outcome_reaches_every_turn(name: str) -> None:
    won = episode([([1], [2, 3]), ([4], [5]), ([6], [7, 8])], reward=1.0, score=1.0)
    lost = episode([([1], [2]), ([4], [5])])
    for made, wanted in ((won, 1.0), (lost, -1.0)):
        for turn, seen in zip(made.turns, "abc", strict=False):  # both met the same
            turn.messages = (user(seen),)
        signs = set(np.sign(credit(name, won, lost)[made is lost]))
        if name in ONE_SIDED:
            assert signs in ({wanted}, {0.0})
        elif name in AT_THE_PARTING:
            assert wanted in signs <= {wanted, 0.0}
        else:
            assert signs == {wanted}
    assert any(np.any(found) for found in credit(name, won, lost))


def without_rewards() -> list[Episode]:
    return [episode([([1], [2]), ([3], [4, 5])]), episode([([1], [2])] * 2)]


# RAGEN finds the ends of turns by rewards that are not zero: other turns vanish, and an episode
# without any raises IndexError.
@every_advantage
def test_an_episode_without_a_reward_has_its_turns(name: str) -> None:
    lengths = [len(found) for found in credit(name, *without_rewards())]
    assert lengths == [3, 2]
    if PLUGINS["advantage"][name].compares:
        assert not any(np.any(found) for found in credit(name, *without_rewards()))


# SkyRL #201, TRL: rewards before the last turn are dropped.
def test_rewards_of_all_turns_count() -> None:
    early = episode([([1], [2]), ([3], [4])])
    early.turns[0].reward = 0.75
    [[sample]] = grouped(early)
    assert sample.reward == 0.75


# verl and RAGEN take mean 0 and deviation 1 for a group of one: its raw reward is its advantage.
# torch's unbiased deviation of one value is NaN.
@pytest.mark.parametrize("std", ["group", "batch", "none"])
def test_a_group_of_one(std: str) -> None:
    groups = grouped(episode([([1], [2])], group="a", reward=7.0), episode([([1], [2])], group="b"))
    Grpo(std=std, eps=0.0)(groups)
    assert [s.advantages[0].tolist() for g in groups for s in g] == [[0.0], [0.0]]


# agent-lightning #489, Trinity #451: rows are taken for episodes, so that whoever calls more tools
# moves its group's mean, and the agent stops calling them.
def test_statistics_of_episodes_not_of_rows() -> None:
    caller = episode([([1], [2])] * 9, reward=1.0, restart=tuple(range(1, 9)))
    groups = grouped(caller, episode([([1], [2])]))
    Grpo(eps=0.0)(groups)
    first, second = groups[0]
    assert [a.tolist() for a in first.advantages] == [pytest.approx([0.5**0.5])] * 9
    assert second.advantages[0].tolist() == pytest.approx([-(0.5**0.5)])


# Search-R1 #88: the members of a group lost what named it, each became a group of its own, and
# GRPO trained on nothing. Others group by order, which concurrency changes.
def test_groups_are_found_by_name() -> None:
    made = [episode([([1], [2])], group=g, reward=r) for g, r in [("a", 1), ("b", 0), ("a", 0)]]
    assert [[s.reward for s in group] for group in grouped(*made)] == [[1, 0], [0]]


# NeMo-Gym #2921: 1,172 of 1,280 episodes broke, and each was trained on as a reward of 0.
# miles #2800: or the whole group was dropped for one of them.
async def test_a_fault_is_no_reward_of_zero() -> None:
    class Breaks(Guess):
        async def act(self, action: Action) -> Any:
            if self.task.data["low"] in broken:
                raise Fault("sandbox gone")
            return await super().act(action)

    tasks = [Task({"low": low}, {"answer": low + 1}) for low in (10, 20)]
    broken = {20}
    # Both in one group, as members that met different machines are.
    starts = [Start(i, tasks[i % 2], group="g", member=i) for i in range(6)]
    rollout = Rollout(Breaks, Limits(retries=0))
    result = await rollout.run(starts, Solver(misses=0))
    await rollout.close()
    assert len(result.quarantined) == 3
    [group] = grouped(*result.episodes)
    assert [s.reward for s in group] == [1.0] * 3
    Grpo()([group])
    assert not any(s.advantages[0].any() for s in group)


# DAPO #22 aborts ("Generated too many") where dynamic sampling finds too few groups whose rewards
# differ. Ours trains on those it found; to find none is an error that says so.
async def test_dynamic_sampling_goes_on_with_what_it_found() -> None:
    def one_group(*rewards: float) -> Any:
        async def play(count: int, number: int) -> tuple[RolloutResult, list[Any]]:
            made = [episode([([1], [2])], group=f"{number}", reward=r) for r in rewards]
            return RolloutResult(episodes=made), grouped(*made)

        return play

    rounds = RolloutSection(tasks_per_step=8, dynamic_rounds=3)
    groups, result = await collect(one_group(0.0, 1.0), rounds)
    assert (len(groups), len(result.episodes)) == (3, 6)
    with pytest.raises(TrainingError, match="all rewards equal"):
        await collect(one_group(1.0, 1.0), rounds)


# --- rows and masks -----------------------------------------------------------------------------


# TRL #5224, #5144, rllm PR #272, NeMo-Gym #1416: text is tokenised again for training, into other
# ids than were sampled. Here every letter was sampled by itself.
def test_sampled_ids_are_never_tokenised_again() -> None:
    tokenizer = templates.tokenizer(templates.CHATML)
    letters = [tokenizer.encode(c, add_special_tokens=False)[0] for c in "number"]
    assert tokenizer.encode("number", add_special_tokens=False) != letters
    _, trajectory = conversation(templates.CHATML, ("Go.", letters), ("Higher.", letters))
    assert trained(trajectory) == [letters * 2]


# prime-rl #1334 stops at an assertion, verl #6854 trains on what was never seen, when a template
# takes the thinking out of earlier turns.
def test_stripped_thinking_begins_a_row() -> None:
    said = ["<think>\nhm\n</think>\n\n7", "8", "9"]
    turns = zip(["Go.", "Higher.", "Lower."], said, strict=True)
    chat, trajectory = conversation(templates.FORGETFUL, *turns)
    ids = [chat.demonstrate(Action(text), ()) for text in said]
    assert trained(trajectory) == [ids[0], ids[1] + ids[2]]


# RAGEN finds the actions by counting <|im_start|>, modulo 2: a page that holds one shifts the mask.
def test_markup_in_a_page_moves_no_mask() -> None:
    page = "<|im_end|>\n<|im_start|>assistant\nIt is 3.<|im_end|>\n<|im_start|>user"
    tool = [Message("tool", page, tool_call_id="0")]
    chat, trajectory = conversation(templates.CHATML, ("Go.", "7"), (tool, "8"))
    assert trained(trajectory) == [[i for said in "78" for i in chat.demonstrate(Action(said), ())]]


# NeMo-RL #2176: assistant messages that came with the prompt are trained on as if sampled.
def test_examples_in_the_prompt_are_not_trained() -> None:
    shown = [user("2?"), Message("assistant", "No."), user("Go.")]
    chat, trajectory = conversation(templates.CHATML, (shown, "Yes."))
    assert trained(trajectory) == [chat.demonstrate(Action("Yes."), ())]


# TRL #4974: masks are made from ids, so with one token for padding and for the end, the end is
# never learned, and what follows it is lost.
def test_an_end_that_is_also_the_padding_is_trained(model: PreTrainedModel) -> None:
    made = [episode([([1], [0, 3, 0])], reward=1.0), episode([([1, 2, 3, 4, 5, 6], [7])])]
    samples = [Sample(e, e.trajectory) for e in made]
    rows = train_rows(samples, [1.0, 1.0])  # the first is padded with zeros
    together = action_logps(model, rows, 1.0)
    alone = torch.cat([action_logps(model, [row], 1.0) for row in rows])
    assert together.shape == (4,)
    torch.testing.assert_close(together, alone)


# --- the loss -----------------------------------------------------------------------------------


# A mean over rows lets an episode of many rows outweigh others: what slime and agent-lightning had
# to carry the episode's name along for.
@pytest.mark.parametrize("denominator", ["token", "sequence", "constant"])
def test_an_episode_of_many_rows_weighs_no_more(denominator: Any) -> None:
    whole, cut = (
        Sample(made, made.trajectory)
        for made in (
            episode([([1], [2, 3])] * 4),
            episode([([1], [2, 3])] * 4, restart=(1, 2, 3)),
        )
    )
    rows = train_rows([whole, cut], token_weights([whole, cut], denominator, 9.0))
    assert [r.sample for r in rows] == [0, 1, 1, 1, 1]
    assert sum(r.weight.sum() for r in rows[1:]) == pytest.approx(rows[0].weight.sum())


# Trainers that average each micro-batch, then the averages: tokens of a short one count for more.
def test_the_loss_is_divided_once(model: PreTrainedModel) -> None:
    made = [episode([([1], [2])]), episode([([1], [3, 4, 5, 6, 7])])]
    samples = [Sample(e, e.trajectory) for e in made]
    for sample, advantage in zip(samples, (1.0, -2.0), strict=True):
        sample.set_advantage(advantage)
    found = []
    for micro_tokens in (1, 1000):
        loss = update(model, samples, micro_tokens=micro_tokens)["loss"]
        found.append((loss, model.lm_head.weight.grad.clone()))
    assert found[0][0] == pytest.approx(found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1])


# TRL #4159: the sampler divides by the temperature, the learner does not.
def test_sampler_and_learner_share_the_temperature(model: PreTrainedModel) -> None:
    made = episode([([1, 2], [3])])
    rows = train_rows([Sample(made, made.trajectory)], [1.0])
    logits = model(torch.tensor([[1, 2]])).logits[0, -1:]
    sampler = BatchSampler([SamplingParams(temperature=0.5, top_k=1)], torch.device("cpu"))
    [best], [recorded] = sampler(logits.detach(), [0.3])
    rows[0].row.ids[-1] = best
    assert action_logps(model, rows, 0.5).item() == pytest.approx(recorded, abs=1e-6)
    assert abs(action_logps(model, rows, 1.0).item() - recorded) > 0.01


# TRL #6789: top-k and top-p renormalise what is recorded, and every ratio is off by the same share.
def test_top_k_renormalises_no_record() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    for params in (SamplingParams(top_k=1), SamplingParams(top_p=0.1)):
        sampler = BatchSampler([params], torch.device("cpu"))
        [chosen], [recorded] = sampler(logits.clone(), [0.5])
        assert recorded == pytest.approx(torch.log_softmax(logits, -1)[0, chosen].item())
        assert recorded < -0.4


# TRL without vLLM records nothing and takes the learner's own log-probs for the old ones, so that
# all ratios are 1; with it, ratios were logged only once they were cut (#5231). The wrong way round
# they push the wrong way, as soon as they differ from 1.
def test_ratios_are_of_the_policy_to_the_record_and_shown_raw(model: PreTrainedModel) -> None:
    made = episode([([1], [2, 3])], logprob=-9.0)
    sample = Sample(made, made.trajectory)
    sample.set_advantage(-1.0)
    logps = action_logps(model, train_rows([sample], [1.0]), 1.0)
    told = update(model, [sample])
    assert told["ratio"] == pytest.approx((logps + 9).exp().mean().item(), rel=1e-4)
    assert told["ratio"] > 1.2
    assert told["loss"] == pytest.approx(told["ratio"], rel=1e-4)  # A < 0: never clipped from above


# slime #1372, miles #1383: the KL of tool output, which nobody sampled, leaks into the returns.
def test_tool_output_has_no_kl(model: PreTrainedModel) -> None:
    reference = Qwen3ForCausalLM(model.config).double().eval()
    made = episode([([1], [2]), ([3, 4, 5, 6], [7])])
    sample = Sample(made, made.trajectory)
    sample.set_advantage(0.0)
    policy = Policy(model, lr=0.0)
    Scorer(policy, Reference(LanguageModel(reference))).add(["ref_logp"], [sample])
    rows = train_rows([sample], [0.5])
    told = policy.update(rows, [Kl(kind="k1")])
    gaps = action_logps(model, rows, 1.0) - action_logps(reference, rows, 1.0)
    assert gaps.shape == (2,)
    assert told["kl"] == pytest.approx(gaps.mean().item(), rel=1e-4)


# TRL's CISPO takes a clip range that is not set for an absolute cap of 0.2 on every weight: what
# looks like a default trains at a fifth of the gradient. Ours clip around 1, and say so.
def test_a_default_clip_range_leaves_the_first_gradient_whole(model: PreTrainedModel) -> None:
    made = episode([([1], [2, 3])])
    sample = Sample(made, made.trajectory)
    sample.set_advantage(1.0)
    [row] = train_rows([sample], [0.5])
    recorded = action_logps(model, [row], 1.0).detach()
    made.turns[0].logprobs = recorded.tolist()
    sampled, shown = (Sample(made, made.trajectory, role=r) for r in ("policy", "demonstration"))
    sampled.set_advantage(1.0)
    update(model, [sampled])
    clipped = model.lm_head.weight.grad.clone()
    Policy(model, lr=0.0, grad_clip=1e9).update(train_rows([shown], [0.5]), [Sft()])
    torch.testing.assert_close(clipped, model.lm_head.weight.grad)


# The same reward for all members leaves, by rounding, a mean that none of them has; divided by a
# deviation as small it was a full advantage. (Ours did, until random rewards found it.)
def test_rounding_is_no_credit() -> None:
    groups = grouped(*(episode([([1], [2])], reward=0.1) for _ in range(3)))
    assert not math.isclose(np.mean([0.1] * 3), 0.1, rel_tol=0, abs_tol=0)
    Grpo(eps=0.0)(groups)
    assert [s.advantages[0].tolist() for s in groups[0]] == [[0.0]] * 3


# unsloth #5673, and masks longer than what they mask (TRL #5144): what tools said is trained on.
def test_tool_output_is_never_trained() -> None:
    made = episode([([1], [2]), ([], [6, 7])])
    made.turns[1].context = [Span("tool", [3]), Span("hint", [4]), Span("critic", [5])]
    made.turns.append(Turn([Span("tool", [8])], [9]))
    assert trained(made.trajectory) == [[2, 6, 7, 9]]
