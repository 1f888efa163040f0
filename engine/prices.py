"""What a teacher charges: the user's own price first, then the genai-prices package, else unknown.

The package's table lies on this machine and is as old as its version; nothing is fetched. A price that is
not known is None, never 0 and never another provider's: a model of the same name behind another address
may cost anything.
"""

from __future__ import annotations

import datetime
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

RELEASE = r"([-@]latest|[-@]\d{4}-?\d{2}-?\d{2})?"
"""What may follow a model's name without making it another model."""


@dataclass(frozen=True, slots=True)
class Quote:
    """US dollars per million tokens, and where the figures come from; None is unknown."""

    input_usd: float | None
    output_usd: float | None
    source: str
    """For the screen: `your own price`, or the table with its version, the model it took the name for, the
    day, and what the table says about its checking."""

    @property
    def known(self) -> bool:
        """Whether a query's price can be computed."""
        return self.input_usd is not None and self.output_usd is not None


def quote(
    base_url: str,
    model: str,
    own_input: float | None = None,
    own_output: float | None = None,
    *,
    batch: bool = False,
    on: datetime.date | None = None,
) -> Quote:
    """The price of a model at an endpoint on a day (today). Each of the user's own figures goes before the
    table's. With `batch`, the price of the provider's batch mode where the table has one, and unknown where
    it has none. Where a price rises with a prompt's length it is the highest, so that bounds stay bounds.
    """
    day = on or datetime.datetime.now(datetime.UTC).date()
    if own_input is not None and own_output is not None:
        return Quote(own_input, own_output, "your own price")
    listed = _listed(base_url, model, batch, day)
    if listed is None:
        source = "unknown" if own_input is None and own_output is None else "your own price, in part"
        return Quote(own_input, own_output, source)
    if own_input is None and own_output is None:
        return listed
    return Quote(
        listed.input_usd if own_input is None else own_input,
        listed.output_usd if own_output is None else own_output,
        f"your own price; the rest: {listed.source}",
    )


def quote_by_name(
    model: str,
    own_input: float | None = None,
    own_output: float | None = None,
    *,
    on: datetime.date | None = None,
) -> Quote:
    """The price of a model by its name alone, before anybody has said where it is bought.

    The name is the table's (`gpt-4o-mini`) or a provider's (`groq/llama-3.3-70b-versatile`). A bare name
    stands for its maker's own offer; the source says whose it is. One that several sell and nobody made is
    known only where all of them ask the same. The user's own figures go first, as in `quote`.
    """
    day = on or datetime.datetime.now(datetime.UTC).date()
    if own_input is not None and own_output is not None:
        return Quote(own_input, own_output, "your own price")
    found = _named(model.strip().lower(), day) if model.strip() else Quote(None, None, "unknown")
    if own_input is None and own_output is None:
        return found
    return Quote(
        found.input_usd if own_input is None else own_input,
        found.output_usd if own_output is None else own_output,
        f"your own price; the rest: {found.source}" if found.known else "your own price, in part",
    )


@lru_cache(maxsize=256)
def _named(model: str, day: datetime.date) -> Quote:
    from genai_prices.data_snapshot import get_snapshot

    table = get_snapshot()
    with suppress(LookupError):  # no maker's name
        maker, found = table.find_provider_model(model, None, None, None)
        # The table reads `claude-haiku-4-5-ours` as claude-haiku-4-5: what is not just a release may be another model.
        if re.fullmatch(rf"({re.escape(maker.id)}/)?{re.escape(found.id.lower())}{RELEASE}", model):
            return _quoted(maker, found, day)
    sellers = [(p, m) for p in table.providers for m in p.models if model in (m.id.lower(), f"{p.id}/{m.id}".lower())]
    offers = [_quoted(*pair, day) for pair in sellers]
    if not offers:
        return Quote(None, None, "unknown")
    if len({(offer.input_usd, offer.output_usd) for offer in offers}) > 1:
        example = f"{sellers[0][0].id}/{sellers[0][1].id}"
        return Quote(None, None, f"unknown: {len(offers)} providers ask different prices; name one, as in `{example}`")
    return offers[0]


@lru_cache(maxsize=256)
def _listed(base_url: str, model: str, batch: bool, day: datetime.date) -> Quote | None:
    from genai_prices.data_snapshot import get_snapshot  # a large table; most commands need no price

    try:
        provider, found = get_snapshot().find_provider_model(model, None, None, base_url)
    except LookupError:
        return None
    if (urlsplit(base_url).hostname or "") in ("localhost", "127.0.0.1", "::1"):
        return None
    if batch and not any(variant.when.get("processing") == "batch" for variant in found.price_variants or ()):
        return None
    return _quoted(provider, found, day, batch)


def _quoted(provider: Any, model: Any, day: datetime.date, batch: bool = False) -> Quote:
    noon = datetime.datetime.combine(day, datetime.time(12), datetime.UTC)
    prices = model.get_prices(noon, {"processing": "batch"} if batch else None)
    comments = f"; {model.price_comments}" if model.price_comments else ""
    return Quote(
        _highest(prices.input_mtok),
        _highest(prices.output_mtok),
        f"genai-prices {version('genai-prices')}, {provider.id} {model.id}{', batch' if batch else ''}, "
        f"for {day:%Y-%m-%d}{comments}",
    )


def _highest(price: Any) -> float | None:
    """One figure or the highest of its tiers."""
    if price is None:
        return None
    tiers = getattr(price, "tiers", None)
    if tiers is None:
        return float(price)
    return max(float(price.base), *(float(tier.price) for tier in tiers))
