"""Reads a collection in BEIR layout, and says everything that is wrong with its files at once.

    corpus.jsonl    {"_id", "title" (optional), "text"}
    queries.jsonl   {"_id", "text", "metadata": {"family", "side"} (optional)}
    qrels/*.tsv     query-id, corpus-id, score, parted by tabs, with or without that header; or one `qrels.tsv`

Each JSONL file may be gzipped (`corpus.jsonl.gz`). `qrels/train.tsv`, `dev.tsv` and `test.tsv` say which queries are
for what; with a single file of judgements its queries are split here. Faults that make a result wrong are refused with
their lines; what is merely of no use (an empty passage, a query without a relevant one) is left out and counted.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from engine.errors import InputError
from engine.retrieval.collection import DEV, IN_DOMAIN, OUT_OF_DOMAIN, TEST, TRAIN, Collection, Query
from engine.row_files import content_of, parse_rows
from engine.rows import as_text

FEWEST = {TRAIN: 8, DEV: 8, TEST: 20}
"""Queries with a relevant passage that each part needs."""
SHARES = {TRAIN: 0.45, DEV: 0.15, TEST: 0.4}
"""How the queries of a single file of judgements are split."""
MOST_TOLD = 20
"""Faults of one kind that are named by their lines; further ones are counted."""


def read_collection(folder: Path, *, tested_only: bool = False, limit: int | None = None) -> Collection:
    """The collection in that folder; InputError with every fault of all its files.

    With `tested_only` every judged query is a test query out of domain. `limit` takes so many test queries, from the
    first.
    """
    problems: list[str] = []
    counts: Counter[str] = Counter()
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; expected corpus.jsonl, queries.jsonl and qrels/*.tsv (BEIR layout)")
    notes: list[str] = []
    passages, titles, empty = _passages(folder, problems, counts, notes)
    queries = _queries(folder, problems, counts)
    # Lines of judgements can only be judged beside files that were read.
    known = (passages, queries, empty) if passages and queries else None
    judged = _judgements(folder, known, problems, counts)
    if problems:
        raise InputError(problems)
    for query in queries.values():
        if not any(query.id in part for part in judged.values()):
            counts["queries without a relevant passage"] += 1
    parts = _parts(judged, queries, tested_only=tested_only)
    counts |= Counter({f"queries for {part}": len(found) for part, found in parts.items()})
    test = parts[TEST][:limit]
    needed = (TEST,) if tested_only else (TRAIN, DEV, TEST)
    few = [
        f"{folder.name}: {len(parts[part])} queries with a relevant passage for {part}, expected at least "
        f"{FEWEST[part]}; judge more queries"
        for part in needed
        if len(parts[part]) < FEWEST[part]
    ]
    if few:
        raise InputError(few)
    judgements = {query: grades for part in judged.values() for query, grades in part.items()}
    return Collection(
        folder.name,
        passages,
        parts[TRAIN],
        parts[DEV],
        test,
        judgements,
        counts=dict(counts),
        notes=tuple(notes),
        titles=titles,
    )


def _file(folder: Path, name: str, problems: list[str]) -> Path | None:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    problems.append(f"{folder}: holds no {name} (nor {name}.gz); expected the BEIR layout")
    return None


def _rows(path: Path, problems: list[str]) -> Iterable[tuple[int, Mapping[str, object]]]:
    try:
        content = content_of(path)
        for line, row in parse_rows(content, path.name):
            if isinstance(row, str):
                problems.append(f"{path.name}, line {line}: {row}")
            else:
                yield line, row
    except InputError as error:
        problems.extend(error.problems)


def _named(row: Mapping[str, object], *names: str) -> str:
    value = next((row[name] for name in names if row.get(name) is not None), "")
    return as_text(value).strip()


def _passages(
    folder: Path, problems: list[str], counts: Counter[str], notes: list[str]
) -> tuple[dict[str, str], dict[str, str], set[str]]:
    """Texts and titles by id, and the ids of passages without a text."""
    found: dict[str, str] = {}
    titles: dict[str, str] = {}
    empty: set[str] = set()
    blank = _Faults("corpus.jsonl", notes)
    faults = _Faults("corpus.jsonl", problems)
    path = _file(folder, "corpus.jsonl", problems)
    for line, row in () if path is None else _rows(path, problems):
        counts["rows of the corpus"] += 1
        name, title, text = _named(row, "_id", "id"), _named(row, "title"), _named(row, "text", "contents")
        if not name:
            faults.add("has no _id", line)
        elif name in found or name in empty:
            faults.add(f"repeats the id {name!r} of an earlier line; ids must differ", line, kind="repeats an id")
        elif not title and not text:
            # Cranfield itself has two of them: they are no fault of whoever brings it.
            empty.add(name)
            counts["empty passages"] += 1
            blank.add(f"passage {name!r} has neither title nor text and is left out", line, kind="is empty")
        else:
            if title:
                titles[name] = title
            # Many corpora begin the text with the title again.
            whole = text if text.startswith(title) else f"{title} {text}"
            found[name] = " ".join(whole.split())
    faults.tell()
    blank.tell()
    return found, titles, empty


def _queries(folder: Path, problems: list[str], counts: Counter[str]) -> dict[str, Query]:
    found: dict[str, Query] = {}
    faults = _Faults("queries.jsonl", problems)
    path = _file(folder, "queries.jsonl", problems)
    for line, row in () if path is None else _rows(path, problems):
        counts["rows of queries"] += 1
        name, text = _named(row, "_id", "id"), " ".join(_named(row, "text", "query").split())
        if not name:
            faults.add("has no _id", line)
        elif name in found:
            faults.add(f"repeats the id {name!r} of an earlier line; ids must differ", line, kind="repeats an id")
        elif not text:
            faults.add(f"query {name!r} is empty", line, kind="is empty")
        else:
            more = row.get("metadata")
            about = more if isinstance(more, dict) else {}
            side = OUT_OF_DOMAIN if about.get("side") == OUT_OF_DOMAIN else IN_DOMAIN
            family = about.get("family")
            found[name] = Query(name, text, None if family is None else as_text(family), side)
    faults.tell()
    return found


def _judgements(
    folder: Path,
    known: tuple[Mapping[str, str], Mapping[str, Query], set[str]] | None,
    problems: list[str],
    counts: Counter[str],
) -> dict[str, dict[str, dict[str, int]]]:
    """By file (`train`, `test`, ...) the judgements above zero."""
    paths = sorted([*(folder / "qrels").glob("*.tsv"), *folder.glob("qrels.tsv")])
    if not paths:
        problems.append(f"{folder}: holds no qrels/*.tsv; expected query-id, corpus-id and score, parted by tabs")
    found: dict[str, dict[str, dict[str, int]]] = {}
    for path in paths:
        faults = _Faults(path.name, problems)
        here = found.setdefault(path.stem, {})
        seen: set[tuple[str, str]] = set()
        for line, text in enumerate(content_of(path).decode("utf-8-sig", "replace").splitlines(), start=1):
            cells = text.split("\t") if "\t" in text else text.split()
            if not text.strip() or (line == 1 and cells[-1].strip() in ("score", "rel", "relevance")):
                continue
            counts["judgements"] += 1
            # TREC's own format has a column of zeros in between.
            cells = [cell.strip() for cell in (cells[:1] + cells[2:] if len(cells) == 4 else cells)]
            grade = _grade(cells[2]) if len(cells) == 3 else None
            if grade is None:
                faults.add(
                    f"found {text[:60]!r}, expected query-id, corpus-id and a score", line, kind="is no judgement"
                )
                continue
            query, passage = cells[:2]
            if (query, passage) in seen:
                faults.add(f"judges query {query!r} and passage {passage!r} again", line, kind="judges a pair again")
                continue
            seen.add((query, passage))
            if known is not None and passage in known[2]:
                counts["judgements of an empty passage"] += 1
            elif known is not None and passage not in known[0]:
                faults.add(f"names passage {passage!r}, which the corpus lacks", line, kind="names a missing passage")
            elif known is not None and query not in known[1]:
                faults.add(f"names query {query!r}, which queries.jsonl lacks", line, kind="names a missing query")
            elif grade > 0:
                here.setdefault(query, {})[passage] = grade
            else:
                counts["judgements of no relevance"] += 1
        faults.tell()
    return found


def _grade(text: str) -> int | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if math.isfinite(value) and value == int(value) else None


def _parts(
    judged: Mapping[str, Mapping[str, Mapping[str, int]]], queries: Mapping[str, Query], *, tested_only: bool
) -> dict[str, tuple[Query, ...]]:
    """The judged queries by what they are for; a query is in one part only, tests first."""
    files = {"validation": DEV, "valid": DEV, "val": DEV}
    named: dict[str, list[str]] = {TRAIN: [], DEV: [], TEST: []}
    whole = tested_only or len(judged) == 1
    for file, found in judged.items():
        named[TEST if whole else files.get(file, file if file in named else TEST)] += found
    if tested_only:
        return {
            TRAIN: (),
            DEV: (),
            TEST: tuple(
                Query(query.id, query.text, query.family, OUT_OF_DOMAIN)
                for query in (queries[name] for name in dict.fromkeys(named[TEST]))
            ),
        }
    if whole:
        named = _split(sorted(dict.fromkeys(named[TEST])), queries)
    elif not named[DEV]:
        # A quarter of the training queries, drawn by their ids.
        drawn = sorted(named[TRAIN], key=_draw)
        named[DEV], named[TRAIN] = drawn[: len(drawn) // 4], drawn[len(drawn) // 4 :]
    taken: set[str] = set()
    parts: dict[str, tuple[Query, ...]] = {}
    for part in (TEST, DEV, TRAIN):
        fresh = [name for name in dict.fromkeys(named[part]) if name not in taken]
        taken.update(fresh)
        parts[part] = tuple(queries[name] for name in fresh)
    return {part: parts[part] for part in (TRAIN, DEV, TEST)}


def _split(names: Sequence[str], queries: Mapping[str, Query]) -> dict[str, list[str]]:
    """By family and by a hash, so that the same files always give the same parts."""
    held = [name for name in names if queries[name].side == OUT_OF_DOMAIN]
    free = [name for name in names if queries[name].side != OUT_OF_DOMAIN]
    order = sorted(free, key=lambda name: (_draw(queries[name].family or name), name))
    first = round(SHARES[TRAIN] * len(order))
    second = first + round(SHARES[DEV] * len(order))
    # A family that lies across a border goes to the earlier part.
    first, second = (_border(order, at, queries) for at in (first, second))
    return {TRAIN: order[:first], DEV: order[first:second], TEST: order[second:] + held}


def _border(order: Sequence[str], at: int, queries: Mapping[str, Query]) -> int:
    while 0 < at < len(order) and queries[order[at]].family is not None:
        if queries[order[at]].family != queries[order[at - 1]].family:
            break
        at += 1
    return at


def _draw(name: str) -> str:
    return hashlib.sha256(f"split {name}".encode()).hexdigest()


class _Faults:
    """Faults of one file by kind: the first ones with their lines, the others as a number."""

    def __init__(self, file: str, problems: list[str]) -> None:
        self._file, self._problems = file, problems
        self._found: dict[str, list[tuple[int, str]]] = {}

    def add(self, text: str, line: int, kind: str = "") -> None:
        self._found.setdefault(kind or text, []).append((line, text))

    def tell(self) -> None:
        for kind, found in self._found.items():
            self._problems += [f"{self._file}, line {line}: {text}" for line, text in found[:MOST_TOLD]]
            if (more := len(found) - MOST_TOLD) > 0:
                self._problems.append(f"{self._file}: {len(found)} lines of this kind ({kind}), {more} more than shown")
