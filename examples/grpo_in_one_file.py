"""GRPO from its first line to its last, on envgym's public API and nothing of its trainer.

A tiny model is made from nothing. It imitates demonstrations that show how a guess is written but
guess blindly. Then GRPO (arXiv 2402.03300) finds out by playing what no message says: most of the
hidden numbers are the largest one. Run it in this folder:

    python grpo_in_one_file.py                  # a minute on one CPU core
    python grpo_in_one_file.py --seed 1 --steps 10

Scores before and after GRPO on 256 test games, where the best strategy has about 0.76 and the
standard error is 0.03: 0.336 and 0.680 (seed 0), 0.348 and 0.672 (1), 0.477 and 0.695 (2).
"""

from __future__ import annotations

import argparse
import asyncio
import random

import torch
from torch import Tensor
from transformers import PreTrainedModel

import envgym
from envgym import Chat, Episode, Rollout, Start, Task
from envgym.agents import OracleAgent
from envgym.agents.local import LocalAgent, SamplingParams
from envgym.agents.tiny import TinyConfig, build_model, train_tokenizer
from envgym.trajectory import rows

ENV = "own_environment:GuessNumber"  # the file beside this one
GAME = {"top": 5, "max_turns": 2, "habit": 0.6}

parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="seed of weights, tasks and samples")
parser.add_argument("--imitation-steps", type=int, default=120, help="supervised updates")
parser.add_argument("--steps", type=int, default=25, help="rounds of rollouts and updates")
parser.add_argument("--groups", type=int, default=8, help="tasks per step")
parser.add_argument("--group-size", type=int, default=12, help="episodes per task")
parser.add_argument("--epochs", type=int, default=3, help="updates on the episodes of one step")
parser.add_argument("--lr", type=float, default=2e-3, help="learning rate of GRPO")
parser.add_argument("--clip", type=float, default=0.2, help="clip range of the ratio")
parser.add_argument("--eval-episodes", type=int, default=256, help="episodes of an evaluation")


class Batch:
    """Episodes as padded rows of tokens.

    Attributes:
        ids: Token ids, int64 [rows, T].
        mask: Whether a token was sampled by the policy, bool [rows, T]; all else is context.
        old_logprobs: Of the sampled tokens, as recorded when they were sampled, float32 [N].
        episode: Index of the episode that each sampled token belongs to, int64 [N].
    """

    def __init__(self, episodes: list[Episode]) -> None:
        found = [(i, row) for i, e in enumerate(episodes) for row in rows(e.trajectory)]
        width = max(len(row) for _, row in found)
        self.ids = torch.zeros(len(found), width, dtype=torch.long)
        self.mask = torch.zeros(len(found), width, dtype=torch.bool)
        for line, (_, row) in enumerate(found):
            self.ids[line, : len(row)] = torch.from_numpy(row.ids)
            self.mask[line, : len(row)] = torch.from_numpy(row.mask)
        self.old_logprobs = torch.cat([torch.from_numpy(r.logprobs[r.mask]) for _, r in found])
        counts = torch.tensor([int(row.mask.sum()) for _, row in found])
        self.episode = torch.tensor([i for i, _ in found]).repeat_interleave(counts)


def action_logprobs(model: PreTrainedModel, batch: Batch) -> Tensor:
    """Log-probs of the sampled tokens under the model, with gradient, float32 [N]."""
    hidden = model.base_model(input_ids=batch.ids).last_hidden_state
    before = hidden[:, :-1][batch.mask[:, 1:]]  # the state that predicts each sampled token
    logits = model.get_output_embeddings()(before)
    targets = batch.ids[batch.mask].unsqueeze(1)
    return logits.log_softmax(-1).gather(1, targets).squeeze(1)


