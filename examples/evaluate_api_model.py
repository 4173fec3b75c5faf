"""Scores of a model behind an OpenAI-compatible API on held-out tasks, with pass@k and its cost.

export OPENAI_API_KEY=…
python evaluate_api_model.py https://api.openai.com/v1 gpt-5-mini --env puzzles/knights-v1
"""

from __future__ import annotations

import argparse
import asyncio
import json

import envgym
from envgym import Rollout
from envgym.agents import OpenAIAgent
from envgym.trainers.running.evaluate import evaluate, pick_tasks

parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
parser.add_argument("base_url", help="address before /chat/completions")
parser.add_argument("model", help="its name at the server")
parser.add_argument("--env", default="own_environment:GuessNumber", help="environment")
parser.add_argument("--tasks", type=int, default=50, help="tasks, spread over the test split")
parser.add_argument("--samples", type=int, default=2, help="episodes per task; pass@k up to it")
parser.add_argument("--temperature", type=float, default=1.0, help="temperature of sampling")
parser.add_argument("--requests-per-minute", type=float, default=500, help="rate limit")
parser.add_argument("--input-price", type=float, default=0.25, help="per million tokens")
parser.add_argument("--output-price", type=float, default=2.0, help="per million tokens")
parser.add_argument("--budget", type=float, default=5.0, help="most that all requests may cost")


async def main(args: argparse.Namespace) -> None:
    """Evaluate and print one JSON object."""
    agent = OpenAIAgent(
        args.base_url,
        args.model,
        temperature=args.temperature,
        requests_per_minute=args.requests_per_minute,
        input_price=args.input_price,
        output_price=args.output_price,
        budget=args.budget,
    )
    rollout = Rollout(lambda: envgym.make(args.env))
    try:
        async with envgym.make(args.env) as env:
            tasks = pick_tasks(env.tasks("test"), args.tasks)
            scores, _ = await evaluate(rollout, agent, tasks, args.samples, seed=0)
    finally:
        await agent.close()
        await rollout.close()
    shown = {name: scores.to_json()[name] for name in ("score", "stderr", "pass_at", "faults")}
    print(json.dumps({**shown, **agent.usage}, indent=2))


if __name__ == "__main__":
    asyncio.run(main(parser.parse_args()))
