"""Every template of TRL's wheel: what is seen is what a full rendering gives, or a clear error.

`families.Play` asserts it at every turn; the table in docs/evidence/templates.md says which of the
three things happens, and changes only with its generator.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.envgym.chat_templates import families
from tests.machine import need

PAGE = Path(__file__).parents[3] / "docs/evidence/templates.md"


@pytest.fixture(autouse=True)
def _there() -> None:
    need(families.names(), families.ABSENT)


def test_the_table_holds_every_template() -> None:
    table = PAGE.read_text().partition("<!-- table:")[2]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == families.names()


@pytest.mark.parametrize("name", families.names() or ["absent"])
def test_deltas_are_the_full_rendering_and_the_table_says_which(name: str) -> None:
    row = families.table_row(name)
    assert row in PAGE.read_text(), f"{row}\nis new: look why, then run scripts/template_table.py"


@pytest.mark.parametrize("name", ["qwen2_5", "qwen3", "llama3_1", "llama3_2", "lfm2", "qwen3_vl"])
def test_calls_are_append_only_and_the_tools_are_in_the_first_context(name: str) -> None:
    chat = families.chat(name)
    play = families.play_tools(chat, "")
    assert not any(play.restarts)
    first = chat.tokenizer.decode(play.transcript.trajectory.turns[0].context_ids)
    assert first.count("Say a number.") == 1  # the schema, by the template
    assert "Find my number." in first
    assert first.index("Say a number.") < first.index("From 0 to 9.")


def test_qwen3_forgets_thoughts_when_the_user_speaks() -> None:
    chat = families.chat("qwen3")
    play = families.play_tools(chat, families.own_form(chat, thought=True))
    turns = play.transcript.trajectory.turns
    spoke = [any(m.role == "user" for m in t.messages) for t in turns]
    assert play.restarts == [False, *spoke[1:]]
    for turn in turns:
        context = chat.tokenizer.decode(turn.context_ids)
        assert "hm," not in context  # neither in a delta nor in a history rendered anew
        assert turn.text.startswith("<think>\nhm,\n</think>\n\n")


def test_a_template_whose_tool_results_depend_on_earlier_ones_is_exact() -> None:
    """DeepSeek-V3 opens its tool outputs once, at the first result of the conversation."""
    play = families.play_tools(families.chat("deepseekv3"), "")
    text = play.chat.tokenizer.decode(play.ids)
    assert not any(play.restarts)
    assert text.count("<｜tool▁outputs▁begin｜>") == 1
