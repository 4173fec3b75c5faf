"""Draws the diagrams of the documentation: python -m scripts.pictures writes docs/pictures/*.svg.

The pictures are narrow, so that a phone shows them at full size, and carry their own fills: dark
text on light boxes, grey lines and labels that stand out on a light and on a dark page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from itertools import count
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
GREY, DARK = "#7d8590", "#1f2328"
BLUE, GREEN, ORANGE, PURPLE, RED, PALE = (
    "#b6d6fb",
    "#b5e3c1",
    "#ffd8a8",
    "#ddc9f7",
    "#ffc9c9",
    "#dde3ea",
)
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
KINDS = {"system": PALE, "user": BLUE, "hint": PURPLE, "action": ORANGE, "tool": GREEN}
Span = tuple[str, str, int]
"""A run of tokens: its kind, its label and its width."""
SHORT = {"system": ("sys", 38), "user": ("user", 42), "hint": ("hint", 40), "tool": ("tool", 42)}


@dataclass
class Picture:
    """An SVG drawing under construction; lengths are pixels, y grows downwards."""

    width: int
    height: int
    title: str
    parts: list[str] = field(default_factory=list)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: int = 13,
        fill: str = GREY,
        *,
        anchor: str = "middle",
    ) -> None:
        """One line of text on the baseline `y`."""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )

    def label(self, x: float, y: float, text: str, *, anchor: str = "start") -> None:
        """A small text that begins, or ends, at `x`."""
        self.text(x, y, text, 12, anchor=anchor)

    def box(self, x: float, y: float, w: float, h: float, fill: str, *lines: str) -> None:
        """A rounded box with centred lines, the first one bold."""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="6" fill="{fill}" '
            f'stroke="{GREY}"/>'
        )
        top = y + h / 2 - 9 * (len(lines) - 1) + 5
        for index, line in enumerate(lines):
            weight = ' font-weight="600"' if index == 0 else ""
            size = 14 if index == 0 else 12
            self.parts.append(
                f'<text x="{x + w / 2:g}" y="{top + 18 * index:g}" font-size="{size}" '
                f'fill="{DARK}" text-anchor="middle"{weight}>{escape(line)}</text>'
            )

    def arrow(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """A straight arrow from the first point to the second."""
        self.parts.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{GREY}" '
            'stroke-width="1.6" marker-end="url(#head)"/>'
        )

    def strip(self, x: float, y: float, spans: list[Span], h: int = 26) -> float:
        """Token spans side by side, one after the other; returns where the strip ends."""
        for kind, label, width in spans:
            self.parts.append(
                f'<rect x="{x:g}" y="{y:g}" width="{width}" height="{h}" fill="{KINDS[kind]}" '
                f'stroke="{GREY}"/>'
            )
            weight = ' font-weight="600"' if kind == "action" else ""
            self.parts.append(
                f'<text x="{x + width / 2:g}" y="{y + h / 2 + 4:g}" font-size="12" '
                f'fill="{DARK}" text-anchor="middle"{weight}>{escape(label)}</text>'
            )
            x += width
        return x

    def svg(self) -> str:
        """The finished file."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}" role="img" font-family="{FONT}">'
            f"<title>{escape(self.title)}</title>"
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            f'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="{GREY}"/></marker>'
            "</defs>"
        )
        return "\n".join([head, *self.parts, "</svg>"]) + "\n"


def architecture() -> Picture:
    """Draw the calls between parts, from the trainer down to the sandbox."""
    p = Picture(440, 560, "Architecture: trainer, rollout, agent, environment, sandbox")
    p.box(
        70,
        10,
        300,
        62,
        BLUE,
        "trainer",
        "draw tasks, play, reward, credit, learn",
        "envgym.trainers",
    )
    p.arrow(170, 72, 170, 118)
    p.label(160, 100, "tasks, seeds", anchor="end")
    p.arrow(270, 118, 270, 72)
    p.label(280, 100, "episodes")
    p.box(
        70, 120, 300, 62, PALE, "rollout", "many episodes at once, faults retried", "envgym.Rollout"
    )
    p.arrow(90, 182, 90, 238)
    p.label(82, 206, "context", anchor="end")
    p.label(82, 221, "ids", anchor="end")
    p.arrow(130, 238, 130, 182)
    p.label(138, 206, "action")
    p.label(138, 221, "ids")
    p.arrow(310, 182, 310, 238)
    p.label(302, 214, "action", anchor="end")
    p.arrow(350, 238, 350, 182)
    p.label(358, 206, "observation,")
    p.label(358, 221, "reward")
    p.box(
        10,
        240,
        200,
        98,
        ORANGE,
        "agent",
        "local model, API, oracle,",
        "random, person",
        "envgym.agents",
    )
    p.box(
        230,
        240,
        200,
        98,
        GREEN,
        "environment",
        "tasks, tools, verifier:",
        "messages in, messages out",
        "envgym.environments",
    )
    p.arrow(90, 338, 90, 394)
    p.arrow(130, 394, 130, 338)
    p.label(138, 370, "text, tool calls")
    p.box(
        10, 396, 200, 80, PALE, "chat and dialect", "messages to token ids,", "text to tool calls"
    )
    p.arrow(310, 338, 310, 394)
    p.label(302, 370, "programs", anchor="end")
    p.arrow(350, 394, 350, 338)
    p.label(358, 370, "result")
    p.box(230, 396, 200, 80, RED, "sandbox", "namespace, docker, remote", "envgym.sandboxes")
    p.text(220, 512, "Every episode can be saved, looked at (envgym view)", 13)
    p.text(220, 532, "and stepped again (envgym replay).", 13)
    return p


