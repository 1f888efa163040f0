"""What a run's queries were for, by who was asked and how they ended: the ledger's sums."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from engine.store import Store

_SUMS = text(
    "SELECT strategy, teacher, state, count(*) AS queries, sum(input_tokens) AS input_tokens, "
    "sum(output_tokens) AS output_tokens, "
    "sum(CASE state WHEN 'released' THEN 0 ELSE coalesce(reply_usd, reserved_usd) END) AS usd, "
    "sum(state != 'released' AND coalesce(reply_usd, reserved_usd) IS NULL) AS unpriced "
    "FROM queries WHERE run_id = :run GROUP BY strategy, teacher, state ORDER BY strategy, teacher, state"
)


@dataclass(frozen=True, slots=True)
class Spent:
    """Queries for one thing, of one model, that ended alike."""

    strategy: str
    """A strategy's value, or what else was asked for: `teacher_on_test`, `judge`."""
    teacher: str
    state: str
    """As in the ledger: `settled`, `unknown`, `released`, `reserved`."""
    queries: int
    input_tokens: int | None
    """Tokens read; None where the endpoint reports none."""
    output_tokens: int | None
    """Tokens written."""
    usd: float | None
    """Dollars; None where the price of one of them is unknown. What was released cost nothing."""


def spent(store: Store, run_id: str) -> tuple[Spent, ...]:
    """All queries of a run; the counts add up to the ledger's."""
    with store.reading() as connection:
        rows = connection.execute(_SUMS, {"run": run_id}).mappings().all()
    return tuple(
        Spent(
            row["strategy"],
            row["teacher"],
            row["state"],
            row["queries"],
            row["input_tokens"],
            row["output_tokens"],
            None if row["unpriced"] else row["usd"],
        )
        for row in rows
    )
