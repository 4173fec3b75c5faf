"""Measure the figures of docs/evidence/verilog.md: references, own benches, mutants, stuck bits.

    python -m scripts.verilog_evidence FOLDER own          # references under the data set's benches
    python -m scripts.verilog_evidence FOLDER references   # references under the generated ones
    python -m scripts.verilog_evidence FOLDER mutants --count 1000
    python -m scripts.verilog_evidence FOLDER stuck        # each output bit stuck at 0 and at 1
    python -m scripts.verilog_evidence generated stuck     # the same of two designs of each family

Minutes of processor time: no test.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from envgym.environments.verilog.generated.builder import finish
from envgym.environments.verilog.generated.families import FAMILIES
from envgym.environments.verilog.mutate import some_mutants
from envgym.environments.verilog.problem import Problem
from envgym.environments.verilog.sources import load_problems
from envgym.environments.verilog.toolchain import SANDBOX, Settings, Toolchain
from envgym.environments.verilog.variants import stuck_designs
from envgym.errors import Fault
from envgym.sandboxes.backends.registry import open_backend
from envgym.sandboxes.base import Backend
from envgym.sandboxes.graders.verilog import Proof, equivalent
from envgym.sandboxes.graders.verilog.tools.tool_commands import run_tool
from envgym.sandboxes.pool.pool import Pool

MODULE = "TopModule"
_AT_ONCE = 3
_PATIENT = SANDBOX.model_copy(update={"wall_s": 120.0, "cpu_s": 60.0})
_LAST = re.compile(r"^Mismatches: (\d+) in (\d+) samples$", re.MULTILINE)


async def own_bench(backend: Backend, reference: str, bench: str) -> str:
    """A reference as its own design under the data set's bench: ``""``, or what went wrong.

    Trusted sources alone: a design can print what this looks for.
    """
    async with await backend.open(limits=_PATIENT) as box:
        await box.write("ref.sv", reference.encode())
        await box.write("dut.sv", re.sub(r"\bRefModule\b", MODULE, reference).encode())
        await box.write("tb.sv", bench.encode())
        flags = ("-Wall", "-Winfloop", "-Wno-timescale", "-g2012", "-s", "tb", "-o", "run")
        built = await run_tool(box, "iverilog", *flags, "dut.sv", "tb.sv", "ref.sv", limits=SANDBOX)
        if not built.ok:
            return built.error_text.strip().splitlines()[-1]
        ran = await run_tool(box, "vvp", "-n", "run", limits=_PATIENT)
    found = _LAST.findall(ran.text)
    return "" if found and found[-1][0] == "0" else f"mismatches: {found[-1:]}"


async def _own(backend: Backend, names: Sequence[Path]) -> None:
    passed = 0
    for reference in names:
        bench = reference.with_name(reference.name.replace("_ref.sv", "_test.sv"))
        wrong = await own_bench(backend, reference.read_text(), bench.read_text())
        passed += not wrong
        if wrong:
            print(f"{reference.name}: {wrong}")
    print(f"{passed} of {len(names)} references pass their own bench")


async def _references(bench: Toolchain, folder: str) -> None:
    counts: Counter[str] = Counter()
    for problem in load_problems(folder):
        try:
            verdict = await bench.judge(problem, problem.goldens[0])
        except Fault as fault:
            counts["refused"] += 1
            print(f"{problem.name}: refused: {' '.join(str(fault).split())[:150]}")
            continue
        counts["passed" if verdict.passed else "failed"] += 1
        if not verdict.passed:
            print(f"{problem.name}: {verdict.feedback()}")
    print(dict(counts))


async def _mutants(
    bench: Toolchain, backend: Backend, folder: str, count: int, seconds: int, part: str
) -> None:
    index, parts = map(int, part.split("/"))
    problems = load_problems(folder)
    each = -(-count // len(problems))
    table: Counter[tuple[str, str]] = Counter()
    for problem in problems[index::parts]:
        source = problem.goldens[0]
        try:
            await bench.golden(problem, source)
        except Fault:
            continue
        for mutant in some_mutants(source, random.Random(problem.name), each):
            verdict = await bench.judge(problem, mutant.source)
            judged = "passed" if verdict.passed else "rejected"
            failure = verdict.first_failure
            if failure is not None and failure.name in ("rules", "synthesis", "ports"):
                proof = "no circuit of these ports"
            else:
                found = await equivalent(
                    backend, source, mutant.source, MODULE, seconds=seconds, limits=SANDBOX
                )
                proof = found.proof.value
            table[proof, judged] += 1
            if (proof, judged) in ((Proof.REFUTED, "passed"), (Proof.PROVEN, "rejected")):
                told = "" if failure is None else str(failure)[:200]
                print(
                    f"{problem.name}, line {mutant.line}, {mutant.kind}: {proof}, {judged} {told}"
                )
    for (proof, judged), number in sorted(table.items()):
        print(f"{proof}, {judged}: {number}", flush=True)


def _problems(folder: str) -> list[Problem]:
    """A folder's, or of each family of generated designs two."""
    if folder != "generated":
        return load_problems(folder)
    return [
        Problem.generated(finish(family(random.Random(f"{name}:{n}")), name, level, "top_module"))
        for name, (family, level) in FAMILIES.items()
        for n in range(2)
    ]


