from __future__ import annotations

import json
from pathlib import Path

import pytest

from envgym.messages import Kind, Message
from envgym.store.json_rows import episode_line
from envgym.view.episodes import details, list_row
from envgym.view.tokens import Pieces
from tests.envgym.view.runs import episode, run_folder


@pytest.fixture
def pieces(tmp_path: Path) -> Pieces:
    found = Pieces.beside(run_folder(tmp_path / "run"))
    assert found is not None
    return found


def test_every_token_has_its_text_and_values(pieces: Pieces) -> None:
    [seat] = details(episode(0, said="Oslo", version=7), pieces, 100)["seats"]
    [turn] = seat["turns"]
    asked, hinted, action = turn["blocks"]
    assert ("".join(asked["p"]), asked["k"]) == ("What is the capital of country 0?", "user")
    assert ("".join(hinted["p"]), hinted["k"]) == ("Think.", "hint")
    assert action["p"] == list("Oslo")
    assert action["lp"] == [-0.5, -1.0, -1.5, -2.0]
    assert action["adv"] == [0.25, 0.5, 0.75, 1.0]
    assert action["v"] == 7  # equal values are said once
    assert seat["final"] == [{"k": "tool", "text": "Right."}]


@pytest.mark.parametrize(
    ("guided_by", "kind", "note"),
    [
        ("guide:2", "hint", "level 2, not seen by the loss"),
        ("ghpo:13", "shown", "level 13, seen by the loss"),
        ("agent_rlvr", "hint", "not seen by the loss"),
        ("regft:plain", "hint", "not seen by the loss"),
        ("", "hint", "not seen by the loss"),
        ("guide:2", "user", None),
    ],
)
def test_a_hint_is_marked_with_its_level(
    pieces: Pieces, guided_by: str, kind: Kind, note: str | None
) -> None:
    one = episode(0)
    one.guided_by = guided_by
    one.turns[0].context[1].kind = kind
    [seat] = details(one, pieces, 100)["seats"]
    assert [b.get("note") for b in seat["turns"][0]["blocks"]] == [None, note, None]


def test_hints_of_agents_without_tokens_are_marked() -> None:
    one = episode(0, tokens=False)
    one.guided_by = "guide:1"
    one.turns[0].messages += (Message("user", "Think.", "hint"),)
    [seat] = details(one, None, 100)["seats"]
    hint = {"k": "hint", "text": "Think.", "note": "level 1, not seen by the loss"}
    assert seat["turns"][0]["blocks"][1] == hint


def test_both_log_probs_of_a_guided_token_are_there(pieces: Pieces) -> None:
    """Means are over all tokens, also those that a cut leaves out."""
    one = episode(0, said="Oslo")
    one.turns[0].target_logprobs = [-1.0, -2.0, -3.0, -4.5]
    [seat] = details(one, pieces, 2)["seats"]
    [turn] = seat["turns"]
    assert turn["blocks"][-1]["lp"] == [-0.5, -2.0]
    assert turn["blocks"][-1]["tlp"] == [-1.0, -4.5]
    assert turn["mean_lp"] == [-1.25, -2.625]
    one.turns[0].logprobs = []
    assert details(one, pieces, 2)["seats"][0]["turns"][0]["mean_lp"] is None


def test_an_unguided_token_has_one_log_prob(pieces: Pieces) -> None:
    [seat] = details(episode(0), pieces, 100)["seats"]
    assert seat["turns"][0]["mean_lp"] is None
    assert seat["turns"][0]["blocks"][-1]["tlp"] is None


def test_without_tokens_the_texts_and_calls_are_shown(pieces: Pieces) -> None:
    for reader in (pieces, None):
        [seat] = details(episode(0, tokens=False), reader, 100)["seats"]
        assert seat["turns"][0]["blocks"] == [
            {"k": "user", "text": "What is the capital of country 0?"},
            {"k": "action", "text": 'answer(text="Paris")'},
        ]


def test_tokens_without_a_tokenizer_are_shown_by_text() -> None:
    [seat] = details(episode(0), None, 100)["seats"]
    assert [b["text"] for b in seat["turns"][0]["blocks"]][-1] == "Paris"


def test_long_stretches_lose_their_middle_and_say_so(pieces: Pieces) -> None:
    long = "a" * 30 + "b" * 40 + "c" * 30
    [seat] = details(episode(0, said=long, answer="x" * 500), pieces, 10)["seats"]
    action = seat["turns"][0]["blocks"][-1]
    assert action["p"] == list("aaaaaccccc")
    assert action["cut"] == [5, 90]
    assert {len(action[name]) for name in ("p", "i", "lp", "adv")} == {10}
    assert action["lp"][-1] == -50.0
    assert seat["turns"][0]["n"] == 100
    assert "460 characters left out" in seat["final"][0]["text"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"question": "Who\n is  it?", "top": 3}, "Who is it?"),
        ({"top": 100}, "What is the capital of country 0?"),  # what the agent was asked
        ({"text": "y" * 999}, "y" * 300),
    ],
)
def test_a_tasks_line_is_its_text(data: dict[str, object], text: str) -> None:
    row = json.loads(episode_line(episode(0), 0))
    row["task"]["data"] = data
    assert list_row("set/0", 4, row)["task"] == text
    assert list_row("set/0", 4, row)["key"] == "set/0/4"
