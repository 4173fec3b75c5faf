"""The accessibility tree: roles, names, states, and the lines that an agent reads."""

from __future__ import annotations

import pytest

from envgym.environments.web.observation.accessibility import accessibility_tree
from envgym.environments.web.observation.elements import Element, Page
from envgym.environments.web.observation.ids import ElementIds
from envgym.environments.web.observation.text import bounded, changes, html_lines, tree_lines
from envgym.environments.web.sites.markup import button, check, choice, field, h, link
from envgym.errors import ToolError


def page(*children: Element | str) -> Page:
    body = h("body", children)
    for handle, element in enumerate(body.walk(), 1):
        element.handle = handle
    return Page("http://a.test/", "A", body)


def lines(*children: Element | str) -> list[str]:
    return list(tree_lines(accessibility_tree(page(*children)), ElementIds()))


def test_names_come_from_labels_content_and_placeholders() -> None:
    named = h("input", aria_label="Search", type="search", value="tea")
    placed = h("input", placeholder="Your name", value="")
    assert lines(field("City", "city", "Lyon"), named, placed, button("Go")) == [
        "[1] textbox 'City' value='Lyon'",
        "[2] searchbox 'Search' value='tea'",
        "[3] textbox 'Your name'",
        "[4] button 'Go'",
    ]


def test_a_label_around_a_field_names_it_and_is_no_text() -> None:
    assert lines(check("Gift wrap", "gift", True)) == ["[1] checkbox 'Gift wrap' checked"]


def test_text_of_inline_elements_runs_on_and_blocks_part_it() -> None:
    assert lines(h("p", "one ", h("b", "two"), " three"), h("div", "four")) == [
        "StaticText 'one two three'",
        "StaticText 'four'",
    ]


def test_a_list_shows_its_choice_and_its_options() -> None:
    found = lines(choice("Size", "size", [("s", "Small"), ("l", "Large")], "l"))
    assert found == [
        "[1] combobox 'Size' value='Large'",
        "\t[2] option 'Small'",
        "\t[3] option 'Large'",
    ]


def test_items_and_cells_of_one_thing_are_that_thing() -> None:
    row = h("tr", h("td", "9:00"), h("td", link("Choose", "/1")), h("td"))
    assert lines(h("ul", h("li", link("Home", "/")), h("li", "text")), h("table", row)) == [
        "[1] list",
        "\t[2] link 'Home'",
        "\t[3] listitem 'text'",
        "[4] table",
        "\t[5] row",
        "\t\t[6] cell '9:00'",
        "\t\t[7] link 'Choose'",
    ]


def test_icons_without_a_name_are_told_apart_by_class_and_colour() -> None:
    icon = Element("span", {"class": "trash", "clickable": "", "background": "rgb(1, 2, 3)"})
    assert lines(icon) == ["[1] clickable class='trash', background='rgb(1, 2, 3)'"]


def test_pruned_html_keeps_what_has_a_role_or_a_text() -> None:
    shown = page(h("div", h("div", link("A & B", "/x"))), h("p", "said"))
    assert shown.root is not None
    assert list(html_lines(shown.root, ElementIds())) == [
        '<a data-id="1" href="/x">A &amp; B</a>',
        "<p>said</p>",
    ]


def test_a_budget_cuts_whole_lines_and_says_how_many_are_left() -> None:
    assert bounded(["x" * 39, "y" * 39, "z"], 10) == (
        "x" * 39 + "\n… 2 more lines: more() shows them",
        1,
    )
    assert bounded(["ab", "cd"], 10) == ("ab\ncd", 2)
    assert bounded(["x" * 100], 10) == ("x" * 40, 1)


def test_changes_are_lines_gone_and_new() -> None:
    assert changes(["a", "\tb", "c"], ["a", "\td", "c"]) == ["- b", "+ d"]
    assert changes(["a"], ["a"]) == []


def test_ids_stay_with_their_elements_and_are_never_given_twice() -> None:
    ids, first, second = ElementIds(), Element("a", handle=1), Element("a", handle=2)
    assert [ids.of(first), ids.of(second), ids.of(first)] == [1, 2, 1]
    ids.leave()
    after = Element("a", handle=1)
    assert ids.of(after) == 3
    assert ids.find(3) is after
    with pytest.raises(ToolError, match=r"\[1\] is of a page that was left"):
        ids.find(1)
    with pytest.raises(ToolError, match=r"\[9\] was never shown"):
        ids.find(9)
