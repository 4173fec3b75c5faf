"""Run all checks on an environment.

report = await check_id("search/wiki-v1", size=200)
print(report)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from envgym.checker.checks import (
    cancellation,
    contract,
    determinism,
    hidden_data,
    hints,
    isolation,
    leaks,
    lifecycle,
    malformed,
    message_reading,
    near_misses,
    replayability,
    scoring,
    tasks,
    timing,
)
from envgym.checker.report import Finding, Problem, Report
from envgym.checker.target import Target
from envgym.env import Env
from envgym.errors import UsageError
from envgym.registry import make

_MOST = 8
"""Problems that one check reports."""

Check = Callable[[Target], AsyncIterator[Problem]]

CHECKS: tuple[Check, ...] = (
    tasks.tasks_are_repeatable,
    tasks.tasks_are_json,
    tasks.splits_are_disjoint,
    scoring.oracle_scores_one,
    scoring.nothing_scores_zero,
    near_misses.near_misses_fail,
    scoring.results_are_well_formed,
    contract.observations_are_messages,
    contract.actions_are_in_the_space,
    contract.tools_and_turns_are_kept,
    malformed.malformed_actions_never_crash,
    message_reading.thoughts_are_not_acted_on,
    message_reading.arguments_are_not_dropped,
    determinism.same_seed_same_episode,
    determinism.same_seed_same_episode_on_reuse,
    isolation.same_seed_same_episode_in_company,
    determinism.seeds_are_used,
    determinism.global_random_is_left_alone,
    replayability.record_replays_the_same,
    contract.gymnasium_plays_the_same,
    lifecycle.close_twice,
    lifecycle.wrong_order_is_refused,
    cancellation.cancellation_is_passed_on,
    cancellation.cancelled_step_is_survived,
    timing.deadlines_are_set,
    timing.deadlines_are_kept,
    timing.loop_is_never_blocked,
    leaks.nothing_is_left_open,
    hidden_data.hidden_stays_hidden,
    hidden_data.hints_do_not_tell,
    hints.hints_are_graded,
    hints.hints_are_repeatable,
    hints.hints_survive_any_attempt,
)

_SAME = "same_seed_same_episode"
RESTS_ON: dict[str, tuple[str, ...]] = {
    "thoughts_are_not_acted_on": ("actions_are_in_the_space",),
    "same_seed_same_episode_on_reuse": (_SAME,),
    "same_seed_same_episode_in_company": (_SAME,),
    "seeds_are_used": (_SAME,),
    "record_replays_the_same": (_SAME, "tasks_are_json", "actions_are_in_the_space"),
    "gymnasium_plays_the_same": (_SAME, "actions_are_in_the_space"),
    "hints_are_graded": ("tools_and_turns_are_kept",),
    "hints_are_repeatable": (_SAME, "tools_and_turns_are_kept", "record_replays_the_same"),
    "cancelled_step_is_survived": (_SAME, "cancellation_is_passed_on", "nothing_is_left_open"),
}
"""Checks that a check builds on: where one of these fails, it is not run."""


class Examination:
    """The checks of one environment, each run at most once.

    Args:
        make: Makes an instance; called many times.
        episodes: Number of tasks per split, and of seeds, that each check uses.
        company: Number of live instances of other seeds in the isolation check.
    """

    def __init__(
        self, make: Callable[[], Env[Any]], *, episodes: int = 4, company: int = 1000
    ) -> None:
        self._target = Target(make, episodes, company)
        self._held_open: Env[Any] | None = None
        self._found: dict[str, list[Finding]] = {}

    async def __aenter__(self) -> Examination:
        self._held_open = self._target.make()  # keeps shared resources open between checks
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._held_open is not None
        await self._held_open.close()

    @property
    def env(self) -> str:
        """The environment's id."""
        assert self._held_open is not None
        return self._held_open.spec.id

    async def findings(self, check: Check) -> list[Finding]:
        """Run a check and return its findings, or the one finding that it passed or was not run."""
        name = check.__name__
        if name not in self._found:
            self._found[name] = await self._run(name, check)
        return self._found[name]

    async def _run(self, name: str, check: Check) -> list[Finding]:
        for base in (c for c in CHECKS if c.__name__ in RESTS_ON.get(name, ())):
            if not all(finding.ok for finding in await self.findings(base)):
                return [Finding(name, ok=False, rests_on=base.__name__)]
        problems = await _problems(check, self._target)
        return [Finding(name, False, *problem) for problem in problems] or [Finding(name, True)]


async def check(
    make: Callable[[], Env[Any]],
    *,
    episodes: int = 4,
    company: int = 1000,
    checks: Sequence[Check] = CHECKS,
    on_check: Callable[[int], object] | None = None,
) -> Report:
    """Run the checks one after the other; an exception in a check becomes a finding.

    Args: as `Examination`'s, and
        on_check: Called with the index of each check that is done (progress).
    """
    async with Examination(make, episodes=episodes, company=company) as examination:
        report = Report(examination.env)
        for index, one in enumerate(checks):
            report.findings += await examination.findings(one)
            if on_check is not None:
                on_check(index)
    return report


async def check_id(id: str, *, episodes: int = 4, company: int = 1000, **kwargs: Any) -> Report:
    """Run `check` on a registered environment, made with `kwargs`."""
    return await check(lambda: make(id, **kwargs), episodes=episodes, company=company)


async def _problems(one: Check, target: Target) -> list[Problem]:
    problems: list[Problem] = []
    try:
        async for problem in one(target):
            problems.append(problem)
            if len(problems) == _MOST:  # the same mistake, most likely, once for each task
                break
    except UsageError as error:  # the message names the fix
        problems.append(Problem(str(error), "do what the message says"))
    except Exception as error:
        problems.append(
            Problem(
                f"{type(error).__name__}: {error}",
                "an episode must not raise: fix the environment where it does",
            )
        )
    return problems
