"""The designs of `bench verilog`, and how grading them is timed: no library in it."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

AT_ONCE = 16
EACH = 3  # every third problem: a round takes a minute
# Icarus 11 does not compile these test benches: they want 12.
_NEWER = ("Prob099_m2014_q6c", "Prob151_review2015_fsm", "Prob156_review2015_fancytimer")
_HEAD = re.compile(r"\bmodule\s+RefModule\s*\((.*?)\)\s*;", re.DOTALL)
_OUTPUT = re.compile(r"\boutput\b(?:\s+(?:reg|logic|wire))?(\s*\[[^]]*\])?\s*(\w+)")


class Item(NamedTuple):
    """A problem's files begin with `place`; a design for it, and whether that is right."""

    place: Path
    design: str
    right: bool


def items() -> list[Item]:
    """For each problem its reference, and the same with all outputs inverted."""
    places = [place for place in _places()[::EACH] if place.name not in _NEWER]
    return [item for place in places for item in (_right(place), _wrong(place))]


def _places() -> list[Path]:
    prompts = sorted(Path(os.environ["BENCH_DATA"]).glob("*_prompt.txt"))
    return [prompt.with_name(prompt.name.removesuffix("_prompt.txt")) for prompt in prompts]


def _reference(place: Path) -> str:
    return place.with_name(f"{place.name}_ref.sv").read_text()


def _right(place: Path) -> Item:
    return Item(place, re.sub(r"\bRefModule\b", "TopModule", _reference(place)), True)


def _wrong(place: Path) -> Item:
    return Item(place, inverted(_reference(place)), False)


def inverted(reference: str) -> str:
    """A module with the reference inside, whose every output is the inverse of the reference's."""
    head = _HEAD.search(reference)
    outputs = _OUTPUT.findall(head[1]) if head else []
    if head is None or not outputs:
        raise SystemExit(f"no ports to read in: {reference[:200]}")
    ports = re.sub(r"\boutput\s+(?:reg|logic|wire)\b", "output", head[1])
    wires = [f"  wire{width} inner_{name};" for width, name in outputs]
    joined = [f"    .{name}(inner_{name})" for _, name in outputs]
    joined += [f"    .{name}({name})" for name in _inputs(ports)]
    drives = [f"  assign {name} = ~inner_{name};" for _, name in outputs]
    body = [*wires, "  Inner inner (", ",\n".join(joined), "  );", *drives]
    inner = re.sub(r"\bRefModule\b", "Inner", reference)
    return "\n".join([inner, f"module TopModule ({ports});", *body, "endmodule", ""])


def _inputs(ports: str) -> Iterator[str]:
    way = ""
    for port in re.sub(r"//[^\n]*", "", ports).split(","):
        way = next(iter(re.findall(r"\b(input|output)\b", port)), way)
        if way == "input":
            yield re.findall(r"\w+", port)[-1]


def check(item: Item, passed: bool) -> None:
    """End the bench where a verdict is not the known one."""
    if passed is not item.right:
        raise SystemExit(f"{item.place.name}: found {passed}, is {item.right}")


def timed(grade: Callable[[Sequence[Item]], None]) -> None:
    """Grade the right designs, each problem's first; then all of them; print ms a design.

    A design of a problem that no other is of comes before: processes start their sandbox once.
    """
    grade([_right(_places()[1])])
    every = items()
    right = [item for item in every if item.right]
    figures = {}
    for name, some in ("cold", right), ("cached_right", right), ("cached", every):
        began = time.perf_counter()
        grade(some)
        took = time.perf_counter() - began
        figures[f"{name}_ms"] = 1000 * took / len(some)
        print(f"{name}: {len(some)} designs", file=sys.stderr)
    print(json.dumps(figures))
