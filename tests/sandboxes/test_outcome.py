"""Results as they are read from a sandbox's report."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.errors import Fault
from envgym.sandboxes import Outcome
from envgym.sandboxes.outcome import Result, read_result
from envgym.sandboxes.service.protocol import result_header

RESULTS = st.builds(
    Result,
    outcome=st.sampled_from(Outcome),
    exit_code=st.none() | st.integers(-64, 255),
    stdout=st.binary(),
    stderr=st.binary(),
    wall_s=st.floats(0, 1e5),
    cpu_s=st.floats(0, 1e5),
    memory_bytes=st.integers(0, 1 << 50),
    detail=st.text(),
)


@given(RESULTS)
def test_a_result_is_read_as_it_was_sent(result: Result) -> None:
    report = {**result_header(result), "id": 7, "parts": [0, 0]}
    assert read_result(report, [result.stdout, result.stderr]) == result


@pytest.mark.parametrize(
    ("report", "outputs", "message"),
    [
        ({}, [b"", b""], "outcome: Field required"),
        ({"outcome": "FINE", "exit_code": 0}, [b"", b""], "outcome: Input should be 'OK'"),
        ({"outcome": ["OK"], "exit_code": 0}, [b"", b""], "outcome"),
        ({"outcome": "OK", "exit_code": "none"}, [b"", b""], "exit_code"),
        ({"outcome": "OK", "exit_code": 0, "cpu_s": {}}, [b"", b""], "cpu_s"),
        ({"outcome": "OK", "exit_code": 0}, [b""], "1 outputs, not 2"),
    ],
)
def test_what_is_no_report_is_a_fault(
    report: dict[str, Any], outputs: list[bytes], message: str
) -> None:
    with pytest.raises(Fault, match=message) as caught:
        read_result(report, outputs)
    assert caught.value.kind == "infra"
