"""Reading of attempts: calls with their replies, whatever an attempt lacks."""

from __future__ import annotations

from envgym import Action
from envgym.environments.attempts import RecordedCall, calls, replies, turns
from envgym.messages import Message, ToolCall, hint
from tests.environments.played import recorded

TWO = Action("", (ToolCall("look", {"at": "sky"}), ToolCall("say", None, "1", "broken")))


def test_calls_meet_their_replies_in_order() -> None:
    attempt = recorded((TWO, ["blue", "Error: broken"]), (Action.call("say", word="hi"), []))
    assert calls(attempt) == [
        RecordedCall("look", {"at": "sky"}, "blue", 0),
        RecordedCall("say", {}, "Error: broken", 0),
        RecordedCall("say", {"word": "hi"}, "", 1),
    ]
    assert [call.refused for call in calls(attempt)] == [False, True, False]
    assert [call.text("word") for call in calls(attempt, "say")] == ["", "hi"]
    assert calls(attempt)[0].text("at") == "sky"
    assert not calls(attempt, "sing")


def test_hints_in_an_attempt_are_no_replies() -> None:
    attempt = recorded((TWO, ["blue", "no"]), (TWO, []))
    second = attempt.turns[1]
    second.messages = (hint("Look up."), Message("user", "Look!", "shown"), *second.messages)
    assert [[m.content for m in after] for after in replies(attempt)] == [["blue", "no"], []]


def test_attempts_may_lack_anything() -> None:
    for attempt in (None, recorded(), recorded((None, []))):
        assert not calls(attempt)
    assert len(turns(recorded((None, [])))) == 1
    bare = recorded()
    bare.trajectories = {}
    assert not turns(bare)
    assert not replies(bare)
    odd = recorded((Action.call("say", word=3), ["too", "many"]))
    assert calls(odd)[0].text("word") == ""
    assert calls(odd)[0].reply == "too"
