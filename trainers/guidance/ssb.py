"""Teacher replies from a right and a wrong attempt (SSB, arXiv 2512.05105)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from envgym.messages import Message
from envgym.rollout.runner import RolloutResult, Start
from envgym.trainers.collection.player import Player
from envgym.trainers.guidance.base import Guidance, drops, missing_loss
from envgym.trainers.plugin import register
from envgym.trajectory import Episode

_PROMPT = """Two attempts at this task follow: one is right, the other is wrong.

Right attempt:
{right}

Wrong attempt:
{wrong}

Solve the task anew, step by step, in full, and avoid the error. Mention neither attempt."""


@register("ssb")
class Ssb(Guidance):
    """Mixed group: one more episode y ~ π(· | x, right attempt, wrong attempt), to distil from.

    Where it succeeds it has the role ``distilled``: loss ``distill`` moves π(· | x) to the
    teacher's distributions at y, both attempts in the teacher's view alone. Others are recorded
    (role ``failed_teacher``) and not trained on. The right attempt is drawn from the group; the
    wrong one has the failures' most frequent last message, or is drawn where none is; failures
    without a turn show nothing.

    The source plays all tasks first, at temperatures of 0.8 for attempts and 0.4 for the teacher,
    then trains for 3 epochs; here each step does both, at the run's temperature.

    Trap: the shown attempts hold the answer and must vanish from the student's context. Groups
    that are all right or all wrong have no contrast to show.
    """

    untrained: ClassVar[frozenset[str]] = frozenset({"failed_teacher"})
    min_score: float = Field(
        1.0, gt=0, le=1, description="Lowest raw score of a right attempt or reply, in (0, 1]."
    )
    max_failed_score: float = Field(
        0.0, ge=0, lt=1, description="Highest raw score of a wrong attempt, in [0, 1)."
    )
    most_chars: int = Field(
        8000,
        ge=1,
        description="Maximum number of characters of a shown attempt; its end is kept.",
    )

    async def play(self, starts: Sequence[Start], player: Player) -> RolloutResult:
        """Play every start; play mixed groups' tasks once more, with two attempts in view."""
        result = await player.play(starts)
        groups: dict[str, list[Episode]] = {}
        for episode in result.episodes:
            groups.setdefault(episode.group, []).append(episode)
        first = {start.group: start for start in reversed(starts)}
        again = []
        for name, members in groups.items():
            right = [e for e in members if e.score >= self.min_score]
            wrong = [e for e in members if e.score <= self.max_failed_score and e.turns]
            if right and wrong:
                shown = self._message(right, wrong, random.Random(f"ssb:{first[name].seed}"))
                again.append(
                    first[name].again(guidance=(shown,), role="failed_teacher", guided_by=self.name)
                )
        if again:
            replies = await player.play(again)
            for reply in replies.episodes:
                if reply.score >= self.min_score:
                    reply.role = "distilled"
            result.add(replies)
        return result

    def conflict(self, config: Any) -> str | None:
        """Report that no loss distils the replies, or that groups are never mixed or left out."""
        if config.rollout.group_size == 1:
            return "a group of one is never right and wrong: set rollout.group_size to 2 or more"
        fix = "add distill to losses"
        return missing_loss(config, "distilled", fix) or drops(config)

    def _message(
        self, right: Sequence[Episode], wrong: Sequence[Episode], rng: random.Random
    ) -> Message:
        """The hint that shows two attempts."""
        answers = Counter(episode.turns[-1].text.strip() for episode in wrong)
        most = max(answers.values())
        frequent = [e for e in wrong if answers[e.turns[-1].text.strip()] == most]
        chosen = rng.choice(frequent) if most == 1 else frequent[0]
        texts = (self._text(rng.choice(right)), self._text(chosen))
        return Message("user", _PROMPT.format(right=texts[0], wrong=texts[1]), "hint")

    def _text(self, attempt: Episode) -> str:
        return "\n".join(turn.text for turn in attempt.turns)[-self.most_chars :]
