"""Questions of the SQL world in words: writing them, and reading them back.

Writing and reading use the same sentences. Slots: `{things}` and `{parents}` the two tables in one of their words,
`{parent}` one of the parents, `{number}`, `{category}` and `{column}` (either) a column in one of its words, `{a}` and
`{b}` values, `{n}` the ask's own number, `{f}` the conditions. Committed before any cell was trained.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from functools import cache

from engine.sandbox.sql_databases import BY_NAME, SCHEMAS, Schema
from engine.sandbox.sql_problems import CONDITIONS, LIMITED, Condition, Problem

ASKED: Mapping[str, tuple[str, ...]] = {
    "count": (
        "How many {things}{f} are there?",
        "Count the {things}{f}.",
        "What is the number of {things}{f}?",
        "Find out how many {things}{f} we have.",
    ),
    "names": (
        "Which {things}{f} are there?",
        "List the {things}{f}.",
        "What are the names of the {things}{f}?",
        "Give the name of every one of the {things}{f}.",
    ),
    "show": (
        "Show the {column} of all {things}{f}.",
        "What is the {column} of each of the {things}{f}?",
        "List the {column} for the {things}{f}.",
        "For the {things}{f} I want to see the {column}.",
    ),
    "average": (
        "What is the average number of {number} of the {things}{f}?",
        "How many {number} do the {things}{f} have on average?",
        "Give the mean {number} over all {things}{f}.",
        "Find the average {number} of {things}{f}.",
    ),
    "total": (
        "What is the total number of {number} of the {things}{f}?",
        "How many {number} do the {things}{f} have in all?",
        "Add up the {number} of all {things}{f}.",
        "Give the sum of the {number} over {things}{f}.",
    ),
    "largest": (
        "What is the largest number of {number} of the {things}{f}?",
        "How many {number} does the best of the {things}{f} have?",
        "Give the highest {number} among {things}{f}.",
        "What is the maximum of {number} for the {things}{f}?",
    ),
    "smallest": (
        "What is the smallest number of {number} of the {things}{f}?",
        "How many {number} does the last of the {things}{f} have?",
        "Give the lowest {number} among {things}{f}.",
        "What is the minimum of {number} for the {things}{f}?",
    ),
    "distinct": (
        "Which different {category} values do the {things}{f} have?",
        "List every {category} of the {things}{f} once.",
        "What kinds of {category} are found among {things}{f}?",
        "Give the {category} of the {things}{f} without repeats.",
    ),
    "top": (
        "Which {n} {things}{f} have the most {number}?",
        "Name the top {n} {things}{f} by {number}.",
        "Order the {things}{f} by {number} from high to low and give the first {n}.",
        "List the {n} {things}{f} that lead in {number}.",
    ),
    "bottom": (
        "Which {n} {things}{f} have the fewest {number}?",
        "Name the bottom {n} {things}{f} by {number}.",
        "Order the {things}{f} by {number} from low to high and give the first {n}.",
        "List the {n} {things}{f} that come last in {number}.",
    ),
    "each": (
        "How many {things}{f} are there for each {category}?",
        "Count the {things}{f} by {category}.",
        "For every {category} give the number of {things}{f}.",
        "Show each {category} with how many {things}{f} it has.",
    ),
    "each_average": (
        "How many {number} do the {things}{f} have on average for each {category}?",
        "Give the average {number} of the {things}{f} by {category}.",
        "For every {category} show the mean {number} of {things}{f}.",
        "Show each {category} with the average {number} of its {things}{f}.",
    ),
    "many": (
        "Which {category} has more than {n} {things}{f}?",
        "List every {category} that comes with over {n} {things}{f}.",
        "For which {category} are there more than {n} {things}{f}?",
        "Find each {category} shared by more than {n} {things}{f}.",
    ),
    "above": (
        "Which {things}{f} have more {number} than the average?",
        "List the {things}{f} that beat the average of all in {number}.",
        "Name the {things}{f} with {number} above the overall mean.",
    ),
    "parents": (
        "How many {things}{f} does each of the {parents} have?",
        "Count the {things}{f} of every {parent} by its name.",
        "Show the {parents} with their number of {things}{f}.",
    ),
    "without": (
        "Which {parents} have no {things}{f}?",
        "List the {parents} without any {things}{f}.",
        "Name each {parent} that has none of the {things}{f}.",
    ),
    "ids": ("Which ids do the {things}{f} have?", "List the id of all {things}{f}.", "Give the ids of {things}{f}."),
    "rows": (
        "Show everything about the {things}{f}.",
        "Print the whole rows of the {things}{f}.",
        "Give all that is stored on {things}{f}.",
    ),
}

SAID: Mapping[str, tuple[str, ...]] = {
    "is": ("whose {category} is {a}", "with the {category} {a}", "that have {a} as {category}", "of {category} {a}"),
    "not": (
        "whose {category} is not {a}",
        "with another {category} than {a}",
        "that do not have {a} as {category}",
    ),
    "either": (
        "whose {category} is {a} or {b}",
        "with the {category} {a} or {b}",
        "that have {a} or {b} as {category}",
    ),
    "more": (
        "with more than {a} {number}",
        "that have over {a} {number}",
        "with {number} above {a}",
        "having {number} greater than {a}",
    ),
    "less": (
        "with fewer than {a} {number}",
        "that have under {a} {number}",
        "with {number} below {a}",
        "having {number} less than {a}",
    ),
    "between": ("with {a} to {b} {number}", "that have between {a} and {b} {number}", "with {number} from {a} to {b}"),
    "parent_is": (
        "in any {parent} whose {category} is {a}",
        "of {parents} with the {category} {a}",
        "belonging to any {parent} of {category} {a}",
    ),
    "parent_more": (
        "in any {parent} with more than {a} {number}",
        "of {parents} that have over {a} {number}",
        "belonging to any {parent} with {number} above {a}",
    ),
    "parent_named": ("in the {parent} {a}", "of the {parent} named {a}", "belonging to {a}"),
}
AND = " and "


def write(problem: Problem, rng: random.Random, share: float = 1.0, words: int = 3) -> str:
    """The question in words, each part drawn from the sentences that it can take.

    `share` keeps to the first part of the sentences (at least one) and `words` to the first words for a table or a
    column: what the student has seen solved.
    """

    def template(table: Mapping[str, tuple[str, ...]], kind: str) -> str:
        return rng.choice(table[kind][: max(1, round(share * len(table[kind])))])

    def said(one: Condition) -> str:
        slots = _words(problem.schema, [one.column], rng, words, parent=one.kind.startswith("parent"))
        values = dict(zip("ab", one.values, strict=False))
        return template(SAID, one.kind).format(**slots, **values)

    conditions = AND.join(said(one) for one in problem.conditions)
    slots = _words(problem.schema, problem.columns, rng, words)
    return template(ASKED, problem.ask).format(f=f" {conditions}" if conditions else "", n=problem.limit, **slots)


def _words(
    name: str, columns: tuple[str, ...] | list[str], rng: random.Random, most: int, *, parent: bool = False
) -> dict[str, str]:
    schema = BY_NAME[name]
    found = {"things": rng.choice(schema.child.nouns[:most]), "parents": rng.choice(schema.parent.nouns[:most])}
    found["parent"] = schema.link
    table = schema.parent if parent else schema.child
    for column in columns:
        for slot, known in (("number", table.numbers), ("category", table.categories)):
            if column in known:
                found[slot] = found["column"] = rng.choice(known[column][:most])
    return found


# --- reading ------------------------------------------------------------------------------------------


def _alternatives(words: Mapping[str, tuple[str, ...]]) -> str:
    return "|".join(sorted((word for several in words.values() for word in several), key=len, reverse=True))


@cache
def _patterns(name: str) -> tuple[tuple[tuple[str, re.Pattern[str]], ...], tuple[tuple[str, re.Pattern[str]], ...]]:
    """The sentences of asks and of conditions as patterns, for one database."""
    schema = BY_NAME[name]

    def pattern(template: str, *, parent: bool) -> re.Pattern[str]:
        table = schema.parent if parent else schema.child
        slots = {
            "things": "|".join(schema.child.nouns),
            "parents": "|".join(schema.parent.nouns),
            "parent": schema.link,
            "number": _alternatives(table.numbers),
            "category": _alternatives(table.categories),
            "column": f"{_alternatives(table.numbers)}|{_alternatives(table.categories)}",
            "n": r"\d+",
            "a": r"\w+",
            "b": r"\w+",
            "f": "| .*?",
        }
        pieces = re.split(r"\{(\w+)\}", template)
        return re.compile(
            "".join(f"(?P<{one}>{slots[one]})" if at % 2 else re.escape(one) for at, one in enumerate(pieces))
        )

    asks = tuple((kind, pattern(one, parent=False)) for kind, several in ASKED.items() for one in several)
    said = tuple((kind, pattern(one, parent=kind.startswith("parent"))) for kind in CONDITIONS for one in SAID[kind])
    return asks, said


def read(text: str, rng: random.Random) -> Problem | None:
    """The problem that a text of the world asks; None for any other text. Nothing is drawn."""
    text = " ".join(text.split())
    for schema in SCHEMAS:
        if not any(noun in text for noun in schema.child.nouns):
            continue
        for kind, pattern in _patterns(schema.name)[0]:
            match = pattern.fullmatch(text)
            if match is None:
                continue
            found = match.groupdict()
            columns = _columns(schema, kind, found)
            limit = int(found.get("n") or 0)
            for conditions in _conditions(schema, found["f"].strip(), 0):
                if kind in LIMITED or not limit:
                    return Problem(schema.name, kind, columns, limit, conditions)
    return None


def _column(schema: Schema, word: str, *, parent: bool) -> str:
    table = schema.parent if parent else schema.child
    known = {**table.numbers, **table.categories}
    return next(column for column, words in known.items() if word in words)


def _columns(schema: Schema, kind: str, found: Mapping[str, str]) -> tuple[str, ...]:
    slots = ("column",) if kind == "show" else ("category", "number")
    return tuple(_column(schema, found[slot], parent=False) for slot in slots if slot in found)


def _conditions(schema: Schema, text: str, at: int) -> Iterator[tuple[Condition, ...]]:
    """Every way to read the text from `at` on as conditions that are joined by `and`."""
    if not text:
        yield ()
        return
    for kind, pattern in _patterns(schema.name)[1]:
        match = pattern.match(text, at)
        one = None if match is None else _condition(schema, kind, match.groupdict())
        if match is None or one is None:
            continue
        if match.end() == len(text):
            yield (one,)
        elif text.startswith(AND, match.end()):
            for rest in _conditions(schema, text, match.end() + len(AND)):
                yield (one, *rest)


def _condition(schema: Schema, kind: str, found: Mapping[str, str]) -> Condition | None:
    """The condition, unless a value is none that its column can hold."""
    parent = kind.startswith("parent")
    if kind == "parent_named":
        return Condition(kind, schema.link, (found["a"],)) if found["a"] in schema.parent.names else None
    values = [found[slot] for slot in "ab" if slot in found]
    word = found.get("number") or found["category"]
    column = _column(schema, word, parent=parent)
    if "number" in found:
        return Condition(kind, column, tuple(map(int, values))) if all(map(str.isdigit, values)) else None
    known = (schema.parent if parent else schema.child).values[column]
    return Condition(kind, column, tuple(values)) if set(values) <= set(known) else None
