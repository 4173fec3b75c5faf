"""Turns at a scripted server: contents of requests, and every way in which a turn may fail."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from envgym.agents.vllm.server_pool import log as pool_log
from envgym.errors import Fault, UsageError
from tests.agents.vllm.conftest import MakeAgent, Spoken, Weights, ask
from tests.agents.vllm.fake_server import DROP, FakeServer, refused, running
from tests.waiting import until

GENERATE = "/inference/v1/generate"


async def test_a_turn_is_sampled_as_the_agent_was_told(
    server: FakeServer, make_agent: MakeAgent
) -> None:
    agent = make_agent(max_tokens=8, temperature=0.5, transport=Spoken())
    completion = await agent.act(ask())
    end = server.tokenizer.eos_token_id
    assert completion.ids == [5, 6, end]
    assert completion.logprobs == [-1.0] * 3
    assert completion.versions == [0] * 3
    assert completion.finish == "stop"
    sent = server.turns[-1]
    assert sent["token_ids"] == [9, 10, 11]
    assert sent["model"] == "toy"
    sampling = sent["sampling_params"]
    assert (sampling["max_tokens"], sampling["temperature"], sampling["seed"]) == (8, 0.5, 7)
    assert (sampling["top_p"], sampling["top_k"]) == (1.0, 0), "a server's defaults do not count"
    assert end in sampling["stop_token_ids"]
    assert sent["cache_salt"] == server.label, "keys and values of other weights are not found"
    assert server.headers[-1]["X-Session-ID"] == "e/agent"


async def test_a_full_context_is_not_asked_for(server: FakeServer, make_agent: MakeAgent) -> None:
    agent = make_agent(max_context=4)
    assert (await agent.act(ask(ids=[1, 2, 3, 4]))).finish == "context"
    assert not server.turns
    server.script = lambda body: [5, 6, 7]
    server.faults[GENERATE] = [lambda body: server.answer([5], "length")]
    completion = await agent.act(ask(ids=[1, 2, 3]))
    assert (completion.ids, completion.finish) == ([5], "context")


async def test_ids_after_a_stop_text_are_dropped(server: FakeServer, make_agent: MakeAgent) -> None:
    """A server may have sampled on before it saw the text."""
    agent = make_agent()
    text = server.tokenizer.encode("<search> here </search>", add_special_tokens=False)
    server.script = lambda body: [*text, 5, 6]
    stops = agent.chat.dialect.stop(())
    agent.chat.dialect.__class__.stop = lambda self, tools: ("</search>",)  # type: ignore[method-assign]
    try:
        completion = await agent.act(ask())
    finally:
        agent.chat.dialect.__class__.stop = lambda self, tools: stops  # type: ignore[method-assign]
    assert completion.ids == text
    assert len(completion.logprobs) == len(completion.versions or text) == len(text)
    assert completion.finish == "stop"


async def test_a_lost_connection_is_tried_again_after_an_abort(
    server: FakeServer, make_agent: MakeAgent
) -> None:
    agent = make_agent()
    await agent.start()
    server.faults[GENERATE] = [DROP, DROP]
    completion = await agent.act(ask())
    assert completion.ids[:2] == [5, 6]
    assert agent.counters["vllm/retried"] == 2
    names = [name for name in server.aborted if name.startswith("generate-tokens-")]
    assert len(set(names)) == 2, "each former request is aborted under its own name"
    assert server.turns[-1]["sampling_params"]["seed"] == 7, "the same seed draws the same tokens"
    assert not any(name.endswith(server.turns[-1]["request_id"]) for name in server.aborted)


async def test_connections_lost_for_good_are_a_fault(
    server: FakeServer, make_agent: MakeAgent
) -> None:
    agent = make_agent()
    await agent.start()
    server.faults[GENERATE] = [DROP] * 9
    with pytest.raises(Fault, match=r"a turn failed 3 times; last: .*generate") as found:
        await agent.act(ask())
    assert found.value.kind == "infra"


async def test_an_error_is_no_second_sample(server: FakeServer, make_agent: MakeAgent) -> None:
    agent = make_agent()
    await agent.start()
    server.faults[GENERATE] = [500]
    with pytest.raises(Fault, match="answered 500: as ordered") as found:
        await agent.act(ask())
    assert found.value.kind == "infra"
    assert not server.turns


async def test_an_overloaded_server_is_asked_again(
    server: FakeServer, make_agent: MakeAgent
) -> None:
    agent = make_agent()
    await agent.start()
    server.faults[GENERATE] = [503]
    assert (await agent.act(ask())).ids
    assert len(server.turns) == 1


async def test_a_late_turn_is_aborted_and_not_sampled_again(
    server: FakeServer, make_agent: MakeAgent
) -> None:
    agent = make_agent(timeout=0.3)
    await agent.start()
    server.pause_s = 30.0
    with pytest.raises(Fault, match=r"no answer within 0.3 s"):
        await agent.act(ask())
    assert len(server.turns) == 1
    assert server.turns[0]["request_id"] in server.aborted


async def test_a_cancelled_turn_frees_the_server(server: FakeServer, make_agent: MakeAgent) -> None:
    agent = make_agent()
    await agent.start()
    server.pause_s = 30.0
    task = asyncio.create_task(agent.act(ask()))
    await until(lambda: server.running)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await agent.close()
    assert server.cut == 1
    assert server.turns[0]["request_id"] in server.aborted


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"choices": []}, "cannot be read"),
        (
            {"choices": [{"token_ids": [-1], "finish_reason": "stop", "logprobs": None}]},
            "a token id that is none",
        ),
        (
            {
                "choices": [
                    {
                        "token_ids": [5, 6],
                        "finish_reason": "stop",
                        "logprobs": {
                            "content": [
                                {"token_id": 5, "logprob": -1.0},
                                {"token_id": 7, "logprob": -1.0},
                            ]
                        },
                    }
                ]
            },
            "log-probs of other tokens",
        ),
        (
            {
                "choices": [
                    {
                        "token_ids": [5],
                        "finish_reason": "stop",
                        "logprobs": {"content": [{"token_id": 5, "logprob": float("nan")}]},
                    }
                ]
            },
            "not finite",
        ),
    ],
)
async def test_an_unusable_reply_is_a_fault(
    server: FakeServer, make_agent: MakeAgent, reply: dict[str, Any], message: str
) -> None:
    agent = make_agent()
    await agent.start()
    server.faults[GENERATE] = [reply]
    with pytest.raises(Fault, match=message):
        await agent.act(ask())


async def test_a_request_that_the_server_ends_is_a_fault(
    server: FakeServer, make_agent: MakeAgent
) -> None:
    agent = make_agent()
    await agent.start()
    server.faults[GENERATE] = [lambda body: server.answer([5], "abort")]
    with pytest.raises(Fault, match="ended a request with 'abort'"):
        await agent.act(ask())


@pytest.mark.parametrize("status", [401, 404])
async def test_settings_that_are_wrong_stop_the_run(
    server: FakeServer, make_agent: MakeAgent, status: int
) -> None:
    agent = make_agent()
    await agent.start()
    server.faults[GENERATE] = [status]
    with pytest.raises(UsageError, match=f"answered {status}"):
        await agent.act(ask())


async def test_no_token_under_weights_that_are_not_ours(
    server: FakeServer, make_agent: MakeAgent
) -> None:
    """A server that was restarted, or that another run took over, has another label."""
    agent = make_agent(transport=Spoken(), weights=Weights())
    await agent.start()
    ours = server.label
    for label in ("default", "another:0", ours.replace(":0", ":1"), ours.replace(":0", ":-1")):
        server.label = label
        with pytest.raises(Fault, match="sampled under weights labelled"):
            await agent.act(ask())
        await agent.act(ask())
        assert server.label == ours, "the server was restored before the next turn"
    server.spans = lambda count: [{"version": ours, "start": 0, "end": count - 1}]
    with pytest.raises(Fault, match="labelled 2 of 3"):
        await agent.act(ask())


async def test_each_token_has_its_version(server: FakeServer, make_agent: MakeAgent) -> None:
    """An update while a turn waits at the server: it goes on under the new weights."""
    agent = make_agent(transport=Spoken())
    await agent.start()
    server.pause_s = 0.3
    before = server.label
    task = asyncio.create_task(agent.act(ask()))
    await until(lambda: server.running)
    await agent.update_weights()
    server.spans = lambda count: [
        {"version": before, "start": 0, "end": 1},
        {"version": server.label, "start": 1, "end": count},
    ]
    completion = await task
    assert completion.versions == [0, 1, 1]
    assert completion.version == 0


async def test_a_server_that_tells_no_versions(
    server: FakeServer, make_agent: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    agent = make_agent(transport=Spoken())
    await agent.start()
    server.spans = lambda count: None
    assert (await agent.act(ask())).versions == [0, 0, 0]
    server.pause_s = 0.3
    task = asyncio.create_task(agent.act(ask()))
    await until(lambda: server.running)
    await agent.update_weights()
    assert (await task).versions == [0, 0, 0]
    assert "weights changed from version 0 to 1 during a request" in caplog.text


async def test_a_conversation_stays_with_its_server(
    server: FakeServer, make_agent: MakeAgent, tokenizer: Any
) -> None:
    async with running(FakeServer(tokenizer)) as other:
        agent = make_agent([server.url, other.url])
        for group in range(12):
            for _ in range(2):
                await agent.act(ask(f"{group}/agent", ids=[9, 10, 20 + group]))
        seen = [{turn["token_ids"][-1] for turn in s.turns} for s in (server, other)]
        assert seen[0]
        assert seen[1]
        assert not seen[0] & seen[1]


async def test_the_other_server_takes_over(
    server: FakeServer, make_agent: MakeAgent, tokenizer: Any
) -> None:
    pool_log.disabled = True
    async with running(FakeServer(tokenizer)) as other:
        agent = make_agent([server.url, other.url])
        await agent.start()
        url = other.url
    for group in range(8):
        assert (await agent.act(ask(f"{group}/agent"))).ids
    assert len(server.turns) == 8
    async with running(FakeServer(tokenizer), int(url.rpartition(":")[2])) as other:
        for group in range(40):
            await agent.act(ask(f"{group}/agent"))
            await asyncio.sleep(0.05)
        assert other.turns, "a server that is back gets its conversations back"
    pool_log.disabled = False


async def test_no_server_left(server: FakeServer, make_agent: MakeAgent, tokenizer: Any) -> None:
    async with running(FakeServer(tokenizer)) as other:
        agent = make_agent([other.url], recovery_s=0.3)
        await agent.start()
    with pytest.raises(Fault, match=r"no server is up after 0.3 s: .*health"):
        await agent.act(ask())


async def test_a_restarted_server_gets_the_weights_before_its_next_turn(
    make_agent: MakeAgent, tokenizer: Any
) -> None:
    transport = Spoken()
    async with running(FakeServer(tokenizer)) as first:
        agent = make_agent([first.url], transport=transport)
        await agent.start()
        await agent.update_weights()
        label, url = first.label, first.url
    async with running(FakeServer(tokenizer), int(url.rpartition(":")[2])) as second:
        with pytest.raises(Fault, match="sampled under weights labelled 'default'"):
            await agent.act(ask())  # no connection was open that could have broken
        completion = await agent.act(ask())
        assert completion.versions == [1, 1, 1]
        assert second.label == label
        assert "/send" in second.calls
        assert transport.forgotten == [url]
        assert agent.counters["vllm/restored"] == 1


async def test_a_refusal_of_one_request_is_the_models(
    server: FakeServer, make_agent: MakeAgent
) -> None:
    agent = make_agent()
    await agent.start()
    server.faults[GENERATE] = [refused(400, "too hot")]
    with pytest.raises(Fault, match="answered 400: too hot") as found:
        await agent.act(ask())
    assert found.value.kind == "model"
