"""The SQL world: questions in plain words about five small SQLite databases, answered by one query.

**Settings, committed before any cell was trained:** what is asked and under which conditions, with a long tail
(`sql_problems.py`), the sentences (`sql_language.py`), the databases (`sql_databases.py`), and what pretraining shows
(`EASY_...`).

**Its teacher.** A flawed answer asks the database something near what was asked, with another result: a condition is
forgotten or turned round, another column, another aggregate. A flawed rephrasing changes a value, a column or what is
asked. An unanswerable new question names a column or a value that no database has. A new question off distribution asks
what tests (nearly) never ask: ids, whole rows, three conditions. Other new questions keep the seed's type half of the
time and exchange one part otherwise, drawn evenly and not as the world weighs it.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.domain import Item, item_id
from engine.sandbox import sql_databases
from engine.sandbox.sql_databases import BY_NAME, SCHEMAS, rows_of, statements
from engine.sandbox.sql_language import ASKED, SAID, read, write
from engine.sandbox.sql_problems import (
    ASKS,
    CONDITIONS,
    ODD,
    OF_CATEGORY,
    OF_NUMBER,
    Condition,
    Problem,
    ask_columns,
    condition,
    key_of,
    query,
    sample,
    sample_learnt,
    sample_problem,
    written,
)
from engine.sandbox.worlds import Augmenter, draw_items, is_held_out

SAME_TYPE = 0.5
"""Share of new questions, not off distribution, that keep the seed's type."""

EASY_ASKS = ("count", "names", "show", "average", "total", "largest", "distinct", "top")
EASY_CONDITIONS = ("is", "more", "less", "parent_is")
EASY_SENTENCES, EASY_WORDS = 0.7, 2
"""What the student has seen solved: these kinds, the first part of their sentences, and so many words for each table
and column."""

MISSING = ("weight", "height", "birthday", "salary")
"""What no database has."""

INSTRUCTION = "Write one SQLite query that answers the question."
"""What the task tells a student (`engine.tasks.presets`); here for its words."""
SIGNS = ("(", ")", "*", ",", ".", "'", "=", "!", "<", ">", "?", ";")
_WORD = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Sql:
    """The SQL world, as `worlds.World` has it."""

    name: str = "sql"
    task: str = 'preset = "text_to_sql"'
    folder: Path | None = field(default_factory=sql_databases.folder)

    def seeds(self, n: int, seed: int = 0) -> tuple[Item, ...]:
        """Questions with a query each, in the forms that people write."""
        return draw_items(n, f"sandbox-sql-seed-{seed}", _drawn, tests=False)

    def test_items(self, n: int, seed: int = 0) -> tuple[Item, ...]:
        """Of the problems that are held out."""
        return draw_items(n, f"sandbox-sql-test-{seed}", _drawn, tests=True)

    def inputs(self, n: int, seed: int = 0) -> tuple[Item, ...]:
        """As the seeds, without queries."""
        found = draw_items(n, f"sandbox-sql-input-{seed}", _drawn, tests=False)
        return tuple(replace(one, id=item_id(one.question, "", one.context), answer="") for one in found)

    def key(self, problem: Problem) -> str:
        """See `sql_problems.key_of`."""
        return key_of(problem)

    def type_of(self, problem: Problem) -> tuple[str, ...]:
        """See `Problem.type`."""
        return problem.type

    def read(self, question: str, rng: random.Random) -> Problem | None:
        """See `sql_language.read`."""
        return read(question, rng)

    def answered(self, problem: Problem, rng: random.Random, *, flawed: bool) -> str:
        """The query in a code block, as the task asks."""
        if flawed:
            right = Counter(rows_of(problem.schema, query(problem)))
            # Almost every problem has a neighbour with another result; the few others get a query of nothing.
            for near in _neighbours(problem, rng):
                if Counter(rows_of(problem.schema, query(near))) != right:
                    return f"```sql\n{written(near, rng)}\n```"
            return f"```sql\nSELECT id FROM {BY_NAME[problem.schema].parent.name} WHERE id < 0\n```"
        return f"```sql\n{written(problem, rng)}\n```"

    def rephrased(self, problem: Problem, question: str, rng: random.Random, *, flawed: bool) -> str:
        """Other sentences, other words for tables and columns; of a neighbouring problem where it is flawed."""
        if flawed:
            problem = next((one for one in _neighbours(problem, rng) if key_of(one) != key_of(problem)), problem)
        return next(text for text in iter(lambda: write(problem, rng), "") if text != question)

    def invented(self, problem: Problem, rng: random.Random, augmenter: Augmenter) -> str:
        """Another problem near this one."""
        unanswerable = rng.random() < augmenter.unanswerable
        ask, *kinds = problem.ask, *(one.kind for one in problem.conditions)
        if rng.random() < augmenter.off_distribution:
            ask, kinds = _odd(ask, kinds, rng)
        elif rng.random() >= SAME_TYPE:
            ask, kinds = _exchanged(ask, kinds, rng)
        new = sample(ask, kinds, rng)
        text = write(new or problem, rng)
        return _without_what_it_needs(new or problem, text, rng) if unanswerable else text

    def easy(self, rng: random.Random) -> tuple[str, str]:
        """Of the easy kinds, in the first sentences and words, with the plainest query."""
        problem = sample_learnt(EASY_ASKS, EASY_CONDITIONS, rng)
        question = write(problem, rng, EASY_SENTENCES, EASY_WORDS)
        return f"{context(problem.schema)}\n\n{question}", query(problem)

    def texts(self, rng: random.Random) -> str:
        """A question of any kind or a query of any kind, below its database; never the two together."""
        while is_held_out(key_of(problem := sample_problem(rng))):
            pass
        text = write(problem, rng) if rng.random() < 0.5 else written(problem, rng)
        return f"{context(problem.schema)}\n\n{text}"

    def words(self) -> frozenset[str]:
        """Words of sentences, schemas and queries, and the signs."""
        slots = re.compile(r"\{\w+\}")
        texts = [slots.sub(" ", one) for table in (ASKED, SAID) for several in table.values() for one in several]
        texts += [INSTRUCTION, "and some", *MISSING]
        texts += ["SELECT COUNT AVG SUM MAX MIN DISTINCT FROM JOIN ON WHERE AND OR NOT IN BETWEEN ORDER GROUP BY"]
        texts += ["HAVING LIMIT DESC CREATE TABLE id name"]
        for schema in SCHEMAS:
            texts += [schema.link, *statements(schema)]
            for table in (schema.child, schema.parent):
                spoken = (*table.numbers.values(), *table.categories.values(), *table.values.values())
                texts += [table.name, *table.nouns, *table.names, *(word for several in spoken for word in several)]
        return frozenset(word for text in texts for word in _WORD.findall(text)) | frozenset(SIGNS)


