"""Extrapolation of the weights' trajectory (NExt, arXiv 2604.11446)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, PrivateAttr
from safetensors.torch import load_file, save
from torch import Tensor

from envgym.errors import UsageError
from envgym.trainers.hooks.base import Hook, Training
from envgym.trainers.learner.weight_trajectory import Fit, Triple, predict
from envgym.trainers.plugin import register
from envgym.utils.atomic_write import write_atomically


@register("next")
class Next(Hook):
    """W + coef · σ u vᵀ after step ``at``: the change over ``ahead`` steps, predicted, not trained.

    Networks learn from the matrices kept every ``every`` steps what follows from the change since
    the start and the latest one, each cut to rank 1. The coefficient with the best score on tasks
    of ``split`` is taken, where it beats the weights as they are; else these stay, to the bit. The
    run goes on from there.

    The source trains LoRA matrices; here all matrices but embeddings are predicted, and each costs
    a singular value decomposition per kept step.

    Trap: the sign of a singular vector is arbitrary and has to be fixed. Predicted vectors are not
    of norm 1. A coefficient chosen on the tasks of the evaluation would flatter it.
    """

    at: int = Field(100, ge=1, description="Number of steps after which to extrapolate, once.")
    every: int = Field(10, ge=1, description="Number of steps between kept weights.")
    ahead: int = Field(50, ge=1, description="Number of steps to extrapolate over.")
    coefs: tuple[float, ...] = Field(
        (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0),
        min_length=1,
        description="Factors on the predicted change to try.",
    )
    epochs: int = Field(1000, ge=1, description="Number of epochs that the networks train for.")
    lr: float = Field(2e-5, gt=0, description="Learning rate of the networks.")
    split: str = Field("train", description="Name of the split whose tasks choose the coefficient.")
    _folder: Path = PrivateAttr(default_factory=Path)

    def conflict(self, config: Any) -> str | None:
        """Report steps that do not fit, or a coefficient that nothing could choose."""
        if self.at % self.every or self.ahead % self.every or self.at < self.ahead + self.every:
            return (
                f"at {self.at} and ahead {self.ahead} must be multiples of every {self.every}, and "
                f"at no less than ahead + every: set at to {self.ahead // self.every + 1} × every "
                "or more"
            )
        if config.learner.steps < self.at:
            return (
                f"it acts after step {self.at}, and the run has {config.learner.steps}: set at to "
                "less, or learner.steps to more"
            )
        if not config.evaluation.tasks:
            return "it evaluates each coefficient: set evaluation.tasks to 1 or more"
        if self.split == config.evaluation.split:
            return (
                f"it would choose the coefficient on the tasks of the evaluation ({self.split}): "
                "set split or evaluation.split to another"
            )
        return None

    def begin(self, directory: Path, step: int) -> None:
        """Create the folder of kept weights."""
        self._folder = directory / "next"
        self._folder.mkdir(exist_ok=True)

    async def change(self, trainer: Training) -> dict[str, float]:
        """Keep the weights of every ``every``-th step; extrapolate after step ``at``."""
        step = trainer.step_number
        if step > self.at or step % self.every:
            return {}
        kept = {name: matrix.detach().cpu() for name, matrix in _matrices(trainer).items()}
        write_atomically(self._path(step), save(kept))
        return await self._extrapolate(trainer) if step == self.at else {}

    async def _extrapolate(self, trainer: Training) -> dict[str, float]:
        """Try all coefficients; leave the best weights."""
        snapshots = [self._read(step) for step in range(0, self.at + 1, self.every)]
        fit = Fit(self.epochs, self.lr, trainer.config.seed)
        changes = predict(snapshots, self.ahead // self.every, fit)
        scores = {}
        for coef in (0.0, *self.coefs):
            await self._set(trainer, snapshots[-1], changes, coef)
            scores[coef] = (await trainer.evaluate(split=self.split))[0].score
        best = max(scores, key=scores.__getitem__)  # of equal ones the first: 0
        await self._set(trainer, snapshots[-1], changes, best)
        return {"next/coef": best, "next/gain": scores[best] - scores[0.0]}

    async def _set(
        self,
        trainer: Training,
        kept: Mapping[str, Tensor],
        changes: Mapping[str, Triple],
        coef: float,
    ) -> None:
        with torch.no_grad():
            for name, matrix in _matrices(trainer).items():
                u, value, v = changes[name]
                change = (coef * value * torch.outer(u, v)).to(kept[name].dtype)
                matrix.copy_(kept[name] + change if coef else kept[name])
        await trainer.agent.update_weights()

    def _path(self, step: int) -> Path:
        return self._folder / f"step-{step:06d}.safetensors"

    def _read(self, step: int) -> dict[str, Tensor]:
        try:
            return load_file(self._path(step))
        except OSError as error:
            raise UsageError(
                f"hook 'next' cannot read the weights kept after step {step} ({error}): they are "
                "written in the run's folder as it goes; begin anew with --fresh"
            ) from error


def _matrices(trainer: Training) -> dict[str, Tensor]:
    """The policy's matrices by name, without the embeddings."""
    model = trainer.model
    ends = (model.get_input_embeddings(), model.get_output_embeddings())
    left_out = {id(end.weight) for end in ends if end is not None}
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if parameter.ndim == 2 and id(parameter) not in left_out
    }
