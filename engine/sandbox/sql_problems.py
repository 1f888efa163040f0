"""The problems of the SQL world without their words: what is asked of which rows, and the queries that answer it.

A problem asks one thing (`ASKS`) of the rows that none, one or two conditions leave (`CONDITIONS`). Committed before
any cell was trained: the kinds and their weights with a long tail, the rows (`sql_databases.py`), and that what a
problem asks for is never empty.
"""
# ruff: noqa: S608 - queries of this world's own words and numbers

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from engine.sandbox.sql_databases import BY_NAME, SCHEMAS, Schema, Table, rows_of
from engine.sandbox.worlds import is_held_out

ASKS: Mapping[str, float] = {
    "count": 0.19,
    "names": 0.15,
    "show": 0.11,
    "average": 0.1,
    "total": 0.08,
    "largest": 0.07,
    "each": 0.06,
    "distinct": 0.05,
    "top": 0.05,
    "smallest": 0.04,
    "bottom": 0.03,
    "each_average": 0.02,
    "many": 0.02,
    "above": 0.01,
    "parents": 0.01,
    "without": 0.006,
    "ids": 0.002,
    "rows": 0.002,
}
"""How often each thing is asked; the weights add up to 1."""
ODD = ("ids", "rows")
"""What is (nearly) never asked; an augmenter off distribution asks it."""

CONDITIONS: Mapping[str, float] = {
    "is": 0.26,
    "more": 0.18,
    "less": 0.16,
    "parent_is": 0.14,
    "not": 0.07,
    "between": 0.06,
    "either": 0.05,
    "parent_more": 0.04,
    "parent_named": 0.04,
}
"""How often each condition comes; the weights add up to 1."""
COUNTS: Mapping[int, float] = {0: 0.16, 1: 0.65, 2: 0.185, 3: 0.005}
"""How many conditions a problem has; three are odd."""

OF_NUMBER = {"average", "total", "largest", "smallest", "top", "bottom", "above"}
"""Asks about a column of numbers; `each_average` too, beside its category."""
OF_CATEGORY = {"distinct", "each", "each_average", "many"}
LIMITED = {"top": (2, 6), "bottom": (2, 6), "many": (1, 3)}
"""Asks with a number of their own, from and to."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on the rows."""

    kind: str
    column: str
    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A question about one database without its wording."""

    schema: str
    ask: str
    columns: tuple[str, ...] = ()
    """What is asked about, where it is columns: a number, a category, or a category and a number."""
    limit: int = 0
    """The ask's own number; 0: it has none."""
    conditions: tuple[Condition, ...] = ()

    @property
    def type(self) -> tuple[str, ...]:
        """What kind of question it is: the ask, and its conditions' kinds without their order."""
        return (self.ask, *sorted(one.kind for one in self.conditions))


def key_of(problem: Problem) -> str:
    """The problem as text; the order of its conditions does not matter."""
    return repr(replace(problem, conditions=tuple(sorted(problem.conditions, key=repr))))


def drawn(weights: Mapping[str, float], rng: random.Random) -> str:
    """One of the kinds, as they are weighed."""
    return rng.choices(list(weights), list(weights.values()))[0]


def condition(kind: str, schema: Schema, rng: random.Random, taken: Sequence[str] = ()) -> Condition | None:
    """A condition of that kind on a column that no other condition has taken; None where there is none left."""
    table = schema.parent if kind.startswith("parent") else schema.child
    if kind == "parent_named":
        return None if schema.link in taken else Condition(kind, schema.link, (rng.choice(table.names[:-1]),))
    numeric = kind in ("more", "less", "between", "parent_more")
    free = [one for one in (table.numbers if numeric else table.categories) if one not in taken]
    if not free:
        return None
    column = rng.choice(free)
    if not numeric:
        return Condition(kind, column, tuple(rng.sample(table.values[column], 2 if kind == "either" else 1)))
    if kind == "between":
        low = rng.randint(10, 60)
        return Condition(kind, column, (low, low + rng.randint(15, 35)))
    return Condition(kind, column, (rng.randint(15, 70) if kind != "less" else rng.randint(30, 85),))


def sample(
    ask: str, kinds: Sequence[str], rng: random.Random, schemas: Sequence[Schema] = SCHEMAS, tries: int = 60
) -> Problem | None:
    """A problem of that type whose result is not empty, or None where none was found."""
    for _ in range(tries):
        schema = rng.choice(schemas)
        found: list[Condition] = []
        for kind in kinds:
            one = condition(kind, schema, rng, [other.column for other in found])
            if one is not None:
                found.append(one)
        limit = rng.randint(*LIMITED[ask]) if ask in LIMITED else 0
        problem = Problem(schema.name, ask, ask_columns(ask, schema.child, rng), limit, tuple(found))
        if len(found) == len(kinds) and holds(problem):
            return problem
    return None


def ask_columns(ask: str, table: Table, rng: random.Random) -> tuple[str, ...]:
    """The columns that an ask needs, drawn."""
    number, category = rng.choice(list(table.numbers)), rng.choice(list(table.categories))
    if ask == "show":
        return (rng.choice((number, category)),)
    if ask == "each_average":
        return (category, number)
    return (number,) if ask in OF_NUMBER else (category,) if ask in OF_CATEGORY else ()


def holds(problem: Problem) -> bool:
    """Whether a problem has something to find, and does not ask for a group by what a condition has fixed."""
    fixed = {one.column for one in problem.conditions if one.kind in ("is", "parent_named")}
    if fixed & set(problem.columns) or (problem.ask in ("parents", "without") and problem_joins(problem)):
        return False
    rows = rows_of(problem.schema, query(problem))
    return bool(rows) and rows[0][-1] not in (None, 0)


