"""``web/miniwob-v1``: the tasks of MiniWoB++ in a real browser, seeded and without waiting.

MiniWoB++: Liu et al., ICLR 2018 (arXiv 1802.08802), after World of Bits, Shi et al., ICML 2017.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Literal

from envgym.environments.graded_hints import graded
from envgym.environments.web.browser.driver import BrowserDriver
from envgym.environments.web.browser.tab import Tab
from envgym.environments.web.browser.tabs import BrowserTabs
from envgym.environments.web.miniwob import pages
from envgym.environments.web.miniwob.oracles import ORACLES, Expert
from envgym.environments.web.miniwob.tasks import RELOADED, check_names, source
from envgym.environments.web.observation.elements import Page
from envgym.environments.web.web_env import View, WebEnv
from envgym.errors import Fault, UsageError
from envgym.messages import Action, Message, system, user
from envgym.stop_reason import StopReason
from envgym.task import Task, TaskSource
from envgym.trajectory import Episode

_SCRIPTS = tuple(
    Path(__file__).with_name(name).read_text(encoding="utf-8")
    for name in ("clock.js", "episode.js")
)
_EXCLUDED = "#reward-display, #click-canvas, #sync-task-cover, #query, #query-wrap"
_VIEW = (332, 214)
INSTRUCTIONS = "Do the task on the web page by calling tools. Elements are named by their ids."


class MiniWob(WebEnv):
    """Small tasks on a web page: buttons, forms, lists, e-mail, calendars, drawing.

    The 125 single-page tasks of MiniWoB++ (Liu et al., arXiv 1802.08802) in Chromium. A page is
    loaded once and reset in place; its time stands still while the agent thinks.

    Actions:
        ``click(element)``, ``double_click``, ``fill(element, text)``, ``select_option``,
        ``press(key, element)``, ``hover``, ``scroll``, ``drag(start, end)``, ``more()``.

    Observations:
        First the task's instruction and the page, then the page after each action: an
        accessibility tree with element ids, or pruned HTML.

    Rewards:
        At the end the page's own verdict: ``binary`` 1 for a raw reward above 0 (BrowserGym's
        rule), ``raw`` the page's reward from -1 to 1, ``decayed`` the same, less the share of the
        page's time limit that has passed. The score is 1 for a raw reward of 1; of partial rewards
        (``click-checkboxes-soft``), the part.

    Episode end:
        Terminated by the page; truncated after 12 turns.

    Hints:
        The way to do a task of the kind; misuse of the tools in the attempt. The page alone knows
        more, and hints are functions of task and attempt.

    Info:
        Metric ``raw_reward`` and those of `ToolEnv`.

    Args:
        tasks: Names of tasks (``click-test``, …); all when empty.
        browser: ``chromium``, ``headed`` (in a window) or ``cdp:URL`` (a browser elsewhere).
        reward: ``binary``, ``raw`` or ``decayed``.
        action_seconds: Virtual seconds that pass with each action.
        view: ``axtree`` or ``html``.
        tokens: Budget of an observation in tokens, counted as four characters each.
        show: ``page`` or ``changes``: what stands after an action.
        max_turns: Turns before truncation; 12 by default.

    Version history:
        v1: first release.
    """

    max_turns = 12

    def __init__(
        self,
        *,
        tasks: Sequence[str] = (),
        browser: str = "chromium",
        reward: Literal["binary", "raw", "decayed"] = "binary",
        action_seconds: float = 0.5,
        view: View = "axtree",
        tokens: int = 2000,
        show: Literal["page", "changes"] = "page",
        max_turns: int | None = None,
    ) -> None:
        super().__init__(view=view, tokens=tokens, show=show, max_turns=max_turns)
        if reward not in ("binary", "raw", "decayed"):
            raise UsageError(f"reward is {reward!r}: use binary, raw or decayed")
        if action_seconds < 0:
            raise UsageError(f"action_seconds must not be negative, as {action_seconds} is")
        self.withhold("goto", "back")
        self._names = check_names(tasks)
        self._reward_kind = reward
        self._milliseconds = action_seconds * 1000
        self._tabs = BrowserTabs(browser, _SCRIPTS)
        self._browser: BrowserDriver | None = None

    def tasks(self, split: str = "train") -> TaskSource:
        """Episodes of the chosen tasks; the seeds of the splits differ."""
        return source(self._names, split)

    async def start(self, task: Task) -> Sequence[Message]:
        """Instruction of the task, and its page."""
        name, seed = task.data["task"], task.data["seed"]
        pages.html_folder()  # or an error that names the package
        tab = await self._tabs.take(("miniwob", name))
        driver = self._browser = BrowserDriver(tab, exclude=_EXCLUDED)
        begun = await self._begun(tab, name, seed, task.split)
        self.begin(driver)
        goal = begun["goal"]
        self.goal = str(goal["utterance"] if isinstance(goal, dict) else goal)
        driver.before = "__wob.after(0)"
        seen = await self.seen()
        driver.before = f"__wob.after({self._milliseconds!r})"
        return system(INSTRUCTIONS), user(f"Task: {self.goal}\n{seen}")

    async def stop(self) -> None:
        """Give the browser back."""
        await self._tabs.close()

    def arrived(self, page: Page) -> None:
        """End the episode once the page has judged it."""
        assert self._browser is not None
        state: dict[str, Any] = self._browser.extra
        if not state["done"] or self.ended:
            return
        raw = float(state["raw"])
        self.metrics["raw_reward"] = raw
        rewards = {"binary": float(raw > 0), "raw": raw, "decayed": float(state["reward"])}
        self.end(
            min(max(raw, 0.0), 1.0),
            reward=rewards[self._reward_kind],
            stop=StopReason.ANSWERED,
        )

    def described(self, page: Page) -> str:
        """Nothing: a page's address says no more than the task does."""
        return ""

    async def _begun(self, tab: Tab, name: str, seed: int, split: str) -> dict[str, Any]:
        tab.network = pages.network
        there = "location.href + (window.__wob && __wob.prepared() ? '' : ' new')"
        if name in RELOADED or await tab.evaluate(there) != pages.address(name):
            await tab.view(*_VIEW)
            await tab.open(pages.address(name))
            await tab.evaluate("__wob.preload().then(() => null)")
        limit = 0 if self._reward_kind == "decayed" else None
        begun: dict[str, Any] = await tab.run("__wob.begin", seed, split, limit)
        if not begun["ready"]:
            raise Fault(f"the page of {name} is never ready for an episode", "env")
        return begun

    def hints(self, attempt: Episode | None = None) -> Sequence[str]:
        """The way that the oracle goes; see `Env.hints`."""
        play = ORACLES.get(self.task.data["task"])
        plan = inspect.getdoc(play) or "" if play is not None else ""
        return graded(self.task, attempt, plan, "", ())

    async def oracle(self) -> AsyncIterator[Action]:
        """Expert's actions; only for the tasks in `oracles.ORACLES`."""
        play = ORACLES.get(self.task.data["task"])
        if play is None:
            raise UsageError(
                f"{self.task.data['task']} has no oracle; tasks with one: see the docs"
            )
        async for action in play(Expert(self)):
            yield action