WORLD = Sql()


def context(schema: str) -> str:
    """The schema as every prompt shows it, word for word as it stands in the SQLite file."""
    return ";\n".join(statements(BY_NAME[schema]))


def _drawn(rng: random.Random) -> tuple[str, Item]:
    problem = sample_problem(rng)
    question, answer = write(problem, rng), written(problem, rng)
    return key_of(problem), Item("", question, answer, None, context(problem.schema), {"db_id": problem.schema})


def _neighbours(problem: Problem, rng: random.Random) -> Iterator[Problem]:
    """Problems that differ in one thing, in any order: what somebody asks who reads the question badly."""
    schema = BY_NAME[problem.schema]
    found: list[Problem] = []
    asks = OF_NUMBER if problem.ask in OF_NUMBER else OF_CATEGORY - {"each_average"}
    for ask in sorted(asks) if problem.columns and problem.ask not in ("show", "each_average") else ():
        # Only between asks that need the same: no limit, and the same columns.
        if not {ask, problem.ask} & {"top", "bottom", "many"}:
            found.append(replace(problem, ask=ask))
    if problem.ask in ("top", "bottom"):
        found.append(replace(problem, ask="bottom" if problem.ask == "top" else "top"))
    found += [replace(problem, columns=ask_columns(problem.ask, schema.child, rng)) for _ in range(3)]
    if problem.limit:
        found.append(replace(problem, limit=problem.limit + 1))
    if problem.ask in ("count", "names", "ids", "rows"):
        found.append(replace(problem, ask="names" if problem.ask == "count" else "count"))
    for place, one in enumerate(problem.conditions):
        before, after = problem.conditions[:place], problem.conditions[place + 1 :]
        found.append(replace(problem, conditions=(*before, *after)))
        turned = {"more": "less", "less": "more", "is": "not", "not": "is"}.get(one.kind)
        if turned:
            found.append(replace(problem, conditions=(*before, Condition(turned, one.column, one.values), *after)))
        for _ in range(3):
            other = condition(one.kind, schema, rng, [two.column for two in (*before, *after)])
            found += [] if other is None else [replace(problem, conditions=(*before, other, *after))]
    if not problem.conditions:
        more = condition("is", schema, rng)
        found += [] if more is None else [replace(problem, conditions=(more,))]
    rng.shuffle(found)
    return iter(found)


def _odd(ask: str, kinds: list[str], rng: random.Random) -> tuple[str, list[str]]:
    """What tests (nearly) never ask: ids and whole rows, or three conditions."""
    if rng.random() < 0.5:
        return rng.choice(ODD), kinds
    return ask, [*kinds, *rng.choices(list(CONDITIONS), k=3)][:3]


def _exchanged(ask: str, kinds: list[str], rng: random.Random) -> tuple[str, list[str]]:
    """The type with one part exchanged, or with one condition more or less (two at most)."""
    change = rng.choice(("ask", "condition", "length"))
    if change == "ask" or (change == "condition" and not kinds):
        return rng.choice([one for one in ASKS if one not in ODD]), kinds
    if change == "condition":
        kinds[rng.randrange(len(kinds))] = rng.choice(list(CONDITIONS))
    elif not kinds or (len(kinds) == 1 and rng.random() < 0.5):
        kinds.append(rng.choice(list(CONDITIONS)))
    else:
        del kinds[rng.randrange(len(kinds))]
    return ask, kinds


def _without_what_it_needs(problem: Problem, text: str, rng: random.Random) -> str:
    """The question with a column that no database has, or with `some` where a value was."""
    schema = BY_NAME[problem.schema]
    spoken = [
        word
        for table in (schema.child, schema.parent)
        for several in (*table.numbers.values(), *table.categories.values())
        for word in several
    ]
    values = [str(value) for one in problem.conditions for value in one.values]
    found = [(word, rng.choice(MISSING)) for word in spoken if re.search(rf"\b{word}\b", text)]
    found += [(value, "some") for value in values]
    found = found or [(noun, rng.choice(MISSING)) for noun in schema.child.nouns if noun in text]
    gone, instead = rng.choice(found)
    return re.sub(rf"\b{gone}\b", instead, text)
