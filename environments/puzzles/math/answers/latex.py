"""Canonical LaTeX spelling of formulas.

Models mix Unicode, Markdown, plain text and LaTeX in one answer; `cleaned` turns all of it into
LaTeX without layout. It preserves values, runs in linear time and never raises.
"""

from __future__ import annotations

import re
import unicodedata

from envgym.environments.puzzles.math.answers.symbols import (
    LOWERED,
    RAISED,
    RUN,
    SPELLINGS,
    SYMBOLS,
)

_MARKDOWN = re.compile(r"\A(\*\*|__|\*|_)(?=\S)(.*\S)\1\Z", re.DOTALL)
_DOLLARS = re.compile(r"\$\$")
_LAYOUT = re.compile(
    r"\\(?:displaystyle|textstyle|scriptstyle|limits|nolimits|left|right|middle|[bB]igg?[lrm]?"
    r"|bf|rm|it|sf|tt|tiny|small|large|Large|LARGE|huge|Huge|therefore|ensuremath|strut|checkmark"
    r"|square|blacksquare|hfill|displaylimits)(?![a-zA-Z])|(?<!\\)\\[!()\[\]]"
    r"|\\(?:[hv]space|tag|label|phantom)\*?\s*\{[^{}]*\}"
    r"|\\(?:begin|end)\{(?:equation|align|gather|center)\*?\}|[✓✔✅]"
)
_SPACE = re.compile(r"(?:\\(?:quad|qquad|enspace|thinspace)(?![a-zA-Z])|(?<!\\)\\[,;:>~\s]|[~\s])+")
_FONTS = re.compile(
    r"\\(?:mathbf|bold|mathord|framebox(?:\s*\[[^\[\]]*\])?|mathit|mathsf|mathtt|mathnormal|boldsymbol|bm|pmb|boxed|fbox|underline|mathring)"
    r"(?![a-zA-Z])\s*"
)
_TEXT = re.compile(
    r"\\(?:text(?:rm|bf|it|normal|sf|tt|up)?|mbox|hbox|mathrm|operatorname\*?)\s*\{([^{}]*)\}"
)
_UPRIGHT = re.compile(r"\\(?:text|mathrm)\s*\{(?:[^{}]|\^\{-?\d\})*\}")
_RATE = re.compile(
    r"\\[dt]?frac\s*\{\s*(\\(?:text|mathrm)\{[^{}]*\}(?:\^\{?\d\}?)?)\s*\}"
    r"\s*\{\s*(\\(?:text|mathrm)\{[^{}]*\}(?:\^\{?\d\}?)?)\s*\}"
)
"""Unit written as a fraction of upright letters."""
_MICRO = re.compile(
    r"(?<=[\d}\s{])(?:[µμ]|\\mu\s*(?=\\(?:text|mathrm)\{))(?:\\(?:text|mathrm)\{)?([a-zA-Z])\}?\Z"
)
_OHM = re.compile(
    r"(?<=[\d}\s])\s*(?:\\(?:text|mathrm)\{\s*)?([kM]?)\s*(?:\\Omega(?![a-zA-Z])|\\(AA)(?![a-zA-Z])|Å)\s*\}?\Z"
)
_SMALL = re.compile(r"\^\{?(\d+)\}?\s*/\s*_\{?(\d+)\}?|\{(\d+)\}\s*/\s*\{(\d+)\}")
_EXPONENT = re.compile(r"(?:\^|\*\*)\s*(?:(-?\d+(?:\.\d+)?)(?![\d.])|\(([^(){}]*)\))")
"""Plain-text exponents: ``x^10``, ``x^-1``, ``x^(n+1)``."""
_HEADING = re.compile(
    r"\A\s*(?:#{1,6}\s+)?(?:(\*\*)?(?:the\s+)?(?:final\s+)?answer(?:\s+is)?\s*:?\s*(?(1)\*\*|(?=\*\*))\s*:?\s*)?",
    re.IGNORECASE,
)
_FRACTION = re.compile(
    r"\\(?:[dtc]?frac|nicefrac|sfrac)(?![a-zA-Z])\s*(?:([^\s{\\])\s*(?:([^\s{\\])|(?=\{))|(\{[^{}]*\})\s*([^\s{\\]))?"
)
_COLOUR = re.compile(r"\\(?:color|textcolor)\s*\{\w*\}")
_OVER = re.compile(r"\{([^{}]*)\\over(?![a-zA-Z])([^{}]*)\}")
_DEGREES = re.compile(r"\^\s*\{?\s*\\circ\s*\}?\s*(?:\\text\{\s*([CF])\s*\}|([CF]))(?![a-zA-Z])")
_TO = re.compile(r"(?<=\d)\s*(?:\\text\{to\}|to)\s*(?=\d)")
_SYSTEM = re.compile(r"\\begin\{(cases|aligned|gathered)\}([^&]*?)\\end\{\1\}")
_CHOICE = re.compile(r"\{([^{}]*)\\choose([^{}]*)\}")
_COMMA = re.compile(r"(?<=\d)(?:\{,\}(?=\d)(?!\d{3}(?!\d))|\{\.\}(?=\d))")
"""Decimal comma (not before three digits), or decimal point in braces."""
_RELATION = re.compile(
    "|".join(
        re.escape(form) + (r"(?![a-zA-Z])" if form[-1].isalpha() else "")
        for form in sorted(SPELLINGS, key=len, reverse=True)
    )
)
_WORDS = re.compile(
    r"(?<![\\a-zA-Z])(sqrt|pi|infinity|infty|inf|theta|alpha|beta|phi|sin|cos|tan|cot|sec|csc"
    r"|arcsin|arccos|arctan|sinh|cosh|tanh|log|ln|exp)(?=[^a-zA-Z]|\Z)"
)
_ROOT = re.compile(r"(\\sqrt(?:\[[^\]]*\])?)\s*(?:(\()|(\d+(?:\.\d+)?|[a-zA-Z]))")
_LEAD = re.compile(
    r"\A(?:(?:(?:(?:so|thus|therefore|hence),?\s+(?=the\s))?(?:the\s+)?(?:final\s+)?answer(?:\s+is)?\s*[:=]?|\\approx|\\text\{\s*\}|=|:|,|;"
    r"|\\text\{(?:the\s+)?(?:final\s+)?answer(?:\s+is)?\s*[:=]?\s*\}"
    r"|(?:option|choice)\s+(?=\(?[A-Z]\)?\Z))\s*)+",
    re.IGNORECASE,
)
_TRAIL = re.compile(r"(?:(?<![\\.])[.,;:](?!\.)|\\\\|\\text\{[\s.]*\}|\s)+\Z")


