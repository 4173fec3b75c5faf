from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from envgym.errors import UsageError
from envgym.stop_reason import StopReason
from envgym.trainers.advantages.credit import discounted_sums, rewards_by_turn
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.recipe import load_config
from envgym.trainers.rewards import (
    EnvironmentReward,
    KlReward,
    Length,
    Metric,
    ProcessClip,
    ProcessDelta,
    Score,
    Spark,
)
from envgym.trainers.rewards.spark import votes
from tests.trainers.helpers import episode


def sample(rewards: Sequence[float], score: float = 0.0, tokens: int = 1) -> Sample:
    made = episode([([1], [2] * tokens)] * len(rewards), score=score)
    for turn, reward in zip(made.turns, rewards, strict=True):
        turn.reward = reward
    return Sample(made, made.trajectory)


def to_go(one: Sample) -> list[float]:
    return discounted_sums(rewards_by_turn(one), 1.0).tolist()


def test_delta_telescopes() -> None:
    one = sample([0.25, 0.75, 0.5, 0.9])
    ProcessDelta()([[one]])
    assert rewards_by_turn(one).tolist() == pytest.approx([-0.5, 0.25, 0.5, 0.0])
    assert to_go(one) == pytest.approx([0.25, 0.75, 0.5, 0.0])  # p itself; the last is left out


def test_clip_never_pays() -> None:
    one = sample([0.25, 0.95, 0.9, 0.5])
    ProcessClip(eta=0.9)([[one]])
    assert rewards_by_turn(one).tolist() == pytest.approx([-0.65, 0, 0, -0.4])


def test_clip_and_delta() -> None:
    one = sample([0.25, 0.95, 0.5, 0.5])
    ProcessDelta(eta=0.9)([[one]])
    assert to_go(one) == pytest.approx([-0.65, 0, -0.4, 0])


@pytest.mark.parametrize("extra", [1, 5])
def test_repeating_a_good_step_gains_nothing(extra: int) -> None:
    """What a raw process reward pays for: a trivial step, again and again."""
    steps, farmed = [0.5, 0.95, 0.75, 0.0], [0.5, *[0.95] * (1 + extra), 0.75, 0.0]
    raw, delta, clipped = [], [], []
    for scores in (steps, farmed):
        for found, method in (
            (raw, EnvironmentReward()),
            (delta, ProcessDelta()),
            (clipped, ProcessClip()),
        ):
            one = sample(scores)
            method([[one]])
            found.append(to_go(one)[0])
    assert raw[1] == pytest.approx(raw[0] + 0.95 * extra)
    assert delta[1] == pytest.approx(delta[0])
    assert clipped[1] <= clipped[0] + 1e-9


def test_one_turn_has_no_process() -> None:
    one = sample([0.75])
    ProcessDelta()([[one]])
    assert one.reward == 0


def rate(one: Sample) -> list[float]:
    return [0.5] * len(one.trajectory.turns)


def miscount(one: Sample) -> list[float]:
    return [0.5]


def test_a_judge_rates_the_turns() -> None:
    one = sample([0, 0, 1], score=1.0)
    ProcessDelta(judge=rate, coef=2.0)([[one]])
    Score()([[one]])
    assert rewards_by_turn(one).tolist() == pytest.approx([0, 1.0, 1.0])
    assert one.components == pytest.approx({"process_delta": 1.0, "score": 1.0})
    with pytest.raises(UsageError, match="1 numbers for 3 turns"):
        ProcessClip(judge=miscount)([[one]])


@pytest.mark.parametrize("name", ["process_clip", "process_delta"])
def test_turn_rewards_are_not_paid_twice(name: str) -> None:
    with pytest.raises(UsageError, match=rf"rewards\.1 '{name}': .* put 'score' in its place"):
        load_config("demo", [f"rewards=[environment, {name}]"])
    for mended in (f"[score, {name}]", f"[environment, {{name: {name}, judge: math.prod}}]"):
        config = load_config("demo", [f"rewards={mended}", "advantage=turn_returns"])
        assert config.rewards[1].conflict(config) is None


DELTA = "rewards=[score, process_delta]"


@pytest.mark.parametrize(
    ("advantage", "said"),
    [
        ("grpo", "'grpo' credits whole episodes .* turn_returns"),
        ("rloo", "'rloo' credits whole episodes"),
        ("reinforce++", "divides by a deviation"),
        ("gigpo", "'gigpo' credits"),
        ("{name: turn_returns, gamma: 0.9}", r"set advantage.gamma to 1 .it is 0\.9"),
        ("turn_gae", "set advantage.whiten to false"),
    ],
)
def test_delta_is_refused_where_the_advantage_undoes_its_bound(advantage: str, said: str) -> None:
    critic = ["critic={kind: head}"] if advantage == "turn_gae" else []
    with pytest.raises(UsageError, match=rf"rewards\.1 'process_delta': .*{said}"):
        load_config("demo", [DELTA, f"advantage={advantage}", *critic])


