"""One family measured: which forward it gets, and how far the numbers are from the model's own."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from envgym.agents.local import Engine, Generation, SamplingParams
from envgym.errors import UsageError
from envgym.trainers.collection.samples import Sample
from envgym.trainers.learner.hidden_states import MicroBatch, action_states, micro_batch
from envgym.trainers.learner.logprobs import log_probs
from envgym.trainers.learner.model.output_head import output_head
from envgym.trainers.learner.packing import packable
from envgym.trainers.learner.rows import train_rows
from tests.agents.local.models import generated, logprobs, prompt
from tests.trainers.helpers import episode
from tests.trainers.model_families.shapes import build

PAGE = Path(__file__).parents[3] / "docs/models.md"
BEGIN, END = "<!-- table: scripts/model_families.py -->\n", "<!-- end of table -->\n"
MOST = 2e-5
"""Nats that a log-prob may be off in float32, whatever runs the model."""

_GREEDY = SamplingParams(max_tokens=12, temperature=0.0)
_EPISODES = 6
Turn = tuple[list[int], Generation]


@dataclass(frozen=True)
class Measured:
    """Figures of a family.

    Attributes:
        runner: Name of the engine's model runner; empty where the engine refuses the family.
        learner: ``packed`` or ``padded``.
        greedy: Whether greedy ids equal those of `generate`.
        engine, padded: Largest deviation of the engine's and of the padded learner's log-probs from
            a full forward of each row alone, in nats.
        packed: Largest deviation of packed log-probs from padded ones; None where rows run padded.
        refused: The refusal.
    """

    runner: str = ""
    learner: str = ""
    greedy: bool = False
    engine: float = 0.0
    padded: float = 0.0
    packed: float | None = None
    refused: str = ""

    def row(self, family: str) -> str:
        """The row of the table."""
        if self.refused:
            return f"| `{family}` | none: {self.refused} | | | | | |"
        packed = "" if self.packed is None else f"{self.packed:.0e}"
        greedy = "equal" if self.greedy else "differ"
        return (
            f"| `{family}` | {self.runner} | {self.learner} | {greedy} | {self.engine:.0e} "
            f"| {self.padded:.0e} | {packed} |"
        )


async def measure(family: str) -> Measured:
    """Play episodes of two turns that begin alike, and compare."""
    model = build(family)
    try:
        engine = Engine(model, eos_ids=())
    except UsageError as error:
        return Measured(refused=str(error))
    try:
        greedy = await _greedy_is_equal(model, engine)
        played = await asyncio.gather(*(_conversation(engine, i) for i in range(_EPISODES)))
    finally:
        await engine.close()
    alone, sampled = _by_a_full_forward(model, played), _sampled(played)
    made = [episode([(context, out.ids) for context, out in turns]) for turns in played]
    rows = train_rows([Sample(e, e.trajectory) for e in made], [1.0] * len(made))
    padded = _learnt(model, MicroBatch(rows))
    packed = None
    if packable(model):
        layout = micro_batch(model, rows)
        assert layout.layout is not None
        assert len(layout.layout.ids) < sum(len(row.row) for row in rows), "nothing was shared"
        packed = _gap(_learnt(model, layout), padded)
    return Measured(
        engine.runner_name,
        "padded" if packed is None else "packed",
        greedy,
        _gap(sampled, alone),
        _gap(padded, alone),
        packed,
    )


async def _greedy_is_equal(model: PreTrainedModel, engine: Engine) -> bool:
    prompts = [prompt(n, seed=n) for n in (1, 2, 7, 7, 30, 40)]
    outs = await asyncio.gather(
        *(engine.generate(f"greedy{i}", ids, _GREEDY) for i, ids in enumerate(prompts))
    )
    return all(out.ids == generated(model, ids, 12) for ids, out in zip(prompts, outs, strict=True))


async def _conversation(engine: Engine, index: int) -> list[Turn]:
    """Two turns; a context is what is new since the last action."""
    new, ids, turns = prompt(20, seed=99) + prompt(3 + index, seed=index), [], []
    for turn in range(2):
        ids = ids + new
        params = SamplingParams(max_tokens=10 + index, seed=turn)
        out = await engine.generate(f"s{index}", ids, params, group="g")
        turns.append((new, out))
        ids, new = ids + out.ids, prompt(4 + index, seed=50 + index)
    return turns


def _by_a_full_forward(model: PreTrainedModel, played: list[list[Turn]]) -> Tensor:
    found = []
    for turns in played:
        ids: list[int] = []
        for context, out in turns:
            ids = ids + context
            found.append(logprobs(model, ids, out.ids))
            ids = ids + out.ids
    return torch.cat(found)


def _sampled(played: list[list[Turn]]) -> Tensor:
    return torch.tensor([p for turns in played for _, out in turns for p in out.logprobs])


@torch.no_grad()
def _learnt(model: PreTrainedModel, batch: MicroBatch) -> Tensor:
    return log_probs(output_head(model), *action_states(model, batch))[0]


def _gap(one: Tensor, two: Tensor) -> float:
    return (one - two).abs().max().item()


def table(measured: dict[str, Measured]) -> str:
    """The table, with its head."""
    head = (
        "| family | engine | learner | greedy ids | engine − full forward "
        "| learner, padded − full forward | packed − padded |\n"
        "|---|---|---|---|---:|---:|---:|\n"
    )
    return head + "".join(m.row(family) + "\n" for family, m in measured.items())


def shown() -> dict[str, list[str]]:
    """Cells of the page's table by family."""
    part = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", part, re.M)
    return {family: [cell.strip() for cell in cells.split("|")] for family, cells in rows}
