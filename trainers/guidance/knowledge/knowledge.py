"""Chosen knowledge points in view of sampler and loss (KnowRL, arXiv 2604.12627)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, PrivateAttr, TypeAdapter, ValidationError

from envgym.errors import UsageError
from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance.base import Guidance, missing_loss
from envgym.trainers.guidance.reroll import guiding_message
from envgym.trainers.plugin import register
from envgym.utils.validation_text import first_problem


def _distinct(indices: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(indices)) < len(indices):
        raise ValueError("an index stands twice")
    return indices


_Index = Annotated[int, Field(ge=0, strict=True)]
_SUBSETS = TypeAdapter(dict[str, Annotated[tuple[_Index, ...], AfterValidator(_distinct)]])


@register("knowledge")
class Knowledge(Guidance):
    """Group y_i ~ π(· | x, S), S the chosen knowledge points of x, on-policy; plain without S.

    Knowledge points are the environment's hints on the task. The file names a subset of them for
    each hard task, chosen before training with the starting policy
    (`envgym.trainers.guidance.knowledge`). Tasks that it lacks, or whose subset is empty, are
    played plain. The loss sees the points too. The source also lowers the upper bound of the clip
    from 0.28 to 0.26 late in training.

    Trap: a subset chosen during training follows a policy that has the points in view. Groups with
    points have the role ``guided``: samplers do not observe them. Evaluate without points.
    """

    asks: ClassVar[frozenset[str]] = frozenset({"hints"})
    file: str | None = Field(
        None,
        description="Path of the JSON file that maps a task's key to the indices of its chosen "
        "hints, counted from 0, weakest first; null shows every task all of its hints.",
    )
    _subsets: dict[str, tuple[int, ...]] | None = PrivateAttr(None)

    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play every start, with the chosen hints of its task if it has any."""
        told: dict[str, dict[str, Any]] = {}
        for start in starts:
            if start.group not in told and (points := await self._points(start, player)):
                message = guiding_message(points, vanish=False)
                told[start.group] = {
                    "guidance": (message,),
                    "role": "guided",
                    "guided_by": self.name,
                }
        return await player.play([replace(s, **told.get(s.group, {})) for s in starts])

    def conflict(self, config: Any) -> str | None:
        """Report that no loss trains guided episodes; read the file."""
        self.subsets()
        return missing_loss(config, "guided", "add guided to the roles of one of losses")

    def state(self) -> dict[str, Any]:
        """The subsets: a resumed run keeps them, whatever became of the file."""
        return {"subsets": self.subsets()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the subsets."""
        self._subsets = {key: tuple(chosen) for key, chosen in state["subsets"].items()}

    def subsets(self) -> dict[str, tuple[int, ...]]:
        """Read the file, once; without one, no subset is known.

        Raises:
            UsageError: The file is missing or is no mapping of keys to indices.
        """
        if self._subsets is None and self.file is None:
            self._subsets = {}
        elif self._subsets is None:
            assert self.file is not None
            wanted = 'a JSON object of task keys to lists of indices, such as {"0f3a…": [0, 2]}'
            try:
                rows = json.loads(Path(self.file).read_text())
                self._subsets = _SUBSETS.validate_python(rows)
            except OSError as error:
                raise UsageError(
                    f"guidance {self.name!r} cannot read file {self.file} ({error.strerror}): make "
                    f"{wanted}, by envgym.trainers.guidance.knowledge"
                ) from error
            except ValidationError as error:
                raise UsageError(f"{self.file}: {first_problem(error)}; make {wanted}") from error
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{self.file} is no JSON ({error}): make {wanted}") from error
        return self._subsets

    async def _points(self, start: Start, player: Player) -> list[str]:
        """Points to show with a start; none for a task that is played plain."""
        chosen = self.subsets().get(start.task.key, ()) if start.task else ()
        if self.file is not None and not chosen:
            return []
        hints = list(await player.hints(start))
        return hints if self.file is None else self._chosen(hints, chosen, start)

    def _chosen(self, hints: Sequence[str], indices: Sequence[int], start: Start) -> list[str]:
        if max(indices) >= len(hints):
            raise UsageError(
                f"{self.file} names hint {max(indices)} of task {start.task and start.task.key}, "
                f"which has {len(hints)}: choose its subset anew, with the run's environment"
            )
        return [hints[index] for index in indices]
