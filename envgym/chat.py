"""Messages to token ids, and back: the only place where text becomes tokens.

Each observation is rendered once, as a delta after what the model has sampled, whatever the chat
template. A template that rewrites history (Qwen3 takes the thinking out of earlier turns) is found
out, and the caller then begins a new row from a full rendering.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from typing import Any

from envgym.dialects import Dialect, dialect
from envgym.errors import UsageError
from envgym.messages import Action, Message
from envgym.tools import ToolSpec
from envgym.trajectory import Span

_MARK = "envgym-mark-51f0"  # stands for an assistant's text while a template is probed
_ASK = {"role": "user", "content": "?"}


class Chat:
    """A tokenizer's chat template and a dialect, as one renderer.

    Args:
        tokenizer: A Hugging Face tokenizer with a chat template.
        dialect_name: How the model writes tool calls.
        instructions: Whether the system message explains the tools; a model that has learnt the
            form needs no explanation, and saves its tokens.

    Raises:
        UsageError: The tokenizer has no chat template.
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
        self.dialect: Dialect = dialect(dialect_name)
        self._instructions = instructions

    # --- rendering ------------------------------------------------------------------------------

    def begin(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Span]:
        """The whole context from the start of the conversation, ready for the model to act."""
        explain = self._instructions and bool(tools)
        in_template = explain and self.dialect.schema_in_template and self._template_shows_tools
        conversation = [self._plain(m, tools) for m in messages]
        if explain and not in_template:
            _add_instructions(conversation, self.dialect.instructions(tools))
        kinds = [m.kind for m in messages]
        if len(conversation) > len(kinds):
            kinds = ["system", *kinds]
        schemas = [t.schema for t in tools] if in_template else None
        return self._spans(conversation, list(kinds), schemas, "", 0)

    def extend(
        self, sampled: Sequence[int], messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> list[Span]:
        """The context between the ids just sampled and the next action.

        It begins with what the template puts after an assistant message, less what was sampled of
        it (the end-of-turn token, as a rule).
        """
        before = [_ASK, {"role": "assistant", "content": _MARK}]
        after = [self._plain(m, tools) for m in messages]
        full = self._render([*before, *after])
        cut = full.rindex(_MARK) + len(_MARK)
        if sampled:
            last = self.tokenizer.decode([sampled[-1]])
            if last and full.startswith(last, cut):
                cut += len(last)
        return self._spans([*before, *after], ["system", "action"], None, full[:cut], 2, messages)

    def rewrites(self, text: str, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> bool:
        """Whether the template, seeing `messages` after an assistant's `text`, changes the text."""
        after = [self._plain(m, tools) for m in messages]
        full = self._render([_ASK, {"role": "assistant", "content": text}, *after])
        return text.strip() not in full

    def demonstrate(self, action: Action, tools: Sequence[ToolSpec]) -> list[int]:
        """The ids of an action written by no model, its end-of-turn token included."""
        text = self.dialect.write(action, tools)
        return [*self.tokenizer.encode(text, add_special_tokens=False), self.end_id]

    # --- reading --------------------------------------------------------------------------------

    def decode(self, ids: Sequence[int]) -> str:
        """The text of sampled ids, without the end-of-turn token."""
        kept = list(ids)
        while kept and kept[-1] in self.stop_ids:
            kept.pop()
        return self.tokenizer.decode(kept, skip_special_tokens=False)

    @cached_property
    def end_id(self) -> int:
        """The token the template puts after an assistant message."""
        full = self._render([_ASK, {"role": "assistant", "content": _MARK}], generate=False)
        tail = full[full.rindex(_MARK) + len(_MARK) :]
        ids = self.tokenizer.encode(tail, add_special_tokens=False)
        return ids[0] if ids else self.tokenizer.eos_token_id

    @cached_property
    def stop_ids(self) -> tuple[int, ...]:
        """Token ids that end an action."""
        return tuple({self.end_id, self.tokenizer.eos_token_id} - {None})

    # --- inside ---------------------------------------------------------------------------------

    @cached_property
    def _template_shows_tools(self) -> bool:
        probe = {"name": _MARK, "description": "", "parameters": {"type": "object"}}
        try:
            return _MARK in self._render([_ASK], [{"type": "function", "function": probe}])
        except Exception:
            return False

    @cached_property
    def _special(self) -> re.Pattern[str]:
        texts = sorted(self.tokenizer.get_added_vocab(), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, texts)) or r"(?!)")

    def _plain(self, message: Message, tools: Sequence[ToolSpec]) -> dict[str, Any]:
        """A message for the template, with nothing in it that could pass for markup."""
        text = message.content
        if message.role == "assistant":
            text = self.dialect.write(message_action(message), tools)
        else:
            text = self._special.sub(lambda m: f"{m[0][0]} {m[0][1:]}", text)
            if message.kind in ("tool", "critic"):
                text = self.dialect.neutralise(text, tools)
        plain: dict[str, Any] = {"role": message.role, "content": text}
        if message.role == "tool":
            plain |= {"name": message.name, "tool_call_id": message.tool_call_id}
        return plain

    def _render(
        self,
        conversation: Sequence[dict[str, Any]],
        schemas: Sequence[dict[str, Any]] | None = None,
        generate: bool = True,
    ) -> str:
        return self.tokenizer.apply_chat_template(
            list(conversation), tools=schemas, add_generation_prompt=generate, tokenize=False
        )

    def _spans(
        self,
        conversation: list[dict[str, Any]],
        kinds: list[Any],
        schemas: Sequence[dict[str, Any]] | None,
        done: str,
        known: int,
        messages: Sequence[Message] = (),
    ) -> list[Span]:
        """Render run by run of equal kind, so that each span's ids are its own.

        Where a shorter conversation is no prefix of a longer one (some templates close a run of
        tool results once) the two runs become one span of the later kind.
        """
        kinds = kinds + [m.kind for m in messages]
        full = self._render(conversation, schemas)
        spans: list[Span] = []
        end = known
        for kind, run in groupby(kinds[known:]):
            end += len(list(run))
            text = full if end == len(kinds) else self._prefix(conversation[:end], schemas, full)
            if text is None or len(text) <= len(done):
                continue
            ids = self.tokenizer.encode(text[len(done) :], add_special_tokens=False)
            spans.append(Span(kind, ids))
            done = text
        if len(done) < len(full):  # no new message: the generation prompt alone
            ids = self.tokenizer.encode(full[len(done) :], add_special_tokens=False)
            spans.append(Span("user", ids))
        return spans

    def _prefix(
        self,
        conversation: Sequence[dict[str, Any]],
        schemas: Sequence[dict[str, Any]] | None,
        full: str,
    ) -> str | None:
        try:
            text = self._render(conversation, schemas, generate=False)
        except Exception:  # a template may refuse a conversation that ends here
            return None
        return text if full.startswith(text) else None


def message_action(message: Message) -> Action:
    """The action behind an assistant message; calls that stand in the text are not kept twice."""
    return Action(message.content, () if message.content else message.tool_calls)


def _add_instructions(conversation: list[dict[str, Any]], text: str) -> None:
    if not text:
        return
    if conversation and conversation[0]["role"] == "system":
        conversation[0]["content"] += "\n\n" + text
    else:
        conversation.insert(0, {"role": "system", "content": text})
