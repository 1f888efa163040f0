"""Keeps or rejects generated examples, counted by reason; the counts add up to the visits.

A decision depends on the seeds, the test items and *earlier* drafts only, so the data of a small budget is a prefix of
the data of a large one. Examples pass one by one; what is kept of the earlier ones is an index of hashes on the disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.domain import Example, Item, Strategy
from engine.label_shares import LABEL_SHARE, Arrival, LabelShares
from engine.languages import common_language, language
from engine.seen import Marks, Questions, number
from engine.similarity import COPY, SAME_WORDS, Features, Known, features
from engine.strategies.base import Draft

KEPT = "kept"
NO_REPLY = "no_reply"
"""The teacher failed for good on this visit, or asking ended before it while later ones were answered."""

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
    order: tuple[tuple[int, int], ...] | None = None
    """Where examples waited for their label's share: (visit at which one was let in, its own visit), in order. None
    where each was let in with its own visit."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Visits by reason; they add up to the number of visits."""
        return Counter(self.reasons)

    def first(self, visits: int) -> tuple[Example, ...]:
        """The kept examples of the first so many visits, in the order in which they were let in: a smaller budget's
        data."""
        return tuple(example for one in self.arrivals() if one[0] < visits for _, example in one[1])

    def arrivals(self) -> Iterator[tuple[int, tuple[Arrival, ...]]]:
        """Visit by visit, from 0: the examples that were let in then, each with its own visit."""
        kept = ((visit, visit) for visit, example in enumerate(self.examples) if example is not None)
        let_in: dict[int, list[Arrival]] = {}
        for now, visit in kept if self.order is None else self.order:
            example = self.examples[visit]
            if example is not None:
                let_in.setdefault(now, []).append((visit, example))
        for visit in range(len(self.examples)):
            yield visit, tuple(let_in.get(visit, ()))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a draft came to."""

    reason: str
    """`kept`, or why there is no example; `label_share` where it waits for the share of its label."""
    kept: tuple[Arrival, ...] = ()
    """The examples that are in from this visit on, in order: its own, and what it let in of those that waited."""


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
    context); `other_language` (than the seeds, if these are in one); `too_long` for the student; `label_share` (its
    label has its share already, where `shares` are kept).
    """

    def __init__(
        self,
        strategy: Strategy,
        seeds: Sequence[Item],
        test: Sequence[Item],
        room: Room | None = None,
        shares: LabelShares | None = None,
    ) -> None:
        self.strategy = strategy
        self.room = room
        self.shares = shares
        self._visits = 0
        self._context = {seed.id: seed.context for seed in seeds if seed.context}
        self._seen = Marks()
        for seed in seeds:
            self._seen.new(_identity(seed.question, seed.answer, seed.context))
        written = strategy in WRITTEN
        # A seed that is a test item in other words is for the split to see; what a model wrote is seen here.
        self._test = Known(_features(test), in_other_words=written, least=SAME_WORDS)
        self._seeds = Known(_features(seeds) if written else [], least=COPY)
        self._earlier = Questions()
        self._spoken = common_language([seed.question for seed in seeds]), common_language([s.answer for s in seeds])

    def judge(self, draft: Draft | None) -> Verdict:
        """The verdict on the next visit's draft."""
        visit, reason = self._visits, self._reason(draft)
        self._visits += 1
        if reason != KEPT or draft is None or draft.question is None or draft.answer is None:
            return Verdict(reason)
        example = Example(
            seed_id=draft.seed_id,
            strategy=self.strategy,
            question=draft.question,
            answer=draft.answer,
            sample_index=draft.sample_index,
            queries=len(draft.query_ids),
            query_ids=draft.query_ids,
        )
        if self.shares is None:
            return Verdict(KEPT, ((visit, example),))
        kept = self.shares.offer(visit, example)
        return Verdict(KEPT if any(own == visit for own, _ in kept) else LABEL_SHARE, kept)

    def left_out(self) -> Iterator[Arrival]:
        """At the end: the examples that still wait for their label's share."""
        return iter(()) if self.shares is None else self.shares.left_out()

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
        if not self._seen.new(identity):  # kept also of what is rejected below: the same again would be
            return "duplicate"
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
    shares: LabelShares | None = None,
    check: Callable[[], None] = lambda: None,
) -> Curated:
    """Judges a pool's drafts in order; `check` raises where the user wants to stop, which large pools hear between."""
    curator = Curator(strategy, seeds, test, room, shares)
    reasons: list[str] = []
    examples: dict[int, Example] = {}
    order: list[tuple[int, int]] = []
    for now, draft in enumerate(drafts):
        check()
        verdict = curator.judge(draft)
        reasons.append(verdict.reason)
        for visit, example in verdict.kept:
            examples[visit] = example
            reasons[visit] = KEPT
            order.append((now, visit))
    paid = tuple(() if draft is None else draft.query_ids for draft in drafts)
    found = tuple(examples.get(visit) for visit in range(len(drafts)))
    return Curated(found, tuple(reasons), paid, None if shares is None else tuple(order))


def _features(items: Sequence[Item]) -> list[Features]:
    return [features(item.question, item.context) for item in items]


def _shows(text: str) -> bool:
    """Whether there is anything to see: neither spaces nor marks without a width."""
    return any(not letter.isspace() and letter.isprintable() for letter in text)


def _identity(question: str, answer: str, context: str) -> int:
    plain = " ".join(f"{context}\x00{question}\x00{answer}".split()).casefold().rstrip(".!? ")
    return number(plain.encode(errors="surrogatepass"))
