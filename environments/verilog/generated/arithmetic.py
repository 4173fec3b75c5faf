"""Combinational arithmetic: adders, comparators, multipliers, ALUs."""

from __future__ import annotations

import random

from envgym.environments.verilog.generated.builder import Draft


def adder(rng: random.Random) -> Draft:
    w = rng.randint(2, 12)
    return Draft(
        f"Add the unsigned {w}-bit numbers a and b and the carry-in cin. sum holds the low {w} "
        "bits "
        "of the result, cout the carry out of the top bit.",
        "Add in one bit more than the operands have; the top bit is the carry.",
        f"a:{w} b:{w} cin",
        f"sum:{w} cout",
        "assign {cout, sum} = a + b + cin;",
        [("+ cin", ""), ("a + b", "a - b"), ("a + b + cin", "(a ^ b) + cin")],
    )


def subtractor(rng: random.Random) -> Draft:
    w = rng.randint(2, 12)
    return Draft(
        f"Subtract the unsigned {w}-bit number b from a. diff holds the low {w} bits of a - b; "
        "borrow is 1 exactly when a is smaller than b.",
        "A subtraction in one bit more gives the borrow as its top bit.",
        f"a:{w} b:{w}",
        f"diff:{w} borrow",
        "assign diff = a - b;\nassign borrow = a < b;",
        [("a < b", "a <= b"), ("a - b", "b - a"), ("a < b", "b < a")],
    )


def add_sub(rng: random.Random) -> Draft:
    w, high = rng.randint(3, 10), rng.random() < 0.5
    return Draft(
        f"When sub is {int(high)}, result is a - b, else a + b, both modulo 2^{w}. zero is 1 when "
        "result is 0. overflow is 1 when the operation overflows with a and b read as two's "
        "complement numbers.",
        "Add a and either b or its complement with a carry; overflow is a matter of three signs.",
        f"a:{w} b:{w} sub",
        f"result:{w} zero overflow",
        f"wire minus = {'sub' if high else '!sub'};\n"
        "assign result = minus ? a - b : a + b;\n"
        "assign zero = result == 0;\n"
        f"wire other = b[{w - 1}] ^ minus;\n"
        f"assign overflow = (a[{w - 1}] == other) & (result[{w - 1}] != a[{w - 1}]);",
        [
            ("minus ? a - b : a + b", "minus ? a + b : a - b"),
            ("result == 0", f"result[{w - 2}:0] == 0"),
            (" ^ minus", ""),
            (f"(a[{w - 1}] == other)", f"(a[{w - 1}] != other)"),
        ],
    )


# ALU operations: wording in the specification -> Verilog expression.
_OPERATIONS = {
    "a + b": "a + b",
    "a - b": "a - b",
    "a AND b": "a & b",
    "a OR b": "a | b",
    "a XOR b": "a ^ b",
    "NOT a": "~a",
    "a NOR b": "~(a | b)",
    "a shifted left by one": "a << 1",
    "a shifted right by one (a zero enters)": "a >> 1",
    "1 if a is smaller than b as unsigned numbers, else 0": "a < b",
    "a + 1": "a + 1",
    "b": "b",
}


def alu(rng: random.Random) -> Draft:
    w, bits = rng.randint(3, 8), rng.choice([2, 3])
    names = rng.sample(sorted(_OPERATIONS), 1 << bits)
    table = "; ".join(f"{code}: {name}" for code, name in enumerate(names))
    cases = [f"  {bits}'d{n}: y = {_OPERATIONS[name]};" for n, name in enumerate(names)]
    swapped = [
        cases[0].replace(_OPERATIONS[names[0]], _OPERATIONS[names[1]]),
        cases[1].replace(_OPERATIONS[names[1]], _OPERATIONS[names[0]]),
    ]
    body = "\n".join(
        [
            "always_comb case (op)",
            *cases[:-1],
            cases[-1].replace(f"{bits}'d{len(names) - 1}", "default"),
            "endcase",
            "assign zero = ~|y;",
            f"assign negative = y[{w - 1}];",
        ]
    )
    return Draft(
        f"A {w}-bit ALU. op chooses y, modulo 2^{w}, by this table: {table}. zero is 1 when y is "
        "0; "
        "negative is y's top bit.",
        "One case statement over op, then the flags from y.",
        f"a:{w} b:{w} op:{bits}",
        f"y:{w} zero negative",
        body,
        [
            ("~|y", "|y"),
            (f"y[{w - 1}]", f"y[{w - 2}]"),
            ("\n".join(cases[:2]), "\n".join(swapped)),
            (cases[0], cases[0].replace(_OPERATIONS[names[0]], "0")),
        ],
    )


