"""The databases of the SQL world: five small schemas, their words, and their rows.

`python -m engine.sandbox.sql_databases` writes the SQLite files that the project ships (data/sandbox/sql/database);
a test compares them with what is written here. Each database has things of one kind (`child`) that belong to one of
another kind (`parent`). Numbers differ within a column, so that no ranking has ties.

Committed before any cell was trained, as `sql_problems.py` and `sql_language.py` are.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine.settings import Settings

ROWS = 30
"""Things in a database; each parent has some of them, but for the last, which has none."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table and how people call what stands in it; of several words the first is the table's own."""

    name: str
    nouns: tuple[str, ...]
    """In the plural."""
    numbers: Mapping[str, tuple[str, ...]]
    """Column of numbers -> the words for it, plurals that one can have many of."""
    categories: Mapping[str, tuple[str, ...]]
    """Column of words -> the words for it, in the singular."""
    values: Mapping[str, tuple[str, ...]]
    """Column of words -> what it can hold."""
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """One database."""

    name: str
    child: Table
    parent: Table
    link: str
    """Column of the child that holds the parent's id; also the word for one parent."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SCHEMAS: tuple[Schema, ...] = (
    Schema(
        "school",
        Table(
            "pupils",
            ("pupils", "students", "learners"),
            {"points": ("points", "marks"), "absences": ("absences", "missed days")},
            {"town": ("town", "home"), "hobby": ("hobby", "pastime")},
            {"town": _words("Rome Oslo Lima Kyoto Cairo Quito"), "hobby": _words("chess music judo drawing rowing")},
            _words(
                "Mia Anna Zoe Lena Ruth Nora Ida Clara Maya Elif Sara Olga Tom Ben Omar "
                "Paul Leo Hugo Ivan Raj Kofi Luis Noah Karl Eva Finn Gus Hana Igor Juna"
            ),
        ),
        Table(
            "classes",
            ("classes", "courses"),
            {"seats": ("seats", "desks")},
            {"subject": ("subject", "topic")},
            {"subject": _words("art biology history maths")},
            _words("Alpha Beta Gamma Delta Epsilon Zeta"),
        ),
        "class",
    ),
    Schema(
        "shop",
        Table(
            "products",
            ("products", "goods", "articles"),
            {"sales": ("sales", "orders"), "reviews": ("reviews", "ratings")},
            {"colour": ("colour", "shade"), "material": ("material", "stuff")},
            {
                "colour": _words("red blue green white black yellow"),
                "material": _words("wood steel glass cotton plastic"),
            },
            _words(
                "lamp chair table shelf bowl cup plate spoon knife fork kettle pan clock mirror vase "
                "rug sofa bench stool basket box tray jug bottle candle frame hook broom bucket towel"
            ),
        ),
        Table(
            "makers",
            ("makers", "companies"),
            {"workers": ("workers", "employees")},
            {"country": ("country", "land")},
            {"country": _words("Chile Ghana India Norway")},
            _words("Acme Borealis Corvus Dorado Ember Fjord"),
        ),
        "maker",
    ),
    Schema(
        "library",
        Table(
            "books",
            ("books", "titles", "volumes"),
            {"chapters": ("chapters", "parts"), "copies": ("copies", "exemplars")},
            {"genre": ("genre", "category"), "language": ("language", "tongue")},
            {
                "genre": _words("crime poetry travel drama fantasy satire"),
                "language": _words("English French Hindi Swahili Finnish"),
            },
            _words(
                "Dawn Harbour Winter Echoes Embers Lanterns Rivers Shadows Orchard Compass Thunder Feather "
                "Marble Willow Saffron Meadow Glacier Canyon Pebble Falcon Heron Otter Badger Juniper "
                "Cinder Velvet Amber Cobalt Indigo Scarlet"
            ),
        ),
        Table(
            "authors",
            ("authors", "writers"),
            {"prizes": ("prizes", "awards")},
            {"nation": ("nation", "origin")},
            {"nation": _words("Peru Kenya Japan Poland")},
            _words("Abara Bruno Castel Dietz Evora Faber"),
        ),
        "author",
    ),
    Schema(
        "club",
        Table(
            "players",
            ("players", "athletes", "sportsmen"),
            {"goals": ("goals", "hits"), "matches": ("matches", "games")},
            {"role": ("role", "position"), "status": ("status", "condition")},
            {
                "role": _words("keeper defender striker winger sweeper libero"),
                "status": _words("fit injured resting banned new"),
            },
            _words(
                "Abel Bela Caro Dina Egon Fara Gil Hedi Ilja Jaro Kira Lars Milo Nils Orla "
                "Pia Quin Rita Sven Tara Udo Vera Wim Xenia Yara Zeno Arno Britt Cleo Doris"
            ),
        ),
        Table(
            "teams",
            ("teams", "squads"),
            {"fans": ("fans", "supporters")},
            {"league": ("league", "division")},
            {"league": _words("north south east west")},
            _words("Lions Eagles Sharks Wolves Bears Hawks"),
        ),
        "team",
    ),
    Schema(
        "travel",
        Table(
            "hotels",
            ("hotels", "inns", "lodges"),
            {"rooms": ("rooms", "chambers"), "guests": ("guests", "visitors")},
            {"style": ("style", "design"), "view": ("view", "outlook")},
            {
                "style": _words("modern rustic classic simple grand baroque"),
                "view": _words("sea lake forest street valley"),
            },
            _words(
                "Astoria Bellevue Crown Diamond Excelsior Fountain Garden Horizon Imperial Jade Kings Lagoon Majestic "
                "Nautilus Oasis Palace Queens Regent Summit Tulip Union Victoria Waldorf Zenith Arcadia Bristol "
                "Castello Delphi Elysium Florence"
            ),
        ),
        Table(
            "cities",
            ("cities", "resorts"),
            {"parks": ("parks", "gardens")},
            {"region": ("region", "area")},
            {"region": _words("coast desert island mountain")},
            _words("Porto Riga Split Turin Utrecht Vilnius"),
        ),
        "city",
    ),
)
BY_NAME = {schema.name: schema for schema in SCHEMAS}


def folder() -> Path:
    """Where the task finds its folder `database` with the files."""
    return Settings().data / "sandbox" / "sql"


def columns(table: Table, link: str = "") -> tuple[str, ...]:
    """Every column of a table, in order."""
    return ("id", "name", *table.numbers, *table.categories, *([link] if link else []))


def statements(schema: Schema) -> tuple[str, str]:
    """The CREATE TABLE statements, the child's first."""
    tables = ((schema.child, schema.link), (schema.parent, ""))
    child, parent = (f"CREATE TABLE {table.name} ({', '.join(columns(table, link))})" for table, link in tables)
    return child, parent


