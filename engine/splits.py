"""Splits items into named parts: what belongs together stays together, the same way for the same seed.

Items of one `family` share a part; items without one share it with their near duplicates.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import HashingVectorizer

from engine.domain import Item
from engine.errors import InputError
from engine.near_pairs import Pairs, near_pairs
from engine.similarity import SAME_WORDS, features

NEAR = 0.8
"""Cosine of two questions' sets of character 5-grams from which they share a part of a split."""
MOST_PROBLEMS = 20
"""So many problems are spelled out; the rest is counted."""


class Groups(NamedTuple):
    """Indices of items that stay together."""

    members: tuple[tuple[int, ...], ...]
    """Together every index once."""
    families: int
    """Families of more than one item."""
    near_duplicates: int
    """Items that have a near duplicate."""


def split(
    items: Sequence[Item],
    shares: Mapping[str, float],
    *,
    seed: str,
    strata: Sequence[str] | None = None,
    times: Sequence[float] | None = None,
) -> dict[str, tuple[int, ...]]:
    """The indices of each named part, ascending; together they are all indices, each once.

    `shares` (fractions that sum to 1) are met as closely as whole groups allow. `strata` holds a value for each
    item, spread alike over the parts; `times` its time, and then the parts follow each other in time, a group
    standing at its latest. Raises InputError for shares that are none.
    """
    if not shares or any(not share > 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
        raise InputError(f"shares {dict(shares)}: expected fractions above 0 that sum to 1")
    members = [list(group) for group in groups(items).members]
    if times is not None:
        members.sort(key=lambda group: (max(times[index] for index in group), group))
        part_of = _in_turn(members, shares)
    else:
        # Large groups first, so that the single items fill each part to its share.
        members.sort(key=lambda group: (-len(group), _drawn(seed, items[group[0]].id)))
        part_of = _alike(members, shares, strata)
    return {name: tuple(index for index in range(len(items)) if part_of[index] == name) for name in shares}


def _in_turn(members: Sequence[Sequence[int]], shares: Mapping[str, float]) -> dict[int, str]:
    """Groups in their order: to the first part that is not yet full."""
    total, counts = sum(map(len, members)), dict.fromkeys(shares, 0)
    part_of: dict[int, str] = {}
    for group in members:
        open_parts = [name for name, share in shares.items() if share * total - counts[name] >= 0.5]
        name = (open_parts or list(shares)[-1:])[0]
        counts[name] += len(group)
        part_of.update(dict.fromkeys(group, name))
    return part_of


def _alike(
    members: Sequence[Sequence[int]], shares: Mapping[str, float], strata: Sequence[str] | None
) -> dict[int, str]:
    """Stratum by stratum, a group standing in its commonest: to the part where it fits that is emptiest."""
    by_value: dict[str, list[Sequence[int]]] = defaultdict(list)
    for group in members:
        values = Counter("" if strata is None else strata[index] for index in group)
        by_value[max(values, key=lambda value: (values[value], value))].append(group)
    part_of: dict[int, str] = {}
    # What rounding in one stratum leaves to be wished for is made up for in the next.
    wanting = dict.fromkeys(shares, 0.0)
    for value in sorted(by_value):
        total = sum(map(len, by_value[value]))
        wanting = {name: left + shares[name] * total for name, left in wanting.items()}
        for group in by_value[value]:
            fits = [name for name, lacking in wanting.items() if lacking >= len(group) - 0.5]
            name = (
                max(fits, key=lambda part: wanting[part] / shares[part])
                if fits
                else max(wanting, key=wanting.__getitem__)
            )
            wanting[name] -= len(group)
            part_of.update(dict.fromkeys(group, name))
    return part_of


def moments(texts: Sequence[str], places: Sequence[str], column: str) -> tuple[float, ...]:
    """Times as numbers that order them: ISO dates (UTC where they name no zone), or plain numbers such as years.

    `places` says where each stands. InputError with every text that is none, and where dates and numbers are mixed.
    """
    found: list[float] = []
    problems: list[str] = []
    numbers = sum(map(_is_number, texts))
    for text, place in zip(texts, places, strict=True):
        if _is_number(text) and numbers >= len(texts) / 2:
            found.append(float(text))
            continue
        try:
            moment = datetime.fromisoformat(text)
            if numbers >= len(texts) / 2:
                raise ValueError("a date among numbers")
            found.append((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
        except (ValueError, OverflowError):
            expected = "a number, as in the other rows" if numbers >= len(texts) / 2 else "a date such as 2026-11-21"
            problems.append(f"{place}: {column!r} = {text!r}; expected {expected}")
    if problems:
        more = len(problems) - MOST_PROBLEMS
        raise InputError(problems[:MOST_PROBLEMS] + ([f"and {more} more problems"] if more > 0 else []))
    return tuple(found)


def _is_number(text: str) -> bool:
    # Eight digits are a date as ISO 8601 writes it without hyphens.
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None and not re.fullmatch(r"(19|20)\d{6}", text)


def groups(items: Sequence[Item]) -> Groups:
    """What stays together: items of a family, or else chains of near duplicates; and what is one question anyway.

    So that no split makes two parts of which a test file and its seeds would be refused (`shared`).
    """
    return _groups(tuple((item.question, item.context, item.family) for item in items))


# A form asks again with every keystroke: the same rows are compared once.
@lru_cache(maxsize=4)
def _groups(asked: tuple[tuple[str, str, str | None], ...]) -> Groups:
    alone = np.array([index for index, (_, _, family) in enumerate(asked) if family is None], dtype=np.int64)
    families: dict[str, list[int]] = defaultdict(list)
    for index, (_, _, family) in enumerate(asked):
        if family is not None:
            families[family].append(index)
    grams = HashingVectorizer(analyzer="char_wb", ngram_range=(5, 5), binary=True, alternate_sign=False)
    vectors = grams.transform([asked[index][0] for index in alone]) if len(alone) else csr_array((0, 1))
    near = near_pairs(vectors, vectors, NEAR, "cosine")
    questions = [(question, context) for question, context, _ in asked]
    same = _same(questions, questions)
    # Every pair of items that stay together, of whichever reason.
    edges = [(alone[near.first], alone[near.second]), (same.first, same.second)]
    edges += [(np.full(len(members), members[0]), np.array(members)) for members in families.values()]
    rows, columns = (np.concatenate([edge[side] for edge in edges]) for side in (0, 1))
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(asked), len(asked)))
    _, labels = connected_components(graph, directed=False)
    together: dict[int, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        together[int(label)].append(index)
    alike = {int(index) for edge in edges[:2] for side in edge for index in side}
    return Groups(
        tuple(map(tuple, together.values())), sum(len(members) > 1 for members in families.values()), len(alike)
    )


class Pair(NamedTuple):
    """Two items of two files that are one."""

    first: int
    second: int
    exact: bool
    """Whether the questions differ in white space and capitals at most."""


def shared(first: Sequence[Item], second: Sequence[Item]) -> tuple[Pair, ...]:
    """Each item of `second` that stands in `first` too, with the nearest there, in the order of `second`.

    Nearly the same is what `engine.similarity` calls one question nearly word for word: the same numbers, and 0.6 of
    all words and pairs of words in common. The context counts (the same question about another database is another
    one), as do the choices.
    """
    places: dict[str, int] = {}
    for index, item in enumerate(first):
        places.setdefault(_plain(item.asked), index)
    nearest: dict[int, tuple[float, int]] = {}
    asked, others = ([(item.question, item.context) for item in items] for items in (first, second))
    for place, index, alike in zip(*_same(asked, others), strict=True):
        nearest[int(index)] = max(nearest.get(int(index), (0.0, 0)), (float(alike), -int(place)))
    found = []
    for index, item in enumerate(second):
        if (exact := places.get(_plain(item.asked))) is not None:
            found.append(Pair(exact, index, True))
        elif index in nearest:
            found.append(Pair(-nearest[index][1], index, False))
    return tuple(found)


def _same(first: Sequence[tuple[str, str]], second: Sequence[tuple[str, str]]) -> Pairs:
    """Pairs of questions (with their contexts) that are one, nearly word for word."""
    sides = [
        [features(question) for question, _ in side] for side in ((first,) if first is second else (first, second))
    ]
    names = np.unique(np.concatenate([np.zeros(0, np.uint64), *(f.shingles for side in sides for f in side)]))
    sets = []
    for side in sides:
        ends = np.cumsum([0, *(len(f.shingles) for f in side)])
        columns = np.searchsorted(names, np.concatenate([np.zeros(0, np.uint64), *(f.shingles for f in side)]))
        sets.append(csr_array((np.ones(len(columns)), columns, ends), shape=(len(side), max(1, len(names)))))
    near = near_pairs(sets[0], sets[-1], SAME_WORDS, "jaccard")
    keep = np.array(
        [
            sides[0][i].numbers == sides[-1][j].numbers and first[i][1] == second[j][1]
            for i, j in zip(near.first, near.second, strict=True)
        ],
        dtype=bool,
    )
    return Pairs(*(part[keep] for part in near))


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _drawn(seed: str, name: str) -> str:
    return hashlib.sha256(f"{seed}\n{name}".encode()).hexdigest()
