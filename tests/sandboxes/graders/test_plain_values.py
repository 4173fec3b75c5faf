from __future__ import annotations

import ast
import json
import math
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.sandboxes.graders.compare import Equality, show
from envgym.sandboxes.graders.harness.plain_values import (
    DEPTH,
    WIRE_BYTES,
    NotPlain,
    check,
    decode,
    dump,
    encode,
    load,
)
from envgym.sandboxes.graders.nonce_protocol import compiled, shipped

ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters()),  # lone surrogates too
    st.binary(),
    st.complex_numbers(),
)
HASHABLE = st.recursive(
    ATOMS, lambda some: st.tuples(some, some) | st.frozensets(some, max_size=3), max_leaves=5
)
VALUES = st.recursive(
    HASHABLE,
    lambda some: (
        st.lists(some, max_size=4)
        | st.tuples(some)
        | st.dictionaries(HASHABLE, some, max_size=4)
        | st.sets(HASHABLE, max_size=4)
    ),
    max_leaves=12,
)


def alike(a: Any, b: Any) -> bool:
    """Equal, with equal types all the way down."""
    return repr(a) == repr(b) or (type(a) is type(b) and Equality()(encode(a), encode(b)))


@given(VALUES)
def test_values_come_back_as_they_were(value: Any) -> None:
    wire = load(dump(encode(value)))
    check(wire)
    assert alike(decode(wire), value)
    assert Equality()(encode(value), wire)


@given(VALUES, VALUES)
def test_equality_is_python_equality_with_types(a: Any, b: Any) -> None:
    if Equality()(encode(a), encode(b)):
        assert type(a) is type(b)
        assert a == b or "nan" in repr(a)


@pytest.mark.parametrize(
    ("want", "got"),
    [
        (1, True),
        (0, False),
        (1, 1.0),
        ((1, 2), [1, 2]),
        ({1}, frozenset({1})),
        ({1}, [1]),
        ("a", b"a"),
        ({1: 2}, [[1, 2]]),
        ({1: 2}, {True: 2}),
        ([1], [1, 1]),
        (2**70, float(2**70)),
        (None, 0),
        ("1", 1),
        (float("nan"), None),
        ({"t": [1]}, (1,)),
    ],
)
def test_types_are_never_confused(want: Any, got: Any) -> None:
    assert Equality()(encode(want), encode(want))
    assert not Equality()(encode(want), encode(got))
    assert not Equality()(encode(got), encode(want))


@pytest.mark.parametrize(
    ("want", "got", "equal"),
    [
        ([0.1 + 0.2, (2.0,)], [0.3, (2.0000001,)], True),
        (0.3, 0.31, False),
        (2.0, 2, True),
        (2, 2.0, True),
        (2, 2.0000001, False),
        (1_000_000_007, 1_000_000_008, False),
        (1_000_000_007, 1_000_000_008.0, False),
        (10**18, 1e18, True),
        (10**18 + 1, 1e18, False),
        (1, True, False),
        (1.0, True, False),
        (10**400, 1.0, False),
        (1.0, 10**400, False),
        (math.inf, 1e308, False),
        (math.inf, -math.inf, False),
        (math.nan, math.nan, True),
        (math.nan, 0.0, False),
        (-0.0, 0.0, True),
        ("1.0", "1.0000001", False),
        ({1.0}, {1.0000001}, False),
        ({"a": 1.0}, {"a": 1.0000001}, True),
    ],
)
def test_tolerance_is_for_expected_floats(want: Any, got: Any, equal: bool) -> None:
    assert Equality(tolerance=1e-6)(encode(want), encode(got)) is equal


def test_rows_out_of_json_may_leave_tuples_as_lists() -> None:
    loose = Equality(tuples_are_lists=True)
    assert loose(encode([[1, 2]]), encode([(1, 2)]))
    assert not loose(encode([[1, 2]]), encode([{1, 2}]))


@pytest.mark.parametrize("keys", [[1, 2], [True, None], [0.5, 2**70], ["a", 3], [False, "None"]])
def test_rows_out_of_json_have_texts_for_keys(keys: list[Any]) -> None:
    loose, strict = Equality(keys_are_texts=True), Equality()
    given = {key: [index] for index, key in enumerate(keys)}
    row = json.loads(json.dumps(given))
    assert loose(encode(row), encode(given))
    assert loose(encode(row), encode(row))
    assert not strict(encode(row), encode(given))
    wrong = {key: [index + 1] for index, key in enumerate(keys)}
    assert not loose(encode(row), encode(wrong))
    assert not loose(encode(given), encode(row))


def test_a_key_that_json_would_write_twice_is_no_match() -> None:
    loose = Equality(keys_are_texts=True)
    assert not loose(encode({"1": 0, "2": 0}), encode({1: 0, "1": 0}))
    assert not loose(encode({"(1,)": 0}), encode({(1,): 0}))


