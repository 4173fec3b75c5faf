"""Rendering of messages to token ids, and parsing of sampled ids to actions.

This is the only place where text becomes tokens. Each observation is rendered once, as a delta
after the sampled ids, with any chat template. At every turn the model sees the same text as in a
rendering of the whole history, except for white space around its own words, which stays as sampled.
`Chat.extend` detects a template that rewrites history (Qwen3 removes the thinking of earlier
turns), and the caller then begins a new row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from envgym.chat.dialects import Dialect, dialect, resolve_dialect
from envgym.chat.folding import Folding, Parts
from envgym.chat.skeleton import ConversationSkeleton, Plain, reduce
from envgym.chat.template import ASK, ChatTemplate
from envgym.errors import UsageError
from envgym.messages import Action, Kind, Message
from envgym.parsing.reasoning import left_open
from envgym.tools import ToolSpec
from envgym.trajectory import Span


class Chat:
    """Renderer made of a tokenizer's chat template and a dialect.

    Args:
        tokenizer: A Hugging Face tokenizer with a chat template.
        dialect_name: Tool-call format of the model; ``auto`` takes the form that the chat
            template shows, and logs it.
        instructions: Explain the tools in the system message; a model that has learnt the
            form needs no explanation, and saves its tokens.
        fold: ``off``; ``auto`` folds messages that the template has no role for into the user
            messages beside them, and logs which; see `Folding`.

    Raises:
        UsageError: The tokenizer has no chat template, or ``auto`` finds no form in it.
    """

    def __init__(
        self,
        tokenizer: Any,
        dialect_name: str = "hermes",
        *,
        instructions: bool = True,
        fold: str = "off",
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
        self._fold = Folding(fold)

    # --- rendering ------------------------------------------------------------------------------

    def begin(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Span]:
        """Render the whole context from the start of the conversation, ready for the model to act.

        Raises:
            UsageError: The template cannot show these messages; the error names the fix.
        """
        conversation, parts, schemas = self._opening(messages, tools)
        full = self.template.render(conversation, schemas)
        return self._spans(conversation, parts, schemas, full, 0)

    def skeleton(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> ConversationSkeleton:
        """Make the skeleton of the conversation that `begin` rendered, for `extend`."""
        conversation, _, schemas = self._opening(messages, tools)
        return ConversationSkeleton(conversation, schemas)

    sketch = skeleton  # its former name

    def extend(
        self,
        skeleton: ConversationSkeleton,
        action: Message,
        sampled: Sequence[int],
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
    ) -> list[Span] | None:
        """Render the context between the ids just sampled and the next action; extends `skeleton`.

        It begins with what the template puts after an assistant message, less what was sampled of
        it (the end-of-turn token, as a rule).

        Returns:
            None where the template, seeing the new messages, changes what the model saw or wrote.

        Raises:
            UsageError: The template cannot show these messages; the error names the fix.
        """
        before = skeleton.messages[-1]["role"] if skeleton.messages else None
        shows = skeleton.schemas is not None
        new = [action, *messages]
        turn, parts = self._shaped(
            [self._plain(m, tools) for m in new], [m.kind for m in new], before, shows
        )
        self._widen(skeleton, turn)
        seen = self.template.render(skeleton.messages, skeleton.schemas)
        conversation = [*skeleton.messages, *turn]
        full = self.template.render(conversation, skeleton.schemas)
        prefill = self._prefill(before, shows)
        written = prefill + self.dialect.write(message_action(action), tools)
        start = _after(full, seen.removesuffix(prefill), written)
        if start is None:
            return None
        if sampled and sampled[-1] in self.stop_ids:
            stop = self.tokenizer.decode([sampled[-1]])
            if not full.startswith(stop, start):
                return None  # the template ends a turn in another way than the model did
            start += len(stop)
        skeleton.add(turn)
        return self._spans(conversation, parts[1:], skeleton.schemas, full, start)

    def demonstrate(self, action: Action, tools: Sequence[ToolSpec]) -> list[int]:
        """Render an action that no model wrote to ids, its end-of-turn token included."""
        text = self.dialect.write(action, tools)
        prompt = self.template.render([ASK], self.template.required_schemas)
        end = self._ends["tool" if action.tool_calls else "user"]
        return [*self._encode(text, prompt), end]

    # --- reading --------------------------------------------------------------------------------

    def read(self, text: str, before: str | None, tools: Sequence[ToolSpec]) -> Action:
        """Parse the action in a sampled text.

        A thought that the generation prompt has opened stands before the action's text, so that
        every reader of it sees a thought, also where it is never closed.

        Args:
            before: The role of the message that it answers.
        """
        prefill = self._prefill(before, self._in_template(tools))
        opened = prefill if left_open(prefill) else ""
        return self.dialect.parse(opened + text, tools)

    def decode(self, ids: Sequence[int]) -> str:
        """Decode sampled ids to text, without the end-of-turn token."""
        kept = list(ids)
        while kept and kept[-1] in self.stop_ids:
            kept.pop()
        return self.tokenizer.decode(kept, skip_special_tokens=False)

    @cached_property
    def end_id(self) -> int:
        """Id of the token that ends an assistant message before a user message."""
        return self._ends["user"]

    @cached_property
    def stop_ids(self) -> tuple[int, ...]:
        """Ids of the tokens that end an action."""
        return tuple({*self._ends.values(), self.tokenizer.eos_token_id} - {None})

    # --- inside ---------------------------------------------------------------------------------

    @cached_property
    def _ends(self) -> dict[str, int]:
        """End-of-action token before a message of each role.

        A template without an end of turn (GLM) lets the next message's first token end it.
        """
        own, eos = self.template.end_after(None), self.tokenizer.eos_token_id
        ends = {r: self.template.end_after(r) if own is None else own for r in ("user", "tool")}
        if ends["tool"] is None:  # results are shown as user messages, if at all
            ends["tool"] = ends["user"]
        return {role: eos if end is None else end for role, end in ends.items()}

    def _opening(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> tuple[list[Plain], list[Parts], Sequence[Any] | None]:
        """The conversation as the template takes it: plain messages, their parts, schemas."""
        in_template = self._in_template(tools)
        plain = [self._plain(m, tools) for m in messages]
        kinds: list[Kind] = [m.kind for m in messages]
        if self._instructions and tools and not in_template:
            _add_instructions(plain, self.dialect.instructions(tools))
        if len(plain) > len(kinds):
            kinds.insert(0, "system")
        conversation, parts = self._shaped(plain, kinds, None, in_template)
        return conversation, parts, [t.schema for t in tools] if in_template else None

    def _in_template(self, tools: Sequence[ToolSpec]) -> bool:
        """Flag: the chat template gets the tools' schemas to show."""
        shown = self.dialect.schema_in_template and self.template.shows_tools
        return self._instructions and bool(tools) and shown

    def _shaped(
        self, plain: Sequence[Plain], kinds: Sequence[Kind], before: str | None, shows: bool
    ) -> tuple[list[Plain], list[Parts]]:
        """Messages as the template takes them, and the parts of each.

        Args:
            before: Role of the message before them.
            shows: The template shows the tools.
        """
        conversation, parts = self._fold(
            plain, kinds, lambda last, role: self.template.refusal(last, role, shows)
        )
        for message in conversation:
            if message["role"] == "assistant":
                text = self._prefill(before, shows) + message["content"]
                message["content"] = text.removeprefix(self.template.opening)
            before = message["role"]
        return conversation, parts

    def _plain(self, message: Message, tools: Sequence[ToolSpec]) -> Plain:
        """A message for the template, with nothing in it that could pass for markup."""
        text = message.content
        if message.role == "assistant":
            text = self.dialect.write(message_action(message), tools)
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
        return plain

    def _prefill(self, before: str | None, shows: bool) -> str:
        return self.template.prefill(before, shows) if before else ""

    def _widen(self, skeleton: ConversationSkeleton, turn: Sequence[Plain]) -> None:
        """Keep all turns in the skeleton where leaving some out would change the delta."""
        if not skeleton.shortened or skeleton.whole:
            return
        reduced = [reduce(m) for m in turn]
        shapes = [(m["role"], m["content"]) for m in (*skeleton.messages, *reduced)]
        key = repr((bool(skeleton.schemas), shapes))
        if key not in self._local:
            deltas = []
            for before in (skeleton.messages, skeleton.doubled):
                seen = self.template.render(before, skeleton.schemas)
                full = self.template.render([*before, *reduced], skeleton.schemas)
                deltas.append(full[len(seen) :] if full.startswith(seen) else None)
            self._local[key] = deltas[0] == deltas[1]
        skeleton.whole = not self._local[key]

    def _spans(
        self,
        conversation: Sequence[Plain],
        parts: Sequence[Parts],
        schemas: Sequence[Any] | None,
        full: str,
        start: int,
    ) -> list[Span]:
        """The ids of `full` from `start` on, a span for each run of equal kind.

        `parts` are those of the last messages. What no hint may take along when it is dropped (the
        end of the turn before it, the generation prompt after it) is of kind ``user``.
        """
        borders, last = _borders(conversation, parts, bool(start))
        whole = [i for i, offset, _ in borders if offset is None]
        starts = dict(
            zip(whole, self.template.starts(whole, conversation, schemas, full), strict=True)
        )
        cuts: list[tuple[int, Kind]] = []
        place = start
        for index, offset, kind in borders:
            place = starts.get(index, place)
            if offset is not None:
                text = conversation[index]["content"]
                cuts.append((_inside(full, text, place, offset), kind))
            else:
                cuts.append((place, kind))
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
        """Test that a text has the same ids alone and after another."""
        one, two, both = (
            self.tokenizer.encode(text, add_special_tokens=False) for text in ("?\n", "a", "?\na")
        )
        return [*one, *two] == both


