"""One attack: what it tries, and how it must end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from envgym.sandboxes.limits import Limits
from envgym.sandboxes.outcome import Outcome
from envgym.sandboxes.suites.attack_context import SMALL, Stage


@dataclass(frozen=True)
class Attack:
    """One case of the attack suite.

    Attributes:
        id: Its name, also in the table of known cases.
        number: Its number in the list of attacks that sandboxes have fallen to
            (``docs/sandbox_attacks.md``); None for one that is in no such list.
        title: What it tries, in a line.
        ends: How it must end, in words for the table.
        act: Plays it; `Broken` if it gets out.
        limits: Of its boxes.
        harmless: Whether it may be played without a sandbox, to show that it wins there.
    """

    id: str
    number: int | None
    title: str
    ends: str
    act: Callable[[Stage], Awaitable[None]]
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
    """An attack that is one Python program.

    Args:
        id: As in `Attack`, like the other fields of the same name.
        number: Likewise.
        title: Likewise.
        code: Its source, after `stage.PRELUDE`.
        expects: Right outcomes: several where the platform, or the moment, decides.
        says: What it must have printed.
        limits: Of its box.
        harmless: As in `Attack`.
    """
    outcomes = expects or (Outcome.OK,)

    async def act(stage: Stage) -> None:
        await stage.python(code, *outcomes, says=says)

    return Attack(id, number, title, " or ".join(outcomes), act, limits, harmless)


def scene(
    into: list[Attack],
    number: int | None,
    title: str,
    *,
    ends: str = "refused",
    limits: Limits = SMALL,
    harmless: bool = True,
) -> Callable[[Callable[[Stage], Awaitable[None]]], Callable[[Stage], Awaitable[None]]]:
    """Decorates an attack of several acts, by the box and by its host, and adds it to a list."""

    def add(act: Callable[[Stage], Awaitable[None]]) -> Callable[[Stage], Awaitable[None]]:
        id: str = act.__name__
        into.append(Attack(id, number, title, ends, act, limits, harmless))
        return act

    return add
