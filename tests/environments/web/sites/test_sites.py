"""Tasks of the sites without a browser: verifiers, oracles, rewards and what is refused."""

from __future__ import annotations

import random
from typing import Any

import pytest

from envgym.environments.web.requests import Request
from envgym.environments.web.sites.catalogue import BANDS, TEMPLATES, goal_of, open_site, source
from envgym.environments.web.sites.environment import WebSites
from envgym.environments.web.sites.goals import tables
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.task import Task

SEEDS = 40


def task(template: str, seed: int = 0) -> Task:
    goal = goal_of(template, seed)
    data = {"template": template, "seed": seed, "instruction": goal.instruction}
    return Task(data, {"answer": goal.answer})


async def play(env: WebSites, task: Task, *, leave_out: int | None = None) -> float:
    """Score of the oracle, with one of its steps left out."""
    await env.reset(options={"task": task})
    number = 0
    async for action in env.oracle():
        if number != leave_out:
            await env.step(action)
        number += 1
        if env.ended:
            break
    return env.score


def test_there_are_at_least_25_templates_over_three_sites_in_four_bands() -> None:
    assert len(TEMPLATES) >= 25
    assert {one.site for one in TEMPLATES.values()} == {"shop", "forum", "travel"}
    assert {one.band for one in TEMPLATES.values()} == set(BANDS)


@pytest.mark.parametrize("template", TEMPLATES)
async def test_the_oracle_scores_one_and_doing_nothing_scores_zero(template: str) -> None:
    env = WebSites()
    for seed in range(SEEDS):
        assert await play(env, task(template, seed)) == 1.0
        await env.reset(options={"task": task(template, seed)})
        result = await env.step(Action.call("send_message", text="Done."))
        assert (result.info["score"], result.terminated) == (0.0, True)
    await env.close()


async def test_a_random_clicker_rarely_succeeds() -> None:
    rng, env, won = random.Random(0), WebSites(max_turns=15), 0
    tasks = source(list(TEMPLATES), "train")
    for number in range(270):
        await env.reset(options={"task": tasks[number]})
        while not env.ended and env.turn < 15:
            assert env.page is not None
            assert env.page.root is not None
            shown = [i for e in env.page.root.walk() if (i := env.shown_id(e)) is not None]
            action = Action.call("click", element=rng.choice(shown))
            if rng.random() < 0.1:
                action = Action.call("send_message", text="Done.")
            await env.step(action)
        won += env.score == 1
    await env.close()
    assert won / 270 < 0.02


async def test_a_change_that_the_task_did_not_ask_for_scores_zero() -> None:
    env = WebSites()
    await env.reset(options={"task": task("shop/review")})
    async for action in env.oracle():
        if action.tool_calls[0].name == "send_message":
            env._site.run("UPDATE account SET newsletter = 1")  # type: ignore[union-attr]
        await env.step(action)
    assert env.score == 0.0
    assert env.metrics["goal_share"] == 1.0
    await env.close()


async def test_the_potential_adds_up_to_the_share_of_the_goal_reached() -> None:
    env = WebSites(potential=True)
    await env.reset(options={"task": task("travel/book-flight", 3)})
    begin, total = env.metrics["goal_share"], 0.0
    async for action in env.oracle():
        total += (await env.step(action)).reward
    assert total == pytest.approx(1.0 + 1.0 - begin)
    await env.close()


async def test_a_warm_start_leaves_the_last_step_at_most() -> None:
    row, turns = task("travel/book-flight", 3), []
    for warm_start in (0.0, 1.0):
        env = WebSites(warm_start=warm_start)
        await env.reset(options={"task": row}, seed=1)
        left = goal_of("travel/book-flight", 3).steps[-1:] if warm_start else None
        assert env.score == 0.0
        for step in left or goal_of("travel/book-flight", 3).steps:
            await env.step(env._action(step))
        await env.step(Action.call("send_message"))
        assert env.score == 1.0
        turns.append(env.turn)
        await env.close()
    assert turns[0] > 10
    assert turns[1] == 2


async def test_a_booking_with_one_wrong_field_scores_zero() -> None:
    env, row = WebSites(), task("travel/book-flight", 1)
    await env.reset(options={"task": row})
    async for action in env.oracle():
        arguments: dict[str, Any] = dict(action.tool_calls[0].arguments or {})
        if str(arguments.get("text", "")).startswith("P"):
            arguments["text"] = "P0000000"
        await env.step(Action.call(action.tool_calls[0].name, **arguments))
    assert env.score == 0.0
    assert 0.8 < env.metrics["goal_share"] < 1
    await env.close()


