"""A sandbox for retrieval: people ask in few everyday words, passages answer in many learned ones.

A passage is about one subject in one aspect (the cause of this illness); a query names the subject by one everyday
name, the aspect by one everyday word, and nothing of the details, so that it is under-specified and shares hardly a
word with its passage. Topic clusters have subjects, jargon and details of their own; aspects are the same everywhere.
The last clusters are held out: no query for training is about them, and their test queries are the out-of-domain side.
All clusters' passages lie in one corpus.

**Settings, committed before any encoder was tuned:** those of `language`, and below. Passages hold three of a subject's
five terms, three of an aspect's four, all but one of its four details, and three words of the cluster's jargon, amid
words that say nothing. 300 queries for training, 100 to choose by, 300 for tests on each side; no two of them ask for
the same subject in the same aspect.
"""

from __future__ import annotations

import random
from functools import lru_cache

from engine.retrieval.collection import IN_DOMAIN, OUT_OF_DOMAIN, Collection, Query
from engine.retrieval.language import ASKING, ASPECTS, CLUSTERS, HELD_OUT, SUBJECTS, WRITING, Subject, words

NAME = "sandbox"
TRAIN_QUERIES, DEV_QUERIES, TEST_QUERIES = 300, 100, 300
"""The last is that of each side."""
MOST_QUERIES = (CLUSTERS - HELD_OUT) * SUBJECTS * ASPECTS // 3
"""That one part can have: no two parts ask for the same matter."""
WORDS_OF_ASKING = (1, 4)
COMMON_IN_QUERY = 0.4
"""Share of queries that name the cluster too."""
LEARNED_IN_QUERY = 0.15
"""Chance of a query's name, and of its aspect, to be a learned word after all."""


def write_passage(subject: Subject, aspect: int, rng: random.Random, wrong: float = 0.0) -> str:
    """A text about that subject in that aspect; `wrong` is the share of its details that are made up."""
    found = words()
    pool = [word for other in found.subjects if other.cluster == subject.cluster for word in other.details[aspect]]
    details = rng.sample(subject.details[aspect], 3)
    matter = [
        *rng.sample(subject.terms, 3),
        *rng.sample(found.aspects[aspect], 3),
        *(rng.choice(pool) if rng.random() < wrong else word for word in details),
        *rng.sample(found.jargon[subject.cluster], 3),
    ]
    said = matter + rng.choices(WRITING, k=rng.randint(6, 10))
    rng.shuffle(said)
    return " ".join(said)


def write_query(subject: Subject, aspect: int, rng: random.Random, learned: float = 0.0) -> str:
    """A question about it in everyday words; `learned` is the chance of each of them to be a learned one instead."""
    found = words()
    name = rng.choice(subject.terms) if rng.random() < learned else rng.choice(subject.lay)
    asked = rng.choice(found.aspects[aspect]) if rng.random() < learned else rng.choice(found.lay_aspects[aspect])
    said = [name, asked]
    if rng.random() < COMMON_IN_QUERY:
        said.append(rng.choice(found.lay_common[subject.cluster]))
    rng.shuffle(said)
    return " ".join([*rng.choices(ASKING, k=rng.randint(*WORDS_OF_ASKING)), *said])


def passage_id(subject: Subject, aspect: int) -> str:
    """Names the passage about that."""
    return f"{subject.name}a{aspect}"


def held_out(subject: Subject) -> bool:
    """Whether it is of the out-of-domain side."""
    return subject.cluster >= CLUSTERS - HELD_OUT


@lru_cache(maxsize=4)
def collection(
    train: int = TRAIN_QUERIES, dev: int = DEV_QUERIES, test: int = TEST_QUERIES, seed: int = 0
) -> Collection:
    """The world's passages and queries. Another `seed` gives other texts about the same matters; fewer queries are a
    prefix of more."""
    subjects = words().subjects
    rng = random.Random(f"passages-{seed}")
    matters = [(subject, aspect) for subject in subjects for aspect in range(ASPECTS)]
    passages = {passage_id(*matter): write_passage(*matter, rng) for matter in matters}
    # Each part draws from matters of its own, so that its size changes no other part.
    inside = [matter for matter in matters if not held_out(matter[0])]
    outside = [matter for matter in matters if held_out(matter[0])]
    random.Random(f"queries-{seed}").shuffle(inside)
    random.Random(f"held out-{seed}").shuffle(outside)
    third = MOST_QUERIES
    if max(train, dev, test) > third or test > len(outside):
        raise ValueError(f"the world has {third} matters for each part, and {len(outside)} that are held out")

    def asked(part: str, drawn: list[tuple[Subject, int]], side: str = IN_DOMAIN) -> tuple[Query, ...]:
        wording = random.Random(f"{part}-{side}-{seed}")
        return tuple(
            Query(
                f"{part}-{passage_id(*matter)}", write_query(*matter, wording, LEARNED_IN_QUERY), matter[0].name, side
            )
            for matter in drawn
        )

    parts = (
        asked("train", inside[:third][:train]),
        asked("dev", inside[third : 2 * third][:dev]),
        asked("test", inside[2 * third :][:test]) + asked("test", outside[:test], OUT_OF_DOMAIN),
    )
    judgements = {query.id: {query.id.partition("-")[2]: 1} for part in parts for query in part}
    return Collection(
        NAME, passages, *parts, judgements, open_to_questions=tuple(passage_id(*matter) for matter in inside[:third])
    )
