"""What some rows of the ledger cost and how long they took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sqlalchemy import bindparam, text

from engine.store import Store


@dataclass(frozen=True, slots=True)
class Paid:
    """Replies behind one strategy, whichever run paid for them; None is unknown."""

    replies: int
    usd: float | None
    input_tokens: float | None
    """Of a query, on average."""
    output_tokens: float | None
    seconds: float | None
    """From reservation to reply, the median; other requests were under way."""


def paid_for(store: Store, query_ids: Sequence[int]) -> Paid:
    """What these rows came to."""
    rows: list[tuple[float | None, int | None, int | None, float | None]] = []
    statement = text(
        "SELECT reply_usd, input_tokens, output_tokens, settled_at - created_at FROM queries WHERE id IN :ids"
    ).bindparams(bindparam("ids", expanding=True))
    with store.reading() as connection:
        for start in range(0, len(query_ids), 500):
            found = connection.execute(statement, {"ids": list(query_ids[start : start + 500])})
            rows += [(row[0], row[1], row[2], row[3]) for row in found]
    usd = [row[0] for row in rows if row[0] is not None]
    given = [row[1] for row in rows if row[1] is not None]
    written = [row[2] for row in rows if row[2] is not None]
    took = [row[3] for row in rows if row[3] is not None]
    return Paid(
        len(rows),
        sum(usd) if len(usd) == len(rows) and rows else None,
        sum(given) / len(given) if given else None,
        sum(written) / len(written) if written else None,
        median(took) if took else None,
    )
