from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from envgym.agents import OracleAgent, ScriptedAgent
from envgym.environments.search.wiki import WikiSearch
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.registry import make
from envgym.rollout.hidden_text import golds
from envgym.rollout.replay import differences
from envgym.rollout.runner import Start, run_episode
from envgym.store.episodes import EpisodeWriter, read_episodes
from envgym.task import Task, TaskSource
from envgym.trainers.collection.samples import Sample
from envgym.trainers.config import Config, WarmStart
from envgym.trainers.learner.rows import train_rows
from envgym.trainers.loop import Trainer
from envgym.trainers.recipe import load_config
from envgym.trainers.run import train
from envgym.trainers.running.warm_start import choose_tasks, demonstrations
from envgym.trajectory import Episode
from tests.trainers.test_run import config as mini

SOURCE = TaskSource.rows([Task({"i": i}, difficulty=1 + i % 2) for i in range(20)])


def chosen(**settings: object) -> list[Task]:
    return choose_tasks(SOURCE, WarmStart(**settings), random.Random(0))  # type: ignore[arg-type]


def test_no_task_comes_again_before_all_have_come() -> None:
    counts = Counter(task.key for task in chosen(episodes=30))
    assert len(counts) == 20
    assert max(counts.values()) == 2


def test_shares_by_difficulty() -> None:
    counts = Counter(task.difficulty for task in chosen(episodes=40, difficulty_mix={1: 9, 2: 1}))
    assert counts == {1: 36, 2: 4}


def test_a_share_without_tasks_is_an_error() -> None:
    with pytest.raises(UsageError, match="no task of difficulty 7"):
        chosen(episodes=10, difficulty_mix={7: 1.0})
    assert chosen(episodes=0, difficulty_mix={7: 1.0}) == []  # recorded episodes alone


PROGRAM = str(Path(sys.executable).parent / "envgym")
WORLD = {"size": 60, "hops": [1], "top_k": 1, "max_turns": 3, "phrasings": 1}
RECIPE = """
name: mini
torch_threads: 1
env: {id: search/wiki-v1, size: 60, hops: [1], top_k: 1, max_turns: 3, phrasings: 1}
model: {kind: tiny, vocab_size: 400, hidden: 32, heads: 2, kv_heads: 1, intermediate: 48,
        copying: {steps: 0}}
chat: {dialect: tags, instructions: false}
warm_start: {episodes: 0, steps: 4, batch_size: 2, lr: 1.0e-2}
learner: {steps: 0}
evaluation: {tasks: 0}
"""


def config(folder: Path, *overrides: str) -> Config:
    path = folder / "mini.yaml"
    path.write_text(RECIPE)
    return load_config(path, [f"output={folder / 'run'}", *overrides])


def played_by_a_person(folder: Path) -> Path:
    """Three games by script: one right after a hint, one wrong, one left."""
    env = make("search/wiki-v1", **WORLD)
    tasks = env.tasks("train")
    for index, (hint, answer) in enumerate([("hint\n", None), ("", "nobody"), ("", "")]):
        step, gold = tasks[index].hidden["chain"][0], tasks[index].hidden["golds"][0]
        lines = f"{hint}search\n{step['page']}\n\n"
        lines += "quit\n" if answer == "" else f"answer\n{answer or gold}\n"
        options = [f"--arg={name}={value}" for name, value in WORLD.items()]
        subprocess.run(
            [PROGRAM, "play", "search/wiki-v1", *options, "--index", str(index), "--save", "mine"],
            cwd=folder,
            input=lines.encode(),
            stdout=subprocess.DEVNULL,
            check=True,
        )
    assert [e.score for e in read_episodes(folder / "mine")] == [1.0, 0.0, 0.0]
    return folder / "mine"


async def test_a_persons_games_are_imitated(tmp_path: Path) -> None:
    """Played, saved, and trained on: the run learns to write what the person did."""
    games = played_by_a_person(tmp_path)
    settings = config(tmp_path, f"warm_start.demo_dirs=[{games}]")
    trainer = Trainer(settings)
    try:
        shown = await demonstrations(settings, trainer.chat)
        [episode] = shown
        recorded = next(read_episodes(games))
        assert differences(recorded, episode) == []
        gold = recorded.task.hidden["golds"][0]
        page = recorded.task.hidden["chain"][0]["page"]
        texts = [trainer.chat.decode(t.action) for t in episode.turns]
        assert texts == [f"<search>{page}</search>", f"<answer>{gold}</answer>"]
        [row] = train_rows([Sample(episode, episode.trajectory, role="demonstration")], [1.0])
        text = trainer.chat.tokenizer.decode(row.row.ids)
        assert "hint" in [m.kind for t in recorded.turns for m in t.messages]
        assert "Hint:" not in text  # what is imitated is the action without it
        assert text.count(gold) >= 2  # once in the page, once in the answer
        losses: list[float] = []
        await trainer.warm_start(lambda step, metrics: losses.append(metrics["nll"]))
        assert losses[-1] < losses[0] - 0.1
    finally:
        await trainer.close()


async def test_a_whole_run_on_games_and_oracle_together(tmp_path: Path) -> None:
    games = played_by_a_person(tmp_path)
    settings = config(tmp_path, f"warm_start.demo_dirs=[{games}]", "warm_start.episodes=5")
    trainer = Trainer(settings)
    shown = await demonstrations(settings, trainer.chat)
    await trainer.close()
    assert len(shown) == 6
    assert (await train(settings))["steps"] == 0
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()


