"""Text-to-SQL on real SQLite databases; attacks on the one that runs the queries."""

import json
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from engine.domain import Item, Outcome
from engine.tasks import load_task
from engine.tasks.sql import databases, find_query, orders, parse_answer, result, schema, sql, why_refused

SPIDER = Path(__file__).parents[4] / "shared" / "data" / "spider"
needs_spider = pytest.mark.skipif(not SPIDER.is_dir(), reason=f"{SPIDER} is missing: it is lent, never committed")
RIGHT, WRONG, NOT_SCORED = Outcome.RIGHT, Outcome.WRONG, Outcome.NOT_SCORED


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "database" / "shop.sqlite"
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE item (name TEXT, price REAL, stock INT);"
            "INSERT INTO item VALUES ('pen', 1.5, 10), ('ink', 0.1 + 0.2, 0), ('nib', 2, 10), ('pen', 3, 1);"
        )
    connection.close()
    return path


def scored(shop: Path, gold: str, reply: str):
    return sql(databases(shop.parent))(Item("", "?", gold, fields={"db_id": "shop"}), reply)


@pytest.mark.parametrize(
    "reply",
    [
        "```sql\nSELECT name FROM item;\n```",
        "The query is:\n```\nselect name from item\n```\nIt lists names.",
        '{"sql": "SELECT name FROM item"}',
        "SELECT name FROM item",
        "WITH x AS (SELECT name FROM item) SELECT name FROM x",
        "SELECT name FROM item ORDER BY name",  # the gold orders nothing
        "With this you get them all: SELECT name FROM item;\n\nIt selects the names.",
    ],
)
def test_a_query_with_the_golds_result_is_right(shop: Path, reply: str):
    assert scored(shop, "SELECT name FROM item", reply).outcome == RIGHT


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("SELECT DISTINCT name FROM item", "another result"),
        ("SELECT name, price FROM item", "another result"),
        ("SELECT colour FROM item", "no such column: colour"),
        ("I do not know", "no query in the reply"),
        ("SELECT name FROM item; SELECT 1", "not one statement"),
        ("SELECT FROM WHERE", "the query cannot be read"),
    ],
)
def test_another_result_is_wrong_and_says_why(shop: Path, reply: str, reason: str):
    told = scored(shop, "SELECT name FROM item", reply)
    assert (told.outcome, told.reason) == (WRONG, reason)


def test_order_counts_where_the_gold_orders(shop: Path):
    gold = "SELECT name FROM item ORDER BY price"
    assert scored(shop, gold, "SELECT name FROM item ORDER BY price ASC").outcome == RIGHT
    assert scored(shop, gold, "SELECT name FROM item ORDER BY price DESC").reason == "another order"
    assert orders(gold)
    assert not orders("SELECT * FROM (SELECT name FROM item ORDER BY price)")


def test_numbers_agree_to_nine_digits_and_whole_ones_whatever_their_type(shop: Path):
    assert scored(shop, "SELECT 0.3", "SELECT price FROM item WHERE name = 'ink'").outcome == RIGHT
    assert scored(shop, "SELECT 2", "SELECT price FROM item WHERE name = 'nib'").outcome == RIGHT


def test_a_gold_query_that_does_not_run_is_not_scored(shop: Path):
    assert scored(shop, "SELECT gone FROM item", "SELECT 1").reason == "the gold query: no such column: gone"
    assert (
        sql(databases(shop.parent))(Item("", "", "SELECT 1", fields={"db_id": "x"}), "SELECT 1").outcome == NOT_SCORED
    )


def test_two_empty_results_are_right_with_a_word_to_look_twice(shop: Path):
    told = scored(shop, "SELECT name FROM item WHERE stock > 99", "SELECT name FROM item WHERE price > 99")
    assert (told.outcome, told.reason) == (RIGHT, "both results are empty")


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM item",
        "INSERT INTO item VALUES ('x', 1, 1)",
        "DROP TABLE item",
        "UPDATE item SET price = 0",
        "PRAGMA writable_schema = 1",
        "ATTACH DATABASE '/tmp/other.sqlite' AS other",
        "VACUUM INTO '/tmp/copy.sqlite'",
        "CREATE TABLE x AS SELECT 1",
        "WITH x AS (SELECT 1) DELETE FROM item",
        "EXPLAIN SELECT 1",
        "BEGIN; SELECT 1",
        "SELECT 1; DROP TABLE item",
        "SELECT name INTO other FROM item",
        "REPLACE INTO item VALUES ('x', 1, 1)",
    ],
)
def test_only_one_select_is_run_and_the_database_stays_as_it_is(shop: Path, query: str):
    before = shop.read_bytes()
    assert why_refused(query)
    assert scored(shop, "SELECT 1", f"```sql\n{query}\n```").outcome == WRONG
    assert shop.read_bytes() == before
    assert [path.name for path in shop.parent.iterdir()] == ["shop.sqlite"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", "took too long"),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n", "too large"),
        ("SELECT load_extension('/tmp/x.so')", "not authorized"),
        ("SELECT writefile('/tmp/planted', 'x')", "no such function"),
        ("SELECT hex(zeroblob(1000000000))", "not authorized"),
        ("SELECT * FROM pragma_database_list", "not authorized"),
        ("SELECT sum(a.rowid) FROM item a, item b, item c, item d, item e, item f, item g, item h, item i, item j, "
         "item k, item l, item m, item n, item o, item p", "took too long"),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) "
         "SELECT printf('%900000d', i) FROM n ORDER BY 1 DESC", ""),
    ],
)  # fmt: skip
def test_an_attack_in_one_select_ends_within_its_limits(shop: Path, query: str, said: str):
    told = result(shop, query)
    assert isinstance(told, str)
    assert said in told
    assert result(shop, "SELECT 1") == [(1,)], "the next query runs"


