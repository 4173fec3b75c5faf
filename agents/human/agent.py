"""Human agent: shows new messages to a person and asks for the next action.

It goes through the ordinary rollout, so that a game is recorded, scored and stored like any other
episode. Hints asked for are recorded behind the observation, as guidance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from envgym.agent import Agent, Completion, Context
from envgym.agents.human.argument_form import GoBack, QuitGame, fill_arguments
from envgym.agents.human.terminal import PlayerLeft, Terminal
from envgym.env import Env
from envgym.errors import suggest
from envgym.messages import Action, Message, hint
from envgym.tools import ToolSpec

_COMMANDS = ("hint", "say", "quit")
_TEXT_HELP = 'several lines between two of """'


class HumanAgent(Agent):
    """Agent of a person at a terminal; one episode at a time.

    Where there are tools, one is chosen by its number or name and its arguments are asked for;
    ``say`` writes a message without a call. Without tools a text is asked for. ``/hint`` shows the
    environment's next hint, ``/quit`` leaves (in the choice of a tool also without the slash,
    unless a tool bears the name).

    Attributes:
        left: The person has left.
    """

    def __init__(self, terminal: Terminal) -> None:
        self.left = False
        self._terminal = terminal
        self._env: Env[Any] | None = None
        self._seen: dict[str, list[Message]] = {}
        self._hints_shown = 0
        self._session = ""
        self._asked: list[Message] = []

    async def begin(self, session: str, env: Env[Any]) -> None:
        """Prepare the seat of `session`."""
        self._env = env
        if not self._seen:
            self._hints_shown = 0
        self._seen[session] = []

    async def act(self, context: Context) -> Completion:
        """Ask the person for the next action; finish with ``quit`` once they have left."""
        self._asked, self._session = [], context.session
        self._show_news(context)
        try:
            action = await (self._call(context.tools) if context.tools else self._text("> "))
        except (PlayerLeft, QuitGame):
            self.left = True
            return Completion(finish="quit", guidance=tuple(self._asked))
        return Completion(action=action, guidance=tuple(self._asked))

    async def end(self, session: str) -> None:
        """Forget the messages that `session` has shown."""
        self._seen.pop(session, None)

    def _show_news(self, context: Context) -> None:
        env, seen = self._env, self._seen[context.session]
        assert env is not None
        seat = f", seat {env.seat}" if len(env.seats) > 1 else ""
        self._terminal.console.rule(f"turn {env.turn + 1} of {env.max_turns}{seat}")
        same = 0  # an observation may replace what stood there
        for before, now in zip(seen, context.messages, strict=False):
            if before is not now:
                break
            same += 1
        for message in context.messages[same:]:
            if message.role != "assistant":
                self._terminal.show(message)
        seen[:] = context.messages

    async def _call(self, tools: Sequence[ToolSpec]) -> Action:
        self._list(tools)
        names = [tool.name for tool in tools]
        prompt = f"tool (1-{len(tools)} or name; {', '.join(_COMMANDS)})> "
        while True:
            choice = (await self._terminal.ask(prompt)).strip()
            command = choice.removeprefix("/")
            if choice not in names and command in _COMMANDS:
                if command == "say":
                    return await self._text("say> ")
                self._command(command)
            elif choice in names or (choice.isdecimal() and 1 <= int(choice) <= len(tools)):
                tool = tools[names.index(choice) if choice in names else int(choice) - 1]
                try:
                    return Action("", (await fill_arguments(tool, self._terminal),))
                except GoBack:
                    self._list(tools)
            elif choice:
                known = suggest(choice, [*names, *_COMMANDS])
                self._terminal.say(f"No tool {choice!r}.{known}", "red")

    async def _text(self, prompt: str) -> Action:
        self._terminal.say(f"Your message ({_TEXT_HELP}; /hint, /quit)", "dim")
        while True:
            text = await self._terminal.ask(prompt)
            if text.strip() in ("/hint", "/quit"):
                self._command(text.strip()[1:])
            elif text.strip():
                return Action(text)

    def _list(self, tools: Sequence[ToolSpec]) -> None:
        rows = [
            (f"{number:>3}", f"{tool.name}({', '.join(tool.arguments.model_fields)})")
            for number, tool in enumerate(tools, 1)
        ]
        self._terminal.table(
            [(*row, tool.description) for row, tool in zip(rows, tools, strict=True)]
        )

    def _command(self, command: str) -> None:
        if command == "quit":
            raise QuitGame
        assert self._env is not None
        hints = self._env.hints()
        if self._hints_shown >= len(hints):
            self._terminal.say("No further hint.", "yellow")
            return
        message = hint(hints[self._hints_shown])
        self._hints_shown += 1
        self._asked.append(message)
        self._seen[self._session].append(message)
        self._terminal.show(message)
