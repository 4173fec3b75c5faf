"""Finite state machines: sequence detectors, state tables, locks, traffic lights, handshakes."""

from __future__ import annotations

import random

from envgym.environments.verilog.generated.builder import Clocking, Draft


def sequence_detector(rng: random.Random) -> Draft:
    clk, n, overlap = Clocking.draw(rng), rng.choice([3, 4, 5]), rng.random() < 0.5
    bits = [rng.randrange(2) for _ in range(n)]
    pattern = "".join(map(str, bits))
    flipped = pattern[:-2] + ("0" if bits[-2] else "1") + pattern[-1]
    how = (
        "may overlap" if overlap else "do not overlap: after one was found, the search begins anew"
    )
    match = f"{{past, in}} == {n}'b{pattern} && length == {n - 1}"
    after = f"{n - 1}" if overlap else f"found ? 0 : length == {n - 1} ? {n - 1} : length + 1"
    if overlap:
        after = f"length == {n - 1} ? {n - 1} : length + 1"
    return Draft(
        f"Find the bits {pattern} (the leftmost comes first) in the serial input in, one bit a "
        "clock. found is 1 "
        "while in, before the clock that takes it, is the last bit of one that began after the "
        "reset. Finds "
        f"{how}.",
        "Keep the last bits and how many there are since the beginning; or draw the states.",
        "in",
        "found",
        f"logic [{n - 2}:0] past;\nlogic [2:0] length;\nassign found = {match};\n"
        + clk.always("past <= 0;\nlength <= 0;", f"past <= {{past, in}};\nlength <= {after};"),
        [
            (pattern, flipped),
            (f" && length == {n - 1}", f" && length == {n - 2}"),
            ("{past, in};", "{past, ~in};"),
            (
                f"length <= {after}",
                f"length <= {'found ? 0 : ' + after if overlap else after[12:]}",
            ),
        ]
        if _overlaps(pattern)
        else [
            (pattern, flipped),
            (f" && length == {n - 1}", f" && length == {n - 2}"),
            ("{past, in};", "{past, ~in};"),
        ],
        clk,
    )


def _overlaps(pattern: str) -> bool:
    """Return whether an occurrence of a pattern can begin within another one."""
    return any(pattern[k:] == pattern[:-k] for k in range(1, len(pattern)))


def state_table(rng: random.Random) -> Draft:
    clk, n = Clocking.draw(rng), rng.randint(3, 6)
    names = "ABCDEF"[:n]
    order = list(range(n))
    rng.shuffle(order)
    following = dict(
        zip(order, [*order[1:], order[0]], strict=True)
    )  # a cycle through all states makes each reachable
    nexts = []
    for state in range(n):
        pair = [following[state], rng.choice([s for s in range(n) if s != following[state]])]
        rng.shuffle(pair)
        nexts.append(pair)
    outs = rng.sample(range(8), n)
    table = "; ".join(
        f"{names[s]} (y={outs[s]}): 0 to {names[nexts[s][0]]}, 1 to {names[nexts[s][1]]}"
        for s in range(n)
    )
    cases = [
        f"  {s}: begin y = {outs[s]}; next = x ? {nexts[s][1]} : {nexts[s][0]}; end"
        for s in range(n)
    ]
    body = "\n".join(
        [
            "logic [2:0] state, next;",
            "always_comb case (state)",
            *cases,
            "  default: begin y = 0; next = 0; end",
            "endcase",
            clk.always("state <= 0;", "state <= next;"),
        ]
    )
    last = (
        f"  {n - 1}: begin y = {outs[n - 1]}; next = x ? {nexts[n - 1][1]} : {nexts[n - 1][0]}; end"
    )
    return Draft(
        f"A Moore machine of {n} states; y belongs to the state, and x chooses the next one at "
        "each clock. Reset "
        f"leads to A. {table}.",
        "One case for what comes next and for y, one register for the state.",
        "x",
        "y:3",
        body,
        [
            (f"x ? {nexts[0][1]} : {nexts[0][0]}", f"x ? {nexts[0][0]} : {nexts[0][1]}"),
            (last, last.replace(f"y = {outs[n - 1]}", f"y = {outs[n - 1] ^ 1}")),
            (cases[1], cases[1].replace("x ?", "!x ?")),
            ("state <= 0;", "state <= 1;"),
        ],
        clk,
    )


