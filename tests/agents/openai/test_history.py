from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from envgym.agent import Context
from envgym.agents import OpenAIAgent
from envgym.agents.openai.agent import _read
from envgym.env import Env
from envgym.errors import Fault
from envgym.messages import Message, user
from envgym.rollout.runner import Rollout, Start
from envgym.stop_reason import StopReason
from envgym.task import Task
from envgym.tool_env import ToolEnv
from envgym.tools import tool
from tests.agents.openai.endpoint import Reply, Server, error


def call(id: str, name: str, arguments: Any, **beside: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": id, "type": "function", "function": function, **beside}


def answer(message: dict[str, Any], **choice: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": "stop", **choice}]}


SIGNED = {
    "role": "assistant",
    "content": "looking",
    "reasoning_content": "left or right?",
    "tool_calls": [
        call(
            "c1",
            "look",
            '{"where":  "left"}',
            extra_content={"google": {"thought_signature": "c2ln"}},
            index=0,
        )
    ],
    "reasoning_details": [{"type": "reasoning.encrypted", "data": "eA=="}],
    "field_of_its_own": {"a": [1, None]},
}


async def _second(agent: OpenAIAgent, server: Server, message: dict[str, Any]) -> dict[str, Any]:
    """What a message is in the request after it."""
    server.reply = lambda body: answer(message)
    history: list[Message] = [user("hi")]
    completion = await agent.act(Context("s", history, ()))
    assert completion.action is not None
    calls = completion.action.tool_calls
    history.append(Message("assistant", completion.text, "action", calls))
    history += [Message("tool", "ok", tool_call_id=c.id, name=c.name) for c in calls]
    history += [] if calls else [user("go on")]
    await agent.act(Context("s", history, ()))
    sent = server.seen[-1]["messages"]
    ids = [c["id"] for c in sent[1].get("tool_calls", ())]
    assert [m["tool_call_id"] for m in sent[2:] if m["role"] == "tool"] == ids
    return sent[1]


@pytest.mark.parametrize(
    "message",
    [
        SIGNED,
        {"role": "assistant", "content": "four", "reasoning": "2 + 2"},
        {"role": "assistant", "content": [{"type": "text", "text": "parts"}]},
        {"role": "assistant", "content": "", "tool_calls": [call("c", "look", "{}")]},
        {"role": "assistant", "content": None, "tool_calls": [call("c", "look", "{}")]},
        {"role": "assistant", "refusal": "I cannot.", "content": ""},
    ],
)
async def test_messages_come_back_as_they_were(
    server: Server, agent: OpenAIAgent, message: dict[str, Any]
) -> None:
    assert await _second(agent, server, message) == message


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": ""},
        {"role": "assistant"},
        {"content": []},
        {},
        {"role": "assistant", "content": None, "tool_calls": [], "function_call": None},
    ],
)
async def test_an_empty_message_is_an_action_and_comes_back_as_text(
    server: Server, agent: OpenAIAgent, message: dict[str, Any]
) -> None:
    assert await _second(agent, server, message) == {"role": "assistant", "content": ""}


async def test_what_no_server_takes_again_is_made_valid(server: Server, agent: OpenAIAgent) -> None:
    calls = [call("c", "look", '{"where": '), call("c", "look", {"where": "left"}), "look"]
    sent = await _second(agent, server, {"content": None, "tool_calls": calls})
    assert len({c["id"] for c in sent["tool_calls"]}) == 3
    for one in sent["tool_calls"]:
        assert one["type"] == "function"
        assert isinstance(json.loads(one["function"]["arguments"]), dict)


async def test_thoughts_are_recorded_and_not_acted_on(server: Server, agent: OpenAIAgent) -> None:
    server.reply = lambda body: answer(SIGNED)
    completion = await agent.act(Context("s", [user("hi")], ()))
    assert completion.text == "<think>\nleft or right?\n</think>\n\nlooking"
    assert completion.action is not None
    assert completion.action.text == "looking"


async def test_without_echo_words_and_calls_alone_are_sent(server: Server) -> None:
    agent = OpenAIAgent(server.url, "toy", echo=False)
    sent = await _second(agent, server, SIGNED)
    await agent.close()
    assert sent == {
        "role": "assistant",
        "content": "looking",
        "tool_calls": [call("c1", "look", '{"where": "left"}')],
    }


