"""The pages in a real browser: they draw, follow what happens, can be walked by keyboard, and complain of nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, Visit, World, answers, web
from tests.support.waiting import until
from workbench.ports import free_port

DEVICES = ["/devices/", "/devices/kiosk-zrazkove/", "/devices/kiosk-malyi/", "/devices/kiosk-kopiia/", "/set-aside/"]
PAGES = ["/", "/courts/zrazkove/", "/courts/malyi/", "/courts/porozhnii/", "/courts/nema/", *DEVICES]
ALL_CHARTS = ["distribution-chart-1", "comparison-chart-1", "hours-chart-1", "weeks-chart-1", "weeks-chart-2", "reasons-chart-1"]


def test_a_person_signs_in_and_reads_how_many_have_answered(olena: Visit) -> None:
    expect(olena.page.get_by_role("heading", name="Огляд")).to_be_visible()
    olena.page.get_by_role("link", name="Вигаданий суд zrazkove").first.click()
    olena.drawn()
    assert olena.count("data-answers-30d") >= 240
    assert "За останні 30 днів — 2" in olena.page.locator("#lead").inner_text()


def test_every_chart_is_drawn_with_its_numbers(olena: Visit) -> None:
    olena.go("/courts/zrazkove/")
    assert [chart.get_attribute("id") for chart in olena.page.locator(".chart").all()] == ALL_CHARTS
    for chart in olena.page.locator(".chart").all():
        box = chart.locator("svg").bounding_box()
        assert box is not None
        assert box["height"] > 60
        assert box["width"] > 300
    words = olena.page.locator("#distribution-chart-1 svg text").all_text_contents()
    assert sum(bool(re.fullmatch(r"\d+\s%", text)) for text in words) == 5
    assert any("Дуже" in text for text in words)


def test_a_new_answer_moves_the_count_and_the_fifth_the_distribution(olena: Visit, world: World) -> None:
    olena.go("/courts/zrazkove/")
    today, month = olena.count("data-answers-today"), olena.count("data-answers-30d")
    olena.page.evaluate("window.sameDocument = true")
    summary = olena.page.locator("#distribution-table summary")
    summary.click()
    summary.focus()
    table = olena.page.locator("#distribution-table tbody")
    before = table.inner_text()

    world.rate("zrazkove", 5)
    until(lambda: (olena.page.wait_for_timeout(20), olena.count("data-answers-today") == today + 1)[1], "the count moves")
    assert olena.count("data-answers-30d") == month + 1
    assert f" {month + 1} " in olena.page.locator("#lead").inner_text(), "the first line moves with the count"
    assert "1 найновіша" in olena.page.locator("#counted").inner_text()
    assert table.inner_text() == before, "one answer must not move the distribution"

    world.rate("zrazkove", 5, 5, 5, 5)
    until(lambda: (olena.page.wait_for_timeout(20), table.inner_text() != before)[1], "the distribution follows")
    assert olena.count("data-answers-today") == today + 5
    olena.drawn()
    assert olena.page.evaluate("window.sameDocument"), "the page was not loaded again"
    assert olena.page.locator("#distribution-table").get_attribute("open") is not None, "what was open stays open"
    assert olena.page.evaluate("document.activeElement.tagName") == "SUMMARY", "the reader's place is kept"
    assert olena.complaints == []


def test_a_court_comes_to_life_while_its_empty_page_is_looked_at(olena: Visit, world: World) -> None:
    olena.go("/courts/porozhnii/")
    expect(olena.page.locator("#lead")).to_have_text("За останні 30 днів цей суд ніхто не оцінив.")
    world.rate("porozhnii", *[4] * 12)
    expect(olena.page.locator("#answers-today")).to_have_attribute("data-answers-today", "12", timeout=60_000)
    expect(olena.page.locator("#distribution-chart-1 svg")).to_be_visible(timeout=60_000)
    assert olena.complaints == []


@pytest.mark.parametrize("width", [360, 1280, 1920])
@pytest.mark.parametrize("language", ["uk", "en"])
def test_no_page_scrolls_sideways(olena: Visit, width: int, language: str) -> None:
    olena.size(width)
    olena.go("/")
    olena.switch(language)
    for address in PAGES:
        olena.go(address)
        for summary in olena.page.locator("summary").all():
            summary.click()
        beyond = olena.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, f"{address} is {beyond} px too wide at {width} px in {language}"


def test_no_text_of_a_chart_is_cut_off_at_360_px(olena: Visit) -> None:
    olena.size(360)
    for language in ("uk", "en"):
        olena.go("/courts/zrazkove/")
        olena.switch(language)
        cut = olena.page.evaluate(
            """() => [...document.querySelectorAll('.chart')].flatMap((chart) => {
                const frame = chart.getBoundingClientRect();
                return [...chart.querySelectorAll('text')].filter((text) => {
                    const box = text.getBoundingClientRect();
                    return box.width && (box.left < frame.left - 1 || box.right > frame.right + 1);
                }).map((text) => `${chart.id}: ${text.textContent}`);
            })"""
        )
        assert cut == []


def test_no_page_breaks_its_policy_or_complains(olena: Visit) -> None:
    olena.page.add_init_script(
        "document.addEventListener('securitypolicyviolation', (event) =>"
        " console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))"
    )
    for address in PAGES:
        olena.go(address)
        olena.page.mouse.move(700, 500)
        if address.startswith("/courts/"):
            olena.page.wait_for_timeout(1500)  # one or two beats of the live part
    assert [each for each in olena.complaints if "404" not in each] == []


def test_a_value_shows_under_the_pointer(olena: Visit) -> None:
    olena.go("/courts/zrazkove/")
    olena.page.locator("#distribution-chart-1 .mark-rect path").nth(3).hover()
    tip = olena.page.locator("#vg-tooltip-element")
    expect(tip).to_be_visible()
    assert re.search(r"Добре: \d+\s%\s\(\d+.*\d+\s%\), \d+ відповід", tip.inner_text().replace("\u2060", ""))


def test_the_court_page_can_be_walked_by_keyboard_alone(visit: Visit) -> None:
    visit.go("/sign-in/")
    page = visit.page

    def focused() -> Any:
        return page.evaluate("document.activeElement.innerText || document.activeElement.name || ''").strip()

    assert focused() == "username", "nobody has to look for the first field"
    page.keyboard.type("olena")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(visit.origin + "/")

    visit.go("/courts/zrazkove/")
    page.keyboard.press("Tab")
    assert focused() == "Перейти до змісту"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main", "the skip link leads to the content"
    reached: list[str] = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(focused())
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring != "none", f"nothing shows that {reached[-1]!r} has the focus"
    assert [text for text in reached if text.startswith("Таблицею")] == [
        *["Таблицею"] * 3,
        "Таблицею: тижні",
        "Таблицею: дні",
        "Таблицею",
    ]
    assert sum(text.startswith("CSV") for text in reached) == 6

    page.locator("#hours-table summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#hours-table table")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "scroll", "a long table can be scrolled by keyboard"


def test_every_control_has_a_name_and_every_heading_its_place(olena: Visit) -> None:
    for address in PAGES:
        olena.go(address)
        levels = olena.page.evaluate("[...document.querySelectorAll('main h1, main h2, main h3')].map((each) => each.tagName)")
        assert levels[0] == "H1", address
        assert levels.count("H1") == 1, address
        nameless = olena.page.evaluate(
            """() => [...document.querySelectorAll('a, button, input:not([type=hidden]), figure, summary')]
                .filter((each) => !(each.innerText?.trim() || each.getAttribute('aria-label') || each.labels?.length))
                .map((each) => each.outerHTML)"""
        )
        assert nameless == [], address


def test_charts_follow_dark_and_light_without_being_drawn_again_and_paper_too(olena: Visit) -> None:
    olena.go("/courts/zrazkove/")
    bar = olena.page.locator("#distribution-chart-1 .mark-rect path").first
    bar.evaluate("(each) => { each.dataset.drawn = 'once' }")
    in_the_light = "rgb(156, 74, 10)"
    olena.page.emulate_media(color_scheme="light")
    expect(bar).to_have_css("fill", in_the_light)
    olena.page.emulate_media(color_scheme="dark")
    expect(bar).to_have_css("fill", "rgb(196, 104, 42)")
    expect(bar).to_have_attribute("data-drawn", "once")
    olena.page.emulate_media(color_scheme="dark", media="print")
    expect(bar).to_have_css("fill", in_the_light)
    expect(olena.page.locator("header.rooms")).to_be_hidden()
    olena.page.emulate_media(color_scheme="light", media="screen")


def test_a_file_is_saved_with_its_figures(olena: Visit, tmp_path: Path) -> None:
    olena.go("/courts/zrazkove/")
    with olena.page.expect_download() as found:
        olena.page.locator(".block-hours .csv").click()
    assert re.fullmatch(r"zrazkove-hours-\d{4}-\d\d-\d\d\.csv", found.value.suggested_filename)
    found.value.save_as(tmp_path / "hours.csv")
    assert (tmp_path / "hours.csv").read_text("utf-8-sig").startswith("hour,answers,good_or_very_good,low,high,point_1")


def test_a_page_that_lost_its_server_says_so_and_recovers(olena: Visit, world: World) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    other = web(world.folder, port).start()
    try:
        until(lambda: answers(origin), "the second web server answers")
        olena.page.goto(f"{origin}/courts/zrazkove/")
        stale = olena.page.locator("#stale")
        expect(stale).to_be_hidden()
        other.stop()
        expect(stale).to_be_visible(timeout=60_000)
        other = web(world.folder, port).start()
        expect(stale).to_be_hidden(timeout=60_000)
    finally:
        other.stop()
