"""Tiny agent that learns to use hints: it imitates an oracle's episodes with hints in view.

Each demonstration shows the k weakest hints on a random attempt at its task, k from none to all in
turn, so that the agent has read every level. The base model can copy and read; what it learns here
is where in a hint the action stands.
"""

from __future__ import annotations

from envgym.agents.oracle import OracleAgent
from envgym.agents.random_agent import RandomAgent
from envgym.rollout.runner import Start
from envgym.trainers.build import build_policy
from envgym.trainers.config import Config
from envgym.trainers.guidance.reroll import guiding_message
from envgym.trainers.loop import Trainer
from envgym.trainers.running.warm_start import imitate

_TASKS = 400
"""Number of training tasks with a demonstration."""


async def trained(id: str, *, steps: int, seed: int) -> Trainer:
    """Trainer whose agent has imitated demonstrations with hints on training tasks."""
    config = Config.model_validate(
        {
            "name": "hints",
            "env": {"id": id},
            "seed": seed,
            "model": {"kind": "pretrained"},
            "chat": {"dialect": "tags", "instructions": False},
            "rollout": {"max_tokens_per_turn": 64, "deterministic": True},
            "warm_start": {"steps": steps, "batch_size": 16, "lr": 3e-3},
        }
    )
    trainer = Trainer(config)
    source = trainer.env.tasks("train")
    starts = [Start(n, source[n], group=f"{n}") for n in range(_TASKS)]
    attempts = (await trainer.rollout.run(starts, RandomAgent())).episodes
    guided = []
    for number, (start, attempt) in enumerate(zip(starts, attempts, strict=True)):
        hints = await trainer.rollout.hints(attempt)
        told = hints[: number % (len(hints) + 1)]
        guidance = (guiding_message(told, vanish=False),) if told else ()
        guided.append(start.again(guidance=guidance, role="demonstration"))
    played = await trainer.rollout.run(guided, OracleAgent(trainer.chat))
    policy = build_policy(config, trainer.policy.lm, config.warm_start.lr)
    imitate(policy, played.episodes, config.warm_start, seed)
    await trainer.reset_from_policy()
    return trainer
