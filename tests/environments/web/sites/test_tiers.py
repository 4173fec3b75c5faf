"""The two tiers of the sites agree: same task, same actions, same texts, same score."""

from __future__ import annotations

import pytest

from envgym.environments.web.sites.catalogue import TEMPLATES, goal_of
from envgym.environments.web.sites.environment import WebSites
from envgym.environments.web.web_env import View
from envgym.messages import Action
from envgym.task import Task

CHOSEN = ("shop/order", "shop/best-rated", "shop/set-quantity", "forum/moderate", "forum/bio")
CHOSEN += ("travel/hotel", "travel/book-cheapest", "travel/change-meal")


def plain(text: str) -> str:
    """A text without the focus, which a page without a browser does not show."""
    return text.replace(", focused", "").replace(" focused", "")


async def texts(env: WebSites, task: Task, actions: list[Action]) -> tuple[list[str], float]:
    observation, _ = await env.reset(options={"task": task})
    seen = [observation.text]
    for action in actions:
        seen.append((await env.step(action)).observation.text)
    return [plain(text) for text in seen], env.score


async def recorded(template: str, seed: int, view: View = "axtree") -> tuple[Task, list[Action]]:
    goal = goal_of(template, seed)
    data = {"template": template, "seed": seed, "instruction": goal.instruction}
    task, actions = Task(data, {"answer": goal.answer}), []
    env = WebSites(view=view)
    await env.reset(options={"task": task})
    async for action in env.oracle():
        actions.append(action)
        await env.step(action)
    await env.close()
    return task, actions


@pytest.mark.parametrize("view", ["axtree", "html"])
async def test_an_expert_sees_the_same_and_scores_the_same(chromium: str, view: View) -> None:
    none, real = WebSites(view=view), WebSites(browser="chromium", view=view)
    for seed, template in enumerate(CHOSEN if view == "axtree" else CHOSEN[:3]):
        task, actions = await recorded(template, seed, view)
        wanted, score = await texts(none, task, actions)
        found, real_score = await texts(real, task, actions)
        assert found == wanted, template
        assert (score, real_score) == (1.0, 1.0)
    await none.close()
    await real.close()


async def test_mistakes_and_odd_paths_look_the_same(chromium: str) -> None:
    assert "shop/review" in TEMPLATES
    task, _ = await recorded("shop/review", 0)
    actions = [
        Action.call("fill", element=2, text="tea pot ☕ é"),
        Action.call("press", key="Enter"),
        Action.call("back"),
        Action.call("click", element=99),
        Action.call("goto", url="/product/1"),
        Action.call("goto", url="http://evil.test/"),
        Action.call("goto", url="/nothing"),
        Action.call("goto", url="/checkout"),
        Action.call("goto", url="/account"),
    ]
    none, real = WebSites(), WebSites(browser="chromium")
    wanted, _ = await texts(none, task, actions)
    found, _ = await texts(real, task, actions)
    assert found == wanted
    assert "☕ é" in wanted[2]
    await none.close()
    await real.close()
