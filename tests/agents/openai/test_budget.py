from __future__ import annotations

import asyncio
from typing import Any

import pytest

from envgym.agents import OpenAIAgent
from envgym.env import Env
from envgym.errors import Fault, UsageError
from envgym.rollout.runner import Limits, Rollout, Start
from tests.agents.openai.endpoint import Server, ask, says


def billed(tokens: int = 100, made: int = 10) -> dict[str, Any]:
    usage = {"prompt_tokens": tokens, "completion_tokens": made, "total_tokens": tokens + made}
    return {**says(None, ("guess", '{"number": 4}')), "usage": usage}


async def test_tokens_and_cost_are_metrics(server: Server, guess: type[Env[Any]]) -> None:
    server.reply = lambda body: billed()
    agent = OpenAIAgent(server.url, "toy", input_price=2.0, output_price=10.0)
    result = await Rollout(guess).run([Start(seed) for seed in range(6)], agent)
    await agent.close()
    for episode in result.episodes:
        assert episode.metrics["agent/input_tokens"] == 100
        assert episode.metrics["agent/output_tokens"] == 10
        assert episode.metrics["agent/cost"] == pytest.approx(0.0003)
    total = {"requests": 6.0, "input_tokens": 600.0, "output_tokens": 60.0}
    assert agent.usage == {**total, "cost": pytest.approx(0.0018)}


async def test_without_prices_tokens_alone_are_counted(server: Server, agent: OpenAIAgent) -> None:
    server.reply = lambda body: billed()
    assert (await agent.act(ask())).metrics == {"input_tokens": 100, "output_tokens": 10}
    server.reply = lambda body: says("of a server that counts nothing")
    assert (await agent.act(ask())).metrics == {}


@pytest.mark.parametrize("usage", [None, [], {}, {"prompt_tokens": "x"}, {"prompt_tokens": -1}])
async def test_a_server_that_counts_nothing_is_billed_for_the_most(
    server: Server, usage: Any
) -> None:
    server.reply = lambda body: {**says("hello"), "usage": usage}
    agent = OpenAIAgent(server.url, "toy", max_tokens=10, input_price=0, output_price=1e6)
    assert (await agent.act(ask())).metrics == {"cost": 10.0}
    await agent.close()


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_the_budget_stops_a_rollout_before_it_is_exceeded(
    server: Server, guess: type[Env[Any]], concurrency: int
) -> None:
    server.reply = lambda body: billed(tokens=0, made=100)
    server.pause = 0.01
    agent = OpenAIAgent(
        server.url, "toy", max_tokens=200, input_price=0.0, output_price=1e4, budget=10.5
    )  # one of a request's 100 tokens; set aside are two
    starts = [Start(seed) for seed in range(40)]
    result = await Rollout(guess, Limits(concurrency=concurrency)).run(starts, agent)
    await agent.close()
    assert agent.usage["cost"] == pytest.approx(9.0), "another one might have cost 2"
    assert len(result.episodes) == len(server.seen) == 9, "what was paid for is kept"
    assert "the budget of 10.5 has no room" in result.stopped
    assert result.faults == {"budget": len(result.quarantined)}, "nothing is tried again"
    assert 1 <= len(result.quarantined) <= concurrency


async def test_a_request_that_may_exceed_the_budget_is_not_sent(server: Server) -> None:
    agent = OpenAIAgent(
        server.url, "toy", max_tokens=10, input_price=1.0, output_price=1e6, budget=9.0
    )
    with pytest.raises(Fault, match=r"raise the budget, or lower max_tokens") as caught:
        await agent.act(ask())
    assert caught.value.kind == "budget"
    assert server.seen == []
    await agent.close()


async def test_what_was_set_aside_is_given_back_where_a_request_fails(server: Server) -> None:
    agent = OpenAIAgent(
        server.url, "toy", max_tokens=10, input_price=0, output_price=1e6, budget=15, timeout=0.05,
        retries=0,
    )  # fmt: skip
    server.pause = 1.0
    with pytest.raises(Fault, match="no answer"):
        await agent.act(ask())
    waiting = asyncio.create_task(agent.act(ask()))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    server.pause = 0.0
    assert (await agent.act(ask())).text == "hello"
    await agent.close()


@pytest.mark.parametrize(
    ("settings", "fix"),
    [
        ({"budget": 1.0}, "needs input_price and output_price"),
        ({"input_price": 1.0}, "input_price and output_price together"),
        ({"input_price": 1, "output_price": 1, "budget": 1, "max_tokens": None}, "max_tokens"),
        ({"input_price": -1, "output_price": 1}, "0 or more"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], fix: str) -> None:
    with pytest.raises(UsageError, match=fix):
        OpenAIAgent("http://127.0.0.1:1/v1", "toy", **settings)
