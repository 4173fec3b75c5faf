"""MiniWoB++ in Chromium: seeds, in-place resets, the virtual clock, rewards and oracles.

A few tasks by default. ENVGYM_WEB_SEEDS=20 plays all oracles on that many seeds (`make test-web`).
"""

from __future__ import annotations

import os

import pytest

from envgym.environments.web.miniwob.environment import MiniWob
from envgym.environments.web.miniwob.oracles import ORACLES
from envgym.environments.web.miniwob.tasks import NAMES, RELOADED
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.task import Task

pytestmark = pytest.mark.usefixtures("miniwob")
SEEDS = int(os.environ.get("ENVGYM_WEB_SEEDS", "0"))
FEW = ("click-test", "click-checkboxes", "enter-text", "choose-list", "drag-items", "login-user")
FEW += (
    "email-inbox",
    "use-slider",
    "book-flight",
    "use-autocomplete",
    "social-media",
    "count-sides",
)


def of(name: str, seed: int, split: str = "train") -> dict[str, Task]:
    return {"task": Task({"task": name, "seed": seed}, split=split)}


def test_most_tasks_have_an_oracle_and_every_name_is_one() -> None:
    assert len(NAMES) == 125
    assert len(ORACLES) >= 80
    assert set(ORACLES) <= set(NAMES)
    assert set(RELOADED) <= set(NAMES)


@pytest.mark.parametrize("name", sorted(ORACLES) if SEEDS else FEW)
async def test_the_oracle_succeeds(name: str) -> None:
    env, won = MiniWob(tasks=[name], max_turns=100), 0
    for seed in range(SEEDS or 2):
        await env.reset(options=of(name, seed))
        async for action in env.oracle():
            if (await env.step(action)).done:
                break
        won += env.score == 1.0
    await env.close()
    assert won >= 0.99 * (SEEDS or 2)


@pytest.mark.parametrize("name", ["click-button", "choose-date", "click-tab-2", "use-colorwheel"])
async def test_an_episode_does_not_depend_on_those_before_it(name: str) -> None:
    fresh, used = MiniWob(tasks=[name]), MiniWob(tasks=[name])
    wanted, _ = await fresh.reset(options=of(name, 9))
    for seed in range(3):
        await used.reset(options=of(name, seed))
        async for action in used.oracle() if name in ORACLES else _clicks():
            if (await used.step(action)).done:
                break
    found, _ = await used.reset(options=of(name, 9))
    assert found.text == wanted.text
    await fresh.close()
    await used.close()


async def _clicks():  # type: ignore[no-untyped-def]
    yield Action.call("click", element=1)


async def test_seeds_and_splits_give_other_episodes() -> None:
    env = MiniWob(tasks=["click-checkboxes"])
    seen = [(await env.reset(options=of("click-checkboxes", seed)))[0].text for seed in (1, 2, 1)]
    assert seen[0] == seen[2] != seen[1]
    train, test = env.tasks("train"), env.tasks("test")
    assert not {t.key for t in train[:50]} & {t.key for t in test[:50]}
    await env.close()


@pytest.mark.parametrize(("reward", "wanted"), [("binary", 1.0), ("raw", 1.0), ("decayed", 0.8)])
async def test_time_passes_with_actions_alone(reward: str, wanted: float) -> None:
    env = MiniWob(tasks=["click-button-sequence"], reward=reward, action_seconds=1.0)
    await env.reset(options=of("click-button-sequence", 3))
    await env.step(Action.call("hover", element=2))
    result = None
    async for action in env.oracle():
        result = await env.step(action)
    assert result is not None
    # Three seconds would have passed, but the page judges the last click before its second.
    assert result.reward == pytest.approx(wanted)
    assert (result.info["score"], result.info["metrics"]["raw_reward"]) == (1.0, 1.0)
    await env.close()


async def test_a_wrong_click_ends_with_the_pages_verdict() -> None:
    env = MiniWob(tasks=["click-test-2"], reward="raw")
    await env.reset(options=of("click-test-2", 0))
    assert env.page is not None
    assert env.page.root is not None
    wrong = next(e for e in env.page.root.walk() if e.text == "TWO" and e.tag == "button")
    result = await env.step(Action.call("click", element=env.shown_id(wrong)))
    assert (result.reward, result.info["score"], result.terminated) == (-1.0, 0.0, True)
    await env.close()


def test_wrong_arguments_name_the_fix() -> None:
    with pytest.raises(UsageError, match=r"no MiniWoB task 'click-tst'\. Did you mean"):
        MiniWob(tasks=["click-tst"])
    with pytest.raises(UsageError, match="use binary, raw or decayed"):
        MiniWob(reward="dense")  # type: ignore[arg-type]
