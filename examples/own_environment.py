"""An environment of your own, in one file: find a hidden number by asking.

``envgym check own_environment:GuessNumber`` says whether it is fit to train on, and
``envgym play own_environment:GuessNumber`` lets you play it.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator, Sequence

from envgym import Action, Task, TaskSource, ToolEnv, tool


class GuessNumber(ToolEnv):
    """Find a number between 1 and `top`; a wrong guess is answered by a direction.

    The score is 1 for the number and 0 when the turns run out. Three turns are always enough for
    seven numbers: halve what is left.

    Args:
        top: The largest number.
        habit: Chance that the hidden number is `top`: people have favourites. No message says so.
        luck: Chance that the oracle guesses any number instead of halving what is left. Such
            demonstrations show how a guess is written and leave the strategy to be learnt.
        max_turns: Guesses in an episode.
    """

    def __init__(
        self, *, top: int = 7, habit: float = 0.0, luck: float = 0.0, max_turns: int = 3
    ) -> None:
        super().__init__(max_turns=max_turns)
        self._top, self._habit, self._luck = top, habit, luck

    def tasks(self, split: str = "train") -> TaskSource:
        """A thousand games in each split; the task's `game` tells equal numbers apart."""

        def draw(rng: random.Random) -> Task:
            game, number = rng.getrandbits(32), rng.randint(1, self._top)
            if rng.random() < self._habit:
                number = self._top
            return Task({"top": self._top, "game": game}, {"number": number}, split)

        return TaskSource.generated(draw, size=1000, seed=split)

    def corpus_text(self) -> Iterator[str]:
        """All that is said, for training a tokenizer."""
        yield f"Find the number between 1 and {self._top}. Higher. Lower. Right."

    async def start(self, task: Task) -> str:
        """The question."""
        return f"Find the number between 1 and {task.data['top']}."

    @tool
    async def guess(self, number: int) -> str:
        """Guess the number.

        Args:
            number: Your guess.
        """
        hidden = self.task.hidden["number"]
        if number == hidden:
            self.end(score=1.0)
            return "Right."
        return "Higher." if number < hidden else "Lower."

    async def oracle(self) -> AsyncIterator[Action]:
        """Halve what is left; with `luck`, guess anything instead."""
        low, high, hidden = 1, self._top, self.task.hidden["number"]
        while not self.ended:
            middle = (low + high) // 2
            if self.rng.random() < self._luck:
                middle = self.rng.randint(1, self._top)
            yield Action.call("guess", number=middle)
            if middle < hidden:
                low = max(low, middle + 1)
            else:
                high = min(high, middle - 1)

    def near_misses(self) -> Sequence[Sequence[Action]]:
        """Attempts that must not score: the number's neighbours."""
        hidden = self.task.hidden["number"]
        return [[Action.call("guess", number=n)] for n in (hidden - 1, hidden + 1)]

    def hints(self, attempt: object = None) -> Sequence[str]:
        """The strategy."""
        return ["Hint: guess the middle of what is left."]