def test_sets_nested_deep_do_not_grow_when_they_are_compared() -> None:
    deep: Any = "'\"\\"
    for turn in range(DEPTH - 2):
        deep = frozenset([deep]) if turn % 2 else (deep, "'")
    assert Equality()(encode({deep}), encode({deep}))
    assert not Equality()(encode({1}), encode({deep}))
    assert not Equality()(encode({("a,b",)}), encode({("a", "b")}))


class AlwaysEqual:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class SlyInt(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class SlyStr(str):
    __slots__ = ()


@pytest.mark.parametrize("value", [AlwaysEqual(), SlyInt(3), SlyStr("x"), object, len, iter([1])])
def test_objects_have_no_wire_form(value: Any) -> None:
    with pytest.raises(NotPlain, match="no plain value"):
        encode([value])


def test_dicts_and_named_tuples_of_the_library_pass_as_plain_ones() -> None:
    pair = namedtuple("pair", "a b")
    for value in (Counter("aa"), OrderedDict(a=2), defaultdict(int, a=2)):
        assert encode(value) == encode({"a": 2})
    assert encode(pair(1, 2)) == encode((1, 2))


def test_scalars_of_numpy_pass_as_what_they_hold() -> None:
    numpy = pytest.importorskip("numpy")
    values = [numpy.int64(7), numpy.float32(0.5), numpy.bool_(True), numpy.str_("a")]
    assert encode(values) == encode([7, 0.5, True, "a"])
    for value in (numpy.arange(2), numpy.longdouble(1)):
        with pytest.raises(NotPlain):
            encode(value)


def test_nesting_and_size_are_bounded() -> None:
    deep: Any = 0
    for _ in range(DEPTH + 1):
        deep = [deep]
    endless: list[Any] = []
    endless.append(endless)
    for value in (deep, endless):
        with pytest.raises(NotPlain, match="deep"):
            encode(value)
    with pytest.raises(NotPlain, match="large"):
        dump(encode("x" * WIRE_BYTES))
    with pytest.raises(NotPlain):
        check(load("[" * 70 + "]" * 70))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "NaN",
        "Infinity",
        "[" * 100_000,
        "1e999",
        "9" * 5000,
        "9007199254740992",
        '{"t":[1],"s":[]}',
        "{}",
        '{"x":1}',
        '{"t":{"0":1}}',
        '{"d":[[1]]}',
        '{"d":{"a":1}}',
        '{"i":"5"}',
        '{"i":"0xzz"}',
        '{"i":7}',
        '{"f":"1.0"}',
        '{"b":"a"}',
        '{"b":"g0"}',
        '{"c":[1.0]}',
        '{"c":[1.0,{"f":"x"}]}',
        '{"c":["a","b"]}',
        '{"s":[{"f":"x"}]}',
    ],
)
def test_wire_forms_that_break_the_rules_are_refused(text: str) -> None:
    with pytest.raises(NotPlain):
        check(load(text))


@pytest.mark.parametrize("text", ['{"s":[[1]]}', '{"s":[1,1]}', '{"d":[[1,2],[1,3]]}'])
def test_what_no_box_would_send_is_refused_where_it_is_built(text: str) -> None:
    wire = load(text)
    check(wire)
    with pytest.raises(NotPlain):
        decode(wire)


def test_the_host_compares_colliding_keys_without_building_a_table_of_them() -> None:
    step = sys.hash_info.modulus
    wire = {"s": [{"i": hex(n * step)} for n in range(2**13, 2**13 + 20_000)]}
    hashes = 0

    class Counted(dict):  # type: ignore[type-arg]
        def __hash__(self) -> int:  # type: ignore[override]
            nonlocal hashes
            hashes += 1
            return 0

    check(wire)
    assert Equality()(wire, {"s": list(map(Counted, reversed(wire["s"])))})
    assert hashes == 0


@given(VALUES)
def test_shown_as_python_prints_it(value: Any) -> None:
    text = show(encode(value), limit=10_000)
    assert text == repr(value) or isinstance(value, list | tuple | dict | set | frozenset)
    if "nan" not in text and "inf" not in text and "frozenset" not in text and "set()" not in text:
        assert alike(ast.literal_eval(text), value)


def test_long_values_are_cut() -> None:
    assert len(show("x" * 10_000)) < 400
    assert len(show({"i": "0x" + "f" * 1_000_000})) < 400


@pytest.mark.parametrize("part", ["candidate", "assert_runner"])
def test_what_is_shipped_needs_the_standard_library_alone(part: str) -> None:
    source = shipped("plain_values", part)
    assert "envgym.sandboxes" not in source
    subprocess.run([sys.executable, "-I", "-S", "-c", source], check=True)


@pytest.mark.parametrize("magic", ["", "importlib.util.MAGIC_NUMBER = b'another'"])
def test_what_is_compiled_runs_on_this_python_and_on_another(magic: str) -> None:
    source = (
        f"import importlib.util\n{magic}\n{compiled('plain_values', 'candidate')}print(Candidate)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", source], check=True, capture_output=True)
    assert b"Candidate" in done.stdout
