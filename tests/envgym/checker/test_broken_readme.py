"""README's example fails no check; broken in one way it fails that check, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from envgym.checker import CHECKS, check
from envgym.checker.run import RESTS_ON
from tests.envgym.checker import breakages as b
from tests.envgym.checker.readme_world import GuessNumber

FEW = {"episodes": 2, "company": 20}
CASES = [
    (b.Unlabelled, "tasks_are_repeatable", "its split is 'train'", "split=split"),
    (b.NoJson, "tasks_are_json", "does not survive JSON", "lists, strings, numbers"),
    (b.Overlapping, "splits_are_disjoint", "is a task of train too", "partition the rows"),
    (b.Lost, "oracle_scores_one", "score 0.0", "fix oracle()"),
    (b.Generous, "nothing_scores_zero", "doing nothing scores 0.1", "partial_score()"),
    (b.Refuted, "near_misses_fail", "near-miss 1 scores 1.0", "fix the verifier"),
    (b.Careless, "near_misses_fail", "do not validate", "a refused call proves nothing"),
    (b.MindReader, "thoughts_are_not_acted_on", "in a reasoning block scores", "action.content"),
    (b.Forgetful, "arguments_are_not_dropped", "rest with an argument", "run_calls, which names"),
    (b.NoNumber, "results_are_well_formed", "reward of step 0 is nan", "finite Python floats"),
    (b.HalfCharacter, "observations_are_messages", "half a character", 'errors="replace"'),
    (b.Unwritable, "actions_are_in_the_space", "are no JSON", "plain JSON values"),
    (b.Growing, "tools_and_turns_are_kept", "max_turns was 8", "in __init__"),
    (b.HalfDeaf, "malformed_actions_never_crash", "50 calls with ids", "run_calls"),
    (b.Clockwork, "same_seed_same_episode", "first observations differ", "self.rng"),
    (b.Stale, "same_seed_same_episode_on_reuse", "You said: [50", "in start()"),
    (b.Communal, "same_seed_same_episode_in_company", "among 20 others", "belongs to self"),
    (b.SeedDropped, "seeds_are_used", "16 seeds all begin the same", "hand the seed on"),
    (b.Reseeding, "global_random_is_left_alone", "state of the module random", "self.rng"),
    (b.SideTable, "record_replays_the_same", "'SideTable' object has no", "from self.task"),
    (b.Chatty, "gymnasium_plays_the_same", "Do not talk", "on the calls alone"),
    (b.ClosedOnce, "close_twice", "closed already", "override close()"),
    (b.Obliging, "wrong_order_is_refused", "a step after the end is accepted", "override step()"),
    (b.Stubborn, "cancellation_is_passed_on", "goes on and returns a result", "never BaseExc"),
    (b.Busy, "cancelled_step_is_survived", "begins another episode", "undo in finally"),
    (b.Outlived, "cancelled_step_is_survived", "processes, though", "kill a process's whole group"),
    (b.Timeless, "deadlines_are_set", "deadlines.step is None", "Deadlines(step=60)"),
    (b.Swallowing, "deadlines_are_kept", "the tool guess hangs", "swallow asyncio.Cancelled"),
    (b.Blocking, "loop_is_never_blocked", "(a call of guess) holds", "await what waits"),
    (b.LeftTask, "nothing_is_left_open", "asyncio tasks", "cancel in stop()"),
    (b.LeftThread, "nothing_is_left_open", "threads", "join in stop()"),
    (b.LeftProcess, "nothing_is_left_open", "processes", "process group"),
    (b.LeftFile, "nothing_is_left_open", "file descriptors", "close files"),
    (b.Debugging, "hidden_stays_hidden", "shows \"{'number':", "task.data"),
    (b.GivenAway, "hidden_stays_hidden", "task.hidden['number'], and no other's", "task.data"),
    (b.Telling, "hints_do_not_tell", "tell its own task.hidden['number']", "how to find it"),
    (b.Repeating, "hints_are_graded", "hold one twice", "leave the repeated one out"),
    (b.Remembering, "hints_are_repeatable", "differ in another instance", "self.task"),
    (b.Trusting, "hints_survive_any_attempt", "without a trajectory", "for granted"),
]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    for cls in (b.LeftTask, b.LeftThread, b.LeftProcess, b.LeftFile, b.Outlived):
        cls.clean_up()


async def test_readmes_example_is_sound() -> None:
    report = await check(GuessNumber)
    assert report.ok, str(report)


def test_every_check_has_a_breakage() -> None:
    assert {name for _, name, _, _ in CASES} == {c.__name__ for c in CHECKS}


@pytest.mark.parametrize(
    ("env", "name", "said", "fix"), CASES, ids=[f"{e.__name__}-{n}" for e, n, _, _ in CASES]
)
async def test_one_breakage_fails_its_own_check_alone(
    env: Any, name: str, said: str, fix: str
) -> None:
    report = await check(env, **FEW)
    assert {finding.check for finding in report.failures} == {name}, str(report)
    assert any(said in f.message for f in report.failures), str(report)
    assert any(fix in f.fix for f in report.failures), str(report)
    left_out = {finding.check for finding in report.findings if finding.rests_on}
    assert left_out <= set(RESTS_ON)


async def test_a_copy_broken_throughout_fails_ten_checks_each_with_its_fix() -> None:
    class Broken(
        b.Unlabelled,
        b.Overlapping,
        b.Generous,
        b.NoNumber,
        b.HalfCharacter,
        b.HalfDeaf,
        b.Growing,
        b.Stubborn,
        b.Reseeding,
        b.ClosedOnce,
        b.Timeless,
        b.Debugging,
        b.Telling,
        b.Clockwork,
    ):
        pass

    report = await check(Broken, **FEW)
    failed = {finding.check for finding in report.failures}
    assert failed >= {
        "tasks_are_repeatable",
        "splits_are_disjoint",
        "nothing_scores_zero",
        "results_are_well_formed",
        "observations_are_messages",
        "malformed_actions_never_crash",
        "tools_and_turns_are_kept",
        "same_seed_same_episode",
        "global_random_is_left_alone",
        "close_twice",
        "cancellation_is_passed_on",
        "deadlines_are_set",
        "hidden_stays_hidden",
        "hints_do_not_tell",
    }
    assert all(finding.message and finding.fix for finding in report.failures)
    text = str(report)
    assert "same_seed_same_episode_in_company: not run, it rests on same_seed_same_episode" in text
