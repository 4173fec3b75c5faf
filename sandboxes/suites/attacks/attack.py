"""One attack: its attempt, and its required end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.attack_context import SMALL, AttackContext


@dataclass(frozen=True)
class Attack:
    """One case of the attack suite.

    Attributes:
        id: Its name, also in the table of known cases.
        number: Its number in the list of attacks on other sandboxes
            (``docs/sandbox_attacks.md``); None for one that is in no such list.
        title: The attempt, in a line.
        ends: The required end, in words for the table.
        act: Runs it; `CaseFailed` if it gets out.
        limits: Limits of its sandboxes.
        harmless: Whether it may run without a sandbox, to show that it succeeds there.
    """

    id: str
    number: int | None
    title: str
    ends: str
    act: Callable[[AttackContext], Awaitable[None]]
    limits: Limits = SMALL
    harmless: bool = True


def program(
    id: str,
    number: int | None,
    title: str,
    code: str,
    *expects: Outcome,
    says: tuple[str, ...] = ("SAFE",),
    limits: Limits = SMALL,
    harmless: bool = True,
) -> Attack:
    """Make an attack that is one Python program.

    Args:
        id: As in `Attack`, like the other fields of the same name.
        number: Likewise.
        title: Likewise.
        code: Its source, after `attack_context.PRELUDE`.
        expects: Permitted outcomes: several where the platform, or timing, decides.
        says: Required output.
        limits: Limits of its sandbox.
        harmless: As in `Attack`.
    """
    outcomes = expects or (Outcome.OK,)

    async def act(context: AttackContext) -> None:
        await context.python(code, *outcomes, says=says)

    return Attack(id, number, title, " or ".join(outcomes), act, limits, harmless)


def scene(
    into: list[Attack],
    number: int | None,
    title: str,
    *,
    ends: str = "refused",
    limits: Limits = SMALL,
    harmless: bool = True,
) -> Callable[
    [Callable[[AttackContext], Awaitable[None]]], Callable[[AttackContext], Awaitable[None]]
]:
    """Decorate an attack of several steps, inside and outside the sandbox, and add it to a list."""

    def add(
        act: Callable[[AttackContext], Awaitable[None]],
    ) -> Callable[[AttackContext], Awaitable[None]]:
        id: str = act.__name__
        into.append(Attack(id, number, title, ends, act, limits, harmless))
        return act

    return add