async def test_stale_ids_and_addresses_out_of_reach_are_observations() -> None:
    env = WebSites()
    await env.reset(options={"task": task("shop/review")})
    for call, said in (
        (Action.call("click", element=999), "[999] was never shown"),
        (Action.call("goto", url="http://evil.test/"), "http://evil.test/ is out of reach"),
        (Action.call("goto", url="//evil.test/"), "is out of reach"),
        (Action.call("goto", url="file:///etc/passwd"), "is out of reach"),
        (Action.call("fill", element=1, text="x"), "takes no text"),
        (Action.call("select_option", element=1, options="x"), "is no list of options"),
        (Action.call("back"), "no page before this one"),
        (Action.call("press", key="Entr"), "only the Enter key"),
        (Action.call("more"), "was shown to its end"),
    ):
        result = await env.step(call)
        assert said in result.observation.text
    await env.step(Action.call("goto", url="/cart"))
    result = await env.step(Action.call("click", element=1))
    assert "[1] is of a page that was left" in result.observation.text
    await env.close()


async def test_episodes_of_the_same_task_do_not_meet() -> None:
    one, other = WebSites(), WebSites()
    row = task("shop/order", 5)
    await one.reset(options={"task": row})
    await other.reset(options={"task": row})
    before = tables(other._site)  # type: ignore[arg-type]
    async for action in one.oracle():
        await one.step(action)
    assert one.score == 1.0
    assert tables(other._site) == before  # type: ignore[arg-type]
    await one.close()
    await other.close()


async def test_text_of_other_people_is_text() -> None:
    site = open_site("forum/reply", 0)
    attack = '<script>alert(1)</script><img src=x onerror="alert(2)">'
    site.run("UPDATE post SET text = ? WHERE thread = 1", attack)
    answer = site.answer(Request("GET", "http://forum.test/thread/1"))
    assert b"<script>" not in answer.body
    assert b"&lt;script&gt;" in answer.body
    assert dict(answer.headers)["Content-Security-Policy"].startswith("default-src 'none'")


def test_wrong_arguments_name_the_fix() -> None:
    for arguments, message in (
        ({"sites": ["shp"]}, "no site 'shp'. Did you mean 'shop'"),
        ({"templates": ["shop/revew"]}, "Did you mean 'shop/review'"),
        ({"bands": [5]}, "bands must be within 1..4"),
        ({"sites": ["shop"], "templates": ["forum/bio"]}, "leave one of them out"),
        ({"browser": "firefox"}, "use none, chromium, headed or cdp"),
        ({"warm_start": 2}, "warm_start must be from 0 to 1"),
        ({"tokens": 3}, "tokens must be at least 50"),
    ):
        with pytest.raises(UsageError, match=message):
            WebSites(**arguments)


async def test_a_small_budget_cuts_pages_and_more_shows_the_rest() -> None:
    whole, cut = WebSites(), WebSites(tokens=50)
    wanted = (await whole.reset(options={"task": task("shop/review")}))[0].text
    first = (await cut.reset(options={"task": task("shop/review")}))[0].text
    parts = [first.rpartition("\n… ")[0]]
    while parts[-1]:
        said = (await cut.step(Action.call("more"))).observation.text
        rest, _, left = said.rpartition("\n… ")
        parts.append(rest or left)
        if not rest:
            break
    assert "\n".join(parts) == wanted
    assert len(parts) == 2
    await whole.close()
    await cut.close()


async def test_changes_alone_are_shown_within_a_page() -> None:
    env = WebSites(show="changes")
    await env.reset(options={"task": task("shop/newsletter")})
    await env.step(Action.call("goto", url="/account"))
    assert env.page is not None
    assert env.page.root is not None
    box = next(e for e in env.page.root.walk() if e.attributes.get("type") == "checkbox")
    id = env.shown_id(box)
    said = (await env.step(Action.call("click", element=id))).observation.text
    name = "checkbox 'Send me the newsletter'"
    assert said == f"- [{id}] {name} unchecked\n+ [{id}] {name} checked"
    assert (await env.step(Action.call("scroll", direction="up"))).observation.text == (
        "Nothing changed."
    )
    await env.close()
