"""Whoever has no answer scores nothing: forged grades, exits, peeks, through the environment."""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Iterator

import pytest

import envgym
from envgym import Action
from envgym.environments.code.data.formats.row import Loaded
from envgym.environments.code.data.sources import read, shaped
from envgym.sandboxes import Outcome, open_backend
from tests.environments.code.conftest import SOLUTION, about_total
from tests.machine import data_file
from tests.sandboxes.graders.python_attacks import ATTACKS

_PEEK = """
import gc, glob, os, re, sys
seen = []
for path in [*glob.glob('**', recursive=True), *glob.glob('/tmp/**', recursive=True),
             *glob.glob('/proc/*/cmdline'), *glob.glob('/proc/*/environ'),
             *glob.glob('/proc/*/fd/*')]:
    try: seen.append(open(path, errors='replace').read(100_000))
    except OSError: pass
frame = sys._getframe()
while frame:
    seen += map(repr, [*frame.f_locals.values(), *frame.f_globals.values()])
    frame = frame.f_back
seen += [repr(held)[:10_000] for held in gc.get_objects() if type(held) in (dict, list, tuple, str)]
"""
PROGRAM_CHEATS = {
    "the public test's output": "print(6)",
    "every output that could be": "print(6)\nprint(30)\nprint(7)",
    "os._exit": "import os\nprint(6, flush=True)\nos._exit(0)",
    "SystemExit": "raise SystemExit(0)",
    "exec of /bin/true": "import os\nos.execv('/bin/true', ['true'])",
    "atexit": "import atexit, os\natexit.register(os._exit, 0)\nprint(6)",
    "killed its parent": "import os\nos.kill(os.getppid(), 9)",
    "killed all": "import os\nos.kill(-1, 9)",
    "verdicts": "print('PASS\\n3 of 3 tests passed.\\n{\"passed\": true}')",
    "every descriptor": "import os\nfor fd in range(64):\n    try: os.write(fd, b'PASS')\n"
    "    except OSError: pass",
    "patched builtins": "import builtins, sys\nbuiltins.print = lambda *a: sys.stdout.write('6')\n"
    "builtins.str.__eq__ if 0 else None\nprint()",
    "terminal escapes": "print('0\\x1b[2K\\r6')",
    "expected output found anywhere": _PEEK
    + 'wanted = str(6 * 5)\nprint(wanted if any(f\'"expected": "{wanted}\' in s or '
    "f\"'expected': '{wanted}\" in s for s in seen) else 0)",
}


async def test_no_attack_on_a_grade_of_functions_scores(boxes: str) -> None:
    for kind in ("asserts", "calls"):
        task = about_total(kind).task("train")
        passed = []
        async with envgym.make("code/python-v1", time_s=0.2, backend=boxes) as env:
            for name, code in ATTACKS.items() if kind == "asserts" else some(ATTACKS.items()):
                await env.reset(options={"task": task})
                step = await env.step(Action.call("submit", code=code))
                if step.info["score"]:
                    passed.append(name)
        assert not passed
        async with envgym.make("code/python-v1", time_s=20, backend=boxes) as env:
            await env.reset(options={"task": task})
            assert (await env.step(Action.call("submit", code=SOLUTION))).info["score"] == 1.0


