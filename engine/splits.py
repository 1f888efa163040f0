"""Splits items into named parts: what belongs together stays together, the same way for the same seed.

Items of one `family` share a part; items without one share it with their near duplicates.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.neighbors import NearestNeighbors

from engine.domain import Item
from engine.errors import InputError

NEAR = 0.8
"""Cosine of two questions' sets of character 5-grams from which they count as near duplicates."""
MOST_PROBLEMS = 20
"""So many problems are spelled out; the rest is counted."""


def split(
    items: Sequence[Item],
    shares: Mapping[str, float],
    *,
    seed: str,
    stratify_by: str | None = None,
    time_column: str | None = None,
) -> dict[str, tuple[Item, ...]]:
    """The items of each named part, in the order of `items`; together they are all items, each once.

    `shares` (fractions that sum to 1) are met as closely as whole groups allow. `stratify_by` names a field
    whose values are spread alike over the parts; `time_column` one with ISO dates, and then the parts follow
    each other in time, a group standing at its latest date. Raises InputError with all problems at once.
    """
    problems: list[str] = []
    if not shares or any(not share > 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
        problems.append(f"shares {dict(shares)}: expected fractions above 0 that sum to 1")
    if stratify_by and time_column:
        problems.append("stratify_by and time_column were both given; a split in time cannot be stratified, give one")
    times: list[datetime] = []
    for number, item in enumerate(items, start=1):
        if stratify_by and not item.fields.get(stratify_by):
            problems.append(f"item {number}: field {stratify_by!r} (stratify_by) is missing or empty")
        if time_column:
            found = item.fields.get(time_column, "")
            try:
                moment = datetime.fromisoformat(found)
                times.append(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
            except ValueError:
                problems.append(f"item {number}: {time_column!r} = {found!r}; expected a date such as 2026-11-21")
    if problems:
        more = len(problems) - MOST_PROBLEMS
        raise InputError(problems[:MOST_PROBLEMS] + ([f"and {more} more problems"] if more > 0 else []))

    groups = _groups(items)
    if time_column:
        groups.sort(key=lambda group: (max(times[index] for index in group), group))
        strata = [groups]
    else:
        groups.sort(key=lambda group: _drawn(seed, items[group[0]].id))
        by_value: dict[str, list[list[int]]] = defaultdict(list)
        for group in groups:
            values = Counter(items[index].fields[stratify_by] for index in group) if stratify_by else Counter([""])
            by_value[max(values, key=lambda value: (values[value], value))].append(group)
        strata = [by_value[value] for value in sorted(by_value)]
    part_of: dict[int, str] = {}
    for stratum in strata:
        total, counts = sum(map(len, stratum)), dict.fromkeys(shares, 0)
        for group in stratum:
            wanting = {name: share * total - counts[name] for name, share in shares.items()}
            # In time: the first part that is not yet full. Otherwise: the part that lacks most.
            open_parts = [name for name, lacking in wanting.items() if lacking >= 0.5]
            name = (open_parts or list(shares)[-1:])[0] if time_column else max(wanting, key=lambda part: wanting[part])
            counts[name] += len(group)
            part_of.update(dict.fromkeys(group, name))
    return {name: tuple(item for index, item in enumerate(items) if part_of[index] == name) for name in shares}


def _groups(items: Sequence[Item]) -> list[list[int]]:
    """Indices of the items that stay together: by family, or else by chains of near duplicates."""
    families: dict[str, list[int]] = defaultdict(list)
    alone = [index for index, item in enumerate(items) if item.family is None]
    for index, item in enumerate(items):
        if item.family is not None:
            families[item.family].append(index)
    clusters: dict[int, list[int]] = defaultdict(list)
    if alone:
        grams = HashingVectorizer(analyzer="char_wb", ngram_range=(5, 5), binary=True, alternate_sign=False)
        vectors = grams.transform([items[index].question for index in alone])
        near = NearestNeighbors(metric="cosine", algorithm="brute").fit(vectors)
        _, labels = connected_components(near.radius_neighbors_graph(vectors, radius=1 - NEAR), directed=False)
        for index, label in zip(alone, labels, strict=True):
            clusters[int(label)].append(index)
    return [*families.values(), *clusters.values()]


def _drawn(seed: str, name: str) -> str:
    return hashlib.sha256(f"{seed}\n{name}".encode()).hexdigest()
