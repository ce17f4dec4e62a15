"""Devices' pages in a real browser: staff find what is wrong, prove what is counted, and try again what was set aside."""

import csv
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visit


def test_staff_find_their_way_from_the_list_to_what_is_wrong(olena: Visit) -> None:
    page = olena.page
    page.get_by_role("link", name="Пристрої").click()
    expect(page.locator(".lead")).to_contain_text("без зв’язку: 3; ще чекає на пристроях: 1 201 запис.")
    page.get_by_role("link", name="kiosk-kopiia").click()
    expect(page.get_by_text("Дві картки видають себе за цей пристрій")).to_be_visible()
    page.get_by_role("link", name="Подивитися й спробувати ще раз").click()
    expect(page.locator("h1")).to_have_text("Відкладене · kiosk-kopiia")
    page.get_by_role("link", name="Усі пристрої").click()
    expect(page.locator("h1")).to_have_text("Пристрої")
    assert olena.complaints == []


def test_the_one_line_holds_what_the_kiosks_own_screen_says(olena: Visit) -> None:
    olena.go("/devices/kiosk-malyi/")
    names = olena.page.locator(".line dt").all_inner_texts()
    assert names == ["Записано", "Доставлено", "У резервній копії", "Чекає з", "Остання прогалина", "Шлях", "Востаннє на зв’язку"]
    values = olena.page.locator(".line dd").all_inner_texts()
    assert re.fullmatch(r"1\s204", values[0])
    assert re.fullmatch(r"\d+ \w+ \d{4}, \d\d:\d\d \(1\s201 запис\)", values[3])


def test_the_proof_is_shown_for_a_period_and_saved_as_a_file(olena: Visit, tmp_path: Path) -> None:
    olena.go("/devices/kiosk-zrazkove/")
    page = olena.page
    assert page.locator(".reconciliation tbody tr").count() in (7, 8)
    month_ago = page.evaluate("new Date(Date.now() - 30 * 86400000).toISOString().slice(0, 10)")
    page.get_by_label("Від").fill(month_ago)
    page.get_by_role("button", name="Показати").click()
    expect(page.locator(".reconciliation .sentence")).to_contain_text("Доведено: усе, що пристрій записав")
    shown = page.locator(".reconciliation tbody tr").count()
    assert shown > 20
    with page.expect_download() as found:
        page.locator(".reconciliation .csv").click()
    assert re.fullmatch(rf"kiosk-zrazkove-{month_ago}-\d{{4}}-\d\d-\d\d\.csv", found.value.suggested_filename)
    found.value.save_as(tmp_path / "proof.csv")
    rows = list(csv.DictReader((tmp_path / "proof.csv").read_text("utf-8-sig").splitlines()))
    assert len(rows) == shown
    assert {row["line"] for row in rows} == {"day"}
    assert {row["captured"] == row["delivered"] for row in rows} == {True}
    assert {row["difference"] for row in rows} == {"0"}
    assert sum(int(row["standing"]) for row in rows) == 310


def test_what_was_set_aside_is_tried_again_by_keyboard_and_stays_on_the_page(olena: Visit) -> None:
    olena.go("/set-aside/")
    page = olena.page
    group = page.locator("section", has=page.get_by_role("heading", name="Сервер не впорався з цим: 1"))
    group.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(group.get_by_text("Хто як відповів, не показується нікому.")).to_be_visible()
    page.keyboard.press("Tab")
    assert "Спробувати ще раз" in page.evaluate("document.activeElement.innerText")
    page.keyboard.press("Enter")
    page.wait_for_url("**/set-aside/?tried=*")
    expect(page.get_by_role("status")).to_have_text("Повторну спробу зроблено. уже було збережено: 1.")
    settled = page.locator("section", has=page.get_by_role("heading", name="Вирішено повторною спробою"))
    expect(settled.get_by_text("kiosk-malyi")).to_be_visible()
    page.reload()
    expect(settled.get_by_text("kiosk-malyi")).to_be_visible()
    assert olena.complaints == []


def test_on_a_phone_every_figure_of_the_proof_stands_on_the_screen_with_its_name(olena: Visit) -> None:
    olena.size(360)
    olena.go("/devices/kiosk-zrazkove/")
    hidden = olena.page.evaluate(
        """() => [...document.querySelectorAll('.stacked td')].filter((cell) => {
            const box = cell.getBoundingClientRect();
            const named = getComputedStyle(cell, '::before').content.includes(':') || !cell.dataset.label;
            return !named || box.right > document.documentElement.clientWidth || box.width < 20;
        }).map((cell) => cell.innerText)"""
    )
    assert hidden == []
