"""What a retrieval pilot's result says: quality against price and latency, and when to ask a teacher at search time.

Pure; pages and the command line share it. Points are 100 times nDCG@10; None is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.costs import Price, usd_per_query

NDCG = "ndcg_at_10"
SIGNIFICANT = 0.05
EQUAL_LATENCY = 0.02
"""Medians that differ by at most this share count as equal."""
NAMES = {
    "random": "Chance",
    "bm25": "BM25",
    "untuned": "Encoder, untuned",
    "plain": "Plain: judgements alone",
    "plain_hard": "Plain, BM25 hard negatives",
    "softqe": "SoftQE: expansions distilled",
    "distance_alone": "Distance to the expansion alone",
    "query_rephrase": "Rephrased queries",
    "new_query": "New queries",
    "new_query_hard": "New queries, BM25 hard negatives",
    "expansion_at_search": "Expanded at search time",
    "expansion_at_search_tuned": "Expanded at search time, tuned on expansions",
}
SIDES = {"in_domain": "in domain", "out_of_domain": "out of domain"}
SERVED = {
    "untuned": "untuned",
    "plain": "plain",
    "softqe": "softqe",
    "query_rephrase": "plain",
    "new_query": "plain",
    "expansion_at_search": "expansion_at_search",
    "expansion_at_search_tuned": "expansion_at_search",
}
"""Ways to serve a search -> whose measured latency is theirs: the same encoder with other numbers in it."""
BOUGHT = {
    "softqe": "query_expansion",
    "query_rephrase": "query_rephrase",
    "new_query": "new_query",
    "expansion_at_search_tuned": "query_expansion",
}
"""Ways -> the teacher queries that their training takes, once."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to serve searches."""

    arm: str
    name: str
    quality: Mapping[str, Mapping[str, float]]
    """By side: nDCG@10 as `mean`, `low80`, `high80`; fractions."""
    search_ms: float | None
    """The encoder and the search, measured."""
    teacher_ms: float | None
    """What the teacher takes on top; 0 where it is not asked."""
    usd_per_thousand: float | None
    """Teacher queries of a thousand searches."""
    usd_once: float | None
    """Teacher queries of the training."""

    @property
    def total_ms(self) -> float | None:
        """Of one search."""
        return None if self.search_ms is None or self.teacher_ms is None else self.search_ms + self.teacher_ms


@dataclass(frozen=True, slots=True)
class Assumed:
    """What the teacher at search time would be; None takes what the pilot measured."""

    price: Price | None = None
    teacher_ms: float | None = None
    source: str = "as measured in the pilot"


@dataclass(frozen=True, slots=True)
class RetrievalAdvice:
    """What to serve, and why."""

    headline: str
    ways: tuple[Way, ...]
    sentences: tuple[str, ...]
    latency_ratio: float | None
    """SoftQE's median to plain's, in processor time."""
    break_even_searches: float | None
    """Fewer searches in all than this, and expanding each is cheaper than expanding the training queries."""
    usd_per_point: Mapping[str, float | None]
    """By side: dollars a thousand searches for each point that expansion at search time has over SoftQE; None where it
    has none, or the price is unknown."""


def advise(result: Mapping[str, Any], assumed: Assumed | None = None) -> RetrievalAdvice:
    """The advice from a result as `retrieval.json` holds it."""
    assumed = assumed or Assumed()
    arms = {arm["arm"]: arm for arm in result["arms"]}
    ways = tuple(_way(name, arms[name], result, assumed) for name in SERVED if name in arms and arms[name]["sides"])
    by_arm = {way.arm: way for way in ways}
    latency = result["latency"]
    ratio = latency["softqe"]["by_processor"]["ratio"] if "softqe" in latency else None
    search = by_arm.get("expansion_at_search")
    per_search = None if search is None or search.usd_per_thousand is None else search.usd_per_thousand / 1000
    once = by_arm["softqe"].usd_once
    break_even = once / per_search if once is not None and per_search else None
    per_point = {side: _per_point(side, by_arm) for side in arms["plain"]["sides"]}
    sentences = [_compared(result, "softqe", "plain", side) for side in per_point]
    sentences += [_latency(latency)] if ratio is not None else []
    sentences += _at_search(result, by_arm, per_point, break_even, assumed)
    sentences += [
        _compared(result, name, "plain", side) for name in ("query_rephrase", "new_query") for side in per_point
    ]
    sentences.append(
        f"Verdicts are corrected for all {len(result['comparisons'])} comparisons of the pilot (Holm): a pair may be "
        "too close to call although its own interval leaves 0 out."
    )
    kept = tuple(sentence for sentence in sentences if sentence)
    return RetrievalAdvice(_headline(result, list(per_point)), ways, kept, ratio, break_even, per_point)


def as_json(advice: RetrievalAdvice) -> dict[str, Any]:
    """The same as plain values."""
    found = asdict(advice)
    for row, way in zip(found["ways"], advice.ways, strict=True):
        row["total_ms"] = way.total_ms
    return found


