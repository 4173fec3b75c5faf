from __future__ import annotations

import json
from pathlib import Path

import pytest

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
