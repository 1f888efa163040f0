"""What a pool came to, budget by budget: kept, diverse, paid. Written beside its examples, shown with the run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.curation import Curated
from engine.diversity import diversity
from engine.domain import Item, Strategy

FILE = "budgets.json"


def pool_report(
    strategy: Strategy,
    curated: Curated,
    seeds: Sequence[Item],
    visits: Mapping[int, int],
    usd: Mapping[int, float | None],
) -> list[dict[str, Any]]:
    """A row for each budget in queries, smallest first; `visits` says how many each pays for, `usd` the price of each
    query by its row in the ledger (None where it is unknown)."""
    rows = []
    for budget in sorted(visits):
        count = min(visits[budget], len(curated.reasons))
        kept = curated.first(count)
        answers = strategy is Strategy.ANSWER_AUGMENTATION
        texts = [example.answer if answers else example.question for example in kept]
        found = diversity(texts, [seed.answer if answers else seed.question for seed in seeds])
        asked = {row for ids in curated.query_ids[:count] for row in ids}
        prices = [usd.get(row) for row in asked]
        known = [price for price in prices if price is not None]
        total = sum(known) if len(known) == len(prices) else None
        rows.append(
            {
                "budget": budget,
                "visits": count,
                "kept": len(kept),
                **asdict(found),
                "queries": len(asked),
                "usd": total,
                "usd_per_kept": None if total is None or not kept else total / len(kept),
            }
        )
    return rows


def write_report(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes the rows, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{FILE}.partial"
    partial.write_text(json.dumps(list(rows), allow_nan=False), encoding="utf-8")
    partial.replace(folder / FILE)


def read_report(folder: Path) -> list[dict[str, Any]]:
    """The rows that a pool's folder holds; none where an older version made it."""
    try:
        rows: list[dict[str, Any]] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return rows
