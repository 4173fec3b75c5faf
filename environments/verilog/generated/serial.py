"""Multi-cycle circuits: serial lines, checksums, step-by-step arithmetic."""

from __future__ import annotations

import random

from envgym.environments.verilog.generated.builder import Clocking, Draft

# CRC generator polynomials by width in bits, without the leading term.
_POLYNOMIALS = {4: [0x3, 0x9], 5: [0x5, 0x15], 8: [0x07, 0x31, 0x1D], 16: [0x1021, 0x8005]}


def crc(rng: random.Random) -> Draft:
    clk, w = Clocking.draw(rng), rng.choice([4, 5, 8, 16])
    polynomial, ones = rng.choice(_POLYNOMIALS[w]), rng.random() < 0.5
    start = f"{w}'h{(1 << w) - 1 if ones else 0:x}"
    return Draft(
        f"A serial CRC of {w} bits with the polynomial 0x{polynomial:x} (without its top term), "
        "most significant bit "
        "first. At a clock where valid is 1, bit is taken: crc is shifted left by one, and where "
        "the bit that fell "
        "out differs from the one taken, the polynomial is combined with it by exclusive or. At "
        "a clock where "
        f"begin_in is 1 crc becomes 0x{(1 << w) - 1 if ones else 0:x}, whatever valid is; reset "
        "does the same.",
        "The feedback is the top bit combined with the new bit.",
        "valid begin_in bit_in",
        f"crc:{w}",
        f"wire feedback = crc[{w - 1}] ^ bit_in;\n"
        + clk.always(
            f"crc <= {start};",
            f"if (begin_in) crc <= {start};\nelse if (valid) crc <= {{crc[{w - 2}:0], 1'b0}} ^ "
            f"(feedback ? {w}'h{polynomial:x} : {w}'h0);",
        ),
        [
            (f"{w}'h{polynomial:x} :", f"{w}'h{polynomial ^ 2:x} :"),
            (" ^ bit_in", ""),
            ("if (valid) ", ""),
        ],
        clk,
    )


def uart_transmitter(rng: random.Random) -> Draft:
    clk, bits, ticks = Clocking.draw(rng), rng.choice([4, 5, 8]), rng.choice([1, 2, 3])
    par = rng.choice(["", "even", "odd"])
    width = bits + 2 + bool(par)
    p = {"": "", "even": "^d, ", "odd": "~^d, "}[par]
    words = {
        "": "",
        "even": ", a bit that makes the ones even",
        "odd": ", a bit that makes the ones odd",
    }[par]
    return Draft(
        "A UART's transmitter. tx is 1 at rest. At a clock where send is 1 and busy is 0, the "
        f"{bits} bits of d are "
        f"taken and sent, from that clock on: a 0, the bits from the lowest one on{words}, and a "
        f"1, each for {ticks} "
        "clock(s). busy is 1 while a frame, its last 1 included, is being sent; send is ignored "
        "meanwhile. Reset ends "
        "any frame.",
        "Load the whole frame into a shift register; count bits and clocks.",
        f"send d:{bits}",
        "tx busy",
        f"logic [{width - 1}:0] frame;\nlogic [3:0] left;\nlogic [1:0] count;\n"
        "assign busy = left != 0;\n"
        "assign tx = busy ? frame[0] : 1'b1;\n"
        + clk.always(
            "left <= 0;\ncount <= 0;\nframe <= 0;",
            f"if (busy) begin\n  if (count == {ticks - 1}) begin\n    count <= 0;\n"
            "    left <= left - 1;\n"
            "    frame <= frame >> 1;\n  end else count <= count + 1;\nend else if (send) begin\n"
            f"  frame <= {{1'b1, {p}d, 1'b0}};\n  left <= {width};\n  count <= 0;\nend",
        ),
        [
            (f"left <= {width};", f"left <= {width - 1};"),
            ("frame >> 1", "{frame[0], frame} >> 2"),
            ("d, 1'b0}", "d, 1'b1}"),
            ("if (busy) begin", "if (busy && !send) begin"),
        ],
        clk,
    )


