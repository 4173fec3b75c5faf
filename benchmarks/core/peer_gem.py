"""GEM's vector environments (gem-llm) on the game of `bench core`.

`async` steps its environments in a pool of as many threads, so that those that wait wait together;
`sync` steps them one after another. Both step again where an episode has ended (next-step
autoreset), as ours.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

from gem.core import Env
from gem.vector.async_vector_env import AsyncVectorEnv
from gem.vector.sync_vector_env import SyncVectorEnv
from gem.vector.vector_env import AutoresetMode
from rules import GUESSES, MAX_TURNS, PROMPT, Game, steps_per_s


class GuessEnv(Env):
    """The game, as GEM has an environment written."""

    def __init__(self) -> None:
        self.rng = random.Random(0)

    def reset(self, seed: int | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed)
        self.game = Game(self.rng)
        return PROMPT, {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        answer, won = self.game.guess(action)
        return answer, float(won), won, not won and self.game.turn >= MAX_TURNS, {}


class SleepEnv(GuessEnv):
    """Each step waits a second, as a slow tool does."""

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        time.sleep(1.0)
        return super().step(action)


def vector(kind: Any, env: Any, count: int) -> Any:
    made = kind(["guess"] * count, [env] * count, autoreset_mode=AutoresetMode.NEXT_STEP)
    made.reset(seed=0)
    return made


def rate(kind: Any, count: int) -> float:
    envs = vector(kind, GuessEnv, count)
    actions = [[guess] * count for guess in GUESSES]

    def steps() -> int:
        for action in actions:
            envs.step(action)
        return count * len(actions)

    return steps_per_s(steps)


def main() -> None:
    kind = {"async": AsyncVectorEnv, "sync": SyncVectorEnv}[sys.argv[1]]
    figures = {f"vector_{n}_steps_per_s": rate(kind, n) for n in (1, 1000)}
    if kind is AsyncVectorEnv:  # one after another, a thousand seconds
        envs = vector(kind, SleepEnv, 1000)
        began = time.perf_counter()
        envs.step([GUESSES[0]] * 1000)
        figures["sleep_1000_s"] = time.perf_counter() - began
    else:
        env = GuessEnv()

        def steps() -> int:
            env.reset()
            for turn in range(MAX_TURNS):
                *_, terminated, truncated, _ = env.step(GUESSES[turn % len(GUESSES)])
                if terminated or truncated:
                    break
            return turn + 1

        figures["env_1_steps_per_s"] = steps_per_s(steps)
    print(json.dumps(figures))


main()
