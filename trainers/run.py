"""A whole run: prepare, warm-start, train, evaluate; it can be interrupted and resumed.

The run's folder holds ``config.yaml``, ``metrics.jsonl``, ``summary.json``, ``report.html``,
checkpoints, episodes and the trained model.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from envgym.agents.tiny import learn_to_copy, save_model
from envgym.errors import UsageError
from envgym.store.episodes import EpisodeWriter
from envgym.store.manifest import write_shard_env
from envgym.trainers.config import Config
from envgym.trainers.learner.model.adapter import is_adapted, save_adapter, save_merged
from envgym.trainers.learner.model.device import resolve_device
from envgym.trainers.loop import Trainer
from envgym.trainers.model_section import TinyModel
from envgym.trainers.running import checkpoint
from envgym.trainers.running.disk_full import full_disk_said
from envgym.trainers.running.journal import Journal
from envgym.trainers.running.memory_plan import memory_plan
from envgym.trainers.running.peak_memory import PeakMemory, available_bytes
from envgym.trainers.running.progress import RunProgress
from envgym.trainers.running.resume import check_same, differences
from envgym.trajectory import Episode
from envgym.utils.atomic_write import write_atomically
from envgym.view import write_page


async def train(
    config: Config, *, resume: bool = False, fresh: bool = False, warm: Path | None = None
) -> dict[str, Any]:
    """Run a config to its end; return the summary.

    Args:
        resume: Whether to go on from the last checkpoint in the run's folder; `learner.steps`
            and `learner.max_sampled_tokens` may grow, all other settings must be the same.
        fresh: Whether to empty the folder and start anew.
        warm: Folder of a shared warm start, for runs that differ only after it: a checkpoint there
            replaces the warm start; else the run leaves one there.

    Raises:
        UsageError: The folder holds a run, and neither `resume` nor `fresh` is set; it holds none
            to resume; or the run there has other settings, which the message names.
        TrainingError: A number is not finite, or the disk is full.
    """
    directory = config.directory
    _prepare(config, directory, resume, fresh)
    with full_disk_said(directory):
        return await _train(config, directory, resume, warm)


def finished(config: Config) -> dict[str, Any] | None:
    """Summary of a finished run of exactly this config, or None."""
    recorded, summary = (config.directory / name for name in ("config.yaml", "summary.json"))
    if not (recorded.exists() and summary.exists()) or differences(recorded, config):
        return None
    found: dict[str, Any] = json.loads(summary.read_text())
    return found


async def _train(
    config: Config, directory: Path, resume: bool, warm: Path | None
) -> dict[str, Any]:
    found = checkpoint.latest(directory / "checkpoints") if resume else None
    memory = PeakMemory(resolve_device(config.model.device))
    trainer = Trainer(config, resumed=found is not None)
    trainer.chat.tokenizer.save_pretrained(directory / "tokenizer")  # to read tokens by
    journal = Journal(directory)
    try:
        await trainer.start()
        with RunProgress(config) as progress:
            if config.chat.dialect != trainer.chat.dialect.name:
                progress.say(f"dialect by the chat template: {trainer.chat.dialect.name}")
            if found is not None:
                kept = await checkpoint.load(trainer, found)
                journal.stage, journal.evaluations = kept["stage"], kept["evaluations"]
                journal.spent_s = kept["spent_s"]
                journal.rewind(trainer.step_number)
                if "trained" in journal.evaluations and not trainer.done:
                    journal.prolong(trainer.step_number)
                    progress.say(_prolonged(trainer.step_number, config))
                elif trainer.step_number < config.learner.steps and trainer.done:
                    progress.say("learner.max_sampled_tokens are spent: raise them to go on")
            elif warm is not None and (common := checkpoint.latest(warm)) is not None:
                kept = await checkpoint.begin(trainer, common)
                journal.stage, journal.evaluations = kept["stage"], kept["evaluations"]
                journal.spent_s = kept["spent_s"]  # as if it had been this run's own
            plan = memory_plan(config, trainer, trainer.context_limit)
            progress.say(", ".join(f"{name} {told}" for name, told in plan.parts().items()))
            if shortage := plan.shortage(available_bytes(trainer.model.device)):
                progress.say(f"warning: {shortage}")
            for hook in config.hooks:
                hook.begin(directory, trainer.step_number)
            await _stages(config, trainer, journal, progress, warm)
    except asyncio.CancelledError:
        if journal.stage == "train" and journal.between_steps:  # else hooks are changing them
            _save(trainer, journal)
        raise
    finally:
        await trainer.close()
        for hook in config.hooks:
            hook.end()
    summary = {
        "name": config.name,
        "seed": config.seed,
        "env": config.env.id,
        "steps": trainer.step_number,
        "sampled_tokens": trainer.sampled_tokens,
        "wall_s": round(journal.wall_s, 1),
        "memory_bytes": {"planned": plan.peak, "used": memory.used()},
        "eval": journal.evaluations,
    }
    (directory / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    _export(trainer, directory)
    write_page(directory)
    return summary


async def _stages(
    config: Config, trainer: Trainer, journal: Journal, progress: RunProgress, warm: Path | None
) -> None:
    """Run the remaining stages in order."""

    async def evaluate(name: str) -> None:
        if config.evaluation.tasks:
            progress.say(f"evaluating: {name}")
            scores, episodes = await trainer.evaluate()
            journal.evaluations[name] = scores.to_json()
            arguments = config.env.arguments(None) | config.evaluation.env
            _record(config, journal, name, episodes, 0, arguments)
            progress.scored(name, scores)

    if journal.stage == "new":
        if isinstance(config.model, TinyModel) and config.model.copying.steps:
            on_step = progress.stage("learning to copy", config.model.copying.steps)
            learn_to_copy(
                trainer.model, config.model.copying, config.seed, lambda i, a: on_step(i, copied=a)
            )
            await trainer.reset_from_policy()
        await evaluate("untrained")
        journal.stage = "base"
    if journal.stage == "base":
        if config.warm_start.steps:
            on_step = progress.stage("imitating demonstrations", config.warm_start.steps)
            await trainer.warm_start(lambda i, m: on_step(i, nll=m["nll"]))
            await evaluate("warm_start")
        journal.stage = "train"
        _save(trainer, journal)
        if warm is not None:
            checkpoint.save(trainer, warm, journal.progress)
    on_step = progress.stage("reinforcement learning", config.learner.steps)
    if trainer.step_number == 0:
        await _changed(config, trainer)
    while True:
        step = trainer.step_number
        if _due(step, config.evaluation.interval) and f"step_{step}" not in journal.evaluations:
            await evaluate(f"step_{step}")
        if _due(step, config.checkpoint_every):
            _save(trainer, journal)
        if trainer.done:
            break
        metrics, episodes = await trainer.step()
        journal.between_steps = False
        metrics |= await _changed(config, trainer)
        journal.between_steps = True
        step = trainer.step_number
        journal.log(step, metrics)
        for hook in config.hooks:
            hook.step_end(step, metrics)
            hook.episodes_played(step, episodes)
        if step == 1 or step % config.episodes_every == 0:
            arguments = config.env.arguments(step - 1)
            _record(config, journal, "train", episodes, step, arguments)
        on_step(step - 1, score=metrics["score"], turns=metrics["episode/turns"])
    if "trained" not in journal.evaluations:
        await evaluate("trained")
        _save(trainer, journal)


def _export(trainer: Trainer, directory: Path) -> None:
    """Write the trained model, and its adapter by itself where it has one."""
    model, tokenizer = trainer.model, trainer.chat.tokenizer
    if is_adapted(model):
        save_adapter(model, directory / "adapter")
        save_merged(model, directory / "model")
        tokenizer.save_pretrained(directory / "model")
    else:
        save_model(model, tokenizer, directory / "model")


async def _changed(config: Config, trainer: Trainer) -> dict[str, float]:
    """Let the hooks change the policy's weights; return their metrics."""
    found: dict[str, float] = {}
    for hook in config.hooks:
        found |= await hook.change(trainer)
    return found


