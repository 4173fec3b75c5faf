"""Proposals of the first wrong action of a failed attempt, and of the action to take instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from envgym.agent import Agent
from envgym.messages import Action, system, user
from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance.attempt_text import numbered_text, task_text
from envgym.trainers.guidance.base import demonstrated
from envgym.trajectory import Episode

Failed = Sequence[tuple[list[Start], list[Episode]]]
"""Starts and attempts of each failed group."""

ASK = (
    "An agent failed a task. Read its actions in order and find the first wrong one. Write a line "
    "`Step: N` with its number, then the single action to take in its place, in the form in which "
    "the agent writes actions, between <intervention> and </intervention>."
)
_STEP = re.compile(r"step\s{0,8}:\s{0,8}(\d{1,6})", re.IGNORECASE)
_OPEN, _CLOSE = "<intervention>", "</intervention>"


@dataclass(frozen=True)
class Proposal:
    """An action to take in place of an attempt's in a turn, counted from 0."""

    attempt: Episode
    turn: int
    action: Action


async def of_oracle(
    failed: Failed, player: Player, result: RolloutResult, min_score: float, most: int
) -> list[Proposal]:
    """Propose the oracle's action where an attempt first departs from the oracle's actions.

    Per group at most `most`, the latest departures first; attempts that are equal up to there count
    once. Oracles that score below `min_score` propose nothing; `result` counts those that
    broke.
    """
    shown = await demonstrated(player, [starts[0].again() for starts, _ in failed], result)
    experts = {e.group: e for e in shown if e.score >= min_score}
    found: list[Proposal] = []
    for starts, attempts in failed:
        if starts[0].group in experts:
            departures = _departures(attempts, experts[starts[0].group])
            found += sorted(departures, key=lambda proposal: -proposal.turn)[:most]
    return found


async def of_agent(
    agent: Agent, name: str, failed: Failed, player: Player, max_chars: int, most: int
) -> list[Proposal]:
    """Ask an agent about the first `most` attempts of each group; unreadable answers are left out.

    It reads the task, the environment's hints as a reference, and the attempt, of which it is shown
    at most `max_chars` characters.
    """
    attempts = {
        f"{name}/{attempt.seed}/{attempt.id}": attempt
        for _, members in failed
        for attempt in [e for e in members if len(e.trajectories) == 1][:most]
    }
    questions = {}
    for key, attempt in attempts.items():
        reference = "\n".join(await player.hints(attempt))
        asked = f"The task:\n{task_text(attempt)}\n\n"
        asked += f"How it is solved:\n{reference}\n\n" if reference else ""
        asked += f"The failed attempt:\n{numbered_text(attempt, max_chars)}"
        questions[key] = [system(ASK), user(asked)]
    answers = await player.ask(agent, questions) if questions else {}
    read = ((attempts[key], read_proposal(text)) for key, text in answers.items())
    return [
        Proposal(attempt, *proposed)
        for attempt, proposed in read
        if proposed is not None and proposed[0] < len(attempt.turns)
    ]


def read_proposal(text: str) -> tuple[int, Action] | None:
    """The turn, counted from 0, and the action that an agent's answer names; None for neither."""
    begin = text.find(_OPEN)
    end = text.find(_CLOSE, begin)
    step = _STEP.search(text[: max(begin, 0)])
    if begin < 0 or end < 0 or step is None or int(step[1]) < 1:
        return None
    action = text[begin + len(_OPEN) : end].strip()
    return (int(step[1]) - 1, Action(action)) if action else None


def _departures(attempts: Sequence[Episode], expert: Episode) -> list[Proposal]:
    """The first departure of each attempt of a single seat; equal ones once."""
    found: dict[tuple[str, ...], Proposal] = {}
    right = [_done(turn.taken) for turn in expert.turns]
    for attempt in attempts:
        if len(attempt.trajectories) == 1:
            did = [_done(turn.taken) for turn in attempt.turns]
            pairs = zip(did, right, strict=False)
            turn = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
            if turn is not None:
                action = expert.turns[turn].taken or Action()
                found.setdefault(tuple(did[:turn]), Proposal(attempt, turn, action))
    return list(found.values())


def _done(action: Action | None) -> str:
    """The part of an action that an environment acts on: calls with arguments, or else the text."""
    if action is None:
        return ""
    calls = [(call.name, sorted((call.arguments or {}).items())) for call in action.tool_calls]
    return repr(calls) if calls else action.content.strip()
