"""A reproduction as data: one small YAML file says what is claimed and what is run.

The recipe is a training recipe; baseline and method are what each changes in it. What would make
the comparison unfair (another agent, other tasks, more of them) neither may change.
"""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError

from envgym.errors import UsageError, suggest
from envgym.trainers.config import Section
from envgym.utils.validation_text import first_problem

_SAME = ("name", "seed", "output", "threads", "env", "model", "chat", "warm_start", "evaluation")
_SAME_FIELDS = ("rollout.groups", "rollout.group_size", "learner.steps")


def _fair_field(path: str) -> str:
    if path.partition(".")[0] in _SAME or path in (*_SAME_FIELDS, "rollout", "learner"):
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
    """One side of the comparison."""

    label: str = Field(description="What tables and plots call it.")
    settings: Annotated[dict[str, Any], AfterValidator(_fair)] = Field(
        default_factory=dict, description="What it changes in the recipe, by dotted path."
    )


class Axis(Section):
    """Values that a field of the recipe takes, one after another."""

    field: str = Field(description="Dotted path.")
    values: Annotated[list[bool | int | float | str], AfterValidator(_distinct)] = Field(
        min_length=1, description="In the order of the plot."
    )


class Tuning(Axis):
    """Values to choose from, each side for itself."""

    field: Annotated[str, AfterValidator(_fair_field)] = Field(description="Dotted path.")


class Claim(Section):
    """What is said of the method."""

    metric: str = Field("score", description="Of an evaluation; dotted, such as pass_at.8.")
    over: Literal["trained", "curve"] = Field(
        "trained",
        description="The last evaluation, or the mean of all those on the way: speed of learning.",
    )
    better: Literal["higher", "lower"] = Field("higher", description="Which way is better.")
    tolerance: float = Field(
        0.0, ge=0, description="The method may be worse by so much: for claims of no loss."
    )


class Reproduction(Section):
    """One claim, in miniature."""

    title: str = Field(description="In a few words.")
    claim: str = Field(description="What the paper says, in a sentence.")
    source: str = Field(description="Paper and section.")
    seeds: int = Field(5, ge=2, description="Unless the caller says otherwise.")
    recipe: dict[str, Any] = Field(description="A training recipe, without name, seed and output.")
    baseline: Arm
    method: Arm
    claims: list[Claim] = Field(min_length=1)
    sweep: Axis | None = Field(
        None, description="Everything is run at each of these; a claim is on the mean over them."
    )
    tune: Tuning | None = Field(
        None,
        description="Both sides take the best of these, by the first claim, on a seed of its own: "
        "a baseline with another's settings is no baseline. Of equals the one that learnt sooner.",
    )

    @property
    def fingerprint(self) -> str:
        """Of what is run and judged, not of the words around it: a verdict holds for these."""
        words = {"title", "claim", "source", "seeds"}
        arm = {"label": True}
        settings = self.model_dump(
            exclude={**dict.fromkeys(words, True), "baseline": arm, "method": arm}
        )
        text = json.dumps(settings, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def reproductions() -> dict[str, Path]:
    """Those that come with envgym, by name."""
    folder = Path(str(resources.files("envgym.trainers.reproduce.claims")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_reproduction(name: str) -> tuple[str, Reproduction]:
    """Read one.

    Args:
        name: Of one that comes with envgym, or the path of a YAML file.

    Returns:
        Its name and what it says.

    Raises:
        UsageError: There is none of that name, or its file is wrong, with the path of the field.
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
