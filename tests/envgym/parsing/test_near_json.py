"""Near-JSON is read where it has one reading; all else is refused with a place and a fix."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.parsing.near_json import BrokenJson, WrittenFloat, read_json, read_json_at

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "x\ny\t"}', {"a": "x\ny\t"}),
        ('{"a": [1, 2,],}', {"a": [1, 2]}),
        ("{'a': True, 'b': None, 'c': 'it\\'s \"so\"'}", {"a": True, "b": None, "c": 'it\'s "so"'}),
        (r'{"a": "\d+ it\'s"}', {"a": r"\d+ it's"}),
        ('{a: 1, b_2: "c"}', {"a": 1, "b_2": "c"}),
        ('{"a": 1, // one\n "b": 2 # two\n}', {"a": 1, "b": 2}),
        ('{"a": """x = "1"\ny"""}', {"a": 'x = "1"\ny'}),
        ('{"a": /* one */ 1, /** two\n* lines **/ "b": 2}', {"a": 1, "b": 2}),
        ('{"a": "// no comment, # nor this,}"}', {"a": "// no comment, # nor this,}"}),
        ("{'a': 'True, None'}", {"a": "True, None"}),
        ('{"a": "\\ud83d\\ude00",}', {"a": "😀"}),
        (r"""{"a": "\alpha"}""", {"a": r"\alpha"}),
    ],
)
def test_near_json_is_read(text: str, value: Any) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": "cut', "a string is not closed: line 1, column 7"),
        ('{"a": [1, 2', "it is cut off"),
        ('{"a": tru', "it is cut off"),
        ('{"a": "say "hi" now"}', 'write a quote inside a string as \\"'),
        ('{"a": 1\n "b": 2}', "line 2, column 2"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('{"a": [,]}', "Expecting value"),
        ("[1,,2]", "Expecting value"),
        ('{"a": 1}}', "text follows the JSON: line 1, column 9"),
        ('{"a": yes}', "put it in double quotes"),
        (r'{"a": "\x41"}', "write a backslash as two"),
        (r'{"a": "\bword\d"}', "write a backslash as two"),
        (r"{'a': '\a'}", "write a backslash as two"),
        ('{"a": "x\\\ny"}', "write a backslash as two"),
        ('{"a": ' + "9" * 5000 + "}", "thousands of digits"),
        ("[" * 101 + "]" * 101, "nested deeper"),
        ("", "cut off"),
    ],
)
def test_what_has_no_single_reading_is_refused(text: str, said: str) -> None:
    with pytest.raises(BrokenJson) as caught:
        read_json(text)
    assert said in str(caught.value)


@given(VALUES)
def test_json_is_read_as_it_is(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert read_json(text) == value


@given(VALUES, st.text(max_size=8))
def test_a_value_ends_where_it_ends(value: Any, after: str) -> None:
    text = json.dumps([value])
    assert read_json_at(text + after, 0) == ([value], len(text))


@given(VALUES)
def test_python_literals_are_read(value: Any) -> None:
    escapes = ("\\x", "\\U", "inf", "\\a", "\\v")
    if not any(sign in repr(value) for sign in escapes):
        assert read_json(repr(value)) == value


@given(VALUES.map(lambda v: json.dumps({"a": v})), st.data())
def test_a_cut_text_is_never_completed(text: str, data: st.DataObject) -> None:
    with pytest.raises(BrokenJson):
        read_json(text[: data.draw(st.integers(0, len(text) - 1))])


@given(st.text(alphabet="{}[]\"',:\\ntfu#/ 1e.-abTN\n"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(BrokenJson):
        json.dumps(read_json(text))


def test_a_number_keeps_letters_that_its_value_loses() -> None:
    number = read_json("1.50")
    assert isinstance(number, WrittenFloat)
    assert (number, number.letters) == (1.5, "1.50")
    assert type(read_json("1.5")) is float
