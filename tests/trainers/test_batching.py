"""Batching plug-ins: the promises that all of them keep, and the numbers of each one."""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from envgym.errors import UsageError
from envgym.trainers.advantages import Grpo
from envgym.trainers.batching import Batching, C3po, Delayed, Priority, Replay, RoRecomp, Shuffled
from envgym.trainers.batching.sample_buffer import Buffer
from envgym.trainers.collection.samples import Group, Sample
from envgym.trainers.plugin import PLUGINS
from envgym.trainers.recipe import load_config
from tests.trainers.helpers import episode
from tests.trainers.strategies import groups_of_episodes, rewarded, samples_of

SMALL: dict[str, dict[str, Any]] = {
    "c3po": {"tokens": 9},
    "delayed": {"steps": 0},
    "replay": {"capacity": 7, "max_staleness": 2},
    "rorecomp": {"capacity": 5, "compensation": 0.6, "decay_steps": 20},
}
every_batching = pytest.mark.parametrize("name", sorted(PLUGINS["batching"]))


def made(name: str) -> Batching:
    batching = PLUGINS["batching"][name](**SMALL.get(name, {}))
    assert isinstance(batching, Batching)
    return batching


def sample(
    length: int, score: float = 0.0, version: int = 0, credit: float = 1.0, name: str = "e"
) -> Sample:
    """Of one turn."""
    one = episode([([1], [2] * length)], score=score, reward=score)
    one.id = name
    one.turns[0].versions = [version] * length
    found = Sample(one, one.trajectory, score)
    found.set_advantage(credit)
    found.record_advantages()
    return found


def step(version: int, *lengths: int, **others: Any) -> list[Group]:
    return [[sample(n, version=version, name=f"{version}/{n}", **others) for n in lengths]]


def names(batches: Sequence[Sequence[Sample]]) -> list[list[str]]:
    return [[s.episode.id for s in batch] for batch in batches]


def aged(groups: list[Group], version: int) -> list[Group]:
    for one in samples_of(groups):
        for turn in one.trajectory.turns:
            turn.versions = [version] * len(turn.action)
        one.episode.id = f"{version}:{one.episode.id}"
        one.episode.score = float(one.reward > 0)
    Grpo(std="none")(groups)
    for one in samples_of(groups):
        one.record_advantages()
        if version % 2:
            one.prox_logp = one.norms = [a * 2 for a in one.advantages]
            one.turn_rewards = [1.0] * len(one.trajectory.turns)
            one.token_rewards = [np.zeros(len(a)) for a in one.advantages]
            one.components = {"environment": 1.0}
            one.value = [a + 1 for a in one.advantages]
            one.returns = [np.full_like(a, 0.1) for a in one.advantages]
    return groups


def what(one: Sample) -> tuple[str, str]:
    return one.episode.id, one.trajectory.seat


# --- every batching plug-in ----------------------------------------------------------------------


@every_batching
@settings(max_examples=15, deadline=None)
@given(steps=st.lists(groups_of_episodes(), min_size=1, max_size=5))
def test_advantages_stay_and_nothing_is_trained_twice_unasked(name: str, steps: Any) -> None:
    batching = made(name)
    seen: Counter[tuple[str, str]] = Counter()
    given: dict[tuple[str, str], Sample] = {}
    for version, episodes in enumerate(steps):
        groups = aged(rewarded(episodes), version)
        before = [[a.tobytes() for a in s.advantages] for s in samples_of(groups)]
        given |= {what(s): s for s in samples_of(groups)}
        for batch in batching(groups, f"0:{version}"):
            assert batch
            assert name == "priority" or len({id(s) for s in batch}) == len(batch)
            weights = batching.weights(batch, "token", 1.0)
            assert len(weights) == len(batch)
            for one in batch:
                origin = given[what(one)]
                assert one.reward == origin.reward
                assert [a.tobytes() for a in one.advantages] == [
                    a.tobytes() for a in origin.advantages
                ]
                assert [t.logprobs for t in one.trajectory.turns] == [
                    t.logprobs for t in origin.trajectory.turns
                ]
            seen.update(what(s) for s in batch)
        assert before == [[a.tobytes() for a in s.advantages] for s in samples_of(groups)]
        assert all(math.isfinite(v) for v in batching.report().values())
    most = 1 + made(name).uses if isinstance(batching, Replay) else 1  # type: ignore[attr-defined]
    assert name == "priority" or max(seen.values(), default=0) <= most


