"""Output of a program for an input, from two runs in separate processes.

The two processes have different hash seeds: the order of a set of strings differs between
processes, which a check within one process cannot detect. The result returns as data on a line with
a nonce; the trainer's process evaluates nothing.
"""

from __future__ import annotations

import json
from typing import Any

from envgym.environments.code.reason.literals import Arguments
from envgym.sandboxes import Backend, Limits, Sandbox
from envgym.sandboxes.graders import Equality
from envgym.sandboxes.graders.harness.plain_values import NotPlain, check, load
from envgym.sandboxes.graders.nonce_protocol import frames, nonce, roomy, shipped
from envgym.sandboxes.graders.solution_proxy import ending, payload_of

HASH_SEEDS = ("1", "2")
_MAIN = """
import json, sys
_mark, _source, _payload = json.loads(sys.stdin.read())
_candidate = Candidate()
_candidate.load(_mark, _source)
_candidate.call(_mark, "f", _payload)
"""


class NoResult(ValueError):
    """A program without a usable result; the message says why."""


async def result_of(backend: Backend, program: str, arguments: Arguments, limits: Limits) -> Any:
    """Wire form of ``f(arguments)``.

    Raises:
        NoResult: It raises, ends, takes too much, gives no plain value, or gives another one when
            it is run again.
        Fault: A sandbox broke.
    """
    code = f"{shipped('plain_values', 'candidate')}{_MAIN}"
    payload = payload_of(list(arguments.args), dict(arguments.kwargs))
    found = []
    async with await backend.open(limits=limits) as sandbox:
        await sandbox.write("harness.py", code.encode())
        for seed in HASH_SEEDS:
            found.append(await _once(sandbox, program, payload, seed, limits))
    if not Equality()(found[0], found[1]):
        raise NoResult("it gives another result when it is run again")
    return found[0]


async def _once(sandbox: Sandbox, program: str, payload: str, seed: str, limits: Limits) -> Any:
    mark = nonce()
    result = await sandbox.exec(
        ["python3", "-s", "-S", "harness.py"],
        stdin=json.dumps([mark, program, payload]).encode(),
        env={"PYTHONHASHSEED": seed},
        limits=roomy(limits),
    )
    said = frames(result.stdout, mark) if result.ok else []
    if not said:
        raise NoResult(f"it ends without a result: {ending(result)[1]}")
    try:
        answer = load(said[-1])
        if "value" in answer and len(said) == 2:
            check(answer["value"])
            return answer["value"]
        if "not_plain" in answer:
            raise NoResult(f"its result holds {answer['not_plain']}")
        raise NoResult(f"it raises: {str(answer.get('detail', ''))[-300:]}")
    except (NotPlain, TypeError, AttributeError) as error:
        raise NoResult(f"its result is no plain value: {error}") from None
