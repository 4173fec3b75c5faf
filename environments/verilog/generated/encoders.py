"""Combinational codes: decoders, encoders, multiplexers, parity, tables."""

from __future__ import annotations

import random

from envgym.environments.verilog.generated.builder import Draft


def decoder(rng: random.Random) -> Draft:
    n, low = rng.randint(2, 4), rng.random() < 0.4
    size = 1 << n
    one = f"{size}'d1 << sel"
    off = f"{{{size}{{1'b{int(low)}}}}}"
    level = "0, and all others 1" if low else "1, and all others 0"
    return Draft(
        f"A decoder: when enable is 1, bit number sel of y is {level}; when enable is 0, all "
        "bits of "
        f"y are {int(low)}.",
        "Shift a one to its place.",
        f"sel:{n} enable",
        f"y:{size}",
        f"assign y = enable ? {'~(' if low else '('}{one}) : {off};",
        [("enable ?", "!enable ?"), ("<< sel", "<< (sel + 1)"), (off, f"{size}'d2")],
    )


def priority_encoder(rng: random.Random) -> Draft:
    n, msb = rng.randint(2, 4), rng.random() < 0.5
    size = (1 << n) - rng.choice([0, 0, 1])
    loop = f"i = 0; i < {size}; i = i + 1" if msb else f"i = {size - 1}; i >= 0; i = i - 1"
    other = f"i = {size - 1}; i >= 0; i = i - 1" if msb else f"i = 0; i < {size}; i = i + 1"
    return Draft(
        f"index is the number of the {'highest' if msb else 'lowest'} bit of d that is 1, and 0 "
        "where "
        "none is; valid is 1 when any is.",
        "Let a loop overwrite its finding, in the order that makes the right one last.",
        f"d:{size}",
        f"index:{n} valid",
        f"integer i;\nalways_comb begin\n  index = 0;\n  for ({loop})\n"
        "    if (d[i]) index = i;\nend\nassign valid = |d;",
        [(loop, other), ("|d", "&d"), ("if (d[i])", "if (!d[i])")],
    )


def multiplexer(rng: random.Random) -> Draft:
    w, n = rng.randint(1, 6), rng.choice([3, 4, 5, 6])
    bits = (n - 1).bit_length()
    names = ["a", "b", "c", "d", "e", "f"][:n]
    words = ", ".join(f"{code}: {name}" for code, name in enumerate(names))
    cases = [f"  {code}: y = {name};" for code, name in enumerate(names)]
    rest = "" if n == 1 << bits else " For any other sel y is 0."
    body = "\n".join(["always_comb case (sel)", *cases, "  default: y = 0;", "endcase"])
    return Draft(
        f"sel chooses which input y shows: {words}.{rest}",
        "A case statement; think of the codes that nobody uses.",
        " ".join([*(f"{name}:{w}" for name in names), f"sel:{bits}"]),
        f"y:{w}",
        body,
        [("y = b;", "y = a;"), (cases[2], "  2: y = 0;"), ("  0: y = a;", "  0: y = ~a;")],
    )


def demultiplexer(rng: random.Random) -> Draft:
    w = rng.randint(1, 5)
    return Draft(
        "Send d to one of the outputs y0 to y3, whose number sel says; the other three are 0.",
        "Each output is d or 0, by its own comparison.",
        f"d:{w} sel:2",
        f"y0:{w} y1:{w} y2:{w} y3:{w}",
        "\n".join(f"assign y{n} = sel == {n} ? d : 0;" for n in range(4)),
        [
            ("y1 = sel == 1", "y1 = sel == 2"),
            ("y0 = sel == 0", "y0 = sel != 0"),
            ("3 ? d", "3 ? ~d"),
        ],
    )


def gray_encoder(rng: random.Random) -> Draft:
    w = rng.randint(3, 10)
    return Draft(
        f"gray is the reflected Gray code of the {w}-bit binary number b.",
        "Each bit of the code is the exclusive or of two neighbours.",
        f"b:{w}",
        f"gray:{w}",
        "assign gray = b ^ (b >> 1);",
        [(">> 1", "<< 1"), (">> 1", ">> 2"), ("^", "|")],
    )


