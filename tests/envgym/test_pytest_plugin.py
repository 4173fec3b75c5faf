"""Another package's tests, run as pytest would run them there."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from envgym.checker import CHECKS
from tests.envgym.checker.readme_world import SOURCE

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
CONTRACT = """
from envgym.pytest_plugin import envgym_checks
import guess

test_contract = envgym_checks({env}, company=20, max_turns=9)
"""


@pytest.fixture
def theirs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with README's environment in it, and a pytest that knows the entry point only."""
    pytester.makepyfile(guess=SOURCE)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{pytester.path}")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


def run(theirs: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return theirs.runpytest_subprocess("-p", "envgym.pytest_plugin", *arguments)


def test_the_entry_point_names_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"envgym": "envgym.pytest_plugin"}


@pytest.mark.parametrize("env", ['"mine/guess-v1"', '"guess:GuessNumber"', "guess.GuessNumber"])
def test_one_line_makes_a_test_of_each_check(theirs: pytest.Pytester, env: str) -> None:
    theirs.makepyfile(test_theirs=CONTRACT.format(env=env))
    result = run(theirs, "-v")
    result.assert_outcomes(passed=len(CHECKS))
    result.stdout.fnmatch_lines(["*test_theirs.py::test_contract?oracle_scores_one? PASSED*"])


def test_a_failure_says_what_was_seen_and_what_mends_it_and_nothing_else(
    theirs: pytest.Pytester,
) -> None:
    with (theirs.path / "guess.py").open("a") as guess:
        guess.write("\nGuessNumber.partial_score = lambda self: 0.1\n")
        guess.write("GuessNumber.hints = lambda self, attempt=None: (f'{self.task.hidden}',)\n")
    theirs.makepyfile(test_theirs=CONTRACT.format(env='"mine/guess-v1"'))
    result = run(theirs)
    result.assert_outcomes(passed=len(CHECKS) - 2, failed=2)
    text = result.stdout.str()
    assert "Traceback" not in text
    assert "envgym/checker" not in text
    result.stdout.fnmatch_lines(
        [
            "nothing_scores_zero:",
            "  train task 0: doing nothing scores 0.1",
            "  train task ?*: doing nothing scores 0.1",
            "    fix: let partial_score() and the verifier give 0.0*",
            "hints_do_not_tell:",
            "    fix: say how to find it*",
        ]
    )


def test_what_rests_on_a_failed_check_is_skipped_even_when_chosen_alone(
    theirs: pytest.Pytester,
) -> None:
    guess = theirs.path / "guess.py"
    guess.write_text(
        guess.read_text().replace('return f"Find', "return f\"{__import__('time').time_ns()} Find")
    )
    theirs.makepyfile(test_theirs=CONTRACT.format(env="guess.GuessNumber"))
    result = run(theirs, "-rs", "-k", "in_company")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*it rests on same_seed_same_episode, which fails*"])


def test_shared_things_are_opened_once_for_a_module_and_closed_after_it(
    theirs: pytest.Pytester,
) -> None:
    theirs.makepyfile(
        test_theirs="""
        import pytest
        import guess
        from envgym.pytest_plugin import envgym_checks
        from envgym.resources import Shared, open_resources

        OPENED = []

        class Heavy(guess.GuessNumber):
            def __init__(self):
                super().__init__()
                self.index = Shared("heavy", lambda: OPENED.append(1))

            async def stop(self):
                await self.index.close()

        @pytest.fixture(scope="session", autouse=True)
        def all_closed():
            yield
            assert OPENED == [1]
            assert open_resources() == {}

        test_contract = envgym_checks(Heavy, company=20)
        """
    )
    run(theirs).assert_outcomes(passed=len(CHECKS))


def test_it_works_beside_pytest_asyncio(theirs: pytest.Pytester) -> None:
    theirs.makepyfile(
        test_theirs=CONTRACT.format(env="guess.GuessNumber")
        + "\nimport asyncio\nasync def test_own():\n    await asyncio.sleep(0)\n"
    )
    result = run(theirs, "-p", "pytest_asyncio.plugin", "-o", "asyncio_mode=auto")
    result.assert_outcomes(passed=len(CHECKS) + 1)


def test_loading_it_is_light() -> None:
    program = "import envgym.pytest_plugin, sys; print([m for m in %r if m in sys.modules])"
    heavy = ("torch", "transformers", "gymnasium", "pydantic", "numpy", "envgym.checker")
    done = subprocess.run(
        [sys.executable, "-c", program % (heavy,)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.strip() == "[]"
