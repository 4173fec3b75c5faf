"""Gymnasium's SyncVectorEnv on the game of `bench core`, with its Text spaces."""

from __future__ import annotations

import json
import random
import string
from typing import Any

import gymnasium
from gymnasium.spaces import Text
from gymnasium.vector import SyncVectorEnv
from rules import GUESSES, MAX_TURNS, PROMPT, Game, steps_per_s


class GuessEnv(gymnasium.Env[str, str]):
    """The game, as Gymnasium has an environment written."""

    def __init__(self) -> None:
        self.action_space = self.observation_space = Text(80, charset=string.printable)
        self.rng = random.Random(0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.game = Game(self.rng)
        return PROMPT, {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        answer, won = self.game.guess(action)
        return answer, float(won), won, not won and self.game.turn >= MAX_TURNS, {}


def rate(count: int) -> float:
    envs = SyncVectorEnv([GuessEnv] * count)  # next-step autoreset is its default
    envs.reset(seed=0)
    actions = [(guess,) * count for guess in GUESSES]

    def steps() -> int:
        for action in actions:
            envs.step(action)
        return count * len(actions)

    return steps_per_s(steps)


def main() -> None:
    print(json.dumps({f"vector_{n}_steps_per_s": rate(n) for n in (1, 1000)}))


main()
