"""NExt: rank-1 parts, what is predicted from them, and a run that keeps only what is better."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from envgym.errors import UsageError
from envgym.trainers.learner.weight_trajectory import Fit, predict, rank_one
from envgym.trainers.loop import Trainer
from envgym.trainers.run import train
from tests.trainers.test_bad_input import Lengths  # noqa: F401  registers its environment
from tests.trainers.test_run import config, metrics, weights

NEXT = "hooks=[{name: next, at: 3, every: 1, ahead: 1, coefs: [0.5, 2.0], epochs: 60, lr: 1.0e-2}]"
MOVES = ("env.id=test/lengths-v1", "losses=[clip]")  # rewards that differ, so that weights move


def test_the_largest_triple_and_its_sign() -> None:
    u, v = torch.tensor([0.6, -0.8]), torch.tensor([0.0, 1.0, 0.0])
    other = torch.outer(torch.tensor([0.8, 0.6]), torch.tensor([1.0, 0.0, 0.0]))
    for sign in (1, -1):
        left, value, right = rank_one(3 * torch.outer(sign * u, sign * v) + 0.5 * other)
        assert value.item() == pytest.approx(3.0)
        torch.testing.assert_close(left, -u)  # its largest entry is positive
        torch.testing.assert_close(right, -v)


def line(steps: int) -> list[dict[str, Tensor]]:
    """Two matrices of one shape and one of another; each moves along a rank-1 line."""
    rng = torch.Generator().manual_seed(3)
    found: list[dict[str, Tensor]] = [{} for _ in range(steps)]
    for name, shape in (("a", (6, 4)), ("b", (6, 4)), ("c", (3, 5))):
        start = torch.randn(*shape, generator=rng)
        u, v = (torch.nn.functional.normalize(torch.randn(d, generator=rng), dim=0) for d in shape)
        for step, snapshot in enumerate(found):
            snapshot[name] = start + 0.1 * step * torch.outer(u, v)
    return found


def test_a_straight_line_goes_on() -> None:
    """Two snapshots ahead of nine: σ 0.2 along the line's own direction."""
    snapshots = line(11)
    found = predict(snapshots[:9], 2, Fit(epochs=600, lr=3e-3))
    for name, (u, value, v) in found.items():
        ahead = snapshots[10][name] - snapshots[8][name]
        assert u.norm().item() == pytest.approx(1.0)
        assert v.norm().item() == pytest.approx(1.0)
        assert value.item() == pytest.approx(0.2, rel=0.1)
        told = value * torch.outer(u, v)
        cosine = (told * ahead).sum() / told.norm() / ahead.norm()
        assert cosine.item() > 0.97


def test_a_prediction_follows_the_seed_and_moves_no_generator() -> None:
    state = torch.random.get_rng_state()
    one, two, other = (predict(line(5), 1, Fit(epochs=3, seed=s)) for s in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(a, b) for n in one for a, b in zip(one[n], two[n], strict=True))
    assert not torch.equal(one["a"][0], other["a"][0])


def test_matrices_that_never_move_are_no_trouble() -> None:
    still = [{"a": torch.ones(3, 2)}] * 4
    assert all(part.isfinite().all() for part in predict(still, 1, Fit(epochs=2))["a"])
    assert not math.isnan(float(predict(still, 1, Fit(epochs=2))["a"][1]))


def scored(monkeypatch: pytest.MonkeyPatch, scores: Sequence[float]) -> list[dict[str, Tensor]]:
    """Let the choice of the coefficient see these scores; return the weights that it tried."""
    tried: list[dict[str, Tensor]] = []
    evaluate = Trainer.evaluate

    async def told(self: Trainer, on_episode: Any = None, *, split: str | None = None) -> Any:
        found = await evaluate(self, on_episode)
        if split is not None:
            found[0].score = scores[len(tried) % len(scores)]
            tried.append({n: p.detach().clone() for n, p in self.model.named_parameters()})
        return found

    monkeypatch.setattr(Trainer, "evaluate", told)
    return tried


