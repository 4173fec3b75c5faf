"""Episodes by every kind of agent: an expert, a model here, a model behind an API, a person.

    python rollout.py oracle
    python rollout.py local --model runs/demo/model --dialect tags
    python rollout.py api --base-url https://api.openai.com/v1 --model gpt-5-mini
    python rollout.py person --env own_environment:GuessNumber -n 1

The rollout is the same for all; what differs is the agent that it is given.
"""

from __future__ import annotations

import argparse
import asyncio

import envgym
from envgym import Agent, Limits, Rollout, Start
from envgym.store import EpisodeWriter

parser = argparse.ArgumentParser(description="Play episodes and print their scores.")
parser.add_argument("agent", choices=("oracle", "local", "api", "person"))
parser.add_argument("--env", default="search/wiki-v1", help="environment id or module:Class")
parser.add_argument("--model", help="folder of a model (local), or its name at the server (api)")
parser.add_argument("--dialect", default="hermes", help="form of tool calls (local)")
parser.add_argument("--base-url", help="address before /chat/completions (api)")
parser.add_argument("-n", type=int, default=4, help="number of episodes")
parser.add_argument("--save", help="folder to save the episodes in")


def local_agent(model: str, dialect: str) -> Agent:
    """A Hugging Face model in this process; torch is imported here and not before."""
    from envgym.agents.local import LocalAgent, SamplingParams
    from envgym.agents.tiny import load_model

    weights, tokenizer = load_model(model)
    return LocalAgent(weights, envgym.Chat(tokenizer, dialect), SamplingParams(max_tokens=256))


def api_agent(base_url: str, model: str) -> Agent:
    """Any server that speaks OpenAI's chat completions; its key is in $OPENAI_API_KEY."""
    from envgym.agents import OpenAIAgent

    return OpenAIAgent(base_url, model, max_tokens=512)


async def play(agent: Agent, env_id: str, count: int, save: str | None, limits: Limits) -> None:
    """Play `count` test tasks, print one line for each, and save them where asked."""
    rollout = Rollout(lambda: envgym.make(env_id), limits)
    try:
        async with envgym.make(env_id) as env:
            tasks = env.tasks("test")
            starts = [Start(seed=i, task=tasks[i % len(tasks)]) for i in range(count)]
            result = await rollout.run(starts, agent)
    finally:
        await agent.close()
        await rollout.close()
    for episode in result.episodes:
        print(f"{episode.id}: score {episode.score}, {len(episode.turns)} turns, ", end="")
        print(f"ended by {episode.stop_reason.value}")
    for episode in result.quarantined:  # the world broke: no score, and nothing to train on
        print(f"{episode.id}: {episode.fault}")
    if save:
        EpisodeWriter(save).write([*result.episodes, *result.quarantined])


def main() -> None:
    """Choose the agent and play."""
    args = parser.parse_args()
    needs = {"local": ("model",), "api": ("model", "base_url")}.get(args.agent, ())
    if missing := [name for name in needs if getattr(args, name) is None]:
        parser.error(f"{args.agent} needs --{missing[0].replace('_', '-')}")
    if args.agent == "person":
        from envgym.agents.human import HumanAgent, Terminal

        terminal = Terminal()  # it reads lines in this thread and plays in another
        one_by_one = Limits(concurrency=1, episode_s=None)
        agent = HumanAgent(terminal)
        terminal.run(play(agent, args.env, args.n, args.save, one_by_one))
        return
    if args.agent == "oracle":
        from envgym.agents import OracleAgent

        agent = OracleAgent()
    elif args.agent == "local":
        agent = local_agent(args.model, args.dialect)
    else:
        agent = api_agent(args.base_url, args.model)
    asyncio.run(play(agent, args.env, args.n, args.save, Limits()))


if __name__ == "__main__":
    main()
