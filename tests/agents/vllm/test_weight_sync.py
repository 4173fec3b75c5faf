"""Order and failures of weight updates: what the server heard, and how it was left."""

from __future__ import annotations

from typing import Any

import pytest

from envgym.agents.vllm import SyncStep, WeightSyncError
from envgym.errors import UsageError
from tests.agents.vllm.conftest import MakeAgent, Spoken, Weights, ask
from tests.agents.vllm.fake_server import DROP, FakeServer, running

ORDER = [
    "/pause?mode=keep&clear_cache=true",
    "/send",
    "/reset_prefix_cache?reset_running_requests=true&reset_external=true",
    "/update_weight_version",
    "/weight_info",
    "/resume",
]
PATHS = {
    SyncStep.PAUSE: "/pause",
    SyncStep.TRANSFER: "/send",
    SyncStep.FLUSH: "/reset_prefix_cache",
    SyncStep.VERSION: "/update_weight_version",
    SyncStep.RESUME: "/resume",
}


async def test_the_steps_come_in_order(server: FakeServer, make_agent: MakeAgent) -> None:
    transport = Spoken()
    agent = make_agent(transport=transport)
    await agent.start()
    assert transport.staged == [0], "before the first turn the server gets the learner's weights"
    server.calls.clear()
    await agent.update_weights()
    assert server.calls == ORDER
    assert (agent.version, server.label[-2:], server.paused) == (1, ":1", False)
    await agent.update_weights(41)
    assert (agent.version, server.label[-3:]) == (41, ":41")
    assert transport.staged == [0, 1, 41]


@pytest.mark.parametrize("step", list(PATHS))
async def test_a_step_that_fails_is_named(
    server: FakeServer, make_agent: MakeAgent, step: SyncStep
) -> None:
    agent = make_agent(transport=Spoken())
    await agent.start()
    before = server.label
    server.faults[PATHS[step]] = [500]
    with pytest.raises(WeightSyncError, match=rf"failed at {step}: HTTP 500: as ordered") as found:
        await agent.update_weights()
    assert found.value.step is step
    assert found.value.url == server.url
    if step is SyncStep.PAUSE:
        assert (server.paused, server.label) == (False, before)
        assert found.value.left == "resumed with its former weights"
    else:
        assert server.paused
        assert found.value.left == "paused"
    turns = len(server.turns)
    with pytest.raises(WeightSyncError, match=f"failed at {step}"):
        await agent.act(ask())
    assert len(server.turns) == turns, "no token is sampled before an update succeeds"
    await agent.update_weights()
    assert (await agent.act(ask())).ids


@pytest.mark.parametrize("answer", [{"success": False}, {}])
async def test_a_cache_that_was_not_reset(
    server: FakeServer, make_agent: MakeAgent, answer: dict[str, Any]
) -> None:
    agent = make_agent(transport=Spoken())
    await agent.start()
    server.faults["/reset_prefix_cache"] = [answer]
    with pytest.raises(WeightSyncError, match="failed at flush: the prefix cache was not reset"):
        await agent.update_weights()
    assert server.paused


async def test_a_server_that_keeps_its_old_label(server: FakeServer, make_agent: MakeAgent) -> None:
    agent = make_agent(transport=Spoken())
    await agent.start()
    server.faults["/update_weight_version"] = [{"success": True}]
    with pytest.raises(WeightSyncError, match=r"failed at version: it was told .*:1' and says"):
        await agent.update_weights()
    assert server.paused


async def test_weights_that_did_not_arrive(server: FakeServer, make_agent: MakeAgent) -> None:
    """All steps are confirmed, and the server samples from other weights all the same."""
    weights = Weights()
    agent = make_agent(transport=Spoken(), weights=weights)
    await agent.start()
    weights.logprob = -1.5
    with pytest.raises(WeightSyncError, match=r"failed at check: its log-probs differ .* 0\.5 "):
        await agent.update_weights()
    assert server.paused
    server.logprob = -1.509
    await agent.update_weights()


async def test_servers_that_differ(
    server: FakeServer, make_agent: MakeAgent, tokenizer: Any
) -> None:
    async with running(FakeServer(tokenizer)) as other:
        agent = make_agent([server.url, other.url], transport=Spoken(), weights=Weights())
        await agent.start()
        other.faults["/weight_checker"] = [{"checksums": {"w": "other"}}]
        with pytest.raises(WeightSyncError, match="weight w has another checksum than at"):
            await agent.update_weights()


async def test_a_connection_lost_during_an_update(
    server: FakeServer, make_agent: MakeAgent
) -> None:
    """The server comes back and is brought to the new version; nothing is lost."""
    transport = Spoken()
    agent = make_agent(transport=transport)
    await agent.start()
    server.faults["/send"] = [DROP]
    await agent.update_weights()
    assert (server.label[-2:], server.paused) == (":1", False)
    assert transport.forgotten == [server.url]
    assert (await agent.act(ask())).versions == [1, 1, 1]


async def test_no_transport(make_agent: MakeAgent) -> None:
    with pytest.raises(UsageError, match="has no transport"):
        await make_agent().update_weights()


async def test_sleep_until_the_next_update(server: FakeServer, make_agent: MakeAgent) -> None:
    agent = make_agent(transport=Spoken(), sleep=True)
    await agent.start()
    server.calls.clear()
    await agent.free_memory()
    await agent.update_weights()
    woken = [call for call in server.calls if "sleep" in call or "wake" in call or "re" in call[:4]]
    assert server.calls[0] == "/sleep?level=1&mode=wait"
    assert woken.index("/wake_up?tags=weights") < woken.index(ORDER[2])
    cache, resumed = woken.index("/wake_up?tags=kv_cache"), woken.index("/resume")
    assert server.calls.index("/update_weight_version") < server.calls.index(
        "/wake_up?tags=kv_cache"
    ), "vLLM samples as soon as all its memory is back"
    assert cache + 1 == resumed
    await agent.free_memory()
    await agent.act(ask())
    assert server.calls[-1] == "/wake_up", "a turn between two updates wakes it as well"


async def test_a_server_that_cannot_sleep(server: FakeServer, make_agent: MakeAgent) -> None:
    agent = make_agent(transport=Spoken(), sleep=True)
    await agent.start()
    server.faults["/sleep"] = [500, DROP]
    with pytest.raises(UsageError, match=r"does not sleep .* start it with --enable-sleep-mode"):
        await agent.free_memory()
    await agent.free_memory()
    assert (await agent.act(ask())).ids, "a connection lost is no reason to stop"


async def test_without_sleep_memory_stays(server: FakeServer, make_agent: MakeAgent) -> None:
    agent = make_agent(transport=Spoken())
    await agent.start()
    server.calls.clear()
    await agent.free_memory()
    assert not server.calls