def gray_decoder(rng: random.Random) -> Draft:
    w = rng.randint(3, 9)
    return Draft(
        f"b is the binary number whose reflected Gray code is the {w}-bit input gray.",
        "Each bit is the parity of the code's bits from the top down to it.",
        f"gray:{w}",
        f"b:{w}",
        f"genvar i;\ngenerate for (i = 0; i < {w}; i = i + 1) begin : bits\n"
        "  assign b[i] = ^(gray >> i);\nend endgenerate",
        [
            ("^(gray >> i)", "^(gray << i)"),
            ("^(gray >> i)", "|(gray >> i)"),
            (">> i", ">> (i + 1)"),
        ],
    )


def parity(rng: random.Random) -> Draft:
    w, odd = rng.randint(3, 12), rng.random() < 0.5
    return Draft(
        f"p makes the number of ones in d and p together {'odd' if odd else 'even'}. error is 1 "
        "when "
        "the received bit r is not p.",
        "A reduction by exclusive or.",
        f"d:{w} r",
        "p error",
        f"assign p = {'~^d' if odd else '^d'};\nassign error = r ^ p;",
        [
            ("^d", f"^d[{w - 2}:0]"),
            ("r ^ p", "r & p"),
            ("~^d" if odd else "^d", "^d" if odd else "~^d"),
        ],
    )


def shifter(rng: random.Random) -> Draft:
    n = rng.choice([2, 3])
    w = 1 << n
    kinds = {
        "shift left, zeros enter": "d << n",
        "shift right, zeros enter": "d >> n",
        "shift right, the top bit is repeated": "$signed(d) >>> n",
        "rotate left": f"(d << n) | (d >> ({w} - n))",
        "rotate right": f"(d >> n) | (d << ({w} - n))",
    }
    first, second = rng.sample(sorted(kinds), 2)
    return Draft(
        f"Move the {w} bits of d by n places. When mode is 0: {first}. When mode is 1: {second}.",
        "Work out both results, and choose. A shift that repeats the sign needs a signed operand "
        "of "
        "its own.",
        f"d:{w} n:{n} mode",
        f"y:{w}",
        f"wire [{w - 1}:0] first = {kinds[first]};\nwire [{w - 1}:0] second = {kinds[second]};\n"
        "assign y = mode ? second : first;",
        [("? second : first", "? first : second"), ("mode ?", "1'b0 ?"), ("d", "~d")],
    )


def reverser(rng: random.Random) -> Draft:
    bytes_ = rng.choice([2, 3, 4])
    w = 8 * bytes_
    swapped = ", ".join(f"d[{8 * n + 7}:{8 * n}]" for n in range(bytes_))
    return Draft(
        f"d is {bytes_} bytes. When mode is 0, y is d with its bytes in the opposite order; when "
        "mode "
        f"is 1, y is d with all its {w} bits in the opposite order.",
        "A concatenation for the bytes, a loop for the bits.",
        f"d:{w} mode",
        f"y:{w}",
        f"integer i;\nlogic [{w - 1}:0] bits;\nalways_comb\n  for (i = 0; i < {w}; i = i + 1)\n"
        f"    bits[i] = d[{w - 1} - i];\nassign y = mode ? bits : {{{swapped}}};",
        [("mode ?", "!mode ?"), (f"{{{swapped}}}", "d"), (f"d[{w - 1} - i]", "d[i]")],
    )


# Active-high seven-segment codes of the hexadecimal digits, segment a in the lowest bit.
_SEGMENTS = [
    0x3F,
    0x06,
    0x5B,
    0x4F,
    0x66,
    0x6D,
    0x7D,
    0x07,
    0x7F,
    0x6F,
    0x77,
    0x7C,
    0x39,
    0x5E,
    0x79,
    0x71,
]