async def test_a_refusal_is_what_the_model_said(server: Server, agent: OpenAIAgent) -> None:
    server.reply = lambda body: answer({"content": None, "refusal": "I cannot."})
    assert (await agent.act(Context("s", [user("hi")], ()))).text == "I cannot."


async def test_a_server_that_takes_no_fields_of_its_own(server: Server, agent: OpenAIAgent) -> None:
    server.reply = lambda body: error(400, "property 'reasoning' is unsupported")
    with pytest.raises(Fault, match="echo=False"):
        await agent.act(Context("s", [user("hi")], ()))


class Counting(ToolEnv[Task]):
    """Three turns; the second one replaces the history after the first message."""

    def tasks(self, split: str = "train") -> Sequence[Task]:
        return [Task({"n": n}) for n in range(8)]

    async def start(self, task: Task) -> str:
        return f"task {task.data['n']}"

    @tool
    async def look(self, where: str) -> str:
        """Look somewhere."""
        if self.turn == 2:
            self.end(1.0)
        return f"nothing {where}"


async def test_each_episode_keeps_its_own(server: Server, agent: OpenAIAgent) -> None:
    """Interleaved episodes, each turn with a signature that the server wants back."""

    def reply(body: dict[str, Any]) -> Reply:
        messages = body["messages"]
        own, turn = messages[0]["content"], len(messages) // 2
        for i, message in enumerate(messages[1::2]):
            assert message["signature"] == f"{own}/{i}"
            assert message["tool_calls"][0]["extra_content"] == {"s": f"{own}/{i}"}
        made = call("same", "look", '{"where": "left"}', extra_content={"s": f"{own}/{turn}"})
        return answer({"content": "same", "signature": f"{own}/{turn}", "tool_calls": [made]})

    server.reply = reply
    server.pause = 0.01
    source = Counting().tasks()
    starts = [Start(seed, source[seed % 8]) for seed in range(16)]
    result = await Rollout(Counting).run(starts, agent)
    assert len(result.episodes) == 16
    assert agent._histories == {}, "nothing is kept of episodes that are over"


async def test_a_cut_history_keeps_what_is_left(server: Server, agent: OpenAIAgent) -> None:
    history: list[Message] = [user("hi")]
    for i in range(4):
        server.reply = lambda body, i=i: answer({"content": "same", "number": i})  # type: ignore[misc]
        completion = await agent.act(Context("s", history, ()))
        history += [Message("assistant", completion.text, "action"), user("go on")]
    del history[1:5]  # a context compacted
    history.insert(1, Message("assistant", "of another author", "action"))
    await agent.act(Context("s", history, ()))
    sent = [m for m in server.seen[-1]["messages"] if m["role"] == "assistant"]
    assert [m.get("number") for m in sent] == [None, 2, 3]


async def test_an_empty_message_in_an_episode(
    server: Server, agent: OpenAIAgent, guess: type[Env[Any]]
) -> None:
    server.reply = lambda body: answer({"role": "assistant", "content": None})
    [episode] = (await Rollout(guess).run([Start(0)], agent)).episodes
    assert episode.fault is None
    assert episode.stop_reason in (StopReason.NO_TOOL_CALL, StopReason.MAX_TURNS)


def _any_value(random: Random, depth: int = 0) -> Any:
    plain = [None, "", True, 3, 1.5, "x\ud800", "{}", '{"a": 1}', "{", []]
    if depth == 3 or random.random() < 0.5:
        return random.choice(plain)
    inner = [_any_value(random, depth + 1) for _ in range(random.randint(0, 3))]
    names = ("content", "tool_calls", "function", "arguments", "name", "id", "text", "type")
    return (
        inner if random.random() < 0.5 else dict(zip(random.sample(names, 3), inner, strict=False))
    )


def test_any_message_is_read_and_sent_back_as_json_or_is_a_fault() -> None:
    random, read = Random(0), 0
    for _ in range(2000):
        fields = ("content", "tool_calls", "refusal", "reasoning")
        message = {name: _any_value(random) for name in fields}
        try:
            completion, raw = _read({"choices": [{"message": message}]})
        except Fault:
            continue
        read += 1
        assert json.loads(json.dumps(raw)) == raw
        calls = completion.action.tool_calls if completion.action else ()
        assert [c["id"] for c in raw.get("tool_calls", ())] == [c.id for c in calls]
        assert raw.get("content") is not None or "tool_calls" in raw or "refusal" in raw
    assert read > 500
