"""Pages of the forum."""

from __future__ import annotations

import random
import sqlite3
from typing import Any

from envgym.environments.web.observation.elements import Element
from envgym.environments.web.sites.markup import area, button, choice, field, form, h, link
from envgym.environments.web.sites.site import Moved, Result, Shown, Site, Values, route
from envgym.environments.web.sites.worlds import FIRST

BOARDS = ("Gardening", "Cooking", "Cycling", "Photography")
REASONS = {"spam": "Spam", "rude": "Rude", "off-topic": "Off topic"}
_ADJECTIVES = ["best", "cheapest", "easiest", "old", "new", "strange", "useful", "wrong"]
_NOUNS = {
    "Gardening": ["compost", "fence", "pruning", "seeds", "soil"],
    "Cooking": ["dough", "knife", "pasta", "salt", "stock"],
    "Cycling": ["brakes", "chain", "helmet", "route", "tyres"],
    "Photography": ["camera", "film", "filter", "lens", "tripod"],
}
_SENTENCES = (
    "I would try it again next week.",
    "That never worked for me.",
    "Thank you, this helped a lot.",
    "Has anybody measured it?",
    "The old way was better.",
    "I bought one last year and like it.",
    "Mine broke after a month.",
    "Look at the first answer again.",
)
_MEMBERS = 12


