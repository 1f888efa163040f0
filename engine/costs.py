"""Examples <-> queries <-> tokens <-> money. Pure; what is unknown (None) stays unknown.

How many paid calls one example takes is a convention that the user sees: `all` counts every call
(the question and its answer), `paper` counts one query per example, as the published shifts do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.domain import Strategy
from engine.errors import InputError

CALLS: dict[str, dict[Strategy, int]] = {
    "all": {
        Strategy.ANSWER_AUGMENTATION: 1,
        Strategy.QUESTION_REPHRASE: 2,
        Strategy.NEW_QUESTION: 2,
        Strategy.REAL_QUESTION: 1,
    },
    "paper": dict.fromkeys(Strategy, 1),
}
"""Paid calls per example, by convention."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a teacher charges, in US dollars per million tokens; None is unknown, 0 is free."""

    input_usd: float | None
    output_usd: float | None

    def __post_init__(self) -> None:
        for name, usd in (("input", self.input_usd), ("output", self.output_usd)):
            if usd is not None and not (math.isfinite(usd) and usd >= 0):
                raise InputError(f"The {name} price is {usd}; expected US dollars per million tokens, 0 or more.")


def calls_per_example(strategy: Strategy, calls: str = "all") -> int:
    """Paid calls that one example takes; InputError for an unknown convention."""
    if calls not in CALLS:
        raise InputError(f"Calls are counted as {calls!r}; expected {' or '.join(CALLS)}.")
    return CALLS[calls][strategy]


def examples_for(queries: int, strategy: Strategy, calls: str = "all", *, together: int = 1, votes: int = 1) -> int:
    """Whole examples that so many queries buy, before curation.

    `together` new questions share the call that writes them; each question is answered `votes` times.
    """
    write, together = _written(strategy, calls, together)
    whole, rest = divmod(queries, together * votes + write)
    # Of the last call's questions as many are answered as is left for.
    return whole * together + max(0, rest - write) // votes


def queries_for(examples: int, strategy: Strategy, calls: str = "all", *, together: int = 1, votes: int = 1) -> int:
    """Queries that so many examples take."""
    write, together = _written(strategy, calls, together)
    return examples * votes + write * -(-examples // together)


def _written(strategy: Strategy, calls: str, together: int) -> tuple[int, int]:
    """Calls that write questions, and how many questions one of them writes."""
    return calls_per_example(strategy, calls) - 1, together if strategy is Strategy.NEW_QUESTION else 1


def usd_per_query(price: Price, input_tokens: float | None, output_tokens: float | None) -> float | None:
    """Price of one query in US dollars; None if a price or a token count that matters is unknown."""
    parts = [_part(price.input_usd, input_tokens), _part(price.output_usd, output_tokens)]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def usd_for(queries: int, per_query: float | None) -> float | None:
    """Price of so many queries; None where the price of one is unknown."""
    return None if per_query is None else queries * per_query


def queries_for_budget(usd: float, price: Price, input_tokens: float | None, output_tokens: float | None) -> int | None:
    """Whole queries that `usd` buys; None where the price is unknown or the teacher is free.

    A free teacher sets no limit in money: the user names a number of queries instead.
    """
    if not (math.isfinite(usd) and usd > 0):
        raise InputError(f"The budget is {usd} US dollars; expected an amount above 0.")
    each = usd_per_query(price, input_tokens, output_tokens)
    # a budget of exactly n queries must buy n, whatever binary fractions say
    return None if not each else math.floor(usd / each + 1e-9)


def upper_bound_usd(queries: int, price: Price, longest_prompt_tokens: int | None, max_tokens: int) -> float | None:
    """The most that so many queries can cost: every prompt the longest, every reply cut at `max_tokens`.

    The number of queries holds retries already: each attempt is a query. None where a price is unknown.
    """
    return usd_for(queries, usd_per_query(price, longest_prompt_tokens, max_tokens))


def _part(usd_per_million: float | None, tokens: float | None) -> float | None:
    if usd_per_million == 0:
        return 0.0  # free, however many tokens
    if usd_per_million is None or tokens is None:
        return None
    return usd_per_million * tokens / 1e6
