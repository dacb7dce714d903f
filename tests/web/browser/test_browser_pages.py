"""Every page in a real browser: nothing goes wrong, nothing is asked of anybody else, everybody can read it.

The suite looks at each page on a desktop in daylight and on a phone at night; the other two, and axe on each, are slow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

OWN = ("lineage", "curves", "knowledge", "compare")
HERE = [("desktop", "light"), ("phone", "dark")]
ALL = [*HERE, ("desktop", "dark"), ("phone", "light")]
SAMPLED = ("", "lineage", "curves")  # a page takes axe a second or two
IMPACTS = {"serious", "critical"}


@pytest.fixture(scope="module")
def paths(browser: Any, shown: Any, apprentice: Any) -> list[str]:
    """All pages of the navigation, the newest adopted change, its newest refusal or control, and a candidate."""
    found = shown.paths(browser)
    assert set(OWN) <= set(found)
    decided = [e["id"] for e in apprentice.events if e["event"] == "decision" and e["verdict"] == "adopted"]
    control = [e["id"] for e in apprentice.events if e["event"] == "verdict" and e["control"]]
    return [*found, f"change/{decided[-1]}", f"change/{control[-1]}", "candidate/3"]


def looked_at(visitor: Any, path: str) -> list[str]:
    """What is wrong with a page."""
    visitor.wrong.clear()
    answer = visitor.go(path)
    if path == "lineage":
        visitor.page.wait_for_selector("canvas.tree[data-ready]")
    visitor.page.wait_for_timeout(60)
    found = [f"{path}: {one}" for one in visitor.wrong]
    if answer.status != 200:
        found.append(f"{path}: status {answer.status}")
    if (wider := visitor.wider()) > 0:
        found.append(f"{path}: {wider} pixels wider than the window")
    if visitor.page.locator("main h1").count() != 1:
        found.append(f"{path}: not one heading")
    return found


def unreadable(visitor: Any, path: str, axe: str) -> list[str]:
    """What axe-core finds serious on a page."""
    visitor.page.evaluate(axe)
    told = visitor.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [one for one in told["violations"] if one["impact"] in IMPACTS]
    return [f"{path}: {one['id']}, {one['help']}: {one['nodes'][0]['html'][:200]}" for one in serious]


@pytest.mark.parametrize(("size", "scheme"), HERE)
def test_every_page_is_whole_and_readable(
    browser: Any, shown: Any, come_in: Callable[..., Any], paths: list[str], axe: str, size: str, scheme: str
) -> None:  # fmt: skip
    wrong: list[str] = []
    with come_in(browser, shown, size, scheme) as visitor:
        for path in paths:
            wrong += looked_at(visitor, path)
            if path in SAMPLED and size == "desktop":
                wrong += unreadable(visitor, path, axe)
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize(("size", "scheme"), ALL)
def test_every_page_passes_axe_everywhere(
    browser: Any, shown: Any, come_in: Callable[..., Any], paths: list[str], axe: str, size: str, scheme: str
) -> None:  # fmt: skip
    wrong: list[str] = []
    with come_in(browser, shown, size, scheme) as visitor:
        for path in paths:
            wrong += looked_at(visitor, path)
            visitor.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
            wrong += unreadable(visitor, path, axe)
    assert wrong == []


def test_the_tree_is_walked_by_keys_and_filtered(browser: Any, shown: Any, come_in: Callable[..., Any]) -> None:
    with come_in(browser, shown) as visitor:
        visitor.go("lineage")
        page = visitor.page
        page.wait_for_selector("canvas.tree[data-ready]")
        page.locator("canvas.tree").focus()
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("ArrowRight")
        page.wait_for_selector(".tree-part h2")
        first = page.locator(".tree-part").inner_text()
        page.keyboard.press("ArrowDown")
        page.locator(".tree-part h2", has_not_text=first.splitlines()[0]).wait_for()
        page.keyboard.press("Enter")
        page.wait_for_url("**/candidate/*")
        visitor.go("lineage?operator=constant&outcome=raced")
        page.wait_for_selector("canvas.tree[data-ready]")
        rows = page.locator("table.rows tbody tr")
        assert rows.count() > 0
        assert {text.strip() for text in page.locator("table.rows tbody td:nth-child(5)").all_inner_texts()} == {
            "constant"
        }
        assert "shown" in page.locator("[data-tree-told]").inner_text()
        assert visitor.wrong == []


def test_pages_are_whole_without_scripts(browser: Any, shown: Any, come_in: Callable[..., Any]) -> None:
    with come_in(browser, shown) as visitor:
        cookies, home = visitor.page.context.cookies(), visitor.home
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(home + "lineage")
    assert page.locator("table.rows tbody tr").count() > 10
    drawn = page.locator(".tree-still img")
    drawn.wait_for()
    assert drawn.bounding_box()["height"] > 50  # the server's picture came, and is one
    page.goto(home + "curves")
    assert page.locator(".chart svg").count() > 0
    context.close()


def test_pictures_are_files_that_stand_alone(browser: Any, shown: Any, come_in: Callable[..., Any]) -> None:
    with come_in(browser, shown) as visitor:
        visitor.go("curves")
        links = visitor.page.locator("a[download]").evaluate_all("all => all.map(a => a.href)")
        assert any(link.endswith(".svg") for link in links) and any(link.endswith(".csv") for link in links)
        for link in links:
            answer = visitor.page.request.get(link)
            text = answer.text()
            assert answer.status == 200, link
            if ".svg" in link:
                visitor.page.goto(link)  # as a document of its own, under the same policy
                assert visitor.page.locator("svg").count() >= 1
                assert "class=" not in text and "<style" not in text and "<script" not in text
            else:
                assert text.count("\n") > 1, link
        assert visitor.wrong == []
