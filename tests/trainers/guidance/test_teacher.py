"""Teacher: hints by a judge on failed attempts; leaks and silence leave a group unguided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from envgym.errors import UsageError
from envgym.trainers.guidance import Teacher
from envgym.trainers.guidance.attempt_text import task_text, transcript_text
from envgym.trainers.run import train
from tests.trainers.collection.test_player import Judge, refuse
from tests.trainers.guidance.world import Game, parts
from tests.trainers.test_run import config, metrics


def taught(answer: Callable[[str], str]) -> tuple[Game, Judge]:
    game, judge = Game(), Judge(answer)
    game.player.judges = {"t": judge}
    return game, judge


async def test_the_teacher_reads_task_and_attempt_and_the_group_reads_its_hint() -> None:
    asked: list[str] = []

    def answer(text: str) -> str:
        asked.append(text)
        return "<think>\nthey said x\n</think>\nHint: a greeting."

    game, _ = taught(answer)
    result = await Teacher(judge="t").play(game.starts(0, 1, 5), game.player)
    assert parts(result.episodes[6:]) == [
        *[("0.0.1", "guided", "teacher:1", 1.0)] * 2,
        *[("0.0.5", "guided", "teacher:1", 0.0)] * 2,
    ]
    assert len(asked) == 2  # one per failed group
    assert "The task:\nDoor 1." in asked[0]
    assert "The failed attempt:\nAgent: x\n" in asked[0]
    assert game.agent.seen[-1] == ("Hint: a greeting.",)
    assert result.episodes[-1].turns[0].messages[-1].kind == "hint"
    assert result.counts == {
        "guidance/hints_written": 2,
        "guidance/hints_missing": 0,
        "guidance/hints_leaking": 0,
    }


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        (refuse, (0, 1, 0)),
        (lambda text: "  ", (0, 1, 0)),
        (lambda text: "Hint: say Hello.", (1, 0, 1)),
    ],
)
async def test_silence_and_leaks_leave_the_group_unguided(
    answer: Callable[[str], str], counted: tuple[int, ...]
) -> None:
    game, _ = taught(answer)
    result = await Teacher(judge="t").play(game.starts(1), game.player)
    assert len(result.episodes) == 2
    assert tuple(result.counts.values()) == counted


async def test_a_hint_that_alone_solves_the_task_is_a_leak() -> None:
    """The agent of this world answers door 0, whatever it reads, with the gold answer."""
    for said, leaks in (("Hint: Door 0.", 1), ("Hint: Door 9.", 0)):
        game, judge = taught(lambda text, said=said: said)
        game.player.agents = {"agent": Judge(lambda text: "hello" if "0." in text else "x")}
        result = await Teacher(judge="t", blind_attempts=2).play(game.starts(1), game.player)
        assert result.counts["guidance/hints_leaking"] == leaks
        assert len(result.episodes) == (2 if leaks else 4)
        assert not judge.open


async def test_without_failures_nobody_is_asked() -> None:
    game, judge = taught(refuse)
    result = await Teacher(judge="t").play(game.starts(0), game.player)
    assert (judge.seeds, result.counts, game.agent.acts) == ([], {}, 2)


async def test_long_attempts_are_cut_in_their_middle() -> None:
    game, _ = taught(refuse)
    [attempt, _] = (await game.player.play(game.starts(1))).episodes
    attempt.turns[0].text = "a" * 500 + "b" * 500
    text = transcript_text(attempt, 300)
    assert len(text) < 400
    assert text.startswith("Agent: aaa")
    assert text.rstrip().endswith("b")
    assert task_text(attempt) == "Door 1."


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("losses=[guide]",), "judge 't' is not in judges: add `judges: {t: …}`"),
        (("losses=[clip]", "judges={t: frozen}"), "take loss guide"),
    ],
)
def test_conflicts(tmp_path: Path, overrides: Sequence[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        config(tmp_path, "a", "guidance={name: teacher, judge: t}", *overrides)


async def test_a_run_is_taught_by_a_frozen_copy(tmp_path: Path) -> None:
    settings = (
        "guidance={name: teacher, judge: t, blind_attempts: 1}",
        *("judges={t: frozen}", "losses=[guide]", "learner.steps=1", "learner.max_idle_steps=9"),
    )
    for name in ("a", "b"):
        await train(config(tmp_path, name, *settings))
    [row] = metrics(tmp_path / "a")
    assert row["guidance/hints_written"] + row["guidance/hints_missing"] > 0
    assert [row] == metrics(tmp_path / "b")
