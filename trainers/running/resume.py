"""Check of the settings of a resumed run: the recorded ones, with as many steps and tokens or more.

Other settings would make two runs of one folder, and its metrics those of neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from envgym.errors import UsageError
from envgym.trainers.config import Config

_GROWING = ("learner.steps", "learner.max_sampled_tokens")
_WAITING = ("rollout.deterministic", "rollout.batch_wait_s", "rollout.patience_s")


def check_same(recorded: Path, config: Config) -> None:
    """Raise unless the run goes on with its own settings, for as many steps and tokens or more.

    Raises:
        UsageError: Settings differ; the message names each with both values.
    """
    changed = differences(recorded, config)
    grown = {name: changed.pop(name) for name in _GROWING if name in changed}
    if changed:
        listed = "; ".join(
            f"{name} was {was!r}, now {now!r}" for name, (was, now) in changed.items()
        )
        raise UsageError(
            f"{recorded} differs from this config ({listed}): resume with the settings it has, or "
            "--fresh to redo it"
        )
    if not grown:
        return
    for name, (was, now) in grown.items():
        if not isinstance(was, int) or (now is not None and now < was):
            raise UsageError(
                f"{recorded} has {name} {was!r}, and now it is {now}: a run may be prolonged, not "
                "cut short"
            )
    (recorded.parent / "summary.json").unlink(missing_ok=True)  # it is not finished any more


def differences(recorded: Path, config: Config) -> dict[str, tuple[Any, Any]]:
    """Settings that differ from a ``config.yaml``: dotted name to the value there and here.

    The run's folder does not count, nor does a field that did not exist when the run began, nor the
    device, which moves only the last bits of sums. Nor does waiting in batches, where the run began
    before `rollout.deterministic`.
    """
    was = yaml.safe_load(recorded.read_text())
    left_out = {"output", "model.device"}
    if not _says_deterministic(was):
        left_out |= set(_WAITING)
    try:
        was = Config.model_validate(was).model_dump(mode="json")
    except ValidationError:  # of another version: what is readable is compared
        was = was if isinstance(was, dict) else {}
    old, new = _flat(was), _flat(config.model_dump(mode="json"))
    names = [name for name in (*new, *(n for n in old if n not in new)) if name not in left_out]
    return {n: (old.get(n), new.get(n)) for n in names if old.get(n) != new.get(n)}


def _says_deterministic(recorded: Any) -> bool:
    rollout = recorded.get("rollout") if isinstance(recorded, dict) else None
    return isinstance(rollout, dict) and "deterministic" in rollout


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
