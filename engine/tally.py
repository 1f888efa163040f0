"""What scores come to: counts that add up, and the means that leave out what was not scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.comparison import wilson
from engine.domain import GoldLikelihood, Interval, Item, Outcome, Score
from engine.tasks import Task


@dataclass(frozen=True, slots=True)
class Tally:
    """The scores of some replies."""

    right: int
    wrong: int
    not_scored: int
    accuracy: Interval | None
    """Share of the scored ones that are right, with its 80 % Wilson interval; None where none was scored."""
    mean_value: float | None
    """Mean partial credit over the scored ones."""
    macro_f1: float | None
    """Of labels: F1 averaged over the labels that occur in the gold; None for other tasks."""
    reasons: dict[str, dict[str, int]]
    """Outcome -> reason -> count, the most frequent first; the empty reason is left out."""


def tally(task: Task, items: Sequence[Item], replies: Sequence[str | None], scores: Sequence[Score]) -> Tally:
    """Adds up scores that belong to the items and replies in the same order."""
    counts = Counter(score.outcome for score in scores)
    values = [score.value for score in scores if score.outcome != Outcome.NOT_SCORED and score.value is not None]
    reasons = Counter((score.outcome, score.reason) for score in scores if score.reason)
    scored = counts[Outcome.RIGHT] + counts[Outcome.WRONG]
    return Tally(
        right=counts[Outcome.RIGHT],
        wrong=counts[Outcome.WRONG],
        not_scored=counts[Outcome.NOT_SCORED],
        accuracy=wilson(counts[Outcome.RIGHT], scored),
        mean_value=sum(values) / len(values) if values else None,
        macro_f1=macro_f1(task, items, replies, scores),
        reasons={
            outcome.value: {reason: n for (o, reason), n in reasons.most_common() if o == outcome}
            for outcome in Outcome
            if any(o == outcome for o, _ in reasons)
        },
    )


def macro_f1(task: Task, items: Sequence[Item], replies: Sequence[str | None], scores: Sequence[Score]) -> float | None:
    """F1 of each label of the scored items' gold answers, averaged; a reply that states no label is a miss.

    A label that occurs in no gold has no recall and is left out. None for tasks without labels, and without items.
    """
    label_of = task.label_of
    if label_of is None:
        return None
    pairs = [
        (gold, label_of(reply or "") or _NO_LABEL)
        for item, reply, score in zip(items, replies, scores, strict=True)
        if score.outcome != Outcome.NOT_SCORED and (gold := label_of(item.answer)) is not None
    ]
    if not pairs:
        return None
    # It takes a second to import, and few tasks have labels.
    from sklearn.metrics import f1_score

    golds, said = zip(*pairs, strict=True)
    return float(f1_score(golds, said, labels=sorted(set(golds)), average="macro", zero_division=0.0))


_NO_LABEL = "\x00"


def mean_gold_loss(found: Sequence[GoldLikelihood | None]) -> float | None:
    """Loss per token of the gold answers, averaged within an item first, as training does it; nats. None where no
    item has one."""
    losses = [-one.log_likelihood / one.tokens for one in found if one is not None]
    return sum(losses) / len(losses) if losses else None
