"""The words that users read for the nouns of the engine, so that every page says the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlencode

from engine import evidence
from engine.domain import Arm, Baseline, Crossover, Interval, Mixed, Recommendation, Strategy, TaskType

STRATEGIES: dict[Strategy, str] = {
    Strategy.ANSWER_AUGMENTATION: "Answers",
    Strategy.QUESTION_REPHRASE: "Rephrasings",
    Strategy.NEW_QUESTION: "New questions",
    Strategy.REAL_QUESTION: "Real questions",
}
"""Strategies in the order in which they are shown everywhere."""

WHAT_IS_ASKED: dict[Strategy, str] = {
    Strategy.ANSWER_AUGMENTATION: "another worked answer to one of your questions",
    Strategy.QUESTION_REPHRASE: "one of your questions in other words, then its answer",
    Strategy.NEW_QUESTION: "a different question inspired by one of yours, then its answer",
    Strategy.REAL_QUESTION: "an answer to one of your own unlabelled inputs",
}

BASELINES: dict[Baseline, str] = {
    Baseline.UNTUNED: "Student, untuned",
    Baseline.UNTUNED_FEW_SHOT: "Student, untuned, shown examples",
    Baseline.SEEDS_ONLY: "Your seeds alone",
    Baseline.TEACHER: "Teacher",
    Baseline.ELSEWHERE: "Model from elsewhere",
}

OTHER_ROWS = {
    "none": "No fine-tuning",
    "human": "Human examples",
    "human_or_distilled": "Human or distilled examples",
    "mixed_all": "All strategies mixed",
    "answer_augmentation+question_rephrase": "Answers and rephrasings mixed",
}
"""What published rows hold besides the strategies."""

METRICS = {
    "accuracy_percent": "accuracy, %",
    "performance_gap_recovered_percent": "performance gap recovered, %",
}

TASKS: dict[TaskType, str] = {
    TaskType.MATH: "Number, after reasoning",
    TaskType.MULTIPLE_CHOICE: "One of several choices",
    TaskType.TEXT_TO_SQL: "Database query (SQL)",
    TaskType.STRUCTURED: "Label or JSON record",
    TaskType.CODE: "Code",
    TaskType.OPEN_ENDED: "Free text",
}
"""What one answer looks like; these words are also in links that users share."""


def arm(value: Arm) -> str:
    """The name of a strategy or baseline."""
    if isinstance(value, Mixed):
        return "Spending plan"
    return STRATEGIES[value] if isinstance(value, Strategy) else BASELINES[value]


def percent(interval: Interval | None) -> str:
    """`62 % (48 to 75)`, or the word for what is refused."""
    if interval is None:
        return "not given"
    return f"{interval.mean:.0%} ({interval.low80 * 100:.0f} to {interval.high80 * 100:.0f})".replace("%", " %")


def chance(p: float) -> str:
    """`69 %`; never a certainty, which no evidence here gives."""
    return "over 99 %" if p > 0.99 else "under 1 %" if p < 0.01 else f"{100 * p:.0f} %"


def row(value: str) -> str:
    """The name of what a published row holds: a strategy, or one of the other arms of the table."""
    if value in set(Strategy):
        return STRATEGIES[Strategy(value)]
    return OTHER_ROWS.get(value, value.replace("_", " "))


def references(sources: Sequence[str]) -> str:
    """What a sentence rests on, each reference once and as a link to its rows of the evidence."""
    rows = {row.id: row.reference for row in (*evidence.published().points, *evidence.published().claims)}
    named: dict[str, list[str]] = {}
    for source in sources:
        named.setdefault(rows.get(source, source), []).extend([source] if source in rows else [])
    # One row where the sentence names one; else all rows of that reference.
    return "; ".join(
        f"[{_escaped(reference)}]({evidence_link(ids[0] if len(ids) == 1 else reference)})"
        for reference, ids in named.items()
    )


def cited(text: str, sources: tuple[str, ...]) -> str:
    """A line of a list, its sources small below it as links."""
    named = references(sources)
    return f"- {text}" + (f"  \n  :small[:gray[{named}]]" if named else "")


def evidence_link(search: str) -> str:
    """The address of the evidence page with only the rows that hold those words."""
    return f"evidence?{urlencode({'evidence_find': search})}"


def changes_of_winner(advice: Recommendation) -> list[Crossover]:
    """The crossovers to or from the advised strategy; first the one that is likely to end its lead first.

    Overtakings among the others, those that fewer than a quarter of the draws show, and leads from the first query on
    change no advice.
    """
    chosen = advice.recommended or advice.cheapest
    likely = [
        c for c in advice.crossovers if chosen in (c.start, c.end) and c.probability >= 0.25 and not c.from_the_start
    ]
    return sorted(likely, key=lambda c: (c.start is not chosen, c.probability < 0.5, c.budget_ratio.mean))


def ratio(value: float) -> str:
    """Queries per seed with two figures that matter: `0.35`, `3.5`, `35`, `3,500`."""
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.2g}"


def leading(turns: Sequence[tuple[Strategy, str]], verb: str = "lead") -> str:
    """Who leads along an axis, in words: each strategy with the place from which it leads; the first from its start."""
    (first, _), *later = [(STRATEGIES[strategy].lower(), place) for strategy, place in turns]
    if not later:
        return f"{first} {verb} at every budget shown"
    (second, place), *more = later
    rest = "".join(f", and from about {at} {m}" for m, at in more)
    return f"{first} {verb} up to about {place}, then {second}{rest}"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def span(low: str, high: str) -> str:
    """`1 to 2`, or `2` where both are."""
    return low if low == high else f"{low} to {high}"


def parameters(count: float) -> str:
    """`1.5 billion parameters`, `360 million parameters`."""
    return f"{count / 1e9:.3g} billion parameters" if count >= 1e9 else f"{count / 1e6:.3g} million parameters"


def short(value: float) -> str:
    """A number for an axis: `300`, `3k`, `30k`, `3M`."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def dollars(value: float) -> str:
    """An amount for an axis or a mark: `$0.003`, `$4.50`, `$38`, `$3k`."""
    if value >= 1000 or value == int(value):
        return f"${short(float(f'{value:.4g}'))}"
    return f"${value:.2f}" if value >= 1 else f"${value:.2g}"


def plain(text: str) -> str:
    """Text of others for a place that reads Markdown: it stands there as it is, and only `code` stays code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a lone backtick opens no code
        return _escaped(text.replace("`", "'"))
    return "`".join(part if at % 2 else _escaped(part) for at, part in enumerate(parts))


def _escaped(text: str) -> str:
    return re.sub(r"([\\*_\[\]<>$~])", r"\\\1", text)
