"""Three GRPO steps of a model in Qwen2.5-0.5B's shape: memory beside the plan, sampling beside HF.

Random weights, the full vocabulary, several turns an episode, all weights or an adapter:
``python -m benchmarks.train.half_billion [--lora]``. The local engine samples the same rows as
``model.generate``, greedily; ids must be equal. Prints a line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase, Qwen2Config, Qwen2ForCausalLM

from envgym.agents.local.engine import Engine
from envgym.agents.local.sampling import SamplingParams
from envgym.agents.tiny import save_model, train_tokenizer
from envgym.trainers.recipe import load_config
from envgym.trainers.run import train

VOCABULARY = 151936
ROWS, PROMPT, TOKENS = 8, 120, 24
STEPS = 3


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lora", action="store_true", help="train an adapter")
    lora = parser.parse_args().lora
    with tempfile.TemporaryDirectory() as folder:
        model = build()
        sampling = compare(model)
        save_model(model, tokenizer(), Path(folder) / "model")
        del model
        summary = asyncio.run(train(load_config(recipe(Path(folder), lora))))
        rows = (Path(folder) / "run" / "metrics.jsonl").read_text().splitlines()
    memory = summary["memory_bytes"]
    turns = [json.loads(row)["episode/turns"] for row in rows]
    print(
        json.dumps(
            {
                "lora": lora,
                "steps": summary["steps"],
                "turns": turns,
                "planned_gib": memory["planned"] / 2**30,
                "used_gib": memory["used"] / 2**30,
                "used_of_planned": memory["used"] / memory["planned"],
                **sampling,
            }
        )
    )


def build() -> PreTrainedModel:
    """Qwen2.5-0.5B's shape with random weights."""
    torch.manual_seed(0)
    shape = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        max_position_embeddings=32768,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
    )
    model: PreTrainedModel = Qwen2ForCausalLM(shape).eval()
    return model


def tokenizer() -> PreTrainedTokenizerBase:
    """A small tokenizer, filled up to the size of the vocabulary."""
    found: PreTrainedTokenizerBase = train_tokenizer(["ab ba try call answer"] * 50, 512)
    found.add_tokens([f"<{index}>" for index in range(VOCABULARY - len(found))])
    return found


def recipe(folder: Path, lora: bool) -> Path:
    """Write a recipe of short episodes of several turns."""
    adapter = ", lora: {rank: 16}" if lora else ""
    path = folder / "recipe.yaml"
    path.write_text(
        f"""
name: half_billion
output: {folder / "run"}
checkpoint_every: 0
env: {{id: puzzles/strings-v1, max_turns: 2}}
model: {{kind: pretrained, path: {folder / "model"}{adapter}}}
rollout: {{tasks_per_step: 2, group_size: 4, max_tokens_per_turn: 12, max_context: 1024}}
warm_start: {{episodes: 0, steps: 0}}
learner: {{steps: {STEPS}, lr: 1.0e-6, micro_batch_tokens: 512, max_idle_steps: 9}}
losses: [{{name: clip}}, {{name: kl, coef: 0.001}}]
evaluation: {{tasks: 0}}
"""
    )
    return path


def compare(model: PreTrainedModel) -> dict[str, float | bool]:
    """Sampled tokens per second of the engine, as a multiple of `model.generate`'s."""
    generator = torch.Generator().manual_seed(1)
    prompts = torch.randint(0, VOCABULARY, (ROWS, PROMPT), generator=generator)
    began = time.monotonic()
    told = asyncio.run(_engine(model, prompts.tolist()))
    ours = time.monotonic() - began
    began = time.monotonic()
    with torch.no_grad():
        whole = model.generate(
            prompts, max_new_tokens=TOKENS, do_sample=False, attention_mask=torch.ones_like(prompts)
        )
    theirs = time.monotonic() - began
    return {
        "engine_over_generate": theirs / ours,
        "engine_tokens_per_s": ROWS * TOKENS / ours,
        "ids_equal": whole[:, PROMPT:].tolist() == told,
    }


async def _engine(model: PreTrainedModel, prompts: list[list[int]]) -> list[list[int]]:
    engine = Engine(model, max_context=PROMPT + TOKENS + 1, eos_ids=())
    params = SamplingParams(max_tokens=TOKENS, temperature=0.0)
    try:
        told = await asyncio.gather(
            *(engine.generate(str(n), ids, params) for n, ids in enumerate(prompts))
        )
    finally:
        await engine.close()
    return [out.ids for out in told]


if __name__ == "__main__":
    main()
