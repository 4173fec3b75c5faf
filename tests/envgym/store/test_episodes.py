from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from envgym.errors import UsageError
from envgym.messages import Action, Message, ToolCall, user
from envgym.stop_reason import StopReason
from envgym.store.episodes import EpisodeWriter, read_episodes
from envgym.task import Task
from envgym.trajectory import KINDS, Episode, Span, Trajectory, Turn, rows

finite = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(max_size=8)
ids = st.lists(st.integers(0, 2**31 - 1), max_size=6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=4,
)
objects = st.dictionaries(words, json_values, max_size=3)
calls = st.builds(
    ToolCall, name=words, arguments=st.none() | objects, id=words, error=st.none() | words
)
messages = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    content=words,
    kind=st.sampled_from(KINDS),
    tool_calls=st.lists(calls, max_size=2).map(tuple),
    tool_call_id=st.none() | words,
    name=st.none() | words,
)
actions = st.builds(Action, text=words, tool_calls=st.lists(calls, max_size=2).map(tuple))
some_messages = st.lists(messages, max_size=2).map(tuple)


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    action = draw(ids)
    n = len(action)
    logprob = st.floats(-1e4, 0, width=32)
    return Turn(
        context=draw(st.lists(st.builds(Span, st.sampled_from(KINDS), ids), max_size=3)),
        action=action,
        logprobs=draw(st.just([]) | st.lists(logprob, min_size=n, max_size=n)),
        versions=draw(st.just([]) | st.lists(st.integers(0, 2**31 - 1), min_size=n, max_size=n)),
        restart=draw(st.booleans()),
        reward=draw(finite),
        text=draw(words),
        messages=draw(some_messages),
        taken=draw(st.none() | actions),
        advantages=draw(st.just([]) | st.lists(st.floats(width=32, allow_nan=False), max_size=4)),
        anchor=draw(words),
        target_logprobs=draw(st.just([]) | st.lists(logprob, min_size=n, max_size=n)),
    )


trajectories = st.builds(
    Trajectory, seat=words, turns=st.lists(turns(), max_size=3), final=some_messages
)
tasks = st.builds(Task, data=objects, hidden=objects, split=words, difficulty=st.none() | finite)
episodes = st.builds(
    Episode,
    id=words,
    env=words,
    task=tasks,
    seed=st.integers(0, 2**60),
    group=words,
    score=st.floats(0, 1),
    stop_reason=st.sampled_from(list(StopReason)),
    metrics=st.dictionaries(words, finite, max_size=3),
    trajectories=st.dictionaries(words, trajectories, max_size=2),
    fault=st.none() | words,
    wall_s=finite,
    agent_s=finite,
    env_s=finite,
)


def episode(number: int, turns: int = 2) -> Episode:
    body = [
        Turn(
            [Span("user", [1, 2, number]), Span("hint", [3])],
            [4, 5 + t],
            [-0.5, -0.25],
            [7, 7],
            text=f"turn {t}",
            messages=(user("Grüße"),),
            reward=float(t),
        )
        for t in range(turns)
    ]
    return Episode(
        f"e{number}",
        "toy/toy-v0",
        Task({"q": "é"}, {"a": "1"}),
        seed=number,
        score=1.0,
        stop_reason=StopReason.ANSWERED,
        trajectories={"agent": Trajectory("agent", body)},
    )


@given(shards=st.lists(st.lists(episodes, max_size=3), max_size=2))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_written_is_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, shards: list[list[Episode]]
) -> None:
    directory = tmp_path_factory.mktemp("run")
    writer = EpisodeWriter(directory)
    for shard in shards:
        writer.write(shard)
    assert list(read_episodes(directory)) == [e for shard in shards for e in shard]


def test_logprobs_come_back_as_float32(tmp_path: Path) -> None:
    one = episode(0, 1)
    one.turns[0].logprobs = [-0.1, float("nan")]
    EpisodeWriter(tmp_path).write([one])
    (back,) = read_episodes(tmp_path)
    expected = np.array([-0.1, np.nan], np.float32)
    assert np.array_equal(np.array(back.turns[0].logprobs, np.float32), expected, equal_nan=True)
    assert back.turns[0].logprobs[0] == float(expected[0])


def test_rows_are_the_same_after_a_round_trip(tmp_path: Path) -> None:
    before = episode(3)
    EpisodeWriter(tmp_path).write([before])
    (after,) = read_episodes(tmp_path)
    for a, b in zip(rows(before.trajectory), rows(after.trajectory), strict=True):
        for field in dataclasses.fields(a):
            assert np.array_equal(getattr(a, field.name), getattr(b, field.name))


