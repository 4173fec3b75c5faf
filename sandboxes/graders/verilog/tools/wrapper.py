"""Wrapper modules: a design inside a module of the same ports, with outputs derived from its own.

Variants that are wrong by construction (an output bit stuck at a value) and golden designs whose
outputs are sometimes undriven are both written so, independent of their sources.
"""

from __future__ import annotations

from collections.abc import Mapping

from envgym.errors import UsageError
from envgym.sandboxes.graders.verilog.analysis.ports import Interface, Port
from envgym.sandboxes.graders.verilog.source.lexer import Token, tokens


def wrapped(source: str, interface: Interface, drives: Mapping[str, str]) -> str:
    """Source of the design with its module renamed, and a wrapper of its old name.

    Args:
        source: A design that keeps the rules of `lint`.
        interface: Its ports.
        drives: Expressions by output, in which ``{}`` stands for the design's own output, and
            ``{name}`` for another of its outputs; the others are the design's own.

    Raises:
        UsageError: The module's name is not in the source: a macro hides it.
    """
    found = list(tokens(source))
    words = {token.text for token in found}
    names = [interface.module, *(port.name for port in (*interface.inputs, *interface.outputs))]
    mark = "inner"
    while any(f"{name}_{mark}" in words for name in names):
        mark += "_"
    inner = f"{interface.module}_{mark}"
    lines = [_renamed(source, found, interface.module, inner), f"module {interface.module} ("]
    ports = [f"  input wire {_range(port)}{port.name}" for port in interface.inputs]
    ports += [f"  output wire {_range(port)}{port.name}" for port in interface.outputs]
    lines += [",\n".join(ports), ");"]
    lines += [f"  wire {_range(port)}{port.name}_{mark};" for port in interface.outputs]
    pins = [f".{port.name}({port.name})" for port in interface.inputs]
    pins += [f".{port.name}({port.name}_{mark})" for port in interface.outputs]
    lines.append(f"  {inner} {mark} ({', '.join(pins)});")
    for port in interface.outputs:
        driven = drives.get(port.name, "{}").replace("{}", f"{port.name}_{mark}")
        for other in interface.outputs:
            driven = driven.replace(f"{{{other.name}}}", f"{other.name}_{mark}")
        lines.append(f"  assign {port.name} = {driven};")
    return "\n".join([*lines, "endmodule", ""])


def stuck(port: Port, bits: Mapping[int, int]) -> str:
    """Expression of an output with some bits, by index, stuck at a value.

    The others are concatenated and not computed, so a z stays a z.
    """
    if port.width == 1:
        return f"1'b{bits[0]}" if bits else "{}"
    parts = []
    for bit in range(port.width - 1, -1, -1):
        parts.append(f"1'b{bits[bit]}" if bit in bits else f"{{}}[{bit}]")
    return f"{{{', '.join(parts)}}}"


def _renamed(source: str, found: list[Token], module: str, inner: str) -> str:
    places = []
    for number, token in enumerate(found):
        before = [other.text for other in found[max(0, number - 2) : number]]
        if token.text == module and (before[-1:] == ["module"] or before == ["endmodule", ":"]):
            places.append(token.at)
    if not places:
        raise UsageError(f"no module {module} stands in the source")
    for at in reversed(places):
        source = source[:at] + inner + source[at + len(module) :]
    return source


def _range(port: Port) -> str:
    return f"[{port.width - 1}:0] " if port.width > 1 else ""
