"""The result of a retrieval pilot as plain values: scores with intervals, paired tests, money, latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.comparison import holm
from engine.ledger import account
from engine.paired import difference
from engine.retrieval import arms
from engine.retrieval.asks import RetrievalStrategy
from engine.retrieval.latency import Latency
from engine.retrieval.money import paid_for
from engine.retrieval.paid import Made
from engine.retrieval.prepared import PreparedRetrieval
from engine.retrieval.ranking import MRR, NDCG, RECALL, Scores
from engine.run_noise import seed_noise
from engine.store import Store

PAIRS = (
    (arms.SOFTQE, arms.PLAIN),
    (arms.SOFTQE, arms.UNTUNED),
    (arms.PLAIN, arms.UNTUNED),
    (arms.PLAIN_HARD, arms.PLAIN),
    (arms.DISTANCE_ALONE, arms.PLAIN),
    (arms.REPHRASE, arms.PLAIN),
    (arms.NEW_QUERY, arms.PLAIN),
    (arms.NEW_QUERY_HARD, arms.PLAIN),
    (arms.SOFTQE, arms.REPHRASE),
    (arms.SOFTQE, arms.NEW_QUERY),
    (arms.AT_SEARCH, arms.SOFTQE),
    (arms.AT_SEARCH_TUNED, arms.SOFTQE),
)
"""Which arms are compared, fixed beforehand: each of them counts in the correction for many tests."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One arm, one training seed."""

    arm: str
    replicate: int
    sides: Mapping[str, Scores]
    step: int | None = None
    """Of the encoder that was kept; None where nothing was trained."""
    looks: Sequence[Sequence[float]] = ()
    """Step and nDCG@10 on the queries to choose by."""
    examples: int | None = None
    """Queries that it was taught by."""
    closeness: Mapping[str, float] = field(default_factory=dict)
    """Mean cosine of plain queries to their expanded forms as the untuned encoder places these: of training queries
    and of each side's."""

    @property
    def chosen_by(self) -> float | None:
        """The best nDCG@10 on the queries to choose by."""
        return max((float(look[1]) for look in self.looks), default=None)


def chosen(measured: Sequence[Measured]) -> str:
    """The SoftQE arm that was best on the queries to choose by, over all training seeds."""
    found: dict[str, list[float]] = {}
    for one in measured:
        if one.arm.startswith("softqe") and one.chosen_by is not None:
            found.setdefault(one.arm, []).append(one.chosen_by)
    return max(found, key=lambda name: sum(found[name]) / len(found[name]))


def result_of(
    prepared: PreparedRetrieval,
    store: Store,
    run_id: str,
    texts: Mapping[RetrievalStrategy, Made],
    measured: Sequence[Measured],
    latency: Mapping[str, Latency],
) -> dict[str, Any]:
    """Everything that was measured; fractions, dollars, milliseconds, None for what is unknown."""
    best = chosen(measured)
    named = [*measured, *(replace(m, arm=arms.SOFTQE) for m in measured if m.arm == best)]
    families = {side: [q.family for q in queries] for side, _, queries in prepared.sides()}
    paid = account(store, run_id)
    return {
        "run": run_id,
        "name": prepared.plan.name,
        "task": "retrieval",
        "label": prepared.label,
        "collection": {
            "name": prepared.collection.name,
            "passages": len(prepared.collection.passages),
            "train": len(prepared.collection.train),
            "dev": len(prepared.collection.dev),
            "test": {side: len(queries) for side, _, queries in prepared.sides()},
            "counts": dict(prepared.collection.counts),
        },
        "encoder": {"name": prepared.asked.encoder},
        "recipe": asdict(prepared.recipe),
        "replicates": prepared.asked.replicates,
        "queries": {
            "settled": paid.settled,
            "unknown": paid.unknown,
            "usd": paid.usd,
            "ceiling": prepared.ceiling.queries,
        },
        "strategies": {
            strategy.value: {"counts": dict(found.counts), "why": found.why, **asdict(paid_for(store, found.query_ids))}
            for strategy, found in texts.items()
        },
        "chosen": best,
        "arms": [_arm(name, named, families) for name in dict.fromkeys(m.arm for m in named)],
        "comparisons": _comparisons(named, families),
        "latency": {name: asdict(found) for name, found in latency.items()},
        "warnings": list(prepared.warnings),
    }


def _arm(name: str, measured: Sequence[Measured], families: Mapping[str, list[str | None]]) -> dict[str, Any]:
    runs = [one for one in measured if one.arm == name]
    near = [one.closeness for one in runs if one.closeness]
    runs = [one for one in runs if one.sides]
    looks = [one.chosen_by for one in runs if one.chosen_by is not None]
    return {
        "arm": name,
        "runs": len(runs),
        "examples": runs[0].examples,
        "steps": [one.step for one in runs],
        "closeness": {part: sum(one[part] for one in near) / len(near) for part in near[0]} if near else None,
        "dev_ndcg_at_10": sum(looks) / len(looks) if looks else None,
        "sides": {side: _side(runs, side, families[side]) for side in runs[0].sides},
    }


def _side(runs: Sequence[Measured], side: str, families: list[str | None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for measure in (NDCG, MRR, RECALL):
        cell = [one.sides[side][measure] for one in runs]
        # Against nothing, on the same queries: the interval of a mean, clustered by family.
        alone = difference(cell, [[0.0] * len(cell[0])], families, level=0.8)
        mean = sum(sum(run) / len(run) for run in cell) / len(cell)
        found[measure] = {
            "mean": mean,
            "low80": alone and max(0.0, alone.low),
            "high80": alone and min(1.0, alone.high),
        }
    found["queries"] = len(runs[0].sides[side][NDCG])
    return found


def _comparisons(measured: Sequence[Measured], families: Mapping[str, list[str | None]]) -> list[dict[str, Any]]:
    """nDCG@10 of the fixed pairs on each side, with queries and training seeds as parts of the noise."""
    found: list[dict[str, Any]] = []
    for side, family in families.items():
        cells: dict[str, list[Sequence[float]]] = {}
        for one in measured:
            if side in one.sides:
                cells.setdefault(one.arm, []).append(one.sides[side][NDCG])
        noise = seed_noise([cell for name, cell in cells.items() if name != arms.SOFTQE])
        for number, (one_arm, other) in enumerate(PAIRS):
            if one_arm not in cells or other not in cells:
                continue
            result = difference(cells[one_arm], cells[other], family, noise, seed=number)
            if result is not None:
                found.append({"side": side, "one": one_arm, "other": other, **asdict(result)})
    for row, adjusted in zip(found, holm([row["p"] for row in found]), strict=True):
        row["adjusted_p"] = adjusted
    return found
