"""``verilog/design-v1``: design a circuit from its specification with real tools.

The task of CodeV-R1 and VerilogEval as an episode: the agent lints, simulates with its own
testbench and synthesises as often as its turns allow. A judge that the design cannot influence
compares a submission with a golden circuit; feedback names the first cycle that differs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Literal

from envgym.deadlines import Deadlines
from envgym.environments.verilog import hints as guidance
from envgym.environments.verilog.generated.families import choose, draw
from envgym.environments.verilog.problem import Problem, ports_in_words
from envgym.environments.verilog.sources import load_problems
from envgym.environments.verilog.toolchain import Settings, Toolchain
from envgym.environments.verilog.variants import stuck_designs
from envgym.errors import ToolError, UsageError
from envgym.messages import Action, Message, system, user
from envgym.parsing.fences import VERILOG, code_of
from envgym.resources import Shared
from envgym.sandboxes.backends.registry import backend_class
from envgym.sandboxes.graders.verilog import Interface
from envgym.task import Task, TaskSource
from envgym.tool_env import ToolEnv
from envgym.tools import tool
from envgym.trajectory import Episode
from envgym.utils.bounded_text import bounded_middle
from envgym.utils.splits import SPLITS, check_split, hash_split

INSTRUCTIONS = (
    "Write the Verilog module that the specification asks for: synthesisable, of one file, without "
    "system tasks. Check it with the tools, then submit it."
)
_FEEDBACK = 3000  # maximum characters of feedback on a wrong design
_FILE_SPLITS = (*SPLITS, "all")


class VerilogDesign(ToolEnv[Task]):
    """Digital circuit to design in Verilog from its specification.

    The task of CodeV-R1 and VerilogEval as an episode of many turns. A judge compares the design
    with a golden circuit cycle by cycle; the design cannot influence it.

    Actions:
        ``lint(design)``: rules, errors and warnings of Icarus Verilog.
        ``simulate(testbench, design)``: run a testbench of the agent's own.
        ``synthesise(design)``: cells and warnings of Yosys.
        ``submit(design)``: have the design judged. ``design`` defaults to the last one everywhere.

    Observations:
        First the specification and the ports. Then tool output, or the first failing cycle of a
        submitted design.

    Rewards:
        The score: 1.0 for a right design, else 0.0. With ``reward="fraction"`` a wrong last design
        earns the share of judging stages that it passed.

    Episode end:
        Terminated by a right design or the last attempt; truncated after 16 turns.

    Hints:
        A plan with clock and reset; the first failing cycle of the attempt's last design; the first
        third, two thirds and all of the golden design's body but its last line.

    Info:
        Metrics ``attempts``, ``stages`` (share of judging stages passed), ``proven`` (1 where the
        solver proved equivalence) and those of `ToolEnv`. The difficulty of a generated task is its
        level.

    Args:
        data: Problems that replace the generator: a folder of VerilogEval or RTLLM, or a ``.jsonl``
            file in the shape of CodeV-R1. Adds a third split, ``all``.
        families: Names of families of generated designs; all when empty.
        levels: Difficulties of generated designs, each 1 to 4; all when empty.
        seed: Seed of generated tasks.
        size: Number of generated tasks per split.
        attempts: Maximum number of submissions.
        reward: ``binary`` or ``fraction``; see Rewards.
        sandbox: Sandbox backend in which all tools run.
        sequences: Stimulus runs, each from a reset; CodeV-R1 uses 100. Fitted to the circuit by
            default; give both or neither of ``sequences`` and ``steps``.
        steps: Half clocks per stimulus run; CodeV-R1 uses 1000.
        formal: Also prove a right design equivalent with Yosys' solver; a refuted one is wrong.
        max_turns: Turns before truncation; 16 by default.

    Version history:
        v1: first release.
    """

    max_turns = 16
    deadlines = Deadlines(reset=180.0, step=600.0, tool=120.0)

    def __init__(
        self,
        *,
        data: str | None = None,
        families: Sequence[str] = (),
        levels: Sequence[int] = (),
        seed: int = 0,
        size: int = 1000,
        attempts: int = 3,
        reward: Literal["binary", "fraction"] = "binary",
        sandbox: str = "namespace",
        sequences: int | None = None,
        steps: int | None = None,
        formal: bool = False,
        max_turns: int | None = None,
    ) -> None:
        super().__init__(max_turns=max_turns)
        if reward not in ("binary", "fraction"):
            raise UsageError(f"reward must be binary or fraction, not {reward!r}")
        for name, value in (("size", size), ("attempts", attempts)):
            if value < 1:
                raise UsageError(f"{name} must be at least 1, not {value}")
        lengths = _lengths(sequences, steps)
        backend_class(sandbox)  # an unknown one is refused before anything is opened
        self._families = choose(families, levels) if data is None else []
        self._seed, self._size = seed, size
        self._attempts, self._reward_kind = attempts, reward
        self._settings = Settings(sandbox, lengths, formal)
        self._files: Shared[list[Problem]] | None = (
            None
            if data is None
            else Shared(("verilog/problems", data), lambda: load_problems(data))
        )
        self._shared: Shared[Toolchain] | None = None
        self._interface: Interface | None = None
        self._design = ""

    def tasks(self, split: str = "train") -> TaskSource:
        """Problems of a split; difficulty is the level of a generated design."""
        if self._files is None:
            check_split(split)
            return TaskSource.generated(
                lambda rng: Problem.generated(draw(rng, self._families, split)).task(split),
                size=self._size,
                seed=f"verilog:{self._seed}:{split}",
            )
        check_split(split, _FILE_SPLITS)
        rows = [p.task(split) for p in self._files.value if split in ("all", _split_of(p))]
        return TaskSource.rows(rows)

    async def start(self, task: Task) -> Sequence[Message]:
        """Specification and ports."""
        if self._shared is None:
            key = ("verilog/toolchain", self._settings, asyncio.get_running_loop())
            self._shared = Shared(key, lambda: Toolchain(self._settings))
        self._problem = Problem.of(task)
        self._golden = await self._bench.golden(self._problem, self._problem.goldens[0])
        self._interface = self._golden.interface
        self._left = self._attempts
        self._design = ""
        text = (
            f"Write the module {self._interface.module}.\n\n{self._problem.spec}\n\n"
            f"Its ports:\n{ports_in_words(self._interface)}"
        )
        return system(INSTRUCTIONS), user(text)

    async def stop(self) -> None:
        """Release the tools and the problems."""
        shared, self._shared = self._shared, None
        if shared is not None:
            await shared.close()
        if self._files is not None:
            await self._files.close()

    @tool
    async def lint(self, design: str = "") -> str:
        """Compile a design: rules that it breaks, errors and warnings of Icarus Verilog.

        Args:
            design: Verilog source; left out, the last one given to any tool.
        """
        return await self._bench.lint(await self._given(design), self._module)

    @tool
    async def simulate(self, testbench: str, design: str = "") -> str:
        """Run a test bench of your own with your design in it; shows what the bench prints.

        Args:
            testbench: Verilog source of a module without ports that instantiates the design,
                drives it, prints with $display and ends with $finish.
            design: Verilog source; left out, the last one given to any tool.
        """
        bench = await asyncio.to_thread(code_of, testbench, VERILOG)
        return await self._bench.simulate(await self._given(design), bench, self._module)

    @tool
    async def synthesise(self, design: str = "") -> str:
        """Synthesise a design with Yosys: its cells and warnings.

        Args:
            design: Verilog source; left out, the last one given to any tool.
        """
        return await self._bench.synthesise(await self._given(design), self._module)

    @tool(timeout=580)
    async def submit(self, design: str = "") -> str:
        """Hand a design in to be judged; a right one, or the last attempt, ends the episode.

        Args:
            design: Verilog source; left out, the last one given to any tool.
        """
        verdict = await self._bench.judge(self._problem, await self._given(design))
        self._left -= 1
        self.metrics["attempts"] = float(self._attempts - self._left)
        self.metrics["stages"] = verdict.fraction
        for case in verdict.cases:
            if case.name.startswith("equivalence"):
                self.metrics["proven"] = float(case.name.endswith(" proven"))
        if verdict.passed:
            self.end(1.0)
            return "Accepted: the design is right."
        words = f"Not accepted. {bounded_middle(str(verdict.first_failure), _FEEDBACK)}"
        if self._left:
            return f"{words}\nAttempts left: {self._left}."
        self.end(0.0, reward=verdict.fraction if self._reward_kind == "fraction" else 0.0)
        return f"{words}\nNo attempt is left."

    async def oracle(self) -> AsyncIterator[Action]:
        """Lint the golden design, then submit it."""
        yield Action.call("lint", design=self._problem.goldens[0])
        yield Action.call("submit")

    def near_misses(self) -> Iterator[Sequence[Action]]:
        """The golden design with a stuck output bit (three of these), and known mutants."""
        stuck = list(stuck_designs(self._golden)) if len(self._problem.goldens) == 1 else []
        places = sorted({0, len(stuck) // 2, len(stuck) - 1}) if stuck else []
        sources = [stuck[place].source for place in places]
        for source in (*sources, *self._problem.mutants):
            yield [Action.call("submit", design=source)] * self._attempts

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """Plan, first failing cycle of the attempt's last design, parts of the golden design."""
        return guidance.hints(self.task, self._interface, attempt)

    @property
    def _bench(self) -> Toolchain:
        assert self._shared is not None  # acquired by the first start
        return self._shared.value

    @property
    def _module(self) -> str:
        assert self._interface is not None  # set by start
        return self._interface.module

    async def _given(self, design: str) -> str:
        """Design that a call refers to."""
        if design.strip():
            self._design = await asyncio.to_thread(code_of, design, VERILOG)
        if not self._design:
            raise ToolError("no design was given yet: pass one as design")
        return self._design


def _lengths(sequences: int | None, steps: int | None) -> tuple[int, int] | None:
    if sequences is None and steps is None:
        return None
    if sequences is None or steps is None:
        raise UsageError("sequences and steps belong together: give both, or neither")
    if sequences < 1 or steps < 8:
        raise UsageError(
            f"sequences must be at least 1 and steps at least 8 (a reset takes four), not "
            f"{sequences} and {steps}"
        )
    return sequences, steps


def _split_of(problem: Problem) -> str:
    return hash_split(problem.name, hash_name="sha256-byte")
