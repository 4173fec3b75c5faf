from __future__ import annotations

from tests.examples.conftest import Run


def test_it_is_fit_to_train_on(run: Run) -> None:
    shown = run("envgym", "check", "own_environment:GuessNumber").splitlines()
    assert {line.split()[0] for line in shown if "_" in line} == {"ok"}


def test_blind_guesses_find_the_number_seldom(run: Run) -> None:
    """1 - (6/7)³ = 0.37: what the GRPO example begins with."""
    options = ("-n", "300", "-a", "luck=1.0", "--json")
    shown = run("envgym", "rollout", "own_environment:GuessNumber", *options)
    assert '"mean_score": 0.3' in shown or '"mean_score": 0.4' in shown
