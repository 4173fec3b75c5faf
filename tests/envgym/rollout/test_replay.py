"""What was recorded is stepped again: equal where nothing changed, named where something did."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envgym.agent import Agent, Completion, Context
from envgym.agents import ScriptedAgent
from envgym.chat.renderer import Chat
from envgym.env import Env
from envgym.errors import Fault, UsageError
from envgym.messages import Action, Message, hint, user
from envgym.rollout.replay import differences, episode_folders, play_again
from envgym.rollout.runner import Limits, Rollout, Start, run_episode
from envgym.stop_reason import StopReason
from envgym.store.episodes import EpisodeWriter, read_episodes
from envgym.task import Task
from envgym.trajectory import Episode
from tests.envgym import templates
from tests.envgym.worlds import Guess, Solver, wrong


class Duel(Env[Task]):
    """Two seats in turn; the last action credits the other seat."""

    seats = ("writer", "critic")
    max_turns = 4

    def tasks(self, split: str = "train") -> list[Task]:
        return [Task({"n": n}) for n in range(9)]

    async def start(self, task: Task) -> str:
        return f"write {task.data['n']}, {self.rng.random()}"

    async def act(self, action: Action) -> str:
        if self.turn == 4:
            self.end(0.5)
        self.seat = "critic" if self.seat == "writer" else "writer"
        return f"{action.text} for the {self.seat}"

    def _info(self) -> dict[str, Any]:
        return super()._info() | ({"rewards": {"writer": 0.25}} if self.turn == 4 else {})


class Ends(Solver):
    """Misses twice, asks for a hint in between, then ends as it is told."""

    def __init__(self, end: Completion) -> None:
        super().__init__(misses=9)
        self.last = end

    async def act(self, context: Context) -> Completion:
        env = self.envs[context.session]
        if env.turn == 2:
            return self.last
        asked = (hint("Halve it."),) if env.turn == 1 else ()
        return Completion(action=wrong(env), guidance=asked)


async def record(
    folder: Path, make: Any, agent: Agent, starts: Sequence[Start], **limits: Any
) -> list[Episode]:
    """Episodes as they come back from disk."""
    rollout = Rollout(make, Limits(**limits))
    result = await rollout.run(starts, agent)
    await rollout.close()
    assert not result.quarantined
    EpisodeWriter(folder).write(result.episodes)
    return list(read_episodes(folder))


async def again(make: Any, recorded: Sequence[Episode], chat: Chat | None = None) -> list[Episode]:
    rollout = Rollout(make, Limits(retries=0, fault_rate=1.0))
    played = await play_again(rollout, recorded, chat)
    await rollout.close()
    return played


async def whats(make: Any, recorded: Sequence[Episode]) -> list[str]:
    """What differs, of all."""
    played = await again(make, recorded)
    pairs = zip(recorded, played, strict=True)
    return [d.what for before, after in pairs for d in differences(before, after)]


async def test_tasks_given_or_drawn_by_the_seed_replay_equal(tmp_path: Path) -> None:
    tasks = Guess().tasks()
    starts = [Start(s, tasks[s] if s % 2 else None, group=f"g{s}") for s in range(30)]
    recorded = await record(tmp_path, Guess, Solver(misses=2), starts)
    assert len({e.turns[0].messages for e in recorded}) == 30  # luck is drawn by the seed
    assert await whats(Guess, recorded) == []


async def test_calls_written_as_text_replay_as_they_were_read(tmp_path: Path) -> None:
    chat = Chat(templates.tokenizer(templates.CHATML))
    good = '<tool_call>\n{"name": "guess", "arguments": {"number": -1}}\n</tool_call>'
    for name, script in {
        "broken": ["hm", "<tool_call>{oops", '<tool_call>{"name": "gues"}</tool_call>', good, good],
        "two": [good + good, f"so: {good}", "", good, good],
    }.items():
        starts = [Start(s) for s in range(4)]
        recorded = await record(tmp_path / name, Guess, ScriptedAgent(script, chat), starts)
        assert {e.stop_reason for e in recorded} == {StopReason.MAX_TURNS}
        assert await whats(Guess, recorded) == []


async def test_guidance_before_and_within_an_episode(tmp_path: Path) -> None:
    guided = (hint("It is odd."), Message("user", "No good.", "critic"))
    starts = [Start(s, guidance=guided) for s in range(3)]
    recorded = await record(tmp_path, Guess, Ends(Completion(finish="quit")), starts)
    kinds = [[m.kind for m in turn.messages] for turn in recorded[0].turns]
    assert kinds == [["user", "hint", "critic"], ["tool", "hint"]]
    assert await whats(Guess, recorded) == []


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (Completion(finish="quit", guidance=(hint("Up."),)), StopReason.ABANDONED),
        (Completion(finish="context"), StopReason.MAX_TOKENS),
        (Completion(ids=[1], action=Action("no more ro"), finish="context"), StopReason.MAX_TOKENS),
    ],
)
async def test_cut_episodes_replay_equal(
    tmp_path: Path, end: Completion, reason: StopReason
) -> None:
    recorded = await record(tmp_path, Guess, Ends(end), [Start(1)])
    assert recorded[0].stop_reason is reason
    assert recorded[0].metrics["tool_calls"] == 2.0
    assert await whats(Guess, recorded) == []


async def test_a_step_that_the_clock_cut_is_not_compared(tmp_path: Path) -> None:
    class Slow(Guess):
        slow = ends_by_time = True

        async def act(self, action: Action) -> Any:
            told = await super().act(action)
            if self.turn == 2 and self.slow:
                await asyncio.sleep(60)
            return told

    recorded = await record(tmp_path, Slow, Solver(misses=1), [Start(1)], episode_s=0.5)
    assert (recorded[0].stop_reason, len(recorded[0].turns)) == (StopReason.TIMEOUT, 2)
    Slow.slow = False
    assert await whats(Slow, recorded) == []
    recorded[0].turns[0].reward = 9.0  # what came before the cut is
    assert await whats(Slow, recorded) == ["reward"]


async def test_seats_replay_each_their_own(tmp_path: Path) -> None:
    agent = ScriptedAgent(lambda context: f"{context.session} {len(context.messages)}")
    recorded = await record(tmp_path, Duel, agent, [Start(s) for s in range(5)])
    assert [t.reward for t in recorded[0].trajectories.values()] == [0.25, 0.5]
    assert await whats(Duel, recorded) == []
    recorded[3].trajectories["critic"].turns[0].messages = (user("other"),)
    [found] = differences(recorded[3], (await again(Duel, recorded))[3])
    assert (found.what, found.seat, found.turn) == ("observation", "critic", 0)


async def test_every_change_is_named(tmp_path: Path) -> None:
    starts = [Start(s) for s in range(8)]
    recorded = await record(tmp_path, Guess, Solver(misses=1), starts)
    recorded[0].turns[1].messages = (user("Lower."),)
    recorded[1].turns[0].reward = -1.0
    recorded[2].score = 0.5
    recorded[3].stop_reason = StopReason.MAX_TURNS
    recorded[4].metrics["tool_calls"] = 7.0
    recorded[5].turns.append(replace(recorded[5].turns[0]))
    recorded[6].trajectory.final = (*recorded[6].trajectory.final, user("more"))
    del recorded[7].metrics["tool_errors"]
    assert await whats(Guess, recorded) == [
        "observation",
        "reward",
        "score",
        "stop_reason",
        "metrics.tool_calls",
        "turns",
        "final",
        "metrics.tool_errors",
    ]


async def test_a_hint_that_the_environment_itself_changed_is_named(tmp_path: Path) -> None:
    recorded = await record(tmp_path, Guess, Solver(), [Start(0)])
    first = recorded[0].turns[0]
    first.messages = (hint(first.messages[0].content), *first.messages[1:])
    assert await whats(Guess, recorded) == ["observation"]


async def test_another_world_differs_and_a_broken_one_is_a_fault(tmp_path: Path) -> None:
    class Generous(Guess):
        share = 1.0

        def add_reward(self, reward: float) -> None:
            super().add_reward(reward * self.share)

    class Gone(Guess):
        async def start(self, task: Task) -> str:
            raise Fault("sandbox gone")

    starts = [Start(s) for s in range(20)]
    recorded = await record(tmp_path, Generous, Solver(), starts)
    Generous.share = 0.5
    assert await whats(Generous, recorded) == ["reward"] * 20
    assert await whats(Gone, recorded) == ["fault"] * 20


async def test_a_fault_met_on_the_way_is_retried(tmp_path: Path) -> None:
    tries: list[int] = []

    class Flaky(Guess):
        async def act(self, action: Action) -> Any:
            tries.append(self.turn)
            if len(tries) == 2:
                raise Fault("sandbox gone")
            return await super().act(action)

    tries += [0, 0]  # nothing breaks while it is recorded
    recorded = await record(tmp_path, Flaky, Solver(misses=2), [Start(0)])
    tries.clear()
    rollout = Rollout(Flaky)
    [played] = await play_again(rollout, recorded)
    await rollout.close()
    assert tries == [1, 2, 1, 2, 3]
    assert differences(recorded[0], played) == []


async def test_with_a_chat_the_actions_become_demonstrations(tmp_path: Path) -> None:
    """The same ids whether the game was played by form or written in the chat's own dialect."""
    chat = Chat(templates.tokenizer(templates.CHATML))
    by_form = await record(tmp_path / "form", Guess, Solver(misses=1), [Start(0)])
    texts = [chat.dialect.write(t.taken, Guess.tools) for t in by_form[0].turns if t.taken]
    agent = ScriptedAgent(texts, chat)
    by_text = await record(tmp_path / "text", Guess, agent, [Start(0)])
    first, second = await again(Guess, [*by_form, *by_text], chat)
    assert [t.action for t in first.turns] == [t.action for t in second.turns]
    assert [t.action for t in second.turns] == [t.action for t in by_text[0].turns]
    assert [chat.decode(t.action) for t in first.turns] == texts
    assert all(turn.context for turn in first.turns)
    assert first.score == second.score == 1.0


async def test_a_turn_without_an_action_says_so() -> None:
    episode = await run_episode(Guess(), Solver(), Start(0))
    episode.turns[1].taken = None
    with pytest.raises(UsageError, match=r"turn 1 of .* records no action"):
        await again(Guess, [episode])


def test_a_folder_without_episodes_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no episodes-\*.jsonl"):
        episode_folders(tmp_path)
