"""Keeps or rejects generated examples, counted by reason; the counts add up to the visits.

A decision depends on the seeds, the test items and *earlier* drafts only, so the data of a small budget is a prefix of
the data of a large one. Examples pass one by one; what is held of the earlier ones is an index of hashes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.domain import Example, Item, Strategy
from engine.languages import common_language, language
from engine.similarity import COPY, SAME_WORDS, Features, Growing, Known, features
from engine.strategies.base import Draft

KEPT = "kept"
NO_REPLY = "no_reply"
"""The teacher failed for good on this visit."""

WRITTEN = (Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION)
"""Strategies whose questions a model wrote. Answers repeat their seed's question by design, and real questions are the
user's own: neither is compared with seeds, or with each other but for exact duplicates."""

Length = Callable[[str, str], int | None]
"""Question as the student reads it, answer -> how long both are in the student's tokens; None where that is unknown."""


@dataclass(frozen=True, slots=True)
class Curated:
    """What became of each visit of a pool, in order."""

    examples: tuple[Example | None, ...]
    """Per visit: the kept example, or None."""
    reasons: tuple[str, ...]
    """Per visit: `kept`, or why there is no example."""
    query_ids: tuple[tuple[int, ...], ...] = ()
    """Per visit: the rows of the ledger that paid for it; none where no reply came."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Visits by reason; they add up to the number of visits."""
        return Counter(self.reasons)

    def first(self, visits: int) -> tuple[Example, ...]:
        """The kept examples of the first so many visits: a smaller budget's data."""
        return tuple(example for example in self.examples[:visits] if example is not None)


@dataclass(frozen=True, slots=True)
class Room:
    """How long an example may be."""

    tokens: int
    """The recipe's longest, or the student's context if that is shorter."""
    length: Length


class Curator:
    """Judges the drafts of one pool as they come.

    Reasons, the first that applies: `no_reply`; the draft's own (`cut_off`, `unparsable`, `refused`, `unanswerable`,
    `not_the_form`, `answer_changed`, `wrong_by_verification`, `no_majority`), `unparsable` also where a text shows
    nothing; `duplicate` (question and answer as in a seed or an earlier draft, but for case, white space and
    punctuation at the end); `near_test_item` (a test item's question, also in other words); `near_seed` and
    `near_duplicate` (a written question that is nearly word for word a seed's or an earlier one's, in the same
    context); `other_language` (than the seeds, if these are in one); `too_long` for the student.
    """

    def __init__(
        self, strategy: Strategy, seeds: Sequence[Item], test: Sequence[Item], room: Room | None = None
    ) -> None:
        self.strategy = strategy
        self.room = room
        self._context = {seed.id: seed.context for seed in seeds if seed.context}
        self._seen = {_identity(seed.question, seed.answer, seed.context) for seed in seeds}
        written = strategy in WRITTEN
        # A seed that is a test item in other words is for the split to see; what a model wrote is seen here.
        self._test = Known(_features(test), in_other_words=written, least=SAME_WORDS)
        self._seeds = Known(_features(seeds) if written else [], least=COPY)
        self._earlier = Growing()
        self._spoken = common_language([seed.question for seed in seeds]), common_language([s.answer for s in seeds])

    def judge(self, draft: Draft | None) -> tuple[str, Example | None]:
        """`kept` with the example, or the reason and None."""
        reason = self._reason(draft)
        if reason != KEPT or draft is None or draft.question is None or draft.answer is None:
            return reason, None
        example = Example(
            seed_id=draft.seed_id,
            strategy=self.strategy,
            question=draft.question,
            answer=draft.answer,
            sample_index=draft.sample_index,
            queries=len(draft.query_ids),
            query_ids=draft.query_ids,
        )
        return KEPT, example

    def _reason(self, draft: Draft | None) -> str:
        if draft is None:
            return NO_REPLY
        if draft.rejected is not None:
            return draft.rejected
        if draft.question is None or draft.answer is None:
            return "unparsable"
        context = self._context.get(draft.seed_id, "")
        if not (_shows(draft.question) or context) or not _shows(draft.answer):
            return "unparsable"
        identity = _identity(draft.question, draft.answer, context)
        if identity in self._seen:
            return "duplicate"
        self._seen.add(identity)  # also of what is rejected below: the same again would be
        asked = features(draft.question, context)
        if self._test.has(asked):
            return "near_test_item"
        if self._seeds.has(asked):
            return "near_seed"
        if self._earlier.has(asked):
            return "near_duplicate"
        # A question that no model wrote is the user's own, whatever its language.
        texts = (draft.question if self.strategy in WRITTEN else "", draft.answer)
        for text, spoken in zip(texts, self._spoken, strict=True):
            if spoken is not None and language(text) not in (None, spoken):
                return "other_language"
        if self.room is not None:
            read = f"{context}\n\n{draft.question}" if context else draft.question
            length = self.room.length(read, draft.answer)
            if length is not None and length > self.room.tokens:
                return "too_long"
        if self.strategy in WRITTEN:
            self._earlier.add(asked)
        return KEPT


def curate(
    strategy: Strategy,
    seeds: Sequence[Item],
    test: Sequence[Item],
    drafts: Sequence[Draft | None],
    room: Room | None = None,
) -> Curated:
    """Judges a pool's drafts in order."""
    curator = Curator(strategy, seeds, test, room)
    judged = [curator.judge(draft) for draft in drafts]
    paid = tuple(() if draft is None else draft.query_ids for draft in drafts)
    return Curated(tuple(example for _, example in judged), tuple(reason for reason, _ in judged), paid)


def _features(items: Sequence[Item]) -> list[Features]:
    return [features(item.question, item.context) for item in items]


def _shows(text: str) -> bool:
    """Whether there is anything to see: neither spaces nor marks without a width."""
    return any(not letter.isspace() and letter.isprintable() for letter in text)


def _identity(question: str, answer: str, context: str) -> int:
    plain = " ".join(f"{context}\x00{question}\x00{answer}".split()).casefold().rstrip(".!? ")
    return int.from_bytes(hashlib.blake2b(plain.encode(errors="surrogatepass"), digest_size=8).digest(), "little")
