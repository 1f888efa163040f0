"""The advice as the object that `seedpilot recommend --json` prints: fractions, ratios in queries per seed."""

from __future__ import annotations

from typing import Any

from engine.domain import (
    AugmenterOutlook,
    Interval,
    Outlook,
    Recommendation,
    SeedsOrQueries,
    Situation,
    TeacherOffer,
    TeacherOutlook,
    Verification,
)


def as_json(recommendation: Recommendation) -> dict[str, Any]:
    """Plain values; what is unknown or refused is null. Accuracies are fractions, differences are in points."""
    r = recommendation
    return {
        "recommended": r.recommended.value if r.recommended else "too_close_to_call",
        "basis": r.basis,
        "confidence": r.confidence,
        "headline": r.headline,
        "strategies": [_outlook(o) for o in r.outlooks],
        "crossovers": [
            {
                "from": c.start.value,
                "to": c.end.value,
                "budget_ratio": _interval(c.budget_ratio, "median"),
                "probability": round(c.probability, 4),
                "from_the_start": bool(c.from_the_start),
            }
            for c in r.crossovers
        ],
        "spending_plan": [{"strategy": m.value, "queries": q} for m, q in r.spending_plan],
        "spending_plan_gain_points": round(r.plan_gain_points, 3),
        "runner_up": r.runner_up.value,
        "cheapest": r.cheapest.value,
        "by_price": [m.value for m in r.by_price],
        "threshold_points": round(r.threshold_points, 3),
        "at_stake_points": _interval(r.at_stake),
        "half_points": _interval(r.enough.half_points if r.enough else None),
        "double_points": _interval(r.enough.double_points if r.enough else None),
        "depends_on_calls": r.depends_on_calls,
        "winners_by_calls": {calls: winner.value for calls, winner in r.winners_by_calls},
        "flips": [{"what": f.what, "to": f.to.value, "value": f.value} for f in r.flips],
        "teachers": [_teacher(t) for t in r.teachers],
        "augmenters": [_augmenter(a) for a in r.augmenters],
        "seeds_or_queries": _seeds_or_queries(r.seeds_or_queries) if r.seeds_or_queries else None,
        "verification": _verification(r.verification) if r.verification else None,
        "assumed_parameters": list(r.assumed_parameters),
        "calibrated_on": r.calibrated_on,
        "studies": r.studies,
        "studies_of_size": r.studies_of_size,
        "reasons": [{"text": x.text, "sources": list(x.sources)} for x in r.reasons],
        "caveats": [{"text": x.text, "sources": list(x.sources)} for x in r.caveats],
        "situation": _situation(r.situation),
    }


def _outlook(o: Outlook) -> dict[str, Any]:
    return {
        "strategy": o.strategy.value,
        "examples": o.examples,
        "accuracy": _interval(o.accuracy),
        "p_best": round(o.p_best, 4),
        "regret_points": round(o.regret_points, 3),
        "points": o.points,
        "assumed": o.assumed,
        "queries_per_kept": _rounded(o.queries_per_kept),
        "kept_share": _rounded(o.kept_share),
        "usd_per_kept": _rounded(o.usd_per_kept, 8),
    }


def _teacher(t: TeacherOutlook) -> dict[str, Any]:
    return {
        "name": t.name,
        "usd_per_query": t.usd_per_query,
        "queries": t.queries,
        "budget_ratio": _rounded(t.budget_ratio),
        "best": t.best.value if t.best else None,
        "accuracy": _interval(t.accuracy),
        "lead_points": _interval(t.lead_points),
        "worth_needed": _rounded(t.worth_needed),
        "wrong_share": t.wrong_share,
        "reason": t.reason,
    }


def _augmenter(a: AugmenterOutlook) -> dict[str, Any]:
    return {
        "name": a.name,
        "augmenter": a.augmenter,
        "usd_per_example": _rounded(a.usd_per_example, 8),
        "best": a.best.value if a.best else None,
        "examples": a.examples,
        "accuracy": _interval(a.accuracy),
    }


def _seeds_or_queries(s: SeedsOrQueries) -> dict[str, Any]:
    return {
        "queries_per_seed": _interval(s.queries_per_seed),
        "seed_price_in_queries": _rounded(s.seed_price_in_queries),
        "more_seeds": s.more_seeds,
        "queries": s.queries,
        "best": s.best.value if s.best else None,
        "gain_points": _interval(s.gain_points),
        "reason": s.reason,
    }


def _verification(v: Verification) -> dict[str, Any]:
    return {
        "cost_points": _interval(v.cost_points),
        "published_points": list(v.published_points),
        "net_points": [round(x, 3) for x in v.net_points],
        "sources": list(v.sources),
    }


def _situation(s: Situation) -> dict[str, Any]:
    return {
        "task": s.task.value,
        "seeds": s.seeds,
        "queries": s.queries,
        "budget_ratio": round(s.budget_ratio, 4),
        "augmenter": s.augmenter,
        "calls": s.calls,
        "unlabelled": s.unlabelled,
        "budget_usd": s.budget_usd,
        "teachers": [_offer(offer) for offer in s.teachers],
        "augmenter_offer": _offer(s.augmenter_offer) if s.augmenter_offer else None,
        "student": s.student,
        "student_parameters": s.student_parameters,
        "verifiable": s.verifiable,
        "seed_usd": s.seed_usd,
        "test_items": s.test_items,
        "known": s.known,
        "none_kept": {strategy.value: made for strategy, made in s.none_kept},
    }


def _offer(offer: TeacherOffer) -> dict[str, Any]:
    return {
        "name": offer.name,
        "usd_per_query": offer.usd_per_query,
        "input_usd": offer.input_usd,
        "output_usd": offer.output_usd,
        "input_tokens": offer.input_tokens,
        "output_tokens": offer.output_tokens,
        "wrong_share": offer.wrong_share,
    }


def _interval(interval: Interval | None, centre: str = "mean") -> dict[str, float] | None:
    if interval is None:
        return None
    return {
        centre: round(interval.mean, 4),
        "low80": round(interval.low80, 4),
        "high80": round(interval.high80, 4),
    }


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)
