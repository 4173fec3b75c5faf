"""Requests and replies of both protocols, and versions of tokens from spans."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.agents.vllm.token_protocols import (
    CompletionsProtocol,
    GenerateProtocol,
    LabelSpan,
    TurnRequest,
)
from envgym.agents.vllm.version_labels import VersionLabels
from envgym.errors import EnvgymError, Fault
from tests.agents.vllm.conftest import MakeAgent, ask
from tests.agents.vllm.fake_server import FakeServer

TURN = TurnRequest([3, 4], 8, 0.7, seed=1, stop_ids=[2], stop_text=["</a>"], salt="run:0")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("token_ids", "finish_reason", "logprobs", "weight_versions", "prompt_token_ids")


def completion(**changes: Any) -> dict[str, Any]:
    choice = {
        "token_ids": [5, 6],
        "prompt_token_ids": [3, 4],
        "finish_reason": "length",
        "logprobs": {"token_logprobs": [-0.5, -1.5]},
    }
    return {"choices": [choice | changes]}


def test_completions_with_ids() -> None:
    body = CompletionsProtocol().body(TURN, "m", "id")
    assert body["prompt"] == [3, 4]
    assert (body["return_token_ids"], body["logprobs"]) == (True, 0)
    assert (body["max_tokens"], body["stop_token_ids"], body["cache_salt"]) == (8, [2], "run:0")
    sampled = CompletionsProtocol().read(completion(), TURN)
    assert (sampled.ids, sampled.logprobs, sampled.finish) == ([5, 6], [-0.5, -1.5], "length")
    assert sampled.spans is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt_token_ids": [3, 4, 5]}, "put other ids in front of the model"),
        ({"logprobs": {"token_logprobs": [-0.5]}}, "1 log-probs for 2 tokens"),
        ({"token_ids": None}, "cannot be read"),
    ],
)
def test_completions_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Fault, match=message):
        CompletionsProtocol().read(completion(**changes), TURN)


async def test_a_server_with_completions_alone(server: FakeServer, make_agent: MakeAgent) -> None:
    server.missing = {"/inference/v1/generate"}
    server.faults["/v1/completions"] = [
        400,
        lambda body: completion(prompt_token_ids=body["prompt"]),
    ]
    sampled = await make_agent().act(ask())
    assert (sampled.ids, sampled.logprobs, sampled.versions) == ([5, 6], [-0.5, -1.5], [0, 0])


@given(st.sampled_from([GenerateProtocol(), CompletionsProtocol()]), JSON, st.data())
def test_any_reply_is_read_or_a_fault(protocol: Any, junk: Any, data: st.DataObject) -> None:
    choice = {name: data.draw(JSON) for name in data.draw(st.sets(st.sampled_from(FIELDS)))}
    for answer in ({"choices": [choice]}, {"choices": junk}, {"choices": [junk]}):
        try:
            protocol.read(answer, TURN)
        except EnvgymError:
            continue


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), max_size=5))
def test_versions_follow_the_spans(parts: list[tuple[int, int]]) -> None:
    labels = VersionLabels("run")
    spans, expected = [], list[int]()
    for version, (_, length) in enumerate(parts, start=2):
        spans.append(LabelSpan(labels.label(version), len(expected), len(expected) + length))
        expected += [version] * length
    now = 2 + len(parts)
    assert labels.versions(spans, len(expected), 2, now) == expected
    if spans:
        with pytest.raises(Fault, match="sampled under weights labelled"):
            labels.versions(spans, len(expected), 3, now)


@pytest.mark.parametrize("label", ["default", "run", "run:", "run:x", "run:-1", "other:1", ":1"])
def test_labels_of_others(label: str) -> None:
    assert VersionLabels("run").version(label) is None
    assert VersionLabels("run").version("run:12") == 12


def test_two_runs_have_labels_of_their_own() -> None:
    assert VersionLabels().label(1) != VersionLabels().label(1)
