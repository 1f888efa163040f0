"""The sandbox's teacher for retrieval: it knows the world's matters, and errs at a stated rate.

It reads the same prompts as any teacher. In a query it recognises a subject and an aspect by their everyday or learned
words; where one of the two is not named it guesses within what is.

**Its flaws, committed before any encoder was tuned.** A share `error_rate` of its replies is about another subject of
the same cluster or about another aspect; of the details in its passages `MADE_UP` are not true; and a query that it
writes for a passage has learned words in place of everyday ones with chance `BOOKISH`, as models copy from what they
are shown. Replies are deterministic in messages, temperature and sample index.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from engine.domain import Reply, Request
from engine.retrieval.asks import RetrievalStrategy, asked_about
from engine.retrieval.language import ASPECTS, Subject, words
from engine.retrieval.world import write_passage, write_query

ERROR_RATE = 0.15
MADE_UP = 0.3
BOOKISH = 0.5
UNKNOWN = "I do not know."


class WorldTeacher:
    """A teacher without key, price or network."""

    def __init__(self, error_rate: float = ERROR_RATE, name: str = "sandbox-retrieval-teacher") -> None:
        """`error_rate` is the share of replies that miss the matter, 0 to 1 (ValueError outside)."""
        if not 0 <= error_rate <= 1:
            raise ValueError(f"error_rate is {error_rate}; expected a share from 0 to 1")
        self.error_rate = error_rate
        self.name = name

    async def ask(self, request: Request) -> Reply:
        """The reply; token counts are words, which is what this teacher has."""
        said = self._reply(request).split()
        text = " ".join(said[: request.max_tokens])
        return Reply(
            text,
            "length" if len(said) > request.max_tokens else "stop",
            sum(len(message.content.split()) for message in request.messages),
            len(text.split()),
        )

    def _reply(self, request: Request) -> str:
        key = repr((request.messages, request.temperature, request.sample_index))
        rng = random.Random(hashlib.sha256(key.encode()).hexdigest())
        asked = asked_about(request)
        matter = None if asked is None else read(asked[1], rng)
        if asked is None or matter is None:
            return UNKNOWN
        subject, aspect = _another(*matter, rng) if rng.random() < self.error_rate else matter
        if asked[0] is RetrievalStrategy.EXPANSION:
            return write_passage(subject, aspect, rng, MADE_UP)
        return write_query(subject, aspect, rng, BOOKISH if asked[0] is RetrievalStrategy.NEW_QUERY else 0.0)


def read(text: str, rng: random.Random) -> tuple[Subject, int] | None:
    """What a query or passage is about, as most of its words say; None where no word says anything."""
    subjects: Counter[int] = Counter()
    aspects: Counter[int] = Counter()
    clusters: Counter[int] = Counter()
    meanings = _meanings()
    for word in text.split():
        kind, number = meanings.get(word, ("", 0))
        {"subject": subjects, "aspect": aspects, "cluster": clusters}.get(kind, Counter())[number] += 1
    found = words().subjects
    if subjects:
        subject = found[subjects.most_common(1)[0][0]]
    elif clusters:
        subject = rng.choice([one for one in found if one.cluster == clusters.most_common(1)[0][0]])
    else:
        return None
    return subject, aspects.most_common(1)[0][0] if aspects else rng.randrange(ASPECTS)


@lru_cache(maxsize=1)
def _meanings() -> Mapping[str, tuple[str, int]]:
    """Word -> what kind of thing it names, and which. Details name none: several subjects share them."""
    found: dict[str, tuple[str, int]] = {}
    known = words()
    for number, subject in enumerate(known.subjects):
        found |= dict.fromkeys((*subject.lay, *subject.terms), ("subject", number))
    for lists in (known.lay_aspects, known.aspects):
        for number, group in enumerate(lists):
            found |= dict.fromkeys(group, ("aspect", number))
    for lists in (known.lay_common, known.jargon):
        for number, group in enumerate(lists):
            found |= dict.fromkeys(group, ("cluster", number))
    return found


def _another(subject: Subject, aspect: int, rng: random.Random) -> tuple[Subject, int]:
    if rng.random() < 0.5:
        return subject, rng.choice([other for other in range(ASPECTS) if other != aspect])
    near = [one for one in words().subjects if one.cluster == subject.cluster and one is not subject]
    return rng.choice(near), aspect
