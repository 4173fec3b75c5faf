"""Meter of the cost of requests to an endpoint, with a budget."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envgym.errors import Fault, UsageError

_MILLION = 1e6


@dataclass(frozen=True)
class Prices:
    """Prices per million tokens, in any one currency."""

    input: float
    output: float

    def cost(self, input_tokens: float, output_tokens: float) -> float:
        """Compute the cost of one request."""
        return (input_tokens * self.input + output_tokens * self.output) / _MILLION


class Meter:
    """Counter of tokens and cost that holds back requests which might exceed the budget.

    A request's cost is known only after it, so the most it may cost is set aside before. Where that
    finds no room beside requests in flight it waits for them: as a rule they cost less.

    Args:
        prices: Prices of tokens; None counts tokens alone.
        budget: Maximum total cost of all requests; needs `prices`.
    """

    def __init__(self, prices: Prices | None = None, budget: float | None = None) -> None:
        if budget is not None and prices is None:
            raise UsageError("a budget needs input_price and output_price")
        given = [] if prices is None else [prices.input, prices.output]
        for value in (*given, 0.0 if budget is None else budget):
            if not (value >= 0 and math.isfinite(value)):
                raise UsageError(f"prices and budget must be 0 or more, not {value}")
        self.requests = self.input_tokens = self.output_tokens = 0
        self.cost = 0.0
        self.budget = budget
        self._prices = prices or Prices(0.0, 0.0)
        self._priced = prices is not None
        self._aside = 0.0
        self._freed = asyncio.Event()

    @property
    def total(self) -> dict[str, float]:
        """Total usage so far."""
        names = ("requests", "input_tokens", "output_tokens", *(["cost"] if self._priced else []))
        return {name: float(getattr(self, name)) for name in names}

    async def set_aside(self, input_tokens: int, output_tokens: int) -> float:
        """Reserve the maximum cost of a request; return it.

        Raises:
            Fault: (``budget``) It might exceed the budget.
        """
        most = self._prices.cost(input_tokens, output_tokens)
        while self.budget is not None and self.cost + self._aside + most > self.budget:
            if self.cost + most > self.budget:
                raise Fault(
                    f"the budget of {self.budget:g} has no room for another request: "
                    f"{self.cost:.6g} is spent on {self.requests} requests, and this one "
                    f"may cost {most:.6g}; raise the budget, or lower max_tokens",
                    "budget",
                )
            await self._freed.wait()
        self._aside += most
        return most

    def release(self, aside: float) -> None:
        """Return a reservation: the request is over."""
        self._aside = max(0.0, self._aside - aside)
        freed, self._freed = self._freed, asyncio.Event()
        freed.set()

    def count(self, usage: Any, aside: float) -> dict[str, float]:
        """Count an answer; return its own tokens and cost, as metrics.

        Args:
            usage: Usage field of the answer; without it the cost is the reserved maximum.
        """
        self.requests += 1
        used = usage if isinstance(usage, Mapping) else {}
        tokens = [_number(used.get(f"{kind}_tokens")) for kind in ("prompt", "completion")]
        if None in tokens:
            self.cost += aside
            return {"cost": aside} if self._priced else {}
        given, made = (int(t or 0) for t in tokens)
        cost = self._prices.cost(given, made)
        self.input_tokens += given
        self.output_tokens += made
        self.cost += cost
        counted = {"input_tokens": float(given), "output_tokens": float(made)}
        return counted | ({"cost": cost} if self._priced else {})


def _number(value: Any) -> float | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    return value if fits and math.isfinite(value) and value >= 0 else None
