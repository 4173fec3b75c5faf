"""``auto`` takes the form that the chat template shows."""

from __future__ import annotations

import pytest

from envgym.chat.dialects import DIALECTS, dialect, resolve_dialect
from envgym.errors import UsageError
from tests.envgym.chat_templates import families

DIALECT_OF = {
    "deepseekv3": "deepseek_v3",
    "glm4moe": "glm45",
    "lfm2_v2": "lfm2",
    "llama3_1": "llama3_json",
    "llama3_2": "llama3_json",
    "nemotron_3_nano": "qwen3_coder",
    "qwen2_5": "hermes",
    "qwen3": "hermes",
    "qwen3_5_think": "qwen3_coder",
    "qwen3_6": "qwen3_coder",
    "qwen3_8": "qwen3_coder",
    "qwen3_instruct_2507": "hermes",
    "qwen3_vl": "hermes",
}


@pytest.mark.skipif(not families.names(), reason=families.ABSENT)
@pytest.mark.parametrize("template", DIALECT_OF)
def test_a_family_is_known_by_its_template(template: str) -> None:
    assert resolve_dialect("auto", families.source(template)) == DIALECT_OF[template]


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("<|tool_calls_section_begin|><|tool_call_begin|>", "kimi_k2"),
        ("'<|start|>assistant to=functions.' ~ name ~ '<|channel|>commentary '", "harmony"),
        ("'[TOOL_CALLS]' + name + '[ARGS]'", "mistral"),
        ("'[TOOL_CALLS][' + call | tojson", "mistral_list"),
        ("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>", "deepseek_v31"),
        ("<｜DSML｜function_calls>", "deepseek_v32"),
        ({"default": "", "tool_use": "<tool_call>"}, "hermes"),
    ],
)
def test_signs(template: object, name: str) -> None:
    assert resolve_dialect("auto", template) == name
    assert name in DIALECTS


def test_a_name_is_taken_as_it_is() -> None:
    assert resolve_dialect("tags", "<tool_call>") == "tags"


def test_an_unknown_template_names_the_dialects() -> None:
    with pytest.raises(UsageError, match=r"no known form .* hermes"):
        resolve_dialect("auto", "{{ messages }}")
    with pytest.raises(UsageError, match=r"name one of .*hermes"):
        dialect("auto")
