"""RECAP: weights of rewards by their progress."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from envgym.trainers.advantages import Gdpo, Recap
from envgym.trainers.advantages.recap import recap_weights
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.run import train
from tests.trainers.helpers import episode
from tests.trainers.test_preferences import Parity  # noqa: F401  registers its environment
from tests.trainers.test_run import config, metrics, weights


def test_weights_by_hand() -> None:
    """W = 2, T = 5. a: 0.2 / 0.4 + 0.1 / 0.6; b: 0.5 / 0.5 + 0."""
    losses = {"a": [9.0, 0.4, 0.4, 0.1, 0.3], "b": [0.5] * 5}
    one, two = math.exp((0.5 + 0.1 / 0.6) / 5), math.exp(1 / 5)
    assert recap_weights(losses, 2, 5.0) == pytest.approx(
        {"a": 2 * one / (one + two), "b": 2 * two / (one + two)}
    )


def test_a_saturating_reward_gives_way_and_a_volatile_one_gains() -> None:
    still, falling, wild = [0.5] * 8, [0.8] * 4 + [0.1] * 4, [0.5] * 4 + [0.1, 0.9] * 2
    found = recap_weights({"still": still, "falling": falling, "wild": wild}, 4, 5.0)
    assert found["falling"] < 1 < found["wild"]
    assert found["falling"] < found["still"] < found["wild"]


@given(
    st.lists(st.lists(st.floats(1e-3, 1.0), min_size=6, max_size=6), min_size=1, max_size=5),
    st.floats(0.1, 10.0),
)
def test_the_weights_add_up_and_equal_objectives_weigh_alike(
    losses: list[list[float]], temperature: float
) -> None:
    told = recap_weights({str(i): values for i, values in enumerate(losses)}, 3, temperature)
    assert sum(told.values()) == pytest.approx(len(losses))
    assert all(weight > 0 for weight in told.values())
    alike = recap_weights({str(i): losses[0] for i in range(len(losses))}, 3, temperature)
    assert list(alike.values()) == pytest.approx([1.0] * len(losses))


def test_before_two_windows_all_weigh_alike() -> None:
    assert recap_weights({"a": [0.1] * 3, "b": [0.5] * 9}, 2, 5.0) == {"a": 1.0, "b": 1.0}
    assert recap_weights({}, 2, 5.0) == {}


def group(*rewards: tuple[float, float]) -> Group:
    made = []
    for score, form in rewards:
        one = episode([([1], [2])])
        made.append(Sample(one, one.trajectory, score + form))
        made[-1].components = {"score": score, "format": form}
    return made


def credit(groups: list[Group]) -> list[float]:
    return [float(s.advantages[0][0]) for g in groups for s in g]


def test_it_is_gdpo_with_its_weights() -> None:
    """The format saturates over four steps; the fifth credits it less."""
    steps = [[group((0.0, form), (1.0, form - 0.1))] for form in (0.2, 0.2, 0.9, 0.9, 0.9)]
    method = Recap(window=2)
    plain, weighted = [], []
    for step in steps:
        Gdpo()(step)
        plain.append(credit(step))
        method(step)
        weighted.append(credit(step))
    assert weighted[:4] == plain[:4]
    told = method.report()
    assert told["recap/format"] < 1 < told["recap/score"]
    again = [group((0.0, 0.9), (1.0, 0.8))]
    Gdpo(weights={"format": told["recap/format"], "score": told["recap/score"]})(again)
    assert weighted[4] == pytest.approx(credit(again))
    assert weighted[4][1] > plain[4][1]


def test_roles_have_windows_of_their_own_and_a_checkpoint_keeps_them() -> None:
    method = Recap(window=2)
    other = [group((1.0, 1.0), (0.0, 0.0))]
    for sample in other[0]:
        sample.role = "guided"
    for form in (0.2, 0.2, 0.9):
        method([group((0.0, form), (1.0, form))])
        method(other)
    kept = json.loads(json.dumps(method.state()))
    assert sorted(kept["losses"]) == ["agent/guided", "agent/policy"]
    resumed = Recap(window=2)
    resumed.load(kept)
    for one in (method, resumed):
        for form in (0.9, 0.5):
            one([group((0.0, form), (1.0, form))])
    assert resumed.report() == method.report()
    assert resumed.state() == method.state()


async def test_a_run_resumes_to_the_bit(tmp_path: Path) -> None:
    settings = (
        "env.id=test/parity-v1",
        "rewards=[score, length]",
        "advantage={name: recap, window: 2, temperature: 0.1}",
        "learner.max_idle_steps=9",
    )
    await train(config(tmp_path, "whole", *settings, "learner.steps=6"))
    await train(config(tmp_path, "cut", *settings, "learner.steps=3"))
    await train(config(tmp_path, "cut", *settings, "learner.steps=6"), resume=True)
    whole = metrics(tmp_path / "whole")
    assert metrics(tmp_path / "cut") == whole
    assert any(row.get("recap/score", 1.0) != 1.0 for row in whole)
    one, two = weights(tmp_path / "cut"), weights(tmp_path / "whole")
    assert all(torch.equal(one[name], two[name]) for name in two)