def vending_machine(rng: random.Random) -> Draft:
    clk, price = Clocking.draw(rng), rng.randint(3, 7)
    return Draft(
        f"A machine sells something for {price} coins' worth. At each clock coin is 0 to 2: how "
        "much was put in "
        f"(3 counts as 0). When the sum reaches {price} or more, sold is 1 and change (0 or 1) "
        "is what is too "
        "much, both for the one clock cycle after that clock, and the sum begins anew with 0. "
        "refund at a clock "
        "sets the sum to 0, and the coin of that clock is lost too. Reset clears all.",
        "Work out the sum with the new coin first, then decide.",
        "coin:2 refund",
        "sold change",
        "logic [3:0] sum;\nwire [3:0] now = sum + (coin == 3 ? 0 : coin);\n"
        + clk.always(
            "sum <= 0;\nsold <= 0;\nchange <= 0;",
            f"sold <= 0;\nchange <= 0;\nif (refund) sum <= 0;\nelse if (now >= {price}) begin\n"
            "  sum <= 0;\n"
            f"  sold <= 1;\n  change <= now - {price};\nend else sum <= now;",
        ),
        [
            (f"now >= {price}", f"now > {price}"),
            (f"change <= now - {price};", "change <= 0;"),
            ("coin == 3 ? 0 : coin", "coin"),
            ("if (refund) sum <= 0;", "if (refund) sum <= now;"),
        ],
        clk,
    )


def traffic_light(rng: random.Random) -> Draft:
    clk = Clocking.draw(rng)
    red, green, yellow = rng.randint(2, 6), rng.randint(2, 6), rng.randint(1, 3)
    return Draft(
        f"A traffic light: red for {red} clocks, green for {green}, yellow for {yellow}, and "
        "again; exactly one "
        "is 1 at a time. Reset begins with red. While hold is 1 at a clock, green stays and its "
        "time does not "
        "run; hold does nothing in the other two.",
        "A state and a count of its clocks.",
        "hold",
        "red green yellow",
        "logic [1:0] state;\nlogic [2:0] count;\n"
        f"wire [2:0] last = state == 0 ? {red - 1} : state == 1 ? {green - 1} : {yellow - 1};\n"
        "assign {yellow, green, red} = 3'd1 << state;\n"
        + clk.always(
            "state <= 0;\ncount <= 0;",
            "if (!(state == 1 && hold)) begin\n  if (count == last) begin\n    count <= 0;\n"
            "    state <= state == 2 ? 0 : state + 1;\n  end else count <= count + 1;\nend",
        ),
        [
            (f"? {green - 1} :", f"? {green} :"),
            ("state == 1 && hold", "hold"),
            ("state == 2 ? 0", "state == 1 ? 0"),
        ],
        clk,
    )


def lock(rng: random.Random) -> Draft:
    clk, n = Clocking.draw(rng), rng.choice([3, 4])
    code = [rng.randrange(2) for _ in range(n)]
    digits = ", ".join(map(str, code))
    table = " : ".join(f"place == {k} ? {digit}" for k, digit in enumerate(code[:-1]))
    return Draft(
        f"A lock with the code {digits}. At a clock where press is 1, key is a digit, 0 or 1. "
        "When the digits "
        "came in this order, open is 1 from then on, until reset or a clock where close is 1 (a "
        "digit at that "
        "clock is ignored). A wrong digit means from the start: it does not count as the code's "
        "first digit. "
        "While open, digits are ignored.",
        "Count the right digits.",
        "press key close",
        "open",
        f"logic [1:0] place;\nwire want = {table} : {code[-1]};\n"
        + clk.always(
            "place <= 0;\nopen <= 0;",
            "if (close) begin\n  place <= 0;\n  open <= 0;\nend else if (press && !open) begin\n"
            f"  place <= key == want && place != {n - 1} ? place + 1 : 0;\n"
            f"  open <= key == want && place == {n - 1};\nend",
        ),
        [
            (f": {code[-1]};", f": {code[-1] ^ 1};"),
            ("press && !open", "press"),
            (
                f"open <= key == want && place == {n - 1}",
                f"open <= key == want && place == {n - 2}",
            ),
        ],
        clk,
    )


