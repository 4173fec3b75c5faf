"""Queues and arbiters: FIFOs, stacks, buffers, arbitration."""

from __future__ import annotations

import random

from envgym.environments.verilog.generated.builder import Clocking, Draft


def fifo(rng: random.Random) -> Draft:
    clk, w, n = Clocking.draw(rng), rng.randint(2, 8), rng.choice([1, 2, 3])
    size = 1 << n
    return Draft(
        f"A FIFO of {size} words of {w} bits. At a clock where push is 1 and it is not full, d "
        "enters; where pop is "
        "1 and it is not empty, the oldest word leaves; both may happen at one clock. A full "
        "FIFO takes nothing "
        "in, also where a word leaves. head shows the oldest word; it may be anything while "
        "empty is 1. count is "
        "how many words are in it. Reset empties it.",
        "Two pointers into an array, and a count.",
        f"push pop d:{w}",
        f"head:{w} empty full count:{n + 1}",
        f"logic [{w - 1}:0] words [0:{size - 1}];\nlogic [{n - 1}:0] first, next;\n"
        "wire enters = push && !full;\nwire leaves = pop && !empty;\nassign empty = count == 0;\n"
        f"assign full = count == {size};\nassign head = empty ? {w}'bx : words[first];\n"
        + clk.always(
            "first <= 0;\nnext <= 0;\ncount <= 0;",
            "if (enters) begin\n  words[next] <= d;\n  next <= next + 1;\nend\n"
            "if (leaves) first <= first + 1;\ncount <= count + enters - leaves;",
        ),
        [
            ("push && !full", "push"),
            ("pop && !empty", "pop && !empty && !push"),
            (f"count == {size}", f"count == {size - 1}"),
            ("words[next] <= d", "words[next] <= ~d"),
        ],
        clk,
    )


def stack(rng: random.Random) -> Draft:
    clk, w, n = Clocking.draw(rng), rng.randint(2, 8), rng.choice([1, 2, 3])
    size = 1 << n
    return Draft(
        f"A stack of {size} words of {w} bits. At a clock where push is 1, d is put on top, "
        "unless it is full; where "
        "push is 0 and pop is 1, the top is taken off, unless it is empty. top shows the topmost "
        "word, 0 when "
        "empty. Reset empties it.",
        "An array and the number of words in it.",
        f"push pop d:{w}",
        f"top:{w} empty full",
        f"logic [{w - 1}:0] words [0:{size - 1}];\nlogic [{n}:0] count;\n"
        f"wire [{n - 1}:0] last = count - 1;\n"
        f"assign empty = count == 0;\nassign full = count == {size};\n"
        "assign top = empty ? 0 : words[last];\n"
        + clk.always(
            "count <= 0;",
            f"if (push) begin\n  if (!full) begin\n    words[count[{n - 1}:0]] <= d;\n"
            "    count <= count + 1;\n"
            "  end\nend else if (pop && !empty) count <= count - 1;",
        ),
        [
            ("if (!full) begin", "begin"),
            ("pop && !empty", "pop"),
            ("empty ? 0 : words[last]", "empty ? 0 : words[0]"),
        ],
        clk,
    )


def one_place_buffer(rng: random.Random) -> Draft:
    clk, w = Clocking.draw(rng), rng.randint(2, 8)
    return Draft(
        f"A buffer of one place between two valid/ready links of {w} bits. A word is handed over "
        "at a clock where a "
        "link's valid and ready are both 1. in_ready is 1 when the buffer is empty or its word "
        "leaves at this "
        "clock. out_valid and out_data are the buffer's; out_data keeps its word until another "
        "one enters. Reset "
        "empties the buffer and clears out_data.",
        "in_ready is worked out from out_ready without a register.",
        f"in_valid in_data:{w} out_ready",
        f"in_ready out_valid out_data:{w}",
        "assign in_ready = !out_valid || out_ready;\n"
        + clk.always(
            "out_valid <= 0;\nout_data <= 0;",
            "if (in_ready) begin\n  out_valid <= in_valid;\n"
            "  if (in_valid) out_data <= in_data;\nend",
        ),
        [
            ("!out_valid || out_ready", "!out_valid"),
            ("if (in_ready) begin", "begin"),
            ("if (in_valid) out_data", "out_data"),
        ],
        clk,
    )


