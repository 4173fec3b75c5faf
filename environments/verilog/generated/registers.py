"""Registers: shift registers, register files, delay lines, edge detectors."""

from __future__ import annotations

import random

from envgym.environments.verilog.generated.builder import Clocking, Draft


def serial_in(rng: random.Random) -> Draft:
    clk, w, left = Clocking.draw(rng), rng.randint(3, 8), rng.random() < 0.5
    new = f"{{q[{w - 2}:0], d}}" if left else f"{{d, q[{w - 1}:1]}}"
    other = f"{{d, q[{w - 1}:1]}}" if left else f"{{q[{w - 2}:0], d}}"
    return Draft(
        f"A shift register of {w} bits. At each clock where en is 1, d enters q at the "
        f"{'lowest' if left else 'highest'} place and all others move {'up' if left else 'down'} "
        "by one. "
        "Reset clears it.",
        "A concatenation of d with all but one bit of q.",
        "en d",
        f"q:{w}",
        clk.always("q <= 0;", f"if (en) q <= {new};"),
        [(new, other), ("if (en) ", ""), ("q <= 0;", "q <= 1;")],
        clk,
    )


def serial_out(rng: random.Random) -> Draft:
    clk, w = Clocking.draw(rng), rng.randint(3, 8)
    msb = rng.random() < 0.5
    move = f"{{held[{w - 2}:0], 1'b0}}" if msb else "held >> 1"
    end = f"held[{w - 1}]" if msb else "held[0]"
    other = "held[0]" if msb else f"held[{w - 1}]"
    return Draft(
        f"Send a word bit by bit. At a clock where load is 1, the register takes the {w} bits of "
        "d; at "
        f"others it moves on by one place, zeros follow. out is the bit on turn, the "
        f"{'highest' if msb else 'lowest'} one first. Reset clears the register.",
        "Load has priority over moving on.",
        f"load d:{w}",
        "out",
        f"logic [{w - 1}:0] held;\nassign out = {end};\n"
        + clk.always("held <= 0;", f"if (load) held <= d;\nelse held <= {move};"),
        [
            (f"out = {end}", f"out = {other}"),
            ("held <= d", "held <= ~d"),
            ("if (load)", "if (!load)"),
        ],
        clk,
    )


def universal_shift(rng: random.Random) -> Draft:
    clk, w = Clocking.draw(rng), rng.randint(3, 6)
    actions = {
        "keep q": "q <= q;",
        "take d": "q <= d;",
        "move up, right_in enters at place 0": f"q <= {{q[{w - 2}:0], right_in}};",
        "move down, left_in enters at the top": f"q <= {{left_in, q[{w - 1}:1]}};",
    }
    names = sorted(actions)
    rng.shuffle(names)
    cases = [f"  {code}: {actions[name]}" for code, name in enumerate(names)]
    swapped = [f"  0: {actions[names[1]]}", f"  1: {actions[names[0]]}"]
    return Draft(
        f"A {w}-bit register with four modes, one at each clock: "
        + "; ".join(f"{code}: {name}" for code, name in enumerate(names))
        + ". Reset clears it.",
        "A case statement in the clocked block.",
        f"mode:2 d:{w} left_in right_in",
        f"q:{w}",
        clk.always("q <= 0;", "\n".join(["case (mode)", *cases, "endcase"])),
        [
            ("\n  ".join(cases[:2]), "\n  ".join(swapped)),
            ("right_in}", "left_in}"),
            ("q <= d;", "q <= ~d;"),
        ],
        clk,
    )


# Feedback taps of a maximal-length LFSR by width in bits.
_TAPS = {3: (2, 1), 4: (3, 2), 5: (4, 2), 6: (5, 4), 7: (6, 5), 8: (7, 5, 4, 3)}


def lfsr(rng: random.Random) -> Draft:
    clk, w, xnor = Clocking.draw(rng), rng.randint(3, 8), rng.random() < 0.3
    taps = " ^ ".join(f"q[{tap}]" for tap in _TAPS[w])
    start = 0 if xnor else rng.randrange(1, 1 << w)
    new = f"~({taps})" if xnor else taps
    words = ", ".join(f"q[{tap}]" for tap in _TAPS[w])
    return Draft(
        f"A linear feedback shift register of {w} bits. Reset sets q to {start}. At each clock "
        "where en is 1 "
        f"all bits move up by one, and the {'inverted ' if xnor else ''}exclusive or of {words}, "
        "before they "
        "moved, enters at place 0.",
        "Work the feedback out from the old bits.",
        "en",
        f"q:{w}",
        clk.always(f"q <= {start};", f"if (en) q <= {{q[{w - 2}:0], {new}}};"),
        [
            (f"q[{_TAPS[w][-1]}]" + (")" if xnor else ""), "q[0]" + (")" if xnor else "")),
            (f"q <= {start};", f"q <= {start ^ 2};"),
            (", ~(" if xnor else f", {taps}", ", (" if xnor else f", ~({taps})"),
        ],
        clk,
    )


