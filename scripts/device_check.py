"""Check a device in minutes: numbers beside the CPU's, tokens per second, memory, share of peak.

Run it where a GPU is: ``python -m scripts.device_check``. On a CPU a small shape exercises the same
code: ``python -m scripts.device_check --device cpu --layers 1 --tokens 256 --vocabulary 512``. Each
check prints a line of JSON; the exit code is 1 where numbers differ from the CPU's.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from envgym.agents.local.engine import Engine
from envgym.agents.local.sampling import SamplingParams
from envgym.task import Task
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.model.device import resolve_device
from envgym.trainers.learner.model.language_model import LanguageModel
from envgym.trainers.learner.policy import Policy
from envgym.trainers.learner.rows import TrainRow, train_rows
from envgym.trainers.losses import Clip
from envgym.trainers.running.memory_plan import activation_bytes
from envgym.trainers.running.peak_memory import PeakMemory
from envgym.trajectory import Episode, Span, Trajectory, Turn

_PEAK = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L4": 121e12, "4090": 165e12}
"""Dense bfloat16 operations per second, by a part of the GPU's name (the makers' data sheets)."""

_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 5e-2}
"""Largest deviation from the CPU's float32 numbers: log-probs in nats, gradients relative."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all checks; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--layers", type=int, default=24, help="layers of the timed model")
    parser.add_argument("--tokens", type=int, default=16384, help="tokens of a micro-batch")
    parser.add_argument("--vocabulary", type=int, default=151936)
    chosen = parser.parse_args(arguments)
    device = resolve_device(chosen.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    print(json.dumps({"check": "device", "name": name, "torch": torch.__version__}), flush=True)
    failed = False
    for dtype in (torch.float32, torch.bfloat16):
        found = _numbers(device, dtype)
        worst = max(found["logprob_gap"], found["gradient_gap"])
        failed |= not worst <= _TOLERANCE[dtype]
        print(json.dumps({"check": "numbers", "dtype": str(dtype), **found}), flush=True)
    model = _model(chosen.layers, 896, 4864, 14, 2, chosen.vocabulary).to(device, torch.bfloat16)
    print(json.dumps({"check": "sampling", **_sampling(model)}), flush=True)
    print(json.dumps({"check": "learning", **_learning(model, chosen.tokens, name)}), flush=True)
    return int(failed)


def _model(
    layers: int, hidden: int, intermediate: int, heads: int, kv_heads: int, vocabulary: int
) -> PreTrainedModel:
    """Qwen2 with random weights; the sizes of Qwen2.5-0.5B are 24, 896, 4864, 14, 2, 151936."""
    torch.manual_seed(0)
    shape = Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        tie_word_embeddings=True,
        max_position_embeddings=32768,
        eos_token_id=None,
        bos_token_id=None,
    )
    model: PreTrainedModel = Qwen2ForCausalLM(shape).eval()
    return model


def _numbers(device: torch.device, dtype: torch.dtype) -> dict[str, float]:
    """Deviation of sampling and learning on the device from float32 on the CPU."""
    base = _model(2, 64, 128, 4, 2, 256)
    rows = _rows(8, 40, 256)
    gradients = []
    for model in (base, copy.deepcopy(base).to(device, dtype)):
        policy = Policy(LanguageModel(model), lr=0.0, grad_clip=1e9)
        policy.update(rows, [Clip()])
        given = [p.grad for p in policy.lm.masters.parameters]
        gradients.append(torch.cat([g.float().cpu().flatten() for g in given if g is not None]))
    prompts = [list(row.row.ids[:20]) for row in rows]
    told = asyncio.run(_generate(copy.deepcopy(base).to(device, dtype), prompts, 16))
    gaps = []
    for prompt, (ids, logprobs) in zip(prompts, told, strict=True):
        with torch.no_grad():
            logits = base(input_ids=torch.tensor([prompt + ids])).logits[0]
        wanted = logits.log_softmax(-1)[len(prompt) - 1 : -1].gather(1, torch.tensor(ids)[:, None])
        gaps.append((wanted[:, 0] - torch.tensor(logprobs)).abs().max().item())
    norm = gradients[0].norm()
    return {
        "logprob_gap": max(gaps),
        "gradient_gap": ((gradients[1] - gradients[0]).norm() / norm).item(),
    }


async def _generate(
    model: PreTrainedModel, prompts: Sequence[list[int]], tokens: int
) -> list[tuple[list[int], list[float]]]:
    engine = Engine(model, max_context=len(prompts[0]) + tokens + 1, eos_ids=())
    params = SamplingParams(max_tokens=tokens, temperature=1.0)
    try:
        told = await asyncio.gather(
            *(engine.generate(str(n), ids, params) for n, ids in enumerate(prompts))
        )
    finally:
        await engine.close()
    return [(out.ids, out.logprobs) for out in told]


def _sampling(model: PreTrainedModel) -> dict[str, Any]:
    """Sampled tokens per second over 64 rows, after a short warm-up."""
    chance = np.random.default_rng(0)
    rows, tokens = (64, 128) if model.device.type == "cuda" else (8, 8)
    prompts = [chance.integers(0, 256, 200).tolist() for _ in range(rows)]
    asyncio.run(_generate(model, prompts[:4], 4))
    began = time.monotonic()
    told = asyncio.run(_generate(model, prompts, tokens))
    _wait(model.device)
    sampled = sum(len(ids) for ids, _ in told)
    return {"rows": rows, "tokens_per_s": sampled / (time.monotonic() - began)}


def _learning(model: PreTrainedModel, tokens: int, name: str) -> dict[str, Any]:
    """Tokens per second of an update, its memory beside the plan, its share of the peak."""
    memory = PeakMemory(model.device)
    lm = LanguageModel(model, micro_tokens=tokens, checkpointing=True)
    policy = Policy(lm, lr=1e-6)
    rows = _rows(max(1, tokens // 1024), min(tokens, 1024), 256)
    policy.update(rows, [Clip()])
    _wait(model.device)
    began = time.monotonic()
    policy.update(rows, [Clip()])
    _wait(model.device)
    seconds = time.monotonic() - began
    weights = sum(p.numel() for p in model.parameters())
    total = sum(len(row.row) for row in rows)
    # Forward, backward, and the forward that checkpointing repeats: 2 + 4 + 2 per weight and token.
    operations = 8 * weights * total / seconds
    peak = next((v for part, v in _PEAK.items() if part in name), None)
    planned = 16 * weights + total * activation_bytes(lm)  # masters, gradients, two moments
    return {
        "tokens_per_s": total / seconds,
        "share_of_peak": None if peak is None else operations / peak,
        "memory_gib": memory.used() / 2**30,
        "planned_gib": planned / 2**30,
    }


def _rows(count: int, length: int, vocabulary: int) -> list[TrainRow]:
    """Rows of one turn, a half context and a half action, with advantages of both signs."""
    chance = np.random.default_rng(1)
    samples = []
    for index in range(count):
        ids = chance.integers(0, vocabulary, length).tolist()
        turn = Turn([Span("user", ids[: length // 2])], ids[length // 2 :], [])
        trajectory = Trajectory("", [turn])
        task = Task({"row": index})
        episode = Episode(str(index), "", task, index, trajectories={"": trajectory})
        sample = Sample(episode, trajectory)
        sample.set_advantage(1.0 if index % 2 else -1.0)
        samples.append(sample)
    return train_rows(samples, [1 / (count * length)] * count)


def _wait(device: torch.device) -> None:
    """Wait for the work that a GPU still has queued."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    sys.exit(main())