def uart_receiver(rng: random.Random) -> Draft:
    clk, bits = Clocking.draw(rng), rng.choice([4, 5, 8])
    return Draft(
        "A receiver of serial frames, one bit a clock: at rest rx is 1; a 0 at a clock begins a "
        f"frame, the next {bits} "
        "clocks bring the data, lowest bit first, and the one after them should be 1. If it is, "
        "valid is 1 for the one "
        "clock cycle after it, data shows the word, and the next frame may begin at the next "
        "clock. If it is 0, error is "
        "1 for one clock cycle instead, and nothing begins before rx was 1 at a clock. data "
        "keeps its word until "
        "another valid one. Reset brings it to rest and clears all outputs.",
        "States: at rest, taking bits, looking at the last bit, waiting for a 1.",
        "rx",
        f"data:{bits} valid error",
        f"logic [1:0] state;\nlogic [3:0] count;\nlogic [{bits - 1}:0] held;\n"
        + clk.always(
            "state <= 0;\ncount <= 0;\nheld <= 0;\ndata <= 0;\nvalid <= 0;\nerror <= 0;",
            "valid <= 0;\nerror <= 0;\ncase (state)\n  0: if (!rx) begin\n    state <= 1;\n"
            "    count <= 0;\n  end\n"
            f"  1: begin\n    held <= {{rx, held[{bits - 1}:1]}};\n    count <= count + 1;\n"
            f"    if (count == {bits - 1}) state <= 2;\n  end\n  2: if (rx) begin\n"
            "    data <= held;\n    valid <= 1;\n"
            "    state <= 0;\n  end else begin\n    error <= 1;\n    state <= 3;\n  end\n"
            "  3: if (rx) state <= 0;\nendcase",
        ),
        [
            (f"{{rx, held[{bits - 1}:1]}}", f"{{held[{bits - 2}:0], rx}}"),
            (f"count == {bits - 1}", f"count == {bits - 2}"),
            ("error <= 1;\n      state <= 3;", "error <= 1;\n      state <= 0;"),
        ],
        clk,
    )


def serial_adder(rng: random.Random) -> Draft:
    clk, minus = Clocking.draw(rng), rng.random() < 0.4
    b = "!b" if minus else "b"
    start = int(minus)
    return Draft(
        f"A bit-serial {'subtractor (a - b)' if minus else 'adder'}: the bits of two numbers "
        "come at a and b, lowest "
        "first, one each clock. s is the result's bit of this place, without waiting for the "
        "clock. At a clock where "
        "last is 1 the numbers end, and the next bits are the first ones of new numbers. Reset "
        "begins anew too.",
        "One full adder, and a register for its carry.",
        "a b last",
        "s",
        f"logic carry;\nassign s = a ^ {b} ^ carry;\n"
        + clk.always(
            f"carry <= {start};",
            f"carry <= last ? {start} : (a & {b}) | (a & carry) | ({b} & carry);",
        ),
        [
            (f"last ? {start} : ", ""),
            ("(a & carry)", "(a | carry)"),
            (f"last ? {start}", f"last ? {1 - start}"),
        ],
        clk,
    )


def manchester(rng: random.Random) -> Draft:
    clk, ieee = Clocking.draw(rng), rng.random() < 0.5
    first = "!held" if ieee else "held"
    return Draft(
        "Send bits in Manchester code, two clock cycles each. ready is 1 while no bit is being "
        "sent, and in the second "
        "half of one. At a clock where valid and ready are 1, bit_in is taken; in the clock "
        "cycle after it out is "
        f"{'the inverted bit' if ieee else 'the bit'}, in the next one "
        f"{'the bit' if ieee else 'the inverted bit'}. out is "
        "0 while nothing is sent. Reset ends any bit.",
        "Three states: nothing, first half, second half.",
        "valid bit_in",
        "ready out",
        f"logic [1:0] half;\nlogic held;\nassign ready = half != 1;\n"
        f"assign out = half == 0 ? 1'b0 : half == 1 ? {first} : ~({first});\n"
        + clk.always(
            "half <= 0;\nheld <= 0;",
            "if (ready && valid) begin\n  held <= bit_in;\n  half <= 1;\n"
            "end else half <= half == 1 ? 2 : 0;",
        ),
        [
            (f"half == 1 ? {first}", f"half == 1 ? ~({first})"),
            ("ready = half != 1", "ready = half == 0"),
            ("half == 1 ? 2 : 0", "0"),
        ],
        clk,
    )