def handshake(rng: random.Random) -> Draft:
    clk, n = Clocking.draw(rng), rng.randint(2, 5)
    return Draft(
        "A server with a four-phase handshake. At rest ack is 0 and busy is 0. At a clock where "
        "req is 1 it "
        f"becomes busy for {n} clocks (busy is 1 in these {n} clock cycles), whatever req does "
        "meanwhile. Then "
        "busy is 0 and ack is 1, until a clock where req is 0, which brings it back to rest. "
        "Reset brings it to "
        "rest too.",
        "Three states and a count.",
        "req",
        "busy ack",
        "logic [2:0] left;\nassign busy = left != 0;\n"
        + clk.always(
            "left <= 0;\nack <= 0;",
            "if (busy) begin\n  left <= left - 1;\n  ack <= left == 1;\nend else if (ack) begin\n"
            f"  if (!req) ack <= 0;\nend else if (req) left <= {n};",
        ),
        [
            (f"left <= {n};", f"left <= {n - 1};"),
            ("if (!req) ack <= 0;", "ack <= 0;"),
            ("ack <= left == 1", "ack <= left == 1 && req"),
        ],
        clk,
    )


def run_detector(rng: random.Random) -> Draft:
    clk, n = Clocking.draw(rng), rng.randint(3, 6)
    w = n.bit_length()
    return Draft(
        f"steady is 1 while the last {n} bits of the serial input in (one a clock, since the "
        "reset) were equal; "
        "value is the last bit taken, 0 after a reset. steady is 0 while there are fewer bits.",
        "Count how many equal ones came last, up to as many as count.",
        "in",
        "steady value",
        f"logic [{w - 1}:0] run;\nassign steady = run == {n};\n"
        + clk.always(
            "run <= 0;\nvalue <= 0;",
            f"value <= in;\nrun <= run == 0 || in != value ? 1 : run == {n} ? {n} : run + 1;",
        ),
        [
            (f"steady = run == {n}", f"steady = run == {n - 1}"),
            ("in != value ? 1", "in != value ? 2"),
            ("in != value", "in == value"),
        ],
        clk,
    )


def thermostat(rng: random.Random) -> Draft:
    clk = Clocking.draw(rng)
    low = rng.randint(2, 6)
    high = rng.randint(low + 2, 12)
    return Draft(
        f"A thermostat with hysteresis: at a clock where temp is below {low}, heat becomes 1; at "
        "one where temp is "
        f"above {high}, it becomes 0; else it stays. It also becomes 0 where off is 1, whatever "
        "temp is. Reset "
        "sets it to 0. changes is how often heat changed since the reset, modulo 4; a reset "
        "itself is no change.",
        "Work out the next value first; what counts changes compares it with the present one.",
        "temp:4 off",
        "heat changes:2",
        f"wire next = off ? 0 : temp < {low} ? 1 : temp > {high} ? 0 : heat;\n"
        + clk.always(
            "heat <= 0;\nchanges <= 0;", "heat <= next;\nchanges <= changes + (next != heat);"
        ),
        [
            (f"temp < {low}", f"temp <= {low}"),
            (f"temp > {high} ? 0 : ", ""),
            ("off ? 0 : ", ""),
            ("next != heat", "next > heat"),
        ],
        clk,
    )
