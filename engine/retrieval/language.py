"""The words of the sandbox's retrieval world: everyday ones, in which people ask, and learned ones, in which it is
written.

Every word is invented, so that nothing is known of it but what this world says. Of each subject (what a text is about)
and each aspect (what it says of it) people know other words than authors do.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

CLUSTERS = 24
"""Topic clusters."""
HELD_OUT = 8
"""The last so many are the out-of-domain side: no query for training is about them."""
SUBJECTS = 12
"""Of a cluster."""
ASPECTS = 12
"""Shared by all clusters, as one asks for the cause or the cure of anything."""
LAY_NAMES = 2
"""Everyday names of a subject, each of one word."""
LAY_ASPECT = 3
"""Everyday words of an aspect."""
TERMS = 5
"""Learned words of a subject."""
ASPECT_TERMS = 4
"""Learned words of an aspect."""
LAY_COMMON = 4
"""Everyday words of a cluster as a whole."""
JARGON = 8
"""Learned words of a cluster as a whole."""
DETAIL_POOL = 40
"""Learned words of a cluster of which each text's details are made."""
DETAILS = 4
"""Of them, what is true of one subject in one aspect: who knows the matter says them, who asks does not."""
ASKING = (
    "how", "why", "what", "is", "the", "a", "do", "i", "my", "when", "can", "it", "please", "help", "about", "for",
)  # fmt: skip
"""Words of asking, which say nothing of the matter."""
WRITING = (
    "the", "of", "and", "in", "which", "is", "are", "was", "by", "with", "study", "results", "shown", "under", "found",
)  # fmt: skip
"""The same of writing."""
KNOWN = 0.5
"""Share of the everyday words that an encoder from scratch has met beside learned ones."""

_ONSETS = (*"bdfgklmnprstvz", "br", "dr", "gr", "kl", "pr", "st", "tr")
_VOWELS = "aeiou"
_ENDS = {"lay": ("", "y", "er", "le"), "learned": ("ium", "osis", "ation", "ene", "icum", "oid")}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a text is about."""

    cluster: int
    number: int
    lay: tuple[str, ...]
    terms: tuple[str, ...]
    details: tuple[tuple[str, ...], ...]
    """For each aspect, the details that are true."""

    @property
    def name(self) -> str:
        """Names it in ids."""
        return f"c{self.cluster}s{self.number}"


@dataclass(frozen=True, slots=True)
class Words:
    """All words by what they mean."""

    subjects: tuple[Subject, ...]
    lay_aspects: tuple[tuple[str, ...], ...]
    aspects: tuple[tuple[str, ...], ...]
    lay_common: tuple[tuple[str, ...], ...]
    """By cluster."""
    jargon: tuple[tuple[str, ...], ...]
    """By cluster."""
    known: frozenset[str]
    """Everyday words that pretraining shows beside learned ones."""

    def vocabulary(self) -> list[str]:
        """Every word once, in one order."""
        found = [*ASKING, *WRITING]
        for group in (*self.lay_aspects, *self.aspects, *self.lay_common, *self.jargon):
            found += group
        for subject in self.subjects:
            found += [*subject.lay, *subject.terms, *(word for aspect in subject.details for word in aspect)]
        return list(dict.fromkeys(found))


@lru_cache(maxsize=1)
def words() -> Words:
    """The words of the world; always the same."""
    rng = random.Random("retrieval world")
    taken = {*ASKING, *WRITING}

    def new(kind: str, count: int) -> tuple[str, ...]:
        made: list[str] = []
        while len(made) < count:
            syllables = 2 if kind == "learned" else rng.choice((1, 2))
            word = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(syllables))
            word += rng.choice(_ONSETS)[0] + rng.choice(_ENDS[kind])
            if word not in taken:
                taken.add(word)
                made.append(word)
        return tuple(made)

    lay_aspects = tuple(new("lay", LAY_ASPECT) for _ in range(ASPECTS))
    aspects = tuple(new("learned", ASPECT_TERMS) for _ in range(ASPECTS))
    lay_common, jargon, subjects = [], [], []
    for cluster in range(CLUSTERS):
        lay_common.append(new("lay", LAY_COMMON))
        jargon.append(new("learned", JARGON))
        pool = new("learned", DETAIL_POOL)
        for number in range(SUBJECTS):
            details = tuple(tuple(rng.sample(pool, DETAILS)) for _ in range(ASPECTS))
            subjects.append(Subject(cluster, number, new("lay", LAY_NAMES), new("learned", TERMS), details))
    lay = [word for group in (*lay_aspects, *lay_common, *(s.lay for s in subjects)) for word in group]
    known = frozenset(rng.sample(lay, round(KNOWN * len(lay))))
    return Words(tuple(subjects), lay_aspects, aspects, tuple(lay_common), tuple(jargon), known)
