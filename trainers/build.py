"""Builders of a run's parts from its config: nothing else reads the config to make a part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

import envgym
from envgym.agent import Agent, PolicyAgent
from envgym.agents import tiny
from envgym.agents.tiny.tokenizer import CHAT_TEMPLATE
from envgym.chat.dialects import dialect, resolve_dialect
from envgym.chat.renderer import Chat
from envgym.env import Env
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.rollout.runner import Limits, Rollout
from envgym.trainers.collection.collector import Collector
from envgym.trainers.collection.player import Player
from envgym.trainers.config import Config
from envgym.trainers.learner.critic import Critic
from envgym.trainers.learner.model.adapter import add_adapter
from envgym.trainers.learner.model.device import resolve_device
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.model.reference import Reference
from envgym.trainers.learner.policy import Policy
from envgym.trainers.learner.rescoring import OF_REFERENCE, Scorer
from envgym.trainers.model_section import TinyModel


@dataclass
class Parts:
    """Parts of a run.

    Attributes:
        env: Environment that lists the tasks; the rollout makes its own instances.
        agents: All agents: the policy's, those of other seats, and judges.
    """

    env: Env[Any]
    rollout: Rollout
    chat: Chat
    model: PreTrainedModel
    policy: Policy
    scorer: Scorer
    agent: PolicyAgent
    judges: Mapping[str, Agent]
    agents: list[Agent]
    collector: Collector


def build_parts(config: Config, resumed: bool = False) -> Parts:
    """Build all parts of a run.

    Args:
        resumed: Whether a checkpoint's state will follow.

    Raises:
        UsageError: The run's agent takes no weights, a seat is unknown to the environment, or the
            environment lacks what the guidance or the sampler asks it for.
    """
    env = make_env(config)
    config.guidance.check_env(env)
    source = env.tasks("train")
    if not resumed:  # else it draws from the tasks that its state names
        config.sampler.check_source(source)
    rollout = build_rollout(config)
    model, tokenizer = build_model(config, env)
    chat = build_chat(config, tokenizer)
    agent = config.agent.build(model, chat, config.rollout)
    if not isinstance(agent, PolicyAgent):
        raise UsageError(
            f"agent {config.agent.name!r} takes no weights, so that nothing can be trained by it: "
            "take one that does, such as local"
        )
    by_seat = _seats(config, env, model, chat)
    judges = {
        name: judge.build(model, chat, config.rollout) for name, judge in config.judges.items()
    }
    lm = build_language_model(config, model)
    policy = build_policy(config, lm, config.learner.lr)
    players = {seat: by_seat.get(seat, agent) for seat in env.seats} if by_seat else agent
    return Parts(
        env=env,
        rollout=rollout,
        chat=chat,
        model=model,
        policy=policy,
        scorer=Scorer(policy, _reference(config, lm), _critic(config, lm)),
        agent=agent,
        judges=judges,
        agents=[agent, *by_seat.values(), *judges.values()],
        collector=Collector(
            Player(rollout, players, chat, judges),
            source,
            config.sampler,
            config.guidance,
            config.rollout,
            config.seed,
            frozenset(name for name, seat in config.seats.items() if not seat.train),
        ),
    )


def make_env(config: Config, step: int | None = 0, /, **changes: Any) -> Env[Any]:
    """Create the config's environment, some of its arguments changed.

    Args:
        step: Step whose arguments it has, where some are scheduled; None for the last ones.
    """
    return envgym.make(config.env.id, **{**config.env.arguments(step), **changes})


def build_rollout(config: Config, step: int | None = 0, /, **changes: Any) -> Rollout:
    """Create the runner of the config's episodes; arguments as for `make_env`."""
    roll = config.rollout
    limits = Limits(concurrency=roll.concurrency, retries=roll.retries, episode_s=roll.episode_s)
    return Rollout(partial(make_env, config, step, **changes), limits)


def build_chat(config: Config, tokenizer: PreTrainedTokenizerBase) -> Chat:
    """Create the chat renderer: the tokenizer's template and the config's dialect."""
    chat = config.chat
    return Chat(tokenizer, chat.dialect, instructions=chat.instructions, fold=chat.fold)


def build_model(config: Config, env: Env[Any]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Create a tiny model with random weights, or load a pretrained one, with its tokenizer.

    Raises:
        UsageError: The device is not there, or the model lacks the layers that are to be adapted.
    """
    settings = config.model
    device = resolve_device(settings.device)
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    if isinstance(settings, TinyModel):
        trained = tiny.train_tokenizer(texts_of(env, config.chat.dialect), settings.vocab_size)
        model, tokenizer = tiny.build_model(settings, trained, config.seed), trained
    else:
        model, tokenizer = tiny.load_model(settings.path or tiny.BASE, settings.dtype)
    model.to(device)  # type: ignore[arg-type]  # transformers wraps the method
    if settings.lora is not None:
        add_adapter(model, settings.lora, config.seed)
    return model, tokenizer


def build_language_model(config: Config, model: PreTrainedModel) -> LanguageModel:
    """Wrap the model for the learner."""
    learner = config.learner
    return LanguageModel(
        model,
        micro_tokens=learner.micro_batch_tokens,
        packing=learner.packing,
        checkpointing=learner.checkpointing,
    )


def build_policy(config: Config, lm: LanguageModel, lr: float) -> Policy:
    """Create the learner of a model, with an optimiser of its own."""
    learner = config.learner
    return Policy(
        lm,
        lr=lr,
        betas=learner.betas,
        eps=learner.eps,
        weight_decay=learner.weight_decay,
        grad_clip=learner.grad_clip,
        temperature=config.rollout.temperature,
    )


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


def _reference(config: Config, lm: LanguageModel) -> Reference | None:
    """Create the frozen reference, where a plug-in compares with it."""
    if not any(OF_REFERENCE & plugin.needs for plugin in config.plugins().values()):
        return None
    return Reference(lm)


def _critic(config: Config, lm: LanguageModel) -> Critic | None:
    if config.critic is None:
        return None
    return Critic(lm, config.critic, grad_clip=config.learner.grad_clip)


def _seats(config: Config, env: Env[Any], model: PreTrainedModel, chat: Chat) -> dict[str, Agent]:
    """Build the agents of seats that the policy does not play."""
    if unknown := sorted(config.seats.keys() - set(env.seats)):
        raise UsageError(
            f"seats.{unknown[0]}: {config.env.id} has no such seat; it has {', '.join(env.seats)}"
        )
    return {
        name: seat.agent.build(model, chat, config.rollout)
        for name, seat in config.seats.items()
        if seat.agent is not None
    }