def _prolonged(step: int, config: Config) -> str:
    decay = ", over all of which its rate now falls" if config.learner.lr_decay == "linear" else ""
    return f"prolonged: from step {step} to {config.learner.steps}{decay}"


def _due(step: int, every: int) -> bool:
    return step > 0 and every > 0 and step % every == 0


def _record(
    config: Config,
    journal: Journal,
    name: str,
    episodes: list[Episode],
    step: int,
    arguments: dict[str, Any],
) -> None:
    """Write a shard of episodes, and their environment's arguments where those change."""
    folder = journal.directory / "episodes" / name
    if config.env.schedule:
        write_shard_env(folder, config.env.id, arguments, step)
    EpisodeWriter(folder).write(episodes, step, overwrite=True)


def _save(trainer: Trainer, journal: Journal) -> None:
    checkpoint.save(trainer, journal.directory / "checkpoints", journal.progress)


def _prepare(config: Config, directory: Path, resume: bool, fresh: bool) -> None:
    recorded = directory / "config.yaml"
    if recorded.exists() and not fresh:
        if not resume:
            raise UsageError(f"{directory} holds a run: go on with --resume, or --fresh to redo it")
        check_same(recorded, config)
    elif resume and not fresh:
        raise UsageError(f"{directory} holds no run to resume: leave --resume out to begin one")
    elif directory.exists() and fresh:
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    write_atomically(recorded, _written(config))  # it decides whether a run may go on


def _written(config: Config) -> str:
    """Text of ``config.yaml``."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
