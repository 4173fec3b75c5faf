"""Counters: up, down, ring and coded counters, timers, dividers."""

from __future__ import annotations

import random

from envgym.environments.verilog.generated.builder import Clocking, Draft


def up_counter(rng: random.Random) -> Draft:
    clk, w, step = Clocking.draw(rng), rng.randint(2, 6), rng.choice([1, 1, 2, 3])
    start = rng.choice([0, 0, rng.randrange(1 << w)])
    return Draft(
        f"A {w}-bit counter that wraps. Reset sets count to {start}. At each clock where en is "
        "1, count "
        f"grows by {step}. last is 1 while count is {(1 << w) - 1}.",
        "One register with an enable.",
        "en",
        f"count:{w} last",
        clk.always(f"count <= {start};", f"if (en) count <= count + {step};")
        + "\nassign last = &count;",
        [
            (f"count + {step}", f"count + {step + 1}"),
            ("if (en) ", ""),
            (f"count <= {start};", f"count <= {(start + 1) % (1 << w)};"),
        ],
        clk,
    )


def up_down_counter(rng: random.Random) -> Draft:
    clk, w, stick = Clocking.draw(rng), rng.randint(2, 5), rng.random() < 0.5
    top = (1 << w) - 1
    up = f"if (count != {top}) count <= count + 1;" if stick else "count <= count + 1;"
    down = "if (count != 0) count <= count - 1;" if stick else "count <= count - 1;"
    ends = "It stays at its ends instead of wrapping." if stick else "It wraps at its ends."
    step = (
        f"if (load) count <= d;\nelse if (en) begin\n  if (up) begin {up} end\n"
        f"  else begin {down} end\nend"
    )
    edits = [("if (up)", "if (!up)"), ("if (load) count <= d;\nelse ", "")]
    body = clk.always("count <= 0;", step)
    if stick:
        edits += [(f"if (count != {top}) ", ""), ("if (count != 0) ", "")]
    else:
        edits += [("count + 1", "count + 2")]
    edits[1] = ("if (load) count <= d;", "if (load) count <= ~d;")
    return Draft(
        f"A {w}-bit counter. Reset clears it. At each clock: when load is 1 it takes d; "
        "otherwise, when "
        f"en is 1, it counts up if up is 1 and down if not. {ends}",
        "Write the conditions in the order of their priority.",
        f"load en up d:{w}",
        f"count:{w}",
        body,
        edits,
        clk,
    )


def modulo_counter(rng: random.Random) -> Draft:
    clk, n = Clocking.draw(rng), rng.randint(3, 14)
    w = (n - 1).bit_length()
    return Draft(
        f"Count from 0 to {n - 1} and begin again, one step at each clock where en is 1; reset "
        "clears "
        f"count. carry is 1 while en is 1 and count is {n - 1}.",
        "Compare with the last number, and go back to 0 from it.",
        "en",
        f"count:{w} carry",
        clk.always("count <= 0;", f"if (en) count <= count == {n - 1} ? 0 : count + 1;")
        + f"\nassign carry = en && count == {n - 1};",
        [
            (f"count <= count == {n - 1}", f"count <= count == {n - 2}"),
            ("carry = en && ", "carry = "),
            ("? 0 :", "? 1 :"),
        ],
        clk,
    )


def bcd_counter(rng: random.Random) -> Draft:
    clk, down = Clocking.draw(rng), rng.random() < 0.4
    first, last, sign = ("9", "0", "-") if down else ("0", "9", "+")
    return Draft(
        "A BCD counter of two digits that counts "
        f"{'down from 99 to 00' if down else 'up from 00 to 99'} "
        "and wraps, one step at each clock where en is 1. Reset sets both digits to "
        f"{first}.",
        "The tens move when the ones wrap.",
        "en",
        "tens:4 ones:4",
        clk.always(
            f"ones <= {first};\ntens <= {first};",
            f"if (en) begin\n  ones <= ones == {last} ? {first} : ones {sign} 1;\n"
            f"  if (ones == {last}) tens <= tens == {last} ? {first} : tens {sign} 1;\nend",
        ),
        [
            (f"ones <= ones == {last}", f"ones <= ones == {8 if last == '9' else 1}"),
            (f"if (ones == {last}) tens", "tens"),
            (f"tens {sign} 1", f"tens {sign} 2"),
        ],
        clk,
    )


def gray_counter(rng: random.Random) -> Draft:
    clk, w = Clocking.draw(rng), rng.randint(2, 5)
    return Draft(
        f"A counter of {w} bits in reflected Gray code: at each clock where en is 1, g goes on "
        "to the "
        "next code word. Reset sets it to 0.",
        "Keep a binary counter, and show b ^ (b >> 1).",
        "en",
        f"g:{w}",
        f"logic [{w - 1}:0] b;\n"
        + clk.always("b <= 0;", "if (en) b <= b + 1;")
        + "\nassign g = b ^ (b >> 1);",
        [("b >> 1", "b << 1"), ("b + 1", "b - 1"), ("b <= 0;", "b <= 1;")],
        clk,
    )


