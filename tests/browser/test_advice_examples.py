"""Labelled examples on the advice page in a real browser: wrong rows told, mended, dropped; taken along to a pilot."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import acts, app
from tests.engine.test_labelled import RIGHT, tickets

EXAMPLES = "Your labelled examples (JSONL, CSV or Parquet)"
HOSTILE = "<img src=x onerror=\"document.title='owned'\"> **bold** $x$"


def given(page: Page, address: str, file: Path) -> None:
    page.goto(f"{address}/?usd=150")
    app.settle(page)
    page.get_by_text("Take them from your file", exact=True).click()
    acts.upload(page, EXAMPLES, file)


def headline(page: Page, said: str) -> None:
    expect(page.get_by_role("heading", level=2).filter(has_text=said)).to_be_visible()


def pressed(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_timeout(300)
    app.settle(page)


def test_wrong_rows_are_mended_and_dropped_and_a_pilot_takes_the_rest_without_a_second_upload(
    page: Page, address: str, tmp_path: Path
) -> None:
    given(page, address, tickets(tmp_path / "support.jsonl", {7: "billing", 20: None, 31: "billing"}))
    headline(page, 'Line 7, record: expected keys category, urgency, order; found "billing". 3 of 300 rows.')
    expect(page.get_by_role("spinbutton", name="Labelled examples")).to_have_value("297")
    page.get_by_text("Fix", exact=True).click()
    app.settle(page)
    page.get_by_role("textbox", name="Right answer of line 7").fill(RIGHT)
    pressed(page, "Take these answers")
    headline(page, "2 of 300 rows. Fix, remap, or drop 2.")
    pressed(page, "Drop 2")
    expect(page.get_by_text("2 of 300 rows dropped; 1 answer written anew.")).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Labelled examples")).to_have_value("298")
    expect(page.get_by_text("224 to train on, 74 to test on.")).to_be_visible()
    assert "support" not in page.url
    assert "seeds=298" in page.url

    page.get_by_role("link", name=re.compile("a new pilot, filled from here")).click()
    page.wait_for_url("**/pilot*")
    app.settle(page)
    expect(page.get_by_text("Your examples came along")).to_be_visible()
    expect(page.get_by_text("support-mended.jsonl, uploaded before")).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Rows kept for testing")).to_have_value("74")
    acts.step(page, "Task")
    expect(page.get_by_text("Your answers look like JSON with the keys category, urgency and order.")).to_be_visible()


def test_a_hostile_file_is_text_and_a_broken_one_says_so(page: Page, address: str, tmp_path: Path) -> None:
    given(page, address, tickets(tmp_path / "t.jsonl", {7: HOSTILE}))
    headline(page, f'found "{HOSTILE}". 1 of 300 rows.')
    assert page.title() != "owned"
    (tmp_path / "sheet.csv").write_bytes(b"PK\x03\x04rest")
    acts.upload(page, EXAMPLES, tmp_path / "sheet.csv")
    expect(page.get_by_role("alert").filter(has_text="is a ZIP archive or an Excel file")).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Labelled examples")).to_be_enabled()
