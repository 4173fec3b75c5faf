"""Command ``envgym play``: play an environment in the terminal."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import envgym
from envgym.cli.options import EnvArgs, EnvId, Verbose, env_arguments
from envgym.errors import Fault

if TYPE_CHECKING:
    from envgym.agents.human import Terminal
    from envgym.trajectory import Episode


def play_command(
    env_id: EnvId,
    split: Annotated[str, typer.Option(help="Split to draw the task from.")] = "train",
    index: Annotated[
        int | None, typer.Option(min=0, help="Index of the task; drawn by the seed if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the task draw and of the episode.")] = 0,
    episodes: Annotated[
        int, typer.Option("--episodes", "-n", min=1, help="Number of episodes to play.")
    ] = 1,
    save: Annotated[
        Path | None, typer.Option(help="Folder to write the episodes to; runs/play/ID by default.")
    ] = None,
    arg: EnvArgs = None,
    verbose: Verbose = False,
) -> None:
    """Play an environment yourself: tools by form, hints on request, each episode saved."""
    from envgym.agents.human import Terminal

    terminal = Terminal()
    make = partial(envgym.make, env_id, **env_arguments(arg))
    terminal.run(_play(terminal, make, split, index, seed, episodes, save))


async def _play(
    terminal: Terminal,
    make: Any,
    split: str,
    index: int | None,
    seed: int,
    episodes: int,
    save: Path | None,
) -> None:
    from envgym.agents.human import HumanAgent
    from envgym.store.episodes import EpisodeWriter
    from envgym.store.manifest import write_env

    agent = HumanAgent(terminal)
    keep = make()  # holds the shared resources open between episodes
    rollout = envgym.Rollout(make, envgym.RolloutLimits(concurrency=1, retries=0, episode_s=None))
    try:
        folder = save or _free_folder(keep.spec)
        write_env(folder, keep.spec)
        writer = EpisodeWriter(folder)
        source = keep.tasks(split)
        for number in range(seed, seed + episodes):
            place = random.Random(number).randrange(len(source)) if index is None else index
            if place >= len(source):
                raise envgym.UsageError(f"no task {place}: {split} has {len(source)}")
            start = envgym.Start(number, source[place], group=str(number))
            result = await rollout.run([start], agent)
            [episode] = [*result.episodes, *result.quarantined]
            writer.write([episode])
            _show_end(terminal, episode, folder, agent.left)
            if episode.fault is not None:
                raise Fault(episode.fault)
            if agent.left:
                break
    finally:
        await agent.close()
        await rollout.close()
        await keep.close()


def _free_folder(spec: envgym.EnvSpec) -> Path:
    """The first folder of the environment's own that takes episodes of these arguments."""
    from envgym.store.manifest import accepts

    name = spec.id.replace("/", "-")
    folder, number = Path("runs/play", name), 1
    while not accepts(folder, spec):
        number += 1
        folder = Path("runs/play", f"{name}-{number}")
    return folder


def _show_end(terminal: Terminal, episode: Episode, folder: Path, left: bool) -> None:
    seats = episode.trajectories.values()
    if not left:  # the last messages are not on the screen yet
        for message in (m for seat in seats for m in seat.final):
            terminal.show(message)
    terminal.say(
        f"{episode.stop_reason} · score {episode.score:.3f} · reward "
        f"{sum(seat.reward for seat in seats):g} · turns {sum(len(s.turns) for s in seats)} · "
        f"saved in {folder}",
        "bold",
    )
