"""LeetCodeDataset rows: a method of ``class Solution`` and a ``check(candidate)``.

``prompt`` holds imports and helpers (``ListNode``, ``list_node``, ``is_same_list``) that tests and
solutions use; ``completion`` is the reference.
"""

from __future__ import annotations

import re

from envgym.environments.code.data.formats import linked_nodes
from envgym.environments.code.data.formats.asserts import check_tests, first_asserts
from envgym.environments.code.data.formats.long_integers import shortened
from envgym.environments.code.data.formats.row import BadRow, Loaded, Row
from envgym.environments.code.problem import Problem, Suite

SHOWN = 2
"""Number of public asserts; those of the statement's examples come first."""
_METHOD = re.compile(r"\s*(\w+)\s*(?:\(\s*\))?\s*\.\s*(\w+)\s*\Z")
_CANDIDATE, _PROXY = "candidate", "_candidate_of_plain_values"
_DIFFICULTY = {"easy": 1, "medium": 2, "hard": 3}


def is_method(row: Row) -> bool:
    """Return whether the row asks for a method: ``Solution().twoSum``."""
    return _METHOD.match(row.text("entry_point")) is not None


def leetcode(row: Row, where: str) -> Loaded:
    """LeetCodeDataset: ``prompt``, ``entry_point``, ``test``, ``completion``; several statement
    fields.
    """
    found = _METHOD.match(row.text("entry_point"))
    if found is None:
        raise BadRow('its entry_point is no method ("Solution().name")')
    kind, method = found.groups()
    test, prompt = shortened(row.text("test")), row.optional("prompt").strip("\n")
    entry, names, preamble, before = f"{kind}.{method}", (_CANDIDATE,), prompt, ""
    if linked_nodes.takes_nodes(test):
        preamble = linked_nodes.for_solution(prompt, f"{kind}().{method}")
        prompt, before = (
            linked_nodes.with_classes(prompt),
            linked_nodes.for_tests(_CANDIDATE, _PROXY),
        )
        entry, names = linked_nodes.CALL, (_PROXY,)
    shown = [f"{before}{one}" for one in first_asserts(test, SHOWN)]
    hidden = f"{before}{test}\ncheck({_CANDIDATE})"
    suite = Suite("asserts", tuple(shown), (hidden,), entry, names, prelude=prompt)
    check_tests(suite)
    name = row.optional("task_id") or row.optional("slug") or where
    level = _DIFFICULTY.get(_field(row, "difficulty").lower())
    problem = Problem(
        name, _statement(row, kind, method), suite, preamble=preamble, difficulty=level
    )
    completion = row.optional("completion") or row.optional("canonical_solution")
    return Loaded(where, problem, (completion,) if completion.strip() else ())


def _statement(row: Row, kind: str, method: str) -> str:
    """Statement followed by the starter code."""
    text = row.optional("problem_description").strip()
    starter = (row.optional("starter_code") or _field(row, "lang_code")).strip()
    if text and starter:
        return f"{text}\n\nBegin with:\n{starter}"
    text = text or _field(row, "query").strip() or _field(row, "question_title").strip()
    asked = f"Write the method {method} of class {kind}."
    return text if method in text else f"{text}\n\n{asked}".strip()


def _field(row: Row, name: str) -> str:
    """Field of the row or of its ``meta``."""
    meta = row.fields.get("meta")
    return row.optional(name) or (Row(meta).optional(name) if isinstance(meta, dict) else "")
