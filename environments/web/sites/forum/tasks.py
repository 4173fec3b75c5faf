"""Task templates of the forum."""

from __future__ import annotations

import random

from envgym.environments.web.sites.forum.site import BOARDS, REASONS, Forum
from envgym.environments.web.sites.goals import Check, Goal, Step, Templates, said

TEMPLATES = Templates("forum")
_TEXTS = (
    "Thank you all for the answers",
    "I have the same question",
    "See the pinned thread first",
    "It works with cold water too",
    "Please add a picture",
)
_POSTS = "SELECT thread, author, text, removed FROM post WHERE id > ? ORDER BY id"


def _login(
    rng: random.Random, forum: Forum, moderator: bool = False
) -> tuple[int, str, list[Step]]:
    """Member, the words of the instruction that say who it is, and the steps of the login."""
    id, name, password = rng.choice(
        forum.rows("SELECT id, name, password FROM member WHERE moderator = ?", int(moderator))
    )
    steps: list[Step] = [
        ("click", "link", "Log in"),
        ("fill", "User name", name),
        ("fill", "Password", password),
        ("click", "button", "Log in"),
    ]
    return id, f"Log in as {name} with the password {password}, then", steps


def _thread(rng: random.Random, forum: Forum) -> tuple[int, str, str, list[Step]]:
    id, board, title = rng.choice(forum.rows("SELECT id, board, title FROM thread ORDER BY id"))
    name = BOARDS[board - 1]
    return id, title, name, [("click", "link", name), ("click", "link", title)]


def _post(rng: random.Random, forum: Forum, thread: int, member: int) -> tuple[int, str]:
    id, name = rng.choice(
        forum.rows(
            "SELECT post.id, name FROM post JOIN member ON member.id = author "
            "WHERE thread = ? AND author != ? ORDER BY post.id",
            thread,
            member,
        )
    )
    return id, name


@TEMPLATES.add(1)
def count_posts(rng: random.Random, forum: Forum) -> Goal:
    """Say how many posts a thread has."""
    thread, title, board, steps = _thread(rng, forum)
    number = str(forum.value("SELECT count(*) FROM post WHERE thread = ?", thread))
    text = f'Say with a number how many posts the thread "{title}" on the board {board} has.'
    return Goal(text, [said(number)], [], [*steps, ("say", number)], number)


@TEMPLATES.add(2)
def bio(rng: random.Random, forum: Forum) -> Goal:
    """Change the profile."""
    member, who, steps = _login(rng, forum)
    name = forum.value("SELECT name FROM member WHERE id = ?", member)
    text = rng.choice(_TEXTS)
    rows = [(id, text if id == member else "") for (id,) in forum.rows("SELECT id FROM member")]
    return Goal(
        f'{who} change the text about you to "{text}".',
        [Check("SELECT id, bio FROM member", (), rows)],
        ["member"],
        [
            *steps,
            ("click", "link", f"Profile of {name}"),
            ("fill", "About me", text),
            ("click", "button", "Save"),
        ],
    )


@TEMPLATES.add(2)
def follow(rng: random.Random, forum: Forum) -> Goal:
    """Follow a thread."""
    member, who, steps = _login(rng, forum)
    thread, title, board, there = _thread(rng, forum)
    return Goal(
        f'{who} follow the thread "{title}" on the board {board}.',
        [Check("SELECT thread, member FROM follow", (), [(thread, member)])],
        ["follow"],
        [*steps, *there, ("click", "button", "Follow thread")],
    )


@TEMPLATES.add(3)
def reply(rng: random.Random, forum: Forum) -> Goal:
    """Reply to a thread."""
    member, who, steps = _login(rng, forum)
    thread, title, board, there = _thread(rng, forum)
    text, last = rng.choice(_TEXTS), forum.value("SELECT max(id) FROM post")
    return Goal(
        f'{who} reply "{text}" to the thread "{title}" on the board {board}.',
        [Check(_POSTS, (last,), [(thread, member, text, 0)])],
        ["post"],
        [*steps, *there, ("fill", "Reply", text), ("click", "button", "Send reply")],
    )


@TEMPLATES.add(3)
def start_thread(rng: random.Random, forum: Forum) -> Goal:
    """Start a thread."""
    member, who, steps = _login(rng, forum)
    board = rng.randint(1, len(BOARDS))
    title, text = (rng.choice(_TEXTS) for _ in range(2))
    threads = forum.value("SELECT max(id) FROM thread")
    posts = forum.value("SELECT max(id) FROM post")
    sql = "SELECT board, title, author, locked, pinned FROM thread WHERE id > ?"
    return Goal(
        f'{who} start a thread on the board {BOARDS[board - 1]} with the title "{title}" and the '
        f'text "{text}".',
        [
            Check(sql, (threads,), [(board, title, member, 0, 0)]),
            Check(_POSTS, (posts,), [(threads + 1, member, text, 0)]),
        ],
        ["thread", "post"],
        [
            *steps,
            ("click", "link", BOARDS[board - 1]),
            ("fill", "Title", title),
            ("fill", "Text", text),
            ("click", "button", "Start thread"),
        ],
    )


@TEMPLATES.add(3)
def vote(rng: random.Random, forum: Forum) -> Goal:
    """Vote for a post."""
    member, who, steps = _login(rng, forum)
    thread, title, board, there = _thread(rng, forum)
    post, author = _post(rng, forum, thread, member)
    return Goal(
        f'{who} vote for the post of {author} in the thread "{title}" on the board {board}.',
        [Check("SELECT post, member FROM vote", (), [(post, member)])],
        ["vote"],
        [*steps, *there, ("click", "button", f"Vote for {author}")],
    )


@TEMPLATES.add(4)
def report(rng: random.Random, forum: Forum) -> Goal:
    """Report a post."""
    member, who, steps = _login(rng, forum)
    thread, title, board, there = _thread(rng, forum)
    post, author = _post(rng, forum, thread, member)
    reason = rng.choice(["rude", "off-topic"])
    return Goal(
        f'{who} report the post of {author} in the thread "{title}" on the board {board}; the '
        f"reason: {REASONS[reason]}.",
        [Check("SELECT post, member, reason FROM report", (), [(post, member, reason)])],
        ["report"],
        [
            *steps,
            *there,
            ("click", "link", f"Report {author}"),
            ("select", "Reason", REASONS[reason]),
            ("click", "button", "Send report"),
        ],
    )


@TEMPLATES.add(4)
def moderate(rng: random.Random, forum: Forum) -> Goal:
    """Lock and pin a thread, and remove a post in it."""
    member, who, steps = _login(rng, forum, moderator=True)
    thread, title, board, there = _thread(rng, forum)
    post, author = _post(rng, forum, thread, member)
    return Goal(
        f'{who} in the thread "{title}" on the board {board} remove the post of {author}, and '
        "lock and pin the thread.",
        [
            Check("SELECT id FROM post WHERE removed", (), [(post,)]),
            Check("SELECT id FROM thread WHERE locked", (), [(thread,)]),
            Check("SELECT id FROM thread WHERE pinned", (), [(thread,)]),
            Check("SELECT count(*) FROM post", (), forum.rows("SELECT count(*) FROM post")),
        ],
        ["post", "thread"],
        [
            *steps,
            *there,
            ("click", "button", f"Remove post of {author}"),
            ("click", "button", "Lock thread"),
            ("click", "button", "Pin thread"),
        ],
    )
