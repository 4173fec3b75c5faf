"""PPO's sanity: CartPole through the trainer's own credit and losses.

    python -m benchmarks.train.cartpole --seeds 3

A step of the pole stands for an action token, and a stretch of 128 steps for a turn. The advantages
and returns are `gae`'s, the losses are `clip` and the critic's `value_loss`; the networks, sizes
and rates are those of CleanRL's ppo.py (github.com/vwxyzjn/cleanrl, docs/rl-algorithms/ppo.md),
which comes to 490 ± 6 by 500,000 steps. Printed is the mean return of the last hundred episodes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Categorical

from envgym.task import Task
from envgym.trainers.advantages.gae import Gae
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.critic import value_loss
from envgym.trainers.losses import Clip, LossInputs
from envgym.trajectory import Episode, Trajectory, Turn

POLES, STRETCH = 4, 128
EPOCHS, PARTS = 4, 4
RATE, GAMMA, LAM = 2.5e-4, 0.99, 0.95
CLIP, VALUE_COEF, ENTROPY_COEF, NORM = 0.2, 0.5, 0.01, 0.5


def network(outputs: int, gain: float) -> nn.Sequential:
    """Two hidden layers of 64, orthogonal weights."""
    layers = [nn.Linear(4, 64), nn.Linear(64, 64), nn.Linear(64, outputs)]
    for layer, scale in zip(layers, (2**0.5, 2**0.5, gain), strict=True):
        nn.init.orthogonal_(layer.weight, scale)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2])


class Pole:
    """One pole, and the stretch of steps that it is in."""

    def __init__(self, seed: int) -> None:
        self.env = gymnasium.make("CartPole-v1")
        self.seen: Any = self.env.reset(seed=seed)[0]
        self.total = 0.0
        self.begin()

    def begin(self) -> None:
        """A new stretch."""
        self.states: list[Any] = []
        self.actions: list[int] = []
        self.logps: list[float] = []
        self.values: list[float] = []
        self.rewards: list[float] = []

    def sample(self, after: float) -> Sample:
        """The stretch as the learner takes it; `after` is the value of the state that it left."""
        rewards = np.array(self.rewards)
        rewards[-1] += GAMMA * after  # a stretch that goes on is worth what follows
        turn = Turn([], self.actions, self.logps)
        trajectory = Trajectory("agent", [turn])
        episode = Episode("e", "CartPole-v1", Task({}), 0, trajectories={"agent": trajectory})
        sample = Sample(episode, trajectory, values=[np.array(self.values, np.float32)])
        sample.add_reward_tokens("environment", [rewards])
        return sample


def train(seed: int, steps: int) -> list[float]:
    """Returns of all episodes, in the order of their ends."""
    torch.manual_seed(seed)
    actor, critic = network(2, 0.01), network(1, 1.0)
    weights = [*actor.parameters(), *critic.parameters()]
    optimizer = torch.optim.Adam(weights, lr=RATE, eps=1e-5)
    poles = [Pole(seed * POLES + i) for i in range(POLES)]
    returns: list[float] = []
    updates = steps // (POLES * STRETCH)
    for update in range(updates):
        optimizer.param_groups[0]["lr"] = RATE * (1 - update / updates)
        samples, states = play(actor, critic, poles, returns)
        Gae(gamma=GAMMA, lam=LAM)([samples])
        learn(actor, critic, optimizer, samples, states)
    return returns


@torch.no_grad()
def play(
    actor: nn.Module, critic: nn.Module, poles: list[Pole], returns: list[float]
) -> tuple[list[Sample], Tensor]:
    """A stretch of each pole, cut where episodes end; and the states of its steps, in order."""
    samples: list[Sample] = []
    states: list[Any] = []

    def cut(pole: Pole, after: float) -> None:
        samples.append(pole.sample(after))
        states.extend(pole.states)
        pole.begin()

    def worth(state: Any) -> float:
        return critic(torch.as_tensor(state)).item()

    for _ in range(STRETCH):
        seen = torch.from_numpy(np.stack([pole.seen for pole in poles]))
        chances = Categorical(logits=actor(seen))
        actions = chances.sample()
        logps, values = chances.log_prob(actions).tolist(), critic(seen).squeeze(1).tolist()
        for pole, action, logp, value in zip(poles, actions.tolist(), logps, values, strict=True):
            pole.states.append(pole.seen)
            pole.seen, reward, terminated, truncated, _ = pole.env.step(action)
            pole.actions.append(action)
            pole.logps.append(logp)
            pole.values.append(value)
            pole.rewards.append(float(reward))
            pole.total += float(reward)
            if terminated or truncated:
                cut(pole, 0.0 if terminated else worth(pole.seen))
                returns.append(pole.total)
                pole.seen, pole.total = pole.env.reset()[0], 0.0
    for pole in poles:
        if pole.states:
            cut(pole, worth(pole.seen))
    return samples, torch.from_numpy(np.stack(states))


def learn(
    actor: nn.Module,
    critic: nn.Module,
    optimizer: torch.optim.Optimizer,
    samples: list[Sample],
    states: Tensor,
) -> None:
    """Epochs of shuffled parts."""
    turns = [sample.trajectory.turns[0] for sample in samples]
    actions = torch.tensor([a for turn in turns for a in turn.action])
    old_logp = torch.tensor([lp for turn in turns for lp in turn.logprobs])
    old_value, advantage, target = (
        torch.from_numpy(np.concatenate(arrays))
        for arrays in (
            [v for s in samples for v in s.value or ()],
            [a for s in samples for a in s.advantages],
            [r for s in samples for r in s.returns],
        )
    )
    sample = torch.repeat_interleave(
        torch.arange(len(samples)), torch.tensor([s.tokens for s in samples])
    )
    policy_loss = Clip(low=CLIP, high=CLIP)
    for _ in range(EPOCHS):
        for part in torch.randperm(len(states)).chunk(PARTS):
            chances = Categorical(logits=actor(states[part]))
            logp = chances.log_prob(actions[part])
            inputs = LossInputs(logp, old_logp[part], None, advantage[part], sample[part])
            value = critic(states[part]).squeeze(1)
            loss = (
                policy_loss(inputs)[0]
                + VALUE_COEF * value_loss(value, old_value[part], target[part], CLIP)[0]
                - ENTROPY_COEF * chances.entropy()
            ).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*actor.parameters(), *critic.parameters()], NORM)
            optimizer.step()


def main() -> None:
    """Train with some seeds and print, a line of JSON each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1, help="seed to begin with")
    parser.add_argument("--steps", type=int, default=500_000)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    ends = []
    for seed in range(asked.first, asked.first + asked.seeds):
        began = time.process_time()
        returns = train(seed, asked.steps)
        ends.append(statistics.fmean(returns[-100:]))
        spent = round(time.process_time() - began)
        print(json.dumps({"seed": seed, "return": ends[-1], "cpu_s": spent}), flush=True)
    spread = statistics.stdev(ends) if len(ends) > 1 else 0.0
    print(json.dumps({"return": statistics.fmean(ends), "stdev": spread, "steps": asked.steps}))


if __name__ == "__main__":
    main()
