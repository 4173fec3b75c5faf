"""Nonce protocol: a sandbox answers on standard output, in a line after the call's nonce.

All other output is noise. In a solution's sandbox the nonce only separates the answer from the
noise: a solution that finds it can report any value, as it can anyway. In a sandbox whose verdict
counts, no solution sees it.
"""

from __future__ import annotations

import ast
import binascii
import importlib.util
import marshal
import secrets
from functools import cache
from pathlib import Path

from envgym.errors import Fault
from envgym.sandboxes.base import Session
from envgym.sandboxes.graders.harness.plain_values import WIRE_BYTES
from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome, Result

_PATIENCE_S = 10.0
_NEWLINE = ord("\n")
_FRAME_BYTES = 1 << 16
"""Maximum size of an answer without its value."""


def nonce() -> str:
    """Return 128 unguessable random bits; not from a seed, for a seed may be known."""
    return secrets.token_hex(16)


def frames(stdout: bytes, mark: str) -> list[str]:
    """Texts of all lines that begin with a nonce, in order."""
    start, found, at = mark.encode() + b" ", [], 0
    while (at := stdout.find(start, at)) >= 0:
        is_line = at == 0 or stdout[at - 1] == _NEWLINE
        at += len(start)
        if is_line:
            end = stdout.find(b"\n", at)
            end = len(stdout) if end < 0 else end
            found.append(stdout[at:end].decode("ascii", "replace"))
            at = end
    return found


def frame(result: Result, mark: str) -> str | None:
    """The answer of a call that ended well; None without one."""
    found = frames(result.stdout, mark) if result.outcome is Outcome.OK else []
    return found[-1] if found else None


def answer_bytes(limits: Limits, expected: int = 0) -> int:
    """Maximum characters of an answer: the output limit, or twice the expected answer's length."""
    return max(WIRE_BYTES, limits.output_bytes, 2 * expected)


def roomy(limits: Limits, answer: int = 0) -> Limits:
    """Limits with room for an answer beside the permitted output."""
    room = (answer or answer_bytes(limits)) + _FRAME_BYTES
    return limits.model_copy(update={"output_bytes": limits.output_bytes + room})


def patient(limits: Limits, answer: int = 0) -> Limits:
    """Limits for the graders' own code, so that a busy machine does not fail the solution."""
    times = {"wall_s": max(limits.wall_s, _PATIENCE_S), "cpu_s": max(limits.cpu_s, _PATIENCE_S)}
    return roomy(limits, answer).model_copy(update=times)


async def start_harness(session: Session, name: str, limits: Limits) -> str:
    """Start a harness in a sandbox in which no other code has run yet.

    Args:
        session: Session of that sandbox.
        name: Name of its module in ``harness``, from which its class is derived.
        limits: Limits of its start.

    Returns:
        Its variable name in the session.

    Raises:
        Fault: It does not start, which is no program's doing.
    """
    called = f"_envgym_{name}"
    if called in session.ready:
        return called
    source = f"{compiled('plain_values', name)}{called} = {_class_of(name)}()\n"
    result = await session.run(source, limits=limits)
    if not result.ok:
        said = result.detail or result.error_text[-300:].strip() or result.outcome
        raise Fault(f"sandbox: a grader does not start in its sandbox: {said}", "infra")
    return called


def _class_of(module: str) -> str:
    return module.title().replace("_", "")


@cache
def shipped(*names: str) -> str:
    """Source of the in-box modules of these names, without their imports of each other."""
    folder = Path(__file__).with_name("harness")
    text = ["from __future__ import annotations\n"]
    for name in names:
        source = (folder / f"{name}.py").read_text("utf-8")
        lines = source.splitlines(keepends=True)
        for node in reversed(ast.parse(source).body):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            if module is not None and module.startswith(("__future__", "envgym.")):
                del lines[node.lineno - 1 : node.end_lineno]
        text += lines
    return "".join(text)


@cache
def compiled(*names: str) -> str:
    """Statement that runs `shipped` in a sandbox, compiled if its Python is the host's version.

    Compilation takes longer than opening a sandbox and would be repeated for each verdict.
    """
    source = shipped(*names)
    code = marshal.dumps(compile(source, "grader.py", "exec", dont_inherit=True))
    text = binascii.b2a_base64(code, newline=False).decode()
    return (
        "import binascii, importlib.util, marshal\n"
        f"exec(marshal.loads(binascii.a2b_base64({text!r}))"
        f" if importlib.util.MAGIC_NUMBER == {importlib.util.MAGIC_NUMBER!r} else {source!r})\n"
    )
