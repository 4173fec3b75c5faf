"""What goes wrong elsewhere without a word: each test is a defect users of other libraries met.

Histories tokenised again (TRL #5224, verl #6719 and #7322, NeMo-Gym #1416), results and calls that
a template drops, an action without the header before it (verifiers #476), thinking taken out of a
prefix (verl #6854, prime-rl #1334), ids joined or moved at the border of two turns.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from envgym.agent import Completion
from envgym.chat.renderer import Chat
from envgym.errors import UsageError
from envgym.messages import Action, Message, ToolCall, hint, observe, user
from envgym.rollout.transcript import Transcript
from envgym.trajectory import rows
from tests.envgym import templates
from tests.envgym.chat_templates import families
from tests.envgym.worlds import Guess

ROLES = """\
{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}"""


class Talk:
    """A transcript fed with chosen ids."""

    def __init__(self, chat: Chat, tools: Any = ()) -> None:
        self.chat, self.seen = chat, list[list[int]]()
        self.transcript = Transcript("s", "agent", chat, tools)

    def turn(self, new: str | list[Message], sampled: list[int]) -> None:
        self.transcript.observe(observe(new))
        context, spans = self.transcript.context("", 0)
        self.seen.append(list(context.ids))
        text = self.chat.decode(sampled)
        self.transcript.record(spans, Completion(sampled, [-1.0] * len(sampled), text))

    @property
    def restarts(self) -> list[bool]:
        return [t.restart for t in self.transcript.trajectory.turns]

    def text(self, turn: int) -> str:
        return self.chat.tokenizer.decode(self.seen[turn])

    def reference(self) -> str:
        plain = [{"role": m.role, "content": m.content} for m in self.transcript.messages]
        return self.chat.tokenizer.apply_chat_template(
            plain, add_generation_prompt=True, tokenize=False
        )


def tool_result(text: str) -> Message:
    return Message("tool", text, tool_call_id="0", name="guess")


def test_sampled_ids_are_never_tokenised_again() -> None:
    """The model wrote a word byte by byte, as no tokenizer would: so it stays, and is learnt."""
    chat = Chat(templates.tokenizer(templates.CHATML))
    letters = [i for letter in "Guess" for i in chat.tokenizer.encode(letter)]
    assert letters != chat.tokenizer.encode("Guess")
    talk = Talk(chat)
    for number in range(5):
        talk.turn(f"Turn {number}.", [*letters, chat.end_id])
    assert not any(talk.restarts)
    for number in range(1, 5):
        before = [*talk.seen[number - 1], *letters, chat.end_id]
        assert talk.seen[number][: len(before)] == before
    [row] = rows(talk.transcript.finish())
    assert row.ids[row.mask].tolist() == [*letters, chat.end_id] * 5
    assert (row.logprobs[row.mask] == -1.0).all()


def test_tokens_do_not_merge_over_the_border_of_two_turns() -> None:
    """A line break ends the header, another begins the action; in one text they were one token."""
    tokenizer = _merging()
    assert len(tokenizer.encode("\n\n")) == 1
    chat = Chat(tokenizer)
    newline, seven = tokenizer.encode("\n"), tokenizer.encode("7")
    talk = Talk(chat)
    talk.turn("Guess.", [*newline, *seven, chat.end_id])
    talk.turn("No.", [*seven, chat.end_id])
    assert talk.restarts == [False, False]
    header = tokenizer.encode("assistant\n")
    assert talk.seen[0][-len(header) :] == header
    assert talk.seen[1][: len(talk.seen[0]) + 3] == [*talk.seen[0], *newline, *seven, chat.end_id]


@pytest.mark.parametrize("scheme", ["always", "first"])
def test_a_tokenizer_that_puts_spaces_before_words_puts_none_into_a_delta(scheme: str) -> None:
    """SentencePiece's mark at the start of every text given to it."""
    chat = Chat(_spacing(scheme))
    talk = Talk(chat)
    for number in range(3):
        ids = chat.demonstrate(Action(f"I say {number}"), ())
        talk.turn([user("Guess."), hint("Halve it."), user("Go.")], ids)
        full = chat.tokenizer.apply_chat_template(
            [{"role": m.role, "content": m.content} for m in talk.transcript.messages],
            add_generation_prompt=False,
            return_dict=False,
        )
        assert [*talk.seen[-1], *ids] == list(full)
    assert not any(talk.restarts)


def test_a_result_that_the_template_drops_is_an_error() -> None:
    deaf = ROLES.replace("%}{{-", "%}{%- if m.role != 'tool' %}{{-", 1).replace(
        "\n{%- endfor", "{% endif %}\n{%- endfor", 1
    )
    talk = Talk(Chat(templates.tokenizer(deaf)))
    talk.turn("Guess.", [talk.chat.end_id])
    with pytest.raises(UsageError, match=r"no tool messages .*leaves them out.*: give the results"):
        talk.turn([tool_result("Higher.")], [talk.chat.end_id])


def test_a_template_that_shows_one_result_of_several_is_an_error() -> None:
    last = ROLES.replace(
        "%}{{-",
        "%}{%- if m.role != 'tool' or loop.last or messages[loop.index].role != 'tool' %}{{-",
        1,
    ).replace("\n{%- endfor", "{% endif %}\n{%- endfor", 1)
    talk = Talk(Chat(templates.tokenizer(last)))
    talk.turn("Guess.", [talk.chat.end_id])
    with pytest.raises(UsageError, match=r"tool messages after tool messages .*join them"):
        talk.turn([tool_result("Higher."), tool_result("Lower.")], [talk.chat.end_id])


