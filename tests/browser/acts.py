"""What a user does on the pilot pages, in a real browser."""

from __future__ import annotations

import contextlib
from pathlib import Path

from playwright.sync_api import Page, TimeoutError, expect

from tests.browser import app

MINUTES = 5 * 60_000
"""A small pilot takes well under a minute on an idle machine; tests run on busy ones."""


def fill(page: Page, role: str, name: str, value: str) -> None:
    """Types as a user does: the value, Enter, and the page has caught up."""
    page.get_by_role(role, name=name, exact=True).fill(value)  # type: ignore[arg-type]
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    app.settle(page)


def choose(page: Page, group: str, option: str) -> None:
    page.get_by_role("radiogroup", name=group).get_by_text(option, exact=True).click()
    page.wait_for_timeout(300)
    app.settle(page)


def step(page: Page, name: str) -> None:
    """Opens a step of a new pilot."""
    page.get_by_role("tab", name=name).click()
    page.wait_for_timeout(300)
    app.settle(page)


def start(page: Page) -> str:
    """Presses Start in the last step; the run's id from the address."""
    step(page, "Start")
    expect(page.get_by_role("button", name="Start the pilot")).to_be_enabled()
    page.get_by_role("button", name="Start the pilot").click()
    page.wait_for_url("**/run?run=*")
    app.settle(page)
    return page.url.split("run=")[1]


def state_on(page: Page, words: str) -> None:
    expect(page.locator(".stMarkdownBadge", has_text=words)).to_be_visible(timeout=MINUTES)


def upload(page: Page, label: str, file: Path) -> None:
    """Gives a file to the uploader of that label."""
    uploader = page.get_by_test_id("stFileUploader").filter(has_text=label)
    uploader.locator("input[type=file]").set_input_files(file)
    expect(uploader.get_by_text(file.name)).to_be_visible()
    page.wait_for_timeout(300)
    app.settle(page)


def pick(page: Page, label: str, option: str, *, second: bool = False) -> None:
    """Chooses in a box; the `second` of its name is that of the test file."""
    box = page.get_by_role("combobox", name=label).nth(1 if second else 0)
    wanted = page.get_by_role("option", name=option, exact=True)
    for _ in range(3):  # a page that catches up closes the list
        box.click()
        with contextlib.suppress(TimeoutError):
            wanted.click(timeout=5000)
            break
    page.wait_for_timeout(300)
    app.settle(page)
