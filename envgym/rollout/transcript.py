"""Transcript of one seat in a running episode: messages, token ids and recorded turns.

The bridge between an environment's observations and an agent's completions during an episode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from envgym.agent import Completion, Context
from envgym.chat.renderer import Chat
from envgym.chat.skeleton import ConversationSkeleton
from envgym.messages import Action, Message, Observation
from envgym.tools import ToolSpec
from envgym.trajectory import Span, Trajectory, Turn


class Transcript:
    """Running record of a seat; `observe` and `record` extend it alternately.

    Args:
        prefix: Token ids with which the seat's first sampled action begins.
    """

    def __init__(
        self,
        session: str,
        seat: str,
        chat: Chat | None,
        tools: Sequence[ToolSpec],
        prefix: Sequence[int] = (),
    ) -> None:
        self.session = session
        self.trajectory = Trajectory(seat)
        self.messages: list[Message] = []
        self._chat = chat
        self._tools = tools
        self._prefix = list(prefix)
        self._ids: list[int] = []
        self._new: list[Message] = []
        self._sampled: list[int] = []
        self._restart = False
        self._skeleton: ConversationSkeleton | None = None

    def observe(self, observation: Observation) -> None:
        """Add new messages; they are rendered when the agent acts next."""
        if observation.replace_from is not None:
            del self.messages[observation.replace_from :]
            self._restart = bool(self._ids)
        self.messages.extend(observation.messages)
        self._new.extend(observation.messages)

    def guide(self, messages: Sequence[Message]) -> None:
        """Add hints that the agent asked for before it acted."""
        self.messages.extend(messages)
        self._new.extend(messages)

    def context(self, group: str, seed: int) -> tuple[Context, list[Span]]:
        """Make the agent's next context, and the spans in it that are new."""
        spans: list[Span] = []
        if self._chat is not None:
            spans = self._render(self._chat)
            if self._prefix:
                spans = [*spans, Span("prefix", self._prefix)]
            self._ids.extend(i for span in spans for i in span.ids)
        context = Context(self.session, self.messages, self._tools, self._ids, group, seed)
        return context, spans

    def record(self, spans: list[Span], completion: Completion) -> Action:
        """Add a completion to the history; return the action to step with."""
        prefix, self._prefix = self._prefix, []
        said = completion.text
        if prefix and self._chat is not None:
            said = self._chat.decode([*prefix, *completion.ids])
        action = completion.action
        if action is None:
            before = self.messages[-1].role if self.messages else None
            action = (
                self._chat.read(said, before, self._tools)
                if self._chat is not None
                else Action(said)
            )
        ids = completion.ids
        if self._chat is not None and not ids:
            written = action if completion.action is not None else Action(said)
            ids = self._chat.demonstrate(written, self._tools)  # calls in a text stand there once
        turn = Turn(
            context=spans,
            action=ids,
            logprobs=completion.logprobs,
            versions=completion.versions or [completion.version] * len(ids),
            text=said or (self._chat.decode(ids) if self._chat else action.text),
            taken=action,
            cut=completion.finish in ("length", "context"),
        )
        self._ids.extend(ids)
        self._add(turn, [*prefix, *ids])
        return action

    def record_given(self, action: Action) -> Action:
        """Add an action that no agent of this episode took; return the action to step with.

        Its tokens are context. Calls that its text holds are read, and stand there once.
        """
        spans, ids, text = list[Span](), list[int](), action.text
        if self._chat is not None:
            spans = self._render(self._chat)
            calls = self._chat.dialect.parse(action.text, self._tools).tool_calls
            written = Action(action.text) if calls else action
            action = action if action.tool_calls else replace(action, tool_calls=calls)
            ids = self._chat.demonstrate(written, self._tools)
            text = self._chat.decode(ids)
            self._ids += [*(i for span in spans for i in span.ids), *ids]
        turn = Turn([*spans, Span("prefix", ids)], [], text=text, taken=action)
        self._add(turn, ids)
        return action

    def _add(self, turn: Turn, written: list[int]) -> None:
        """Append a turn whose action is the `written` ids."""
        turn.restart, turn.messages = self._restart, tuple(self._new)
        self.trajectory.turns.append(turn)
        calls = turn.taken.tool_calls if turn.taken is not None else ()
        self.messages.append(Message("assistant", turn.text, "action", calls))
        self._sampled, self._new, self._restart = written, [], False

    def finish(self) -> Trajectory:
        """Make the trajectory, with the messages that came after the last action."""
        if self.trajectory.turns:
            self.trajectory.final = tuple(self._new)
        return self.trajectory

    def _render(self, chat: Chat) -> list[Span]:
        if self._skeleton is not None and not self._restart:
            action = self.messages[-len(self._new) - 1]
            spans = chat.extend(self._skeleton, action, self._sampled, self._new, self._tools)
            if spans is not None:
                return spans
            self._restart = True
        self._ids = []
        self._skeleton = chat.skeleton(self.messages, self._tools)
        return chat.begin(self.messages, self._tools)