def edge_detector(rng: random.Random) -> Draft:
    clk, w = Clocking.draw(rng), rng.randint(1, 8)
    kind, term, other = rng.choice(
        [
            ("from 0 to 1", "d & ~was", "~d & was"),
            ("from 1 to 0", "~d & was", "d & ~was"),
            ("either way", "d ^ was", "d & ~was"),
        ]
    )
    return Draft(
        f"For each of the {w} bits of d: the bit of pulse is 1 for one clock cycle after a clock "
        "at which d "
        f"is found to have changed {kind} since the clock before. Reset clears pulse, and what is "
        "remembered of d, to 0.",
        "Remember the last d, and register the comparison.",
        f"d:{w}",
        f"pulse:{w}",
        f"logic [{w - 1}:0] was;\n"
        + clk.always("was <= 0;\npulse <= 0;", f"was <= d;\npulse <= {term};"),
        [(term, other), ("was <= d;", "was <= pulse;"), ("pulse <= 0;", "pulse <= ~0;")],
        clk,
    )


def edge_capture(rng: random.Random) -> Draft:
    clk, w = Clocking.draw(rng), rng.randint(2, 6)
    return Draft(
        f"Catch falls. A bit of the {w}-bit output seen becomes 1 at a clock where the same bit "
        "of d is 0 and "
        "was 1 at the clock before. It stays 1 until a clock where the same bit of ack is 1; a "
        "fall at that "
        "clock is still caught. Reset clears seen, and sets what is remembered of d to 0.",
        "Clear first, then set.",
        f"d:{w} ack:{w}",
        f"seen:{w}",
        f"logic [{w - 1}:0] was;\n"
        + clk.always("was <= 0;\nseen <= 0;", "was <= d;\nseen <= (seen & ~ack) | (was & ~d);"),
        [
            ("(seen & ~ack) | (was & ~d)", "(seen | (was & ~d)) & ~ack"),
            ("was & ~d", "~was & d"),
            ("seen & ~ack", "seen & ack"),
        ],
        clk,
    )


def delay_line(rng: random.Random) -> Draft:
    clk, w, n = Clocking.draw(rng), rng.randint(1, 6), rng.randint(2, 5)
    stages = "".join(f"s{i} <= s{i - 1};\n" for i in range(1, n))
    return Draft(
        f"y shows what d was {n} clocks before (y takes the value that d has at a clock after "
        "that clock and "
        f"{n - 1} more). Clocks at which hold is 1 do not count: nothing moves. Reset clears all "
        "stages.",
        "A chain of registers with one enable.",
        f"d:{w} hold",
        f"y:{w}",
        f"logic [{w - 1}:0] {', '.join(f's{i}' for i in range(n))};\n"
        + clk.always(
            "\n".join(f"s{i} <= 0;" for i in range(n)),
            "if (!hold) begin\n  s0 <= d;\n"
            f"  {stages.replace(chr(10), chr(10) + '  ').rstrip()}\nend",
        )
        + f"\nassign y = s{n - 1};",
        [
            (f"y = s{n - 1}", f"y = s{n - 2}"),
            ("if (!hold)", "if (hold)"),
            (f"s{n - 1} <= s{n - 2}", f"s{n - 1} <= d"),
        ],
        clk,
    )


def accumulator(rng: random.Random) -> Draft:
    clk, w = Clocking.draw(rng), rng.randint(3, 6)
    wide = w + rng.randint(1, 3)
    return Draft(
        f"Sum up: at each clock where valid is 1, total (of {wide} bits, wrapping) grows by the "
        "unsigned "
        f"{w}-bit number d; when first is 1 as well, it begins anew with d. overflow becomes 1 "
        "when a sum "
        "does not fit, and is cleared where total begins anew. Reset clears both.",
        "Add in one bit more than total has.",
        f"valid first d:{w}",
        f"total:{wide} overflow",
        f"wire [{wide}:0] sum = total + d;\n"
        + clk.always(
            "total <= 0;\noverflow <= 0;",
            "if (valid) begin\n  if (first) begin\n    total <= d;\n    overflow <= 0;\n"
            "  end else begin\n"
            f"    total <= sum;\n    overflow <= overflow | sum[{wide}];\n  end\nend",
        ),
        [
            ("overflow | sum", "sum"),
            ("total <= d;", "total <= sum;"),
            ("if (valid) begin", "if (valid | first) begin"),
        ],
        clk,
    )


