"""The environment: what its tools answer, what it rewards, what its hints say, what it refuses."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import envgym
from envgym import Action, StepResult, Task
from envgym.environments.verilog.problem import Problem
from envgym.environments.verilog.testbench_rules import check_bench
from envgym.environments.verilog.write_design import VerilogDesign
from envgym.errors import Fault, UsageError
from envgym.sandboxes.graders import verilog as judging
from envgym.utils.bounded_text import bounded_middle
from tests.environments.played import attempted
from tests.sandboxes.graders.verilog.designs import ATTACKS, COUNTER, COUNTER_SOURCE, OTHERS

QUICK: dict[str, Any] = {"sequences": 6, "steps": 60}
pytestmark = pytest.mark.usefixtures("boxes")
COUNTER_TASK = Problem(
    "counter", "Count.", (COUNTER_SOURCE,), "counter", COUNTER, plan="One register."
).task("train")
BENCH = """
module tb;
  reg clk = 0, rst_n = 0, enable = 1, load = 0; reg [3:0] value = 0;
  wire [3:0] count; wire full;
  counter c(.clk(clk), .rst_n(rst_n), .enable(enable), .load(load), .value(value),
            .count(count), .full(full));
  always #5 clk = ~clk;
  initial begin #12 rst_n = 1; #30 $display("count is %0d", count); $finish; end
endmodule
"""


@pytest.fixture
async def env() -> AsyncIterator[VerilogDesign]:
    made = envgym.make("verilog/design-v1", **QUICK)
    assert isinstance(made, VerilogDesign)
    async with made:
        await made.reset(seed=0, options={"task": COUNTER_TASK})
        yield made


async def say(env: VerilogDesign, name: str, **arguments: Any) -> StepResult:
    return await env.step(Action.call(name, **arguments))


async def test_the_specification_states_the_ports() -> None:
    async with envgym.make("verilog/design-v1", **QUICK) as env:
        first, _ = await env.reset(seed=0, options={"task": COUNTER_TASK})
    assert "Write the module counter.\n\nCount." in first.text
    assert "- input [3:0] value\n" in first.text
    assert "- output full" in first.text


async def test_a_right_design_ends_the_episode(env: VerilogDesign) -> None:
    step = await say(env, "submit", design=COUNTER_SOURCE)
    assert (step.reward, step.terminated, step.info["score"]) == (1.0, True, 1.0)


async def test_wrong_ones_are_told_why_until_none_is_left(env: VerilogDesign) -> None:
    step = await say(env, "submit", design=OTHERS["counts down"])
    text = step.observation.text
    assert re.search(r"count is [01]{4}, should be [01]{4}", text)
    assert "rising edge of clk" in text
    assert "enable=1'h1" in text
    assert "Attempts left: 2" in text
    assert not step.done
    step = await say(env, "submit", design=OTHERS["does not parse"])
    assert "synthesis: runtime error\ndesign.sv:" in step.observation.text
    step = await say(env, "submit", design=OTHERS["port missing"])
    assert "load: absent, should be input of 1 bits" in step.observation.text
    assert step.terminated
    assert (step.reward, step.info["score"]) == (0.0, 0.0)
    assert step.info["metrics"]["attempts"] == 3


async def test_the_share_of_stages_may_be_rewarded() -> None:
    kwargs = {**QUICK, "attempts": 1, "reward": "fraction"}
    async with envgym.make("verilog/design-v1", **kwargs) as env:
        await env.reset(seed=0, options={"task": COUNTER_TASK})
        step = await env.step(Action.call("submit", design=OTHERS["counts down"]))
    assert (step.reward, step.info["score"]) == (pytest.approx(3 / 5), 0.0)


async def test_tools_answer_with_what_the_programs_say(env: VerilogDesign) -> None:
    assert "no design was given" in (await say(env, "lint")).observation.text
    fine = await say(env, "lint", design=COUNTER_SOURCE)
    assert fine.observation.text == "No errors and no warnings."
    ran = await say(env, "simulate", testbench=BENCH)  # the design given last
    assert ran.observation.text == "count is 3"
    cells = (await say(env, "synthesise")).observation.text
    assert "Number of cells:" in cells
    assert "$_DFF" in cells
    assert "No warnings." in cells
    wrong = await say(env, "lint", design=COUNTER_SOURCE.replace("count + 1", "counts + 1"))
    assert "design.sv:8" in wrong.observation.text
    assert "counts" in wrong.observation.text
    ruled = await say(env, "simulate", testbench=BENCH, design=ATTACKS["74 finish"])
    assert ruled.observation.text.startswith("Not run, rules are broken:\nline 10: $finish")
    lone = await say(env, "simulate", testbench="module tb; endmodule", design=COUNTER_SOURCE)
    assert lone.observation.text == "The test bench printed nothing."
    loop = await say(env, "synthesise", design=ATTACKS["86 combinational loop"])
    assert "Warning: Wire counter" in loop.observation.text
    long = await say(env, "lint", design=ATTACKS["million lines"])
    assert "longer than" in long.observation.text
    assert len(long.observation.text) < 200


@pytest.mark.parametrize("task", [COUNTER_TASK, None])
async def test_near_misses_are_whole_attempts_that_fail(task: Task | None) -> None:
    options = {"options": {"task": task}} if task else {}
    async with envgym.make("verilog/design-v1", attempts=1, levels=[2], **QUICK) as env:
        await env.reset(seed=5, **options)
        attempts = list(env.near_misses())
        assert len(attempts) == (3 if task else 5)
        assert attempts == list(env.near_misses())
        for attempt in attempts:
            await env.reset(seed=5, **options)
            for action in attempt:
                step = await env.step(action)
            assert step.done
            assert step.info["score"] == 0.0
            assert "simulation: wrong answer" in step.observation.text


_SET_RESET = """module ff(input clk, input s, input r, input d, output reg q);
  always @(posedge clk or posedge r or posedge s) if (r) q <= 0; else if (s) q <= 1; else q <= d;
