"""One replaced action in a failed attempt, verified by playing on (InT, arXiv 2601.14209)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from envgym.env import Env
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance.base import Guidance, drops, failures, missing_loss
from envgym.trainers.plugin import register
from envgym.trajectory import Episode, Span, Turn


@register("intervention")
class Intervention(Guidance):
    """All fail: a_t* replaces the first wrong action; loss -log π(a_t* | x, y_<t*) - log π(y_<t*).

    The environment's oracle plays the task once. The first action at which an attempt departs from
    the oracle's is the wrong one, and the oracle's action there replaces it. The policy plays on
    from the replacement `continuations` times; where one of them scores `min_score`, the attempt's
    own actions before t* and the replacement are a demonstration. Its later turns are context:
    nothing of them is trained. Other continuations are recorded (role ``continuation``) alone.

    In the source the policy, shown a reference solution, names the wrong step and writes the
    replacement; it verifies with 32 continuations, and trains before reinforcement learning.

    Trap: later turns in the loss halve the gain of the reinforcement learning that follows, and
    without the earlier ones the policy never reaches the replacement. A departure may be harmless:
    another way to the goal is then unlearnt. Replacements that end the episode prove nothing and
    are left out.
    """

    asks: ClassVar[frozenset[str]] = frozenset({"oracle"})
    untrained: ClassVar[frozenset[str]] = frozenset({"continuation"})
    max_failed_score: float = Field(
        0.0, ge=0, lt=1, description="Highest raw score that counts as a failure, in [0, 1]."
    )
    min_score: float = Field(
        1.0, gt=0, le=1, description="Lowest raw score of a continuation that proves a replacement."
    )
    continuations: int = Field(
        8, ge=1, description="Number of episodes that the policy plays on from a replacement."
    )
    attempts: int = Field(
        1, ge=1, description="Maximum number of different replacements per failed group."
    )

    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play every start; add demonstrations of failed groups."""
        result = await player.play(starts)
        failed = list(failures(starts, result.episodes, self.max_failed_score))
        if not failed:
            return result
        shown = await player.demonstrate([s[0].again(role="demonstration") for s, _ in failed])
        experts = {e.group: e for e in shown.episodes if e.score >= self.min_score}
        proposed: dict[str, tuple[Episode, int]] = {}
        again: list[Start] = []
        for members, attempts in failed:
            if members[0].group in experts:
                expert = experts[members[0].group]
                for attempt, turn in self._departures(attempts, expert)[: self.attempts]:
                    [start] = [start for start in members if start.id == attempt.id]
                    played_on = self._continue(start, attempt, turn, expert)
                    proposed |= {start.id: (attempt, turn) for start in played_on}
                    again += played_on
        played = await player.play(again) if again else RolloutResult()
        kept: set[str] = set()
        for episode in played.episodes:
            attempt, turn = proposed[episode.id]
            proven = episode.score >= self.min_score and len(episode.turns) > turn + 1
            if proven and attempt.id not in kept:
                kept.add(attempt.id)
                show(episode, attempt, turn)
        result.add(played)
        result.count("guidance/replacements", len(again) / self.continuations)
        result.count("guidance/replacements_proven", len(kept))
        return result

    def check_env(self, env: Env[Any]) -> None:
        """Check that the environment has an oracle, and more than one turn.

        Raises:
            UsageError: It lacks one of them.
        """
        super().check_env(env)
        if env.max_turns == 1:
            raise UsageError(
                f"guidance {self.name!r} lets the policy play on after a replaced action, and "
                f"{env.spec.id} has a single turn: raise its max_turns, or take guidance 'relift'"
            )

    def conflict(self, config: Any) -> str | None:
        """Report that no loss imitates the demonstrations, or that dynamic sampling drops them."""
        return missing_loss(config, "demonstration", "add {name: sft} to losses") or drops(config)

    def _departures(
        self, attempts: Sequence[Episode], expert: Episode
    ) -> list[tuple[Episode, int]]:
        """Attempts with the index of their first turn unlike the oracle's, latest departure first.

        Attempts that are equal up to there count once.
        """
        found: dict[tuple[object, ...], tuple[Episode, int]] = {}
        right = [_done(turn.taken) for turn in expert.turns]
        for attempt in attempts:
            if len(attempt.trajectories) > 1:
                continue
            did = [_done(turn.taken) for turn in attempt.turns]
            pairs = zip(did, right, strict=False)
            turn = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
            if turn is not None:
                found.setdefault(tuple(map(repr, did[:turn])), (attempt, turn))
        return sorted(found.values(), key=lambda pair: -pair[1])

    def _continue(self, start: Start, attempt: Episode, turn: int, expert: Episode) -> list[Start]:
        """Starts that play on after the oracle's action in place of the attempt's."""
        kept = [t.taken or Action() for t in attempt.turns[:turn]]
        given = (*kept, expert.turns[turn].taken or Action())
        return [
            replace(
                start,
                prefix_actions=given,
                role="continuation",
                guided_by=self.name,
                attempt=number,
            )
            for number in range(1, self.continuations + 1)
        ]


def show(episode: Episode, attempt: Episode, turn: int) -> None:
    """Make a continuation the demonstration of an attempt's actions before `turn`, and of its own.

    Up to there the tokens are the attempt's, as sampled; the action in `turn` is trained, and later
    actions become context.
    """
    episode.role = "demonstration"
    turns = episode.turns
    for index, own in enumerate(attempt.turns[:turn]):
        turns[index] = replace(own, advantages=[])
    given = turns[turn]
    turns[turn] = replace(
        attempt.turns[turn],
        action=[i for span in given.context if span.kind == "prefix" for i in span.ids],
        logprobs=[],
        versions=[],
        reward=given.reward,
        text=given.text,
        taken=given.taken,
        advantages=[],
        cut=False,
    )
    for index in range(turn + 1, len(turns)):
        turns[index] = _given(turns[index])


def _given(turn: Turn) -> Turn:
    """A turn whose action is context."""
    context = [*turn.context, Span("prefix", turn.action)]
    return replace(turn, context=context, action=[], logprobs=[], versions=[], advantages=[])


def _done(action: Action | None) -> object:
    """The part of an action that an environment acts on: calls with arguments, or else the text."""
    if action is None:
        return None
    calls = [(call.name, call.arguments) for call in action.tool_calls]
    return calls or action.content.strip()
