"""Oracles of tasks about text: typing, copying, tables, arithmetic, guessing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from envgym.environments.web.miniwob.oracles.expert import Expert, number_in, oracle
from envgym.messages import Action

Actions = AsyncIterator[Action]


@oracle("enter-text", "enter-text-2", "enter-text-dynamic", "enter-password")
async def enter(x: Expert) -> Actions:
    """Fill all fields with the quoted text, in the case that the goal says."""
    text = x.quoted[0]
    if "upper case" in x.goal:
        text = text.upper()
    elif "lower case" in x.goal:
        text = text.lower()
    for number in range(len(x.all("input"))):
        yield x.fill(x.all("input")[number], text)
    yield x.submit()


@oracle("login-user", "login-user-popup")
async def login(x: Expert) -> Actions:
    """Fill name and password; refuse a popup that covers the form."""
    for number, text in enumerate(x.quoted[:2]):
        yield x.fill(x.all("input")[number], text)
        if cancel := x.all(id="popup-cancel"):
            yield x.click(cancel[0])
            yield x.fill(x.all("input")[number], text)
    yield x.click(x.one("button", id="subbtn"))


@oracle("text-transform")
async def captcha(x: Expert) -> Actions:
    """Copy the drawn text."""
    yield x.fill(x.one("input"), x.text.replace(" ", "").removesuffix("Submit"))
    yield x.submit()


@oracle("find-word")
async def word(x: Expert) -> Actions:
    """Fill in the word of the number."""
    words = x.one("p").text.split()
    yield x.fill(x.one("input"), words[number_in(x.goal) - 1].strip(".,"))
    yield x.submit()


@oracle("scroll-text")
async def last_word(x: Expert) -> Actions:
    """Fill in the last word of the text."""
    text = x.one("textarea").attributes["value"]
    yield x.fill(x.one("input"), text.split()[-1])
    yield x.submit()


@oracle("copy-paste", "copy-paste-2")
async def copy(x: Expert) -> Actions:
    """Copy the text area of the number into the field."""
    number = number_in(x.goal) if "text area below" in x.goal and "from the" in x.goal else 1
    text = x.all("textarea")[number - 1].attributes["value"]
    yield x.fill(x.one("input"), text)
    yield x.submit()


@oracle("read-table", "read-table-2")
async def table(x: Expert) -> Actions:
    """Fill in the values of the asked labels."""
    cells = {row.children[0].text: row.children[1].text for row in x.all("tr")}  # type: ignore[union-attr]
    if "Enter the value of" in x.goal:
        labels = [re.sub(r"Enter the value of (.*) into.*", r"\1", x.goal)]
    else:
        labels = [one.text.rstrip(":") for one in x.all("label")]
    for number, label in enumerate(labels):
        yield x.fill(x.all("input")[number], cells[label])
    yield x.submit()


@oracle("simple-arithmetic")
async def arithmetic(x: Expert) -> Actions:
    """Compute."""
    found = re.search(r"(-?\d+) ([-+x]) (-?\d+)", x.text)
    left, sign, right = found.groups() if found else ("", "", "")
    a, b = int(left), int(right)
    yield x.fill(x.one("input"), str({"+": a + b, "-": a - b, "x": a * b}[sign]))
    yield x.submit()


@oracle("simple-algebra")
async def algebra(x: Expert) -> Actions:
    """Solve for x."""
    found = re.search(r"(x|\d+) ([-+]) (x|\d+) = (-?\d+)", x.text)
    left, sign, right, total = found.groups() if found else ("", "", "", "0")
    value = int(total)
    if left == "x":
        answer = value - int(right) if sign == "+" else value + int(right)
    else:
        answer = value - int(left) if sign == "+" else int(left) - value
    yield x.fill(x.one("input"), str(answer))
    yield x.submit()


@oracle("visual-addition")
async def blocks(x: Expert) -> Actions:
    """Count the blocks, which have no text."""
    count = await x.ask("document.querySelectorAll('.addition-block').length")
    yield x.fill(x.one("input"), str(count))
    yield x.submit()


@oracle("guess-number")
async def guess(x: Expert) -> Actions:
    """Halve the range."""
    low, high = 0, 9
    while True:
        middle = (low + high) // 2
        yield x.fill(x.one("input"), str(middle))
        yield x.submit()
        if "higher" in x.text:
            low = middle + 1
        else:
            high = middle - 1


@oracle("generate-number")
async def generate(x: Expert) -> Actions:
    """Generate until the number is right."""
    while True:
        yield x.click(x.one("button", "Generate"))
        value = number_in(x.text)
        rules = {
            "less than": lambda v: v < number_in(x.goal),
            "greater than": lambda v: v > number_in(x.goal),
            "odd number": lambda v: v % 2 == 1,
            "even number": lambda v: v % 2 == 0,
        }
        if next(rule for name, rule in rules.items() if name in x.goal)(value):
            yield x.submit()
            return


@oracle("use-autocomplete", "use-autocomplete-nodelay")
async def autocomplete(x: Expert) -> Actions:
    """Type the beginning and choose the offered item with the end."""
    start, end = x.quoted[0], x.quoted[1] if len(x.quoted) > 1 else ""
    yield x.fill(x.one("input"), start)
    offered = [
        one
        for one in x.all("li")
        if one.text.startswith(start) and one.text.endswith(end) and "\n" not in one.text
    ]
    yield x.click(offered[0])
    yield x.submit()


@oracle("terminal")
async def terminal(x: Expert) -> Actions:
    """List the files by typing, then delete the right one."""
    yield x.click(x.one(id="terminal"))
    for key in (*"ls", "Enter"):
        yield x.press(key)
    names = x.text.split("user$")[1].split()[1:]
    ending = re.search(r"extension (\.\S+)", x.goal)
    right = [n for n in names if (n.endswith(ending[1]) if ending else "." not in n)]
    for key in (*f"rm {right[0]}", "Enter"):
        yield x.press(key)


@oracle("stock-market")
async def stock(x: Expert) -> Actions:
    """Wait for the price."""
    limit = float(x.goal.rsplit("$", 1)[1].rstrip("."))
    while True:
        price = re.search(r"Stock price: \$(\d+\.\d+)", x.text)
        if price and float(price[1]) <= limit:
            yield x.click(x.one("button", "Buy"))
            return
        yield x.hover(x.one("button", "Buy"))