endmodule"""
_SLOW = """module ff(input clk, input r, output q); reg [30:0] c; assign q = c[30];
  always @(posedge clk) if (r) c <= 0; else c <= c + 1;
endmodule"""


@pytest.mark.parametrize(
    ("golden", "words"),
    [(_SET_RESET, "its own source would not pass"), (_SLOW, r"q\[0\] is never 1")],
)
async def test_goldens_that_judge_nothing_are_told_at_the_first_reset(
    golden: str, words: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(
        "envgym.sandboxes.graders.verilog.stimulus.held_inputs._ROUNDS", ((1 << 10, 4),)
    )
    async with envgym.make("verilog/design-v1", **QUICK) as env:
        with pytest.raises(Fault, match=words) as caught:
            await env.reset(options={"task": Problem("ff", "s", (golden,)).task("train")})
        assert caught.value.kind == "env"
        await env.reset(seed=0, options={"task": COUNTER_TASK})  # others stay usable


async def test_floods_and_loops_are_cut(env: VerilogDesign, monkeypatch: Any) -> None:
    from envgym.environments.verilog import toolchain

    short = toolchain.RUN.model_copy(update={"wall_s": 1.0, "cpu_s": 1.0})
    monkeypatch.setattr(toolchain, "RUN", short)
    for body, words in (
        ("initial forever begin end", "time limit exceeded"),
        ('initial forever $display("flood");', "output limit exceeded"),
    ):
        bench = f"module tb; {body}\nendmodule"
        step = await say(env, "simulate", testbench=bench, design=COUNTER_SOURCE)
        assert words in step.observation.text
        assert len(step.observation.text) < 5000


@pytest.mark.parametrize(
    "text",
    [
        '$fopen("/etc/passwd", "r")',
        '$readmemh("/etc/passwd", m)',
        '$system("id")',
        "$fgets(s, f)",
        '$value$plusargs("x=%s", s)',
        '\n`include "/etc/passwd"\n',
        "`define J(a, b) a``b",
    ],
)
async def test_a_bench_reaches_no_file(env: VerilogDesign, text: str) -> None:
    bench = f"module tb; initial {text};\nendmodule"
    step = await say(env, "simulate", testbench=bench, design=COUNTER_SOURCE)
    assert step.observation.text.startswith("Not run, rules are broken:")


def test_what_benches_need_is_allowed() -> None:
    words = "$display $write $monitor $strobe $time $random $urandom_range $finish $stop $fatal"
    more = '$dumpfile("x.vcd"); $dumpvars;\n`timescale 1ns/1ns'
    assert check_bench(f"{words} {more}").problems == []
    assert check_bench("x" * (1 << 19)).problems


async def test_whatever_is_submitted_is_judged_in_words(monkeypatch: Any) -> None:
    """No hang, no fault, no crash: a typed verdict, bounded."""
    from envgym.environments.verilog import toolchain

    short = toolchain.SANDBOX.model_copy(update={"wall_s": 20.0, "cpu_s": 1.0})
    monkeypatch.setattr(toolchain, "SANDBOX", short)
    rings = "reg p = 0, q = 0; always @(p or clk) q = ~p; always @(q) p = q;\nendmodule"
    bad = {
        "a loop in no time": (COUNTER_SOURCE.replace("endmodule", rings), "time limit exceeded"),
        "flood": (ATTACKS["73 printed rows"], "is not for circuits"),
        "half a character": (COUNTER_SOURCE.replace("&count", "\ud800"), "'\\ud800'"),
        "million lines": (ATTACKS["million lines"], "longer than"),
    }
    async with envgym.make("verilog/design-v1", attempts=9, **QUICK) as env:
        await env.reset(seed=0, options={"task": COUNTER_TASK})
        for source, words in bad.values():
            step = await say(env, "submit", design=source)
            assert words in step.observation.text
            assert len(step.observation.text) < 5000
            assert not step.done
        step = await say(env, "submit", design=f"{COUNTER_SOURCE}// \ud800")
        assert step.info["score"] == 1.0


@pytest.mark.parametrize("name", [n for n in ATTACKS if n[:2] in ("73", "75", "77", "78", "88")])
async def test_attacks_score_nothing_here(env: VerilogDesign, name: str) -> None:
    step = await say(env, "submit", design=ATTACKS[name])
    assert step.info["score"] == 0.0
    assert "Not accepted" in step.observation.text


async def test_the_golden_design_is_simulated_once(boxes: str, monkeypatch: Any) -> None:
    from envgym.environments.verilog import toolchain

    calls = 0

    async def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        return await judging.record_golden(*args, **kwargs)

    monkeypatch.setattr(toolchain, "record_golden", counted)
    envs = [envgym.make("verilog/design-v1", sandbox=boxes, **QUICK) for _ in range(4)]
    start = {"seed": 0, "options": {"task": COUNTER_TASK}}
    await asyncio.gather(*(env.reset(**start) for env in envs))
    action = Action.call("submit", design=OTHERS["counts down"])
    steps = await asyncio.gather(*(env.step(action) for env in envs))
    assert len({step.observation.text for step in steps}) == 1
    assert calls == 1
    for env in envs:
        await env.close()


async def test_hints_grow_and_never_tell_all(env: VerilogDesign) -> None:
    before = env.hints()
    assert "One register." in before[0]
    assert "rst_n is 0, at once" in before[0]
    wrong = Action.call("submit", design=OTHERS["counts down"])
    attempt = await attempted(env, COUNTER_TASK, wrong)
    after = env.hints(attempt)
    assert (after[0], *after[2:]) == before
    assert re.search("count is [01]{4}, should be [01]{4}", after[1])
    assert "enable=" not in after[1]
    body = [line for line in COUNTER_SOURCE.splitlines()[3:] if line.strip()]
    assert body[0] in after[-1]
    assert "\n".join(body[:-1]) not in after[-1]
    await env.reset(seed=1)
    assert not any("outputs are wrong" in hint for hint in env.hints())


async def test_a_refuted_design_is_wrong_where_proofs_are_asked_for(monkeypatch: Any) -> None:
    from envgym.environments.verilog import toolchain

    async def as_it_is(backend: Any, tools: Any, golden: Any, *args: Any, **kwargs: Any) -> Any:
        return golden

    monkeypatch.setattr(toolchain, "cover", as_it_is)  # else simulation would see it
    rare = COUNTER_SOURCE.replace("&count", "&count & ~(load & enable & value == 9)")
    kwargs = {**QUICK, "sequences": 1, "steps": 10, "formal": True}
    async with envgym.make("verilog/design-v1", **kwargs) as env:
        await env.reset(seed=0, options={"task": COUNTER_TASK})
        step = await env.step(Action.call("submit", design=rare))
        assert "equivalence refuted: wrong answer" in step.observation.text
        step = await env.step(Action.call("submit", design=COUNTER_SOURCE))
        assert step.info["score"] == 1.0
        assert step.info["metrics"]["proven"] == 1.0


_TWO = """module two(input a, input b, input d, output reg q, output reg p);
  always @(posedge a) q <= d;
  always @(posedge b) p <= q;
