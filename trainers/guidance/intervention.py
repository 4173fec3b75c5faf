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
from envgym.trainers.guidance.base import (
    Guidance,
    drops,
    failures,
    missing_judge,
    missing_loss,
)
from envgym.trainers.guidance.proposals import Failed, Proposal, of_agent, of_oracle
from envgym.trainers.plugin import register
from envgym.trajectory import Episode, Span, Turn

POLICY_ITSELF = "policy"
"""Name of a judge: the policy in training."""


@register("intervention")
class Intervention(Guidance):
    """All fail: a replaces action t*; loss -log π(a | x, y_<t*) - log π(y_<t* | x), no more.

    The environment's oracle plays the task once: t* is the first action that departs from its own,
    which replaces it. Or a `judge` reads the attempt and the hints, and names both. The policy
    plays on from the replacement `continuations` times; where one of them scores `min_score`, the
    attempt's own actions before t* and the replacement are a demonstration. Its later turns are
    context: nothing of them is trained. Other continuations are recorded (role ``continuation``)
    and not trained on.

    In the source the policy itself proposes, with a reference solution in view, and verifies with
    32 continuations, before reinforcement learning: ``judge: policy`` does so here.

    Trap: later turns in the loss halve the gain of the reinforcement learning that follows, and
    without the earlier ones the policy never reaches the replacement. A departure from the oracle
    may be harmless: another way to the goal is then unlearnt. Replacements that end the episode
    prove nothing and are left out.
    """

    asks: ClassVar[frozenset[str]] = frozenset({"oracle"})
    untrained: ClassVar[frozenset[str]] = frozenset({"continuation"})
    judge: str | None = Field(
        None,
        description="Name of the judge that proposes replacements, or 'policy' for the policy "
        "itself; null takes the environment's oracle.",
    )
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
        1, ge=1, description="Maximum number of attempts per failed group that get a replacement."
    )
    max_chars: int = Field(
        8000, ge=100, description="Maximum length of the attempt shown to the judge, characters."
    )

    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play every start; add demonstrations of failed groups."""
        result = await player.play(starts)
        failed = list(failures(starts, result.episodes, self.max_failed_score))
        if not failed:
            return result
        by_id = {start.id: start for start in starts}
        proposed: dict[str, Proposal] = {}
        again: list[Start] = []
        proposals = await self._propose(failed, player, result)
        for proposal in proposals:
            following = self._continuations(by_id[proposal.attempt.id], proposal)
            proposed |= {start.id: proposal for start in following}
            again += following
        played = await player.play(again) if again else RolloutResult()
        kept: set[str] = set()
        for episode in played.episodes:
            proposal = proposed[episode.id]
            went_on = len(episode.turns) > proposal.turn + 1
            new = proposal.attempt.id not in kept
            if episode.score >= self.min_score and went_on and new:
                kept.add(proposal.attempt.id)
                make_demonstration(episode, proposal)
        result.add(played)
        result.count("guidance/replacements", len(proposals))
        result.count("guidance/replacements_proven", len(kept))
        return result

    def check_env(self, env: Env[Any]) -> None:
        """Check that the environment has more than one turn, and an oracle where that proposes.

        Raises:
            UsageError: It lacks one of them.
        """
        if self.judge is None:
            super().check_env(env)
        if env.max_turns == 1:
            raise UsageError(
                f"guidance {self.name!r} lets the policy play on after a replaced action, and "
                f"{env.spec.id} has a single turn: raise its max_turns, or take guidance 'relift'"
            )

    def conflict(self, config: Any) -> str | None:
        """Report an unknown judge, a missing loss, or dynamic sampling, which drops them."""
        if self.judge not in (None, POLICY_ITSELF) and (
            missing := missing_judge(config, str(self.judge))
        ):
            return missing
        return missing_loss(config, "demonstration", "add {name: sft} to losses") or drops(config)

    async def _propose(
        self, failed: Failed, player: Player, result: RolloutResult
    ) -> list[Proposal]:
        if self.judge is None:
            return await of_oracle(failed, player, result, self.min_score, self.attempts)
        agent = player.policy if self.judge == POLICY_ITSELF else player.judge(self.judge)
        return await of_agent(agent, self.name, failed, player, self.max_chars, self.attempts)

    def _continuations(self, start: Start, proposal: Proposal) -> list[Start]:
        """Starts that play on after the proposed action."""
        kept = [turn.taken or Action() for turn in proposal.attempt.turns[: proposal.turn]]
        given = (*kept, proposal.action)
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


def make_demonstration(episode: Episode, proposal: Proposal) -> None:
    """Make a continuation a demonstration of the attempt's actions before the replaced one, and it.

    Up to there the tokens are the attempt's, as sampled. The given action is trained, and later
    actions become context.
    """
    episode.role = "demonstration"
    turns, own, last = episode.turns, proposal.attempt.turns, proposal.turn
    turns[:last] = [replace(turn, advantages=[]) for turn in own[:last]]
    given = turns[last]
    written = [i for span in given.context if span.kind == "prefix" for i in span.ids]
    turns[last] = replace(given, context=own[last].context, action=written)
    turns[last + 1 :] = [_as_context(turn) for turn in turns[last + 1 :]]


def _as_context(turn: Turn) -> Turn:
    """A turn whose action is context."""
    context = [*turn.context, Span("prefix", turn.action)]
    return replace(turn, context=context, action=[], logprobs=[], versions=[], advantages=[])