def register_file(rng: random.Random) -> Draft:
    clk, w, n, zero = Clocking.draw(rng), rng.randint(2, 8), rng.choice([2, 3]), rng.random() < 0.5
    size, zeros = 1 << n, " Register 0 is always 0." if zero else ""
    read = "{0} == 0 ? 0 : regs[{0}]" if zero else "regs[{0}]"
    write = "if (we && wa != 0)" if zero else "if (we)"
    return Draft(
        f"{size} registers of {w} bits. At a clock where we is 1, register wa takes d. q0 and q1 "
        "show the "
        "registers r0 and r1 without waiting for a clock; a new value shows after its "
        f"clock.{zeros} Reset "
        "clears all registers.",
        "An array, written in the clocked block, read by assignments.",
        f"we wa:{n} d:{w} r0:{n} r1:{n}",
        f"q0:{w} q1:{w}",
        f"logic [{w - 1}:0] regs [0:{size - 1}];\ninteger i;\n"
        + clk.always(f"for (i = 0; i < {size}; i = i + 1) regs[i] <= 0;", f"{write} regs[wa] <= d;")
        + f"\nassign q0 = {read.format('r0')};\nassign q1 = {read.format('r1')};",
        [
            (f"q1 = {read.format('r1')}", f"q1 = {read.format('r0')}"),
            (f"i < {size}", f"i < {size - 1}"),
            ("regs[wa] <= d", "regs[wa] <= d ^ regs[wa]"),
        ],
        clk,
    )


def debouncer(rng: random.Random) -> Draft:
    clk, n = Clocking.draw(rng), rng.randint(2, 5)
    w = n.bit_length()
    return Draft(
        f"Debounce: out changes to in once in has differed from out at {n} clocks in a row (it "
        "changes at the "
        f"last of these {n} clocks). Any clock at which they are equal begins the count anew. "
        "Reset clears out "
        "and the count.",
        "Count the clocks at which they differ.",
        "in",
        "out",
        f"logic [{w - 1}:0] count;\n"
        + clk.always(
            "count <= 0;\nout <= 0;",
            f"if (in == out) count <= 0;\nelse if (count == {n - 1}) begin\n  out <= in;\n"
            "  count <= 0;\n"
            "end else count <= count + 1;",
        ),
        [
            (f"count == {n - 1}", f"count == {n}" if n < 5 else f"count == {n - 2}"),
            ("if (in == out) count <= 0;", "if (in == out) count <= count;"),
            ("out <= in;", "out <= 1;"),
        ],
        clk,
    )


def running_extreme(rng: random.Random) -> Draft:
    clk, w, largest = Clocking.draw(rng), rng.randint(3, 8), rng.random() < 0.5
    sign, start = (">", "0") if largest else ("<", f"{(1 << w) - 1}")
    return Draft(
        f"best is the {'largest' if largest else 'smallest'} unsigned {w}-bit d seen at clocks "
        "where valid is 1, "
        "since reset or since the last clock where restart was 1; a d of that clock counts, if "
        "valid. Before "
        f"any was seen it is {start}. count is how many were seen, modulo 4.",
        "Restart first, then look at d.",
        f"valid restart d:{w}",
        f"best:{w} count:2",
        f"wire [{w - 1}:0] base = restart ? {start} : best;\n"
        "wire [1:0] seen = restart ? 0 : count;\n"
        + clk.always(
            f"best <= {start};\ncount <= 0;",
            f"best <= valid && d {sign} base ? d : base;\ncount <= seen + valid;",
        ),
        [
            (f"d {sign} base", f"d {'<' if largest else '>'} base"),
            ("restart ? 0 : count", "count"),
            ("valid && d", "d"),
        ],
        clk,
    )


def moving_sum(rng: random.Random) -> Draft:
    clk, w, n = Clocking.draw(rng), rng.randint(2, 5), rng.choice([3, 4])
    names = [f"s{i}" for i in range(n)]
    moves = "\n".join(["s0 <= d;", *(f"s{i} <= s{i - 1};" for i in range(1, n))])
    return Draft(
        f"total is the sum of the unsigned {w}-bit values that d had at the last {n} clocks "
        "where en was 1. "
        "Values from before the reset count as 0.",
        "Keep the values, and add them without a register.",
        f"en d:{w}",
        f"total:{w + 2}",
        f"logic [{w - 1}:0] {', '.join(names)};\n"
        + clk.always("\n".join(f"{name} <= 0;" for name in names), f"if (en) begin\n{moves}\nend")
        + f"\nassign total = {' + '.join(names)};",
        [(f" + s{n - 1}", ""), ("if (en) begin", "begin"), ("s1 <= s0;", "s1 <= d;")],
        clk,
    )