@every_batching
@settings(max_examples=10, deadline=None)
@given(steps=st.lists(groups_of_episodes(), min_size=2, max_size=5), cut=st.integers(1, 4))
def test_what_is_yielded_follows_the_seed_and_survives_a_checkpoint(
    name: str, steps: Any, cut: int
) -> None:
    """Stopped after any step and gone on from what JSON kept, nothing is another."""
    played = [aged(rewarded(episodes), version) for version, episodes in enumerate(steps)]
    whole, resumed = made(name), made(name)
    for version, groups in enumerate(played):
        if version == cut:
            state = json.loads(json.dumps(resumed.state()))
            resumed = made(name)
            resumed.load(state)
        one = list(whole(groups, f"0:{version}"))
        two = list(resumed(groups, f"0:{version}"))
        assert [[learnt(s) for s in batch] for batch in one] == [
            [learnt(s) for s in batch] for batch in two
        ]
        assert whole.report() == resumed.report()
    if isinstance(whole, Replay | RoRecomp) and isinstance(resumed, Replay | RoRecomp):
        one, two = whole._buffer.samples, resumed._buffer.samples
        assert [learnt(s) for s in one] == [learnt(s) for s in two]


def learnt(one: Sample) -> Any:
    """All that a learner reads of a sample."""
    turns = [
        (
            [(s.kind, s.ids) for s in t.context],
            t.action,
            np.float32(t.logprobs).tolist(),
            t.versions,
            t.restart,
            t.reward,
            a.tolist(),
            a.dtype,
        )
        for t, a in zip(one.trajectory.turns, one.advantages, strict=True)
    ]
    critic = [[a.tolist() for a in arrays] for arrays in (one.value or [], one.returns)]
    return what(one), one.reward, one.role, one.episode.score, one.episode.group, turns, critic


@every_batching
def test_a_step_of_nothing_yields_nothing(name: str) -> None:
    assert list(made(name)([], "0:0")) == []


@every_batching
def test_only_numbers_are_reported(name: str) -> None:
    batching = made(name)
    list(batching(step(0, 3, 4), "0:0"))
    assert all(key.startswith("compose/") for key in batching.report())
    assert all(isinstance(value, float) for value in batching.report().values())


# --- shuffled -----------------------------------------------------------------------------------


def test_shuffled_trains_every_sample_once_an_epoch() -> None:
    batches = list(Shuffled(epochs=2, batches=3)(step(0, 1, 2, 3, 4, 5, 6, 7), "0:0"))
    assert [len(b) for b in batches] == [2, 2, 3] * 2
    for epoch in (batches[:3], batches[3:]):
        assert sorted(n for batch in names(epoch) for n in batch) == [f"0/{n}" for n in range(1, 8)]


@every_batching
def test_what_the_advantage_skipped_is_not_in_a_batch(name: str) -> None:
    skipped, kept = sample(6, name="right"), sample(2, name="wrong")
    skipped.skip = True
    batching = made(name)
    [batch] = batching([[skipped, kept], []], "0:0")
    assert names([batch]) == [["wrong"]]
    assert batching.weights(batch, "token", 1.0) == [1 / 9 if name == "c3po" else 1 / 2]
    assert list(made(name)([[skipped]], "0:0")) == []


# --- priority -----------------------------------------------------------------------------------


def test_priority_draws_by_advantage() -> None:
    """Advantages 3, 1 and -1 over 400 epochs: 3 / 4, 1 / 4 and never."""
    groups = [[sample(2, credit=c, name=f"{c:g}") for c in (3.0, 1.0, -1.0)]]
    batches = list(Priority(epochs=400)(groups, "0:0"))
    counts = Counter(n for batch in names(batches) for n in batch)
    assert [len(batch) for batch in batches] == [2] * 400
    assert counts["3"] / 800 == pytest.approx(0.75, abs=0.05)
    assert counts["-1"] == 0


def test_priority_keeps_what_has_no_advantage() -> None:
    shown = sample(2, name="shown")
    shown.advantages = []
    assert names(Priority()([[shown, sample(2, credit=-1.0)]], "0:0")) == [["shown"]]


# --- C3PO ---------------------------------------------------------------------------------------


def test_c3po_takes_episodes_until_the_budget_is_crossed() -> None:
    batching = C3po(tokens=10)
    [batch] = batching(step(0, *[4] * 7), "0:0")
    assert len(batch) == 3  # 4, 8, 12: the one that crosses it is whole
    assert batching.weights(batch, "token", 1.0) == [0.1] * 3
    assert batching.report() == {"compose/budget_used": 1.2, "compose/left_out": 4.0}


@settings(max_examples=30)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=12), st.integers(1, 60))
def test_c3po_divides_by_the_budget_whatever_the_lengths(lengths: list[int], budget: int) -> None:
    batching = C3po(tokens=budget)
    for scale in (1, 2):  # twice as long: the divisor is what it was
        [batch] = batching(step(0, *[n * scale for n in lengths]), "0:0")
        assert set(batching.weights(batch, "token", 1.0)) == {1 / budget}
        used = [s.tokens for s in batch]
        assert sum(used[:-1]) < budget
        assert sum(used) >= min(budget, scale * sum(lengths))