def ring_counter(rng: random.Random) -> Draft:
    clk, w, johnson = Clocking.draw(rng), rng.randint(3, 8), rng.random() < 0.5
    start = 0 if johnson else 1
    new = f"!q[{w - 1}]" if johnson else f"q[{w - 1}]"
    kind = "the opposite of the top bit" if johnson else "the top bit"
    return Draft(
        f"A {'Johnson' if johnson else 'ring'} counter of {w} bits. Reset sets q to {start}. At "
        "each clock "
        f"where en is 1, q moves up by one place, and {kind} enters at place 0.",
        "A shift register that feeds itself.",
        "en",
        f"q:{w}",
        clk.always(f"q <= {start};", f"if (en) q <= {{q[{w - 2}:0], {new}}};"),
        [
            (new, f"q[{w - 2}]"),
            (f"q <= {start};", f"q <= {start + 2};"),
            (f"{{q[{w - 2}:0], {new}}}", f"{{{new}, q[{w - 1}:1]}}"),
        ],
        clk,
    )


def event_counter(rng: random.Random) -> Draft:
    clk, w = Clocking.draw(rng), rng.randint(2, 4)
    top = (1 << w) - 1
    return Draft(
        f"count counts the clocks at which event_in is 1 and stays at {top} once it is there. At "
        "a clock "
        "where clear is 1, count becomes 1 if event_in is 1 and 0 if not. full is 1 while count is "
        f"{top}. Reset clears count.",
        "Clear does not lose the event of its own clock.",
        "event_in clear",
        f"count:{w} full",
        clk.always(
            "count <= 0;",
            f"if (clear) count <= event_in;\nelse if (event_in && count != {top}) count <= count "
            "+ 1;",
        )
        + f"\nassign full = count == {top};",
        [
            ("count <= event_in;", "count <= 0;"),
            (f" && count != {top}", ""),
            (f"full = count == {top}", f"full = count == {top - 1}"),
        ],
        clk,
    )


def timer(rng: random.Random) -> Draft:
    clk, w = Clocking.draw(rng), rng.randint(3, 5)
    return Draft(
        "A timer. At a clock where start is 1, left becomes d, whatever else happens. At others "
        "left goes "
        "down by one until it is 0. done is 1 for the one clock cycle after left went from 1 to "
        "0; reset "
        "clears left and done.",
        "done is a register of its own, set for one clock only.",
        f"start d:{w}",
        f"left:{w} done",
        clk.always(
            "left <= 0;\ndone <= 0;",
            "done <= 0;\nif (start) left <= d;\nelse if (left != 0) begin\n  left <= left - 1;\n"
            "  done <= left == 1;\nend",
        ),
        [
            ("left == 1", "left == 2"),
            ("left - 1", "left - 2"),
            ("if (start) left", "if (start && left == 0) left"),
        ],
        clk,
    )


def pwm(rng: random.Random) -> Draft:
    clk, w = Clocking.draw(rng), rng.randint(2, 5)
    return Draft(
        f"Pulse width modulation: a {w}-bit counter, cleared by reset, counts every clock and "
        "wraps. out "
        "is 1 while the counter is smaller than duty. period is 1 while the counter is 0.",
        "A free counter and a comparison.",
        f"duty:{w}",
        "out period",
        f"logic [{w - 1}:0] count;\n"
        + clk.always("count <= 0;", "count <= count + 1;")
        + "\nassign out = count < duty;\nassign period = count == 0;",
        [
            ("count < duty", "count <= duty"),
            ("count == 0", "count == 1"),
            ("count + 1", "count + 2"),
        ],
        clk,
    )


def clock_divider(rng: random.Random) -> Draft:
    clk, half = Clocking.draw(rng), rng.randint(2, 9)
    w = (half - 1).bit_length()
    return Draft(
        f"slow is a wave that changes every {half} clocks; it begins at 0, and reset begins "
        "anew. tick is 1 "
        "in the clock cycle before each change.",
        "A counter that turns slow over when it wraps.",
        "",
        "slow tick",
        f"logic [{w - 1}:0] count;\nassign tick = count == {half - 1};\n"
        + clk.always(
            "count <= 0;\nslow <= 0;",
            "count <= tick ? 0 : count + 1;\nif (tick) slow <= !slow;",
        ),
        [
            (f"count == {half - 1}", f"count == {half - 2}"),
            ("slow <= 0;", "slow <= 1;"),
            ("if (tick) slow <= !slow", "slow <= tick"),
        ],
        clk,
    )
