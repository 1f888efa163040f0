"""What the teacher's queries come to: expansions, other wordings, new queries, each visit counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.domain import Paid
from engine.generation import Generator
from engine.in_order import InOrder
from engine.nothing_kept import TRIAL
from engine.retrieval.asks import RetrievalStrategy, request, written_passage, written_query
from engine.retrieval.collection import Collection, Query
from engine.similarity import Known, features

PER_VISIT = ("kept", "no_reply", "unparsable", "cut_off", "near_a_test_query", "copy", "not_asked")
"""What becomes of a visit; these add up to the visits."""


@dataclass(frozen=True, slots=True)
class Made:
    """What one strategy's queries came to."""

    texts: Mapping[str, tuple[str, ...]]
    """By query (by passage for new queries): what was written and kept, in order."""
    counts: Mapping[str, int]
    query_ids: tuple[int, ...]
    """Rows of the ledger behind it."""
    why: str
    """Why there are fewer than were asked for; empty where there are not."""


async def made(
    generator: Generator,
    strategy: RetrievalStrategy,
    about: Sequence[tuple[str, str]],
    visits: int,
    forbidden: Known,
    on_visit: Callable[[], None],
) -> Made:
    """Asks about each of `about` (id and text) in turn, `visits` times in all.

    A written query that is nearly one of the `forbidden` (the test queries), or a copy of an earlier one, is left out.
    Where nothing of the first `TRIAL` visits is kept, no more are asked.
    """

    async def visit(index: int) -> Paid:
        name, text = about[index % len(about)]
        return await generator.ask(strategy.value, name)(request(strategy, text, index // len(about)))

    asked = InOrder(generator, visit, visits, on_visit, TRIAL if visits > TRIAL else None)
    texts: dict[str, list[str]] = {}
    counts = Counter(dict.fromkeys(PER_VISIT, 0))
    rows: list[int] = []
    written: set[str] = set()
    index = -1
    async for paid in asked:
        index += 1
        if paid is None:
            counts["no_reply"] += 1
            continue
        rows.append(paid.query_id)
        name = about[index % len(about)][0]
        is_passage = strategy in (RetrievalStrategy.EXPANSION, RetrievalStrategy.AT_SEARCH)
        text = (written_passage if is_passage else written_query)(paid.reply.text)
        if text is None:
            counts["unparsable"] += 1
        elif not is_passage and paid.reply.finish_reason == "length":
            counts["cut_off"] += 1
        elif not is_passage and forbidden.has(features(text)):
            counts["near_a_test_query"] += 1
        elif not is_passage and text.casefold() in written:
            counts["copy"] += 1
        else:
            counts["kept"] += 1
            asked.go_on()
            written.add(text.casefold())
            texts.setdefault(name, []).append(text)
    why = asked.why
    if not texts and not why and index >= 0:
        reason, often = counts.most_common(1)[0]
        why = f"Nothing of {index + 1:,} replies for {strategy.value.replace('_', ' ')} was kept ({often:,} times: "
        why += f"{reason.replace('_', ' ')}){', so no more were asked for' if asked.left else ''}."
    counts["not_asked"] = visits - index - 1
    return Made({name: tuple(found) for name, found in texts.items()}, dict(counts), tuple(rows), why)


def asked_about(
    strategy: RetrievalStrategy, collection: Collection, tests: Sequence[Query], visits: int
) -> list[tuple[str, str]]:
    """Ids and texts that a strategy goes round: training queries, test queries, or passages drawn at random."""
    if strategy is RetrievalStrategy.AT_SEARCH:
        return [(query.id, query.text) for query in tests]
    if strategy is not RetrievalStrategy.NEW_QUERY:
        return [(query.id, query.text) for query in collection.train]
    names = collection.open_to_questions or tuple(collection.passages)
    drawn = random.Random("passages for new queries").sample(names, min(visits, len(names)))
    return [(name, collection.passages[name]) for name in drawn]