def test_c3po_prefers_no_length() -> None:
    firsts = [
        next(iter(C3po(tokens=1)(step(0, *range(1, 11)), f"0:{i}")))[0].tokens for i in range(400)
    ]
    assert sum(firsts) / len(firsts) == pytest.approx(5.5, abs=0.5)


# --- RoRecomp -----------------------------------------------------------------------------------


def test_rorecomp_takes_the_shortest_right_and_the_longest_wrong() -> None:
    right = [sample(n, score=1.0, name=f"right {n}") for n in (5, 1, 4, 2)]
    wrong = [sample(n, score=0.4, name=f"wrong {n}") for n in (3, 9, 6)]
    batching = RoRecomp(share=0.5, capacity=100)
    batches = list(batching([right[:2] + wrong[:1], right[2:] + wrong[1:]], "0:0"))
    # 2 of 4 right ones, 2 of 3 wrong ones (half, rounded up), over both groups together
    assert names(batches) == [["right 1", "right 2", "wrong 9", "wrong 6"]]
    assert names([batching._buffer.samples]) == [["right 4", "right 5", "wrong 3"]]


def test_rorecomp_counts_sampled_tokens_only() -> None:
    short, long = sample(2, 1.0, name="short"), sample(3, 1.0, name="long")
    short.trajectory.turns[0].context[0].ids = [1] * 100
    [batch, *_] = RoRecomp(share=0.5)([[long, short]], "0:0")
    assert names([batch]) == [["short"]]


def test_rorecomp_compensates_with_the_oldest_of_a_full_buffer() -> None:
    batching = RoRecomp(share=0.5, capacity=4, compensation=1.0)
    assert names(list(batching(step(0, 1, 2, 3, 4, score=1.0), "0:0"))) == [["0/1", "0/2"]]
    batches = list(batching(step(1, 5, 6, 7, 8, score=1.0), "0:1"))
    assert names(batches) == [["1/5", "1/6"], ["0/3", "0/4"]]
    assert batching.report() == {
        "compose/priority": 2.0,
        "compose/compensation": 2.0,
        "compose/buffered": 2.0,
        "compose/dropped": 0.0,
        "compose/staleness": 1.0,
    }


def test_rorecomp_without_compensation_stays_bounded() -> None:
    batching = RoRecomp(share=0.5, capacity=3, compensation=0.0)
    for version in range(4):
        assert len(list(batching(step(version, 1, 2, 3, 4, score=1.0), "0:0"))) == 1
    assert names([batching._buffer.samples]) == [["2/4", "3/3", "3/4"]]
    assert batching.report()["compose/dropped"] == 2


@pytest.mark.parametrize(("done", "wanted"), [(0, 0.8), (5, 0.4), (10, 0.0), (99, 0.0)])
def test_rorecomp_compensates_ever_less(done: int, wanted: float) -> None:
    batching = RoRecomp(compensation=0.8, decay_steps=10)
    batching._steps = done
    assert batching._probability() == pytest.approx(wanted)
    kept = RoRecomp(compensation=0.8)
    kept._steps = done
    assert kept._probability() == 0.8


# --- replay -------------------------------------------------------------------------------------


def test_replay_adds_what_is_young_enough() -> None:
    batching = Replay(ratio=3.0, max_staleness=2, uses=9)
    wanted = [["0"], ["0", "1"], ["0", "1", "2"], ["1", "2", "3"]]
    for version, expected in enumerate(wanted):
        [batch] = batching(step(version, 1), f"0:{version}")
        assert sorted(s.episode.id for s in batch) == [f"{v}/1" for v in expected]
    assert batching.report()["compose/staleness"] == 2
    batching = Replay(ratio=0.5, max_staleness=9)
    for version, replayed in [(0, 0), (1, 2), (2, 2)]:  # one for every two fresh ones
        [batch] = batching(step(version, 1, 2, 3, 4), f"0:{version}")
        assert len(batch) == 4 + replayed == 4 + batching.report()["compose/replayed"]


def test_the_oldest_token_decides_an_episodes_age() -> None:
    mixed = sample(2, version=5, name="mixed")
    mixed.trajectory.turns[0].versions = [3, 5]  # its policy changed under way
    batching = Replay(ratio=1.0, max_staleness=2)
    list(batching([[mixed, sample(1, version=5, name="plain")]], "0:0"))
    [batch] = batching(step(6, 1, 2), "0:1")
    assert set(names([batch])[0]) == {"6/1", "6/2", "plain"}