def message_action(message: Message) -> Action:
    """Rebuild the action of an assistant message; calls that the text holds are not kept twice."""
    return Action(message.content, () if message.content else message.tool_calls)


def _after(full: str, seen: str, text: str) -> int | None:
    """Offset in `full` after `seen` and an assistant's `text`; None if it begins otherwise.

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


def _borders(
    conversation: Sequence[Plain], parts: Sequence[Parts], delta: bool
) -> tuple[list[tuple[int, int | None, Kind]], Kind]:
    """Borders between kinds, and the last kind.

    Each border is a message, a place in its text (None: where the message itself begins) and the
    kind before it. A hint that shares its message with others is its own text alone: neither the
    message's beginning nor its end goes with it.
    """
    index = len(conversation) - len(parts)
    borders: list[tuple[int, int | None, Kind]] = []
    before: Kind | None = None
    for own in parts:
        shared = any(kind != "hint" for _, kind in own)
        for offset, kind in own:
            lone = kind == "hint" and (delta or shared)
            if kind != before and (before is not None or lone):
                begins = offset == 0 and not (kind == "hint" and shared)
                borders.append((index, None if begins else offset, before or "user"))
            before = kind
        if before == "hint" and shared:
            borders.append((index, len(conversation[index]["content"]), before))
            before = "user"
        index += 1
    return borders, before or "user"


def _inside(full: str, text: str, start: int, offset: int) -> int:
    """The place in `full`, where a message's text stands behind `start`, of an offset in it.

    Raises:
        UsageError: The text does not stand there as it is.
    """
    words = text.strip()
    found = full.find(words, start)
    if found < 0:
        raise UsageError(
            "the chat template rewrites user messages: folded ones cannot be taken apart in it; "
            "use another template, or fold=off"
        )
    return found + min(max(0, offset - (len(text) - len(text.lstrip()))), len(words))