def spans(kinds: str) -> list[Span]:
    """Short spans of these kinds, the actions numbered."""
    actions = count()
    return [
        ("action", f"act {next(actions)}", 64) if kind == "action" else (kind, *SHORT[kind])
        for kind in kinds.split()
    ]


def rows() -> Picture:
    """An episode of three turns, and the rows that a learner gets of it."""
    p = Picture(440, 640, "An episode becomes rows: turns, behaviour context, target context")
    left = 12
    p.text(left, 22, "Episode: each turn keeps only what is new", 14, anchor="start")
    p.label(left, 52, "turn 0")
    p.strip(
        60,
        34,
        [
            ("system", "system", 62),
            ("user", "user", 52),
            ("hint", "hint", 48),
            ("action", "action 0", 74),
        ],
    )
    p.label(left, 88, "turn 1")
    p.strip(60, 70, [("tool", "tool", 52), ("action", "action 1", 74)])
    p.label(left, 124, "turn 2")
    p.strip(60, 106, [("tool", "tool", 52), ("action", "action 2", 74)])
    p.label(214, 88, "reward of the turn,")
    p.label(214, 104, "log-prob and policy version")
    p.label(214, 120, "of each action token")
    p.arrow(90, 140, 90, 170)
    p.label(104, 160, "rows(trajectory)")
    p.text(left, 196, "Behaviour context: what the model saw", 14, anchor="start")
    p.strip(left, 206, spans("system user hint action tool action tool action"))
    p.arrow(90, 240, 90, 270)
    p.label(104, 260, 'rows(trajectory, drop={"hint"})')
    p.text(left, 296, "Target context: what the loss sees", 14, anchor="start")
    target = spans("system user action tool action tool action")
    p.strip(left, 306, target)
    x = left
    for kind, _, width in target:
        p.text(x + width / 2, 350, "A·w" if kind == "action" else "0", 12)
        x += width
    p.label(left, 372, "Only action tokens have an advantage A and a weight w.")
    p.text(
        left, 418, "One row for as long as each context extends the one before.", 13, anchor="start"
    )
    p.text(left, 438, "A template that rewrites the history begins a new row:", 13, anchor="start")
    p.label(left, 470, "row 0")
    p.strip(60, 452, target[:3])
    p.label(left, 506, "row 1")
    p.strip(60, 488, [*target[:2], ("tool", "history rewritten", 112), *target[4:]])
    p.label(left, 536, "Every action token stands in exactly one row.")
    x = left
    for kind in KINDS:
        p.strip(x, 566, [(kind, kind, 78)])
        x += 84
    p.label(left, 618, "Kinds of tokens")
    return p


def namespace() -> Picture:
    """The processes behind a box of the namespace backend."""
    p = Picture(440, 396, "Processes of the namespace backend")
    p.box(
        70,
        10,
        300,
        62,
        BLUE,
        "host process",
        "envgym: reads output, keeps the clock",
        "of REPL boxes",
    )
    p.arrow(220, 72, 220, 104)
    p.label(232, 93, "starts one, environment emptied")
    p.box(
        70,
        106,
        300,
        62,
        PALE,
        "zygote",
        "imports the standard library, freezes it",
        "and enters the boxes' root",
    )
    p.arrow(220, 168, 220, 200)
    p.label(232, 189, "forks")
    p.box(
        70,
        202,
        300,
        62,
        PALE,
        "fork server",
        "control group, network and user ids",
        "that its boxes share",
    )
    for x in (85, 220, 355):
        p.arrow(220 if x == 220 else (180 if x < 220 else 260), 264, x, 308)
    p.label(300, 280, "forks a box")
    p.box(10, 310, 130, 62, RED, "program box", "one program")
    p.box(155, 310, 130, 62, RED, "REPL box", "one live REPL")
    p.box(300, 310, 130, 62, RED, "open box", "supervisor, files,", "sessions")
    p.text(220, 390, "one box at a time; the next box is another fork", 12)
    return p


PICTURES: dict[str, Callable[[], Picture]] = {
    "architecture": architecture,
    "rows": rows,
    "namespace": namespace,
}


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw().svg())


if __name__ == "__main__":
    main()