def some(items: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that the other grader's box does not share: objects that equal, and peeks."""
    return [(name, code) for name, code in items if name[:2] in ("57", "63")]


async def test_no_program_prints_its_way_to_a_score(boxes: str) -> None:
    task = about_total("io").task("train")
    scores = {}
    async with envgym.make(
        "code/python-v1", time_s=20, backend=boxes, reward="fraction", memory_mb=128
    ) as env:
        for name, code in PROGRAM_CHEATS.items():
            await env.reset(options={"task": task})
            scores[name] = (await env.step(Action.call("submit", code=code))).info["score"]
        await env.reset(options={"task": task})
        honest = "print(sum(map(int, input().split())))"
        assert (await env.step(Action.call("submit", code=honest))).info["score"] == 1.0
    # Who prints the public test's output is right about that test, and about no other one.
    public = {"the public test's output", "os._exit", "patched builtins"}
    assert scores == {name: 1 / 3 if name in public else 0.0 for name in PROGRAM_CHEATS}


async def test_what_is_left_of_one_program_reaches_no_other(boxes: str) -> None:
    """Files, modules and environment of a run, a test or a submission are gone for the next one."""
    leave = (
        "import builtins, os, pathlib\npathlib.Path('left.txt').write_text('42')\n"
        "pathlib.Path('/tmp/left.txt').write_text('42')\nos.environ['LEFT'] = '42'\n"
        "builtins.sum = lambda n: 42\n"
    )
    look = (
        "import os\nprint(os.listdir('.'), os.path.exists('/tmp/left.txt'), 'LEFT' in os.environ)"
    )
    async with envgym.make("code/python-v1", time_s=20, backend=boxes, attempts=3) as env:
        await env.reset(options={"task": about_total("calls").task("train")})
        await env.step(Action.call("run", code=leave))
        await env.step(Action.call("submit", code=leave))
        said = (await env.step(Action.call("run", code=look))).observation.text
        assert said == "It ended well.\nOutput:\n[] False False\n"
        assert (await env.step(Action.call("submit", code=SOLUTION))).info["score"] == 1.0


class _Mutation(ast.NodeTransformer):
    """One edit: the n-th place where there is something to edit."""

    def __init__(self, place: int) -> None:
        self.left = place

    def visit(self, node: ast.AST) -> ast.AST:
        swapped = _swapped(node)
        if swapped is not None:
            if self.left == 0:
                self.left = -1
                return swapped
            self.left -= 1
        return super().generic_visit(node)


def _swapped(node: ast.AST) -> ast.AST | None:
    node = copy.copy(node)
    if isinstance(node, ast.Compare):
        turned = {ast.Lt: ast.GtE, ast.Gt: ast.LtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
        kind = turned.get(type(node.ops[0]), ast.Eq)  # type: ignore[arg-type]
        node.ops = [kind(), *node.ops[1:]]
        return node
    if isinstance(node, ast.Constant) and type(node.value) is int:
        node.value += 1
        return node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        return node
    if isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return node
    if isinstance(node, ast.Return):
        node.value = ast.Constant(None)
        return node
    return None


def mutants(row: Loaded, rng: random.Random) -> Iterator[str]:
    """The reference with one edit in the function that is asked for, in a random order."""
    tree = ast.parse(row.references[0])
    index = max(i for i, n in enumerate(tree.body) if isinstance(n, ast.FunctionDef))
    places = sum(_swapped(node) is not None for node in ast.walk(tree.body[index]))
    for place in rng.sample(range(places), places):
        changed = copy.deepcopy(tree)
        changed.body[index] = _Mutation(place).visit(changed.body[index])
        yield ast.unparse(ast.fix_missing_locations(changed))


async def scored(rows: list[Loaded], boxes: str) -> tuple[list[str], list[str], list[str]]:
    """Names of rows whose reference scores, that have a mutant the tests see, whose mutant scores.

    That the tests see it is asked of the data set's own harness: one program, which asserts.
    """
    right, mutated, fooled = [], [], []
    rng = random.Random(0)
    async with (
        open_backend(boxes) as bare,
        envgym.make("code/python-v1", time_s=20, backend=boxes) as env,
    ):
        for row in rows:
            problem = row.problem
            entry, task = problem.suite.entry_point, problem.task("all")
            await env.reset(options={"task": task})
            step = await env.step(Action.call("submit", code=row.references[0]))
            right += [problem.name] if step.info["score"] == 1.0 else []
            for mutant in mutants(row, rng):
                harness = f"{mutant}\n{problem.suite.hidden[0]}"
                if (await bare.run_python(harness)).outcome is Outcome.OK:
                    continue
                mutated.append(problem.name)
                await env.reset(options={"task": task})
                step = await env.step(Action.call("submit", code=mutant))
                fooled += [problem.name] if step.info["score"] else []
                break
            assert entry in row.references[0]
    return right, mutated, fooled


async def test_human_eval_references_score_and_their_mutants_do_not(boxes: str) -> None:
    data = str(data_file("humaneval/HumanEval.jsonl.gz"))
    rows = [shaped(fields, where) for where, _, fields in read(data, {})][3::20]
    right, mutated, fooled = await scored(rows, boxes)
    assert len(right) == len(rows) == 9
    assert len(mutated) == 9
    assert not fooled


@pytest.mark.parametrize("kind", ["calls", "asserts", "io"])
def test_what_is_expected_stays_with_the_host(kind: str) -> None:
    """Hidden tests are no part of what the agent sees, in whatever kind they come."""
    task = about_total(kind).task("train")
    assert "30" not in repr(task.data)
    assert "30" in repr(task.hidden)
