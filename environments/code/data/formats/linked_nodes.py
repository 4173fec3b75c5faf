"""LeetCode's linked lists and trees as plain values, the only ones that leave a sandbox.

A test calls ``candidate(head=list_node([1, 2]))``. Nodes are converted to plain values in the
tests' sandbox and back to nodes in the solution's sandbox, transparently for both.
"""

from __future__ import annotations

_CLASSES = """
class ListNode:
    def __init__(self, val=0, next=None):
        self.val = val
        self.next = next

class TreeNode:
    def __init__(self, val=0, left=None, right=None):
        self.val = val
        self.left = left
        self.right = right
"""
_PACKING = """
def _packed(value):
    kind = type(value).__name__
    if kind in ("list", "tuple"):
        return type(value)(map(_packed, value))
    if kind not in ("ListNode", "TreeNode"):
        return value
    values, seen, row = [], set(), [value]
    for node in row:
        if node is None:
            values.append(None)
            continue
        if id(node) in seen:
            raise ValueError("nodes in a circle")
        seen.add(id(node))
        values.append(node.val)
        if kind == "TreeNode":
            row += node.left, node.right
        elif node.next is not None:
            row.append(node.next)
    while values[-1] is None:
        values.pop()
    return {kind: values}

def _unpacked(value):
    if isinstance(value, (list, tuple)):
        return type(value)(map(_unpacked, value))
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((kind, values),) = value.items()
    if kind == "ListNode":
        nodes = [ListNode(one) for one in values]
        for node, following in zip(nodes, nodes[1:]):
            node.next = following
        return nodes[0]
    if kind == "TreeNode":
        rest = iter(values)
        row = [TreeNode(next(rest))]
        for node in row:
            for side in ("left", "right"):
                one = next(rest, None)
                if one is not None:
                    setattr(node, side, TreeNode(one))
                    row.append(getattr(node, side))
        return row[0]
    return value
"""
CALL = "_call_with_nodes"
"""Name of the function that the tests call in the solution's sandbox."""
_CALLED = """
def {call}(*args, **kwargs):
    named = {{name: _unpacked(value) for name, value in kwargs.items()}}
    return _packed({entry}(*map(_unpacked, args), **named))
"""
_CANDIDATE = """
def {name}(*args, **kwargs):
    named = {{key: _packed(value) for key, value in kwargs.items()}}
    return _unpacked({proxy}(*map(_packed, args), **named))
"""


def takes_nodes(test: str) -> bool:
    """Return whether test code mentions linked lists or trees."""
    return any(name in test for name in ("list_node(", "tree_node(", "ListNode(", "TreeNode("))


def for_solution(prompt: str, entry: str) -> str:
    """Solution preamble: the row's prompt, and a function that takes plain values."""
    return f"{with_classes(prompt)}{_PACKING}{_CALLED.format(call=CALL, entry=entry)}"


def for_tests(name: str, proxy: str) -> str:
    """Test preamble: a candidate that takes nodes and calls the proxy with plain values."""
    return f"{_PACKING}{_CANDIDATE.format(name=name, proxy=proxy)}"


def with_classes(prompt: str) -> str:
    """Prompt with node classes added where it defines none."""
    return prompt if "class ListNode" in prompt else f"{_CLASSES}{prompt}"
