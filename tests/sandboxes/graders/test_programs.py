from __future__ import annotations

import sys

import pytest

from envgym.sandboxes import Backend, Limits
from envgym.sandboxes.graders.programs import IoCase, Program, grade_program
from envgym.sandboxes.graders.verdict import Status

DOUBLE = "print(int(input()) * 2)\n"
CASES = [IoCase("2\n", "4\n"), IoCase("21\n", "42\n")]
QUICK = Limits(wall_s=3.0, cpu_s=1.0, output_bytes=1 << 16)


async def test_a_right_program_passes(backend: Backend) -> None:
    verdict = await grade_program(backend, DOUBLE, CASES)
    assert verdict.passed, verdict
    assert not (await grade_program(backend, DOUBLE, [])).passed


ATTACKS = {
    "49 os._exit(0)": "import os\nos._exit(0)\n",
    "50 exec of /bin/true": "import os\nos.execv('/bin/true', ['true'])\n",
    "51 right answer, wrong end": DOUBLE + "raise SystemExit(1)\n",
    "52 results written": "open('junit.xml', 'w').write('<testsuite/>')\nprint('2 passed')\n",
    "64 expected output from files": "import glob\nfor f in glob.glob('/box/*') + glob.glob('*'):\n"
    "    print(open(f).read())\n",
    "65 syntax error": "print(\n",
    "67 printed verdict": "print('{\"passed\": true}')\nprint('AC')\n",
    "68 every descriptor": "import os\nfor fd in range(64):\n    try: os.write(fd, b'PASS\\n')\n"
    "    except OSError: pass\n",
    "everything it may be": "for n in range(100): print(n)\n",
    "nothing": "",
    "endless": "while True: pass\n",
    "flood": "while True: print('4' * 10000)\n",
    "NUL in the source": "print(4)\n\0",
    "lone surrogates": "print('\udc80')\n",
    "binary": "import sys\nsys.stdout.buffer.write(bytes(range(256)))\n",
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_attacks_do_not_pass(backend: Backend, name: str) -> None:
    verdict = await grade_program(backend, ATTACKS[name], CASES, limits=QUICK, stop_early=True)
    assert not verdict.passed
    assert len(verdict.cases) == 2


async def test_each_test_has_its_status_and_its_own_limits(backend: Backend) -> None:
    source = """
import sys, time
kind = input()
if kind == "raise": raise ValueError("no")
if kind == "sleep": time.sleep(60)
if kind == "flood": print("x" * (1 << 20))
print(kind)
"""
    kinds = ["right", "wrong", "raise", "sleep", "flood", "right"]
    cases = [IoCase(kind, "right") for kind in kinds]
    verdict = await grade_program(backend, source, cases, limits=QUICK)
    assert [case.status for case in verdict.cases] == [
        Status.PASS,
        Status.WRONG,
        Status.RE,
        Status.TLE,
        Status.OLE,
        Status.PASS,
    ]
    assert "ValueError: no" in verdict.cases[2].detail


async def test_a_checker_of_the_task(backend: Backend) -> None:
    def factors(stdin: str, expected: str, output: str) -> bool:
        found = output.split()
        return len(found) == 2 and int(found[0]) * int(found[1]) == int(stdin)

    source = "print(3, int(input()) // 3)\n"
    assert (await grade_program(backend, source, [IoCase("21", "7 3")], check=factors)).passed
    assert not (await grade_program(backend, source, [IoCase("22", "2 11")], check=factors)).passed


async def test_feedback_hides_what_is_hidden(backend: Backend) -> None:
    cases = [IoCase("1", "2"), IoCase("77", "154", hidden=True)]
    half_right = "n = int(input())\nassert n == 1, n\nprint(2)\n"
    text = (await grade_program(backend, half_right, cases)).feedback()
    assert text == "1 of 2 tests passed.\nhidden test 2: runtime error"
    text = (await grade_program(backend, "print(9)", cases)).feedback()
    assert "expected output:\n2" in text
    assert "154" not in text


async def test_programs_of_files_are_built_once(backend: Backend) -> None:
    build = (
        "import pathlib; p = pathlib.Path('count'); p.write_text((p.read_text() if "
        "p.exists() else '') + 'x')"
    )
    program = Program(
        files={"lib/double.py": b"def double(n): return 2 * n\n"},
        build=[sys.executable, "-c", build],
        run=[
            sys.executable,
            "-c",
            "import sys; sys.path.insert(0, 'lib'); from double import double\n"
            "assert open('count').read() == 'x'\nn = int(input())\n"
            "while n == 0: pass\nprint(double(n))",
        ],
    )
    cases = [CASES[0], IoCase("0", "0"), CASES[1]]
    slow = QUICK.model_copy(update={"wall_s": 10.0})  # interpreters start
    verdict = await grade_program(backend, program, cases, limits=slow)
    assert [case.status for case in verdict.cases] == [Status.PASS, Status.TLE, Status.PASS]
    flood = Program(build=["/bin/sh", "-c", "head -c 3000000 /dev/zero > a; cp a b"], run=["true"])
    small = QUICK.model_copy(update={"disk_bytes": 4 << 20, "wall_s": 5.0})
    verdict = await grade_program(backend, flood, CASES, limits=small)
    assert not verdict.passed
    broken = Program(build=["/bin/sh", "-c", "echo no such type >&2; exit 1"], run=["true"])
    verdict = await grade_program(backend, broken, CASES)
    assert not verdict.passed
    assert "no such type" in verdict.feedback()


async def test_what_comes_after_the_time_for_all_tests_is_not_run(backend: Backend) -> None:
    slow = "import time\ntime.sleep(0.6)\n" + DOUBLE
    verdict = await grade_program(backend, slow, CASES * 3, budget_s=0.5)
    assert verdict.cases[0].status is Status.TLE  # the last of the time was its limit
    assert {case.detail for case in verdict.cases[1:]} == {
        "the time for all tests together is spent"
    }
    assert (await grade_program(backend, DOUBLE, CASES * 3, budget_s=60.0)).passed


async def test_numbers_of_any_length_unless_bounded(backend: Backend) -> None:
    cases = [IoCase("20000", "1" + "0" * 20000), IoCase("9" * 6000, str(int("9" * 300)))]
    source = "n = int(input())\nprint(10**n if n < 10**6 else '9' * 300)\n"
    verdict = await grade_program(backend, source, cases)
    assert verdict.passed, verdict
    few = Limits(int_digits=4300)
    verdict = await grade_program(backend, source, cases, limits=few)
    assert [case.status for case in verdict.cases] == [Status.RE, Status.RE]
    assert "4300" in verdict.cases[0].detail


async def test_outputs_that_a_test_expects_always_fit(backend: Backend) -> None:
    line = "7" * 99 + "\n"
    cases = [IoCase("3000", line * 3000), IoCase("1", line)]
    source = "n = int(input())\nprint(('7' * 99 + '\\n') * n)\n"
    assert (await grade_program(backend, source, cases, limits=QUICK)).passed
    more = source.replace("* n", "* 9000")
    verdict = await grade_program(backend, more, cases, limits=QUICK)
    assert [case.status for case in verdict.cases] == [Status.OLE, Status.OLE]