def problem_joins(problem: Problem) -> bool:
    """Whether a condition looks at the parent."""
    return any(one.kind.startswith("parent") for one in problem.conditions)


def sample_problem(rng: random.Random) -> Problem:
    """A problem as the world weighs them."""
    while True:
        ask = drawn(ASKS, rng)
        kinds = [drawn(CONDITIONS, rng) for _ in range(rng.choices(list(COUNTS), list(COUNTS.values()))[0])]
        if (problem := sample(ask, kinds, rng, tries=8)) is not None:
            return problem


def sample_learnt(asks: Sequence[str], kinds: Sequence[str], rng: random.Random) -> Problem:
    """A problem that is not held out, of these asks and conditions, all alike; at most two conditions."""
    while True:
        several = [rng.choice(kinds) for _ in range(rng.choice((0, 1, 1, 2)))]
        problem = sample(rng.choice(asks), several, rng, tries=8)
        if problem is not None and not is_held_out(key_of(problem)):
            return problem


# --- queries ------------------------------------------------------------------------------------------


@cache
def query(problem: Problem) -> str:
    """The query that answers it, in its plainest form."""
    return written(problem, None)


def written(problem: Problem, rng: random.Random | None) -> str:
    """A query that answers it, in one of the forms that people write; the plainest where `rng` is None."""
    schema = BY_NAME[problem.schema]
    child, parent, link = schema.child.name, schema.parent.name, schema.link
    nested = rng is not None and rng.random() < 0.3
    joins = problem.ask == "parents" or (problem_joins(problem) and not nested)
    name = f"{child}.name" if joins else "name"
    source = f"{child} JOIN {parent} ON {child}.{link} = {parent}.id" if joins else child
    tests = [_test(one, schema, joins, rng) for one in problem.conditions]
    if rng is not None and rng.random() < 0.3:
        tests.reverse()
    first, last = problem.columns[:1], problem.columns[-1:]
    column, number = "".join(first), "".join(last)
    if problem.ask == "above":
        tests.append(f"{number} > (SELECT AVG({number}) FROM {child})")
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    other = rng is not None and rng.random() < 0.3
    match problem.ask:
        case "count":
            counted = "COUNT(id)" if other and not joins else "COUNT(*)"
            return f"SELECT {counted} FROM {source}{where}"
        case "names" | "above":
            return f"SELECT {name} FROM {source}{where}"
        case "ids":
            return f"SELECT {child}.id FROM {source}{where}"
        case "rows":
            return f"SELECT {child}.* FROM {source}{where}"
        case "show":
            return f"SELECT {column} FROM {source}{where}"
        case "average" | "total":
            return f"SELECT {'AVG' if problem.ask == 'average' else 'SUM'}({column}) FROM {source}{where}"
        case "largest" | "smallest":
            down, kind = (" DESC", "MAX") if problem.ask == "largest" else ("", "MIN")
            if other:
                return f"SELECT {column} FROM {source}{where} ORDER BY {column}{down} LIMIT 1"
            return f"SELECT {kind}({column}) FROM {source}{where}"
        case "distinct":
            if other:
                return f"SELECT {column} FROM {source}{where} GROUP BY {column}"
            return f"SELECT DISTINCT {column} FROM {source}{where}"
        case "top" | "bottom":
            down = " DESC" if problem.ask == "top" else ""
            return f"SELECT {name} FROM {source}{where} ORDER BY {column}{down} LIMIT {problem.limit}"
        case "each" | "each_average":
            shown = "COUNT(*)" if problem.ask == "each" else f"AVG({number})"
            return f"SELECT {column}, {shown} FROM {source}{where} GROUP BY {column}"
        case "many":
            return f"SELECT {column} FROM {source}{where} GROUP BY {column} HAVING COUNT(*) > {problem.limit}"
        case "parents":
            return f"SELECT {parent}.name, COUNT(*) FROM {source}{where} GROUP BY {parent}.name"
        case "without":
            return f"SELECT name FROM {parent} WHERE id NOT IN (SELECT {link} FROM {child}{where})"
    raise ValueError(f"nothing asks for {problem.ask!r}")


def _test(one: Condition, schema: Schema, joins: bool, rng: random.Random | None) -> str:
    """A condition as SQL."""
    other = rng is not None and rng.random() < 0.3
    shown = [f"'{value}'" if isinstance(value, str) else str(value) for value in one.values]
    column = one.column
    match one.kind.removeprefix("parent_"):
        case "more":
            found = f"{column} >= {int(one.values[0]) + 1}" if other else f"{column} > {shown[0]}"
        case "less":
            found = f"{column} <= {int(one.values[0]) - 1}" if other else f"{column} < {shown[0]}"
        case "between":
            low, high = shown
            found = f"{column} >= {low} AND {column} <= {high}" if other else f"{column} BETWEEN {low} AND {high}"
        case "either":
            a, b = shown
            found = f"{column} IN ({a}, {b})" if other else f"({column} = {a} OR {column} = {b})"
        case "not":
            found = f"{column} <> {shown[0]}" if other else f"{column} != {shown[0]}"
        case "named":
            found = f"{schema.parent.name}.name = {shown[0]}" if joins else f"name = {shown[0]}"
        case _:
            found = f"{column} = {shown[0]}"
    if one.kind.startswith("parent") and not joins:
        return f"{schema.link} IN (SELECT id FROM {schema.parent.name} WHERE {found})"
    return found
