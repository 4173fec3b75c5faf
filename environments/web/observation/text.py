"""Page texts for an agent: the accessibility tree, pruned HTML, and what changed since before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from html import escape

from envgym.environments.web.observation.accessibility import Node, role_of
from envgym.environments.web.observation.elements import Element, Page
from envgym.environments.web.observation.ids import ElementIds

_HTML_ATTRIBUTES = (
    *("id", "type", "name", "value", "placeholder", "title", "alt", "href", "for", "role"),
    *("aria-label", "checked", "selected", "disabled", "readonly", "required", "fill"),
)
_TOKEN_CHARS = 4
"""Characters per token by which a budget is counted: no tokenizer of a model is known here."""


def tree_lines(nodes: list[Node], ids: ElementIds, depth: int = 0) -> Iterator[str]:
    """Lines of an accessibility tree: ``[id] role 'name' states``, one tab per level."""
    indent = "\t" * depth
    for node in nodes:
        if node.element is None:
            yield f"{indent}StaticText {node.name!r}"
            continue
        name = f" {node.name!r}" if node.name else ""
        states = f" {', '.join(node.states)}" if node.states else ""
        yield f"{indent}[{ids.of(node.element)}] {node.role}{name}{states}"
        yield from tree_lines(node.children, ids, depth + 1)


def html_lines(element: Element, ids: ElementIds, depth: int = 0) -> Iterator[str]:
    """Lines of pruned HTML: elements with a role or a text, their ids as ``data-id``."""
    role = role_of(element)
    texts = [child for child in element.children if isinstance(child, str) and child.strip()]
    if not role and not texts and element.tag != "label":
        for child in element.children:
            if not isinstance(child, str):
                yield from html_lines(child, ids, depth)
        return
    shown = [f' data-id="{ids.of(element)}"'] if role else []
    shown += [
        f' {name}="{escape(element.attributes[name])}"' if element.attributes[name] else f" {name}"
        for name in _HTML_ATTRIBUTES
        if name in element.attributes
    ]
    opening = f"{' ' * depth}<{element.tag}{''.join(shown)}>"
    if all(isinstance(child, str) for child in element.children):
        text = escape(element.text, quote=False)
        yield f"{opening}{text}</{element.tag}>" if text else opening
        return
    yield opening
    for child in element.children:
        if isinstance(child, str):
            if child.strip():
                yield f"{' ' * (depth + 1)}{escape(' '.join(child.split()), quote=False)}"
        else:
            yield from html_lines(child, ids, depth + 1)


def bounded(lines: Sequence[str], tokens: int) -> tuple[str, int]:
    """First lines within a budget of about `tokens` tokens; the text, and the number of lines.

    Where lines are left, the text's last line says so. The first line is shown in any case, cut.
    """
    left = tokens * _TOKEN_CHARS
    for number, line in enumerate(lines):
        left -= len(line) + 1
        if left < 0:
            shown = lines[:number] or [line[: tokens * _TOKEN_CHARS]]
            rest = len(lines) - len(shown)
            note = f"… {rest} more lines: more() shows them"
            return "\n".join([*shown, note] if rest else shown), len(shown)
    return "\n".join(lines), len(lines)


def changes(before: list[str], after: list[str]) -> list[str]:
    """Changed lines alone: ``- `` what is gone, ``+ `` what is new; in document order."""
    found = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind != "equal":
            found += [f"- {line.strip()}" for line in before[a:b]]
            found += [f"+ {line.strip()}" for line in after[c:d]]
    return found


def header(page: Page) -> str:
    """Address and title of a page."""
    return f"Page: {page.title!r} {page.url}"
