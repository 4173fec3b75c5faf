"""Starts from the beginning of a recorded success (PrefixRL, arXiv 2601.18795)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from pydantic import Field, PrivateAttr

from envgym.env import Env
from envgym.rollout.runner import RolloutResult, Start
from envgym.store.message_rows import action_of, action_row
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance.base import (
    Guidance,
    check_defined,
    demonstrated,
    failures,
    missing_loss,
)
from envgym.trainers.plugin import register
from envgym.trajectory import POLICY, Episode


@register("prefix_rl")
class PrefixRl(Guidance):
    """All fail: y_i ~ π(· | x, p), p the first share u ~ U[0.4, 0.8] of a success at x, on-policy.

    The policy's own successes are kept by task, the newest of each; with ``oracle`` the
    environment's oracle plays the first one of a task that the policy never solved. A failed group
    whose task has one is played again from ``cuts`` prefixes of it, each a group of its own (role
    ``prefixed``): whole actions step the environment, and the rest begins the next action. Prefix
    tokens are context: they stay in view and carry no gradient. A task's cuts are drawn once.

    The source draws its one success a task from the base model before training, and plays prefixed
    and plain starts 3 to 1 throughout; here successes come from the run, and cost nothing, or from
    the oracle.

    Trap: the prefix continues the assistant's own turn, and is no quoted text of a user. A group
    shares its task *and* its cut. Plain groups stay in the mix, as they do here.
    """

    low: float = Field(0.4, gt=0, lt=1, description="Least share of a success's tokens to give.")
    high: float = Field(0.8, gt=0, lt=1, description="Largest share of a success's tokens to give.")
    oracle: bool = Field(
        False,
        description="Whether the environment's oracle plays the success of a failed task that has "
        "none.",
    )
    cuts: int = Field(1, ge=1, description="Number of prefixed groups per failed group.")
    capacity: int = Field(4096, ge=1, description="Maximum number of tasks with a kept success.")
    max_failed_score: float = Field(
        0.0, ge=0, lt=1, description="Highest raw score that counts as a failure, in [0, 1]."
    )
    min_score: float = Field(1.0, gt=0, le=1, description="Lowest raw score of a kept success.")
    _successes: dict[str, dict[str, Any]] = PrivateAttr(default_factory=dict)

    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play every start, and failed groups from prefixes of earlier successes."""
        result = await player.play(starts)
        if self.oracle:
            await self._demonstrate(starts, result, player)
        again = []
        for members, attempts in failures(starts, result.episodes, self.max_failed_score):
            key = attempts[0].task.key
            if key in self._successes:
                prefixes = [self._prefix(key, number) for number in range(self.cuts)]
                for start in members:
                    for number, prefix in enumerate(prefixes, 1):
                        start = start.again(
                            role="prefixed", guided_by=f"{self.name}:{number}", **prefix
                        )
                        again.append(start)
        for episode in result.episodes:
            self._keep(episode)
        if again:
            result.add(await player.play(again))
        return result

    def conflict(self, config: Any) -> str | None:
        """Report bounds out of order, or that no loss trains prefixed episodes."""
        if self.low > self.high:
            return f"low {self.low:g} is above high {self.high:g}: set low to {self.high:g} or less"
        return missing_loss(config, "prefixed", "add prefixed to the roles of one of losses")

    def check_env(self, env: Env[Any]) -> None:
        """Check that the environment has the oracle that the recipe asks for."""
        super().check_env(env)
        if self.oracle:
            check_defined(env, "oracle", self.name)

    async def _demonstrate(
        self, starts: Sequence[Start], result: RolloutResult, player: Player
    ) -> None:
        """Keep the oracle's successes at failed tasks that have none."""
        missing = [
            members[0]
            for members, attempts in failures(starts, result.episodes, self.max_failed_score)
            if attempts[0].task.key not in self._successes
        ]
        if missing:
            for episode in await demonstrated(player, missing, result):
                self._keep(episode)

    def state(self) -> dict[str, Any]:
        """The kept successes."""
        return {"successes": self._successes}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the kept successes."""
        self._successes = dict(state["successes"])

    def _prefix(self, key: str, number: int) -> dict[str, Any]:
        """Fields of a start with the beginning of a task's success."""
        success = self._successes[key]
        share = random.Random(f"{key}:{number}").uniform(self.low, self.high)
        left = max(1, int(share * sum(len(turn["ids"]) for turn in success["turns"])))
        actions = []
        for turn in success["turns"]:
            if len(turn["ids"]) > left:
                break
            actions.append(action_of(turn["action"]))
            left -= len(turn["ids"])
        return {
            "seed": success["seed"],
            "prefix_actions": tuple(actions),
            "prefix": tuple(success["turns"][len(actions)]["ids"][:left]),
        }

    def _keep(self, episode: Episode) -> None:
        """Keep a success that the policy played alone."""
        turns = [
            {"action": action_row(turn.taken), "ids": turn.action}
            for turn in episode.turns
            if turn.taken is not None
        ]
        alone = episode.role == POLICY and len(episode.trajectories) == 1
        whole = len(turns) == len(episode.turns) and episode.trajectory.action_tokens > 1
        if episode.score >= self.min_score and alone and whole:
            self._successes.pop(episode.task.key, None)
            self._successes[episode.task.key] = {"seed": episode.seed, "turns": turns}
            if len(self._successes) > self.capacity:
                self._successes.pop(next(iter(self._successes)))
