"""Specification of a reproduction: one small YAML file with the claim and the runs.

The recipe is a training recipe, of a language model or of a table (`reproduce.table`); baseline and
method list their changes to it. Neither may change settings that make the comparison unfair
(another agent, other tasks, more of them).
"""

from __future__ import annotations

import hashlib
import json
import math
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from envgym.errors import UsageError, suggest
from envgym.trainers.config_sections import Section
from envgym.trainers.former_names import present_path, with_former_names
from envgym.trainers.reproduce.preparation import Preparation
from envgym.utils.validation_text import first_problem

TUNING_SEED = 1_000_000
"""Default seed of the tuning runs; no verdict rests on it."""
_SAME = [
    "name",
    "seed",
    "output",
    "torch_threads",
    "env",
    "world",
    "model",
    "chat",
    "warm_start",
    "evaluation",
]
_SAME_FIELDS = ("rollout.tasks_per_step", "rollout.group_size", "learner.steps")


def _fair_field(path: str) -> str:
    present = present_path(path)
    if present.partition(".")[0] in _SAME or present in (*_SAME_FIELDS, "rollout", "learner"):
        raise ValueError(
            f"{path} must be the same for both: agent, tasks and compute belong in the recipe"
        )
    return path


def _fair(settings: dict[str, Any]) -> dict[str, Any]:
    for path in settings:
        _fair_field(path)
    return settings


def _distinct(values: list[Any]) -> list[Any]:
    if len({str(value) for value in values}) < len(values):
        raise ValueError("a value stands twice")
    return values


class Arm(Section):
    """One side of the comparison: baseline or method."""

    label: str = Field(description="Label of the side in tables and plots.")
    settings: Annotated[dict[str, Any], AfterValidator(_fair)] = Field(
        default_factory=dict, description="Changes of the side to the recipe, by dotted path."
    )


class Axis(Section):
    """Axis of a sweep: a field of the recipe and its values."""

    field: str = Field(description="Dotted path of the recipe's field.")
    values: Annotated[list[bool | int | float | str], AfterValidator(_distinct)] = Field(
        min_length=1, description="Values of the field, in the order of the plot."
    )


class Tuning(Axis):
    """Tuning: a field and its candidate values, chosen per side."""

    field: Annotated[str, AfterValidator(_fair_field)] = Field(
        description="Dotted path of the recipe's field."
    )


class Claim(Section):
    """Claim about the method: a metric and a direction."""

    metric: str = Field(
        "score", description="Metric of an evaluation; a dotted path such as pass_at.8."
    )
    over: Literal["trained", "curve"] = Field(
        "trained",
        description="Evaluations that count: trained takes the last one, curve the mean over all "
        "after the first update (the area under the curve), a measure of learning speed.",
    )
    better: Literal["higher", "lower"] = Field(
        "higher", description="Direction of improvement of the metric."
    )
    tolerance: float = Field(
        0.0, ge=0, description="Amount by which the method may be worse, for claims of no loss."
    )


class Precondition(Section):
    """Condition under which the claimed mechanism can act: a range of a measured figure.

    The figure is the mean over one side's runs, those of the verdict.
    """

    side: Literal["baseline", "method"] = Field(
        "baseline", description="Side whose runs are measured."
    )

    metric: str = Field(
        description="Figure: start.METRIC of the evaluation before the first update, or one that "
        "a table run measures (compared, outside_clip, late_score, failed_groups, solved_groups, "
        "rescued, early_guided_score)."
    )
    low: float = Field(-math.inf, description="Least figure; the default sets no bound.")
    high: float = Field(math.inf, description="Greatest figure; the default sets no bound.")