@pytest.mark.parametrize("advantage", ["turn_returns", "otb", "{name: turn_gae, whiten: false}"])
def test_delta_is_paid_where_returns_to_go_are_credited(advantage: str) -> None:
    critic = ["critic={kind: head}"] if "gae" in advantage else []
    assert load_config("demo", [DELTA, f"advantage={advantage}", *critic])


def verdicts(one: Sample) -> list[list[bool]]:
    return [[True, True, False], [True, False, False], [True, True, True]]


def tied(one: Sample) -> list[list[bool]]:
    return [[True], [False]]


def test_spark_votes_and_gates() -> None:
    right, babbled = sample([0, 0, 0], score=1.0), sample([0, 0, 0], score=1.0)
    right.episode.stop_reason = StopReason.ANSWERED
    babbled.episode.stop_reason = StopReason.MAX_TURNS
    Spark(judge=verdicts)([[right, babbled]])
    assert right.reward == pytest.approx(0.4 * 2 / 3 + 0.6)
    assert babbled.reward == 0  # multiplied, not added: it loses its outcome as well
    assert votes(tied(right)).tolist() == [False]
    with pytest.raises(UsageError, match="3 verdicts"):
        Spark(judge=tied)([[right]])


def test_length_by_hand() -> None:
    group: Group = [sample([0], s, n) for s, n in [(1, 2), (1, 4), (0, 2), (0, 6)]]
    Length(coef=1.0)([group])
    # λ: 1/2, 0, 1/2, -1/2; what failed earns nothing by being short
    assert [s.reward for s in group] == [0.5, 0.0, 0.0, -0.5]
    same: Group = [sample([0], 1, 3), sample([0], 0, 3)]
    Length()([same])
    assert [s.reward for s in same] == [0, 0]


def test_metrics_are_paid_by_their_name() -> None:
    group: Group = [sample([0]), sample([0])]
    group[0].episode.metrics = {"format": 1.0}
    Metric(metric="format", scale=0.5)([group])
    assert [s.components for s in group] == [{"format": 0.5}, {"format": 0.0}]


def test_a_metric_that_no_episode_reports_is_an_error_in_the_first_step() -> None:
    group: Group = [sample([0]), sample([0])]
    group[0].episode.metrics = {"format": 1.0}
    with pytest.raises(UsageError, match=r"no episode .* metric 'fromat'.*'format'"):
        Metric(metric="fromat")([group])
    method = Metric(metric="format")
    method([group])
    later: Group = [sample([0])]
    method([later])  # it is known to exist
    resumed = Metric(metric="format")
    resumed.load(method.state())
    resumed([later])
    assert later[0].components == {"format": 0.0}


@pytest.mark.parametrize(
    ("kind", "charge"), [("k1", [0.5, -1.0]), ("k2", [0.125, 0.5]), ("k3", [0.1065307, 0.7182818])]
)
def test_kl_is_charged_where_it_arose(kind: Any, charge: list[float]) -> None:
    made = episode([([1], [2]), ([9] * 7, [3])])
    made.turns[0].logprobs, made.turns[1].logprobs = [-1.0], [-2.0]
    one = Sample(made, made.trajectory)
    one.ref_logp = [np.array([-1.5], np.float32), np.array([-1.0], np.float32)]
    KlReward(kind=kind, coef=2.0)([[one]])
    assert [a.tolist() for a in one.token_rewards] == [
        [pytest.approx(-2 * c, abs=1e-6)] for c in charge
    ]
    assert one.reward == pytest.approx(-2 * sum(charge), abs=1e-6)


@pytest.mark.parametrize(("d", "charge"), [(-20.0, 340.6), (-1000.0, 19043.5)])
def test_k3_charges_no_episode_for_one_token_alone(d: float, charge: float) -> None:
    """Its own formula charges 5e8 for a token 20 nats below the reference."""
    made = episode([([1], [2])])
    made.turns[0].logprobs = [d]
    one = Sample(made, made.trajectory, token_data={"ref_logp": [np.zeros(1, np.float32)]})
    KlReward(kind="k3", coef=1.0)([[one]])
    assert one.reward == pytest.approx(-charge, rel=1e-3)


def test_tokens_without_a_record_are_not_charged() -> None:
    made = episode([([1], [2])])
    made.turns[0].logprobs = []
    one = Sample(made, made.trajectory, token_data={"ref_logp": [np.array([-1.5], np.float32)]})
    KlReward()([[one]])
    assert one.reward == 0
    with pytest.raises(UsageError, match="reference"):
        KlReward()([[Sample(made, made.trajectory)]])
