"""Builders of a run's parts from its config: the environment, the model, the chat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

import envgym
from envgym.agents import tiny
from envgym.agents.tiny.tokenizer import CHAT_TEMPLATE
from envgym.chat.dialects import dialect, resolve_dialect
from envgym.chat.renderer import Chat
from envgym.env import Env
from envgym.messages import Action
from envgym.trainers.config import Config, TinyModel


def make_env(config: Config, **changes: Any) -> Env[Any]:
    """Create the config's environment, some of its arguments changed."""
    return envgym.make(config.env.id, **{**config.env.kwargs, **changes})


def build_chat(config: Config, tokenizer: PreTrainedTokenizerBase) -> Chat:
    """Create the chat renderer: the tokenizer's template and the config's dialect."""
    chat = config.chat
    return Chat(tokenizer, chat.dialect, instructions=chat.instructions, fold=chat.fold)


def build_model(config: Config, env: Env[Any]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Create a tiny model with random weights, or load a pretrained one, with its tokenizer."""
    settings = config.model
    if isinstance(settings, TinyModel):
        tokenizer = tiny.train_tokenizer(texts_of(env, config.chat.dialect), settings.vocab_size)
        return tiny.build_model(settings, tokenizer, config.seed), tokenizer
    return tiny.load_model(settings.path or tiny.BASE, settings.dtype)


def texts_of(env: Env[Any], dialect_name: str) -> Iterator[str]:
    """Yield an environment's own text for tokenizer training: tasks, tools, corpus."""
    source = env.tasks("train")
    for index in range(min(len(source), 2000)):
        yield from (str(value) for value in source[index].data.values())
    form = dialect(resolve_dialect(dialect_name, CHAT_TEMPLATE))
    calls = [
        form.write(Action.call(t.name, **dict.fromkeys(t.arguments.model_fields, "")), env.tools)
        for t in env.tools
    ]
    yield from calls * 100  # a tool's name is written in every turn
    corpus = getattr(env, "corpus_text", None)
    if corpus is not None:
        yield from corpus()