class Reproduction(Section):
    """One paper's claim in miniature."""

    title: str = Field(description="Title in a few words.")
    claim: str = Field(description="Claim of the paper in one sentence.")
    source: str = Field(description="Paper and section that make the claim.")
    policy: Literal["model", "table"] = Field(
        "model", description="Policy that is trained: a language model, or a softmax table."
    )
    seeds: int = Field(5, ge=2, description="Default number of seeds.")
    first_seed: int = Field(
        0, ge=0, description="First seed of the verdict's runs; the others follow it."
    )
    tuning_seeds: Annotated[list[int], AfterValidator(_distinct)] = Field(
        default_factory=lambda: [TUNING_SEED],
        min_length=1,
        description="Seeds of the tuning runs; a value's figure is the mean over them.",
    )
    preconditions: list[Precondition] = Field(
        default_factory=list,
        description="Preconditions of the claim; where one fails, the verdict is 'not tested'.",
    )
    shared_warm_start: bool = Field(
        False,
        description="Whether all runs of a model begin with one warm start, that of seed 0: where "
        "starts vary more than methods do, a difference would be lost in them.",
    )
    recipe: dict[str, Any] = Field(description="A training recipe, without name, seed and output.")
    preparation: Preparation | None = Field(
        None,
        description="First phase of each seed, of a table: an earlier run, or a search for hints; "
        "{preparation} in the settings of a side stands for its folder.",
    )
    baseline: Arm = Field(description="Side that the method is compared with.")
    method: Arm = Field(description="Side that the claim is about.")
    claims: list[Claim] = Field(min_length=1, description="Claims that the verdict rests on.")
    sweep: Axis | None = Field(
        None,
        description="Axis at each value of which both sides run; a claim takes the mean over them.",
    )
    tune: Tuning | None = Field(
        None,
        description="Field that each side tunes for itself, by the first claim, on its own seed: "
        "a baseline with another method's settings is no baseline. Of equal values the side takes "
        "the one that learnt faster.",
    )

    @model_validator(mode="after")
    def _of_a_table(self) -> Reproduction:
        if self.preparation and self.policy != "table":
            raise ValueError("preparation is for tables: a recipe of a model names its own files")
        return self

    @property
    def token_budget(self) -> int | None:
        """Number of sampled tokens that ends each run; None where the number of steps does."""
        budget: int | None = self.recipe.get("learner", {}).get("max_sampled_tokens")
        return budget

    @property
    def axis(self) -> str:
        """Quantity on the horizontal axis of the plot."""
        if self.sweep:
            return self.sweep.field
        return "updates" if self.token_budget is None else "sampled tokens"

    @property
    def fingerprint(self) -> str:
        """Hash of the settings that a verdict holds for; titles, labels and texts do not count."""
        words = {"title", "claim", "source", "seeds"}
        arm = {"label": True}
        settings = self.model_dump(
            exclude={**dict.fromkeys(words, True), "baseline": arm, "method": arm}
        )
        for condition in settings["preconditions"]:
            if condition["side"] == "baseline":  # newer than the shipped verdicts
                del condition["side"]
        for name in (
            "policy",
            "first_seed",
            "tuning_seeds",
            "preconditions",
            "shared_warm_start",
            "preparation",
        ):
            if name not in self.model_fields_set:  # newer than the shipped verdicts
                del settings[name]
        settings["recipe"] = with_former_names(settings["recipe"])
        for arm in (settings["baseline"], settings["method"]):
            arm["settings"] = with_former_names(arm["settings"])
        for axis in filter(None, (settings["sweep"], settings["tune"])):
            axis["field"] = next(iter(with_former_names({axis["field"]: None})))
        text = json.dumps(settings, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def reproductions() -> dict[str, Path]:
    """Paths of the reproductions that come with envgym, by name."""
    folder = Path(str(resources.files("envgym.trainers.reproduce.claims")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_reproduction(name: str) -> tuple[str, Reproduction]:
    """Read a reproduction.

    Args:
        name: Name of one that comes with envgym, or the path of a YAML file.

    Returns:
        Its name and its specification.

    Raises:
        UsageError: No reproduction has that name, or a field of its file is wrong; the message
            names the field's path.
    """
    path = Path(name)
    if not path.suffix:
        known = reproductions()
        if name not in known:
            raise UsageError(f"no reproduction {name!r}.{suggest(name, known)}")
        path = known[name]
    try:
        return path.stem, Reproduction.model_validate(yaml.safe_load(path.read_text()))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: broken YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise UsageError(f"{path.name}: {first_problem(error)}") from error