def build(schema: Schema, connection: sqlite3.Connection) -> None:
    """Tables and rows of a database, into an empty one."""
    rng = random.Random(f"sandbox-sql-{schema.name}")
    parents = len(schema.parent.names)
    for table, rows in ((schema.child, ROWS), (schema.parent, parents)):
        connection.execute(statements(schema)[table is schema.parent])
        numbers = [rng.sample(range(2, 99), rows) for _ in table.numbers]
        words = [rng.choices(table.values[one], k=rows) for one in table.categories]
        links = [rng.choices(range(1, parents), k=rows)] if table is schema.child else []
        found = zip(range(1, rows + 1), table.names, *numbers, *words, *links, strict=True)
        places = ", ".join("?" * len(columns(table, schema.link if links else "")))
        connection.executemany(f"INSERT INTO {table.name} VALUES ({places})", found)  # noqa: S608 our own words
    connection.commit()


@cache
def memory(schema: str) -> sqlite3.Connection:
    """The same database in memory, which problems are drawn from."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    build(BY_NAME[schema], connection)
    return connection


@cache
def rows_of(schema: str, query: str) -> tuple[tuple[object, ...], ...]:
    """What one of this world's own queries gives."""
    return tuple(memory(schema).execute(query))


def main() -> None:
    """Writes the files."""
    target = folder() / "database"
    target.mkdir(parents=True, exist_ok=True)
    for schema in SCHEMAS:
        path = target / f"{schema.name}.sqlite"
        path.unlink(missing_ok=True)
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA page_size = 1024")
            build(schema, connection)
        connection.close()
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