def test_calls_survive_a_history_rendered_anew() -> None:
    """Structured calls beside the text are dropped by many templates; ours are the text."""
    chat = Chat(templates.tokenizer(templates.FORGETFUL))
    talk = Talk(chat, Guess.tools)
    action = Action("<think>\nhm\n</think>\n\nSo:", (ToolCall("guess", {"number": 7}),))
    talk.turn("Guess.", chat.demonstrate(action, Guess.tools))
    talk.turn("And now?", [chat.end_id])
    assert talk.restarts == [False, True]
    assert '<tool_call>\n{"name": "guess", "arguments": {"number": 7}}' in talk.text(1)


def test_every_action_follows_the_header_also_where_a_hint_is_dropped() -> None:
    chat = Chat(templates.tokenizer(templates.CHATML))
    talk = Talk(chat)
    ids = chat.demonstrate(Action("7"), ())
    for _ in range(3):
        talk.turn([user("Guess."), hint("Halve it.")], ids)
    header = chat.tokenizer.encode("<|im_start|>assistant\n")
    for drop in ((), ("hint",)):
        [row] = rows(talk.transcript.finish(), drop)
        for turn in range(3):
            first = int((row.turn == turn).argmax())
            assert row.ids[first - len(header) : first].tolist() == header
        assert ("Halve" in chat.tokenizer.decode(row.ids.tolist())) == (not drop)


def test_thinking_that_the_prompt_has_opened_is_part_of_the_message() -> None:
    """The model's own text holds a ``</think>`` alone; what it closes is in the context."""
    opened = templates.CHATML.replace(
        "assistant\\n' }}{% endif", "assistant\\n<think>\\n' }}{% endif"
    )
    talk = Talk(Chat(templates.tokenizer(opened)))
    for number in range(3):
        ids = talk.chat.demonstrate(Action(f"hm\n</think>\n\n{number}"), ())
        talk.turn([user("Guess.")], ids)
    assert not any(talk.restarts)
    assert talk.text(2).count("<think>") == talk.text(2).count("</think>") + 1 == 3


def test_an_end_that_the_template_does_not_write_begins_a_row() -> None:
    """A base model stops with a token of its own: kept in its row, not in the next context."""
    chat = Chat(templates.tokenizer(templates.CHATML))
    stop = chat.tokenizer.convert_tokens_to_ids("<|pad|>")
    chat.tokenizer.eos_token = "<|pad|>"
    try:
        talk = Talk(Chat(chat.tokenizer))
        seven = chat.tokenizer.encode("7")
        talk.turn("Guess.", [*seven, stop])
        talk.turn("No.", [*seven, stop])
    finally:
        chat.tokenizer.eos_token = "<|im_end|>"
    assert talk.restarts == [False, True]
    assert stop not in talk.seen[1]


def test_an_end_of_turn_after_a_line_break_is_not_written_twice() -> None:
    broken = templates.CHATML.replace("m.content + '<|im_end|>", "m.content + '\\n<|im_end|>")
    talk = Talk(Chat(templates.tokenizer(broken)))
    seven = talk.chat.tokenizer.encode("7")
    for number in range(3):
        talk.turn(f"Turn {number}.", [*seven, talk.chat.end_id])
    assert talk.restarts == [False, True, True]  # the break before the end was never sampled
    assert talk.text(2).count("<|im_end|>") == 5


def test_a_template_that_counts_its_turns_is_rendered_from_the_whole_history() -> None:
    numbered = templates.CHATML.replace(
        "m.role +", "m.role ~ (loop.index if m.role == 'user' else '') ~"
    )
    talk = Talk(Chat(templates.tokenizer(numbered)))
    ids = talk.chat.demonstrate(Action("7"), ())
    for number in range(12):
        talk.transcript.observe(observe(f"Turn {number}."))
        context, spans = talk.transcript.context("", 0)
        assert talk.chat.tokenizer.decode(context.ids) == talk.reference()
        talk.transcript.record(spans, Completion(ids, text="7"))
    assert not any(talk.restarts)


def _merging() -> Any:
    """A tokenizer with one merge: of two line breaks."""
    tokenizer = families.byte_tokenizer(templates.CHATML)
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    state["model"]["merges"] = [["Ċ", "Ċ"]]
    state["model"]["vocab"]["ĊĊ"] = max(i["id"] for i in state["added_tokens"]) + 1
    fast = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        eos_token="<eos>",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = templates.CHATML
    return fast


@cache
def _spacing(scheme: str) -> Any:
    """A tokenizer in SentencePiece's manner."""
    raw = Tokenizer(models.BPE(unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    raw.decoder = decoders.Metaspace(prepend_scheme=scheme, split=False)
    special = ["<unk>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(vocab_size=1, special_tokens=special, show_progress=False)
    texts = ["user assistant\nGuess. Halve it. Go. I say 0123456789"] * 3
    raw.train_from_iterator(texts, trainer)  # signs alone: no room for a merge
    fast = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        unk_token="<unk>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>"],
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = ROLES
    return fast
