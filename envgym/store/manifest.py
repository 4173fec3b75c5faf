"""Manifest of a folder of episodes: ``env.json`` names the environment they were played in.

A training run's folder says it in its ``config.yaml`` already, for all the folders in it; where
arguments change during the run, ``env.json`` holds those of each shard.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import yaml

from envgym.env import EnvSpec
from envgym.errors import UsageError
from envgym.registry import specs
from envgym.utils.atomic_write import write_atomically

_FILE = "env.json"
_HEIGHT = 3  # folders looked in: the shards' own, and those above, RUN/episodes/NAME


def write_env(directory: str | os.PathLike[str], spec: EnvSpec) -> None:
    """Write the manifest of a folder, which is made where it is missing.

    Raises:
        UsageError: Another environment's episodes are there, or an argument is no JSON value.
    """
    path = Path(directory) / _FILE
    text = _text(spec)
    if path.exists() and path.read_text() != text:
        raise UsageError(
            f"{directory} holds episodes of another environment or other arguments: give another "
            "folder"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)


def write_shard_env(
    directory: str | os.PathLike[str], env_id: str, kwargs: dict[str, Any], shard: int
) -> None:
    """Write the arguments of one shard's environment into the manifest of its folder."""
    path = Path(directory) / _FILE
    entries: dict[str, Any] = _read(path, json.loads) if path.exists() else {"id": env_id}
    entries.setdefault("shards", {})[str(shard)] = kwargs
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(entries, indent=2) + "\n")


def accepts(directory: str | os.PathLike[str], spec: EnvSpec) -> bool:
    """Test that `write_env` would accept `spec` in this folder."""
    path = Path(directory) / _FILE
    return not path.exists() or path.read_text() == _text(spec)


def read_env(
    directory: str | os.PathLike[str], shard: int | None = None
) -> tuple[str, dict[str, Any]]:
    """Read the arguments of `envgym.make` for the environment of a folder's episodes.

    Args:
        shard: Number of the shard, where the arguments may differ between them.

    Raises:
        UsageError: Nothing there says which, or what says it is damaged.
    """
    here = Path(directory).resolve()
    for folder in [here, *here.parents][:_HEIGHT]:
        if (folder / _FILE).exists():
            entries = _read(folder / _FILE, json.loads)
            if "id" in entries:
                kwargs = entries.get("kwargs", {})
                return entries["id"], entries.get("shards", {}).get(str(shard), kwargs)
        if (folder / "config.yaml").exists():
            env = _read(folder / "config.yaml", yaml.safe_load).get("env")
            if isinstance(env, dict) and "id" in env:
                return env.pop("id"), env
    raise UsageError(
        f"nothing says which environment {directory} was played in: it needs {_FILE} beside its "
        "shards, or a run's config.yaml above them"
    )


def _text(spec: EnvSpec) -> str:
    """An unregistered environment is named by its class: its id alone could not be made."""
    name = spec.id if spec.id in specs() else spec.entry_point
    if name is None:
        raise UsageError(f"{spec.id} could not be made again: register it, and use envgym.make")
    try:
        return json.dumps({"id": name, "kwargs": spec.kwargs}, indent=2) + "\n"
    except TypeError as error:
        raise UsageError(
            f"the arguments of {spec.id} cannot be written ({error}): keep them to JSON values"
        ) from error


def _read(path: Path, parse: Any) -> dict[str, Any]:
    try:
        entries = parse(path.read_text())
    except (ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{path} is damaged: restore it from a copy") from error
    if not isinstance(entries, dict):
        raise UsageError(f"{path} is damaged: restore it from a copy")
    return entries
