"""Keeps or rejects generated examples, counted by reason; the counts add up to the visits.

A decision depends on the seeds, the test items and *earlier* drafts only, so the data of a small
budget is a prefix of the data of a large one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer

from engine.domain import Example, Item, Strategy
from engine.strategies.base import Draft

TOO_NEAR = 0.95
"""Cosine of hashed character 3-grams from which two questions with the same numbers count as one."""

NO_REPLY = "no_reply"
"""The teacher failed for good on this visit."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Curated:
    """What became of each visit of a pool, in order."""

    examples: tuple[Example | None, ...]
    """Per visit: the kept example, or None."""
    reasons: tuple[str, ...]
    """Per visit: `kept`, or why there is no example."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Visits by reason; they add up to the number of visits."""
        return Counter(self.reasons)

    def first(self, visits: int) -> tuple[Example, ...]:
        """The kept examples of the first so many visits: a smaller budget's data."""
        return tuple(example for example in self.examples[:visits] if example is not None)


def curate(strategy: Strategy, seeds: Sequence[Item], test: Sequence[Item], drafts: Sequence[Draft | None]) -> Curated:
    """Judges a pool's drafts in order.

    Reasons: those of the draft itself (`cut_off`, `unparsable`, `no_majority` and so on), `no_reply` (None
    instead of a draft), `duplicate` (question and answer as in a seed or an earlier draft) and
    `near_test_item` (the question is a test item's, nearly word for word with the same numbers).
    """
    seen = {_identity(seed.question, seed.answer) for seed in seeds}
    near_test = _near_test(drafts, test)
    examples: list[Example | None] = []
    reasons: list[str] = []
    for visit, draft in enumerate(drafts):
        reason, example = "kept", None
        if draft is None:
            reason = NO_REPLY
        elif draft.rejected is not None:
            reason = draft.rejected
        elif draft.question is None or draft.answer is None:
            reason = "unparsable"
        elif _identity(draft.question, draft.answer) in seen:
            reason = "duplicate"
        elif near_test[visit]:
            reason = "near_test_item"
        else:
            seen.add(_identity(draft.question, draft.answer))
            example = Example(
                seed_id=draft.seed_id,
                strategy=strategy,
                question=draft.question,
                answer=draft.answer,
                sample_index=draft.sample_index,
                queries=len(draft.query_ids),
                query_ids=draft.query_ids,
            )
        examples.append(example)
        reasons.append(reason)
    return Curated(tuple(examples), tuple(reasons))


def _identity(question: str, answer: str) -> str:
    return " ".join(f"{question}\x00{answer}".split()).casefold()


def _near_test(drafts: Sequence[Draft | None], test: Sequence[Item]) -> list[bool]:
    """Whether each draft's question is too near a test item's. Same numbers are asked for because in
    word problems another number makes another question."""
    near = [False] * len(drafts)
    asked = [(i, d.question) for i, d in enumerate(drafts) if d is not None and d.question is not None]
    if not asked or not test:
        return near
    # Hashing needs no fitting: a decision cannot depend on later drafts.
    vectorizer = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 3), n_features=2**16, alternate_sign=False)
    test_vectors = vectorizer.transform([item.question for item in test])
    numbers = [sorted(_NUMBER.findall(item.question)) for item in test]
    for start in range(0, len(asked), 512):
        chunk = asked[start : start + 512]
        cosines = np.asarray((vectorizer.transform([q for _, q in chunk]) @ test_vectors.T).todense())
        for row, column in zip(*np.nonzero(cosines >= TOO_NEAR), strict=True):
            visit, question = chunk[row]
            if sorted(_NUMBER.findall(question)) == numbers[column]:
                near[visit] = True
    return near
