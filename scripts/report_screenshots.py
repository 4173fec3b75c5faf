"""Takes the pictures of docs/report.md from a run's folder: ``report_screenshots.py runs/demo``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from envgym.view import write_page

DOCS = Path(__file__).parents[1] / "docs"
DESKTOP = {"viewport": {"width": 1080, "height": 760}}
TALL = {"viewport": {"width": 1250, "height": 1100}}
PHONE = {"viewport": {"width": 390, "height": 780}, "is_mobile": True, "has_touch": True}


def curves(page: Page) -> None:
    """The top of the first tab."""
    page.wait_for_selector(".scatterlayer .trace")


def episode(page: Page) -> None:
    """The training episode that did best beside its group, coloured by advantage."""
    page.get_by_label("set", exact=True).select_option("train/1")
    key = page.evaluate(
        """() => {
          const first = (row) => [state.data.episodes[row.key].seats[0].turns[0].blocks.at(-1).adv];
          const rows = state.data.list.filter((row) => row.set === "train/1");
          return rows.sort((a, b) => first(b).flat()[0] - first(a).flat()[0])[0].key;
        }"""
    )
    page.locator(f'.item[data-key="{key}"]').click()
    colours = page.locator(".opened .colours select")
    colours.select_option("adv")
    page.locator(".opened .action .t").nth(2).hover()


def compare(page: Page) -> None:
    """The first task that training solved."""
    page.wait_for_selector(".pair .opened")


def shoot(browser: Browser, address: str, name: str, act: Any, **options: Any) -> None:
    """One picture."""
    page = browser.new_page(**options)
    page.goto(address)
    act(page)
    page.wait_for_timeout(500)  # fonts and curves settle
    page.screenshot(path=DOCS / f"report-{name}.png")
    page.close()


def main(run: Path) -> None:
    """All pictures."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        address = write_page(run, Path(folder) / "page.html").as_uri()
        browser = play.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        shoot(browser, address, "light", curves, **TALL)
        shoot(browser, f"{address}#episodes", "dark", episode, color_scheme="dark", **DESKTOP)
        shoot(browser, f"{address}#compare", "compare", compare, **DESKTOP)
        shoot(browser, f"{address}#compare", "phone", compare, color_scheme="dark", **PHONE)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