def seven_segments(rng: random.Random) -> Draft:
    low, decimal = rng.random() < 0.5, rng.random() < 0.4
    codes = _SEGMENTS[:10] if decimal else _SEGMENTS
    table = ", ".join(f"{digit:X}: {code:07b}" for digit, code in enumerate(codes))
    cases = [f"  4'd{digit}: on = 7'b{code:07b};" for digit, code in enumerate(codes)]
    body = "\n".join(
        [
            "logic [6:0] on;",
            "always_comb case (digit)",
            *cases,
            "  default: on = 0;",
            "endcase",
            f"assign seg = {'~on' if low else 'on'};",
        ]
    )
    level = "0 lights a segment" if low else "1 lights a segment"
    return Draft(
        "Show a digit on seven segments, seg[6] is segment g, seg[0] is segment a. These are the "
        "lit "
        f"segments, gfedcba, for each digit: {table}. For any other digit none is lit. {level}.",
        "A table; mind what lights a segment.",
        "digit:4",
        "seg:7",
        body,
        [
            ("= ~on" if low else "= on", "= on" if low else "= ~on"),
            (cases[3], cases[3].replace("b100", "b101")),
            (cases[6], cases[6].replace("4'd6", "4'd15") if decimal else "  4'd6: on = 0;"),
        ],
    )


def truth_table(rng: random.Random) -> Draft:
    n = rng.choice([3, 4])
    size = 1 << n
    ones = sorted(rng.sample(range(size), rng.randint(3, size - 3)))
    bits = sum(1 << one for one in ones)
    flip = 1 << rng.randrange(size)
    names = ["a", "b", "c", "d"][:n]
    code = "{" + ", ".join(names) + "}"
    return Draft(
        f"y is 1 exactly when the number that {code} writes in binary ({names[0]} is the highest "
        "bit) "
        f"is one of {', '.join(map(str, ones))}.",
        "A table of as many bits as there are numbers, or a sum of products from a Karnaugh map.",
        " ".join(names),
        "y",
        f"wire [{size - 1}:0] ones = {size}'h{bits:x};\nassign y = ones[{code}];",
        [
            (f"h{bits:x}", f"h{bits ^ flip:x}"),
            (f"h{bits:x}", f"h{bits ^ ((1 << size) - 1):x}"),
            (f"h{bits:x}", f"h{bits ^ 1 ^ (1 << (size - 1)):x}"),
        ],
    )


# Hamming(7,4) encoder body: parity bits at positions 1, 2 and 4.
_HAMMING = (
    "wire p0 = d[0] ^ d[1] ^ d[3];\nwire p1 = d[0] ^ d[2] ^ d[3];\nwire p2 = d[1] ^ d[2] ^ d[3];\n"
    "assign code = {d[3], d[2], d[1], p2, d[0], p1, p0};"
)


def hamming_encoder(rng: random.Random) -> Draft:
    extended = rng.random() < 0.5
    more = " code[7] makes the number of ones in all eight bits even." if extended else ""
    body = _HAMMING.replace("code =", "low =") if extended else _HAMMING
    if extended:
        body = f"wire [6:0] low;\n{body}\nassign code = {{^low, low}};"
    return Draft(
        "The Hamming (7,4) code of d: code[0], code[1] and code[3] are parity bits, code[2], "
        "code[4], "
        "code[5], code[6] are d[0], d[1], d[2], d[3]. Of the places counted from 1, parity bit 1 "
        "makes "
        "even the ones in places 1, 3, 5, 7; parity bit 2 in places 2, 3, 6, 7; parity bit 4 in "
        f"places 4, 5, 6, 7.{more}",
        "Write each parity bit as the exclusive or of the data bits in its places.",
        "d:4",
        f"code:{8 if extended else 7}",
        body,
        [
            ("p0 = d[0] ^ d[1] ^ d[3]", "p0 = d[0] ^ d[2] ^ d[3]"),
            ("p2, d[0], p1, p0", "p0, d[0], p1, p2"),
            ("p1 = d[0] ^", "p1 = ~d[0] ^"),
        ],
    )


