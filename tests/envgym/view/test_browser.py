"""The page in a real Chromium: what a reader sees and does, and what an episode must not do."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from envgym.stop_reason import StopReason
from envgym.store.episodes import EpisodeWriter
from envgym.view import write_page
from envgym.view.server import Viewer
from tests.envgym.view.conftest import Open
from tests.envgym.view.runs import add, add_metrics, episode, metrics, run_folder

EVIL = "</script><img src=x onerror='window.ran=1'><script>window.ran=1</script>"


@pytest.fixture
def page_of_a_run(tmp_path: Path) -> str:
    return write_page(run_folder(tmp_path / "run")).as_uri()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[Path, str]]:
    folder = run_folder(tmp_path / "run")
    async with TestServer(Viewer(folder).app("127.0.0.1")) as server:
        yield folder, str(server.make_url("/"))


async def background(page: Page, selector: str) -> str:
    return await page.locator(selector).first.evaluate("e => getComputedStyle(e).backgroundColor")


async def test_curves_are_drawn_with_bands_and_evaluations(
    open_page: Open, page_of_a_run: str
) -> None:
    page = await open_page(page_of_a_run)
    titles = await page.locator(".chart h3").all_text_contents()
    assert titles == ["Score", "Reward", "Entropy", "How episodes end", "Time of a step"]
    score = page.locator(".chart", has_text="Dots: evaluations")
    await expect(score.locator(".scatterlayer .trace")).to_have_count(4)  # edges, line, dots
    await expect(score.locator(".errorbar")).to_have_count(2)
    first = await score.locator(".plot").evaluate("p => p.data.map(t => [...t.y])")
    low, high, line, dots = first
    assert line == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert [b - a for a, b in zip(low, high, strict=True)] == pytest.approx([0.1] * 5)
    assert dots == [0, 1]
    await expect(page.locator("tbody tr")).to_have_count(2)


async def test_what_no_chart_knows_is_still_drawn(open_page: Open, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", steps=0)
    add_metrics(folder, metrics(3, **{"env/mine": 2.0, "rollout/loop_lag_s": 0.01}))
    page = await open_page(write_page(folder).as_uri())
    assert "Loop lag" in await page.locator(".chart h3").all_text_contents()
    await page.get_by_text("1 other metrics").click()
    await expect(page.locator("details .chart .scatterlayer .trace")).to_have_count(1)


async def test_nothing_an_episode_says_is_run(open_page: Open, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", steps=0)
    kinds = [episode(0, said=EVIL, question=EVIL, answer=EVIL, fault=EVIL, tokens=False)]
    kinds += [episode(1, said=EVIL, question=EVIL, answer=EVIL)]
    for one in kinds:
        one.metrics = {EVIL: 1.0}
        one.group = EVIL
    for name in ("warm_start", "trained"):
        add(folder, name, kinds)
    add_metrics(folder, metrics(3, **{f"env/{EVIL}": 1.0, f"stop/{EVIL}": 0.5}))
    asked: list[str] = []
    page = await open_page(write_page(folder).as_uri())
    page.on("request", lambda request: asked.append(request.url))
    await page.reload()
    await page.get_by_text("1 other metrics").click()
    for place in ("episodes/trained%2F0%2F0", "episodes/trained%2F0%2F1", "compare"):
        await page.evaluate(f"location.hash = '{place}'")
        await expect(page.locator("section:not([hidden]) .opened").first).to_contain_text(EVIL)
    assert await page.evaluate("window.ran") is None
    assert await page.locator("img, main script").count() == 0
    assert {url.partition(":")[0] for url in asked} <= {"file", "data", "blob"}


async def test_even_a_script_put_in_does_not_run(open_page: Open, page_of_a_run: str) -> None:
    """The content security policy stands behind the escaping."""
    page = await open_page(page_of_a_run)
    await page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        " document.body.append(s);"
        " const d = document.createElement('div'); d.setAttribute('onclick', 'window.ran = 1');"
        " document.body.append(d); d.click(); }"
    )
    assert await page.evaluate("window.ran") is None


async def test_episodes_are_found_by_task_score_and_stop_reason(
    open_page: Open, page_of_a_run: str
) -> None:
    page = await open_page(f"{page_of_a_run}#episodes")
    items = page.locator(".item")
    await expect(items).to_have_count(12)
    await page.get_by_label("search in tasks").fill("COUNTRY 2")
    await expect(items).to_have_count(3)
    await page.get_by_label("stop reason").select_option("max_turns")
    await expect(items).to_have_count(1)
    await expect(items).to_contain_text("warm start")
    await page.get_by_label("lowest score").fill("0.5")
    await expect(items).to_have_count(0)
    await page.get_by_label("stop reason").select_option("")
    await expect(items).to_have_count(2)
    await page.get_by_label("set", exact=True).select_option("trained/0")
    await expect(items).to_have_count(1)


async def test_every_token_is_coloured_and_explained(open_page: Open, page_of_a_run: str) -> None:
    page = await open_page(f"{page_of_a_run}#episodes/train%2F1%2F1")
    opened = page.locator(".opened").first
    await expect(opened.locator(".action .t")).to_have_count(len("Paris"))
    shades = [await background(page, f".opened .{k} .t") for k in ("user", "hint", "action")]
    assert len(set(shades)) == 3
    await opened.locator(".action .t").nth(2).hover()
    tip = page.locator("#tip")
    for text in (
        '"r"',
        "log-prob-1.500",
        f"{100 * math.exp(-1.5):.1f} %",
        "advantage0.750",
        "version7",
    ):
        await expect(tip).to_contain_text(text)
    await opened.locator(".user .t").first.hover()
    await expect(tip).to_contain_text("kinduser")
    await expect(tip).not_to_contain_text("advantage")
    for name in ("log-prob", "advantage", "policy version"):
        await opened.get_by_label("colour of tokens").select_option(name)
        await expect(opened.locator(".action .t.valued")).to_have_count(len("Paris"))


async def test_a_guided_episode_shows_its_hint_level_and_both_log_probs(
    open_page: Open, tmp_path: Path
) -> None:
    folder = run_folder(tmp_path / "run", steps=1)
    guided = episode(0)
    guided.role, guided.guided_by = "guided", "guide:2"
    guided.turns[0].target_logprobs = [-1.25, -2.0, -3.0, -1.0, -1.5]
    add(folder, "train", [guided], 1)
    page = await open_page(f"{write_page(folder).as_uri()}#episodes/train%2F1%2F0")
    opened = page.locator(".opened").first
    await expect(opened.locator(".hint > span")).to_have_text("hint, level 2, not seen by the loss")
    said = "mean log-prob -1.50 with the hint, -1.75 without (ratio 0.779)"
    await expect(opened.locator(".turn").first).to_contain_text(said)
    await opened.locator(".action .t").nth(2).hover()
    tip = page.locator("#tip")
    for text in (
        "log-prob with the hint-1.500",
        "log-prob without the hint-3.000",
        "difference-1.500",
        "ratio without / with0.223",
    ):
        await expect(tip).to_contain_text(text)
    shades = {}
    for name in ("log-prob", "log-prob without the hint", "ratio without / with the hint"):
        await opened.get_by_label("colour of tokens").select_option(name)
        await expect(opened.locator(".action .t.valued")).to_have_count(len("Paris"))
        shades[name] = await background(page, ".opened .action .t")
    assert len(set(shades.values())) == 3
    await page.evaluate("location.hash = 'episodes/trained%2F0%2F0'")
    await expect(opened.locator(".hint > span")).to_have_text("hint, not seen by the loss")
    await expect(opened.get_by_label("colour of tokens").locator("option")).to_have_count(4)


async def test_two_checkpoints_stand_side_by_side(open_page: Open, page_of_a_run: str) -> None:
    page = await open_page(f"{page_of_a_run}#compare")
    cards = page.locator(".pair .opened")
    await expect(cards).to_have_count(2)
    await expect(page.get_by_text("4 tasks in both: 4 better on the right")).to_be_visible()
    await expect(cards.nth(0).locator(".action pre")).to_have_text("dunno")
    await expect(cards.nth(1).locator(".action pre")).to_have_text("Paris")
    left, right = [await cards.nth(i).bounding_box() for i in (0, 1)]
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] < right["x"]
    await page.get_by_label("next task").click()
    await expect(cards.nth(1).locator(".question")).to_contain_text("country 1")
    await page.get_by_label("which tasks").select_option("worse")
    await expect(page.get_by_text("No such task.")).to_be_visible()


async def test_an_episode_is_compared_with_another_of_its_task(
    open_page: Open, page_of_a_run: str
) -> None:
    page = await open_page(f"{page_of_a_run}#episodes/trained%2F0%2F3")
    await page.get_by_label("compare with").select_option("warm_start/0/3")
    cards = page.locator(".pair .opened")
    await expect(cards.nth(0)).to_contain_text("trained")
    await expect(cards.nth(1)).to_contain_text("warm start")
    await expect(cards.nth(1).locator(".question")).to_contain_text("country 3")
    await page.go_back()
    await expect(page.locator("#tab-episodes .question")).to_contain_text("country 3")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_shows_everything_in_its_width(
    open_page: Open, page_of_a_run: str, scheme: str
) -> None:
    page = await open_page(
        page_of_a_run,
        viewport={"width": 390, "height": 844},
        color_scheme=scheme,
        has_touch=True,
        is_mobile=True,
    )
    light = sum(map(int, (await background(page, "body"))[4:-1].split(", ")[:3])) > 3 * 128
    assert light == (scheme == "light")
    for tab in ("curves", "episodes", "compare"):
        await page.evaluate(f"location.hash = '{tab}'")
        await expect(page.locator(f"#tab-{tab}")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.evaluate("location.hash = 'episodes'")
    await page.locator(".item").nth(9).tap()
    await expect(page.locator(".list")).to_be_hidden()
    await page.locator("#tab-episodes .action .t").first.tap()
    tip = await page.locator("#tip").bounding_box()
    assert tip is not None
    assert tip["x"] >= 0
    assert tip["x"] + tip["width"] <= 390
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.get_by_text("← all episodes").tap()
    await expect(page.locator(".item").nth(9)).to_be_visible()


async def test_a_large_run_says_what_it_left_out(open_page: Open, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    EpisodeWriter(folder).write([episode(i, said="x" * 50) for i in range(3000)])
    page = await open_page(write_page(folder).as_uri())
    await expect(page.locator("#tab-episodes .count")).to_contain_text("2,640 are left out")
    await expect(page.locator(".item")).to_have_count(200)  # drawn at once
    await page.get_by_text("Show 160 more").click()
    await expect(page.locator(".item")).to_have_count(360)


async def test_episodes_without_tokens_are_read_by_text(open_page: Open, tmp_path: Path) -> None:
    EpisodeWriter(tmp_path / "saved").write([episode(0, tokens=False)])
    page = await open_page(write_page(tmp_path / "saved").as_uri())
    await page.locator(".item").click()
    await expect(page.locator(".opened .action pre").first).to_have_text('answer(text="Paris")')
    await expect(page.locator(".opened .user pre").first).to_contain_text("capital")


async def test_news_come_in_and_what_is_being_done_stays(
    open_page: Open, served: tuple[Path, str]
) -> None:
    folder, address = served
    page = await open_page(f"{address}#episodes")
    await page.locator(".item", has_text="trained").first.click()
    await page.get_by_label("search in tasks").fill("country 1")
    await page.get_by_label("set", exact=True).select_option("trained/0")
    opened = page.locator("#tab-episodes .opened")
    await opened.get_by_label("colour of tokens").select_option("lp")
    await page.get_by_label("search in tasks").focus()
    await page.locator("body").evaluate("b => b.dataset.mark = 'same page'")
    add_metrics(folder, [{"step": 6, "score": 0.9}])
    many = [episode(i, stop=StopReason.TIMEOUT) for i in range(20)]
    add(folder, "trained", many)
    await expect(page.locator(".item")).to_have_count(11)  # 1 and 10 to 19: news, filtered
    await expect(page.locator("#about")).to_contain_text("step 6 of 5")
    assert await page.get_by_label("search in tasks").input_value() == "country 1"
    focused = await page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == "search in tasks"
    await expect(opened.locator(".action .t.valued")).to_have_count(len("Paris"))
    assert await page.locator("body").get_attribute("data-mark") == "same page"
    await page.evaluate("location.hash = 'curves'")
    last = page.locator(".chart", has_text="Dots: evaluations").locator(".plot")
    assert await last.evaluate("p => p.data.at(-2).y.at(-1)") == 0.9


async def test_zoom_survives_news_and_a_lost_server_is_said(
    open_page: Open, tmp_path: Path
) -> None:
    folder = run_folder(tmp_path / "run")
    server = TestServer(Viewer(folder).app("127.0.0.1"))
    await server.start_server()
    page = await open_page(str(server.make_url("/")))
    plot = page.locator(".chart", has_text="Dots: evaluations").locator(".plot")
    await plot.evaluate("p => Plotly.relayout(p, {'xaxis.range': [2, 3]})")
    add_metrics(folder, [{"step": 6, "score": 0.9}])
    await expect(page.locator("#about")).to_contain_text("step 6 of 5")
    assert await plot.evaluate("p => p.layout.xaxis.range") == [2, 3]
    await server.close()
    await expect(page.locator("#about")).to_contain_text("no answer from the server")
