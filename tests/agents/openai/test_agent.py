from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from envgym.agent import Context
from envgym.agents import OpenAIAgent
from envgym.env import Env
from envgym.errors import Fault, UsageError
from envgym.messages import Message, ToolCall, hint, system, user
from envgym.rollout.runner import Rollout, Start
from envgym.stop_reason import StopReason
from tests.agents.openai.endpoint import Reply, Server, ask, error, says

Game = type[Env[Any]]


async def test_text_settings_and_key(server: Server, agent: OpenAIAgent) -> None:
    completion = await agent.act(ask("hi", seed=2**40 + 9))
    assert (completion.text, completion.finish, completion.ids) == ("hello", "stop", [])
    assert server.seen == [
        {
            "model": "toy",
            "messages": [{"role": "user", "content": "hi"}],
            "seed": 9,
            "temperature": 1.0,
            "max_tokens": 1024,
        }
    ]
    assert server.headers[0]["Authorization"] == "Bearer sesame"


async def test_unset_settings_are_not_sent(server: Server) -> None:
    agent = OpenAIAgent(
        server.url,
        "toy",
        api_key_env="NO_SUCH_KEY",
        temperature=None,
        max_tokens=None,
        extra={"max_completion_tokens": 7},
    )
    await agent.act(ask())
    await agent.close()
    assert set(server.seen[0]) == {"model", "messages", "seed", "max_completion_tokens"}
    assert "Authorization" not in server.headers[0]


async def test_the_history_is_sent_as_openai_writes_it(
    server: Server, agent: OpenAIAgent, guess: Game
) -> None:
    calls = (ToolCall("guess", {"number": 3}, "c1"), ToolCall("guess", None, "c2", "broken"))
    history = [
        system("be brief"),
        user("go"),
        Message("assistant", "", "action", calls),
        Message("tool", "ok", tool_call_id="c1", name="guess"),
        Message("tool", "Error", tool_call_id="c2", name="guess"),
        hint("think"),
    ]
    await agent.act(Context("s", history, guess.tools))
    body = server.seen[0]
    assert [m["role"] for m in body["messages"]] == [m.role for m in history]
    sent = body["messages"][2]
    assert sent["content"] is None
    assert [c["id"] for c in sent["tool_calls"]] == ["c1", "c2"]
    assert json.loads(sent["tool_calls"][0]["function"]["arguments"]) == {"number": 3}
    assert body["messages"][3] == {"role": "tool", "content": "ok", "tool_call_id": "c1"}
    assert [t["function"]["name"] for t in body["tools"]] == ["look", "guess"]


async def test_a_rollout_with_tool_calls(server: Server, agent: OpenAIAgent, guess: Game) -> None:
    def reply(body: dict[str, Any]) -> Reply:
        if len(body["messages"]) == 1:
            look = '{"where": "left"}'
            return says("looking", ("look", look), ("look", '{"where": '), ("look", "[1]"))
        assert [m["content"] for m in body["messages"][2:]] == [
            "nothing left",
            "Error: its JSON is broken (it is cut off: line 1, column 11, at its end; "
            "write it to its last bracket).",
            "Error: its arguments must be an object.",
        ]
        return says(None, ("guess", '{"number": 4}'))

    server.reply = reply
    result = await Rollout(guess).run([Start(seed) for seed in range(12)], agent)
    assert len(result.episodes) == 12
    for episode in result.episodes:
        assert episode.stop_reason is StopReason.ANSWERED
        assert episode.score == float(episode.task.hidden["n"] == 4)
        assert episode.metrics == {"tool_calls": 4.0, "tool_errors": 2.0}
        assert episode.turns[0].text == "looking"
    assert server.most <= 4, "no more requests at once than allowed"
    assert len(server.connections) <= 4, "connections are reused"


async def test_length_is_told(server: Server, agent: OpenAIAgent) -> None:
    server.reply = lambda body: says("half a", finish="length")
    assert (await agent.act(ask())).finish == "length"


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_bad_weather_is_waited_out(server: Server, agent: OpenAIAgent, status: int) -> None:
    server.reply = lambda body: error(status, "busy") if len(server.seen) < 3 else says("late")
    assert (await agent.act(ask())).text == "late"
    assert len(server.seen) == 3


async def test_the_server_says_when_to_come_back(server: Server, agent: OpenAIAgent) -> None:
    later = {"Retry-After": "1"}
    server.reply = lambda body: error(429, "busy", **later) if len(server.seen) < 2 else says("ok")
    began = asyncio.get_running_loop().time()
    await agent.act(ask())
    assert asyncio.get_running_loop().time() - began >= 0.99


async def test_a_server_that_stays_broken_is_an_infrastructure_fault(
    server: Server, agent: OpenAIAgent
) -> None:
    server.reply = lambda body: error(500, "out of memory")
    with pytest.raises(Fault, match=r"failed 4 times; last: HTTP 500: out of memory") as caught:
        await agent.act(ask())
    assert caught.value.kind == "infra"
    assert len(server.seen) == 4


@pytest.mark.parametrize("text", ["<html>gateway</html>", "[]", '{"choices": []}', "{}"])
async def test_a_nonsensical_answer_is_a_fault(
    server: Server, agent: OpenAIAgent, text: str
) -> None:
    server.reply = lambda body: web.Response(text=text)
    with pytest.raises(Fault) as caught:
        await agent.act(ask())
    assert caught.value.kind == "infra"


async def test_nobody_listens(unused_tcp_port: int) -> None:
    agent = OpenAIAgent(f"http://127.0.0.1:{unused_tcp_port}", "toy", retries=1, backoff=0.001)
    with pytest.raises(Fault, match="failed 2 times"):
        await agent.act(ask())
    await agent.close()


async def test_a_slow_server_is_a_fault_not_a_timeout(server: Server) -> None:
    server.pause = 5.0
    agent = OpenAIAgent(server.url, "toy", timeout=0.05, retries=1, backoff=0.001)
    with pytest.raises(Fault, match=r"no answer within 0.05 s"):
        await agent.act(ask())
    await agent.close()


async def test_wrong_key_and_wrong_address_say_how_to_mend_them(
    server: Server, agent: OpenAIAgent
) -> None:
    server.reply = lambda body: error(401, "Incorrect API key")
    with pytest.raises(UsageError, match=r"Incorrect API key Put a valid key into \$TEST_KEY"):
        await agent.act(ask())
    lost = OpenAIAgent(server.url.removesuffix("/v1"), "toy")
    with pytest.raises(UsageError, match="part before /chat/completions"):
        await lost.act(ask())
    await lost.close()
    assert len(server.seen) == 1, "what no retry fixes is not retried"
    with pytest.raises(UsageError, match="http://"):
        OpenAIAgent("localhost:8000/v1", "toy")


async def test_a_full_context_ends_the_episode_and_another_refusal_is_a_fault(
    server: Server, agent: OpenAIAgent
) -> None:
    server.reply = lambda body: error(400, "maximum context length is 10 tokens")
    completion = await agent.act(ask())
    assert (completion.finish, completion.ids) == ("context", [])
    server.reply = lambda body: error(400, "content filter")
    with pytest.raises(Fault, match="content filter") as caught:
        await agent.act(ask())
    assert caught.value.kind == "model"


async def test_close_twice_and_act_after_close(server: Server, agent: OpenAIAgent) -> None:
    await agent.act(ask())
    await agent.close()
    await agent.close()
    with pytest.raises(UsageError, match="closed"):
        await agent.act(ask())
