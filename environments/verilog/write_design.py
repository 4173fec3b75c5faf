"""``verilog/design-v1``: from a specification to a circuit, with real tools, over many turns.

CodeV-R1's and VerilogEval's task as an episode: the agent lints, simulates with a bench of its own
and synthesises as often as its turns allow. What is submitted is held against a golden circuit by a
judge that no design can talk to; the first cycle that differs is told.
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
from envgym.environments.verilog.toolchain import Settings, Workbench
from envgym.environments.verilog.variants import stuck_designs
from envgym.errors import ToolError, UsageError
from envgym.messages import Action, Message, system, user
from envgym.parsing.fences import VERILOG, code_of
from envgym.resources import Shared
from envgym.sandboxes.backends.registry import BACKENDS
from envgym.sandboxes.graders.verdict import Verdict
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
_FEEDBACK = 3000
_FILE_SPLITS = (*SPLITS, "all")


class VerilogDesign(ToolEnv[Task]):
    """Digital circuit to design in Verilog from its specification.

    Args:
        data: Problems to use instead of generated ones: VerilogEval's folder, RTLLM's, or a
            ``.jsonl`` file in CodeV-R1's shape. A split ``all`` has every one of them.
        families: Of generated designs, by name; all when empty.
        levels: Of generated designs, 1 to 4; all when empty.
        seed, size: Of the generated tasks; size is how many a split has.
        attempts: Designs that may be submitted; all but the last wrong one are told why, and the
            episode goes on.
        reward: Of a wrong last design: ``binary`` gives 0, ``fraction`` the share of the judge's
            stages that it passed. The score is 1.0 for a right design and 0.0 for others.
        sandbox: The backend in which all tools run.
        sequences, steps: Of the stimulus: so many runs from a reset, of so many half clocks each;
            CodeV-R1 has 100 and 1000. Left out, they are fitted to the circuit.
        formal: A right design is also put to Yosys' solver; what it refutes is wrong.
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
        if sandbox not in BACKENDS:
            raise UsageError(f"no sandbox backend {sandbox!r}: use one of {', '.join(BACKENDS)}")
        self._families = choose(families, levels) if data is None else []
        self._seed, self._size = seed, size
        self._attempts, self._reward_kind = attempts, reward
        self._settings = Settings(sandbox, lengths, formal)
        self._files: Shared[list[Problem]] | None = (
            None
            if data is None
            else Shared(("verilog/problems", data), lambda: load_problems(data))
        )
        self._shared: Shared[Workbench] | None = None
        self._judged: tuple[str, Verdict] | None = None
        self._interface: Interface | None = None
        self._design = ""

    def tasks(self, split: str = "train") -> TaskSource:
        """Problems of a split; difficulty is a generated design's level."""
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
        """The specification and the ports."""
        if self._shared is None:
            key = ("verilog/workbench", self._settings, asyncio.get_running_loop())
            self._shared = Shared(key, lambda: Workbench(self._settings))
        self._problem = Problem.of(task)
        self._golden = await self._bench.golden(self._problem, self._problem.goldens[0])
        self._interface = self._golden.interface
        self._left = self._attempts
        self._design = ""
        if self._judged is not None and self._judged[0] != task.key:
            self._judged = None
        text = (
            f"Write the module {self._interface.module}.\n\n{self._problem.spec}\n\n"
            f"Its ports:\n{ports_in_words(self._interface)}"
        )
        return system(INSTRUCTIONS), user(text)

    async def stop(self) -> None:
        """Let go of the tools and the problems."""
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
        self._judged = (self.task.key, verdict)
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
        """The golden design with an output bit stuck (three of these), and known mutants."""
        stuck = list(stuck_designs(self._golden)) if len(self._problem.goldens) == 1 else []
        places = sorted({0, len(stuck) // 2, len(stuck) - 1}) if stuck else []
        sources = [stuck[place].source for place in places]
        for source in (*sources, *self._problem.mutants):
            yield [Action.call("submit", design=source)] * self._attempts

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """A plan, the first failing cycle of the last design, then parts of the golden one."""
        judged = self._judged[1] if self._judged and self._judged[0] == self.task.key else None
        return guidance.hints(Problem.of(self.task), self._interface, judged)

    @property
    def _bench(self) -> Workbench:
        assert self._shared is not None  # held since the first start
        return self._shared.value

    @property
    def _module(self) -> str:
        assert self._interface is not None  # known since the start
        return self._interface.module

    async def _given(self, design: str) -> str:
        """The design that a call means."""
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
