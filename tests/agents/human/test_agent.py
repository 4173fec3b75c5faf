"""A person plays through the ordinary rollout; here lines stand in for the keyboard."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console

from envgym.agents.human import HumanAgent, Terminal
from envgym.env import Env
from envgym.messages import Action, Message, Observation, hint, user
from envgym.rollout.runner import Start, run_episode
from envgym.stop_reason import StopReason
from envgym.task import Task
from envgym.tool_env import ToolEnv
from envgym.tools import tool
from envgym.trajectory import Episode

Game = type[Env[Any]]


def play(env: Env[Any], *lines: str) -> tuple[Episode, str, HumanAgent]:
    """The episode that lines make, and what was shown."""
    left = list(lines)
    screen = io.StringIO()

    def read(prompt: str) -> str:
        screen.write(prompt + "\n")
        if not left:
            raise EOFError
        return left.pop(0)

    terminal = Terminal(Console(file=screen, width=100), read)
    agent = HumanAgent(terminal)
    episode = terminal.run(run_episode(env, agent, Start(0)))
    assert not left
    return episode, screen.getvalue(), agent


class Hinted(ToolEnv[Task]):
    """A tool that bears a command's name, and two hints."""

    def tasks(self, split: str = "train") -> Sequence[Task]:
        return [Task({})]

    async def start(self, task: Task) -> str:
        return "Knock. \x1b[31m[bold]red[/bold]\x07"

    @tool
    async def quit(self) -> str:
        """Stop."""
        self.end(1.0)
        return "Stopped."

    def hints(self, attempt: Any = None) -> Sequence[str]:
        return ("Weak.", "Strong.")


class Talk(Env[Task]):
    """Ends on the third text; the second observation replaces the history."""

    def tasks(self, split: str = "train") -> Sequence[Task]:
        return [Task({})]

    async def start(self, task: Task) -> str:
        return "Say three things."

    async def act(self, action: Action) -> Observation | str:
        if self.turn == 3:
            self.end(0.5)
        if self.turn == 2:
            return Observation((user("In short: go on."),), replace_from=0)
        return f"I heard {action.text!r}."


def test_tools_by_number_and_by_name(guess: Game) -> None:
    episode, shown, agent = play(guess(), "1", "left", "", "dig", "guess", "3")
    assert (episode.stop_reason, agent.left) == (StopReason.ANSWERED, False)
    calls = [(c.name, c.arguments) for t in episode.turns if t.taken for c in t.taken.tool_calls]
    assert calls == [("look", {"where": "left"}), ("guess", {"number": 3})]
    assert "  1  look(where, items)  Look somewhere." in shown
    assert "No tool 'dig'. Known: guess, hint, look, quit, say." in shown
    assert "nothing left" in shown
    assert shown.count("Guess a number from 0 to 9.") == 1
    assert "turn 2 of 16" in shown


def test_hints_one_by_one_are_recorded_and_shown_once() -> None:
    episode, shown, _ = play(Hinted(), "hint", "say", "open up", "hint", "hint", "/quit")
    assert [m.kind for m in episode.turns[0].messages] == ["user", "hint"]
    assert episode.turns[0].messages[1] == hint("Weak.")
    assert episode.turns[0].text == "open up"
    assert [m.content for m in episode.trajectory.final if m.kind == "hint"] == ["Strong."]
    assert (shown.count("Weak."), shown.count("No further hint.")) == (1, 1)
    assert episode.stop_reason is StopReason.ABANDONED


def test_hints_start_over_with_the_next_episode() -> None:
    env, screen = Hinted(), io.StringIO()
    lines = ["hint", "quit", "hint", "quit"]
    terminal = Terminal(Console(file=screen), lambda prompt: lines.pop(0))
    agent = HumanAgent(terminal)

    async def twice() -> list[Episode]:
        return [await run_episode(env, agent, Start(seed)) for seed in range(2)]

    episodes = terminal.run(twice())
    assert [e.turns[0].messages[-1] for e in episodes] == [hint("Weak.")] * 2
    assert [e.score for e in episodes] == [1.0, 1.0]  # the tool has the name, not the command


def test_what_the_world_says_cannot_act_on_the_terminal() -> None:
    _, shown, _ = play(Hinted(), "/quit")
    assert "\N{REPLACEMENT CHARACTER}[31m[bold]red[/bold]\N{REPLACEMENT CHARACTER}" in shown
    assert "\x1b" not in shown


def test_free_text_where_there_are_no_tools() -> None:
    lines = ("", "quit", '"""', "two", "lines", '"""', "/hint", "end")
    episode, shown, _ = play(Talk(), *lines)
    assert [t.text for t in episode.turns] == ["quit", "two\nlines", "end"]
    assert episode.score == 0.5
    assert [shown.count(t) for t in ("I heard 'quit'.", "In short", "No further hint.")] == [1] * 3


@pytest.mark.parametrize("lines", [("/quit",), ("1", "/quit"), (), ("1", "left")])
def test_leaving_at_any_question_keeps_the_episode(guess: Game, lines: tuple[str, ...]) -> None:
    episode, _, agent = play(guess(), "look", "left", "", *lines)
    assert agent.left
    assert (episode.stop_reason, episode.fault) == (StopReason.ABANDONED, None)
    assert len(episode.turns) == 1
    assert episode.trajectory.final == (
        Message("tool", "nothing left", tool_call_id="0", name="look"),
    )


def test_seats_are_named() -> None:
    class Duel(Talk):
        seats = ("white", "black")

        async def act(self, action: Action) -> str:
            self.seat = "black" if self.seat == "white" else "white"
            if self.turn == 2:
                self.end(1.0)
            return f"{action.text}, {self.seat}"

    episode, shown, _ = play(Duel(), "e4", "e5")
    assert {s: t.turns[0].text for s, t in episode.trajectories.items()} == {
        "white": "e4",
        "black": "e5",
    }
    assert "turn 1 of 16, seat white" in shown
    assert "turn 2 of 16, seat black" in shown