class Forum(Site):
    """A forum of four boards; the first member is a moderator."""

    name = "forum"
    schema = """
    CREATE TABLE member(id INTEGER PRIMARY KEY, name TEXT, password TEXT, moderator INT, bio TEXT);
    CREATE TABLE thread(id INTEGER PRIMARY KEY, board INT, title TEXT, author INT, locked INT,
        pinned INT);
    CREATE TABLE post(id INTEGER PRIMARY KEY, thread INT, author INT, text TEXT, removed INT);
    CREATE TABLE vote(post INT, member INT, PRIMARY KEY(post, member));
    CREATE TABLE follow(thread INT, member INT, PRIMARY KEY(thread, member));
    CREATE TABLE report(id INTEGER PRIMARY KEY, post INT, member INT, reason TEXT);
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.member: int | None = None

    @classmethod
    def fill(cls, db: sqlite3.Connection, seed: int) -> None:
        """See `Site.fill`."""
        rng = random.Random(f"forum:{seed}")
        for number, name in enumerate(rng.sample(FIRST, _MEMBERS)):
            word = f"{rng.choice(_ADJECTIVES)}{rng.randint(10, 99)}"
            row = (name.lower(), word, int(number == 0), "")
            db.execute("INSERT INTO member VALUES(NULL,?,?,?,?)", row)
        for board, nouns in enumerate(_NOUNS.values(), 1):
            pairs = [f"{a} {n}" for a in _ADJECTIVES for n in nouns]
            for title in rng.sample(pairs, 5):
                head = (board, f"The {title}", rng.randint(1, _MEMBERS))
                thread = db.execute("INSERT INTO thread VALUES(NULL,?,?,?,0,0)", head).lastrowid
                for author in rng.sample(range(1, _MEMBERS + 1), rng.randint(2, 5)):
                    text = rng.choice(_SENTENCES)
                    db.execute("INSERT INTO post VALUES(NULL,?,?,?,0)", (thread, author, text))

    def header(self) -> Element:
        """See `Site.header`."""
        who = self.value("SELECT name FROM member WHERE id = ?", self.member)
        return h(
            "header",
            h("strong", link("Commons", "/")),
            [link(f"Profile of {who}", "/profile")] if who else [link("Log in", "/login")],
            form("/logout", button("Log out")) if who else None,
        )

    @route("GET", "/")
    def home(self, values: Values, _: tuple[str, ...]) -> Result:
        """Boards."""
        items = [h("li", link(name, f"/board/{n}")) for n, name in enumerate(BOARDS, 1)]
        return self.show("Boards", h("ul", items))

    @route("GET", "/login")
    def login(self, values: Values, _: tuple[str, ...]) -> Result:
        """Form of the login."""
        fields = (field("User name", "name"), field("Password", "password", type="password"))
        return self.show("Log in", form("/login", *fields, button("Log in")))

    @route("POST", "/login")
    def enter(self, values: Values, _: tuple[str, ...]) -> Result:
        """Log in."""
        given = values.get("name", "").strip().lower(), values.get("password", "")
        self.member = self.value("SELECT id FROM member WHERE name = ? AND password = ?", *given)
        if self.member is None:
            self.alert = "No such user name and password."
            return Moved("/login")
        return Moved("/")

    @route("POST", "/logout")
    def leave(self, values: Values, _: tuple[str, ...]) -> Result:
        """Log out."""
        self.member = None
        return Moved("/")

    @route("GET", r"/board/([1-4])")
    def board(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Threads of a board."""
        rows = self.rows(
            "SELECT id, title, locked, pinned FROM thread WHERE board = ? ORDER BY pinned DESC, id",
            int(parts[0]),
        )
        items = [
            h(
                "li",
                link(title, f"/thread/{id}"),
                (" pinned" if pinned else "") + (" locked" if locked else "") or None,
            )
            for id, title, locked, pinned in rows
        ]
        new = form(
            f"/board/{parts[0]}",
            field("Title", "title"),
            area("Text", "text"),
            button("Start thread"),
        )
        return self.show(
            BOARDS[int(parts[0]) - 1],
            h("ul", items),
            h("h2", "New thread") if self.member else None,
            new if self.member else None,
        )

    @route("POST", r"/board/([1-4])")
    def begin(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Start a thread."""
        title, text = (values.get(k, "").strip()[:2000] for k in ("title", "text"))
        if self.member is None or not title or not text:
            self.alert = "Log in, and give a title and a text."
            return Moved(f"/board/{parts[0]}")
        row = (int(parts[0]), title, self.member)
        thread = self.run("INSERT INTO thread VALUES(NULL,?,?,?,0,0)", *row)
        self.run("INSERT INTO post VALUES(NULL,?,?,?,0)", thread, self.member, text)
        return Moved(f"/thread/{thread}")

    @route("GET", r"/thread/(\d{1,6})")
    def thread(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Posts of a thread."""
        row = self.row("SELECT * FROM thread WHERE id = ?", int(parts[0]))
        if row is None:
            return Shown("Not found", self.page("Not found", h("p", "No such thread.")), 404)
        id, board, title, _, locked, pinned = row
        posts = self.rows(
            "SELECT post.id, name, text, removed, (SELECT count(*) FROM vote WHERE post = post.id) "
            "FROM post JOIN member ON member.id = author WHERE thread = ? ORDER BY post.id",
            id,
        )
        moderator = self.value("SELECT moderator FROM member WHERE id = ?", self.member)
        do = f"/thread/{id}/do"
        reply = form(f"/thread/{id}", area("Reply", "text"), button("Send reply"))
        return self.show(
            title,
            h("p", link(BOARDS[board - 1], f"/board/{board}"), ". Locked." if locked else "."),
            h("ul", [self._post(post, bool(moderator)) for post in posts]),
            form(do, button("Follow thread", "do", "follow")) if self.member else None,
            form(
                do,
                button("Unlock thread" if locked else "Lock thread", "do", "lock"),
                button("Unpin thread" if pinned else "Pin thread", "do", "pin"),
            )
            if moderator
            else None,
            reply if self.member and not locked else None,
        )

    def _post(self, post: tuple[Any, ...], moderator: bool) -> Element:
        id, name, text, removed, votes = post
        if removed:
            return h("li", "A post was removed.")
        return h(
            "li",
            h("p", f"{name}: {text} ({votes} votes)"),
            form(
                f"/post/{id}",
                button(f"Vote for {name}", "do", "vote"),
                link(f"Report {name}", f"/post/{id}/report"),
                button(f"Remove post of {name}", "do", "remove") if moderator else None,
            )
            if self.member
            else None,
        )

    @route("POST", r"/thread/(\d{1,6})")
    def reply(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Reply to a thread."""
        id, text = int(parts[0]), values.get("text", "").strip()[:2000]
        locked = self.value("SELECT locked FROM thread WHERE id = ?", id)
        if self.member is None or locked != 0 or not text:
            self.alert = "A reply needs a login, an open thread and a text."
        else:
            self.run("INSERT INTO post VALUES(NULL,?,?,?,0)", id, self.member, text)
        return Moved(f"/thread/{id}")

    @route("POST", r"/thread/(\d{1,6})/do")
    def manage(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Follow, lock or pin a thread."""
        id, do = int(parts[0]), values.get("do")
        moderator = self.value("SELECT moderator FROM member WHERE id = ?", self.member)
        if do == "follow" and self.member is not None:
            self.run("INSERT OR IGNORE INTO follow VALUES(?,?)", id, self.member)
        elif do in ("lock", "pin") and moderator:
            column = {"lock": "locked", "pin": "pinned"}[do]
            self.run(f"UPDATE thread SET {column} = 1 - {column} WHERE id = ?", id)
        return Moved(f"/thread/{id}")

    @route("POST", r"/post/(\d{1,6})")
    def judge(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Vote for a post, or remove it."""
        id = int(parts[0])
        thread = self.value("SELECT thread FROM post WHERE id = ?", id)
        moderator = self.value("SELECT moderator FROM member WHERE id = ?", self.member)
        if thread is None or self.member is None:
            return Moved("/")
        if values.get("do") == "vote":
            self.run("INSERT OR IGNORE INTO vote VALUES(?,?)", id, self.member)
        elif values.get("do") == "remove" and moderator:
            self.run("UPDATE post SET removed = 1 WHERE id = ?", id)
        return Moved(f"/thread/{thread}")

    @route("GET", r"/post/(\d{1,6})/report")
    def complain(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Form of a report."""
        return self.show(
            "Report a post",
            form(
                f"/post/{int(parts[0])}/report",
                choice("Reason", "reason", REASONS.items(), "spam"),
                button("Send report"),
            ),
        )

    @route("POST", r"/post/(\d{1,6})/report")
    def report(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Report a post."""
        id, reason = int(parts[0]), values.get("reason", "")
        thread = self.value("SELECT thread FROM post WHERE id = ?", id)
        if thread is None or self.member is None or reason not in REASONS:
            return Moved("/")
        self.run("INSERT INTO report VALUES(NULL,?,?,?)", id, self.member, reason)
        self.notice = "Thank you for the report."
        return Moved(f"/thread/{thread}")

    @route("GET", "/profile")
    def profile(self, values: Values, _: tuple[str, ...]) -> Result:
        """The member's own profile."""
        bio = self.value("SELECT bio FROM member WHERE id = ?", self.member)
        if bio is None:
            return Moved("/login")
        return self.show("Profile", form("/profile", area("About me", "bio", bio), button("Save")))

    @route("POST", "/profile")
    def save(self, values: Values, _: tuple[str, ...]) -> Result:
        """Save the profile."""
        bio = values.get("bio", "").strip()[:2000]
        self.run("UPDATE member SET bio = ? WHERE id = ?", bio, self.member)
        return Moved("/profile")
