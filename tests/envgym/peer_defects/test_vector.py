"""Vector environments that lose what matters when an episode ends."""

from __future__ import annotations

import inspect

import pytest
from gymnasium.vector import AutoresetMode

from envgym.messages import Action
from envgym.vector.vector_env import VectorEnv, make_vec
from tests.envgym.worlds import Guess, right, wrong


async def test_the_last_observation_of_an_episode_is_kept() -> None:
    # Measured in GEM: SAME_STEP writes the next episode's first observation over the last one.
    async with VectorEnv([Guess(), Guess()], "same_step") as vec:
        await vec.reset(seed=0)
        observations, _, terminations, _, infos = await vec.step(
            [right(vec.envs[0]), wrong(vec.envs[1])]
        )
    assert terminations.tolist() == [True, False]
    assert infos["final_obs"][0].text == "Right."
    assert infos["final_info"][0]["score"] == 1.0
    assert observations[0].text.startswith("Guess my number")


async def test_the_mode_is_the_one_that_is_documented() -> None:
    # GEM's docstring says that NEXT_STEP is the default; its code's is SAME_STEP.
    default = inspect.signature(make_vec).parameters["autoreset"].default
    assert default == "next_step"
    assert "``next_step`` (the next step resets" in (inspect.getdoc(make_vec) or "")
    vec = VectorEnv([Guess()])
    assert vec.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    await vec.close()


async def test_no_reward_crosses_the_border_of_two_episodes() -> None:
    # Gymnasium 1103, 1265, cleanrl 499: loops credited the reset step's action, or bootstrapped
    # across it. Here the step that resets gives 0 and applies no action.
    async with VectorEnv([Guess()]) as vec:
        await vec.reset(seed=0)
        _, rewards, terminations, _, _ = await vec.step([right(vec.envs[0])])
        assert (rewards[0], terminations[0]) == (1.0, True)
        _, rewards, terminations, _, infos = await vec.step([right(vec.envs[0])])
        assert (rewards[0], terminations[0], infos["turn"][0]) == (0.0, False, 0)


async def test_an_end_by_the_rules_is_not_a_cut() -> None:
    # skyrl-gym and OpenEnv have `done` alone: a value target cannot tell an end from a cut.
    async with VectorEnv([Guess(max_turns=1), Guess(max_turns=1)], "disabled") as vec:
        await vec.reset(seed=0)
        _, _, terminations, truncations, _ = await vec.step(
            [right(vec.envs[0]), wrong(vec.envs[1])]
        )
    assert terminations.tolist() == [True, False]
    assert truncations.tolist() == [False, True]


async def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    # GEM's make_vec prints; AgentGym prints at every request.
    async with make_vec("search/wiki-v1", 2, size=60) as vec:
        await vec.reset(seed=0)
        await vec.step([Action.call("search", query="river"), Action.call("serach")])
    assert capfd.readouterr() == ("", "")
