"""Catalogue of the site tasks: sites, templates, and the goal of each template and seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

from envgym.environments.web.sites.forum.site import Forum
from envgym.environments.web.sites.forum.tasks import TEMPLATES as FORUM
from envgym.environments.web.sites.goals import Goal, Template
from envgym.environments.web.sites.shop.site import Shop
from envgym.environments.web.sites.shop.tasks import TEMPLATES as SHOP
from envgym.environments.web.sites.site import Site
from envgym.environments.web.sites.travel.site import Travel
from envgym.environments.web.sites.travel.tasks import TEMPLATES as TRAVEL
from envgym.environments.web.task_turns import in_turn
from envgym.errors import UsageError, suggest
from envgym.task import Task, TaskSource

SITES: dict[str, type[Site]] = {"shop": Shop, "forum": Forum, "travel": Travel}
TEMPLATES: dict[str, Template] = {
    f"{group.site}/{one.name}": one for group in (SHOP, FORUM, TRAVEL) for one in group.all
}
"""Templates by ``site/name``."""
BANDS = (1, 2, 3, 4)
SEEDS = 10_000
"""Number of tasks per template and split."""
_WORLDS = 32  # contents of a site
_SPLITS = {"train": 0, "test": 1_000_000}


@lru_cache(maxsize=128)
def _content(site: str, world: int) -> bytes:
    return SITES[site].content(world)


@lru_cache(maxsize=4096)
def goal_of(template: str, seed: int) -> Goal:
    """Goal of a task: what a template makes of a seed, on the site as it is at the beginning."""
    site = open_site(template, seed)
    try:
        return TEMPLATES[template].make(random.Random(f"{template}:{seed}"), site)
    finally:
        site.close()


def open_site(template: str, seed: int) -> Site:
    """Site of a task as it is at the beginning, with a database of its own."""
    kind = TEMPLATES[template].site
    return SITES[kind](_content(kind, seed % _WORLDS))


def source(templates: Sequence[str], split: str) -> TaskSource:
    """Tasks of the templates in turn; difficulty is the band.

    Raises:
        UsageError: There is no such split.
    """

    def make(name: str, seed: int) -> Task:
        goal = goal_of(name, seed)
        data = {"template": name, "seed": seed, "instruction": goal.instruction}
        return Task(data, {"answer": goal.answer}, split, float(TEMPLATES[name].band))

    return in_turn(templates, SEEDS, _SPLITS, split, make)


def chosen_templates(
    sites: Sequence[str], templates: Sequence[str], bands: Sequence[int]
) -> list[str]:
    """Names of the templates of these sites, names and bands; empty means all.

    Raises:
        UsageError: One of them does not exist, or none is left.
    """
    for site in sites:
        if site not in SITES:
            raise UsageError(f"no site {site!r}.{suggest(site, SITES)}")
    for name in templates:
        if name not in TEMPLATES:
            raise UsageError(f"no template {name!r}.{suggest(name, TEMPLATES)}")
    if not bands or not set(bands) <= set(BANDS):
        raise UsageError(f"bands must be within 1..4, not {list(bands)}")
    found = [
        name
        for name, one in TEMPLATES.items()
        if (not sites or one.site in sites)
        and (not templates or name in templates)
        and one.band in bands
    ]
    if not found:
        raise UsageError("no template of these sites, names and bands: leave one of them out")
    return found
