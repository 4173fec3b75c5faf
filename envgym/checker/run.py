"""Runs every check on an environment.

report = await check_id("search/wiki-v1", size=200)
print(report)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from envgym.checker import determinism, lifecycle, malformed, scoring, secrets, tasks
from envgym.checker.report import Finding, Problem, Report
from envgym.checker.subject import Subject
from envgym.env import Env
from envgym.errors import UsageError
from envgym.registry import make

Check = Callable[[Subject], AsyncIterator[Problem]]

CHECKS: tuple[Check, ...] = (
    tasks.tasks_are_repeatable,
    tasks.tasks_are_json,
    tasks.splits_are_disjoint,
    scoring.oracle_scores_one,
    scoring.nothing_scores_zero,
    scoring.results_are_well_formed,
    malformed.malformed_actions_never_crash,
    determinism.same_seed_same_episode,
    determinism.same_seed_same_episode_in_company,
    determinism.same_seed_same_episode_on_reuse,
    lifecycle.close_twice,
    lifecycle.wrong_order_is_refused,
    lifecycle.cancelled_step_is_survived,
    lifecycle.nothing_is_left_open,
    secrets.hidden_stays_hidden,
    secrets.hints_do_not_tell,
)


async def check(
    make: Callable[[], Env[Any]], *, episodes: int = 4, checks: Sequence[Check] = CHECKS
) -> Report:
    """Run the checks, one after the other; what a check raises is a finding too.

    Args:
        make: Makes an instance; called many times.
        episodes: Tasks of each split, and seeds, that a check looks at.
    """
    subject = Subject(make, episodes)
    async with make() as keeper:  # what instances share stays open from check to check
        report = Report(keeper.spec.id)
        for one in checks:
            name = one.__name__
            problems = await _problems(one, subject)
            if not problems:
                report.findings.append(Finding(name, ok=True))
            report.findings += [Finding(name, False, p.message, p.mend) for p in problems]
    return report


async def check_id(id: str, *, episodes: int = 4, **kwargs: Any) -> Report:
    """`check` of a registered environment, made with `kwargs`."""
    return await check(lambda: make(id, **kwargs), episodes=episodes)


async def _problems(one: Check, subject: Subject) -> list[Problem]:
    problems: list[Problem] = []
    try:
        async for problem in one(subject):
            problems.append(problem)
    except UsageError as error:  # says its mend itself
        problems.append(Problem(str(error), "do what the message says"))
    except Exception as error:
        problems.append(
            Problem(
                f"{type(error).__name__}: {error}",
                "an episode must not raise: mend the environment where it does",
            )
        )
    return problems
