"""``web/sites-v1``: tasks on a shop, a forum and a travel agency, judged by their databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Literal

from envgym.environments.web.browser.driver import BrowserDriver
from envgym.environments.web.browser.tabs import BrowserTabs
from envgym.environments.web.browserless.driver import SiteDriver
from envgym.environments.web.driver import Driver
from envgym.environments.web.observation.accessibility import Node, accessibility_tree
from envgym.environments.web.observation.elements import Page
from envgym.environments.web.sites.catalogue import (
    BANDS,
    chosen_templates,
    goal_of,
    open_site,
    source,
)
from envgym.environments.web.sites.goals import Goal, Step, reached, tables
from envgym.environments.web.sites.hints import hints_for
from envgym.environments.web.sites.site import Site
from envgym.environments.web.web_env import View, WebEnv
from envgym.errors import ToolError, UsageError
from envgym.messages import Action, Message, system, user
from envgym.task import Task, TaskSource
from envgym.tools import tool
from envgym.trajectory import Episode

_VIEW = (1000, 800)
INSTRUCTIONS = (
    "Do the task on the web site by calling tools. Elements are named by their ids. When it is "
    "done, call send_message; with the answer if the task asks for one."
)


class WebSites(WebEnv):
    """Tasks on a shop, a forum and a travel agency: search, fill, order, moderate, book.

    The sites are ours, each over an SQLite database that belongs to the episode alone. They run in
    Chromium, or in process without a browser, with the same pages.

    Actions:
        ``click(element)``, ``fill(element, text)``, ``select_option(element, options)``,
        ``press(key, element)``, ``scroll``, ``goto(url)``, ``back()``, ``more()``;
        ``send_message(text)`` ends the episode.

    Observations:
        First the instruction and the site's first page, then the page after each action: an
        accessibility tree with element ids, or pruned HTML.

    Rewards:
        At the end the score: 1 where every query on the database gives what the goal says and no
        table is changed that the task has no business with. With ``potential`` also the growth of
        the share of goal elements reached (QWeb, arXiv 1812.09195), discount 1.

    Episode end:
        Terminated by `send_message`; truncated after 120 turns.

    Hints:
        The kind of pages that the task needs; the first step of an expert's that the attempt
        lacks; ½ of the steps, all but the last two.

    Info:
        Metric ``goal_share`` and those of `ToolEnv`. The difficulty of a task is its band.

    Args:
        browser: ``none``, ``chromium``, ``headed`` (in a window) or ``cdp:URL``.
        sites: Names of sites; all when empty.
        templates: Names of templates, ``shop/review``; all of the sites when empty.
        bands: Difficulty bands, 1 to 4.
        potential: Reward the growth of the share of goal elements reached.
        warm_start: Probability from 0 to 1 that an expert's first step is done before the episode
            begins, then the next one, and so on; decays in a curriculum (QWeb).
        view: ``axtree`` or ``html``.
        tokens: Budget of an observation in tokens, counted as four characters each.
        show: ``page`` or ``changes``: what stands after an action.
        max_turns: Turns before truncation; 120 by default.

    Version history:
        v1: first release.
    """

    max_turns = 120  # ten passengers take 90

    def __init__(
        self,
        *,
        browser: str = "none",
        sites: Sequence[str] = (),
        templates: Sequence[str] = (),
        bands: Sequence[int] = BANDS,
        potential: bool = False,
        warm_start: float = 0.0,
        view: View = "axtree",
        tokens: int = 2000,
        show: Literal["page", "changes"] = "page",
        max_turns: int | None = None,
    ) -> None:
        super().__init__(view=view, tokens=tokens, show=show, max_turns=max_turns)
        self.withhold("double_click", "hover", "drag")
        self._templates = chosen_templates(sites, templates, bands)
        if not 0.0 <= warm_start <= 1.0:
            raise UsageError(f"warm_start must be from 0 to 1, not {warm_start}")
        self._potential = potential
        self._warm_start = warm_start
        self._tabs = None if browser == "none" else BrowserTabs(browser)
        self._site: Site | None = None
        self._goal: Goal | None = None
        self._before: dict[str, str] = {}
        self._share = 0.0

    def tasks(self, split: str = "train") -> TaskSource:
        """Tasks of the chosen templates in turn; difficulty is the band."""
        return source(self._templates, split)

    async def start(self, task: Task) -> Sequence[Message]:
        """Instruction, and the first page of the site."""
        name, seed = task.data["template"], task.data["seed"]
        if self._site is not None:
            self._site.close()
        site = self._site = open_site(name, seed)
        self._goal = goal_of(name, seed)
        self._before = tables(site)
        self._share = 0.0
        self.begin(await self._driver(site))
        await self.driver.goto(site.origin + "/")
        seen = await self.seen()
        for step in self._goal.steps[:-1]:
            if step[0] == "say" or self.rng.random() >= self._warm_start:
                break
            seen = await self._do(step)
        self._share = self.metrics["goal_share"] = reached(self._goal, site, self._before)[0]
        return system(INSTRUCTIONS), user(f"Task: {task.data['instruction']}\n{seen}")

    async def stop(self) -> None:
        """Give the browser back, and drop the database."""
        site, self._site = self._site, None
        if site is not None:
            site.close()
        if self._tabs is not None:
            await self._tabs.close()

    def arrived(self, page: Page) -> None:
        """Reward what came nearer to the goal."""
        if self._potential:
            self._progress()

    def partial_score(self) -> float:
        """Score of an episode that was cut: that of its database."""
        share, whole = self._reached()
        self.metrics["goal_share"] = share
        return float(whole)

    @tool
    async def goto(self, url: str) -> str:
        """Open an address of this site.

        Args:
            url: The address, or a path such as /cart.
        """
        assert self._site is not None
        where = self._site.origin + url if url.startswith("/") and url[:2] != "//" else url
        return await self._acted(self.driver.goto(where))

    @tool
    async def send_message(self, text: str = "") -> str:
        """End the task, with its answer if it asks for one.

        Args:
            text: The answer, or a word to the user.
        """
        assert self._site is not None
        if len(text) > 1000:
            raise ToolError("a message has 1000 characters at most.")
        self._site.run("INSERT INTO message VALUES(?)", text)
        if self._potential:
            self._progress()
        self.end(self.partial_score())
        return "Sent."

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """See `Env.hints`; functions of the task's template and seed, and of the attempt."""
        goal = goal_of(self.task.data["template"], self.task.data["seed"])
        return hints_for(self.task, goal, attempt)

    async def oracle(self) -> AsyncIterator[Action]:
        """An expert's steps: elements found by role and name in the accessibility tree."""
        goal = goal_of(self.task.data["template"], self.task.data["seed"])
        for step in goal.steps:
            yield self._action(step)
        if goal.steps[-1][0] != "say":
            yield Action.call("send_message", text="Done.")

    def near_misses(self) -> Iterator[Sequence[Action]]:
        """A message without the work, or with a wrong answer."""
        yield [Action.call("send_message", text="Done.")]
        answer = goal_of(self.task.data["template"], self.task.data["seed"]).answer
        if answer:
            yield [Action.call("send_message", text=f"{answer}1")]

    async def _driver(self, site: Site) -> Driver:
        if self._tabs is None:
            return SiteDriver(site)
        tab = await self._tabs.take(("sites", site.name))
        tab.network = site.answer
        await tab.view(*_VIEW)
        await tab.forget(site.origin)
        return BrowserDriver(tab)

    def _progress(self) -> None:
        share, _ = self._reached()
        self.add_reward(share - self._share)
        self._share = self.metrics["goal_share"] = share

    def _reached(self) -> tuple[float, bool]:
        if self._goal is None or self._site is None:
            return 0.0, False
        return reached(self._goal, self._site, self._before)

    def _action(self, step: Step) -> Action:
        """Step of an expert as a call of a tool."""
        match step:
            case ("say", text):
                return Action.call("send_message", text=text)
            case ("cart",):
                return Action.call("click", element=self._id("link", "Cart (", starts=True))
            case ("click", role, name):
                return Action.call("click", element=self._id(role, name))
            case ("fill", name, text):
                return Action.call("fill", element=self._id("", name), text=text)
            case ("select", name, option):
                return Action.call("select_option", element=self._id("", name), options=option)
        raise UsageError(f"{step} is no step")

    async def _do(self, step: Step) -> str:
        """Take an expert's step for the agent; return the page after it."""
        call = self._action(step).tool_calls[0]
        text: str = await getattr(self, call.name)(**(call.arguments or {}))
        return text

    def _id(self, role: str, name: str, starts: bool = False) -> int:
        assert self.page is not None
        for node in _nodes(accessibility_tree(self.page)):
            named = node.name.startswith(name) if starts else node.name == name
            if named and node.element is not None and role in ("", node.role):
                id = self.shown_id(node.element)
                if id is not None:
                    return id
        raise UsageError(f"no {role} {name!r} on {self.page.url} for {self.task.data}")


def _nodes(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _nodes(node.children)
