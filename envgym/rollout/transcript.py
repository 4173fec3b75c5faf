"""Transcript of one seat in a running episode: messages, token ids and recorded turns.

The bridge between an environment's observations and an agent's completions during an episode.
"""

from __future__ import annotations

from collections.abc import Sequence

from envgym.agent import Completion, Context
from envgym.chat.renderer import Chat
from envgym.chat.skeleton import ConversationSkeleton
from envgym.messages import Action, Message, Observation
from envgym.tools import ToolSpec
from envgym.trajectory import Span, Trajectory, Turn


class Transcript:
    """Running record of a seat; `observe` and `record` extend it alternately."""

    def __init__(self, session: str, seat: str, chat: Chat | None, tools: Sequence[ToolSpec]):
        self.session = session
        self.trajectory = Trajectory(seat)
        self.messages: list[Message] = []
        self._chat = chat
        self._tools = tools
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
            self._ids.extend(i for span in spans for i in span.ids)
        context = Context(self.session, self.messages, self._tools, self._ids, group, seed)
        return context, spans

    def record(self, spans: list[Span], completion: Completion) -> Action:
        """Add a completion to the history; return the action to step with."""
        action = completion.action
        if action is None:
            before = self.messages[-1].role if self.messages else None
            action = (
                self._chat.read(completion.text, before, self._tools)
                if self._chat is not None
                else Action(completion.text)
            )
        ids = completion.ids
        if self._chat is not None and not ids:
            written = action if completion.action is not None else Action(completion.text)
            ids = self._chat.demonstrate(written, self._tools)  # calls in a text stand there once
        text = completion.text or (self._chat.decode(ids) if self._chat else action.text)
        self.trajectory.turns.append(
            Turn(
                context=spans,
                action=ids,
                logprobs=completion.logprobs,
                versions=completion.versions or [completion.version] * len(ids),
                restart=self._restart,
                text=text,
                messages=tuple(self._new),
                taken=action,
            )
        )
        self.messages.append(Message("assistant", text, "action", action.tool_calls))
        self._ids.extend(ids)
        self._sampled, self._new, self._restart = ids, [], False
        return action

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