def serial_divider(rng: random.Random) -> Draft:
    clk, w = Clocking.draw(rng), rng.choice([3, 4, 5])
    return Draft(
        f"Divide the unsigned {w}-bit numbers n by d in {w} clocks. At a clock where start is 1 "
        "and busy is 0, both are "
        f"taken, and busy is 1 for the next {w} clock cycles; then quotient and remainder hold "
        "the result until the next "
        "start is taken, when both become 0 until that result is there. For d = 0 the quotient "
        "is all ones and the remainder is n. "
        "Reset clears all.",
        "Shift the remainder left, bring down a bit, subtract where it fits.",
        f"start n:{w} d:{w}",
        f"quotient:{w} remainder:{w} busy",
        f"logic [{w - 1}:0] left, by, q, r;\nlogic [2:0] count;\nassign busy = count != 0;\n"
        f"wire [{w}:0] trial = {{r, left[{w - 1}]}};\nwire fits = trial >= by;\n"
        f"wire [{w - 1}:0] rest = fits ? trial - by : trial;\n"
        + clk.always(
            "count <= 0;\nleft <= 0;\nby <= 0;\nq <= 0;\nr <= 0;\nquotient <= 0;\nremainder <= 0;",
            "if (busy) begin\n  count <= count - 1;\n  left <= left << 1;\n  r <= rest;\n"
            f"  q <= {{q, fits}};\n"
            "  if (count == 1) begin\n    quotient <= {q, fits};\n    remainder <= rest;\n  end\n"
            "end else if (start) begin\n  left <= n;\n  by <= d;\n  q <= 0;\n  r <= 0;\n"
            f"  count <= {w};\n"
            "  quotient <= 0;\n  remainder <= 0;\nend",
        ),
        [
            ("trial >= by", "trial > by"),
            (f"count <= {w};", f"count <= {w - 1};"),
            ("fits ? trial - by : trial", "trial"),
            ("remainder <= rest;", "remainder <= r;"),
        ],
        clk,
    )


def serial_multiplier(rng: random.Random) -> Draft:
    clk, w = Clocking.draw(rng), rng.choice([3, 4, 5])
    return Draft(
        f"Multiply the unsigned {w}-bit numbers a and b in {w} clocks. At a clock where start is "
        "1 and busy is 0, both are "
        f"taken, and busy is 1 for the next {w} clock cycles. done is 1 in the one clock cycle "
        "after these. product shows "
        "the result from then on, until the next one is there. Reset clears all.",
        "Add one shifted factor for each bit of the other.",
        f"start a:{w} b:{w}",
        f"product:{2 * w} busy done",
        f"logic [{2 * w - 1}:0] sum, factor;\nlogic [{w - 1}:0] bits;\nlogic [2:0] count;\n"
        "assign busy = count != 0;\n"
        f"wire [{2 * w - 1}:0] next = bits[0] ? sum + factor : sum;\n"
        + clk.always(
            "count <= 0;\nsum <= 0;\nfactor <= 0;\nbits <= 0;\nproduct <= 0;\ndone <= 0;",
            "done <= 0;\nif (busy) begin\n  count <= count - 1;\n  sum <= next;\n"
            "  factor <= factor << 1;\n"
            "  bits <= bits >> 1;\n  if (count == 1) begin\n    product <= next;\n"
            "    done <= 1;\n  end\n"
            "end else if (start) begin\n  sum <= 0;\n  factor <= a;\n  bits <= b;\n"
            f"  count <= {w};\nend",
        ),
        [
            ("bits[0] ? sum + factor : sum", "sum + factor"),
            (f"count <= {w};", f"count <= {w - 1};"),
            ("product <= next;", "product <= sum;"),
            ("done <= 1;", "done <= 0;"),
        ],
        clk,
    )


def width_changer(rng: random.Random) -> Draft:
    clk, w, low = Clocking.draw(rng), rng.randint(2, 5), rng.random() < 0.5
    pair = "{d, held}" if low else "{held, d}"
    other = "{held, d}" if low else "{d, held}"
    return Draft(
        f"Put pairs of {w}-bit words together. At clocks where valid is 1, d is a word; of each "
        "two, the first one is the "
        f"{'lower' if low else 'upper'} half of pair. pair changes, and ready is 1 for one clock "
        "cycle, after the second. "
        "At a clock where flush is 1 a first word that waits is forgotten, and d is ignored. "
        "Reset does that too, and "
        "clears pair.",
        "A register for the first word, and one bit that says that it waits.",
        f"valid flush d:{w}",
        f"pair:{2 * w} ready",
        f"logic [{w - 1}:0] held;\nlogic waits;\n"
        + clk.always(
            "held <= 0;\nwaits <= 0;\npair <= 0;\nready <= 0;",
            "ready <= 0;\nif (flush) waits <= 0;\nelse if (valid) begin\n  waits <= !waits;\n"
            f"  if (waits) begin\n    pair <= {pair};\n    ready <= 1;\n  end else held <= d;\nend",
        ),
        [
            (pair, other),
            ("if (flush) waits <= 0;", "if (flush) waits <= waits;"),
            ("if (waits) begin", "if (!waits) begin"),
        ],
        clk,
    )
