"""Probing of a tokenizer's chat template: its roles, message borders and end-of-turn token.

A template may drop a role, refuse an order of roles, or write its end of turn anywhere. Rendering
short conversations of marks reveals all of this; no template is known by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from envgym.chat.skeleton import MARK, SCHEMAS, Plain, reduce
from envgym.errors import UsageError

ASK: Plain = {"role": "user", "content": "?"}
_FIRST, _SECOND = MARK + "1", MARK + "2"
_PREFIXES = 64
"""Messages of a conversation of which the one that is refused is looked for."""
_FOLD = "fold=auto does so (chat.fold in a recipe)"
_FIXES = {
    "system": "put the rules into the first user message, and the tools too where there are some "
    f"(instructions=False leaves them out of the system message): {_FOLD}",
    "tool": f"give the results as user messages ({_FOLD}), or use a template that shows them",
    "assistant": "use a template that shows what the assistant wrote",
    "user": "use the template of a model for text",
}


class ChatTemplate:
    """A chat template, with its properties measured by rendering short conversations.

    Args:
        tokenizer: A Hugging Face tokenizer with a chat template.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._refusals: dict[tuple[str | None, str, bool], str] = {}
        self._prefills: dict[tuple[str, bool], str] = {}

    def render(
        self,
        conversation: Sequence[Plain],
        schemas: Sequence[Any] | None = None,
        generate: bool = True,
    ) -> str:
        """Render the conversation to text.

        Raises:
            UsageError: The template refuses the conversation, or leaves one of its messages out.
        """
        before: str | None = None
        for message in conversation:
            self._require(before, message["role"], bool(schemas))
            before = message["role"]
        try:
            return self._raw(conversation, schemas, generate)
        except Exception as error:  # templates raise any exception
            where = self._where(conversation, schemas, generate)
            raise UsageError(
                f"the chat template refuses the conversation {where} (it says: {_line(error)}): "
                "see its own rules, or use another one"
            ) from error

    def refusal(self, before: str | None, role: str, tools: bool = False) -> str:
        """Reason for refusing a message of `role` after one of `before`; empty where accepted.

        Args:
            tools: Tools are shown too: some templates then have other roles.
        """
        key = (before, role, tools)
        if key not in self._refusals:
            self._refusals[key] = self._probe(before, role, SCHEMAS if tools else None)
        return self._refusals[key]

    @cached_property
    def special(self) -> re.Pattern[str]:
        """Texts of the tokenizer's added tokens."""
        texts = sorted(self.tokenizer.get_added_vocab(), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, texts)) or r"(?!)")

    def prefill(self, before: str, tools: bool = False) -> str:
        """Reasoning mark that the generation prompt after a `before` message opens or closes.

        It is part of the assistant's message: without it a template would take a thought apart at
        the wrong place, or see none.
        """
        key = (before, tools)
        if key not in self._prefills:
            lead, schemas = [*_lead(before), _mark(before, MARK)], SCHEMAS if tools else None
            try:
                prompt, without = (self._raw(lead, schemas, generate) for generate in (True, False))
            except Exception:  # `render` reports the reason
                prompt = without = ""
            found = prompt.find("<think>", self._common(prompt, without))
            self._prefills[key] = prompt[found:] if found >= 0 else ""
        return self._prefills[key]

    @cached_property
    def required_schemas(self) -> list[Any] | None:
        """A placeholder tool, for templates that render nothing without tools."""
        needed = self.refusal(None, "user") and not self.refusal(None, "user", True)
        return SCHEMAS if needed else None

    @cached_property
    def opening(self) -> str:
        """Text between an assistant's header and words: a space, a channel.

        A model of the family samples it too; it is no part of the message's content.
        """
        schemas = self.required_schemas
        try:
            prompt = self._raw([ASK], schemas, True)
            shown = self._raw([ASK, _mark("assistant", _FIRST)], schemas, False)
        except Exception:  # `render` reports the reason
            return ""
        prompt = prompt.removesuffix(self.prefill("user", bool(schemas)))
        return shown[len(prompt) :].partition(_FIRST)[0] if shown.startswith(prompt) else ""

    @cached_property
    def takes_thoughts_apart(self) -> bool:
        """Flag: the template reads reasoning only from a field beside the content (Qwen3.8)."""
        text = f"<think>\n{_FIRST}\n</think>\n\n{_SECOND}"
        inline, apart = _mark("assistant", text), _thought_apart(_mark("assistant", text))
        render = self.tokenizer.apply_chat_template
        try:
            prompt = render([ASK], add_generation_prompt=True, tokenize=False)
            prompt = prompt.partition("<think>")[0]
            shown = [render([ASK, m], tokenize=False) for m in (inline, apart)]
        except Exception:
            return False
        return [s.startswith(prompt + text) for s in shown] == [False, True]

    @cached_property
    def shows_tools(self) -> bool:
        """Flag: the template writes tool schemas into the context."""
        try:
            return MARK in self._raw([ASK], SCHEMAS, True)
        except Exception:
            return False

    def end_after(self, role: str | None) -> int | None:
        """First special token between an assistant's text and a message of `role`.

        That is the end-of-turn token, or, where a template writes none, what opens the next
        message: a model of that template stops there.
        """
        follow = [{"role": role, "content": _SECOND}] if role else []
        try:
            shown = [ASK, _mark("assistant", _FIRST), *follow]
            text = self._raw(shown, self.required_schemas, False)
        except Exception:
            return None
        tail = text.rpartition(_FIRST)[2].partition(_SECOND)[0]
        found = self.special.search(tail)
        return self.tokenizer.convert_tokens_to_ids(found[0]) if found else None

    def starts(
        self,
        indices: Sequence[int],
        conversation: Sequence[Plain],
        schemas: Sequence[Any] | None,
        full: str,
    ) -> list[int]:
        """Start offsets in `full`, the conversation's rendering, of the messages at `indices`.

        One rendering of marks tells what stands between two texts, so that a long history costs no
        rendering for each border in it. A text that the template writes in another way (as JSON)
        is found by its difference to a mark.
        """
        if len(indices) < 3:
            return [self._start_of(i, conversation, schemas, full) for i in indices]
        marks = [f"{MARK}{i};" for i in range(len(conversation))]
        reduced = [reduce(m, mark) for m, mark in zip(conversation, marks, strict=True)]
        skeleton = self._raw(reduced, schemas, True)
        found, place = [], 0
        for index in indices:
            before, message = conversation[index - 1], conversation[index]
            between = skeleton.rpartition(marks[index - 1])[2].partition(marks[index])[0]
            words = before["content"].rpartition("</think>")[2].lstrip()
            if full.find(words + between, place) < 0:
                words = words.rstrip()  # the template trims
            at = full.find(words + between, place)
            if at >= 0 and between:
                place = self._whole(full, at + len(words) + self._border(before, message)[0])
            else:
                place = self._start_of(index, conversation, schemas, full)
            found.append(place)
        return found

    def generation_start(
        self, conversation: Sequence[Plain], schemas: Sequence[Any] | None, full: str
    ) -> int:
        """Start offset of the generation prompt in `full`."""
        return self._common(full, self._raw(conversation, schemas, False))

    # --- inside ---------------------------------------------------------------------------------

    def _raw(
        self, conversation: Sequence[Plain], schemas: Sequence[Any] | None, generate: bool
    ) -> str:
        shaped = list(conversation)
        if self.takes_thoughts_apart and any("</think>" in m["content"] for m in shaped):
            shaped = [_thought_apart(m) for m in shaped]
        if self._takes_parts:
            shaped = [_in_parts(m) for m in shaped]
        return self.tokenizer.apply_chat_template(
            shaped, tools=schemas, add_generation_prompt=generate, tokenize=False
        )

    @cached_property
    def _takes_parts(self) -> bool:
        """Flag: the template reads a content only as a list of parts (vision models)."""

        def shown(probe: Plain) -> bool:
            try:
                return MARK in self.tokenizer.apply_chat_template([probe], tokenize=False)
            except Exception:
                return False

        return not shown(_mark("user", MARK)) and shown(_in_parts(_mark("user", MARK)))

    def _require(self, before: str | None, role: str, tools: bool) -> None:
        """Raise unless a message of `role` after one of `before` is shown."""
        reason = self.refusal(before, role, tools)
        if not reason:
            return
        if (before, role) in (("user", "user"), ("tool", "tool"), ("tool", "user")):
            self._require(
                "assistant", role, tools
            )  # its own refusal, if any, is the plainer reason
        if not self.refusal(before, role, not tools):
            reason += f"; {'without' if tools else 'with'} tools in the template it has them"
        what, fix = f"{role} messages", _FIXES[role]
        if before is not None and (before == role or before == "tool"):
            what = f"{role} messages after {before} messages"
            fix = f"join them into one: {_FOLD}"
        raise UsageError(f"the chat template has no {what} ({reason}): {fix}")

    def _probe(self, before: str | None, role: str, schemas: Sequence[Any] | None) -> str:
        first = [] if before is None else [*_lead(before), _mark(before, _FIRST)]
        probe = [*first, *([] if first else _lead(role)), _mark(role, _SECOND)]
        after = [ASK] if role in ("system", "assistant") else []
        try:
            text = self._raw([*probe, *after], schemas, True)
        except Exception as error:
            return f"it says: {_line(error)}"
        shown = _SECOND in text and (before is None or _FIRST in text)
        return "" if shown else "it leaves them out"

    def _where(
        self, conversation: Sequence[Plain], schemas: Sequence[Any] | None, generate: bool
    ) -> str:
        """The first message with which a conversation that is refused becomes so."""
        shown = 0
        for count in range(1, min(len(conversation), _PREFIXES)):
            try:
                self._raw(conversation[:count], schemas, generate)
                shown = count
            except Exception:
                continue
        roles = ", ".join(m["role"] for m in conversation[max(0, shown - 3) : shown + 1])
        dots = "…, " if shown > 3 else ""
        return f"at message {shown + 1} of {len(conversation)} ({dots}{roles})"

    def _start_of(
        self, index: int, conversation: Sequence[Plain], schemas: Sequence[Any] | None, full: str
    ) -> int:
        """Start of one message: a mark in its place changes nothing before it."""
        marked = [*conversation]
        marked[index] = {**marked[index], "content": MARK}
        same = _same(full, self._raw(marked, schemas, True))
        return self._whole(full, same - self._border(*conversation[index - 1 : index + 1])[1])

    def _border(self, before: Plain, message: Plain) -> tuple[int, int]:
        """Lengths of the earlier and the later text's parts of the separator between them."""
        schemas = self.required_schemas
        first = [*_lead(before["role"]), before | {"content": _FIRST}]
        after = [ASK] if message["role"] in ("system", "assistant") else []
        text = self._raw([*first, message | {"content": _SECOND}, *after], schemas, True)
        between = text.partition(_FIRST)[2].partition(_SECOND)[0]
        try:
            tail = self._raw(first, schemas, False).partition(_FIRST)[2]
        except Exception:  # it refuses a conversation that ends there
            tail = ""
        ending = self._common(between, tail)
        return ending, len(between) - ending

    def _common(self, text: str, other: str) -> int:
        """Length of the common beginning, in whole special tokens of `text`."""
        return self._whole(text, _same(text, other))

    def _whole(self, text: str, end: int) -> int:
        """`end`, or the start of the special token of `text` that it would split."""
        for found in self.special.finditer(text, max(0, end - 200)):
            if found.start() < end < found.end():
                return found.start()
        return end


def _thought_apart(message: Plain) -> Plain:
    """The message with the thinking of its content beside it."""
    thought, end, rest = message["content"].rpartition("</think>")
    if message["role"] != "assistant" or not end:
        return message
    thought = thought.partition("<think>")[2].strip("\n")
    return {**message, "content": rest.lstrip("\n"), "reasoning_content": thought}


def _in_parts(message: Plain) -> Plain:
    """The message with its content as a list of one part."""
    return {**message, "content": [{"type": "text", "text": message["content"]}]}


def _mark(role: str, text: str) -> Plain:
    plain = {"role": role, "content": text}
    return plain | {"name": "tool", "tool_call_id": "0"} if role == "tool" else plain


def _lead(role: str) -> list[Plain]:
    """Messages required before a message of `role`."""
    leads = {"assistant": [ASK], "tool": [ASK, _mark("assistant", "!")]}
    return list(leads.get(role, []))


def _same(one: str, two: str) -> int:
    """Length of the common prefix of two texts."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(two[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low


def _line(error: Exception) -> str:
    """A template's own words, or where it is broken."""
    line = getattr(error, "lineno", None)  # of a syntax error
    said = " ".join(str(error).split())[:200] or type(error).__name__
    return said if line is None else f"{said} (its line {line})"
