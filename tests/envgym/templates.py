"""Chat templates with the habits of the common model families, and a tokenizer for them."""

from __future__ import annotations

from functools import cache
from typing import Any

CHATML = """\
{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}"""

# Qwen3: the thinking of turns before the last user message is taken out.
FORGETFUL = """\
{%- set ns = namespace(last=-1) %}
{%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}
{%- endfor %}
{%- for m in messages %}
{%- set text = m.content %}
{%- if m.role == 'assistant' and loop.index0 < ns.last and '</think>' in text %}
{%- set text = text.split('</think>')[-1].lstrip('\\n') %}
{%- endif %}
{{- '<|im_start|>' + m.role + '\\n' + text + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}"""

# Qwen2.5: a run of tool results is one user message, opened and closed once.
GROUPING = """\
{%- for m in messages %}
{%- if m.role == 'tool' %}
{%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}{{- '<|im_start|>user' }}{% endif %}
{{- '\\n<tool_response>\\n' + m.content + '\\n</tool_response>' }}
{%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}{{- '<|im_end|>\\n' }}{% endif %}
{%- else %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}"""

# Llama 3: a first token, trimmed contents, a system message made up where there is none.
TRIMMING = """\
{{- '<|pad|>' }}
{%- if messages[0].role != 'system' %}{{- '<|im_start|>system\\n\\nToday.<|im_end|>' }}{% endif %}
{%- for m in messages %}
{%- set role = 'ipython' if m.role == 'tool' else m.role %}
{{- '<|im_start|>' + role + '\\n\\n' + m.content | trim + '<|im_end|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n\\n' }}{% endif %}"""

# Gemma, Mistral: roles must alternate, and there is no system message.
STRICT = """\
{%- for m in messages %}
{%- if m.role not in ['user', 'assistant'] %}{{ raise_exception('no such role') }}{% endif %}
{%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('order') }}{% endif %}
{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}"""


@cache
def tokenizer(template: str | None = None) -> Any:
    """A small tokenizer with that template; its own (ChatML that shows tools) when None."""
    from envgym.agents.tiny.tokenizer import train_tokenizer

    trained = train_tokenizer(["Guess my number from 0 to 9. Higher. Lower. tool_call"] * 4, 320)
    if template is not None:
        trained.chat_template = template
    return trained
