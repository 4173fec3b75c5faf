"""Row formats whose tests are asserts about a function: HumanEval, MBPP and their EvalPlus
versions.

Tests of a data set are unreviewed code: this module only parses them; they run in a sandbox of
their own.
"""

from __future__ import annotations

import ast
import builtins
import doctest
import re
from collections.abc import Iterator

from envgym.environments.code.data.formats.arrays import without_arrays
from envgym.environments.code.data.formats.long_integers import shortened
from envgym.environments.code.data.formats.row import BadRow, Loaded, Row
from envgym.environments.code.problem import Problem, Suite
from envgym.errors import UsageError
from envgym.parsing.fences import is_python
from envgym.sandboxes.graders.assert_rewriter import rewrite

_DEFINED = re.compile(r"^(?:async def|def|class)[ \t]+(\w+)", re.MULTILINE)
PROXY = "candidate"
"""Alias under which tests call the solution's function."""


def human_eval(row: Row, where: str) -> Loaded:
    """HumanEval: ``prompt``, ``entry_point``, ``test`` with ``check(candidate)``,
    ``canonical_solution``.
    """
    prompt, entry = row.text("prompt"), row.text("entry_point")
    begun = _DEFINED.findall(prompt)
    if begun and entry not in begun:
        raise BadRow(f"its entry_point is {entry}, and its prompt defines {', '.join(begun)}")
    test, before = without_arrays(shortened(row.text("test")))
    # Tests may call the function by its own name, unless that is the test function's ("check").
    hidden = f"{test}\ncheck({PROXY})" if "def check(" in test else test
    prelude = f"{before}{prompt if is_python(prompt) else given(prompt, entry)}"
    shown = tuple(doctests(prompt, entry))
    suite = Suite("asserts", shown, (hidden,), entry, (entry, PROXY), prelude)
    return described(row, where, prompt, suite)


def described(row: Row, where: str, prompt: str, suite: Suite) -> Loaded:
    """Problem of completing a prompt's function; its reference is the rest of the prompt."""
    check_tests(suite)
    entry = suite.entry_point
    name = row.optional("task_id") or where
    statement = f"Complete this Python function; hand in all of it.\n\n{prompt.strip()}"
    solution = row.optional("canonical_solution")
    return Loaded(
        where,
        Problem(name, statement, suite, preamble=given(prompt, entry)),
        (prompt + solution,) if solution.strip() else (),
    )


def mbpp(row: Row, where: str) -> Loaded:
    """MBPP: ``text`` or ``prompt``, ``test_list``, ``code``; the ``test`` of MBPP+ decides if
    present.

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
    every, before = _without_arrays(every)
    names = _tested(every, code)
    suite = Suite("asserts", tuple(tests[:1]), tuple(every), "", names, f"{before}{setup}")
    check_tests(suite)
    statement = row.text("text", "prompt")
    name = f"MBPP/{row.fields.get('task_id', where)}"
    return Loaded(where, Problem(name, statement, suite), (code,) if code.strip() else ())


def doctests(prompt: str, entry: str) -> list[str]:
    """Docstring examples of a prompt as asserts; only plain calls with plain values."""
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


def asserts_in(text: str) -> list[str]:
    """Lines of a text that are assert statements."""
    return [line.strip() for line in text.splitlines() if line.strip().startswith("assert ")]


def given(prompt: str, entry: str) -> str:
    """Imports and helpers that a prompt states before the function to write."""
    try:
        for node in ast.parse(prompt).body:
            if isinstance(node, ast.FunctionDef) and node.name == entry:
                return "\n".join(prompt.splitlines()[: node.lineno - 1]).strip()
    except (SyntaxError, ValueError):  # the prompt ends before the function's body
        begin = re.search(rf"^def {re.escape(entry)}\b", prompt, re.MULTILINE)
        if begin and is_python(prompt[: begin.start()]):
            return prompt[: begin.start()].strip()
    return ""


def _tested(tests: list[str], code: str) -> tuple[str, ...]:
    """Functions that tests call, limited to those that the reference (if any) defines."""
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


def _without_arrays(tests: list[str]) -> tuple[list[str], str]:
    found = [without_arrays(shortened(test)) for test in tests]
    return [test for test, _ in found], next((before for _, before in found if before), "")


def first_asserts(test: str, most: int) -> list[str]:
    """First asserts of a ``check(candidate)`` that has more."""
    for node in _parsed(test).body:
        if isinstance(node, ast.FunctionDef) and node.name == "check":
            found = [ast.unparse(one) for one in node.body if isinstance(one, ast.Assert)]
            return found[: min(most, len(found) - 1)] if found else []
    return []


def _called(source: str) -> list[str]:
    nodes = ast.walk(_parsed(source))
    calls = [n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    return list(dict.fromkeys(calls))


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadRow(f"its tests or its code do not parse ({error})") from None


def check_tests(suite: Suite) -> None:
    """Refuse tests that do not parse or hold no assert."""
    try:
        rewrite("\n".join(suite.hidden))
    except UsageError as error:
        raise BadRow(str(error)) from None
