"""Seeded generators of mathematical values in their written forms, and of values close to them."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction

Draw = Callable[[random.Random], tuple[str, list[str], list[str]]]
"""A gold, texts equal to it, texts close to it that are not."""

WRAPPERS = (
    *("{}", "{}", "{}", "${}$", "\\({}\\)", "\\[{}\\]", "\\boxed{{{}}}", "\\fbox{{{}}}"),
    *("**{}**", " {} ", "{}.", "\\displaystyle {}", "$${}$$", "{} \\quad", "{{{}}}", "\\, {}"),
    *("\\boxed{{\\boxed{{{}}}}}", "The answer is {}.", "$\\boxed{{{}}}$."),
)


def wrapped(rng: random.Random, text: str) -> str:
    return rng.choice(WRAPPERS).format(text)


def grouped(number: int, comma: str) -> str:
    return f"{number:,}".replace(",", comma)


def whole_forms(n: int) -> list[str]:
    forms = [str(n), f"{n}.0", f"{n}.00", f"x={n}", f"x = {n}", f"\\theta={n}", f"x_1={n}"]
    forms += [
        f"\\mathbf{{{n}}}",
        f"\\text{{{n}}}",
        f"\\frac{{{n}}}{{1}}",
        f"\\frac{{{3 * n}}}{{3}}",
    ]
    forms += [f"{n} cm", f"{n}\\text{{ cm}}^2", f"{n} dollars", f"{n}°", f"{n}^\\circ", f"A = {n}"]
    forms += [f"{n} apples", f"{n}\\,\\mathrm{{kg}}", f"({n})", f"{n} km/h", f"a+b={n}"]
    if n < 0:
        forms += [str(n).replace("-", sign) for sign in "−–"]
    if n >= 0:
        forms += [f"\\${n}", f"+{n}", "".join(chr(ord("０") + int(c)) for c in str(n))]
    if n >= 1000:
        forms += [grouped(n, comma) for comma in (",", "{,}", "\\,", " ", ",\\!")]
    if n and n % 10 == 0:
        power = len(str(abs(n))) - 1
        mantissa = Fraction(n, 10**power)
        forms += [f"{float(mantissa)} \\times 10^{{{power}}}", f"{float(mantissa)}e{power}"]
        forms += [f"{float(mantissa)} × 10^{power}", f"{float(mantissa)}\\cdot 10^{{{power}}}"]
    return forms


def whole(rng: random.Random) -> tuple[str, list[str], list[str]]:
    n = rng.choice((rng.randint(-99, 99), rng.randint(0, 10**7), 10 ** rng.randint(1, 12)))
    near = rng.choice([m for m in (n + 1, n - 1, -n, 10 * n, n + 10) if m != n])
    wrong = [*whole_forms(near), f"{n - 1} + 1", f"{n}.0000001", f"{n}, {n + 1}", f"{n}x", f"{n}!x"]
    wrong += [f"\\pm {abs(n) + 1}", f"({n}, {n})", f"{n}\\sqrt{{2}}", f"{n}i", f"not {n}", ""]
    return str(n), whole_forms(n), wrong


def fraction_forms(q: Fraction) -> list[str]:
    top, bottom = q.as_integer_ratio()
    sign, a = ("-" if top < 0 else ""), abs(top)
    forms = [f"{top}/{bottom}", f"{sign}\\frac{{{a}}}{{{bottom}}}", f"\\frac{{{top}}}{{{bottom}}}"]
    forms += [f"{sign}\\{kind}{{{a}}}{{{bottom}}}" for kind in ("dfrac", "tfrac", "cfrac")]
    forms += [f"{sign}\\frac{{{2 * a}}}{{{2 * bottom}}}", f"\\frac{{{-top}}}{{{-bottom}}}"]
    forms += [
        f"{sign}({a}/{bottom})",
        f"({top})/({bottom})",
        f"y = {sign}\\frac{{{a}}}{{{bottom}}}",
    ]
    if a < 10 and bottom < 10:
        forms += [
            f"{sign}\\frac{a}{bottom}",
            f"{sign}\\frac {a} {bottom}",
            f"{sign}\\frac{{{a}}}{bottom}",
        ]
    whole_part, rest = divmod(a, bottom)
    if whole_part and rest:
        forms += [
            f"{sign}{whole_part} {rest}/{bottom}",
            f"{sign}{whole_part}\\frac{{{rest}}}{{{bottom}}}",
        ]
    glyph = {(1, 2): "½", (1, 4): "¼", (3, 4): "¾", (1, 3): "⅓", (2, 3): "⅔"}.get((rest, bottom))
    if glyph:
        forms.append(f"{sign}{whole_part or ''}{glyph}")
    if bottom in (2, 4, 5, 8, 10, 16, 20, 25):
        decimal = str(float(q))
        forms += [decimal, decimal.replace("0.", ".", 1) if decimal.startswith("0.") else decimal]
        forms += [f"{decimal}0", f"{float(q) * 100:g}\\%"]
    if bottom in (3, 9) and top > 0:
        forms.append(f"{whole_part}.\\overline{{{rest * (9 // bottom)}}}")
    return forms


def fraction(rng: random.Random) -> tuple[str, list[str], list[str]]:
    q = Fraction(0)
    while q.denominator == 1:
        q = Fraction(rng.randint(-40, 40), rng.choice((2, 3, 4, 5, 6, 7, 8, 9, 12, 25)))
    near = rng.choice((q + 1, -q, 1 / q, q + Fraction(1, q.denominator), q * 2))
    wrong = fraction_forms(near) if near.denominator > 1 and near != q else []
    wrong += [
        f"{float(q) + 1e-7:.9f}",
        f"{float(q):.3f}1",
        f"\\frac{{{q.numerator}}}{{{q.denominator}}}x",
    ]
    top, bottom = q.as_integer_ratio()
    gold = f"{'-' if top < 0 else ''}\\frac{{{abs(top)}}}{{{bottom}}}"
    return gold, fraction_forms(q), wrong


def small_number(rng: random.Random) -> tuple[str, list[str], list[str]]:
    digits, power = rng.randint(11, 99), rng.randint(4, 40)
    mantissa, more = f"{digits / 10}", f"{(digits + 1) / 10}"
    forms = ("{}\\times10^{{-{}}}", "{} \\times 10^{{-{}}}", "{}e-{}", "{}E-{}", "{} × 10^(-{})")
    right = [form.format(mantissa, power) for form in forms[:4]]
    right += [f"0.{'0' * (power - 1)}{digits}", f"\\frac{{{digits}}}{{1{'0' * (power + 1)}}}"]
    right.append(
        f"{mantissa}·10{''.join('⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.index(c)] for c in f'-{power}')}"
    )
    wrong = [form.format(more, power) for form in forms[:4]] + [f"{mantissa}e-{power + 1}"]
    wrong += [f"0.{'0' * power}{digits}", "0", f"{mantissa}e{power}", f"-{mantissa}e-{power}"]
    return rng.choice(right[:4]), right, wrong


def roots(rng: random.Random) -> tuple[str, list[str], list[str]]:
    values = rng.sample(range(-9, 10), rng.randint(2, 3))
    shuffled = rng.sample(values, len(values))
    text = [str(value) for value in shuffled]
    right = [", ".join(text), ",".join(text), f"\\{{{', '.join(text)}\\}}", "; ".join(text)]
    right += [" and ".join(text), "\\text{ and }".join(text), " or ".join(f"x={t}" for t in text)]
    right += [", ".join(f"x_{n}={t}" for n, t in enumerate(text, 1)), "x = " + ", ".join(text)]
    right += ["\\text{ or }".join(f"x = {t}" for t in text), f"x \\in \\{{{','.join(text)}\\}}"]
    right += [f"{', '.join(text[:-1])} and {text[-1]}", f"\\left\\{{{', '.join(text)}\\right\\}}"]
    other = str(next(n for n in range(10, 20)))
    wrong = [", ".join([*text, other]), ", ".join([*text[:-1], other]), text[0]]
    wrong += [", ".join([*text, text[0]]), f"({text[1]}, {other})", " or ".join([*text[1:], other])]
    wrong += [f"\\{{{', '.join(text[1:])}\\}}", "".join(text), f"x={text[0]}"]
    return ", ".join(map(str, values)), right, wrong


def point(rng: random.Random) -> tuple[str, list[str], list[str]]:
    a, b = rng.sample(range(-9, 10), 2)
    right = [f"({a}, {b})", f"({a},{b})", f"\\left({a},{b}\\right)", f"\\left( {a}, {b} \\right)"]
    right += [
        f"x={a}, y={b}",
        f"y={b}, x={a}",
        f"({a}.0, {b})",
        f"(x, y) = ({a}, {b})",
        f"P = ({a}, {b})",
    ]
    wrong = [f"({b}, {a})", f"[{a}, {b}]", f"({a}, {b}]", f"\\{{{a}, {b}\\}}", f"({a}, {b}, 0)"]
    wrong += [f"({a}, {b + 1})", f"x={b}, y={a}", f"({a})", f"{a}"]
    return f"({a}, {b})", right, wrong


def interval(rng: random.Random) -> tuple[str, list[str], list[str]]:
    low = rng.randint(-9, 8)
    high = rng.randint(low + 1, 9)
    left, right_ = rng.choice("(["), rng.choice(")]")
    one, two = ("<" if left == "(" else "≤"), ("<" if right_ == ")" else "\\le ")
    right = [f"{left}{low}, {high}{right_}", f"\\left{left}{low},{high}\\right{right_}"]
    right += [f"{low} {one} x {two} {high}", f"x \\in {left}{low}, {high}{right_}"]
    right += [f"\\{{x \\mid {low} {one} x {two} {high}\\}}"]
    wrong = [
        f"{'[' if left == '(' else '('}{low}, {high}{right_}",
        f"{left}{low}, {high + 1}{right_}",
    ]
    wrong += [f"{left}{low}, {high}{')' if right_ == ']' else ']'}", f"\\{{{low}, {high}\\}}"]
    wrong += [f"x {one} {high}", f"{low}", f"{left}{low - 1}, {high}{right_}"]
    return right[0], right, wrong


def ray(rng: random.Random) -> tuple[str, list[str], list[str]]:
    n = rng.randint(-9, 9)
    right = [f"x ≥ {n}", f"x \\ge {n}", f"x\\geq{n}", f"x >= {n}", f"{n} ≤ x", f"[{n}, ∞)"]
    right += [
        f"[{n}, \\infty)",
        f"\\left[{n},\\infty\\right)",
        f"x \\in [{n}, \\infty)",
        f"[{n}, +\\infty)",
    ]
    wrong = [
        f"x > {n}",
        f"x ≤ {n}",
        f"({n}, \\infty)",
        f"x ≥ {n + 1}",
        f"[{n}, \\infty]",
        f"(-\\infty, {n}]",
    ]
    return rng.choice(right[:8]), right, [*wrong, f"x = {n}", f"{n}"]


def union(rng: random.Random) -> tuple[str, list[str], list[str]]:
    low = rng.randint(-9, 0)
    high = rng.randint(1, 9)
    parts = [f"(-\\infty, {low})", f"({high}, \\infty)"]
    right = [" \\cup ".join(parts), " ∪ ".join(parts[::-1]), f"x<{low} or x>{high}"]
    right += [f"x > {high} \\text{{ or }} x < {low}", f"x \\in {parts[0]}\\cup{parts[1]}"]
    wrong = [parts[0], parts[1], f"({low}, {high})", f"(-\\infty, {low}] \\cup {parts[1]}"]
    wrong += [f"x < {low}", f"x<{low} or x>{high + 1}", f"x ≠ {low}"]
    return right[0], right, wrong


def measured(rng: random.Random) -> tuple[str, list[str], list[str]]:
    n = rng.randint(2, 999)
    name, others = rng.choice(
        (
            ("cm", ("centimeters", "centimetres", "cm.")),
            ("kg", ("kilograms", "kg.")),
            ("m^2", ("square meters", "m²", "sq m")),
            ("km/h", ("km / h", "kilometers per hour")),
            ("hours", ("hour", "hr", "hrs")),
            ("apples", ("apple",)),
        )
    )
    word, _, power = name.partition("^")
    gold = f"{n}\\text{{ {word}}}" + (f"^{power}" if power else "")
    right = [
        gold,
        f"{n} {name}",
        f"{n}\\,\\mathrm{{{word}}}" + (f"^{power}" if power else ""),
        f"{n}",
    ]
    right += [f"{n} {other}" for other in others]
    wrong = [f"{n} {other}" for other in ("mm", "seconds", "ft^3", "pears", "volts")]
    wrong += [f"{n + 1} {name}", f"{n + 1}", f"{n}0 {name}", f"{n}\\%"]
    return gold, right, wrong


def percentage(rng: random.Random) -> tuple[str, list[str], list[str]]:
    n = rng.randint(2, 99)
    right = [
        f"{n}\\%",
        f"{n}%",
        f"{n} \\%",
        f"{n} percent",
        f"{n}\\text{{ percent}}",
        f"{n}",
        f"0.{n:02}",
    ]
    right += [f"\\frac{{{n}}}{{100}}", f"{n}.0\\%"]
    wrong = [
        f"{n + 1}\\%",
        f"0.{n:02}\\%",
        f"{n}00",
        f"0.00{n:02}",
        f"{n} cm",
        f"-{n}\\%",
        f"{n}0%",
    ]
    return rng.choice(right[:3]), right, wrong


def surd(rng: random.Random) -> tuple[str, list[str], list[str]]:
    a, b = rng.randint(2, 9), rng.choice((2, 3, 5, 6, 7, 10))
    right = [
        f"{a}\\sqrt{{{b}}}",
        f"{a}√{b}",
        f"{a}*sqrt({b})",
        f"\\sqrt{{{a * a * b}}}",
        f"{a} \\sqrt {{{b}}}",
    ]
    right += [f"{a}\\cdot\\sqrt{{{b}}}", f"\\sqrt{{{b}}}\\cdot {a}", f"√{a * a * b}", f"{a}·√{b}"]
    right += [
        f"x = {a}\\sqrt{{{b}}}",
        f"{a}\\sqrt{{{b}}}\\text{{ cm}}",
        f"\\frac{{{a * b}}}{{\\sqrt{{{b}}}}}",
    ]
    wrong = [
        f"{a + 1}\\sqrt{{{b}}}",
        f"{a}\\sqrt{{{b + 1}}}",
        f"{a * b**0.5:.8f}",
        f"-{a}\\sqrt{{{b}}}",
    ]
    wrong += [
        f"{a}\\sqrt[3]{{{b}}}",
        f"{a}\\sqrt{{{b}}} + 10^{{-30}}",
        f"{a * b}",
        f"\\sqrt{{{a * b}}}",
    ]
    return right[0], right, wrong if a != b else wrong[:-1]


def multiple_of_pi(rng: random.Random) -> tuple[str, list[str], list[str]]:
    a, b = rng.choice((1, 3, 5, 7)), rng.choice((2, 4, 8))
    head = "" if a == 1 else str(a)
    right = [
        f"\\frac{{{head}\\pi}}{{{b}}}",
        f"{head}pi/{b}",
        f"{head}π/{b}",
        f"\\frac{{{a}}}{{{b}}}\\pi",
    ]
    right += [
        f"{a / b}\\pi",
        f"{head}\\pi / {b}",
        f"\\frac{{{2 * a}\\pi}}{{{2 * b}}}",
        f"\\theta = {head}π/{b}",
    ]
    wrong = [
        f"\\frac{{{a + 2}\\pi}}{{{b}}}",
        f"{a / b * 3.14159265:.6f}",
        f"\\frac{{{a}}}{{{b}}}",
        f"-{head}π/{b}",
    ]
    wrong += [f"\\frac{{{b}\\pi}}{{{a}}}", f"\\frac{{{head}\\pi^2}}{{{b}}}", f"{head}\\pi"]
    return right[0], right, wrong


def polynomial(rng: random.Random) -> tuple[str, list[str], list[str]]:
    a, b, c = (rng.randint(2, 9) for _ in range(3))
    right = [
        f"{a}x^2+{b}x+{c}",
        f"{c} + {b}x + {a}x^2",
        f"{a}*x**2 + {b}*x + {c}",
        f"{a}x²+{b}x+{c}",
    ]
    right += [
        f"y = {a}x^2+{b}x+{c}",
        f"f(x)={a}x^{{2}}+{b}x+{c}",
        f"x({a}x+{b})+{c}",
        f"{a}x \\cdot x+{b}x+{c}",
    ]
    wrong = [
        f"{a}x^2+{b}x-{c}",
        f"{a}x^2+{b + 1}x+{c}",
        f"{a}x^3+{b}x+{c}",
        f"{a}y^2+{b}y+{c}",
        f"{a}x^2+{b}x",
    ]
    wrong += [f"{a}x^2+{b}x+{c}.000001", f"{a + b + c}", f"{a}x^2+{b}x+{c}=0", f"({a}x+{b})x"]
    return right[0], right, wrong


def words(rng: random.Random) -> tuple[str, list[str], list[str]]:
    days = ["Monday", "Tuesday", "Friday", "even", "odd", "True", "False", "neither", "Ann Lee"]
    word, other = rng.sample(days, 2)
    right = [
        word,
        f"\\text{{{word}}}",
        word.lower(),
        word.upper(),
        f"\\textbf{{{word}}}",
        f"\\mathrm{{{word}}}",
    ]
    return (
        rng.choice(right[:2]),
        right,
        [other, f"not {word}", f"\\text{{{other}}}", word[:-1], f"{word}s", "1"],
    )


def letter(rng: random.Random) -> tuple[str, list[str], list[str]]:
    one, other = rng.sample("ABCDE", 2)
    right = [one, f"({one})", f"\\text{{{one}}}", f"\\textbf{{({one})}}", f"\\mathrm{{{one}}}"]
    return (
        rng.choice(right),
        right,
        [other, f"({other})", f"{one}{other}", f"{one}, {other}", "1", f"2{one}"],
    )


def huge(rng: random.Random) -> tuple[str, list[str], list[str]]:
    n, base = rng.randint(50, 300), rng.choice((2, 3, 7))
    right = [
        f"\\frac{{1}}{{{base}^{{{n}}}}}",
        f"{base}^{{-{n}}}",
        f"1/{base}^{{{n}}}",
        f"\\frac{{{base}}}{{{base}^{{{n + 1}}}}}",
    ]
    wrong = [
        f"\\frac{{1}}{{{base}^{{{n - 1}}}}}",
        f"{base}^{{-{n + 1}}}",
        "0",
        f"-{base}^{{-{n}}}",
        f"10^{{-{n}}}",
    ]
    wrong += [f"\\frac{{1}}{{{base}^{{{n}}}+1}}"]
    return right[0], right, wrong


KINDS: tuple[Draw, ...] = (
    *(whole, fraction, small_number, roots, point, interval, ray, union, measured, percentage),
    *(surd, multiple_of_pi, polynomial, words, letter, huge),
)
