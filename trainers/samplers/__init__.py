"""Samplers (curricula): choice of the tasks of the next step. One file per method."""

from __future__ import annotations

from envgym.trainers.samplers.adaptive import Adaptive
from envgym.trainers.samplers.base import Sampler
from envgym.trainers.samplers.epochs import Epochs
from envgym.trainers.samplers.fixed_tasks import FixedTasks, most_varied
from envgym.trainers.samplers.limr import Limr, alignment_scores
from envgym.trainers.samplers.pass_rate_window import PassRateWindow
from envgym.trainers.samplers.stages import Stage, Stages
from envgym.trainers.samplers.subset import Subset
from envgym.trainers.samplers.success_band import SuccessBand
from envgym.trainers.samplers.success_rates import learning_curves, recorded_rates
from envgym.trainers.samplers.uniform import Uniform

__all__ = [
    "Adaptive",
    "Epochs",
    "FixedTasks",
    "Limr",
    "PassRateWindow",
    "Sampler",
    "Stage",
    "Stages",
    "Subset",
    "SuccessBand",
    "Uniform",
    "alignment_scores",
    "learning_curves",
    "most_varied",
    "recorded_rates",
]
