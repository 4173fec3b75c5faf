"""Rows whose tests are asserts about a function: HumanEval, MBPP, and EvalPlus' richer ones.

A data set's tests are code of an author whom nobody has checked: they are only parsed here, and
run in a box of their own.
"""

from __future__ import annotations

import ast
import builtins
import doctest
from collections.abc import Iterator

from envgym.environments.code.data.row import BadRow, Loaded, Row
from envgym.environments.code.problem import Problem, Suite
from envgym.errors import UsageError
from envgym.sandboxes.graders import evalplus
from envgym.sandboxes.graders.rewrite import rewrite


def human_eval(row: Row, where: str) -> Loaded:
    """``prompt``, ``entry_point``, ``test`` with ``check(candidate)``, ``canonical_solution``."""
    prompt, entry = row.text("prompt"), row.text("entry_point")
    test = row.text("test")
    suite = Suite(
        "asserts",
        tuple(doctests(prompt, entry)),
        (f"{test}\ncheck({entry})",),  # some tests call the function by its name, too
        entry,
        (entry,),
        prelude=prompt,
    )
    return _loaded(row, where, prompt, suite)


def eval_plus(row: Row, where: str) -> Loaded:
    """EvalPlus: ``base_input``, ``plus_input``, ``atol``; what is right the reference says."""
    prompt, entry = row.text("prompt"), row.text("entry_point")
    solution = row.text("canonical_solution")
    inputs = [*(row.json("base_input") or []), *(row.json("plus_input") or [])]
    task, atol = row.optional("task_id"), float(row.fields.get("atol") or 0)
    if not inputs:
        raise BadRow("no base_input in it: nothing would be tested")
    try:
        tests = evalplus.tests(task, entry, repr(inputs), atol)
    except UsageError as error:
        raise BadRow(str(error)) from None
    public = doctests(prompt, entry) or _asserts_in(prompt)[:1]
    prelude = evalplus.prelude(prompt, solution, entry)
    suite = Suite("asserts", tuple(public), (tests,), entry, (evalplus.PROXY,), prelude)
    return _loaded(row, where, prompt, suite)


def _loaded(row: Row, where: str, prompt: str, suite: Suite) -> Loaded:
    _check_tests(suite)
    entry = suite.entry_point
    name = row.optional("task_id") or where
    statement = f"Complete this Python function; hand in all of it.\n\n{prompt.strip()}"
    solution = row.optional("canonical_solution")
    return Loaded(
        where,
        Problem(name, statement, suite, preamble=_before(prompt, entry)),
        (prompt + solution,) if solution.strip() else (),
    )


def mbpp(row: Row, where: str) -> Loaded:
    """``text`` or ``prompt``, ``test_list``, ``code``; MBPP+'s ``test`` decides where it is there.

    Of its tests the first one is shown, as is the custom, for it alone names the function.
    """
    tests = row.texts("test_list")
    if not tests:
        raise BadRow("no test_list in it: nothing would be tested")
    code = row.optional("code") or row.optional("canonical_solution")
    setup = "\n".join([row.optional("test_setup_code"), *row.texts("test_imports")]).strip()
    every = [*tests, *row.texts("challenge_test_list")]
    if row.optional("test"):
        every = [*tests, row.optional("test")]
    names = _tested(every, code)
    suite = Suite("asserts", tuple(tests[:1]), tuple(every), "", names, setup)
    _check_tests(suite)
    statement = row.text("text", "prompt")
    name = f"MBPP/{row.fields.get('task_id', where)}"
    return Loaded(where, Problem(name, statement, suite), (code,) if code.strip() else ())


def doctests(prompt: str, entry: str) -> list[str]:
    """The examples of a prompt's docstring as asserts; those that are plain calls and values."""
    try:
        body = ast.parse(prompt).body
    except (SyntaxError, ValueError):
        return []
    found = []
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == entry:
            found += list(_examples(ast.get_docstring(node) or "", entry))
    return found


def _examples(text: str, entry: str) -> Iterator[str]:
    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:
        return
    for example in examples:
        call, want = example.source.strip(), example.want.strip()
        try:
            node = ast.parse(call, mode="eval").body
            value = ast.literal_eval(want)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == entry:
            yield f"assert {ast.unparse(node)} == {value!r}"


def _asserts_in(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip().startswith("assert ")]


def _before(prompt: str, entry: str) -> str:
    """What a prompt has before the function that is asked for: imports and helpers."""
    try:
        for node in ast.parse(prompt).body:
            if isinstance(node, ast.FunctionDef) and node.name == entry:
                return "\n".join(prompt.splitlines()[: node.lineno - 1]).strip()
    except (SyntaxError, ValueError):
        pass
    return ""


def _tested(tests: list[str], code: str) -> tuple[str, ...]:
    """The functions that tests call, of those that the reference defines, if there is one."""
    source = "\n".join(tests)
    called = _called(source)
    defined = {n.name for n in _parsed(code).body if isinstance(n, ast.FunctionDef)}
    if not defined:
        own = {n.name for n in _parsed(source).body if isinstance(n, ast.FunctionDef)}
        defined = set(called) - set(dir(builtins)) - own
    names = tuple(name for name in called if name in defined)
    if not names:
        raise BadRow("its tests call no function that its code defines")
    return names


def _called(source: str) -> list[str]:
    nodes = ast.walk(_parsed(source))
    calls = [n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    return list(dict.fromkeys(calls))


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadRow(f"its tests or its code do not parse ({error})") from None


def _check_tests(suite: Suite) -> None:
    """Refuse tests that do not parse or hold no assert."""
    try:
        rewrite("\n".join(suite.hidden))
    except UsageError as error:
        raise BadRow(str(error)) from None
