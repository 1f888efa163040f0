"""What queries of a run were like, and what many more like them will take: read off the ledger, nothing is asked."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from engine.costs import Price, usd_for, usd_per_query
from engine.plan import TeacherPlan
from engine.store import Store


@dataclass(frozen=True, slots=True)
class Measured:
    """What queries of a run were like; means over its settled queries."""

    queries: int
    seconds: float
    """From the reservation to the reply."""
    input_tokens: float | None
    """None where the endpoint reports none."""
    output_tokens: float | None

    def usd(self, queries: int, price: Price) -> float | None:
        """Expected price of so many queries like these, in dollars; None where price or tokens are unknown."""
        return usd_for(queries, usd_per_query(price, self.input_tokens, self.output_tokens))

    def time_s(self, queries: int, teacher: TeacherPlan) -> float:
        """Expected seconds for so many queries like these: as many at once as the plan allows, and no faster
        than its limits a minute."""
        rates = [teacher.concurrency / self.seconds if self.seconds else float("inf")]
        if teacher.requests_per_minute is not None:
            rates.append(teacher.requests_per_minute / 60)
        tokens = (self.input_tokens or 0.0) + (self.output_tokens or 0.0)
        if teacher.tokens_per_minute is not None and tokens:
            rates.append(teacher.tokens_per_minute / 60 / tokens)
        # Not under the time of one query, however many there may be at once.
        return max(self.seconds, queries / min(rates))


def measured(store: Store, run_id: str) -> Measured | None:
    """What the run's answered queries were like until now; None where there is none."""
    with store.reading() as connection:
        row = connection.execute(
            text(
                "SELECT count(*), avg(settled_at - created_at), avg(input_tokens), avg(output_tokens) FROM queries "
                "WHERE run_id = :run AND state = 'settled' AND batch IS NULL"
            ),
            {"run": run_id},
        ).one()
    return Measured(int(row[0]), float(row[1]), row[2], row[3]) if row[0] else None
