"""What the advice says in words: the reasons and the caveats, each with its sources.

Plain sentences for somebody who has never read a paper about it. Nothing is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine import prior_worlds
from engine.domain import (
    ATLAS,
    PUBLISHED,
    Baseline,
    Crossover,
    Interval,
    Measurement,
    Outlook,
    Reason,
    Situation,
    Strategy,
    TaskType,
)
from engine.evidence import published
from engine.spending import Plan

NAMES = {
    Strategy.ANSWER_AUGMENTATION: "answers",
    Strategy.QUESTION_REPHRASE: "rephrasings",
    Strategy.NEW_QUESTION: "new questions",
    Strategy.REAL_QUESTION: "real questions",
}
TASKS = {
    TaskType.MATH: "maths",
    TaskType.MULTIPLE_CHOICE: "multiple choice",
    TaskType.TEXT_TO_SQL: "SQL",
    TaskType.OPEN_ENDED: "open answers",
    TaskType.CODE: "code",
    TaskType.STRUCTURED: "labels or JSON answers",
}
KNOWN = {PUBLISHED: "published studies", ATLAS: "worlds of the sandbox's atlas"}
"""What advice starts from."""
COUNTING = {"all": "every call", "paper": "one call per example"}
RANKED = {TaskType.CODE: "agora-code", TaskType.OPEN_ENDED: "agora-instructions"}
"""Rankings without accuracies, which speak for new questions where the law does not."""
FEW_SEEDS = 20


@dataclass(frozen=True)
class Findings:
    """Everything that a sentence may speak about."""

    situation: Situation
    recommended: Strategy | None
    best: Strategy
    """The strategy with the highest expected accuracy, told apart from the others or not."""
    close: tuple[Strategy, ...]
    """Strategies that cannot be told from the best, itself among them."""
    cheapest: Strategy
    confidence: str
    studies: tuple[str, ...]
    """Papers that speak about the task."""
    studies_of_size: tuple[str, ...] | None
    """Those of them with a student of about the user's size; None where that size is unknown."""
    outlooks: tuple[Outlook, ...]
    crossovers: tuple[Crossover, ...]
    plan: Plan
    threshold: float
    """Points below which a difference is too close to call."""
    gain: Interval | None
    """Accuracy over the seeds alone, as a fraction; None without a measured anchor."""
    other_calls_winner: Strategy | None
    """The winner where calls are counted the other way, if it is another one."""
    stretch: float
    effective_draws: float | None
    measurements: tuple[Measurement, ...]


def reasons(f: Findings) -> tuple[Reason, ...]:
    """Why, with the rows that it rests on."""
    found, budget_ratio, counting = [], f.situation.budget_ratio, COUNTING[f.situation.calls]
    for c in f.crossovers[:3]:
        if c.probability < 0.25 or c.from_the_start:
            continue
        place = (
            f"{ratio(c.budget_ratio.mean)} queries per seed "
            f"({ratio(c.budget_ratio.low80)} to {ratio(c.budget_ratio.high80)})"
        )
        end, start = NAMES[c.end], NAMES[c.start]
        where = "below" if budget_ratio < c.budget_ratio.mean else "above"
        found.append(
            Reason(
                f"{end.capitalize()} overtake {start} at about {place}; "
                f"your budget ratio of {ratio(budget_ratio)} is {where} that, counting {counting}."
                if c.probability >= 0.5
                # In most draws they never cross: a place alone would read as if they did.
                else f"{end.capitalize()} more likely never overtake {start}; where they do, at about {place}, "
                f"counting {counting}.",
                ()
                if f.gain is not None or f.situation.known == ATLAS
                else references("chan-shift-100", "chan-shift-1000", "chan-shift-full"),
            )
        )
    if f.measurements:
        cells = sum(not isinstance(m.cell.arm, Baseline) for m in f.measurements)
        found.append(
            Reason(
                f"{counted(cells, 'cell', 'cells')} of your own moved the curves; "
                f"{KNOWN[f.situation.known]} only start them.",
                (),
            )
        )
    if f.situation.known == ATLAS:
        found.append(
            Reason(
                f"It starts from {prior_worlds.cells(f.situation.task):,} measured cells of the sandbox's atlas, in "
                f"{len(prior_worlds.others(f.situation.task))} worlds; a world of this kind of answer is left out.",
                (),
            )
        )
    if f.studies:
        found.append(
            Reason(
                f"{counted(len(f.studies), 'published study', 'published studies')} on {TASKS[f.situation.task]} "
                "can be compared with.",
                _references_of(f.studies),
            )
        )
    if f.situation.augmenter == "weak":
        found.append(
            Reason(
                "A weak augmenter lowers what new questions are worth and leaves rephrasing nearly alone.",
                references("chan-weak-augmenter"),
            )
        )
    return tuple(found)


