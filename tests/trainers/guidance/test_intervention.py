"""Intervention: one replaced action, proven by continuations; nothing after it is trained."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.agent import Context
from envgym.agents import tiny
from envgym.agents.scripted import ScriptedAgent
from envgym.chat.renderer import Chat
from envgym.env import Env
from envgym.environments.puzzles.grid.key_door import COLOURS, KeyDoor
from envgym.errors import UsageError
from envgym.messages import Action
from envgym.rollout.replay import differences, play_again
from envgym.rollout.runner import Rollout, Start
from envgym.task import Task, TaskSource
from envgym.trainers.collection.player import Player
from envgym.trainers.collection.samples import Sample, as_groups
from envgym.trainers.guidance import Intervention
from envgym.trainers.guidance.intervention import make_demonstration
from envgym.trainers.guidance.proposals import Proposal, read_proposal
from envgym.trainers.loop import Trainer
from envgym.trajectory import Episode
from tests.envgym import templates
from tests.trainers.collection.test_player import Judge, refuse
from tests.trainers.guidance.world import Vault
from tests.trainers.test_run import config

SFT = "losses=[clip, {name: sft, coef: 0.1}]"


class Word(Env[Task]):
    """Spell ABC, a letter a turn."""

    max_turns = 3

    def tasks(self, split: str = "train") -> Sequence[Task]:
        return TaskSource.rows([Task({"tries": "XBC"})])

    async def start(self, task: Task) -> str:
        self._said = ""
        return f"Go. {task.data['tries']}"

    async def act(self, action: Action) -> str:
        self._said += action.text
        if len(self._said) == 3:
            self.end(float(self._said == "ABC"))
        return f"So far {self._said}."

    async def oracle(self) -> AsyncIterator[Action]:
        for letter in "ABC":
            yield Action(letter)


def player(chat: Chat | None = None) -> Player:
    """Its agent says what the task names, letter by letter."""

    def letter(context: Context) -> str:
        said = sum(message.role == "assistant" for message in context.messages)
        return context.messages[0].content.split()[1][said]

    return Player(Rollout(Word), ScriptedAgent(letter, chat), chat)


def starts(*tries: str) -> list[Start]:
    """Members of a group, each with its own letters."""
    return [Start(7, Task({"tries": text}), "g", member) for member, text in enumerate(tries)]


def demonstrations(episodes: Sequence[Episode]) -> list[Episode]:
    return [episode for episode in episodes if episode.role == "demonstration"]


@pytest.mark.parametrize(
    ("tries", "proven"),
    [
        ("XBC", "A"),
        ("AXC", "AB"),
        ("AXX", ""),  # the policy does not go on well
        ("ABX", ""),  # the replacement ends the episode
    ],
)
async def test_the_first_departure_is_replaced_and_proven(tries: str, proven: str) -> None:
    result = await Intervention(continuations=2).play(starts(tries), player())
    assert [e.role for e in result.episodes[1:]] == (
        ["demonstration", "continuation"] if proven else ["continuation"] * 2
    )
    assert result.counts == {
        "guidance/oracle_quarantined": 0,
        "guidance/replacements": 1,
        "guidance/replacements_proven": bool(proven),
    }
    for episode in demonstrations(result.episodes):
        assert "".join(turn.text for turn in episode.turns) == "ABC"


@pytest.mark.parametrize("judge", ["j", "policy"])
async def test_a_judge_or_the_policy_may_propose(judge: str) -> None:
    asked: list[str] = []

    def answer(text: str) -> str:
        asked.append(text)
        return "It is the second.\nStep: 2\n<intervention> B </intervention>"

    here = player()
    spells = here.agents
    proposer = Judge(answer)
    here.judges = {"j": proposer}
    if judge == "policy":
        ask = here.ask

        async def as_policy(agent: Any, questions: Any) -> dict[str, str]:
            assert agent is spells
            return await ask(proposer, questions)

        here.ask = as_policy  # type: ignore[method-assign]
    method = Intervention(judge=judge, continuations=1)
    result = await method.play(starts("AXC", "XXC"), here)
    [shown] = demonstrations(result.episodes)
    assert [turn.text for turn in shown.turns] == ["A", "B", "C"]
    assert asked == ["The task:\nGo. AXC\n\nThe failed attempt:\n1. A\n2. X\n3. C"]


async def test_a_judge_sees_the_hints_and_may_fail() -> None:
    class Helped(Word):
        def hints(self, attempt: Episode | None = None) -> Sequence[str]:
            return ("In order.", "Three.")

    asked: list[str] = []
    answers = iter(["Step: 4\n<intervention>B</intervention>", "no idea"])

    def answer(text: str) -> str:
        asked.append(text)
        return next(answers, "") or refuse("")

    here = player()
    here.rollout = Rollout(Helped)
    here.judges = {"j": Judge(answer)}
    method = Intervention(judge="j", attempts=3)
    result = await method.play(starts("AXC", "XBC", "XXC"), here)
    assert (len(result.episodes), len(asked)) == (3, 3)
    assert "How it is solved:\nIn order.\nThree.\n\n" in asked[0]
    assert set(result.counts.values()) == {0}


@given(st.text(st.sampled_from("step: 12<>/intervo\n"), max_size=40))
def test_answers_of_any_form_are_read(text: str) -> None:
    found = read_proposal(text)
    assert found is None or found[0] >= 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("STEP : 3\n<intervention>a\nb</intervention>.", (2, Action("a\nb"))),
        ("Step: 0\n<intervention>a</intervention>", None),
        ("<intervention>a</intervention> Step: 1", None),
        ("Step: 1 </intervention>a<intervention>", None),
        ("Step: 1 <intervention> </intervention>", None),
    ],
)
def test_steps_and_replacements_are_read(text: str, found: object) -> None:
    assert read_proposal(text) == found


async def test_equal_departures_count_once_and_later_ones_come_first() -> None:
    tries = ("XBC", "XXC", "AXC", "XCC")
    for most, made in ((1, 1), (5, 2)):
        method = Intervention(continuations=1, attempts=most)
        result = await method.play(starts(*tries), player())
        assert len(result.episodes) == 4 + made
        assert demonstrations(result.episodes)[0].id == "g/2+1"


async def test_a_group_with_a_success_costs_nothing_more() -> None:
    result = await Intervention().play(starts("XBC", "ABC"), player())
    assert (len(result.episodes), result.counts) == (2, {})


async def test_prefix_and_replacement_are_trained_and_nothing_after() -> None:
    """In the tokens that the attempt was sampled with, and without the rest."""
    chat = Chat(templates.tokenizer(templates.CHATML))
    here = player(chat)
    result = await Intervention(continuations=1).play(starts("AXC"), here)
    [attempt, shown] = result.episodes
    [own], [row] = Sample(attempt, attempt.trajectory).rows, Sample(shown, shown.trajectory).rows
    assert [t.action for t in shown.turns] == [
        attempt.turns[0].action,
        chat.demonstrate(Action("B"), ()),
        [],
    ]
    assert chat.tokenizer.decode(row.ids[row.mask]).count("<|im_end|>") == 2
    second = int((own.turn == 1).argmax())
    assert row.ids[:second].tolist() == own.ids[:second].tolist()
    assert row.mask[:second].tolist() == own.mask[:second].tolist()
    assert "C" in chat.tokenizer.decode(row.ids[~row.mask][-3:])
    assert len(shown.trajectory.turns) == 3
    [again] = await play_again(here.rollout, [shown], chat)
    assert differences(shown, again) == []


async def test_continuations_are_not_trained_and_share_no_baseline() -> None:
    result = await Intervention(continuations=3).play(starts("XBC", "XXX"), player())
    roles = [group[0].role for group in as_groups(result.episodes)]
    assert roles == ["policy", "demonstration", "continuation"]
    assert Intervention.untrained == {"continuation"}


def test_environments_that_cannot_be_played_on_in_are_named() -> None:
    class Silent(Word):
        oracle = Env.oracle

    with pytest.raises(UsageError, match=r"needs oracle\(\) and silent-v0 has none"):
        Intervention().check_env(Silent())
    Intervention(judge="policy").check_env(Silent())
    with pytest.raises(UsageError, match=r"vault-v0 has a single turn: raise its max_turns"):
        Intervention().check_env(Vault())


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("losses=[clip]",), "no loss trains its demonstration episodes: add {name: sft}"),
        ((SFT, "rollout.dynamic_rounds=2"), "set rollout.dynamic_rounds to 1"),
    ],
)
def test_conflicts(tmp_path: Path, overrides: Sequence[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        config(tmp_path, "a", "guidance=intervention", *overrides)


def test_an_unknown_judge_is_refused(tmp_path: Path) -> None:
    config(tmp_path, "a", "guidance={name: intervention, judge: policy}", SFT)
    with pytest.raises(UsageError, match="judge 'j' is not in judges"):
        config(tmp_path, "a", "guidance={name: intervention, judge: j}", SFT)


async def test_a_run_learns_replacements(tmp_path: Path) -> None:
    """Every continuation counts as a success, and every plain attempt as a failure."""
    guidance = "guidance={name: intervention, continuations: 2}"
    trainer = Trainer(config(tmp_path, "a", guidance, SFT))
    play = trainer.collector.player.play

    async def solved(starts: Any) -> Any:
        result = await play(starts)
        for episode in result.episodes:
            episode.score = float(bool(episode.guided_by))
        return result

    trainer.collector.player.play = solved  # type: ignore[method-assign]
    try:
        told, episodes = await trainer.step()
    finally:
        await trainer.close()
    shown = demonstrations(episodes)
    assert told["guidance/replacements_proven"] == len(shown) == 2
    assert told["learn/nll"] > 0
    for episode in shown:
        trained = [bool(turn.action) for turn in episode.turns]
        assert trained == sorted(trained, reverse=True)
        assert 0 < sum(trained) < len(trained)


async def test_a_real_environments_own_tokens_and_calls_are_kept() -> None:
    """Attempts as a model writes them, at random: texts that hold calls."""
    env = KeyDoor(length=2, keys=2)
    tokenizer = tiny.train_tokenizer(env.corpus_text(), 400)
    chat = Chat(tokenizer, "tags", instructions=False)

    def act(context: Context) -> str:
        rng = random.Random(context.seed)
        told = context.messages[1].content
        key, way = (
            rng.choice([c for c in COLOURS if c in told]),
            rng.choice(("left", "right", "back")),
        )
        calls = [Action.call("take", key=key), *[Action.call("go", way=way)] * 2]
        return chat.dialect.write(rng.choice(calls), env.tools)

    here = Player(Rollout(lambda: KeyDoor(length=2, keys=2)), ScriptedAgent(act, chat), chat)
    tasks = env.tasks("train")
    begun = [Start(i, tasks[i], f"{i}", member) for i in range(9) for member in range(3)]
    result = await Intervention(continuations=1, min_score=1e-9).play(begun, here)
    turned = [e for e in result.episodes if e.role == "continuation"]
    by_id = {e.id: e for e in result.episodes}
    assert any(e.turns[0].taken == by_id[e.id.split("+")[0]].turns[0].taken for e in turned)
    for episode in turned:
        attempt = by_id[episode.id.split("+")[0]]
        last = sum(not turn.action for turn in episode.turns) - 1
        action = episode.turns[last].taken or Action()
        make_demonstration(episode, Proposal(attempt, last, action))
        [own], [row] = (Sample(e, e.trajectory).rows for e in (attempt, episode))
        first = int((own.turn == last).argmax())
        assert np.array_equal(row.ids[:first], own.ids[:first])
        assert np.array_equal(row.mask[:first], own.mask[:first])
        assert not row.mask[row.turn > last].any()
    for before, after in zip(turned, await play_again(here.rollout, turned, chat), strict=True):
        assert differences(before, after) == []
