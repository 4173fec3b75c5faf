"""TraPO: pseudo-scores of tasks that are learnt as labelled ones are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.errors import UsageError
from envgym.messages import Action
from envgym.stop_reason import StopReason
from envgym.task import Task
from envgym.trainers.collection.samples import Group, Sample, as_groups
from envgym.trainers.recipe import load_config
from envgym.trainers.rewards import Trapo
from envgym.trainers.rewards.majority import final_answer, majority
from envgym.trainers.rewards.trajectories import select, similarity
from envgym.trainers.run import train
from tests.trainers.helpers import episode
from tests.trainers.test_run import config, metrics

RATES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=2, max_size=9)


def group(name: str, answers: Sequence[str | None], gold: str = "a", label: bool = True) -> Group:
    """A group whose members answered; None ran out of turns."""
    made = []
    for answer in answers:
        one = episode([([1], [2])], score=float(answer == gold), group=name)
        one.turns[0].taken = Action.call("answer", text=answer or "")
        stop = StopReason.MAX_TURNS if answer is None else StopReason.ANSWERED
        made.append(replace(one, task=Task({"name": name, "label": label}), stop_reason=stop))
    return as_groups(made)[0]


def paid(groups: Sequence[Group]) -> list[list[float]]:
    return [[sample.reward for sample in group] for group in groups]


def test_majorities() -> None:
    assert majority(["a", "b", "a"]) == "a"
    assert majority(["a", "b", None]) is None  # a tie
    assert majority([None, None]) is None
    assert majority(["a", None, None]) == "a"  # no answer is no vote


def test_answers_differ_by_neither_case_nor_spacing() -> None:
    one, two, none = (sample for sample in group("t", ["The  end", "the end", None]))
    assert final_answer(one) == final_answer(two) != None  # noqa: E711
    assert final_answer(none) is None


def test_similarity_by_hand() -> None:
    rising, falling, flat = [0.0, 0.5, 1.0], [1.0, 0.5, 0.0], [0.5, 0.5, 0.5]
    assert similarity(rising, [[0.2, 0.3, 0.4]]) == pytest.approx(1.0)  # scale does not matter
    assert similarity(rising, [falling, rising, flat, flat]) == pytest.approx(0.0)
    assert similarity(rising, [[0.0, 1.0]]) == pytest.approx(1.0)  # cut to two points
    assert similarity(rising, [[1.0]]) == similarity(rising, []) == -1.0


@given(RATES, st.lists(RATES, min_size=1, max_size=6))
def test_similarity_is_the_mean_of_pairs(one: list[float], others: list[list[float]]) -> None:
    whole = similarity(one, others)
    assert -1 - 1e-9 <= whole <= 1 + 1e-9
    assert whole == pytest.approx(sum(similarity(one, [o]) for o in others) / len(others))


@given(st.dictionaries(st.text(max_size=3), st.floats(-0.9, 1), max_size=20))
def test_the_top_and_the_similar_are_selected(found: dict[str, float]) -> None:
    chosen = select(found, 0.1, 0.4)
    assert {key for key, value in found.items() if value >= 0.4} <= chosen
    assert len(chosen) >= -(-len(found) // 10)
    left = [found[key] for key in found.keys() - chosen]
    assert all(value < 0.4 for value in left)
    assert not left or max(left) <= min(found[key] for key in chosen)


def learn(reward: Trapo, rounds: Sequence[Sequence[Sequence[str | None]]]) -> list[list[Group]]:
    """Visits of a labelled task l and unlabelled tasks u, v, …, by their answers."""
    found = []
    for labelled, *others in rounds:
        groups = [group("l", labelled)]
        groups += [group("uvw"[i], o, label=False) for i, o in enumerate(others)]
        reward(groups)
        found.append(groups)
    return found


RISING = [["b", "b", "b", "a"], ["a", "b", "a", "b"], ["a", "a", "a", "a"]]
AGREEING = [["c", "d", "c", "e"], ["c", "c", "c", "e"], ["c", "c", "c", "c"]]
FALLING = [["c", "c", "c", "c"], ["c", "c", "c", "e"], ["c", "d", "c", "e"]]


def test_only_what_is_learnt_as_labelled_tasks_are_is_trained_on() -> None:
    reward = Trapo(labelled="label", warmup=3, top=0.0)
    rounds = learn(reward, list(zip(RISING, AGREEING, FALLING, strict=True)))
    for early in rounds[:2]:
        assert [sample.skip for group in early for sample in group] == [False] * 4 + [True] * 8
    labelled, similar, unlike = rounds[2]
    assert paid([labelled, similar, unlike]) == [[1.0] * 4, [1.0] * 4, [0.0] * 4]
    assert [s[0].skip for s in (labelled, similar, unlike)] == [False, False, True]
    assert len(reward.state()["reliable"]) == 1  # the trajectories to compare with grow


def test_a_pseudo_score_never_reads_the_score() -> None:
    right, wrong = (Trapo(labelled="label", warmup=3, similarity=-1.0) for _ in range(2))
    for reward, gold in ((right, "c"), (wrong, "z")):
        for labelled, unlabelled in zip(RISING, AGREEING, strict=True):
            last = [group("l", labelled), group("u", unlabelled, gold, label=False)]
            reward(last)
        assert paid(last)[1] == [1.0] * 4
    assert right.state() == wrong.state()


def test_a_tie_is_filtered_and_counts_as_failure() -> None:
    reward = Trapo(labelled="label", warmup=2, similarity=-1.0)
    [*_, last] = learn(reward, [(RISING[0], ["c", "c"]), (RISING[1], ["c", "d"])])
    assert [sample.skip for sample in last[1]] == [True, True]
    assert list(reward.state()["unlabelled"].values()) == [[1.0, 0.0]]


def test_the_state_goes_round() -> None:
    reward, other = (Trapo(labelled="label", warmup=2) for _ in range(2))
    learn(reward, [(RISING[0], AGREEING[0]), (RISING[1], AGREEING[1])])
    other.load(json.loads(json.dumps(reward.state())))
    third = [(RISING[2], AGREEING[2])]
    assert paid(learn(other, third)[0]) == paid(learn(reward, third)[0])
    assert other.state() == reward.state()


def test_a_share_of_the_tasks_is_labelled() -> None:
    reward = Trapo(labelled_share=0.3)
    tasks = [Task({"n": n}) for n in range(1000)]
    made = [replace(episode([([1], [2])], group=str(t.key)), task=t) for t in tasks]
    reward(as_groups(made))
    assert 250 < len(reward.state()["labelled"]) < 350


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["rewards=[trapo, score]"], "'score' pays the score of unlabelled tasks: leave it out"),
        (["rewards=[trapo]", "rollout.dynamic_rounds=2"], "set rollout.dynamic_rounds to 1"),
        (["rewards=[trapo]", "guidance=ghpo"], "set guidance to none"),
    ],
)
def test_what_reads_the_score_is_refused(overrides: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_config("demo", overrides)


async def test_a_run_pays_by_it(tmp_path: Path) -> None:
    settings = (
        "rewards=[{name: trapo, warmup: 2, labelled_share: 0.5}]",
        "sampler={name: epochs, pool: 2}",
        "losses=[clip]",
        "evaluation.tasks=0",
        "learner.max_idle_steps=9",
    )
    await train(config(tmp_path, "a", *settings))
    assert all(0 <= row["reward"] <= 1 for row in metrics(tmp_path / "a"))
    state = json.loads((tmp_path / "a/checkpoints/step-000003/state.json").read_text())
    kept = state["plugins"]["rewards.0"]
    assert [len(r) for k in ("labelled", "unlabelled") for r in kept[k].values()] == [3, 3]


def test_a_custom_answer(tmp_path: Path) -> None:
    made = config(
        tmp_path, "a", "rewards=[{name: trapo, answer: 'tests.trainers.test_trapo:size'}]"
    )
    assert made.rewards[0].answer is size  # type: ignore[attr-defined]
    assert made.model_dump(mode="json")["rewards"][0]["answer"] == "tests.trainers.test_trapo.size"


def size(sample: Sample) -> str:
    """Number of tokens as an answer."""
    return str(sample.tokens)
