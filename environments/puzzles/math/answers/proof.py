"""Unreadable golds of a file, found in the judge's process before tasks are made."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from envgym.environments.puzzles.judging.child import READY
from envgym.environments.puzzles.math.answers.verdict import formulas, structures
from envgym.errors import Fault

_JUDGE = "envgym.environments.puzzles.math.judge"


def unreadable(golds: Sequence[str]) -> dict[int, str]:
    """Reason per index of a gold that cannot be judged; numbers and words need no process.

    Raises:
        Fault: The judge does not start.
    """
    asked = [n for n, gold in enumerate(golds) if any(formulas(structures(gold)[0]))]
    found: dict[int, str] = {}
    while asked:
        replies = _replies([golds[n] for n in asked])
        for n, reply in zip(asked, replies, strict=False):
            if not reply.get("read"):
                found[n] = "cannot be read as LaTeX"
            elif not reply.get("right"):
                found[n] = "is not accepted as its own answer"
        if len(replies) < len(asked):
            found[asked[len(replies)]] = "takes too long to work out"
        asked = asked[len(replies) + 1 :]
    return found


def _replies(golds: Sequence[str]) -> list[dict[str, bool]]:
    """Reply of the judge to each gold as its own answer, up to one that kills its process."""
    requests = "".join(json.dumps({"gold": gold, "answer": gold}) + "\n" for gold in golds)
    done = subprocess.run(
        [sys.executable, "-m", _JUDGE],
        input=requests.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
        check=False,
    )
    started, _, rest = done.stdout.partition(READY)
    if started or not done.stdout:
        raise Fault(f"the judge does not start: python -m {_JUDGE} says why")
    return [json.loads(line) for line in rest.splitlines()]
