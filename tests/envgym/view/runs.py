"""Run folders made by hand: episodes of bytes as tokens, metrics, a config; no model, no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from envgym.messages import Action, Message, ToolCall, user
from envgym.stop_reason import StopReason
from envgym.store.episodes import EpisodeWriter
from envgym.task import Task
from envgym.trajectory import Episode, Span, Trajectory, Turn


def tokenizer() -> Tokenizer:
    """One token a byte, so that an accent takes two."""
    alphabet = sorted(ByteLevel.alphabet())
    made = Tokenizer(BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    made.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = ByteDecoder()
    return made


def ids(text: str) -> list[int]:
    return tokenizer().encode(text).ids


def episode(
    number: int,
    *,
    score: float = 1.0,
    said: str = "Paris",
    question: str = "",
    answer: str = "Right.",
    version: int = 0,
    stop: StopReason = StopReason.ANSWERED,
    fault: str | None = None,
    tokens: bool = True,
) -> Episode:
    """A turn of a user's question, a hint and an action; the advantage tells tokens apart."""
    question = question or f"What is the capital of country {number}?"
    action = ids(said) if tokens else []
    turn = Turn(
        [Span("user", ids(question)), Span("hint", ids("Think."))] if tokens else [],
        action,
        [-0.5 * (i + 1) for i in range(len(action))],
        [version] * len(action),
        reward=score,
        text=said if tokens else "",
        messages=(user(question),),
        taken=None if tokens else Action("", (ToolCall("answer", {"text": said}),)),
        advantages=[0.25 * (i + 1) for i in range(len(action))],
    )
    return Episode(
        f"e/{number}",
        "toy/toy-v0",
        Task({"question": question}, {"gold": "secret gold"}, "test", 1.0),
        number,
        f"g{number}",
        score,
        stop,
        {"tool_calls": 1.0},
        {"agent": Trajectory("agent", [turn], (Message("tool", answer),))},
        fault,
        1.5,
        1.0,
        0.25,
    )


def metrics(steps: int, **extra: float) -> list[dict[str, Any]]:
    return [
        {"step": i, "score": i / steps, "score_stderr": 0.05, "reward": i / steps,
         "reward_stderr": 0.05, "episode/entropy": 1 / i, "time/generate_s": 1.0,
         "time/tools_s": 0.5, "time/learn_s": 2.0, "stop/answered": 1.0, **extra}
        for i in range(1, steps + 1)
    ]  # fmt: skip


def add_metrics(folder: Path, rows: list[dict[str, Any]]) -> None:
    with (folder / "metrics.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def add(folder: Path, name: str, episodes: list[Episode], step: int = 0) -> None:
    EpisodeWriter(folder / "episodes" / name).write(episodes, step, overwrite=True)


def run_folder(folder: Path, steps: int = 5, tasks: int = 4) -> Path:
    """A run: an evaluation that fails, training, and one that succeeds."""
    (folder / "tokenizer").mkdir(parents=True)
    tokenizer().save(str(folder / "tokenizer" / "tokenizer.json"))
    config = {"name": "toy", "seed": 3, "env": {"id": "toy/toy-v0"}, "learner": {"steps": steps}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    add_metrics(folder, metrics(steps))
    lost = [episode(i, score=0.0, said="dunno", stop=StopReason.MAX_TURNS) for i in range(tasks)]
    add(folder, "warm_start", lost)
    add(folder, "train", [episode(i, version=7) for i in range(tasks)], 1)
    add(folder, "trained", [episode(i) for i in range(tasks)])
    return folder