def test_replay_of_age_zero_is_shuffled_exactly() -> None:
    batching, plain = Replay(max_staleness=0, epochs=2, batches=2), Shuffled(epochs=2, batches=2)
    for version in range(3):
        groups, seed = step(version, 1, 2, 3, 4), f"0:{version}"
        assert names(list(batching(groups, seed))) == names(list(plain(groups, seed)))


def test_replay_is_bounded_in_uses_and_in_number_and_keeps_no_zeros() -> None:
    batching = Replay(ratio=9.0, max_staleness=99, uses=2, capacity=3)
    list(batching([*step(0, 1, 2, 3, 4), *step(0, 5, credit=0.0)], "0:0"))
    assert names([batching._buffer.samples]) == [["0/2", "0/3", "0/4"]]
    seen: Counter[str] = Counter()
    for version in range(1, 5):
        for batch in batching(step(version, 9, credit=0.0), f"0:{version}"):
            seen.update(s.episode.id for s in batch)
    assert {k: v for k, v in seen.items() if k.startswith("0/")} == {"0/2": 2, "0/3": 2, "0/4": 2}
    assert len(batching._buffer) == 0


def test_what_is_kept_holds_nothing_that_only_people_read() -> None:
    one = sample(2)
    one.trajectory.turns[0].text = "long text"
    one.episode.trajectories["other"] = one.trajectory
    batching = Replay()
    list(batching([[one]], "0:0"))
    [kept] = batching._buffer.samples
    assert kept.trajectory.turns[0].text == ""
    assert list(kept.episode.trajectories) == ["agent"]
    assert one.trajectory.turns[0].text == "long text"


def test_a_buffer_of_before_the_rename_loads() -> None:
    one = sample(2)
    one.value = [np.array([0.5, 0.25], np.float32)]
    now = Buffer(1)
    now.add([one])
    state = json.loads(json.dumps(now.state()))
    [row] = state["samples"]
    before = {"prox_logp": "proximal", "ref_logp": "reference"}
    state["samples"] = [{before.get(name, name): value for name, value in row.items()}]
    arrays = load(base64.b64decode(state["arrays"]))
    former = {name.replace("0.value", "0.values"): array for name, array in arrays.items()}
    assert "0.values" in former
    state["arrays"] = base64.b64encode(save(former)).decode()
    again = Buffer(1)
    again.load(state)
    [loaded] = again.samples
    assert loaded.value is not None
    assert [v.tolist() for v in loaded.value] == [[0.5, 0.25]]


def test_a_buffer_of_before_target_logprobs_loads() -> None:
    now = Buffer(1)
    now.add([sample(2)])
    state = json.loads(json.dumps(now.state()))
    arrays = load(base64.b64decode(state["tokens"]))
    del arrays["target_logprobs"]
    arrays["turn_lengths"] = np.ascontiguousarray(arrays["turn_lengths"][:, :5])
    state["tokens"] = base64.b64encode(save(arrays)).decode()
    again = Buffer(1)
    again.load(state)
    assert again.samples[0].trajectory == now.samples[0].trajectory


@pytest.mark.parametrize("name", ["replay", "rorecomp"])
@pytest.mark.parametrize("lost", ["versions", "logprobs"])
def test_tokens_of_unknown_origin_are_refused(name: str, lost: str) -> None:
    one = sample(2)
    setattr(one.trajectory.turns[0], lost, [])
    with pytest.raises(UsageError, match=r"cannot be kept.*'shuffled'"):
        list(made(name)([[one]], "0:0"))


# --- delayed ------------------------------------------------------------------------------------


def test_delayed_trains_on_what_was_played_so_many_steps_ago() -> None:
    batching = Delayed(steps=2, batches=2)
    assert list(batching(step(0, 1, 2), "0:0")) == list(batching(step(1, 3), "0:1")) == []
    batches = list(batching(step(2, 4, 5, 6), "0:2"))
    assert sorted(names(batches)) == [["0/1"], ["0/2"]]
    assert batching.report() == {"compose/waiting": 4.0, "compose/staleness": 2.0}
    assert names(list(batching(step(3, 7), "0:3"))) == [["1/3"]]  # as many as that step had


def test_delayed_by_nothing_is_shuffled_exactly() -> None:
    batching, plain = Delayed(steps=0, batches=2), Shuffled(batches=2)
    for version in range(3):
        groups, seed = step(version, 1, 2, 3, 4), f"0:{version}"
        assert names(list(batching(groups, seed))) == names(list(plain(groups, seed)))


def test_delayed_says_that_its_first_steps_are_idle() -> None:
    with pytest.raises(UsageError, match=r"learner\.max_idle_steps to 4"):
        load_config("demo", ["batching=delayed"])
    assert load_config("demo", ["batching=delayed", "learner.max_idle_steps=4"])