def cleaned(text: str) -> str:
    """LaTeX without layout, fonts, dollar signs, Markdown and boxes."""
    text = _MICRO.sub(r"\\text{u\1}", text)
    text = RUN.sub(_plain, text.translate(SYMBOLS)).strip()
    text = _HEADING.sub("", text)
    while marked := _MARKDOWN.match(text):
        text = marked[2]
    text = _currency(text)
    text = _OHM.sub(_ohm, _LAYOUT.sub("", text))
    text = _SPACE.sub(" ", text)
    text = _SYSTEM.sub(lambda system: system[2].replace("\\\\", ","), text)
    text = _CHOICE.sub(r"\\binom{\1}{\2}", _COMMA.sub(".", text))
    text = _COLOUR.sub("", _OVER.sub(r"\\frac{\1}{\2}", text))
    text = _EXPONENT.sub(r"^{\1\2}", _SMALL.sub(r"\\frac{\1\3}{\2\4}", text))
    text = _RATE.sub(r"\1/\2", _UPRIGHT.sub(_braceless, text))
    text = _TEXT.sub(_unwrapped, _TEXT.sub(_unwrapped, text))
    text = _TO.sub(":", _without(text, _FONTS))
    text = _RELATION.sub(lambda form: SPELLINGS[form[0]], text)
    text = _DEGREES.sub(lambda found: rf"\text{{degrees{found[1] or found[2]}}}", text)
    text = _FRACTION.sub(_braced, text)
    text = _WORDS.sub(
        lambda word: "\\" + {"infinity": "infty", "inf": "infty"}.get(word[1], word[1]), text
    )
    return trimmed(_SPACE.sub(" ", _rooted(text)))


