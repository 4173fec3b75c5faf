"""What an agent sees turn by turn, and what is kept of it."""

from __future__ import annotations

import pytest

from envgym.agent import Completion
from envgym.chat.renderer import Chat
from envgym.errors import UsageError
from envgym.messages import Action, Message, Observation, observe, user
from envgym.rollout.transcript import Transcript
from envgym.trajectory import rows
from tests.envgym import templates
from tests.envgym.worlds import Guess

TOOLS = Guess.tools


class Talk:
    """A transcript driven by texts in place of a model."""

    def __init__(self, template: str) -> None:
        self.chat = Chat(templates.tokenizer(template))
        self.transcript = Transcript("s", "agent", self.chat, ())
        self.seen: list[list[int]] = []

    def turn(self, observation: Observation | str | list[Message], text: str) -> Action:
        self.transcript.observe(observe(observation))
        context, spans = self.transcript.context("g", 0)
        self.seen.append(list(context.ids))
        ids = self.chat.demonstrate(Action(text), ())
        done = Completion(ids, [-0.5] * len(ids), text, version=len(self.seen))
        return self.transcript.record(spans, done)

    def text(self, ids: list[int]) -> str:
        return self.chat.tokenizer.decode(ids)


def test_each_context_extends_the_last() -> None:
    talk = Talk(templates.CHATML)
    for number in range(4):
        talk.turn(f"Turn {number}.", f"I say {number}.")
    trajectory = talk.transcript.finish()
    [row] = rows(trajectory)
    for index, seen in enumerate(talk.seen):
        first = int((row.turn == index).argmax())
        assert row.ids[:first].tolist() == seen  # what is trained on is what was seen
    assert [t.versions[0] for t in trajectory.turns] == [1, 2, 3, 4]
    assert not any(t.restart for t in trajectory.turns)
    assert [m.role for m in talk.transcript.messages] == ["user", "assistant"] * 4


def test_forgotten_thinking_begins_a_row() -> None:
    talk = Talk(templates.FORGETFUL)
    talk.turn("Go.", "<think>\nhm\n</think>\n\nA")
    talk.turn([Message("tool", "ok", tool_call_id="0")], "B")
    talk.turn("And now?", "C")
    talk.turn([Message("tool", "ok", tool_call_id="0")], "D")
    trajectory = talk.transcript.finish()
    assert [t.restart for t in trajectory.turns] == [False, False, True, False]
    assert ["hm" in talk.text(seen) for seen in talk.seen] == [False, True, False, False]
    first, second = rows(trajectory)
    assert sorted(set(first.turn) - {-1}) == [0, 1]
    assert sorted(set(second.turn) - {-1}) == [2, 3]
    assert int(first.mask.sum() + second.mask.sum()) == trajectory.action_tokens


def test_a_replaced_history_begins_a_row() -> None:
    talk = Talk(templates.CHATML)
    talk.turn("A long page.", "Read it.")
    talk.turn(Observation((user("Summary."),), replace_from=0), "Good.")
    assert [m.content for m in talk.transcript.messages] == ["Summary.", "Good."]
    assert "long page" not in talk.text(talk.seen[1])
    assert len(rows(talk.transcript.finish())) == 2


def test_the_last_observation_is_kept() -> None:
    talk = Talk(templates.CHATML)
    talk.turn("Go.", "7")
    talk.transcript.observe(observe("Right."))
    assert [m.content for m in talk.transcript.finish().final] == ["Right."]


def test_text_is_parsed_with_the_chats_dialect() -> None:
    transcript = Transcript("s", "agent", Chat(templates.tokenizer()), TOOLS)
    transcript.observe(observe("Go."))
    _, spans = transcript.context("", 0)
    text = '<tool_call>{"name": "guess", "arguments": {"number": 7}}</tool_call>'
    action = transcript.record(spans, Completion([1, 2], [], text))
    assert action.tool_calls[0].arguments == {"number": 7}
    assert transcript.trajectory.turns[0].action == [1, 2]


def test_a_demonstration_gets_ids() -> None:
    chat = Chat(templates.tokenizer())
    transcript = Transcript("s", "agent", chat, TOOLS)
    transcript.observe(observe("Go."))
    _, spans = transcript.context("", 0)
    action = Action.call("guess", number=7)
    assert transcript.record(spans, Completion(action=action)) is action
    turn = transcript.trajectory.turns[0]
    assert turn.action == chat.demonstrate(action, TOOLS)
    assert "guess" in turn.text
    assert turn.logprobs == []


def test_without_a_chat_there_are_only_messages() -> None:
    transcript = Transcript("s", "agent", None, TOOLS)
    transcript.observe(observe("Go."))
    context, spans = transcript.context("g", 3)
    assert (list(context.ids), spans, context.seed, context.group) == ([], [], 3, "g")
    assert transcript.record(spans, Completion(text="hm")) == Action("hm")
    assert transcript.trajectory.turns[0].context_ids == []


def test_each_id_keeps_the_version_it_was_sampled_with() -> None:
    chat = Chat(templates.tokenizer())
    transcript = Transcript("s", "agent", chat, ())
    transcript.observe(observe("Go."))
    _, spans = transcript.context("", 0)
    done = Completion([5, 6, 7], [-1.0] * 3, "hm", versions=[3, 3, 4])
    assert done.version == 3
    transcript.record(spans, done)
    [row] = rows(transcript.finish())
    assert row.versions[row.mask].tolist() == [3, 3, 4]


def test_versions_are_one_per_id() -> None:
    with pytest.raises(UsageError, match="2 versions for 3 ids: give one per id, or `version`"):
        Completion([5, 6, 7], versions=[1, 2])


def test_a_given_action_that_a_model_wrote_holds_its_calls_once() -> None:
    """Of a recorded success: its text, and the calls that were read from it."""
    chat = Chat(templates.tokenizer(templates.CHATML))
    text = chat.dialect.write(Action.call("guess", number=3), TOOLS)
    read = chat.dialect.parse(text, TOOLS)
    assert read.tool_calls
    for action in (read, Action(text), Action.call("guess", number=3)):
        transcript = Transcript("s", "agent", chat, TOOLS)
        transcript.observe(observe("Guess."))
        assert transcript.record_given(action).tool_calls == read.tool_calls
        assert transcript.trajectory.turns[0].text == text