endmodule"""


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Problem("two", "s", (_TWO,)), r"two cannot be judged: a design of 2 clocks \(a, b\)"),
        (Problem("p", "s", (COUNTER_SOURCE,), ports={"clk": 2}), "p: its row states the ports"),
        (Problem("p", "s", ("module m(",)), "p cannot be judged: the golden design"),
        (
            Problem(
                "p", "s", (COUNTER_SOURCE,), "counter", replace(COUNTER, inputs=COUNTER.inputs[:-1])
            ),
            "p cannot be judged: it states the inputs",
        ),
    ],
)
async def test_a_task_that_cannot_be_judged_is_a_fault_and_no_zero(
    problem: Problem, words: str
) -> None:
    async with envgym.make("verilog/design-v1", **QUICK) as env:
        with pytest.raises(Fault, match=words) as caught:
            await env.reset(seed=0, options={"task": problem.task("train")})
    assert caught.value.kind == "env"


async def test_a_broken_sandbox_is_a_fault_and_no_zero(
    env: VerilogDesign, monkeypatch: Any
) -> None:
    from envgym.sandboxes.pool.pool import Pool

    async def broken(*args: Any, **kwargs: Any) -> Any:
        raise Fault("the sandbox is gone")

    monkeypatch.setattr(Pool, "open", broken)
    monkeypatch.setattr(Pool, "repl", broken)
    for action in (
        Action.call("lint", design=COUNTER_SOURCE),
        Action.call("submit", design=COUNTER_SOURCE),
    ):
        with pytest.raises(Fault, match="the sandbox is gone"):
            await env.step(action)
        await env.reset(seed=0, options={"task": COUNTER_TASK})


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"reward": "all"}, "reward must be"),
        ({"attempts": 0}, "attempts must be at least 1"),
        ({"steps": 60}, "sequences and steps belong together"),
        ({"sequences": 6, "steps": 3}, "steps at least 8"),
        ({"sequences": 0, "steps": 60}, "sequences must be at least 1"),
        ({"sandbox": "dokcer"}, "no sandbox backend 'dokcer'"),
        ({"families": ["fifi"]}, "Did you mean 'fifo'"),
        ({"data": "/nowhere"}, "no file or folder"),
    ],
)
def test_wrong_arguments_are_told_at_once(kwargs: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        envgym.make("verilog/design-v1", **kwargs)


async def test_rows_of_a_file_are_tasks_and_any_golden_will_do(tmp_path: Path) -> None:
    either = ["assign y = a & b;", "assign y = a | b;"]
    goldens = [f"module m(input a, b, output y); {body} endmodule" for body in either]
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join(
            json.dumps({"question": f"Do {n}.", "goldens": goldens, "name": f"p{n}"}) + "\n"
            for n in range(20)
        )
    )
    async with envgym.make("verilog/design-v1", data=str(path), **QUICK) as env:
        train, test = (
            {task.data["name"] for task in env.tasks(split)} for split in ("train", "test")
        )
        assert train
        assert test
        assert not train & test
        assert len(env.tasks("all")) == 20 == len(train) + len(test)
        with pytest.raises(UsageError, match="no split"):
            env.tasks("validation")
        for golden in goldens:
            await env.reset(seed=0)
            assert (await env.step(Action.call("submit", design=golden))).info["score"] == 1.0
        await env.reset(seed=0)
        wrong = goldens[0].replace("a & b", "a ^ b")
        assert not (await env.step(Action.call("submit", design=wrong))).done


async def test_verilog_eval_is_played(verilog_eval: Path) -> None:
    kwargs = {**QUICK, "data": str(verilog_eval)}
    async with envgym.make("verilog/design-v1", **kwargs) as env:
        tasks: list[Task] = [t for t in env.tasks("all") if t.data["name"][4:7] in ("001", "155")]
        assert len(tasks) == 2
        for task in tasks:
            await env.reset(seed=0, options={"task": task})
            async for action in env.oracle():
                step = await env.step(action)
            assert step.info["score"] == 1.0, task.data["name"]


def test_long_texts_keep_their_ends() -> None:
    assert bounded_middle("short", 10) == "short"
    text = bounded_middle("a" * 50 + "z" * 50, 30)
    assert text.startswith("a" * 20)
    assert text.endswith("z" * 10)
    assert "70 characters" in text
