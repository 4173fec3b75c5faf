"""Knowledge points: chosen ones in view of sampler and loss, and the search that chooses them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import envgym
from envgym.errors import Fault, UsageError
from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.collection.samples import as_groups
from envgym.trainers.guidance import Knowledge
from envgym.trainers.guidance.knowledge import (
    Subset,
    SubsetSearch,
    choose_subsets,
    constrained_subset_search,
    measure_by_playing,
)
from envgym.trainers.run import train
from tests.trainers.guidance.world import HINTS, Game, Vault, parts
from tests.trainers.test_run import config, metrics


def method(folder: Path, text: str) -> Knowledge:
    (folder / "points.json").write_text(text)
    return Knowledge(file=str(folder / "points.json"))


async def test_chosen_points_stay_in_view_and_other_tasks_are_plain(tmp_path: Path) -> None:
    game = Game()
    keys = [task.key for task in Vault().tasks()]
    chosen = method(tmp_path, json.dumps({keys[2]: [0, 2], keys[3]: []}))
    result = await chosen.play(game.starts(1, 2, 3), game.player)
    assert parts(result.episodes[::2]) == [
        ("0.0.1", "policy", "", 0.0),
        ("0.0.2", "guided", "knowledge", 1.0),
        ("0.0.3", "policy", "", 0.0),
    ]
    assert set(game.agent.seen) == {(), (HINTS[0], HINTS[2])}
    assert result.episodes[2].turns[0].messages[-1].kind == "shown"
    assert result.episodes[2].id == "0.0.2/0"  # played once
    assert len(as_groups(result.episodes)) == 3


async def test_without_a_file_all_points_are_shown() -> None:
    game = Game()
    result = await Knowledge().play(game.starts(3), game.player)
    assert parts(result.episodes) == [("0.0.3", "guided", "knowledge", 1.0)] * 2
    assert set(game.agent.seen) == {HINTS}


async def test_points_that_the_task_has_not_are_named(tmp_path: Path) -> None:
    game = Game()
    chosen = method(tmp_path, json.dumps({Vault().tasks()[2].key: [3]}))
    with pytest.raises(UsageError, match=r"names hint 3 of task \w{16}, which has 3: choose"):
        await chosen.play(game.starts(2), game.player)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, r"cannot read file .*\(No such file or directory\): make a JSON object"),
        ("{", r"points.json is no JSON"),
        ('{"a": [-1]}', r"points.json: a.0: Input should be greater than or equal to 0; make"),
        ("[]", r"points.json: Input should be a valid dictionary; make"),
        ('{"a": [0, 0]}', r"points.json: a: .*an index stands twice; make"),
        ('{"a": [true]}', r"points.json: a.0: Input should be a valid integer; make"),
    ],
)
def test_files_of_no_use_are_named(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "points.json").write_text(text)
    with pytest.raises(UsageError, match=said):
        Knowledge(file=str(tmp_path / "points.json")).subsets()


def test_a_resumed_run_keeps_its_subsets(tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    path.write_text('{"a": [0, 2]}')
    state = json.loads(json.dumps(Knowledge(file=str(path)).state()))
    path.write_text('{"a": [1]}')
    resumed = Knowledge(file=str(path))
    resumed.load(state)
    assert resumed.subsets() == {"a": (0, 2)}


def test_conflicts(tmp_path: Path) -> None:
    method(tmp_path, "{}")
    guidance = f"guidance={{name: knowledge, file: {tmp_path / 'points.json'}}}"
    with pytest.raises(UsageError, match="add guided to the roles"):
        config(tmp_path, "a", guidance, "losses=[{name: clip, roles: [policy]}]")
    with pytest.raises(UsageError, match=r"cannot read file nowhere\.json"):
        config(tmp_path, "a", "guidance={name: knowledge, file: nowhere.json}")


async def test_sampler_and_loss_see_the_same_context(tmp_path: Path) -> None:
    arguments = {"size": 60, "hops": [1], "top_k": 1, "max_turns": 3, "phrasings": 1}
    async with envgym.make("search/wiki-v1", **arguments) as env:
        method(tmp_path, json.dumps({task.key: [0] for task in env.tasks("train")}))
    settings = (
        f"guidance={{name: knowledge, file: {tmp_path / 'points.json'}}}",
        *("losses=[clip, {name: kl, coef: 0.01}]", "learner.steps=1"),
        "rewards=[environment, {name: overlong, limit: 24, buffer: 20}]",
    )
    await train(config(tmp_path, "a", *settings))
    [row] = metrics(tmp_path / "a")
    assert row["role/guided"] == 1.0
    assert row["learn/logp_gap"] < 1e-4


# --- the search -----------------------------------------------------------------------------------


async def search(scores: Mapping[Subset, float], n: int, delta: float = 0.0) -> SubsetSearch:
    async def measure(subsets: Sequence[Subset]) -> list[float]:
        assert len(set(subsets)) == len(subsets)
        return [scores[subset] for subset in subsets]

    return await constrained_subset_search(measure, n, delta)


def subsets(n: int) -> list[Subset]:
    return [frozenset(i for i in range(n) if bits >> i & 1) for bits in range(2**n)]


async def test_the_interaction_paradox() -> None:
    """Points 0 and 1 may each go (0.6 > 0.5), not both (0.2): one of them stays."""
    scores = dict.fromkeys(subsets(3), 0.0) | {
        frozenset({0, 1, 2}): 0.5,
        frozenset({1, 2}): 0.6,
        frozenset({0, 2}): 0.6,
        frozenset({0, 1}): 0.1,
        frozenset({2}): 0.2,
    }
    found = await search(scores, 3)
    assert (found.subset, found.score) == ((0, 2), 0.6)
    assert len(found.measured) == 6  # none, all, three without one, and {2}


async def test_the_smallest_of_equal_subsets_is_chosen() -> None:
    found = await search(dict.fromkeys(subsets(4), 0.5), 4)
    assert found.subset == ()
    assert (await search({frozenset(): 0.3}, 0)).subset == ()


async def test_the_tolerance_lets_noisy_points_go() -> None:
    """Point 1 seems to cost 0.05: within 0.1 of the best removal, it is tried with point 0."""
    scores = dict.fromkeys(subsets(3), 0.0) | {
        frozenset({0, 1, 2}): 0.5,
        frozenset({1, 2}): 0.5,
        frozenset({0, 2}): 0.45,
        frozenset({2}): 0.9,
    }
    assert (await search(scores, 3, delta=0.1)).subset == (2,)
    assert (await search(scores, 3)).subset == (1, 2)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=6))
async def test_without_interaction_the_best_subset_is_found(weights: list[int]) -> None:
    scores = {subset: float(sum(weights[i] for i in subset)) for subset in subsets(len(weights))}
    found = await search(scores, len(weights))
    assert found.subset == tuple(i for i, weight in enumerate(weights) if weight > 0)


@given(st.integers(0, 4), st.randoms(use_true_random=False), st.floats(0, 1))
async def test_a_search_is_never_worse_than_all_or_none(n: int, rng: object, delta: float) -> None:
    scores = {subset: rng.randrange(4) / 3 for subset in subsets(n)}  # type: ignore[attr-defined]
    found = await search(scores, n, delta)
    assert found.score >= max(scores[frozenset()], scores[frozenset(range(n))])
    assert found.score == scores[frozenset(found.subset)]
    assert not [
        s for s, a in found.measured.items() if a == found.score and len(s) < len(found.subset)
    ]


async def test_too_many_candidates_are_refused() -> None:
    async def measure(subsets: Sequence[Subset]) -> list[float]:
        return [1.0 if len(subset) == 11 and 0 not in subset else 0.5 for subset in subsets]

    with pytest.raises(UsageError, match=r"11 of 12 points may be removed, and at most 10"):
        await constrained_subset_search(measure, 12)


async def test_subsets_are_measured_by_playing(tmp_path: Path) -> None:
    """Doors 0 and 9 - 1 need none, or more than there are; door 2 any two of the three."""
    game = Game()
    tasks = [Vault().tasks()[door] for door in (0, 2, 8)]
    chosen = await choose_subsets(game.player, tasks, repeats=2)
    assert chosen == {tasks[1].key: [0, 1]}
    file = method(tmp_path, json.dumps(chosen))
    result = await file.play(game.starts(2), game.player)
    assert [e.score for e in result.episodes] == [1.0, 1.0]


async def test_a_subset_whose_episodes_all_broke_stops_the_search() -> None:
    game = Game()

    async def nothing(starts: Sequence[Start]) -> RolloutResult:
        return RolloutResult()

    game.player.play = nothing  # type: ignore[method-assign]
    measure = measure_by_playing(game.player, game.starts(1)[0], HINTS, 2)
    with pytest.raises(Fault, match=r"all 2 episodes of group 0.0.1/0\+1 broke"):
        await measure([frozenset({0, 1})])
