"""Harness beside a solution, in its sandbox: load it, call it, report its answers.

The solution controls it, which is harmless: the host reads everything it writes as "the answer is
this value", and the sandbox never holds the expected value.
"""

from __future__ import annotations

import linecache
import os
import sys
import traceback
import types
from typing import Any

from envgym.sandboxes.graders.harness.plain_values import (
    EXCEPTIONS,
    WIRE_BYTES,
    NotPlain,
    decode,
    dump,
    encode,
    load,
)

_FILE = "solution.py"
_DETAIL = 2000


class Candidate:
    """Solution loaded as a module of its own."""

    def __init__(self) -> None:
        self._module = types.ModuleType("solution")

    def load(self, nonce: str, source: str) -> None:
        """Run the solution's source as module ``solution``; the answer is None."""
        linecache.cache[_FILE] = (len(source), None, source.splitlines(True), _FILE)
        sys.modules["solution"] = self._module
        self._answer(nonce, lambda: exec(compile(source, _FILE, "exec"), self._module.__dict__))

    def call(self, nonce: str, name: str, payload: str, most: int = WIRE_BYTES) -> None:
        """Call a function by name, or a method as ``Class.method`` of a new object.

        Args:
            nonce: First word of the answer's line.
            name: Name of the function.
            payload: Positional arguments as a list and keyword ones as a dict, dumped.
            most: Maximum characters of the answer.
        """
        args, kwargs = decode(load(payload, len(payload)))
        self._answer(nonce, lambda: self._find(name)(*args, **kwargs), most)

    def _find(self, name: str) -> Any:
        first, *rest = name.split(".")
        if first not in self._module.__dict__:
            raise NameError(f"the solution defines no {first}")
        found = self._module.__dict__[first]
        for part in rest:
            found = getattr(found() if isinstance(found, type) else found, part)
        return found

    def _answer(self, nonce: str, act: Any, most: int = WIRE_BYTES) -> None:
        try:
            text = _said(act(), most)
        except BaseException as error:
            said = {"message": _message(error), "detail": _describe(error)}
            text = dump({"raised": _kind(error), **said})
        # Not through sys.stdout: the solution may have put something else there.
        for stream in (sys.stdout, sys.__stdout__):
            try:
                stream.flush()  # type: ignore[union-attr]
            except Exception:
                continue
        data = f"\n{nonce} {text}\n".encode()
        while data:
            data = data[os.write(1, data) :]


def _said(value: Any, most: int) -> str:
    """Answer for a value: its wire form, or its description and its truth value."""
    try:
        wire = encode(value)
    except NotPlain as error:
        return dump({"not_plain": str(error)[:_DETAIL], "true": bool(value)})
    try:
        return dump({"value": wire}, most)
    except NotPlain as error:
        return dump({"not_plain": str(error)})


def _kind(error: BaseException) -> str:
    return next((k.__name__ for k in type(error).__mro__ if EXCEPTIONS.get(k.__name__) is k), "")


def _message(error: BaseException) -> str:
    """Argument of the exception if it is a single text, else its printed form."""
    try:
        only = error.args[0] if len(error.args) == 1 else None
        return (only if type(only) is str else str(error))[:_DETAIL]
    except BaseException:
        return ""  # a class of the solution's own


def _describe(error: BaseException) -> str:
    """Exception with the solution's own frames; the last characters matter most."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == _FILE][-6:]
    where = "".join(traceback.format_list(frames))
    return (where + "".join(traceback.format_exception_only(type(error), error)))[-_DETAIL:].strip()
