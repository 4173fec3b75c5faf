"""Families whose templates lack a role play with tools where messages are folded."""

from __future__ import annotations

import pytest

from envgym.agent import Completion
from envgym.chat.renderer import Chat
from envgym.messages import Action, hint, observe, system, user
from envgym.rollout.transcript import Transcript
from tests.envgym.chat_templates import families
from tests.envgym.worlds import Guess

TOOLS = tuple(Guess.tools)
LACKING = ("cohere", "cohere2", "gemma", "gemma3", "gemma4", "gptoss", "llava_next", "phi3")


@pytest.mark.skipif(not families.names(), reason=families.ABSENT)
@pytest.mark.parametrize("name", LACKING)
def test_calls_results_and_hints_are_shown(name: str) -> None:
    """Every context is what a rendering of the whole history gives; a hint is its own text."""
    chat = Chat(families.byte_tokenizer(families.source(name)), fold="auto")
    transcript = Transcript("s", "agent", chat, TOOLS)
    new = [system("Find my number."), user("From 0 to 9."), hint("Halve it.")]
    for number in range(6):
        calls = [] if number == 3 else [families._call(n) for n in range(1 + number % 2)]
        transcript.observe(observe(new))
        context, spans = transcript.context("", 0)
        history = transcript.messages
        assert list(context.ids) == [i for s in chat.begin(history, TOOLS) for i in s.ids]
        text = chat.tokenizer.decode(list(context.ids))
        for message in new:
            assert message.content in text
        hinted = chat.tokenizer.decode([i for s in spans if s.kind == "hint" for i in s.ids])
        assert new[-1].kind != "hint" or "Halve it." in hinted
        assert not any(m.content in hinted for m in new if m.kind != "hint")
        action = Action(f"I say {number}.", tuple(calls))
        transcript.record(spans, Completion(chat.demonstrate(action, TOOLS), action=action))
        new = [families._result(call) for call in calls] or [user("Go on.")]
        new += [hint("Halve it.")] if number % 2 else []
