"""Each comparison from both sides: 2,000 equal forms that it accepts, 2,000 near misses refused."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from envgym.sandboxes.graders.checkers import Checker, exact, lines, numbers, words
from envgym.sandboxes.graders.compare import Equality
from envgym.sandboxes.graders.harness.evalplus import evalplus_agrees
from envgym.sandboxes.graders.harness.plain_values import check, dump, encode, load

COUNT = 2000
TOLERANCE = 1e-6
Lines = list[list[str]]


# Outputs: an expected one as lines of words, and other ways to write it.


def word(rng: random.Random) -> str:
    return rng.choice(
        [
            lambda: str(rng.randint(-9, 99)),
            lambda: str(rng.randint(10**8, 10**20)),
            lambda: f"{rng.uniform(-1000, 1000):.{rng.randint(1, 9)}f}",
            lambda: f"{rng.uniform(1, 9):.3f}e{rng.randint(-3, 12)}",
            lambda: "".join(rng.choices("01", k=rng.randint(2, 40))),
            lambda: f"00{rng.randint(0, 999)}",
            lambda: rng.choice(["YES", "no", "abc", "nan", "inf", "0x1F", "1,5", "-"]),
        ]
    )()


def is_fraction(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return ("." in text or "e" in text) and not text.lstrip("-").startswith("00")


def output(rng: random.Random) -> Lines:
    return [[word(rng) for _ in range(rng.randint(1, 4))] for _ in range(rng.randint(1, 4))]


def written(rows: Lines) -> str:
    return "".join(" ".join(row) + "\n" for row in rows)


def same_fraction(rng: random.Random, text: str) -> str:
    value = float(text)
    form = rng.choice(["{:.15e}", "{!r}", "{:+.9e}"])
    return form.format(value * (1 + rng.uniform(-1, 1) * TOLERANCE / 2))


def other_fraction(rng: random.Random, text: str) -> str:
    value = float(text)
    off = (abs(value) + 1) * rng.choice([1e-5, 1e-3, 1]) * rng.choice([-1, 1])
    return repr(value + off)


def near_word(rng: random.Random, text: str) -> str:
    if is_fraction(text):
        return rng.choice([other_fraction(rng, text), "nan", "inf", f"{text}x", f"0{text}"])
    if text.lstrip("-").isdigit():
        off = str(int(text) + rng.choice([-1, 1])).zfill(len(text))
        digits = text.translate({ord("0") + n: 0x660 + n for n in range(10)})
        return rng.choice([off, f"{text}.0", f"0{text}", f"+{text}", digits, f"{text}e0"])
    return rng.choice([f"{text}_", text + text, f"{text},", text.swapcase() + "."])


def equal_outputs(rng: random.Random, rows: Lines, checker: str) -> str:
    """The output in another form that `checker` takes."""
    if checker == "exact":
        return written(rows)
    if checker.startswith("numbers"):
        rows = [[same_fraction(rng, w) if is_fraction(w) else w for w in row] for row in rows]
    if "words" in checker:
        flat = [w for row in rows for w in row]
        return "".join(w + rng.choice([" ", "\n", "  ", "\r\n", "\t"]) for w in flat)
    end = rng.choice(["\n", " \n", "\r\n", "\t\n"])
    text = "".join(" ".join(row) + end for row in rows)
    return rng.choice([text, text.rstrip(), text + "\n \n"])


def near_outputs(rng: random.Random, rows: Lines, checker: str) -> str:
    """A wrong output that looks like the right one."""
    rows = [list(row) for row in rows]
    line = rng.randrange(len(rows))
    place = rng.randrange(len(rows[line]))
    change = rng.choice(["word", "word", "word", "drop", "more", "nothing", "layout"])
    if change == "word":
        rows[line][place] = near_word(rng, rows[line][place])
    elif change == "drop":
        del rows[line][place]
    elif change == "more":
        rows[line].insert(place, "0")
    elif change == "nothing":
        return rng.choice(["", "\n", "0\n"]) if written(rows) != "0\n" else "1\n"
    elif "words" in checker:
        rows[line].insert(place, rng.choice(["-", "1.0"]))
    elif len(rows) > 1:
        rows[0] += rows.pop(1)
    else:
        rows.append(["0"])
    return written(rows)


CHECKERS: dict[str, Checker] = {
    "exact": exact,
    "lines": lines,
    "words": words,
    "numbers by words": numbers(TOLERANCE),
    "numbers by lines": numbers(TOLERANCE, "lines"),
}


@pytest.mark.parametrize("name", CHECKERS)
def test_outputs(name: str) -> None:
    rng, accepts = random.Random(0), CHECKERS[name]
    for _ in range(COUNT):
        rows = output(rng)
        text = written(rows)
        equal, near = equal_outputs(rng, rows, name), near_outputs(rng, rows, name)
        assert accepts("", text, equal), (text, equal)
        assert not accepts("", text, near), (text, near)
        assert accepts("", text, text)


# Values: what a function gives.


def atom(rng: random.Random) -> Any:
    return rng.choice(
        [
            lambda: rng.randint(-9, 9),
            lambda: rng.randint(-(10**18), 10**18),
            lambda: rng.uniform(-1000, 1000),
            lambda: float(rng.randint(-5, 5)),
            lambda: rng.choice([True, False, None]),
            lambda: "".join(rng.choices("ab01", k=rng.randint(1, 5))),
        ]
    )()


def value(rng: random.Random, depth: int = 2, sets: bool = False) -> Any:
    kind = rng.choice(["atom", "list", "dict", "set", "tuple"]) if depth else "atom"
    size = rng.randint(1, 3)
    if kind == "list" or (kind in ("set", "tuple") and not sets):
        return [value(rng, depth - 1, sets) for _ in range(size)]
    if kind == "dict":
        return {str(rng.randint(0, 99)): value(rng, depth - 1, sets) for _ in range(size)}
    if kind == "set":
        return {rng.randint(0, 99) for _ in range(size)}
    if kind == "tuple":
        return tuple(value(rng, depth - 1, sets) for _ in range(size))
    return atom(rng)


def near_value(rng: random.Random, want: Any) -> Any:
    """A value that differs in one place."""
    if isinstance(want, list | tuple) and rng.random() < 0.8:
        items = list(want)
        place = rng.randrange(len(items))
        items[place] = near_value(rng, items[place])
        return type(want)(items)
    if isinstance(want, dict) and rng.random() < 0.8:
        key = rng.choice(list(want))
        return {**want, key: near_value(rng, want[key])}
    return rng.choice(list(_others(want)))


def _others(want: Any) -> Iterator[Any]:
    if want is None:
        yield from (0, "", "None", [], False)
    elif isinstance(want, bool):
        yield from (not want, str(want), None)
    elif isinstance(want, int):
        yield from (want + 1, want - 1, float(want) + max(1.0, abs(want) * 1e-9), str(want), None)
        yield want + 0.4 if abs(want) < 10**6 else -want
    elif isinstance(want, float):
        yield from (want + 1e-4 * (abs(want) + 1), float("nan"), float("inf"), str(want), None)
    elif isinstance(want, str):
        yield from (want + " ", want.upper() + "A", [want], want.encode(), want[:-1])
    elif isinstance(want, set):
        yield from (want | {100}, want - {next(iter(want))}, list(want), frozenset(want))
    elif isinstance(want, dict):
        yield from (want | {"x": 1}, list(want.items()), dict(list(want.items())[1:]), {})
    else:
        yield from (type(want)([*want, 0]), type(want)(want[1:]), type(want)([want]), None)
        yield from ([type(want)([*want[1:], "first"])] if want else [])


def strictly_equal(rng: random.Random, want: Any) -> Any:
    """The same value made anew."""
    if isinstance(want, dict):
        items = [(key, strictly_equal(rng, item)) for key, item in want.items()]
        return dict(rng.sample(items, len(items)))
    if isinstance(want, set):
        return set(rng.sample(sorted(want), len(want)))
    if isinstance(want, list | tuple):
        return type(want)(strictly_equal(rng, item) for item in want)
    return want


def loosely_equal(rng: random.Random, want: Any) -> Any:
    """What a Python function may give where a row out of JSON says this."""
    if isinstance(want, dict):
        whole = rng.random() < 0.5
        return {(int(k) if whole else k): loosely_equal(rng, item) for k, item in want.items()}
    if isinstance(want, list):
        return rng.choice([list, tuple])(loosely_equal(rng, item) for item in want)
    if isinstance(want, float):
        near = want * (1 + rng.uniform(-1, 1) * TOLERANCE / 2)
        return rng.choice([near, int(want)]) if want.is_integer() else near
    if isinstance(want, int) and not isinstance(want, bool) and abs(want) < 1 << 53:
        return rng.choice([want, float(want)])
    return want


def nearly_the_same(rng: random.Random, want: Any) -> Any:
    """What EvalPlus takes for the value: its types, and floats within its tolerance."""
    if isinstance(want, dict):
        return {key: nearly_the_same(rng, item) for key, item in want.items()}
    if isinstance(want, list | tuple):
        return type(want)(nearly_the_same(rng, item) for item in want)
    return want + rng.uniform(-1, 1) * TOLERANCE if isinstance(want, float) else want


def by(equality: Equality) -> Callable[[Any, Any], bool]:
    def accepts(want: Any, got: Any) -> bool:
        wire = load(dump(encode(got)))
        check(wire)
        return equality(encode(want), wire)

    return accepts


LOOSE = Equality(TOLERANCE, tuples_are_lists=True, keys_are_texts=True)
JUDGES: dict[str, tuple[Callable[[Any, Any], bool], Callable[[random.Random, Any], Any], bool]] = {
    "types and values": (by(Equality()), strictly_equal, True),
    "rows out of JSON": (by(LOOSE), loosely_equal, False),
    "EvalPlus": (
        lambda want, got: evalplus_agrees("Mbpp/1", "f", (), got, want, 0.0),
        nearly_the_same,
        True,
    ),
}


@pytest.mark.parametrize("name", JUDGES)
def test_values(name: str) -> None:
    rng = random.Random(0)
    accepts, equal_form, has_sets = JUDGES[name]
    for _ in range(COUNT):
        want = value(rng, sets=has_sets)
        if not has_sets:
            want = json.loads(json.dumps(want))
        equal, near = equal_form(rng, want), near_value(rng, want)
        assert accepts(want, equal), (want, equal)
        assert (name == "EvalPlus" and near == want) or not accepts(want, near), (want, near)
        assert accepts(want, want)
