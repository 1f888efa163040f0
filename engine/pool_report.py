"""What a pool came to, budget by budget: kept, diverse, paid. Written beside its examples, shown with the run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.diversity import diversities
from engine.seen import Marks

FILE = "budgets.json"


@dataclass(frozen=True, slots=True)
class Reached:
    """What a pool's first visits came to."""

    budget: int
    """Queries that pay for them."""
    visits: int
    kept: int
    queries: int
    """Different ones behind them."""
    usd: float | None
    """Their price, kept or not; None where one is unknown."""


class Progress:
    """What a pool's visits come to, taken one by one; `visits` says how many each budget in queries pays for."""

    def __init__(self, visits: Mapping[int, int]) -> None:
        self._visits = sorted(visits.items())
        self._marks = Marks()
        self._reached: list[Reached] = []
        self.visits = self.kept = self.queries = 0
        self.usd: float | None = 0.0

    def take(self, query_ids: Iterable[int], usd: Mapping[int, float | None], kept: int) -> None:
        """One more visit: its rows of the ledger, the price of each (None where it is unknown), and how many examples
        were let in with it."""
        for row in query_ids:
            if self._marks.new(row):
                price = usd.get(row)
                self.queries += 1
                self.usd = None if self.usd is None or price is None else self.usd + price
        self.visits += 1
        self.kept += kept
        self._reached += [self._now(budget) for budget, visits in self._visits if visits == self.visits]

    def reached(self) -> list[Reached]:
        """By budget, the smallest first; where there were fewer visits than a budget pays for, those that were."""
        return [*self._reached, *(self._now(budget) for budget, visits in self._visits if visits > self.visits)]

    def _now(self, budget: int) -> Reached:
        return Reached(budget, self.visits, self.kept, self.queries, self.usd)


def pool_report(
    reached: Sequence[Reached], texts: Callable[[], Iterable[str]], seeds: Iterable[str]
) -> list[dict[str, Any]]:
    """A row for each budget. `texts` gives what the kept examples add, in order, each time that it is called; `seeds`
    the same of the seeds."""
    found = diversities(texts, [one.kept for one in reached], seeds)
    return [
        {
            "budget": one.budget,
            "visits": one.visits,
            "kept": one.kept,
            **asdict(diverse),
            "queries": one.queries,
            "usd": one.usd,
            "usd_per_kept": None if one.usd is None or not one.kept else one.usd / one.kept,
        }
        for one, diverse in zip(reached, found, strict=True)
    ]


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
