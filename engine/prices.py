"""What a teacher charges: the user's own price first, then the genai-prices package, else unknown.

The package's table lies on this machine and is as old as its version; nothing is fetched. A price that is
not known is None, never 0 and never another provider's: a model of the same name behind another address
may cost anything.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit


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


@lru_cache(maxsize=256)
def _listed(base_url: str, model: str, batch: bool, day: datetime.date) -> Quote | None:
    from genai_prices.data_snapshot import get_snapshot  # a large table; most commands need no price

    try:
        provider, found = get_snapshot().find_provider_model(model, None, None, base_url)
    except LookupError:
        return None
    if (urlsplit(base_url).hostname or "") in ("localhost", "127.0.0.1", "::1"):
        return None
    noon = datetime.datetime.combine(day, datetime.time(12), datetime.UTC)
    if batch and not any(variant.when.get("processing") == "batch" for variant in found.price_variants or ()):
        return None
    prices = found.get_prices(noon, {"processing": "batch"} if batch else None)
    comments = f"; {found.price_comments}" if found.price_comments else ""
    return Quote(
        _highest(prices.input_mtok),
        _highest(prices.output_mtok),
        f"genai-prices {version('genai-prices')}, {provider.id} {found.id}{', batch' if batch else ''}, "
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