def _way(name: str, arm: Mapping[str, Any], result: Mapping[str, Any], assumed: Assumed) -> Way:
    timed = result["latency"].get(SERVED[name])
    expands = SERVED[name] == "expansion_at_search"
    asked = result["strategies"].get("expansion_at_search") or {}
    teacher_ms: float | None = 0.0
    per_thousand: float | None = 0.0
    if expands:
        seconds = asked.get("seconds")
        measured = None if seconds is None else 1000 * seconds
        teacher_ms = measured if assumed.teacher_ms is None else assumed.teacher_ms
        tokens = asked.get("input_tokens"), asked.get("output_tokens")
        if assumed.price is not None:
            each = usd_per_query(assumed.price, *tokens)
        else:
            each = None if asked.get("usd") is None or not asked.get("replies") else asked["usd"] / asked["replies"]
        per_thousand = None if each is None else 1000 * each
    once: float | None = 0.0
    if name in BOUGHT:
        bought = result["strategies"].get(BOUGHT[name]) or {}
        once = bought.get("usd")
        if assumed.price is not None and bought.get("replies"):
            each = usd_per_query(assumed.price, bought.get("input_tokens"), bought.get("output_tokens"))
            once = None if each is None else each * bought["replies"]
    quality = {side: found[NDCG] for side, found in arm["sides"].items()}
    return Way(name, NAMES[name], quality, timed and timed["median"], teacher_ms, per_thousand, once)


def _found(result: Mapping[str, Any], one: str, other: str, side: str) -> Mapping[str, Any] | None:
    rows = result["comparisons"]
    return next((row for row in rows if (row["one"], row["other"], row["side"]) == (one, other, side)), None)


def verdict(row: Mapping[str, Any]) -> str:
    """`better`, `worse`, or `too close to call`: after correction for all comparisons of the pilot."""
    if row["adjusted_p"] >= SIGNIFICANT:
        return "too close to call"
    return "better" if row["difference"] > 0 else "worse"


def _short(arm: str) -> str:
    return NAMES[arm].partition(":")[0]


def _compared(result: Mapping[str, Any], one: str, other: str, side: str) -> str:
    row = _found(result, one, other, side)
    if row is None:
        return ""
    low, high = 100 * row["low"], 100 * row["high"]
    return (
        f"{_short(one)} against {_short(other) if other == 'softqe' else _short(other).lower()}, {SIDES[side]}: "
        f"{100 * row['difference']:+.1f} points (95 % interval {low:+.1f} to {high:+.1f}; {row['items']} queries): "
        f"{verdict(row)}."
    )


def _latency(latency: Mapping[str, Any]) -> str:
    softqe, plain = latency["softqe"], latency["plain"]
    clock, worked = softqe["by_clock"], softqe["by_processor"]
    same = "the same within 2 %" if abs(worked["ratio"] - 1) <= EQUAL_LATENCY else "not the same within 2 %"
    return (
        f"A search with SoftQE takes {softqe['median']:.2f} ms, with plain {plain['median']:.2f} ms (medians; ratio "
        f"{clock['ratio']:.3f}, 95 % interval {clock['low95']:.3f} to {clock['high95']:.3f}). In processor time, which "
        f"others on this machine disturb less, the ratio is {worked['ratio']:.3f} ({worked['low95']:.3f} to "
        f"{worked['high95']:.3f}): {same}."
    )


def _per_point(side: str, ways: Mapping[str, Way]) -> float | None:
    search, softqe = ways.get("expansion_at_search"), ways["softqe"]
    if search is None or search.usd_per_thousand is None:
        return None
    points = 100 * (search.quality[side]["mean"] - softqe.quality[side]["mean"])
    return search.usd_per_thousand / points if points > 0 else None


def _at_search(
    result: Mapping[str, Any],
    ways: Mapping[str, Way],
    per_point: Mapping[str, float | None],
    break_even: float | None,
    assumed: Assumed,
) -> list[str]:
    search = ways.get("expansion_at_search")
    if search is None:
        return ["Test queries were not expanded, so nothing is known of expansion at search time."]
    found = [_compared(result, "expansion_at_search", "softqe", side) for side in per_point]
    cost = "an unknown price" if search.usd_per_thousand is None else f"${search.usd_per_thousand:.4f}"
    took = "an unknown time" if search.teacher_ms is None else f"{search.teacher_ms:.1f} ms"
    found.append(f"Expansion at search time costs {cost} a thousand searches and {took} a search ({assumed.source}).")
    for side, usd in per_point.items():
        if usd:
            found.append(
                f"It pays {SIDES[side]} from where a point of nDCG@10 is worth ${usd:.4f} a thousand searches to you."
            )
    if search.usd_per_thousand == 0:
        found.append("The teacher costs nothing here: what expansion at search time costs is its time alone.")
    if break_even is not None:
        found.append(
            f"Up to about {break_even:,.0f} searches in all, expanding each is cheaper than expanding the training "
            "queries."
        )
    return found


def _headline(result: Mapping[str, Any], sides: list[str]) -> str:
    said = []
    for side in sides:
        row = _found(result, "softqe", "plain", side)
        if row is not None:
            said.append(f"{100 * row['difference']:+.1f} points {SIDES[side]} ({verdict(row)})")
    headline = f"SoftQE against plain: {', '.join(said)}"
    search = _found(result, "expansion_at_search", "softqe", sides[0])
    if search is not None:
        headline += f"; expanding every search {100 * search['difference']:+.1f} points more {SIDES[sides[0]]}"
    return headline