def hamming_decoder(rng: random.Random) -> Draft:
    return Draft(
        "Correct a Hamming (7,4) code word in which at most one bit is wrong. Of the places "
        "counted "
        "from 1 (code[0] is place 1), 1, 2 and 4 hold parity bits that make even the ones in "
        "places "
        "1, 3, 5, 7; 2, 3, 6, 7; 4, 5, 6, 7. d[0] to d[3] are the corrected bits of places 3, 5, "
        "6, "
        "7. place is the wrong bit's place, 0 where none is wrong.",
        "The three parities, read as a number, name the wrong place.",
        "code:7",
        "d:4 place:3",
        "assign place = {^code[6:3], code[1] ^ code[2] ^ code[5] ^ code[6], "
        "code[0] ^ code[2] ^ code[4] ^ code[6]};\n"
        "wire [7:0] good = {code, 1'b0} ^ (8'd1 << place);\n"
        "assign d = {good[7], good[6], good[5], good[3]};",
        [
            ("^ (8'd1 << place)", ""),
            ("good[5], good[3]", "good[3], good[5]"),
            ("{^code[6:3]", "{^code[5:3]"),
        ],
    )


def leading_zeros(rng: random.Random) -> Draft:
    w, trailing = rng.randint(4, 12), rng.random() < 0.5
    bits = w.bit_length()
    found = "i" if trailing else f"{w - 1} - i"
    loop = f"i = {w - 1}; i >= 0; i = i - 1" if trailing else f"i = 0; i < {w}; i = i + 1"
    return Draft(
        f"n is the number of zeros {'below the lowest' if trailing else 'above the highest'} one "
        "of the "
        f"{w}-bit input d; it is {w} when d is 0.",
        "Let a loop overwrite its finding, in the order that makes the right one last.",
        f"d:{w}",
        f"n:{bits}",
        f"integer i;\nalways_comb begin\n  n = {w};\n  for ({loop})\n"
        f"    if (d[i]) n = {found};\nend",
        [
            (f"n = {w};", "n = 0;"),
            (f"n = {found}", f"n = {found} + 1"),
            ("if (d[i])", "if (!d[i])"),
        ],
    )


def thermometer(rng: random.Random) -> Draft:
    n, back = rng.randint(2, 4), rng.random() < 0.5
    w = (1 << n) - 1
    if not back:
        return Draft(
            f"t is a thermometer of {w} bits: its lowest n bits are 1, the others 0.",
            "A power of two minus one is a row of ones.",
            f"n:{n}",
            f"t:{w}",
            f"assign t = ({w + 1}'d1 << n) - 1;",
            [("- 1", ""), ("<< n", ">> n"), ("1 << n", "1 << (n + 1)")],
        )
    return Draft(
        f"t should be a thermometer of {w} bits: some number of ones at the low end, zeros "
        "above. n is "
        "how many ones it has, and good is 1 when it is a thermometer; n is 0 when it is none.",
        "A thermometer plus one has no bit in common with it.",
        f"t:{w}",
        f"n:{n} good",
        f"wire [{w}:0] next = t + 1;\nassign good = (next & t) == 0;\ninteger i;\n"
        f"always_comb begin\n  n = 0;\n  for (i = 0; i < {w}; i = i + 1)\n"
        "    n = n + (good & t[i]);\nend",
        [("== 0", "!= 0"), ("good & t[i]", "t[i]"), ("t + 1", "t + 2")],
    )


def threshold(rng: random.Random) -> Draft:
    n = rng.choice([3, 5, 7])
    least = rng.randint(2, n - 1)
    total = " + ".join(f"v[{i}]" for i in range(n))
    return Draft(
        f"yes is 1 when at least {least} of the {n} bits of v are 1. all is 1 when they all are.",
        "Count, then compare.",
        f"v:{n}",
        "yes all",
        f"wire [3:0] total = {total};\nassign yes = total >= {least};\nassign all = &v;",
        [(">=", ">"), (">=", "=="), ("&v", "|v")],
    )


def one_hot_check(rng: random.Random) -> Draft:
    w = rng.randint(3, 9)
    return Draft(
        f"one is 1 when exactly one bit of the {w}-bit input d is 1, none when no bit is, many "
        "when "
        "two or more are.",
        "d & (d - 1) is d without its lowest one.",
        f"d:{w}",
        "one none many",
        "wire more = (d & (d - 1)) != 0;\nassign none = d == 0;\nassign many = more;\n"
        "assign one = !none && !more;",
        [("d - 1", "d + 1"), ("!none && ", ""), ("d == 0", "d != 0")],
    )
