"""TextArena on the game of `bench core`: it has no vector environment, so a loop over many."""

from __future__ import annotations

import json
import random
from typing import Any

import textarena as ta
from rules import GUESSES, MAX_TURNS, PROMPT, Game, steps_per_s


class GuessEnv(ta.Env):
    """The game, as TextArena has an environment written."""

    def reset(self, num_players: int, seed: int | None = None) -> None:
        self.state = ta.SinglePlayerState(num_players, seed=seed, max_turns=MAX_TURNS)
        self.game = Game(random.Random())
        self.state.reset(player_prompt_function=lambda **_: PROMPT)

    def step(self, action: str) -> tuple[bool, dict[str, Any]]:
        kinds = ta.ObservationType
        self.state.add_observation(
            from_id=0, to_id=-1, message=action, observation_type=kinds.PLAYER_ACTION
        )
        answer, won = self.game.guess(action)
        self.state.add_observation(message=answer, observation_type=kinds.GAME_MESSAGE)
        if won or self.game.turn >= MAX_TURNS:
            self.state.set_outcome(reward=float(won), reason=answer)
        return self.state.step()


def rate(count: int) -> float:
    envs = [GuessEnv() for _ in range(count)]
    for env in envs:
        env.reset(num_players=1)

    def steps() -> int:
        for guess in GUESSES:
            for env in envs:
                env.get_observation()
                done, _ = env.step(guess)
                if done:
                    env.close()
                    env.reset(num_players=1)
        return count * len(GUESSES)

    return steps_per_s(steps)


def main() -> None:
    alone, many = rate(1), rate(1000)
    print(
        json.dumps(
            {
                "env_1_steps_per_s": alone,
                "concurrent_1000_steps_per_s": many,
            }
        )
    )


main()