def comparator(rng: random.Random) -> Draft:
    w, signed = rng.randint(2, 10), rng.random() < 0.5
    a, b = ("$signed(a)", "$signed(b)") if signed else ("a", "b")
    kind = "two's complement" if signed else "unsigned"
    other = "a < b" if signed else "$signed(a) < $signed(b)"
    return Draft(
        f"Compare the {w}-bit {kind} numbers a and b: lt, eq and gt are 1 when a is smaller than, "
        "equal to, greater than b.",
        "Mind whether the numbers have signs.",
        f"a:{w} b:{w}",
        "lt eq gt",
        f"assign lt = {a} < {b};\nassign eq = a == b;\nassign gt = {a} > {b};",
        [(f"lt = {a} < {b}", f"lt = {other}"), (f"{a} > {b}", f"{a} >= {b}"), ("==", "!=")],
    )


def abs_difference(rng: random.Random) -> Draft:
    w = rng.randint(2, 10)
    return Draft(
        f"y is the absolute difference of the unsigned {w}-bit numbers a and b; swapped is 1 "
        "when b "
        "is the larger one.",
        "Compare first, then subtract the smaller from the larger.",
        f"a:{w} b:{w}",
        f"y:{w} swapped",
        "assign swapped = b > a;\nassign y = swapped ? b - a : a - b;",
        [("b > a", "b >= a"), ("swapped ? b - a : a - b", "a - b"), ("b > a", "a > b")],
    )


def saturating_adder(rng: random.Random) -> Draft:
    w, signed = rng.randint(3, 10), rng.random() < 0.5
    if not signed:
        return Draft(
            f"Add the unsigned {w}-bit numbers a and b; where the sum does not fit into {w} "
            "bits, y "
            "is all ones. saturated says that this happened.",
            "Keep the carry, and let it choose.",
            f"a:{w} b:{w}",
            f"y:{w} saturated",
            f"wire [{w}:0] sum = a + b;\nassign saturated = sum[{w}];\n"
            f"assign y = saturated ? {{{w}{{1'b1}}}} : sum[{w - 1}:0];",
            [
                (f"{{{w}{{1'b1}}}}", f"{{{w}{{1'b0}}}}"),
                (f"saturated ? {{{w}{{1'b1}}}} : ", ""),
                (f"sum[{w}]", f"sum[{w - 1}]"),
            ],
        )
    return Draft(
        f"Add the two's complement {w}-bit numbers a and b; where the sum does not fit, y is the "
        "largest or the smallest number that does, whichever is nearer. saturated says that this "
        "happened.",
        "Two numbers of one sign overflow when their sum has the other.",
        f"a:{w} b:{w}",
        f"y:{w} saturated",
        f"wire [{w - 1}:0] sum = a + b;\n"
        f"assign saturated = (a[{w - 1}] == b[{w - 1}]) && (sum[{w - 1}] != a[{w - 1}]);\n"
        f"assign y = saturated ? {{a[{w - 1}], {{{w - 1}{{!a[{w - 1}]}}}}}} : sum;",
        [
            ("==", "!="),
            (f"{{a[{w - 1}], {{{w - 1}{{!a[{w - 1}]}}}}}}", f"{{{w}{{!a[{w - 1}]}}}}"),
            ("saturated ?", "1'b0 ?"),
        ],
    )


def multiplier(rng: random.Random) -> Draft:
    w, signed = rng.randint(2, 5), rng.random() < 0.5
    product = "$signed(a) * $signed(b)" if signed else "a * b"
    other = "a * b" if signed else "$signed(a) * $signed(b)"
    kind = "two's complement" if signed else "unsigned"
    return Draft(
        f"p is the {2 * w}-bit product of the {kind} {w}-bit numbers a and b.",
        "The product has as many bits as both factors together; mind the signs.",
        f"a:{w} b:{w}",
        f"p:{2 * w}",
        f"assign p = {product};",
        [(product, other), ("*", "+"), (product, f"{product} + a")],
    )


def popcount(rng: random.Random) -> Draft:
    w = rng.randint(3, 12)
    bits, zeros = w.bit_length(), rng.random() < 0.3
    return Draft(
        f"count is how many of the {w} bits of d are {'0' if zeros else '1'}.",
        "Add the bits up in a loop.",
        f"d:{w}",
        f"count:{bits}",
        f"integer i;\nalways_comb begin\n  count = 0;\n  for (i = 0; i < {w}; i = i + 1)\n"
        f"    count = count + {'!d[i]' if zeros else 'd[i]'};\nend",
        [
            (f"i < {w}", f"i < {w - 1}"),
            ("i = 0;", "i = 1;"),
            ("count + ", "count ^ "),
            ("count = 0;", "count = 1;"),
        ],
    )


