from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from envgym.errors import Fault, UsageError
from envgym.messages import Action
from envgym.vector.vector_env import VectorEnv, make_vec
from tests.envgym.worlds import Guess, right, wrong


def play(vec: VectorEnv, hits: set[int]) -> list[Action]:
    return [right(e) if i in hits else wrong(e) for i, e in enumerate(vec.envs)]


async def test_seeds_and_shapes() -> None:
    vec = VectorEnv([Guess() for _ in range(4)])
    observations, infos = await vec.reset(seed=10)
    for i, observation in enumerate(observations):
        alone, _ = await Guess().reset(seed=10 + i)
        assert observation == alone
    assert infos["score"].tolist() == [0.0] * 4
    assert infos["turn"].dtype == np.int64
    listed, _ = await vec.reset(seed=[13, None, 11, 10])
    assert (listed[0], listed[2], listed[3]) == (observations[3], observations[1], observations[0])
    observations, rewards, terminations, truncations, infos = await vec.step(play(vec, {2}))
    assert rewards.dtype == np.float64
    assert rewards.tolist() == [-0.125, -0.125, 1.0, -0.125]
    assert terminations.tolist() == [False, False, True, False]
    assert (terminations.dtype, truncations.any()) == (np.bool_, np.False_)
    assert infos["_stop_reason"].tolist() == [False, False, True, False]
    assert infos["stop_reason"][0] is None
    assert infos["metrics"][1] == {"tool_calls": 1.0, "tool_errors": 0.0}
    await vec.close()
    await vec.close()


async def test_next_step_resets_one_step_later() -> None:
    async with VectorEnv([Guess() for _ in range(2)], "next_step") as vec:
        assert vec.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
        await vec.reset(seed=0)
        observations, _, terminations, _, _ = await vec.step(play(vec, {0}))
        assert (observations[0].text, terminations.tolist()) == ("Right.", [True, False])
        observations, rewards, terminations, _, infos = await vec.step(play(vec, {0}))
        assert observations[0].text.startswith("Guess my number")
        assert (rewards.tolist(), terminations.any()) == ([0.0, -0.125], np.False_)
        assert infos["turn"].tolist() == [0, 2]
        _, rewards, _, _, _ = await vec.step(play(vec, {0}))
        assert rewards[0] == 1.0


async def test_same_step_keeps_the_last_observation_and_info() -> None:
    async with VectorEnv([Guess(max_turns=2) for _ in range(2)], "same_step") as vec:
        await vec.reset(seed=0)
        observations, rewards, terminations, _, infos = await vec.step(play(vec, {1}))
        assert (rewards[1], terminations[1]) == (1.0, True)
        assert observations[1].text.startswith("Guess my number")
        assert infos["final_obs"][1].text == "Right."
        assert infos["final_info"][1]["score"] == 1.0
        assert infos["_final_obs"].tolist() == infos["_final_info"].tolist() == [False, True]
        assert infos["score"].tolist() == [0.0, 0.0]
        _, _, _, truncations, infos = await vec.step(play(vec, set()))
        assert truncations.tolist() == [True, False]
        assert infos["_final_obs"].tolist() == [True, False]
        *_, infos = await vec.step(play(vec, set()))
        assert infos["_final_obs"].tolist() == [False, True]


async def test_disabled_leaves_it_to_the_caller() -> None:
    async with VectorEnv([Guess() for _ in range(3)], "disabled") as vec:
        await vec.reset(seed=0)
        await vec.step(play(vec, {1}))
        with pytest.raises(UsageError, match=r"environment 1 of 3: .*over"):
            await vec.step(play(vec, set()))
        mask = np.array([False, True, False])
        observations, infos = await vec.reset(options={"reset_mask": mask})
        assert observations[1].text.startswith("Guess my number")
        assert observations[0].text == "Higher."
        assert infos["_score"].tolist() == mask.tolist()
        *_, infos = await vec.step(play(vec, set()))
        assert infos["turn"].tolist() == [3, 1, 3]
        for bad in ([True], np.ones(3)):
            with pytest.raises(UsageError, match="3 booleans"):
                await vec.reset(options={"reset_mask": bad})


async def test_options_reach_every_environment() -> None:
    async with VectorEnv([Guess() for _ in range(2)]) as vec:
        await vec.reset(seed=0, options={"index": 4})
        assert [e.task for e in vec.envs] == [vec.envs[0].tasks()[4]] * 2


async def test_steps_run_together_and_a_fault_waits_for_the_others() -> None:
    class Slow(Guess):
        running = peak = 0

        async def act(self, action: Action) -> Any:
            Slow.running += 1
            Slow.peak = max(Slow.peak, Slow.running)
            await asyncio.sleep(0.01 if action.text else 0.03)
            Slow.running -= 1
            if action.text:
                raise Fault("browser gone")
            return await super().act(action)

    async with VectorEnv([Slow() for _ in range(8)]) as vec:
        await vec.reset(seed=0)
        actions = play(vec, {3})
        actions[2] = Action("break")
        with pytest.raises(Fault, match="environment 2 of 8: browser gone") as caught:
            await vec.step(actions)
        assert caught.value.kind == "infra"
        assert (Slow.peak, Slow.running) == (8, 0)
        mask = np.arange(8) == 2
        await vec.reset(options={"reset_mask": mask})
        *_, infos = await vec.step(play(vec, set()))
        assert infos["turn"].tolist() == [2, 2, 1, 0, 2, 2, 2, 2]  # 3 had ended: it was reset


async def test_made_by_id_and_mistakes() -> None:
    with pytest.raises(UsageError, match="at least one"):
        make_vec("search/wiki-v1", 0)
    with pytest.raises(UsageError, match="next_step, same_step or disabled"):
        VectorEnv([Guess()], "later")
    vec = make_vec("search/wiki-v1", 2, autoreset="same_step", size=60)
    await vec.reset(seed=0)
    with pytest.raises(UsageError, match="1 actions for 2"):
        await vec.step([Action()])
    with pytest.raises(UsageError, match="3 seeds for 2"):
        await vec.reset(seed=[1, 2, 3])
    await vec.close()