def test_half_a_surrogate_pair_survives(tmp_path: Path) -> None:
    one = episode(0, 1)
    one.turns[0].text = "broken \ud83d byte"
    EpisodeWriter(tmp_path).write([one])
    assert list(read_episodes(tmp_path)) == [one]


def test_the_readable_file_holds_text_not_ids(tmp_path: Path) -> None:
    path = EpisodeWriter(tmp_path).write([episode(0)])
    text = path.read_text()
    assert "Grüße" in text
    row = json.loads(text)
    assert [t["text"] for t in row["trajectories"]["agent"]["turns"]] == ["turn 0", "turn 1"]
    assert row["stop_reason"] == "answered"
    assert "logprobs" not in text


def test_numbers_go_on_and_steps_are_kept(tmp_path: Path) -> None:
    EpisodeWriter(tmp_path).write([episode(0)])
    assert EpisodeWriter(tmp_path).write([episode(1)]).name == "episodes-000001.jsonl"
    EpisodeWriter(tmp_path).write([episode(2)], step=1_000_000)
    EpisodeWriter(tmp_path).write([episode(3)], step=20)
    assert [e.seed for e in read_episodes(tmp_path)] == [0, 1, 3, 2]
    assert not list(tmp_path.glob(".*")), "no drafts are left"


def test_a_shard_is_not_overwritten_unasked(tmp_path: Path) -> None:
    writer = EpisodeWriter(tmp_path)
    writer.write([episode(0)], step=4)
    with pytest.raises(UsageError, match="overwrite=True"):
        writer.write([episode(1)], step=4)
    writer.write([episode(1)], step=4, overwrite=True)
    assert [e.seed for e in read_episodes(tmp_path)] == [1]


def test_every_cut_gives_what_stands_before_it(tmp_path: Path) -> None:
    written = [episode(i) for i in range(3)]
    path = EpisodeWriter(tmp_path).write(written)
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        back = list(read_episodes(tmp_path))
        complete = whole[:cut].count(b"\n") + (whole[cut : cut + 1] == b"\n")
        assert back == written[:complete]


def test_lines_may_be_taken_out(tmp_path: Path) -> None:
    written = [episode(i, 1 + i) for i in range(4)]
    path = EpisodeWriter(tmp_path).write(written)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[3] + lines[1])
    assert list(read_episodes(tmp_path)) == [written[3], written[1]]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = EpisodeWriter(tmp_path).write([episode(0), episode(1)])
    path.write_bytes(b"{oops\n" + path.read_bytes())
    with pytest.raises(UsageError, match="line 1 is no JSON"):
        list(read_episodes(tmp_path))


def test_a_missing_or_damaged_token_file_is_a_usage_error(tmp_path: Path) -> None:
    EpisodeWriter(tmp_path).write([episode(0)])
    tokens = tmp_path / "tokens-000000.safetensors"
    whole = tokens.read_bytes()
    tokens.write_bytes(whole[:-9])
    with pytest.raises(UsageError, match="damaged"):
        list(read_episodes(tmp_path))
    tokens.unlink()
    with pytest.raises(UsageError, match="missing"):
        list(read_episodes(tmp_path))


def test_a_missing_directory_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no directory"):
        list(read_episodes(tmp_path / "none"))
    assert list(read_episodes(tmp_path)) == []


def test_a_value_that_json_cannot_hold_leaves_no_file(tmp_path: Path) -> None:
    one = episode(0)
    one.task = Task({"q": object()})
    with pytest.raises(UsageError, match="e0"):
        EpisodeWriter(tmp_path).write([one])
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_overwrite_never_mixes_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = EpisodeWriter(tmp_path)
    writer.write([episode(0)], step=0)

    def fail(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space"):
        writer.write([episode(1)], step=0, overwrite=True)
    assert list(read_episodes(tmp_path)) == []


@pytest.mark.parametrize(
    ("missing", "columns"), [(("advantages", "target_logprobs"), 4), (("target_logprobs",), 5)]
)
def test_tokens_of_before_an_array_was_kept_are_read(
    tmp_path: Path, missing: tuple[str, ...], columns: int
) -> None:
    written = [episode(0), episode(1)]
    for one in written:
        one.turns[1].advantages = [] if "advantages" in missing else [0.5, -0.5]
    EpisodeWriter(tmp_path).write(written)
    path = tmp_path / "tokens-000000.safetensors"
    arrays = load_file(path)
    for name in missing:
        del arrays[name]
    arrays["turn_lengths"] = np.ascontiguousarray(arrays["turn_lengths"][:, :columns])
    save_file(arrays, path, metadata={"format": "envgym-tokens-1", "kinds": " ".join(KINDS)})
    assert list(read_episodes(tmp_path)) == written