@pytest.mark.parametrize(
    ("scores", "coef"), [((0.5, 0.6, 0.7), 2.0), ((0.5, 0.7, 0.6), 0.5), ((0.5, 0.5, 0.4), 0.0)]
)
async def test_a_run_keeps_the_weights_with_the_best_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scores: Sequence[float], coef: float
) -> None:
    tried = scored(monkeypatch, scores)
    await train(config(tmp_path, "a", NEXT, *MOVES))
    assert [("next/coef" in row) for row in metrics(tmp_path / "a")] == [False, False, True]
    last = metrics(tmp_path / "a")[-1]
    assert last["next/coef"] == coef
    assert last["next/gain"] == pytest.approx(max(scores) - scores[0])
    kept, wanted = weights(tmp_path / "a"), tried[(0.0, 0.5, 2.0).index(coef)]
    shared = kept.keys() & wanted.keys()
    assert len(shared) > 5
    assert all(torch.equal(kept[name], wanted[name]) for name in shared)
    moved = [name for name in tried[0] if not torch.equal(tried[0][name], tried[2][name])]
    assert moved
    for name in moved:
        assert tried[0][name].ndim == 2
        assert "embed" not in name
        half, twice = (tried[i][name] - tried[0][name] for i in (1, 2))
        torch.testing.assert_close(4 * half, twice, rtol=1e-3, atol=1e-6)
        assert torch.linalg.matrix_rank(twice.double(), rtol=1e-3) == 1


async def test_where_nothing_is_better_the_run_is_the_plain_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(monkeypatch, [0.5, 0.4, 0.3])
    await train(config(tmp_path, "a", NEXT, *MOVES, "learner.steps=4"))
    await train(config(tmp_path, "b", "hooks=[]", *MOVES, "learner.steps=4"))
    one, two = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(torch.equal(one[name], two[name]) for name in two)


async def test_a_run_resumes_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped before the extrapolation, and after it."""
    steps = ("learner.steps=5", *MOVES)
    with monkeypatch.context() as patch:
        scored(patch, [0.5, 0.4, 0.6])
        await train(config(tmp_path, "whole", NEXT, *steps))
    assert metrics(tmp_path / "whole")[2]["next/coef"] == 2.0
    for stop in (2, 4):
        with monkeypatch.context() as patch:
            scored(patch, [0.5, 0.4, 0.6] * 2)
            name = f"cut{stop}"
            running = asyncio.create_task(train(config(tmp_path, name, NEXT, *steps)))
            while not (tmp_path / name / "checkpoints" / f"step-{stop:06d}").exists():
                await asyncio.sleep(0.005)
                assert not running.done()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            await train(config(tmp_path, name, NEXT, *steps), resume=True)
        assert metrics(tmp_path / name) == metrics(tmp_path / "whole")
        one, two = weights(tmp_path / name), weights(tmp_path / "whole")
        assert all(torch.equal(one[n], two[n]) for n in two)


async def test_a_run_stopped_while_it_chooses_does_the_step_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights of a coefficient on trial are in no checkpoint."""
    with monkeypatch.context() as patch:
        tried = scored(patch, [0.5, 0.4, 0.6])
        await train(config(tmp_path, "whole", NEXT, *MOVES))
        evaluate = Trainer.evaluate

        async def hang(self: Trainer, on_episode: Any = None, *, split: str | None = None) -> Any:
            if len(tried) == 2 and split is not None:
                await asyncio.sleep(3600)
            return await evaluate(self, on_episode, split=split)

        tried.clear()
        patch.setattr(Trainer, "evaluate", hang)
        running = asyncio.create_task(train(config(tmp_path, "cut", NEXT, *MOVES)))
        while len(tried) < 2:
            await asyncio.sleep(0.005)
            assert not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    scored(monkeypatch, [0.5, 0.4, 0.6])
    await train(config(tmp_path, "cut", NEXT, *MOVES), resume=True)
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    one, two = weights(tmp_path / "cut"), weights(tmp_path / "whole")
    assert all(torch.equal(one[name], two[name]) for name in two)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("at: 3, every: 2, ahead: 2", "must be multiples of every 2"),
        ("at: 2, every: 1, ahead: 2", "at no less than ahead .* every: set at to 3 × every"),
        ("at: 4, every: 1, ahead: 1", "acts after step 4, and the run has 3"),
        ("at: 3, every: 1, ahead: 1, split: test", "on the tasks of the evaluation"),
    ],
)
def test_steps_that_do_not_fit_are_refused(tmp_path: Path, settings: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        config(tmp_path, "a", f"hooks=[{{name: next, {settings}}}]")


def test_without_an_evaluation_nothing_could_choose(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"set evaluation\.tasks to 1 or more"):
        config(tmp_path, "a", NEXT, "evaluation.tasks=0")


async def test_weights_that_were_kept_and_are_gone_are_named(tmp_path: Path) -> None:
    await train(config(tmp_path, "a", NEXT.replace("at: 3", "at: 4"), "learner.steps=4"))
    (tmp_path / "a" / "next" / "step-000001.safetensors").unlink()
    hook = config(tmp_path, "a", NEXT).hooks[0]
    hook.begin(tmp_path / "a", 3)
    with pytest.raises(UsageError, match=r"cannot read the weights kept after step 1 .* --fresh"):
        hook._read(1)  # type: ignore[attr-defined]
