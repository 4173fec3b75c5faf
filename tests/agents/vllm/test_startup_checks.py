"""Servers that do not fit are refused in one line, before any work."""

from __future__ import annotations

from typing import Any

import pytest

from envgym.errors import UsageError
from tests.agents.vllm.conftest import MakeAgent, Spoken
from tests.agents.vllm.fake_server import FakeServer


async def refusal(agent: Any) -> str:
    with pytest.raises(UsageError) as found:
        await agent.start()
    text = str(found.value)
    assert "\n" not in text
    return text


async def test_nothing_at_the_address(make_agent: MakeAgent) -> None:
    text = await refusal(make_agent(["http://127.0.0.1:9"]))
    assert text.startswith("no server http://127.0.0.1:9 (")
    assert text.endswith("start one there, or correct the address")


def test_an_address_without_a_scheme(make_agent: MakeAgent) -> None:
    with pytest.raises(UsageError, match="begins with http"):
        make_agent(["127.0.0.1:8000"])


@pytest.mark.parametrize("version", ["0.31.4", "0.33.0", "1.0", "dev"])
async def test_a_version_that_was_not_tested(
    server: FakeServer, make_agent: MakeAgent, version: str
) -> None:
    server.version = {"version": version}
    assert f"runs vLLM {version}; tested are 0.32 up to 0.33" in await refusal(make_agent())
    await make_agent(any_version=True).start()


async def test_our_own_server_has_versions_of_its_own(
    server: FakeServer, make_agent: MakeAgent
) -> None:
    server.version = {"version": "0.1.0", "engine": "envgym"}
    await make_agent().start()


async def test_another_tokenizer(server: FakeServer, make_agent: MakeAgent) -> None:
    server.faults["/tokenize"] = [{"tokens": [1, 2, 3]}]
    assert "another tokenizer than the learner: a text has the ids [1, 2, 3]…" in await refusal(
        make_agent()
    )


async def test_another_vocabulary(server: FakeServer, make_agent: MakeAgent) -> None:
    server.faults["/detokenize"] = [{"prompt": ""}]
    assert "another vocabulary than the learner: id" in await refusal(make_agent())


@pytest.mark.parametrize("fits", [True, False])
async def test_a_server_without_tokenize(
    server: FakeServer, make_agent: MakeAgent, fits: bool
) -> None:
    server.missing = {"/tokenize"}
    agent = make_agent()

    def chat(body: dict[str, Any]) -> dict[str, Any]:
        ids = agent.chat.tokenizer.apply_chat_template(
            body["messages"], add_generation_prompt=True, return_dict=False
        )
        return {"prompt_token_ids": ids if fits else ids[1:]}

    server.faults["/v1/chat/completions"] = [chat]
    if fits:
        await agent.start()
    else:
        assert "another tokenizer" in await refusal(agent)


async def test_no_endpoints_for_updates(server: FakeServer, make_agent: MakeAgent) -> None:
    server.missing = {"/is_paused"}
    text = await refusal(make_agent(transport=Spoken()))
    assert "no endpoints for weight updates: start it with VLLM_SERVER_DEV_MODE=1" in text
    await make_agent().start()


async def test_a_model_that_is_too_short(server: FakeServer, make_agent: MakeAgent) -> None:
    text = await refusal(make_agent(max_context=257))
    assert "maximum model length of 256, and rollouts need 257" in text


async def test_a_model_that_it_does_not_serve(server: FakeServer, make_agent: MakeAgent) -> None:
    assert "it has no model 'big'; it serves toy" in await refusal(make_agent(model="big"))
    server.faults["/v1/models"] = [{"data": [{"id": "a"}, {"id": "b"}]}]
    assert "name one of its models; it serves a, b" in await refusal(make_agent())


async def test_no_way_to_send_tokens(server: FakeServer, make_agent: MakeAgent) -> None:
    server.missing = {"/inference/v1/generate", "/v1/completions"}
    assert "start vLLM with --enable-scale-out" in await refusal(make_agent())


async def test_a_wrong_token(server: FakeServer, make_agent: MakeAgent) -> None:
    server.faults["/version"] = [401]
    assert "refuses a check with HTTP 401" in await refusal(make_agent())
