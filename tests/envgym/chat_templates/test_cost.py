"""Rendering costs what there is to render: counted in characters and ids, never in seconds."""

from __future__ import annotations

from typing import Any

import pytest

from envgym.agent import Completion
from envgym.chat.renderer import Chat
from envgym.messages import Action, Message, ToolCall, hint, observe, system, user
from envgym.rollout.transcript import Transcript
from tests.envgym import templates
from tests.envgym.chat_templates import families
from tests.envgym.worlds import Guess
from tests.machine import need

OWN = {"chatml": templates.CHATML, "grouping": templates.GROUPING, "trimming": templates.TRIMMING}
REWRITING = {"forgetful": templates.FORGETFUL}
FAMILIES = ["qwen2_5", "llama3_1", "deepseekv3", "qwen3"]
RESULT = "The number is somewhere else. " * 20


class Counting:
    """A tokenizer that counts what goes through it."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.characters = self.ids = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def apply_chat_template(self, *args: Any, **kwargs: Any) -> str:
        text = self._tokenizer.apply_chat_template(*args, **kwargs)
        self.characters += len(text)
        return text

    def encode(self, *args: Any, **kwargs: Any) -> list[int]:
        ids = self._tokenizer.encode(*args, **kwargs)
        self.ids += len(ids)
        return ids


def chat_of(name: str) -> Chat:
    if own := (OWN | REWRITING).get(name):
        return Chat(Counting(templates.tokenizer(own)))
    need(name in families.names(), families.ABSENT)
    return Chat(Counting(families.byte_tokenizer(families.source(name))))


def episode(chat: Chat, turns: int) -> tuple[int, int, int, int]:
    """Characters rendered, characters of the last context, ids encoded, ids of the episode."""
    counter = chat.tokenizer
    transcript = Transcript("s", "agent", chat, Guess.tools)
    new = [system("Rules."), user("Guess.")]
    counter.characters = counter.ids = 0
    for number in range(turns):
        transcript.observe(observe(new))
        _, spans = transcript.context("", 0)
        action = Action(f"I say {number}.", (ToolCall("guess", {"number": number}),))
        ids = chat.demonstrate(action, Guess.tools)
        transcript.record(spans, Completion(ids, action=action))
        new = [Message("tool", RESULT, tool_call_id="0", name="guess")]
        new += [hint("Halve it.")] if number % 4 == 3 else []
    total = [i for t in transcript.trajectory.turns for i in [*t.context_ids, *t.action]]
    assert not any(t.restart for t in transcript.trajectory.turns)
    return counter.characters, len(counter.decode(total)), counter.ids, len(total)


@pytest.mark.parametrize("name", [*OWN, *FAMILIES])
def test_a_hundred_turns_cost_what_they_hold(name: str) -> None:
    chat = chat_of(name)
    episode(chat, 10)  # what is asked of the template once and for all
    few, many = episode(chat, 50), episode(chat, 100)
    rendered, text, encoded, ids = many
    assert ids > 100 * len(RESULT) / 8
    assert encoded == ids - 100  # each once; an action's last token is known, not encoded
    assert rendered < 6 * text
    assert rendered - few[0] < 1.1 * few[0]  # the second fifty turns cost what the first did


def test_a_row_begun_anew_costs_a_rendering_of_the_history_and_its_skeleton() -> None:
    chat = chat_of("forgetful")
    transcript = Transcript("s", "agent", chat, ())
    seen = 0
    for number in range(40):
        transcript.observe(observe(RESULT))
        context, spans = transcript.context("", 0)
        seen += len(chat.tokenizer.decode(context.ids))
        action = Action(f"<think>\nhm\n</think>\n\nI say {number}. {RESULT}")
        ids = chat.demonstrate(action, ())
        transcript.record(spans, Completion(ids, action=action))
    turns = transcript.trajectory.turns
    assert [t.restart for t in turns] == [False, *[True] * 39]
    assert [s.kind for s in turns[-1].context] == ["user", *["action", "user"] * 39]
    assert chat.tokenizer.characters < 2.5 * seen
