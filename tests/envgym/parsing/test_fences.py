"""Code in a model's text: fences of both kinds, prose around them, fences inside programs."""

from __future__ import annotations

import time

import pytest

from envgym.parsing.fences import PYTHON, VERILOG, blocks, code_of, is_python

CODE = "print(input())\n"


@pytest.mark.parametrize(
    "text",
    [
        "```python\n{}```",
        "```python\n{}```\n",
        "```\n{}```",
        "~~~\n{}~~~",
        "~~~py\n{}~~~~",
        "```Python3 title=main.py\n{}```",
        "```{{.python}}\n{}```",
        "  ````python\n{}  ````",
        "Here it is:\n\n```python\n{}```\nIt reads and prints.",
        "```python\n{}",  # cut by a token limit
        "```\nnot this\n```\nbut\n```python\n{}```",
        "```python\nprint(1)\n```\nNo, rather:\n```python\n{}```",
        "```python\n{}```\nRun it so:\n```sh\npython main.py\n```\n",
        "```python\n{}```\nwhich prints\n```\n7\n```",
        "<think>maybe\n```python\nprint(0)\n```\n</think>\n```python\n{}```",
        "<think>maybe</think>{}",
        "```python\r\n{}```\r\n",
        "{}",
        "\ufeff{}",
        "\ufeff```python\n{}```",
        "<answer>```python\n{}```</answer>",
        "Sure! ```py\n{}```<|im_end|>",
        "```python\n{}```.",
        "```python\n{}```\n```\n",
        "{}```",
        "1. So:\n\n    ```python\n    {}    ```\n",
        "\t```python\n\t{}\t```\n",
    ],
)
def test_the_program_is_found(text: str) -> None:
    assert code_of(text.format(CODE), PYTHON, is_python) == CODE


@pytest.mark.parametrize(
    "text",
    [
        '"""Run it so:\n```python\nmain()\n```\n"""\nprint(1)\n',
        "x = '<think>'\nprint(x)\n",
        "a ``` b",
        "1 +\n",
        "",
        "```sh\nls\n```\n",
        "``` a`b ```",
    ],
)
def test_what_is_no_fenced_program_is_taken_whole(text: str) -> None:
    assert code_of(text, PYTHON, is_python) == text


def test_a_fence_may_end_the_last_line_of_code() -> None:
    assert code_of("```python\nprint(1)```", PYTHON, is_python) == "print(1)\n"
    assert code_of("```python\nif 1:\n    print(1)\n    ```", PYTHON, is_python) == (
        "if 1:\n    print(1)\n"
    )


def test_fences_deep_inside_a_program_do_not_close_it() -> None:
    inner = 'def f():\n    """Run.\n\n    ```\n    f()\n    ```\n    """\n'
    assert code_of(f"```python\n{inner}```\n", PYTHON, is_python) == inner


def test_an_indented_block_keeps_its_own_indentation() -> None:
    text = "- So:\n\n    ```python\n    if 1:\n        x = '\t'\n    ```\n"
    assert code_of(text, PYTHON, is_python) == "if 1:\n    x = '\t'\n"


def test_fences_inside_a_longer_fence_are_text() -> None:
    inner = '"""\n```\n1\n```\n"""\n'
    assert code_of(f"````python\n{inner}````", PYTHON, is_python) == inner
    assert code_of(f"~~~python\n{inner}~~~", PYTHON) == inner


def test_languages_are_told_apart() -> None:
    text = "```python\nprint(1)\n```\n```verilog\nmodule m; endmodule\n```\n"
    assert code_of(text, VERILOG) == "module m; endmodule\n"
    assert [block.language for block in blocks(text)] == ["python", "verilog"]


@pytest.mark.parametrize(
    "fragment", ["```\n", "~~~", "`", "```python\n", "<think>", "\n```", " ~~~ `"]
)
def test_reading_is_linear(fragment: str) -> None:
    text = fragment * (1_000_000 // len(fragment))
    before = time.process_time()
    code_of(text, PYTHON, is_python)
    assert time.process_time() - before < 10
