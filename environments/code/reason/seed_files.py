"""Absolute Zero seed files: programs with inputs and outputs, verified by running them.

A row has ``snippet``, ``input``, ``output``, ``imports``, or, for induction, ``inputs``,
``outputs`` and ``message``. Each program is checked against the rules and run again; a row with
another output, or none, is reported.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from envgym.environments.code.data.formats.row import BadRow, Row
from envgym.environments.code.reason.execute import NoResult, result_of
from envgym.environments.code.reason.exercise import SHOWN_CHARS, Exercise, Pair
from envgym.environments.code.reason.literals import NotLiteral, arguments_of, value_of
from envgym.environments.code.reason.program_rules import broken_rules
from envgym.environments.code.sandbox_queue import QueuedPool
from envgym.sandboxes import Backend, Limits
from envgym.sandboxes.backends.registry import open_backend
from envgym.sandboxes.graders import Equality
from envgym.sandboxes.graders.compare import show

_AT_ONCE = 4


@dataclass(frozen=True)
class Seed:
    """Row of a seed file.

    Attributes:
        program: Source, its imports in front.
        inputs: Texts of arguments.
        outputs: Texts of values; as many.
        message: Description of the program.
    """

    program: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    message: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Seed:
        """Parse a row.

        Raises:
            BadRow: A field is missing or of another type.
        """
        row = Row(fields)
        program = "\n".join([*row.texts("imports"), row.text("snippet")])
        if "inputs" in row or "outputs" in row:
            ins, outs = row.texts("inputs"), row.texts("outputs")
        else:
            ins, outs = [row.optional("input")], [row.optional("output")]
        if not ins or len(ins) != len(outs):
            raise BadRow("it has not as many outputs as inputs, or none")
        return cls(program, tuple(ins), tuple(outs), row.optional("message"))


async def examined(backend: Backend, seed: Seed, limits: Limits) -> Exercise:
    """Exercise of a seed, with outputs found by running it.

    Raises:
        BadRow: The program breaks a rule, does not run, or contradicts its row.
        Fault: A sandbox broke.
    """
    if broken := broken_rules(seed.program):
        raise BadRow("; ".join(broken))
    pairs = await re_executed(backend, seed, limits)
    for pair in pairs:
        longest = max(len(pair.arguments.text()), len(show(pair.output, 10 * SHOWN_CHARS)))
        if longest > SHOWN_CHARS:
            raise BadRow(f"its input or output is longer than {SHOWN_CHARS} characters")
    return Exercise(seed.program, pairs, seed.message)


async def re_executed(backend: Backend, seed: Seed, limits: Limits) -> tuple[Pair, ...]:
    """Input-output pairs of a seed whose program gives the stated outputs.

    Raises:
        BadRow: The program contradicts its row; the message says how.
        Fault: A sandbox broke.
    """
    pairs = []
    for given, said in zip(seed.inputs, seed.outputs, strict=True):
        try:
            arguments = arguments_of(given)
        except NotLiteral as error:
            raise BadRow(f"its input cannot be read: {error}") from None
        try:
            output = await result_of(backend, seed.program, arguments, limits)
        except NoResult as error:
            raise BadRow(str(error)) from None
        try:
            expected = value_of(said)
        except NotLiteral as error:
            raise BadRow(f"its output cannot be read: {error}") from None
        if not Equality()(expected, output):
            raise BadRow(f"it gives {show(output, 80)}, not {show(expected, 80)}")
        pairs.append(Pair(arguments, output))
    return tuple(pairs)


def all_of(
    seeds: Sequence[Seed],
    work: Callable[[Backend, Seed, Limits], Coroutine[Any, Any, Any]],
    backend: str,
    options: Mapping[str, Any],
    limits: Limits,
) -> list[Any]:
    """Result of `work` per seed, or the `BadRow` that it raised, on an event loop of its own.

    Raises:
        UsageError: The backend is refused.
        Fault: A sandbox broke.
    """

    async def run() -> list[Any]:
        turn = asyncio.Semaphore(_AT_ONCE)
        opened = open_backend(backend, **options)
        async with QueuedPool(opened, limits, most=2 * _AT_ONCE) as pool:
            await pool.ready()

            async def one(seed: Seed) -> Any:
                async with turn:
                    try:
                        return await work(pool, seed, limits)
                    except BadRow as bad:
                        return bad

            return await asyncio.gather(*map(one, seeds))

    with ThreadPoolExecutor(1, "envgym-seeds") as thread:
        return thread.submit(asyncio.run, run()).result()
