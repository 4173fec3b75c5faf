"""The chat templates of model families, from the wheel of TRL that `make test` fetches.

One token a byte, so that equal ids mean equal text and a merge hides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from envgym.agent import Completion
from envgym.chat.renderer import Chat
from envgym.errors import UsageError
from envgym.messages import Action, Message, ToolCall, observe, system, user
from envgym.rollout.transcript import Transcript
from tests.envgym.worlds import Guess

TRL = "1.16.0"
FOLDER = Path(__file__).parents[3] / f".cache/trl-{TRL}/trl/chat_templates"
ABSENT = f"{FOLDER} is absent: `make test` fetches it (pip install --no-deps --target, TRL {TRL})"
_SPECIAL = re.compile(
    r"<\|[\w/]+\|>|<\|\w+>|<\w+\|>|<｜[^｜]+｜>|<(?:start|end)_of_\w+>|\[gMASK\]|<sop>|</s>"
)
_PREFILL = re.compile(r"<think>\s*(?:</think>\s*)?\Z")


def names() -> list[str]:
    """Every template's name; empty where the wheel is absent."""
    return sorted(p.stem for p in FOLDER.glob("*.jinja"))


def source(name: str) -> str:
    return (FOLDER / f"{name}.jinja").read_text()


def byte_tokenizer(template: str) -> Any:
    """Byte-level, no merges; the template's special tokens are added tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = {sign: i for i, sign in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = sorted({"<bos>", "<eos>", *_SPECIAL.findall(template)})
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in texts])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<bos>",
        eos_token="<eos>",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = template
    return fast


@cache
def chat(name: str) -> Chat:
    return Chat(byte_tokenizer(source(name)))


@dataclass
class Play:
    """A conversation through a transcript; every context is compared with a full rendering."""

    chat: Chat
    tools: tuple[Any, ...] = ()
    ids: list[int] = field(default_factory=list)
    restarts: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.transcript = Transcript("s", "agent", self.chat, self.tools)
        template = self.chat.tokenizer.chat_template
        self.parts = "content'][0]['t" in template  # no string will do
        self.prefill = {
            role: (_PREFILL.findall(text) or [""])[0] for role, text in prompts(self.chat).items()
        }

    def turn(self, new: list[Message], action: Action) -> None:
        self.transcript.observe(observe(new))
        context, spans = self.transcript.context("", 0)
        full = self.full_rendering()
        assert list(context.ids) == full
        before, self.ids = self.ids, list(context.ids)
        ids = self.chat.demonstrate(action, self.tools)
        self.transcript.record(spans, Completion(ids, action=action))
        self.ids += ids
        restart = self.transcript.trajectory.turns[-1].restart
        assert restart == (full[: len(before)] != before)
        self.restarts.append(restart)

    def full_rendering(self) -> list[int]:
        """What `apply_chat_template` makes of the whole history, with no help of ours."""
        said = self.transcript.messages
        messages = [self._plain(m, before) for before, m in zip([None, *said], said, strict=False)]
        schemas = [t.schema for t in self.tools]
        if schemas and not self.chat.template.shows_tools:
            messages[0]["content"] += "\n\n" + self.chat.dialect.instructions(self.tools)
            schemas = []
        if self.parts:
            messages = [m | {"content": [{"type": "text", "text": m["content"]}]} for m in messages]
        encoded = self.chat.tokenizer.apply_chat_template(
            messages, tools=schemas or None, add_generation_prompt=True, return_dict=False
        )
        return list(encoded)

    def _plain(self, message: Message, before: Message | None) -> dict[str, Any]:
        plain = {"role": message.role, "content": message.content}
        if message.role == "assistant":  # what the generation prompt has begun is the message's
            text = self.prefill[before.role] + message.content
            plain["content"] = text.removeprefix(self.chat.template.opening)
            thought, end, words = plain["content"].rpartition("\n</think>\n\n")
            if end and self.chat.template.takes_thoughts_apart:
                thought = thought.removeprefix("<think>").strip("\n")
                plain |= {"content": words, "reasoning_content": thought}
        if message.role == "tool":
            plain |= {"name": message.name, "tool_call_id": message.tool_call_id}
        return plain


def play_tools(chat: Chat, lead: str, turns: int = 12) -> Play:
    """Rules, a task and tools; calls, several results in one observation, a user now and then.

    Every action begins with `lead`.
    """
    play = Play(chat, tuple(Guess.tools))
    new = [system("Find my number."), user("From 0 to 9.")]
    for number in range(turns):
        speaks = number % 5 == 3
        calls = [] if speaks else [_call(n) for n in range(1 + number % 2)]
        play.turn(new, Action(f"{lead}I say {number}.", tuple(calls)))
        new = [_result(call) for call in calls] or [user("Go on.")]
    return play


def play_dialogue(chat: Chat, lead: str, rules: bool, turns: int = 8) -> Play:
    """User and assistant in turn, after a system message if there are `rules`."""
    play = Play(chat)
    for number in range(turns):
        first = [system("Rules.")] if rules and not number else []
        play.turn([*first, user(f"Turn {number}.")], Action(f"{lead}I say {number}."))
    return play


def own_form(chat: Chat, thought: bool) -> str:
    """What the template writes between its generation prompt and an assistant's words.

    That is what a model of the family begins with: a space, an empty thought, a channel.
    """
    text = "<think>\nhm,\n</think>\n\n!" if thought else "!"
    ask = {"role": "user", "content": "?"}
    prompt = chat.template.render([ask])
    shown = chat.template.render([ask, {"role": "assistant", "content": text}], generate=False)
    own = shown[len(prompt) :].rpartition("!")[0]
    if shown.startswith(prompt) and ("hm," in own or not thought):
        return own
    return text[:-1].removeprefix("<think>\n" if prompt.endswith("<think>\n") else "")


def _call(number: int) -> ToolCall:
    return ToolCall("guess", {"number": number}, str(number))


def _result(call: ToolCall) -> Message:
    return Message("tool", f'"No", {call.id}.\nHigher.', tool_call_id=call.id, name=call.name)


def prompts(chat: Chat) -> dict[str, str]:
    """How the context ends after a user message, and after a tool message if there are any."""
    found = {}
    result = Message("tool", "!", tool_call_id="0", name="guess")
    for role, more in (("user", []), ("tool", [Message("assistant", "!"), result])):
        try:
            spans = chat.begin([user("?"), *more], ())
        except UsageError:
            continue
        found[role] = chat.tokenizer.decode([i for span in spans for i in span.ids])
    return found


COLUMNS = ("calls", "calls, in the template's form", "calls after a thought", "dialogue")


def classify(name: str) -> list[str]:
    """A cell for each of `COLUMNS`: what becomes of such a conversation under the template."""
    subject = chat(name)
    cells = [_outcome(lambda: play_tools(subject, ""))]
    for thought in (False, True):
        cells.append(_outcome(lambda t=thought: play_tools(subject, own_form(subject, t))))
    dialogue = _outcome(lambda: play_dialogue(subject, own_form(subject, False), rules=True))
    if dialogue.startswith("no "):
        without = _outcome(lambda: play_dialogue(subject, own_form(subject, False), rules=False))
        dialogue = f"{without}; {dialogue}"
    return [*cells, dialogue]


def table_row(name: str) -> str:
    return f"| `{name}` | {' | '.join(classify(name))} |"


def _outcome(play: Callable[[], Play]) -> str:
    try:
        restarts = play().restarts
    except UsageError as error:
        found = re.match(r"the chat template (?:has )?(.*?)(?: \(|$)", str(error))
        return found[1] if found else str(error)
    rewritten = sum(restarts)
    if not rewritten:
        return "append-only"
    every = rewritten == len(restarts) - 1
    return "a new row each turn" if every else f"new rows: {rewritten} of {len(restarts) - 1} turns"
