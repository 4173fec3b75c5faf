"""The strings recipe, a few steps of each stage."""

from __future__ import annotations

from collections import Counter

from envgym.trainers.loop import Trainer
from envgym.trainers.recipe import load_config
from envgym.trainers.running.warm_start import demonstrations

FEW = (
    "torch_threads=1",
    "model.copying.steps=2",
    "warm_start.episodes=40",
    "warm_start.steps=1",
    "warm_start.batch_size=4",
    "rollout.tasks_per_step=2",
    "rollout.group_size=2",
    "learner.max_idle_steps=1",  # hardly trained, it may well fail in every episode
    "evaluation.tasks=6",
)


async def test_it_shows_both_ways_trains_on_level_one_and_measures_level_two() -> None:
    config = load_config("strings", list(FEW))
    trainer = Trainer(config)
    try:
        shown = await demonstrations(config, trainer.chat)
        await trainer.warm_start()
        _, played = await trainer.step()
        scores, _ = await trainer.evaluate()
    finally:
        await trainer.close()
    turns = Counter(len(e.turns) for e in shown)
    assert set(turns) == {1, 2}
    assert 4 < turns[2] < 30
    assert all(e.score == 1.0 for e in shown)
    assert {e.task.difficulty for e in played} == {1}
    assert set(scores.by_difficulty) == {"1", "2"}