async def _stuck(bench: Toolchain, folder: str, most: int, part: str) -> None:
    index, parts = map(int, part.split("/"))
    counts: Counter[str] = Counter()
    for problem in _problems(folder)[index::parts]:
        try:
            golden = await bench.golden(problem, problem.goldens[0])
        except Fault as fault:
            counts["goldens unfit"] += 1
            print(f"{problem.name}: {' '.join(str(fault).split())[:250]}", flush=True)
            continue
        counts["goldens"] += 1
        counts["bits"] += sum(port.width for port in golden.interface.outputs)
        stuck = list(stuck_designs(golden))
        if len(stuck) > most:
            stuck = random.Random(problem.name).sample(stuck, most)
        for at in range(0, len(stuck), _AT_ONCE):
            some = stuck[at : at + _AT_ONCE]
            verdicts = await asyncio.gather(*(bench.judge(problem, one.source) for one in some))
            counts["variants"] += len(some)
            for one, verdict in zip(some, verdicts, strict=True):
                failure = verdict.first_failure
                counts[f"rejected by {failure.name}" if failure else "passed"] += 1
                if verdict.passed or (failure and failure.name != "simulation"):
                    print(f"{problem.name}: {one.port}[{one.bit}] stuck at {one.value}: {failure}")
    print(dict(counts))


async def _main(arguments: argparse.Namespace, references: Sequence[Path]) -> None:
    bench = Toolchain(Settings(arguments.sandbox, lengths=None, formal=False))
    async with Pool(open_backend(arguments.sandbox), limits=SANDBOX) as backend:
        try:
            if arguments.what == "own":
                await _own(backend, references)
            elif arguments.what == "references":
                await _references(bench, arguments.folder)
            elif arguments.what == "stuck":
                await _stuck(bench, arguments.folder, arguments.most, arguments.part)
            else:
                count, seconds, part = arguments.count, arguments.seconds, arguments.part
                await _mutants(bench, backend, arguments.folder, count, seconds, part)
        finally:
            await bench.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", help="VerilogEval's dataset_spec-to-rtl, or generated")
    parser.add_argument("what", choices=["own", "references", "mutants", "stuck"])
    parser.add_argument("--count", type=int, default=1000, help="mutants in all")
    parser.add_argument("--most", type=int, default=1 << 16, help="stuck variants of one golden")
    parser.add_argument("--seconds", type=int, default=3, help="of the solver, for each")
    parser.add_argument("--part", default="0/1", help="INDEX/PARTS: every PARTS-th problem alone")
    parser.add_argument("--sandbox", default="namespace")
    given = parser.parse_args()
    asyncio.run(_main(given, sorted(Path(given.folder).glob("*_ref.sv"))))