def min_max(rng: random.Random) -> Draft:
    w, signed, largest = rng.randint(2, 8), rng.random() < 0.5, rng.random() < 0.5
    a, b = ("$signed(a)", "$signed(b)") if signed else ("a", "b")
    sign = ">" if largest else "<"
    return Draft(
        f"y is the {'larger' if largest else 'smaller'} of the {w}-bit "
        f"{'two' + chr(39) + 's complement' if signed else 'unsigned'} numbers a and b. from_b "
        "is 1 "
        "when y comes from b; of equal numbers, y comes from a.",
        "One comparison decides both outputs; mind which wins a tie.",
        f"a:{w} b:{w}",
        f"y:{w} from_b",
        f"assign from_b = {b} {sign} {a};\nassign y = from_b ? b : a;",
        [(sign, f"{sign}="), ("? b : a", "? a : b"), (f"{b} {sign} {a}", f"{a} {sign} {b}")],
    )


def divide_by_constant(rng: random.Random) -> Draft:
    w, k = rng.randint(4, 9), rng.choice([3, 5, 6, 7, 9, 10, 11])
    r = (k - 1).bit_length()
    return Draft(
        f"Divide the unsigned {w}-bit number n by {k}: quotient and remainder.",
        "The tools divide by a constant.",
        f"n:{w}",
        f"quotient:{w} remainder:{r}",
        f"assign quotient = n / {k};\nassign remainder = n % {k};",
        [(f"n / {k}", f"n / {k + 1}"), (f"n % {k}", f"n % {k + 1}"), (f"n / {k}", "n >> 1")],
    )


def bcd_digit_adder(rng: random.Random) -> Draft:
    digits = rng.choice([1, 2])
    step = (
        "wire [4:0] s{n} = a[{h}:{l}] + b[{h}:{l}] + {c};\n"
        "wire c{n} = s{n} > 9;\n"
        "assign sum[{h}:{l}] = c{n} ? s{n} + 6 : s{n};"
    )
    body = "\n".join(
        step.format(n=n, h=4 * n + 3, l=4 * n, c=f"c{n - 1}" if n else "cin") for n in range(digits)
    )
    return Draft(
        f"Add the BCD numbers a and b of {digits} digit(s), four bits each, and cin. sum has as "
        "many "
        "digits, cout is the carry out of the top one. Digits are never above 9: what happens then "
        "is not asked, but let each digit above 9 be corrected by adding 6 as usual, modulo 16.",
        "Add binary digit by digit, and 6 where a digit exceeds 9.",
        f"a:{4 * digits} b:{4 * digits} cin",
        f"sum:{4 * digits} cout",
        f"{body}\nassign cout = c{digits - 1};",
        [("> 9", "> 10"), ("+ 6", "+ 5"), (" + cin", "")],
    )


def linear(rng: random.Random) -> Draft:
    w, k = rng.randint(4, 10), rng.randint(3, 13)
    c = rng.randint(1, (1 << w) - 1)
    return Draft(
        f"y = {k} * x + {c}, modulo 2^{w}, where x is an unsigned {w}-bit number. odd is 1 when "
        "y is "
        "odd.",
        "Constants can be written as they stand; keep the width.",
        f"x:{w}",
        f"y:{w} odd",
        f"assign y = {k} * x + {c};\nassign odd = y[0];",
        [
            (f"{k} * x", f"{k + 1} * x"),
            (f"+ {c}", f"- {c}" if c * 2 % (1 << w) else ""),
            ("y[0]", "!y[0]"),
        ],
    )


def clamp(rng: random.Random) -> Draft:
    w = rng.randint(4, 9)
    low = rng.randint(1, (1 << w) // 2 - 1)
    high = rng.randint(low + 1, (1 << w) - 2)
    return Draft(
        f"Clamp the unsigned {w}-bit number x: y is {low} where x is smaller, {high} where x is "
        "larger, and x elsewhere. kept is 1 when x was not changed.",
        "Two comparisons and a choice of three.",
        f"x:{w}",
        f"y:{w} kept",
        f"assign y = x < {low} ? {low} : x > {high} ? {high} : x;\nassign kept = y == x;",
        [(f"x < {low}", f"x < {low - 1}"), (f": x > {high} ? {high}", ""), ("y == x", "y != x")],
    )