def descend(model: PreTrainedModel, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One optimiser step."""
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def imitate(model: PreTrainedModel, episodes: list[Episode], steps: int, seed: int) -> None:
    """Maximise the likelihood of demonstrations."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=steps + 1)
    draw = random.Random(seed)
    for _ in range(steps):
        batch = Batch(draw.sample(episodes, 16))
        descend(model, optimizer, -action_logprobs(model, batch).mean())
        schedule.step()


def group_advantages(episodes: list[Episode], group_size: int) -> Tensor:
    """A = (R - mean of the group) / (std of the group + ε), one per episode, float32 [episodes]."""
    rewards = torch.tensor([e.reward for e in episodes]).view(-1, group_size)
    centred = rewards - rewards.mean(1, keepdim=True)
    return (centred / (rewards.std(1, keepdim=True) + 1e-4)).flatten()


def grpo_update(
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    advantages: Tensor,
    clip: float,
) -> dict[str, float]:
    """One step on the clipped policy-gradient loss: a mean over tokens, then over episodes."""
    advantage = advantages[batch.episode]
    weight = 1.0 / (batch.episode.bincount()[batch.episode] * len(advantages))
    log_ratio = action_logprobs(model, batch) - batch.old_logprobs
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    pg_loss = -(weight * torch.minimum(ratio * advantage, clipped * advantage)).sum()
    descend(model, optimizer, pg_loss)
    return {
        "pg_loss": pg_loss.item(),
        "approx_kl": ((ratio - 1) - log_ratio).mean().item(),  # k3 of joschu.net/blog/kl-approx
        "clipfrac": ((ratio - 1).abs() > clip).float().mean().item(),
    }


async def play(rollout: Rollout, agent: envgym.Agent, starts: list[Start]) -> list[Episode]:
    """Episodes of the starts, in their order; a fault of the environment stops the program."""
    result = await rollout.run(starts, agent)
    if result.quarantined:
        raise RuntimeError(f"an episode failed: {result.quarantined[0].fault}")
    return result.episodes


def starts_of(tasks: list[Task], name: str, seed: int, group_size: int = 1) -> list[Start]:
    """`group_size` starts for each task; members of a group differ in what is sampled alone."""
    return [
        Start(
            seed=random.Random(f"{seed}.{name}.{i}").getrandbits(32),
            task=task,
            group=f"{name}.{i}",
            member=member,
        )
        for i, task in enumerate(tasks)
        for member in range(group_size)
    ]


async def main(args: argparse.Namespace) -> None:
    """Imitate, evaluate, train, evaluate."""
    torch.set_num_threads(1)  # the model is too small for more
    env = envgym.make(ENV, **GAME)
    tokenizer = train_tokenizer([*env.corpus_text(), "<guess>1</guess>"] * 50, 320)
    shape = TinyConfig(hidden=32, heads=2, kv_heads=2, intermediate=64, context=256)
    model = build_model(shape, tokenizer, args.seed)
    chat = Chat(tokenizer, "tags", instructions=False)  # a call is written <guess>4</guess>
    agent = LocalAgent(model, chat, SamplingParams(max_tokens=12))
    rollout = Rollout(lambda: envgym.make(ENV, **GAME))
    lucky = Rollout(lambda: envgym.make(ENV, **GAME, luck=1.0))
    train, test = env.tasks("train"), env.tasks("test")
    draw = random.Random(args.seed)

    async def evaluate() -> float:
        starts = starts_of(test[: args.eval_episodes], "test", args.seed)
        episodes = await play(rollout, agent, starts)
        return sum(e.score for e in episodes) / len(episodes)

    demonstrations = await play(lucky, OracleAgent(chat), starts_of(train[:500], "demo", args.seed))
    imitate(model, demonstrations, args.imitation_steps, args.seed)
    agent.engine.update_weights()
    before = await evaluate()
    print(f"score after imitation: {before:.3f}", flush=True)

    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, betas=(0.9, 0.95))
    for step in range(1, args.steps + 1):
        optimizer.param_groups[0]["lr"] = args.lr * min(1, step / 5)  # Adam's first steps are bold
        tasks = draw.sample(train, args.groups)
        starts = starts_of(tasks, f"step{step}", args.seed, args.group_size)
        episodes = await play(rollout, agent, starts)
        batch, advantages = Batch(episodes), group_advantages(episodes, args.group_size)
        for _ in range(args.epochs):
            metrics = grpo_update(model, optimizer, batch, advantages, args.clip)
        agent.engine.update_weights()  # the engine shares the model: only its caches are stale
        if step % 5 == 0:
            score = sum(e.score for e in episodes) / len(episodes)
            shown = "  ".join(f"{name} {value:.3f}" for name, value in metrics.items())
            print(f"step {step:3}  score {score:.3f}  {shown}", flush=True)

    print(f"score on the test games: {before:.3f} before GRPO, {await evaluate():.3f} after")
    for part in (agent, rollout, lucky, env):
        await part.close()


if __name__ == "__main__":
    asyncio.run(main(parser.parse_args()))
