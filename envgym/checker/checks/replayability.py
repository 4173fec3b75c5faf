"""Check that an episode can be replayed from its saved record alone.

What is written down is the task, the seed and the actions. An environment that knows more than
that (a side table filled when tasks were listed, an object that JSON turns into another) plays
another episode when the record is all there is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from tempfile import TemporaryDirectory

from envgym.checker.report import Problem
from envgym.checker.target import Target, spread
from envgym.checker.traces import Trace, alone, difference, script
from envgym.errors import Fault
from envgym.messages import Action
from envgym.store.episodes import EpisodeWriter, read_episodes
from envgym.trajectory import Episode, Trajectory, Turn


async def record_replays_the_same(target: Target) -> AsyncIterator[Problem]:
    """Check that task, seed and actions, written to a file and read back, give the same episode."""
    split = target.splits[0]
    async with target.env() as env:
        indices = spread(len(env.tasks(split)), target.episodes)
    traces = []
    for seed, index in enumerate(indices):
        actions = await script(target, seed, split=split, index=index)
        traces.append(await alone(target, seed, actions, split=split, index=index))
    for index, trace, episode in zip(indices, traces, _read_back(traces), strict=True):
        actions = [_action(turn) for turn in episode.turns]
        try:
            again = await alone(target, episode.seed, actions, task=episode.task)
            found = difference(trace, again)
        except Fault as fault:
            found = str(fault)
        if found:
            yield Problem(
                f"{split} task {index}, played again from its record: {found}",
                "read all that start() and the tools need from self.task, as JSON gives it back; "
                "tasks() is not called where the task is given",
            )


def _read_back(traces: list[Trace]) -> list[Episode]:
    """The episodes after a way through the files that runs keep."""
    with TemporaryDirectory() as folder:
        EpisodeWriter(folder).write([_episode(seed, trace) for seed, trace in enumerate(traces)])
        return list(read_episodes(folder))


def _episode(seed: int, trace: Trace) -> Episode:
    """The trace as an episode, with each action as the last message of its turn."""
    turns = [
        Turn([], [], reward=step.reward, messages=(*seen.messages, action.message))
        for seen, action, step in zip(trace.observations, trace.actions, trace.steps, strict=False)
    ]
    return Episode(
        id=str(seed),
        env="",
        task=trace.task,
        seed=seed,
        score=trace.score,
        trajectories={"agent": Trajectory("agent", turns)},
    )


def _action(turn: Turn) -> Action:
    return Action(turn.messages[-1].content, turn.messages[-1].tool_calls)
