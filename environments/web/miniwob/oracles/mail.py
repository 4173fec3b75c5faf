"""Oracle of the inbox tasks: find a message, then delete, star, answer or forward it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from envgym.environments.web.miniwob.oracles.expert import Expert, oracle
from envgym.messages import Action

Actions = AsyncIterator[Action]


@oracle(
    "email-inbox",
    "email-inbox-delete",
    "email-inbox-forward",
    "email-inbox-forward-nl",
    "email-inbox-forward-nl-turk",
    "email-inbox-important",
    "email-inbox-nl-turk",
    "email-inbox-noscroll",
    "email-inbox-reply",
    "email-inbox-star-reply",
)
async def inbox(x: Expert) -> Actions:
    """Delete, forward, star or answer the mail that the goal, or the page's own fields, name."""
    fields = await _fields(x)
    thread = next(one for one in x.all(of="email-thread") if fields["by"] in one.text)
    if fields["task"] == "delete":
        yield x.click(x.one(of="trash", inside=thread))
        return
    if fields["task"] == "star":
        yield x.click(x.one(of="star", inside=thread))
        return
    yield x.click(thread)
    if fields["task"] == "reply":
        yield x.click(x.one(of="email-reply"))
        yield x.fill(x.one("textarea"), fields["message"])
        yield x.click(x.one(id="send-reply"))
        return
    yield x.click(x.one(of="email-forward"))
    yield x.fill(x.one("input", of="forward-sender"), fields["to"])
    yield x.click(x.one(id="send-forward"))


async def _fields(x: Expert) -> dict[str, str]:
    asked = await x.ask("core.currentFields || null")
    if asked is not None:
        task = {"important": "star"}.get(asked.get("task"), asked.get("task", "forward"))
        return {**asked, "task": task}
    goal = x.goal
    person = re.search(r"email (?:by|from) (\w+)", goal)
    fields = {"by": person[1] if person else ""}
    if "trash" in goal:
        return {**fields, "task": "delete"}
    if "star icon" in goal:
        return {**fields, "task": "star"}
    if "reply" in goal:
        return {**fields, "task": "reply", "message": x.quoted[0]}
    to = re.search(r"forward that email to (\w+)", goal)
    return {**fields, "task": "forward", "to": to[1] if to else ""}
