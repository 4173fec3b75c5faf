"""Messages to token ids, and back: the only place where text becomes tokens.

Each observation is rendered once, as a delta after what the model has sampled, whatever the chat
template. What the model sees is at every turn what a rendering of the whole history would give, but
for white space around its own words, which stays as sampled. A template that rewrites history
(Qwen3 takes the thinking out of earlier turns) is found out, and the caller then begins a new row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from typing import Any

from envgym.chat_template import ASK, ChatTemplate
from envgym.dialects import Dialect, dialect, resolve_dialect
from envgym.errors import UsageError
from envgym.messages import Action, Kind, Message
from envgym.reasoning import left_open
from envgym.sketch import Plain, Sketch, reduce
from envgym.tools import ToolSpec
from envgym.trajectory import Span


class Chat:
    """A tokenizer's chat template and a dialect, as one renderer.

    Args:
        tokenizer: A Hugging Face tokenizer with a chat template.
        dialect_name: How the model writes tool calls; ``auto`` takes the form that the chat
            template shows, and logs it.
        instructions: Whether the system message explains the tools; a model that has learnt the
            form needs no explanation, and saves its tokens.

    Raises:
        UsageError: The tokenizer has no chat template, or ``auto`` finds no form in it.
    """

    def __init__(
        self, tokenizer: Any, dialect_name: str = "hermes", *, instructions: bool = True
    ) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise UsageError(
                "the tokenizer has no chat template: put chat_template.jinja beside it, or use a "
                "chat model's tokenizer"
            )
        self.tokenizer = tokenizer
        self.template = ChatTemplate(tokenizer)
        self.dialect: Dialect = dialect(resolve_dialect(dialect_name, tokenizer.chat_template))
        self._instructions = instructions
        self._local: dict[str, bool] = {}

    # --- rendering ------------------------------------------------------------------------------

    def begin(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Span]:
        """The whole context from the start of the conversation, ready for the model to act.

        Raises:
            UsageError: The template cannot show these messages; the error names the mend.
        """
        conversation, kinds, schemas = self._opening(messages, tools)
        full = self.template.render(conversation, schemas)
        return self._spans(conversation, kinds, schemas, full, 0)

    def sketch(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Sketch:
        """What `extend` needs to know of the conversation that `begin` has rendered."""
        conversation, _, schemas = self._opening(messages, tools)
        return Sketch(conversation, schemas)

    def extend(
        self,
        sketch: Sketch,
        action: Message,
        sampled: Sequence[int],
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
    ) -> list[Span] | None:
        """The context between the ids just sampled and the next action; the sketch grows by it.

        It begins with what the template puts after an assistant message, less what was sampled of
        it (the end-of-turn token, as a rule).

        Returns:
            None where the template, seeing the new messages, changes what the model saw or wrote.

        Raises:
            UsageError: The template cannot show these messages; the error names the mend.
        """
        before = sketch.messages[-1]["role"] if sketch.messages else None
        turn = self._plain([action, *messages], tools, before)
        self._widen(sketch, turn)
        seen = self.template.render(sketch.messages, sketch.schemas)
        conversation = [*sketch.messages, *turn]
        full = self.template.render(conversation, sketch.schemas)
        prefill = self._prefill(before)
        written = prefill + self.dialect.write(message_action(action), tools)
        start = _after(full, seen.removesuffix(prefill), written)
        if start is None:
            return None
        if sampled and sampled[-1] in self.stop_ids:
            stop = self.tokenizer.decode([sampled[-1]])
            if not full.startswith(stop, start):
                return None  # the template ends a turn in another way than the model did
            start += len(stop)
        sketch.add(turn)
        kinds: list[Kind] = [m.kind for m in messages]
        return self._spans(conversation, kinds, sketch.schemas, full, start)

    def demonstrate(self, action: Action, tools: Sequence[ToolSpec]) -> list[int]:
        """The ids of an action written by no model, its end-of-turn token included."""
        text = self.dialect.write(action, tools)
        prompt = self.template.render([ASK])
        end = self._ends["tool" if action.tool_calls else "user"]
        return [*self._encode(text, prompt), end]

    # --- reading --------------------------------------------------------------------------------

    def read(self, text: str, before: str | None, tools: Sequence[ToolSpec]) -> Action:
        """The action in a sampled text.

        A thought that the generation prompt has opened stands before the action's text, so that
        every reader of it sees a thought, also where it is never closed.

        Args:
            before: The role of the message that it answers.
        """
        prefill = self._prefill(before)
        opened = prefill if left_open(prefill) else ""
        return self.dialect.parse(opened + text, tools)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of sampled ids, without the end-of-turn token."""
        kept = list(ids)
        while kept and kept[-1] in self.stop_ids:
            kept.pop()
        return self.tokenizer.decode(kept, skip_special_tokens=False)

    @cached_property
    def end_id(self) -> int:
        """The token that ends an assistant message, where the user is next to speak."""
        return self._ends["user"]

    @cached_property
    def stop_ids(self) -> tuple[int, ...]:
        """Token ids that end an action."""
        return tuple({*self._ends.values(), self.tokenizer.eos_token_id} - {None})

    # --- inside ---------------------------------------------------------------------------------

    @cached_property
    def _ends(self) -> dict[str, int]:
        """What ends an action before a message of each role.

        A template without an end of turn (GLM) lets the next message's first token end it.
        """
        own, eos = self.template.end_after(None), self.tokenizer.eos_token_id
        ends = {r: self.template.end_after(r) if own is None else own for r in ("user", "tool")}
        return {role: eos if end is None else end for role, end in ends.items()}

    def _opening(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> tuple[list[Plain], list[Kind], Sequence[Any] | None]:
        """The conversation as the template takes it: plain messages, their kinds, schemas."""
        explain = self._instructions and bool(tools)
        in_template = explain and self.dialect.schema_in_template and self.template.shows_tools
        conversation = self._plain(messages, tools, None)
        if explain and not in_template:
            _add_instructions(conversation, self.dialect.instructions(tools))
        kinds: list[Kind] = [m.kind for m in messages]
        if len(conversation) > len(kinds):
            kinds.insert(0, "system")
        return conversation, kinds, [t.schema for t in tools] if in_template else None

    def _plain(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], before: str | None
    ) -> list[Plain]:
        """Messages for the template, with nothing in them that could pass for markup."""
        conversation: list[Plain] = []
        for message in messages:
            text = message.content
            if message.role == "assistant":
                text = self.dialect.write(message_action(message), tools)
                text = (self._prefill(before) + text).removeprefix(self.template.opening)
            else:
                text = self.template.special.sub(lambda m: f"{m[0][0]} {m[0][1:]}", text)
                if message.kind in ("tool", "critic"):
                    text = self.dialect.neutralise(text, tools)
            plain: Plain = {"role": message.role, "content": text}
            if message.role == "tool":
                call_id = message.tool_call_id
                if call_id is not None:
                    call_id = self.dialect.result_id(call_id, message.name or "")
                plain |= {"name": message.name, "tool_call_id": call_id}
            conversation.append(plain)
            before = message.role
        return conversation

    def _prefill(self, before: str | None) -> str:
        return self.template.prefill(before) if before else ""

    def _widen(self, sketch: Sketch, turn: Sequence[Plain]) -> None:
        """Let the sketch be the whole skeleton where its shortness would show in the delta."""
        if not sketch.shortened or sketch.whole:
            return
        reduced = [reduce(m) for m in turn]
        shapes = [(m["role"], m["content"]) for m in (*sketch.messages, *reduced)]
        key = repr((bool(sketch.schemas), shapes))
        if key not in self._local:
            deltas = []
            for before in (sketch.messages, sketch.doubled):
                seen = self.template.render(before, sketch.schemas)
                full = self.template.render([*before, *reduced], sketch.schemas)
                deltas.append(full[len(seen) :] if full.startswith(seen) else None)
            self._local[key] = deltas[0] == deltas[1]
        sketch.whole = not self._local[key]

    def _spans(
        self,
        conversation: Sequence[Plain],
        kinds: Sequence[Kind],
        schemas: Sequence[Any] | None,
        full: str,
        start: int,
    ) -> list[Span]:
        """The ids of `full` from `start` on, a span for each run of equal kind.

        `kinds` are those of the last messages. What no hint may take along when it is dropped (the
        end of the turn before it, the generation prompt after it) is of kind ``user``.
        """
        index = len(conversation) - len(kinds)
        before: Kind = "user"
        borders: list[tuple[int, Kind]] = []  # where each run begins, and the kind before it
        for kind, run in groupby(kinds):
            if len(conversation) - index < len(kinds) or (kind == "hint" and start):
                borders.append((index, before))
            index += len(list(run))
            before = kind
        places = self.template.starts([i for i, _ in borders], conversation, schemas, full)
        cuts: list[tuple[int, Kind]] = [(p, k) for p, (_, k) in zip(places, borders, strict=True)]
        last: Kind = kinds[-1] if kinds else "user"
        if last == "hint":
            cuts.append((self.template.generation_start(conversation, schemas, full), last))
            last = "user"
        spans: list[Span] = []
        for end, kind in (*cuts, (len(full), last)):
            if end > start:
                spans.append(Span(kind, self._encode(full[start:end], full[:start])))
                start = end
        return spans

    def _encode(self, text: str, before: str) -> list[int]:
        """The ids of `text` where it stands after `before`.

        Some tokenizers put a space before whatever they are given: those get the text from the last
        special token on, whose ids are then taken off again.
        """
        ids = self.tokenizer.encode(text, add_special_tokens=False)
        if self._joins_freely or not before:
            return ids
        marks = [
            m.start() for m in self.template.special.finditer(before, max(0, len(before) - 200))
        ]
        if not marks:
            return ids
        lead = self.tokenizer.encode(before[marks[-1] :], add_special_tokens=False)
        both = self.tokenizer.encode(before[marks[-1] :] + text, add_special_tokens=False)
        return both[len(lead) :] if both[: len(lead)] == lead else ids

    @cached_property
    def _joins_freely(self) -> bool:
        """Whether a text has the same ids alone and after another."""
        one, two, both = (
            self.tokenizer.encode(text, add_special_tokens=False) for text in ("?\n", "a", "?\na")
        )
        return [*one, *two] == both


def message_action(message: Message) -> Action:
    """The action behind an assistant message; calls that stand in the text are not kept twice."""
    return Action(message.content, () if message.content else message.tool_calls)


def _after(full: str, seen: str, text: str) -> int | None:
    """Where `full` goes on after `seen` and an assistant's `text`; None if it begins otherwise.

    A template that trims the text rewrites nothing: the white space was sampled, and stays.
    """
    if not full.startswith(seen):
        return None
    kept = (text, text.rstrip(), text.lstrip(), text.strip())
    return next((len(seen) + len(k) for k in kept if full.startswith(k, len(seen))), None)


def _add_instructions(conversation: list[Plain], text: str) -> None:
    if not text:
        return
    if conversation and conversation[0]["role"] == "system":
        conversation[0]["content"] += "\n\n" + text
    else:
        conversation.insert(0, {"role": "system", "content": text})
