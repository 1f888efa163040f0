"""A recommendation as the engine would give it, in plain numbers, for tests of figures and words."""

from __future__ import annotations

import math

from engine.domain import (
    Crossover,
    CurveBand,
    Interval,
    Outlook,
    Reason,
    Recommendation,
    Situation,
    Strategy,
    TaskType,
)

AA, QR, NQ = Strategy.ANSWER_AUGMENTATION, Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION


def band(strategy: Strategy, quality: float, reach: float, *, assumed: bool) -> CurveBand:
    queries = [10 ** (1 + 0.1 * k) for k in range(41)]
    useful = [quality * reach * 100 * (1 - math.exp(-q / (reach * 100))) for q in queries]
    mean = [0.3 + 0.5 * n / (n + 2000) for n in useful]
    return CurveBand(
        strategy,
        tuple(queries),
        tuple(mean),
        tuple(m - 0.08 for m in mean),
        tuple(m + 0.08 for m in mean),
        assumed,
    )


def advice(queries: int = 3000) -> Recommendation:
    situation = Situation(TaskType.MATH, seeds=100, queries=queries)
    accuracy = Interval(0.55, 0.42, 0.66)
    return Recommendation(
        situation=situation,
        recommended=AA,
        cheapest=AA,
        runner_up=NQ,
        basis="prior",
        confidence="low",
        headline="Start with answers, then new questions. Confidence low: 7 studies, none on yours.",
        outlooks=(
            Outlook(AA, queries, accuracy, 0.5, 1.2, 40, assumed=False),
            Outlook(NQ, queries // 2, accuracy, 0.35, 2.0, 12, assumed=False),
            Outlook(QR, queries // 2, None, 0.15, 4.0, 0, assumed=True),
        ),
        crossovers=(Crossover(AA, NQ, Interval(37.0, 18.0, 80.0), 0.8),),
        spending_plan=((AA, 1800), (NQ, 1200)),
        curves=(
            band(AA, 1.0, 20, assumed=False),
            band(QR, 0.7, 60, assumed=True),
            band(NQ, 0.6, 400, assumed=False),
        ),
        reasons=(Reason("At few queries per seed, answers are worth most.", ("arXiv 2409.19759",)),),
        caveats=(Reason("One study found the opposite.", ("arXiv 2607.01727",)),),
        studies=7,
    )