def test_a_value_longer_than_the_limit_is_no_value(shop: Path):
    assert result(shop, "SELECT printf('%2000000000d', 1)") == [(None,)]


def test_a_database_is_only_looked_for_in_its_folder(shop: Path):
    find = databases(shop.parent)
    assert find("shop") == shop
    assert [find(name) for name in ("../database/shop", "/etc/passwd", "", ".", "gone")] == [None] * 5
    nested = shop.parent / "a" / "a.sqlite"
    nested.parent.mkdir()
    nested.write_bytes(shop.read_bytes())
    assert databases(shop.parent)("a") == nested


def test_the_query_of_a_reply_is_one_line():
    assert parse_answer("```sql\nSELECT a\n  FROM b;\n```") == "SELECT a FROM b"
    assert find_query("no query here") is None


@pytest.mark.shared
@needs_spider
def test_every_gold_query_of_spider_is_right_against_itself_and_another_ones_is_wrong():
    task = load_task("text_to_sql", SPIDER / "questions.jsonl")
    rows = [json.loads(line) for line in (SPIDER / "questions.jsonl").read_text("utf-8").splitlines()]
    items = [task.read_row(row) for row in rows]
    assert all(isinstance(item, Item) for item in items)
    items = [item for item in items if isinstance(item, Item)]
    counts = Counter((s.outcome, s.reason) for s in (task.score_item(item, item.answer) for item in items))
    assert counts == {(RIGHT, ""): 798, (RIGHT, "both results are empty"): 94}
    # The gold of another question about the same database is wrong, unless the results agree by chance.
    others = []
    for at, item in enumerate(items):
        same_db = [o for o in items[at:] + items[:at] if o.fields == item.fields and o.answer != item.answer]
        others.append(task.score_item(item, same_db[len(same_db) // 2].answer))
    assert sum(score.outcome == WRONG for score in others) > 0.9 * len(items)
    assert not any(score.outcome == NOT_SCORED for score in others)


@pytest.mark.shared
@needs_spider
@pytest.mark.parametrize(
    ("question", "reply", "outcome"),
    [
        ("How many professors are in the accounting dept?", "SELECT 7", WRONG),
        (
            "How many professors are in the accounting dept?",
            "```sql\nSELECT COUNT(p.EMP_NUM) FROM professor p JOIN department d ON d.dept_code = p.dept_code "
            "WHERE d.dept_name = 'Accounting'\n```",
            RIGHT,
        ),
        ("How many professors are in the accounting dept?", "SELECT count(*) FROM professor", WRONG),
    ],
)
def test_replies_to_a_question_of_spider(question: str, reply: str, outcome: Outcome):
    task = load_task("text_to_sql", SPIDER / "questions.jsonl")
    rows = [json.loads(line) for line in (SPIDER / "questions.jsonl").read_text("utf-8").splitlines()]
    item = task.read_row(next(row for row in rows if row["question"] == question))
    assert isinstance(item, Item)
    assert task.score_item(item, reply).outcome == outcome


@pytest.mark.shared
@needs_spider
def test_the_prompt_carries_the_schema_and_a_rewritten_question_does_not():
    task = load_task("text_to_sql", SPIDER / "questions.jsonl")
    item = task.read_row({"question": "How many?", "query": "SELECT 1", "db_id": "college_1"})
    assert isinstance(item, Item)
    assert "CREATE TABLE DEPARTMENT" in item.asked
    assert item.question == "How many?"
    assert schema(SPIDER / "database" / "college_1.sqlite") in task.student_prompt(item.asked)[0].content


def test_without_its_databases_a_row_says_where_they_are_looked_for():
    said = load_task("text_to_sql").read_row({"question": "q", "query": "SELECT 1", "db_id": "shop"})
    assert isinstance(said, str)
    assert "no database 'shop'; expected shop.sqlite in a folder `database` beside the file" in said