def trimmed(text: str) -> str:
    """Strip lead-ins ("The answer is"), a final full stop and braces around the whole."""
    before = None
    while text != before:
        before = text
        text = _LEAD.sub("", _TRAIL.sub("", text).strip(), count=1)
        if text.startswith("{") and closing(text).get(0) == len(text) - 1:
            text = text[1:-1]
    return text


def closing(text: str) -> dict[int, int]:
    """Position of the closing brace per opening brace."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for mark in re.finditer(r"\\.|[{}]", text, re.DOTALL):
        if mark[0] == "{":
            opened.append(mark.start())
        elif mark[0] == "}" and opened:
            ends[opened.pop()] = mark.start()
    return ends


def _plain(found: re.Match[str]) -> str:
    run = found[0]
    if run[0] in RAISED:
        return f"^{{{''.join(RAISED[char] for char in run)}}}"
    if run[0] in LOWERED:
        return f"_{{{''.join(LOWERED[char] for char in run)}}}"
    form = unicodedata.normalize("NFKC", run)
    if "⁄" in form:
        return r"\frac{{{}}}{{{}}}".format(*(part or "1" for part in form.split("⁄")))
    if unicodedata.category(run) == "Cf":
        return ""
    return form if form.isascii() else run


def _currency(text: str) -> str:
    r"""Resolve dollar signs: a pair encloses mathematics; an escaped or single one is money."""
    text = text.replace(r"\$", r"\text{dollars}")
    text = _DOLLARS.sub(" ", text)
    if text.count("$") % 2:
        text = text.replace("$", r"\text{dollars}", 1)
    return text.replace("$", " ")


def _unwrapped(found: re.Match[str]) -> str:
    """Unwrap text commands; content without words becomes mathematics."""
    inside = found[1].strip()
    if found[1] == ",":
        return ","
    if inside and (not re.search(r"[a-zA-Z]", inside) or re.match(r"[-+]?\.?\d", inside)):
        return f" {inside}"
    if re.fullmatch(r",?\s*(?:and|or)", inside, re.IGNORECASE):
        return f" {inside.strip(', ').lower()} "
    if len(inside) == 1:
        return f" {inside} "
    if found[0].startswith(r"\operatorname"):
        return (
            f"\\{inside}" if inside in ("sin", "cos", "tan", "log", "ln", "lcm", "gcd") else inside
        )
    return rf"\text{{{inside}}}"


def _without(text: str, commands: re.Pattern[str]) -> str:
    """Remove these commands and the braces of their arguments."""
    ends = closing(text)
    dropped = bytearray(len(text))
    for command in commands.finditer(text):
        start, end = command.span()
        dropped[start:end] = b"\1" * (end - start)
        if end in ends:
            dropped[end] = dropped[ends[end]] = 1
    return "".join(char for char, gone in zip(text, dropped, strict=True) if not gone)


def _ohm(found: re.Match[str]) -> str:
    ohm = "Omega" in found[0]
    return rf" \text{{{found[1]}{'ohm' if ohm else 'angstrom'}}}"


def _braceless(found: re.Match[str]) -> str:
    r"""Remove braces around the exponents in ``\mathrm{s^{-1}}``."""
    command, _, inside = found[0][:-1].partition("{")
    return f"{command}{{{inside.replace('{', '').replace('}', '')}}}"


def _braced(found: re.Match[str]) -> str:
    top, bottom, whole, last = found.groups()
    if top:
        return rf"\frac{{{top}}}" + (f"{{{bottom}}}" if bottom else "")
    return rf"\frac{whole}{{{last}}}" if whole else r"\frac"


def _rooted(text: str) -> str:
    r"""Add braces to ``\sqrt 2`` and ``\sqrt(2)``."""
    if r"\sqrt" not in text:
        return text
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for place, char in enumerate(text):
        if char == "(":
            opened.append(place)
        elif char == ")" and opened:
            pairs[opened.pop()] = place
    out = list(text)
    for root in _ROOT.finditer(text):
        if root[2]:
            if (end := pairs.get(root.start(2))) is not None:
                out[root.start(2)], out[end] = "{", "}"
        else:
            out[root.start(3)] = "{" + out[root.start(3)]
            out[root.end(3) - 1] += "}"
    return "".join(out)
