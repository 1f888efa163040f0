import datetime

import pytest

from engine.prices import quote, quote_by_name

OPENAI = "https://api.openai.com/v1"
DAY = datetime.date(2026, 11, 1)


def test_the_users_own_price_goes_before_the_table():
    own = quote(OPENAI, "gpt-4o-mini", 1.0, 2.0)
    assert (own.input_usd, own.output_usd, own.source) == (1.0, 2.0, "your own price")


def test_a_price_of_zero_is_a_price():
    assert quote("http://127.0.0.1:8000/v1", "anything", 0.0, 0.0).known


def test_a_listed_price_says_where_it_comes_from_and_for_which_day():
    listed = quote(OPENAI, "gpt-4o-mini", on=DAY)
    assert (listed.input_usd, listed.output_usd) == (0.15, 0.6)
    assert "genai-prices" in listed.source
    assert "openai gpt-4o-mini" in listed.source
    assert "2026-11-01" in listed.source


def test_the_batch_price_is_the_tables_own():
    batch = quote(OPENAI, "gpt-4o-mini", batch=True, on=DAY)
    assert (batch.input_usd, batch.output_usd) == (0.075, 0.3)


def test_one_own_figure_leaves_the_other_to_the_table():
    mixed = quote(OPENAI, "gpt-4o-mini", own_input=0.5, on=DAY)
    assert (mixed.input_usd, mixed.output_usd) == (0.5, 0.6)


@pytest.mark.parametrize(
    ("base_url", "model"),
    [
        ("http://127.0.0.1:8000/v1", "gpt-4o-mini"),
        ("http://10.0.0.7:8000/v1", "gpt-4o-mini"),
        ("https://gateway.example.com/v1", "gpt-4o-mini"),
        (OPENAI, "gpt-17-which-nobody-knows"),
    ],
)
def test_what_is_not_listed_for_that_endpoint_is_unknown_and_no_other_providers_price(base_url: str, model: str):
    unknown = quote(base_url, model)
    assert (unknown.input_usd, unknown.output_usd, unknown.known) == (None, None, False)


def test_a_price_in_tiers_is_taken_at_its_highest_so_that_bounds_stay_bounds():
    tiered = quote("https://generativelanguage.googleapis.com", "gemini-2.5-pro", on=DAY)
    assert tiered.input_usd == 2.5
    assert tiered.output_usd == 15.0


@pytest.mark.parametrize("name", ["gpt-4o-mini", "GPT-4o-mini", "gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini"])
def test_a_bare_name_brings_its_makers_price_and_says_whose_it_is(name: str):
    found = quote_by_name(name, on=DAY)
    assert (found.input_usd, found.output_usd) == (0.15, 0.6)
    assert "openai gpt-4o-mini, for 2026-11-01" in found.source


@pytest.mark.parametrize("name", ["", "our-7b", "claude-haiku-4-5-ours", "gpt-4o-mini:ours", "llama3.1:8b", "gpt"])
def test_a_name_that_only_resembles_a_listed_one_has_no_price(name: str):
    found = quote_by_name(name, on=DAY)
    assert (found.input_usd, found.output_usd, found.source) == (None, None, "unknown")


def test_a_model_sold_at_different_prices_is_unknown_until_the_seller_is_named():
    found = quote_by_name("meta-llama/llama-3.3-70b-instruct", on=DAY)
    assert not found.known
    assert "providers ask different prices" in found.source
    assert quote_by_name("novita/meta-llama/llama-3.3-70b-instruct", on=DAY).known


def test_by_name_too_the_users_own_figures_go_first():
    assert quote_by_name("gpt-4o-mini", 9.0, 8.0, on=DAY).source == "your own price"
    mixed = quote_by_name("gpt-4o-mini", own_output=8.0, on=DAY)
    assert (mixed.input_usd, mixed.output_usd) == (0.15, 8.0)
    assert quote_by_name("our-7b", own_output=8.0, on=DAY).known is False