def fixed_arbiter(rng: random.Random) -> Draft:
    n, low = rng.randint(3, 7), rng.random() < 0.5
    loop = f"i = {n - 1}; i >= 0; i = i - 1" if low else f"i = 0; i < {n}; i = i + 1"
    other = f"i = 0; i < {n}; i = i + 1" if low else f"i = {n - 1}; i >= 0; i = i - 1"
    return Draft(
        f"An arbiter of {n} requests: grant has exactly one bit set, that of the "
        f"{'lowest' if low else 'highest'} "
        "request that is not masked (a bit of mask that is 1 masks), and none where there is none.",
        "Mask first; then let a loop overwrite its finding.",
        f"request:{n} mask:{n}",
        f"grant:{n}",
        f"integer i;\nwire [{n - 1}:0] asks = request & ~mask;\nalways_comb begin\n  grant = 0;\n"
        f"  for ({loop})\n    if (asks[i]) grant = {n}'d1 << i;\nend",
        [
            (loop, other),
            ("~mask", "mask"),
            (f"grant = {n}'d1 << i", f"grant = grant | {n}'d1 << i"),
        ],
    )


def round_robin(rng: random.Random) -> Draft:
    clk, n = Clocking.draw(rng), rng.choice([3, 4])
    return Draft(
        f"A round-robin arbiter of {n} requests. grant, worked out without waiting for a clock, "
        "has one bit set: "
        "that of the first request found from number next on upwards, from the top on to 0; none "
        "where there is "
        "no request. At a clock where there is a grant, next becomes the number after the "
        "granted one (0 after "
        f"{n - 1}). Reset sets next to 0.",
        "Look at each place in turn, beginning at next; remember who was served.",
        f"request:{n}",
        f"grant:{n} next:2",
        "integer i;\nlogic [2:0] at;\nlogic [1:0] served;\nalways_comb begin\n  grant = 0;\n"
        "  served = 0;\n"
        f"  at = 0;\n  for (i = {n - 1}; i >= 0; i = i - 1) begin\n    at = next + i;\n"
        f"    if (at >= {n}) at = at - {n};\n    if (request[at[1:0]]) begin\n"
        f"      grant = {n}'d1 << at;\n"
        "      served = at;\n    end\n  end\nend\n"
        + clk.always("next <= 0;", f"if (|request) next <= served == {n - 1} ? 0 : served + 1;"),
        [
            ("if (|request) next", "next"),
            ("served + 1;", "served;"),
            (f"i = {n - 1}; i >= 0; i = i - 1", f"i = 0; i < {n}; i = i + 1"),
        ],
        clk,
    )


def token_bucket(rng: random.Random) -> Draft:
    clk, most, every = Clocking.draw(rng), rng.randint(3, 7), rng.randint(2, 5)
    return Draft(
        f"A token bucket. It begins, by reset, with {most} tokens, which is also the most it "
        "holds. ok is 1 while "
        "ask is 1 and there is a token; at such a clock one is taken. A free-running count of "
        "clocks adds one at "
        f"every {every}th clock (the first one {every} clocks after the reset), also where one "
        "is taken at the same "
        "clock; in a full bucket it is lost, unless one is taken.",
        "Add and take in one expression, then limit.",
        "ask",
        "ok tokens:3",
        "logic [2:0] count;\nassign ok = ask && tokens != 0;\n"
        f"wire adds = count == {every - 1};\nwire [3:0] now = tokens + adds - ok;\n"
        + clk.always(
            f"tokens <= {most};\ncount <= 0;",
            f"count <= adds ? 0 : count + 1;\ntokens <= now > {most} ? {most} : now;",
        ),
        [
            (" && tokens != 0", ""),
            (f"count == {every - 1}", f"count == {every}"),
            (f"tokens <= {most};", f"tokens <= {most - 1};"),
        ],
        clk,
    )
