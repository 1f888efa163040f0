"""A server that other machines reach: who has logged in sees their own runs, and nobody else sees anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.records import RunState
from engine.store import Store
from tests.browser import app
from tests.identity_provider import IdentityProvider, identity_provider
from tests.pages import filled

ADA, BOB = "ada@example.org", "bob@example.org"


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as running:
        yield running


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, provider: IdentityProvider) -> Iterator[str]:
    home = tmp_path_factory.mktemp("exposed")
    for owner, run_id, name in ((ADA, "20261121-080000-aaaa", "Ada's"), (BOB, "20261121-090000-bbbb", "Bob's")):
        filled.run(Store(home / "seedpilot.sqlite", owner), run_id, RunState.DONE, name=name)
    secrets = home / "secrets.toml"
    secrets.write_text(provider.secrets_toml)
    exposed = {"SEEDPILOT_EXPOSED": "1", "SEEDPILOT_USERS": "@example.org", "STREAMLIT_SECRETS_FILES": str(secrets)}
    with app.dashboard(home, **exposed) as url:
        yield url


def log_in(page: Page, provider: IdentityProvider, email: str) -> None:
    provider.person = {"sub": email, "email": email, "email_verified": True}
    page.get_by_role("button", name="Log in").click()


@pytest.mark.timeout(240)
def test_nobody_sees_anything_before_logging_in_and_then_their_own_runs_alone(
    browser: Browser, page: Page, address: str, provider: IdentityProvider
) -> None:
    page.goto(f"{address}/run?run=20261121-080000-aaaa")
    expect(page.get_by_text("Log in to see your runs")).to_be_visible()
    expect(page.get_by_text("Ada's")).to_have_count(0)
    log_in(page, provider, ADA)
    # The login itself ends on the first page; the link that one came by is opened all the same.
    page.wait_for_url("**/run?run=20261121-080000-aaaa")
    expect(page.get_by_text(ADA)).to_be_visible()
    expect(page.get_by_text("Ada's")).to_be_visible()

    page.goto(f"{address}/runs")
    app.settle(page)
    expect(page.get_by_role("link", name="Ada's")).to_be_visible()
    expect(page.get_by_text("Bob's")).to_have_count(0)
    page.goto(f"{address}/run?run=20261121-090000-bbbb")
    expect(page.get_by_text("is not in")).to_be_visible()

    other = browser.new_context().new_page()
    other.goto(f"{address}/runs")
    log_in(other, provider, BOB)
    other.wait_for_url("**/runs")
    expect(other.get_by_text(BOB)).to_be_visible()
    app.settle(other)
    expect(other.get_by_role("link", name="Bob's")).to_be_visible()
    expect(other.get_by_text("Ada's")).to_have_count(0)
    other.context.close()


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "person", [{"email": "eve@elsewhere.org", "email_verified": True}, {"email": ADA, "email_verified": False}]
)
def test_who_is_not_on_the_list_or_has_no_confirmed_address_stays_outside(
    page: Page, address: str, provider: IdentityProvider, person: dict[str, object]
) -> None:
    page.goto(f"{address}/runs")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    provider.person = {"sub": "3", **person}
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("may not use this server")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_an_exposed_server_without_an_identity_provider_lets_nobody_in(page: Page, tmp_path: Path) -> None:
    with app.dashboard(tmp_path / "home", SEEDPILOT_EXPOSED="1") as url:
        page.goto(url)
        expect(page.get_by_text("it has no identity provider")).to_be_visible()
        expect(page.get_by_role("link", name="Runs")).to_have_count(0)
