"""Assembler of classic BPF for seccomp: a decision tree over system call numbers, then blocks.

The kernel runs the filter once for each number when it is installed, and skips it at run time for
those that it always allows. What is left to save is the installing, which every sandbox pays: hence
a tree of comparisons over intervals and not a list.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant

LOAD, JUMP, EQUAL, AT_LEAST, ANY_BIT, RETURN, AND = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06, 0x54
NUMBER, ARCH, ARGS = 0, 4, 16  # offsets in ``struct seccomp_data``

ALLOW = 0x7FFF0000
KILL = 0x80000000  # the whole process, by SIGSYS


def errno_action(number: int) -> int:
    """Action that fails the call with this error without making it."""
    return 0x00050000 | number


@dataclass(frozen=True)
class Test:
    """A condition on the low half of an argument (the kernel reads these as 32-bit numbers).

    Attributes:
        argument: Position of the argument, from 0.
        other: Action where the test fails.
        values: The argument is one of these...
        banned: ...or is none of these...
        clear: ...or has none of these bits.
        mask: Bits compared with `values` or `banned`.
    """

    argument: int
    other: int
    values: tuple[int, ...] = ()
    banned: tuple[int, ...] = ()
    clear: int = 0
    mask: int = 0xFFFFFFFF


Rule = int | tuple[Test, ...]
"""An action, or tests that must all hold for the call to be permitted."""


@dataclass
class _Code:
    lines: list[Instruction] = field(default_factory=list)
    blocks: dict[tuple[Test, ...], list[int]] = field(default_factory=dict)

    def add(self, code: int, value: int, true: int = 0, false: int = 0) -> None:
        self.lines.append((code, true, false, value))


def assemble(arch: int, rules: dict[int, Rule], x32_from: int | None, last: int) -> bytes:
    """Assemble a filter: other architectures are killed, numbers without a rule are allowed up to
    `last`.

    Args:
        arch: AUDIT_ARCH constant of the one architecture that is let through.
        rules: By system call number.
        x32_from: First number of a second set of calls that this architecture has, if any.
        last: Greater numbers are unknown ones and fail with ENOSYS.
    """
    edges: dict[int, Rule] = {0: ALLOW, last + 1: errno_action(38)}
    for number, rule in rules.items():
        edges[number] = rule
        edges.setdefault(number + 1, ALLOW)
    if x32_from is not None:
        edges[x32_from] = KILL
    bounds = sorted(edges)
    merged = [b for i, b in enumerate(bounds) if not i or edges[b] != edges[bounds[i - 1]]]
    code = _Code()
    code.add(LOAD, ARCH)
    code.add(EQUAL, arch, true=1)
    code.add(RETURN, KILL)
    code.add(LOAD, NUMBER)
    _tree(code, merged, edges)
    for tests, jumps in code.blocks.items():
        for at in jumps:
            code.lines[at] = (JUMP, 0, 0, len(code.lines) - at - 1)
        _block(code, tests)
    return b"".join(struct.pack("=HBBI", *line) for line in code.lines)


def _tree(code: _Code, bounds: list[int], edges: dict[int, Rule]) -> None:
    """Find the interval of the number by bisection."""
    if len(bounds) == 1:
        rule = edges[bounds[0]]
        if isinstance(rule, int):
            code.add(RETURN, rule)
        else:
            code.blocks.setdefault(rule, []).append(len(code.lines))
            code.add(JUMP, 0)
        return
    middle = len(bounds) // 2
    at = len(code.lines)
    code.add(AT_LEAST, bounds[middle])
    _tree(code, bounds[:middle], edges)
    code.lines[at] = (AT_LEAST, len(code.lines) - at - 1, 0, bounds[middle])
    _tree(code, bounds[middle:], edges)


def _block(code: _Code, tests: tuple[Test, ...]) -> None:
    for test in tests:
        code.add(LOAD, ARGS + 8 * test.argument)
        if test.clear:
            code.add(ANY_BIT, test.clear, false=1)
        if test.mask != 0xFFFFFFFF:
            code.add(AND, test.mask)
        for i, value in enumerate(test.banned):
            left = len(test.banned) - i - 1
            code.add(EQUAL, value, true=left, false=0 if left else 1)
        for i, value in enumerate(test.values):
            code.add(EQUAL, value, true=len(test.values) - i)
        code.add(RETURN, test.other)
    code.add(RETURN, ALLOW)