async def test_demonstrations_may_be_of_another_setting(tmp_path: Path) -> None:
    """Chains of two are trained on, and single questions shown."""
    shares = "warm_start.difficulty_mix={1: 0.5, 2: 0.5}"
    settings = config(tmp_path, "env.hops=[2]", "warm_start.env={hops: [1, 2]}", shares)
    settings.warm_start.episodes = 8
    trainer = Trainer(settings)
    assert {task.difficulty for task in trainer.source} == {2}
    shown = await demonstrations(settings, trainer.chat)
    await trainer.close()
    assert Counter(len(e.turns) for e in shown) == {2: 4, 3: 4}  # as many searches, and the answer
    assert all(e.score == 1.0 for e in shown)


async def test_another_agents_text_is_not_written_twice(tmp_path: Path) -> None:
    """A model's episode in the run's own dialect gives its own tokens back."""
    settings = config(tmp_path, "warm_start.demo_dirs=[there]", "warm_start.min_score=0.0")
    trainer = Trainer(settings)
    try:
        texts = ["so: <search>A</search>", "hm", "<answer>nobody</answer>"]
        env = make("search/wiki-v1", **WORLD)
        one = await run_episode(env, ScriptedAgent(texts, trainer.chat), Start(0))
        EpisodeWriter(tmp_path / "there").write([one])
        settings.warm_start.demo_dirs = [str(tmp_path / "there")]
        [again] = await demonstrations(settings, trainer.chat)
        assert [t.action for t in again.turns] == [t.action for t in one.turns]
        assert [trainer.chat.decode(t.action) for t in again.turns] == texts
        assert [t.context for t in again.turns] == [t.context for t in one.turns]
    finally:
        await trainer.close()


async def test_what_cannot_serve_is_named(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    world = {**WORLD, "seed": 1}
    EpisodeWriter(right).write(
        [await run_episode(make("search/wiki-v1", **world), OracleAgent(), Start(0))]
    )
    agent = ScriptedAgent([Action.call("answer", text="nobody")])
    EpisodeWriter(wrong).write(
        [await run_episode(make("search/wiki-v1", **WORLD), agent, Start(0))]
    )
    for overrides, message in (
        ([f"warm_start.demo_dirs=[{right}]"], r"comes out otherwise here \((observation|final)\)"),
        ([f"warm_start.demo_dirs=[{wrong}]"], "no episode with a score of at least 1"),
        (["warm_start.demo_dirs=[nowhere]"], "nowhere holds no episodes"),
        ([], "steps and no episodes"),
    ):
        trainer = Trainer(config(tmp_path, *overrides))
        with pytest.raises(UsageError, match=message):
            await trainer.warm_start()
        await trainer.close()


async def test_a_share_of_the_demonstrations_shows_hints(tmp_path: Path) -> None:
    path = tmp_path / "mini.yaml"
    path.write_text(RECIPE)
    world = ["env.hops=[1, 2]", "warm_start.episodes=60"]
    half = load_config(path, [*world, "warm_start.hinted=0.5"])
    trainer = Trainer(half)
    shown = [_hints(e) for e in await demonstrations(half, trainer.chat)]
    assert 15 < sum(map(bool, shown)) < 45
    assert len({len(hints) for hints in shown if hints}) > 1  # from the weakest one to all
    again = [_hints(e) for e in await demonstrations(half, trainer.chat)]
    assert again == shown
    apart = load_config(path, [*world, "warm_start.hinted={2: 1.0}"])
    for episode in await demonstrations(apart, trainer.chat):
        assert bool(_hints(episode)) == (episode.task.difficulty == 2)
        kinds = {span.kind for turn in episode.turns for span in turn.context}
        assert "hint" not in kinds  # the loss sees them
    await trainer.close()


def _hints(episode: Episode) -> list[str]:
    texts = [m.content for m in episode.turns[0].messages if m.kind == "shown"]
    return [line for text in texts for line in text.splitlines()]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("warm_start.hinted=0.5", "warm_start.episodes=0"), r"warm_start\.episodes is 0"),
        (
            ("learner.lr_decay=linear", "learner.max_sampled_tokens=60"),
            "set lr_decay to constant, or leave max_sampled_tokens out",
        ),
    ],
)
def test_settings_that_would_do_nothing_are_refused(
    tmp_path: Path, overrides: Sequence[str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        mini(tmp_path, "a", *overrides)


async def test_hints_of_demonstrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def kinds(hinted: str) -> set[str]:
        trainer = Trainer(mini(tmp_path, "a", f"warm_start.hinted={hinted}"))
        try:
            made = await demonstrations(trainer.config, trainer.chat)
        finally:
            await trainer.close()
        return {span.kind for e in made for turn in e.turns for span in turn.context}

    assert "shown" in await kinds("1.0")
    assert "shown" in await kinds("{1: 1.0, 9: 1.0}")
    assert "shown" not in await kinds("{1: 0.0}")
    with pytest.raises(UsageError, match="no demonstration has the difficulty 7"):
        await kinds("{7: 1.0}")
    monkeypatch.setattr(WikiSearch, "hints", lambda self, attempt=None: ("  ",))
    with pytest.raises(UsageError, match="a task has no hints"):
        await kinds("1.0")

    def telling(self: WikiSearch, attempt: Episode | None = None) -> Sequence[str]:
        return tuple(f"It is {gold.upper()}." for gold in golds(self.task))

    monkeypatch.setattr(WikiSearch, "hints", telling)
    with pytest.raises(UsageError, match="holds the gold answer"):
        await kinds("1.0")
