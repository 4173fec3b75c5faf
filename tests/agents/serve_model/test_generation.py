"""Sampling over HTTP: what the engine samples, and how bad requests are refused."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
import torch
from transformers import PreTrainedModel

from envgym.agents.serve_model import ServedModel
from tests.agents.serve_model.conftest import Ask, serving
from tests.waiting import until

GENERATE = "/inference/v1/generate"
CHAT = "/v1/chat/completions"
IDS = [9, 10, 11, 12]


def logprobs(model: PreTrainedModel, ids: list[int], sampled: list[int]) -> list[float]:
    with torch.no_grad():
        logits = model(torch.tensor([[*ids, *sampled]])).logits[0]
    every = torch.log_softmax(logits, -1)
    return [every[len(ids) - 1 + i, token].item() for i, token in enumerate(sampled)]


async def test_ids_and_their_log_probs(ask: Ask, model: PreTrainedModel) -> None:
    sampling = {"max_tokens": 12, "seed": 3, "logprobs": 0}
    body = {"request_id": "r1", "token_ids": IDS, "sampling_params": sampling}
    status, answer = await ask(GENERATE, body)
    assert status == 200
    assert answer["request_id"] == "generate-tokens-r1"
    (choice,) = answer["choices"]
    ids, content = choice["token_ids"], choice["logprobs"]["content"]
    assert len(ids) == 12
    assert choice["finish_reason"] == "length"
    assert choice["weight_versions"] == [{"version": "default", "start": 0, "end": 12}]
    assert [entry["token_id"] for entry in content] == ids
    expected = logprobs(model, IDS, ids)
    assert [entry["logprob"] for entry in content] == pytest.approx(expected, abs=1e-4)
    assert answer["usage"]["completion_tokens"] == 12
    again = (await ask(GENERATE, body))[1]["choices"][0]
    assert again["token_ids"] == ids, "a seed draws the same tokens"
    plain = await ask(GENERATE, {"token_ids": IDS, "sampling_params": {"seed": 3}})
    assert plain[1]["choices"][0]["logprobs"] is None


async def test_stops(ask: Ask) -> None:
    free = {"token_ids": IDS, "sampling_params": {"max_tokens": 8, "temperature": 0}}
    ids = (await ask(GENERATE, free))[1]["choices"][0]["token_ids"]
    stop = {"max_tokens": 8, "temperature": 0, "stop_token_ids": [ids[2]]}
    (choice,) = (await ask(GENERATE, {"token_ids": IDS, "sampling_params": stop}))[1]["choices"]
    first = ids.index(ids[2]) + 1
    assert (choice["token_ids"], choice["finish_reason"]) == (ids[:first], "stop")


async def test_a_session_keeps_its_keys_and_values(ask: Ask, served: ServedModel) -> None:
    sampling = {"max_tokens": 4, "seed": 1}
    body = {"token_ids": IDS * 8, "sampling_params": sampling, "session_id": "s"}
    made = (await ask(GENERATE, body))[1]["choices"][0]["token_ids"]
    before = served.engine.stats.prefilled_tokens
    longer = {**body, "token_ids": [*IDS * 8, *made, 13]}
    await ask(GENERATE, longer)
    assert served.engine.stats.prefilled_tokens - before <= 2
    before = served.engine.stats.prefilled_tokens
    await ask(GENERATE, {**longer, "session_id": "t", "cache_salt": "other"})
    assert served.engine.stats.prefilled_tokens - before >= 36, "salts share nothing"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "token_ids: Field required"),
        ({"token_ids": []}, "token_ids: List should have at least 1 item"),
        ({"token_ids": [-1]}, "token_ids.0: Input should be greater than or equal to 0"),
        ({"token_ids": [10**6]}, "ids must be in [0, "),
        ({"token_ids": [9] * 512}, "512 tokens, and this server's maximum model length is 512"),
        ({"token_ids": IDS, "stream": True}, "stream: Input should be False"),
        ({"token_ids": IDS, "foo": 1}, "foo: Extra inputs are not permitted"),
        (
            {"token_ids": IDS, "sampling_params": {"min_p": 0.1}},
            "sampling_params.min_p: Extra inputs are not permitted",
        ),
        ({"token_ids": IDS, "sampling_params": {"temperature": -1}}, "temperature: Input should"),
        ({"token_ids": IDS, "sampling_params": {"stop": [""]}}, "stop"),
        ({"token_ids": IDS, "sampling_params": {"n": 2}}, "sampling_params.n: Input should be 1"),
    ],
)
async def test_bad_requests(ask: Ask, body: dict[str, Any], message: str) -> None:
    status, answer = await ask(GENERATE, body)
    assert status == 400
    assert message in answer["error"]["message"]
    assert "\n" not in answer["error"]["message"]


async def test_no_json(address: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(address + GENERATE, data=b"{") as response,
    ):
        assert response.status == 400
        assert "Invalid JSON" in (await response.json())["error"]["message"]


async def test_another_models_name(ask: Ask) -> None:
    status, answer = await ask(GENERATE, {"token_ids": IDS, "model": "big"})
    assert (status, answer["error"]["message"]) == (
        404,
        "no model 'big': this server has 'toy'",
    )
    assert (await ask("/nothing"))[0] == 404


async def test_a_client_that_leaves_frees_its_row(address: str, served: ServedModel) -> None:
    body = {"token_ids": IDS, "sampling_params": {"max_tokens": 500, "stop_token_ids": []}}
    await served.pause("keep")
    served._open.set()  # requests come to the held engine
    async with aiohttp.ClientSession() as session:
        task = asyncio.create_task(session.post(address + GENERATE, json=body))
        await until(lambda: served.running)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await until(lambda: not served.running)
    await served.resume()


async def test_chat_completions(ask: Ask, served: ServedModel, model: PreTrainedModel) -> None:
    messages = [{"role": "user", "content": "look here"}]
    asked = {"messages": messages, "max_tokens": 6, "seed": 2, "logprobs": True}
    status, answer = await ask(CHAT, {**asked, "return_token_ids": True})
    assert status == 200
    (choice,) = answer["choices"]
    prompt = served.chat.tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False
    )
    assert answer["prompt_token_ids"] == prompt
    ids = choice["token_ids"]
    given = [entry["logprob"] for entry in choice["logprobs"]["content"]]
    assert given == pytest.approx(logprobs(model, prompt, ids), abs=1e-4)
    assert choice["message"]["content"] == served.chat.decode(ids)
    plain = (await ask(CHAT, asked))[1]
    assert "prompt_token_ids" not in plain
    assert "token_ids" not in plain["choices"][0]


async def test_calls_are_read(
    ask: Ask, served: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = '<tool_call>\n{"name": "look", "arguments": {"where": "left"}}\n</tool_call>'
    monkeypatch.setattr(served.chat, "decode", lambda ids: call)
    parameters = {"type": "object", "properties": {"where": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "look", "parameters": parameters}}
    asked = {"messages": [{"role": "user", "content": "x"}], "tools": [tool], "max_tokens": 4}
    (choice,) = (await ask(CHAT, asked))[1]["choices"]
    assert choice["finish_reason"] == "tool_calls"
    (made,) = choice["message"]["tool_calls"]
    assert made["function"] == {"name": "look", "arguments": '{"where": "left"}'}
    back = [*asked["messages"], choice["message"], {"role": "tool", "content": "a wall"}]
    assert (await ask(CHAT, {**asked, "messages": back}))[0] == 200
    (choice,) = (await ask(CHAT, {**asked, "tool_choice": "none"}))[1]["choices"]
    assert "tool_calls" not in choice["message"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"messages": []}, "messages: List should have at least 1 item"),
        ({"tools": [{"type": "function"}]}, "a tool of the request is none in OpenAI's form"),
        ({"response_format": {"type": "json_object"}}, "response_format: Extra inputs"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "the chat template refuses"),
    ],
)
async def test_bad_conversations(ask: Ask, changes: dict[str, Any], message: str) -> None:
    asked = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 2} | changes
    status, answer = await ask(CHAT, asked)
    assert status == 400
    assert message in answer["error"]["message"]


async def test_a_token_keeps_others_out(served: ServedModel) -> None:
    async with serving(served, "sesame") as address, aiohttp.ClientSession() as session:
        async with session.get(address + "/health") as response:
            assert response.status == 200
        async with session.get(address + "/v1/models") as response:
            assert response.status == 401
        right = {"Authorization": "Bearer sesame"}
        async with session.get(address + "/v1/models", headers=right) as response:
            assert (await response.json())["data"][0]["max_model_len"] == 512


async def test_tokens_and_text(ask: Ask, served: ServedModel) -> None:
    text = "look here"
    tokens = (await ask("/tokenize", {"prompt": text, "add_special_tokens": False}))[1]["tokens"]
    assert tokens == served.chat.tokenizer.encode(text, add_special_tokens=False)
    assert (await ask("/detokenize", {"tokens": tokens}))[1] == {"prompt": text}
    assert (await ask("/version", method="GET"))[1]["engine"] == "envgym"
