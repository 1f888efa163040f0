"""Splits items into named parts: what belongs together stays together, the same way for the same seed.

Items of one `family` share a part; items without one share it with their near duplicates.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import HashingVectorizer

from engine.domain import Item
from engine.errors import InputError

NEAR = 0.8
"""Cosine of two questions' sets of character 5-grams from which they share a part of a split."""
SHARED = 0.9
"""The same from which, with the same numbers, two questions of a seed file and a test file count as one."""
MOST_PROBLEMS = 20
"""So many problems are spelled out; the rest is counted."""
_ROWS_AT_ONCE = 512
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class Groups(NamedTuple):
    """Indices of items that stay together."""

    members: tuple[tuple[int, ...], ...]
    """Together every index once."""
    families: int
    """Families of more than one item."""
    near_duplicates: int
    """Items without a family that have a near duplicate."""


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
    """What stays together: items of a family, or else chains of near duplicates."""
    return _groups(tuple((item.question, item.family) for item in items))


# A form asks again with every keystroke: the same rows are compared once.
@lru_cache(maxsize=4)
def _groups(asked: tuple[tuple[str, str | None], ...]) -> Groups:
    families: dict[str, list[int]] = defaultdict(list)
    alone = []
    for index, (_, family) in enumerate(asked):
        if family is None:
            alone.append(index)
        else:
            families[family].append(index)
    clusters: dict[int, list[int]] = defaultdict(list)
    if alone:
        vectors = _vectors([asked[index][0] for index in alone])
        pairs = np.array(list(_pairs(vectors, vectors, NEAR))).reshape(-1, 2)
        shape = (len(alone), len(alone))
        graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=shape)
        _, labels = connected_components(graph, directed=False)
        for index, label in zip(alone, labels, strict=True):
            clusters[int(label)].append(index)
    return Groups(
        tuple(tuple(group) for group in (*families.values(), *clusters.values())),
        sum(len(group) > 1 for group in families.values()),
        sum(len(group) for group in clusters.values() if len(group) > 1),
    )


class Pair(NamedTuple):
    """Two items of two files that are one."""

    first: int
    second: int
    exact: bool
    """Whether the questions differ in white space and capitals at most."""


def shared(first: Sequence[Item], second: Sequence[Item]) -> tuple[Pair, ...]:
    """Each item of `second` that stands in `first` too, with the nearest there, in the order of `second`.

    Nearly the same means a cosine from 0.9 and the same numbers: in word problems another number makes another
    question. The context counts (the same question about another database is another one), as do the choices.
    """
    exact = {_plain(item.asked): index for index, item in reversed(list(enumerate(first)))}
    found = {
        index: Pair(exact[text], index, True)
        for index, item in enumerate(second)
        if (text := _plain(item.asked)) in exact
    }
    rest = [index for index in range(len(second)) if index not in found]
    if rest and first:
        numbers = [sorted(_NUMBER.findall(item.question)) for item in first]
        nearest: dict[int, tuple[float, int]] = {}
        ours, theirs = _vectors([item.question for item in first]), _vectors([second[i].question for i in rest])
        for row, column, cosine in _near(theirs, ours, SHARED):
            item = second[rest[row]]
            if item.context == first[column].context and sorted(_NUMBER.findall(item.question)) == numbers[column]:
                nearest[row] = max(nearest.get(row, (0.0, 0)), (cosine, column))
        found |= {rest[row]: Pair(column, rest[row], False) for row, (_, column) in nearest.items()}
    return tuple(found[index] for index in sorted(found))


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _vectors(questions: Sequence[str]) -> Any:
    """Sets of character 5-grams as unit vectors, sparse; hashing needs no fitting, so that files compare."""
    grams = HashingVectorizer(analyzer="char_wb", ngram_range=(5, 5), binary=True, alternate_sign=False)
    return grams.transform(questions)


def _near(rows: Any, columns: Any, least: float) -> Iterator[tuple[int, int, float]]:
    """Pairs with at least that cosine. In pieces: all products of 10,000 rows would not fit into memory."""
    transposed = columns.T.tocsr()
    for start in range(0, rows.shape[0], _ROWS_AT_ONCE):
        products = (rows[start : start + _ROWS_AT_ONCE] @ transposed).tocoo()
        hits = products.data >= least - 1e-9
        for row, column, cosine in zip(products.row[hits], products.col[hits], products.data[hits], strict=True):
            yield start + int(row), int(column), float(cosine)


def _pairs(rows: Any, columns: Any, least: float) -> Iterator[tuple[int, int]]:
    return ((row, column) for row, column, _ in _near(rows, columns, least))


def _drawn(seed: str, name: str) -> str:
    return hashlib.sha256(f"{seed}\n{name}".encode()).hexdigest()
