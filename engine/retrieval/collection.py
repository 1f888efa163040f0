"""A collection: passages, queries by what they are for, and which passage answers which query."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

TRAIN, DEV, TEST = "train", "dev", "test"
IN_DOMAIN, OUT_OF_DOMAIN = "in_domain", "out_of_domain"

Judgements = Mapping[str, Mapping[str, int]]
"""Query -> passage -> grade, 1 or more."""


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody searches for."""

    id: str
    text: str
    family: str | None = None
    """Queries of one family are resampled together."""
    side: str = IN_DOMAIN
    """`in_domain`, or `out_of_domain`: then it is for tests alone."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Passages, queries by what they are for, and judgements."""

    name: str
    passages: Mapping[str, str]
    """By id: title and text."""
    train: tuple[Query, ...]
    dev: tuple[Query, ...]
    """For choices (the weight of the distillation); never reported."""
    test: tuple[Query, ...]
    judgements: Judgements
    counts: Mapping[str, int] = field(default_factory=dict)
    """What was found and what was left out, by reason."""
    open_to_questions: tuple[str, ...] = ()
    """Passages that new queries may be written for: none of the held-out side. Empty: all."""
    notes: tuple[str, ...] = ()
    """What was left out, with its lines."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Titles of the passages that have one."""

    def sides(self) -> dict[str, tuple[Query, ...]]:
        """The test queries by side; a side without queries is not there."""
        found = {side: tuple(q for q in self.test if q.side == side) for side in (IN_DOMAIN, OUT_OF_DOMAIN)}
        return {side: queries for side, queries in found.items() if queries}


def fingerprint_of(collection: Collection) -> str:
    """The same for collections with the same texts and judgements, whatever they are called."""
    whole = hashlib.sha256()
    for name, text in collection.passages.items():
        whole.update(f"{name}\t{text}\n".encode())
    for query in (*collection.train, *collection.dev, *collection.test):
        whole.update(f"{query.id}\t{query.text}\t{sorted(collection.judgements.get(query.id, {}).items())}\n".encode())
    return whole.hexdigest()
