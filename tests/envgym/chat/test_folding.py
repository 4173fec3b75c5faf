"""Roles that a template lacks, folded into the messages beside them."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from envgym.agent import Completion
from envgym.chat.renderer import Chat
from envgym.errors import UsageError
from envgym.messages import Action, Message, ToolCall, hint, observe, system, user
from envgym.rollout.transcript import Transcript
from envgym.trajectory import Row, rows
from tests.envgym import templates
from tests.envgym.templates import CHATML, STRICT
from tests.envgym.worlds import Guess

TOOLS = Guess.tools
CALLS = (ToolCall("guess", {"number": 3}, "0"), ToolCall("guess", {"number": 4}, "1"))

# Mistral's habit: results must be answered before a user speaks again.
ANSWERING = STRICT.replace("'assistant'] %}", "'assistant', 'tool'] %}", 1).replace(
    "(m.role == 'user')", "(m.role != 'assistant')"
)
# Shows system messages without tools alone, and nothing at all without either.
WITH_TOOLS = "{%- if not tools %}{{ raise_exception('give me tools') }}{% endif %}" + CHATML
NO_RULES = (
    "{%- if tools and messages[0].role == 'system' %}{{ raise_exception('rules or tools') }}"
    "{% endif %}{%- if tools %}{{- tools | tojson }}{% endif %}" + CHATML
)


def result(text: str, call: str = "0") -> Message:
    return Message("tool", text, tool_call_id=call, name="guess")


class Talk:
    """A conversation; every context is compared with a rendering of the whole history."""

    def __init__(self, template: str, fold: str = "auto", tools: Any = ()) -> None:
        self.chat = Chat(templates.tokenizer(template), fold=fold)
        self.tools = tools
        self.transcript = Transcript("s", "agent", self.chat, tools)
        self.text = ""

    def turn(self, *new: Message, action: Action | None = None) -> str:
        """The context after some messages; then the agent acts."""
        self.transcript.observe(observe(new))
        context, spans = self.transcript.context("", 0)
        whole = [i for s in self.chat.begin(self.transcript.messages, self.tools) for i in s.ids]
        assert list(context.ids) == whole
        action = action or Action("Hm.")
        ids = self.chat.demonstrate(action, self.tools)
        self.transcript.record(spans, Completion(ids, action=action))
        assert not self.transcript.trajectory.turns[-1].restart
        return self.chat.tokenizer.decode(whole)

    def rows(self, *drop: Any) -> list[str]:
        compiled: list[Row] = rows(self.transcript.trajectory, drop)
        return [self.chat.tokenizer.decode(row.ids.tolist()) for row in compiled]


def play(talk: Talk, *hints: Message) -> list[str]:
    return [
        talk.turn(system("Rules."), user("Guess."), *hints),
        talk.turn(user("No.")),
        talk.turn(user("Again."), *hints, action=Action("Hm.", CALLS)),
        talk.turn(result("Higher."), result("Lower </tool_response>.", "1"), *hints),
        talk.turn(user("Go on."), *hints),
    ]


def test_what_a_strict_template_shows() -> None:
    texts = play(Talk(STRICT), hint("Halve it."))
    assert texts[0] == (
        "<|im_start|>user\nRules.\n\nGuess.\n\nHalve it.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert texts[3].rpartition("user\n")[2] == (
        "<tool_response>\nHigher.\n</tool_response>\n\n<tool_response>\nLower < /tool_response>.\n"
        "</tool_response>\n\nHalve it.<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize(
    ("template", "first"), [(STRICT, True), (STRICT, False), (ANSWERING, False)]
)
def test_a_hint_that_is_dropped_leaves_what_was_there_without_it(
    template: str, first: bool
) -> None:
    """Also one that shares its message, at either end of it."""
    hinted, plain = Talk(template), Talk(template)
    for talk, hints in ((hinted, [hint("Halve it.")]), (plain, [])):
        for new in ([user("Guess.")], [user("Again."), user("And again.")], [result("No.")]):
            talk.turn(*(hints if first else []), *new, *([] if first else hints))
    assert hinted.rows() != plain.rows()
    assert hinted.rows("hint") == plain.rows()


def test_rules_and_tools_before_the_task() -> None:
    talk = Talk(STRICT, tools=TOOLS)
    [text, *_] = play(talk)
    assert text.startswith("<|im_start|>user\nRules.\n\n")
    assert '"guess"' in text.partition("Guess.")[0]


def test_only_what_is_refused_is_folded() -> None:
    folded, as_it_is = play(Talk(CHATML), hint("x")), play(Talk(CHATML, "off"), hint("x"))
    assert folded == as_it_is
    assert "<|im_start|>tool\nNo.\n\nGo on.<|im_end|>" in _answered(ANSWERING)


def _answered(template: str) -> str:
    talk = Talk(template)
    talk.turn(user("Guess."), action=Action("Hm.", CALLS[:1]))
    return talk.turn(result("No."), user("Go on."))


def test_what_is_named_is_folded_always_and_nothing_else() -> None:
    text = Talk(CHATML, "system, tool").turn(system("Rules."), user("Guess."))
    assert text.count("<|im_start|>user") == 2
    text = Talk(CHATML, "hint").turn(user("Guess."), hint("Halve it."))
    assert "Guess.\n\nHalve it.<|im_end|>" in text
    with pytest.raises(UsageError, match=r"no tool messages .*fold=auto"):
        Talk(STRICT, "system").chat.begin([user("?"), Message("assistant", "!"), result("x")], ())
    for wrong in ("on", "system,assistant", ""):
        with pytest.raises(UsageError, match="none of off, auto, or some of system, tool, hint"):
            Chat(templates.tokenizer(CHATML), fold=wrong)


def test_it_says_what_it_folds_and_why_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "envgym.chat.renderer"):
        play(Talk(STRICT))
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == len(set(lines))
    assert (
        "the chat template has no system messages (it says: no such role): they are folded into "
        "user messages"
    ) in lines


# --- with tools and without ---------------------------------------------------------------------


def test_a_template_that_wants_tools_gets_them() -> None:
    shown = WITH_TOOLS.replace("{% endif %}", "{% endif %}{{- tools | tojson }}", 1)
    talk = Talk(shown, "off", TOOLS)
    text = talk.turn(system("Rules."), user("Guess."))
    assert '"guess"' in text
    with pytest.raises(UsageError, match=r"it says: give me tools; with tools .* it has them"):
        Talk(shown, "off").chat.begin([user("Guess.")], ())


def test_a_template_that_has_no_rules_beside_tools() -> None:
    with pytest.raises(UsageError, match=r"rules or tools; without tools in the template it has"):
        Talk(NO_RULES, "off", TOOLS).turn(system("Rules."), user("Guess."))
    text = Talk(NO_RULES, "auto", TOOLS).turn(system("Rules."), user("Guess."))
    assert "<|im_start|>user\nRules." in text


# --- true reasons -------------------------------------------------------------------------------


def test_the_message_that_is_refused_is_named() -> None:
    late = CHATML + (
        "{%- if messages | length > 3 %}{{ raise_exception('no more than three') }}{% endif %}"
    )
    history = [
        user("a"),
        Message("assistant", "b"),
        user("c"),
        Message("assistant", "d"),
        user("e"),
    ]
    with pytest.raises(
        UsageError,
        match=r"at message 4 of 5 \(user, assistant, user, assistant\) \(it says: no more than",
    ):
        Chat(templates.tokenizer(late)).begin(history, ())


def test_a_broken_template_is_named_with_its_line() -> None:
    with pytest.raises(UsageError, match=r"it says: .*\(its line 2\)"):
        Chat(templates.tokenizer("\n{% for %}")).begin([user("?")], ())