def caveats(f: Findings) -> tuple[Reason, ...]:
    """What speaks against it, contradicting evidence first."""
    found = []
    if f.recommended is Strategy.NEW_QUESTION or any(m is Strategy.NEW_QUESTION for m, _ in f.plan.parts):
        found += [_claim("fixed-seeds-2607")]
        if f.situation.task is TaskType.MATH:
            found += [_claim("agora-maths")]
    elif f.situation.task in RANKED:
        found += [_claim(RANKED[f.situation.task])]
    elif f.situation.task is TaskType.MATH:
        found += [_claim("questions-openmath2"), _claim("diversity-metamath")]
    if f.other_calls_winner is not None:
        mine = COUNTING[f.situation.calls]
        other = COUNTING["paper" if f.situation.calls == "all" else "all"]
        found.append(
            Reason(
                f"It depends on how calls are counted: counting {mine}, {NAMES[f.best]} come out ahead; "
                f"counting {other}, {NAMES[f.other_calls_winner]} do.",
                (),
            )
        )
    if f.situation.task is TaskType.STRUCTURED:
        found.append(
            Reason(
                "Where the question determines the answer, another answer to it teaches next to nothing, unless a "
                "rationale is trained too. That is an assumption: no published study tests it.",
                (),
            )
        )
    assumed = [NAMES[o.strategy] for o in f.outlooks if o.assumed]
    if assumed:
        found.append(
            Reason(f"No accuracy on {TASKS[f.situation.task]} is known for {listed(assumed)}: the band is assumed.", ())
        )
    if f.situation.known == ATLAS:
        most = prior_worlds.largest(f.situation.task)
        beyond = f" Its cells end at {most:,} examples: beyond, the law is all there is."
        found.append(
            Reason(
                "The atlas was measured on one toy student with a simulated teacher. Nothing shows that it transfers "
                "to a real one: take it as a second opinion beside published studies."
                + (beyond if max(o.examples for o in f.outlooks) > most else ""),
                (),
            )
        )
    if f.gain is None and f.situation.known == PUBLISHED:
        found.append(
            Reason(
                "This is prior advice: published studies with other students, teachers and tasks. The accuracies "
                "show how wide that leaves it; a pilot on your own task replaces them.",
                (),
            )
        )
        found.append(
            Reason(
                "The published shift ratios rest on one reader's notes and count examples, not calls: "
                "taken as right within a factor of two.",
                references("chan-shift-100"),
            )
        )
    if len(f.plan.parts) > 1:
        found.append(
            Reason(
                f"Mixing is a hypothesis ({_points(f.plan.gain_points)} expected over {NAMES[f.best]} alone): "
                "no mixed cell of your own was measured.",
                (),
            )
        )
    return tuple(found + _about_points(f))


def _about_points(f: Findings) -> list[Reason]:
    made = dict(f.situation.none_kept)
    found = [
        Reason(
            f"None of {made[o.strategy]:,} {NAMES[o.strategy]} that were asked for was kept: one that is kept is "
            f"reckoned at {o.queries_per_kept:,.0f} queries.",
            (),
        )
        for o in f.outlooks
        if o.strategy in made
    ]
    left_out = [m for m in f.measurements if m.cell.variant != "plain" or not m.scored]
    if left_out:
        found.append(
            Reason(
                f"{counted(len(left_out), 'cell', 'cells')} left out of the fit: a variant, or nothing was scored.",
                (),
            )
        )
    if f.stretch > 32:
        found.append(
            Reason(
                f"Your budget reaches {f.stretch:.0f} times past your largest cell in effective examples: "
                "no accuracy is given beyond 32 times.",
                (),
            )
        )
    elif f.stretch > 8:
        found.append(
            Reason(
                f"Your budget reaches {f.stretch:.0f} times past your largest cell in effective examples: "
                "no chance above 95 % is shown that far out.",
                (),
            )
        )
    if f.effective_draws is not None and f.effective_draws < 100:
        found.append(
            Reason(
                "Your points are hard to square with the curve's form: the intervals are rough. "
                "Repeat a cell, and look for a cell that was scored differently.",
                (),
            )
        )
    if f.situation.seeds < FEW_SEEDS:
        found.append(Reason(f"{f.situation.seeds} seeds are fewer than any study used.", ()))
    return found


def _claim(name: str) -> Reason:
    claim = published().claim(name)
    return Reason(f"Published evidence against it: {claim.text}.", (claim.id, claim.reference))


def references(*names: str) -> tuple[str, ...]:
    """Ids and references of claims, each once."""
    claims = [published().claim(name) for name in names]
    return tuple(dict.fromkeys([c.id for c in claims] + [c.reference for c in claims]))


def _references_of(studies: tuple[str, ...]) -> tuple[str, ...]:
    evidence = published()
    by_source = {claim.source: claim.reference for claim in evidence.claims}
    by_source |= {point.source: point.reference for point in evidence.points}
    return tuple(by_source[name] for name in studies)


def listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def counted(count: int, one: str, many: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{count} {one if count == 1 else many}"


def ratio(value: float) -> str:
    """Queries per seed with the figures that matter."""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _points(value: float) -> str:
    return f"{value:.1f} points"
