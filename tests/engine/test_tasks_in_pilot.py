"""Tasks that need more than a question and an answer, through a real pilot: a judge, a database."""

import json
import sqlite3
from pathlib import Path

from engine import worker
from engine.ledger import account
from engine.plan import check_plan
from engine.prepare import prepare
from engine.records import RunState
from engine.runs import file_pilot
from engine.store import Store
from engine.tasks.judge import JUDGE
from tests.openai_server import serving
from tests.pilots import QUICK, rows, teacher_of

THINGS = (
    *("anvil", "ashtray", "barometer", "bellows", "candle", "chisel", "dagger", "easel", "flute", "funnel", "gimlet"),
    *("goblet", "hammock", "hinge", "inkwell", "jigsaw", "kettle", "ladder", "mallet", "needle", "oboe", "padlock"),
    *("quilt", "rucksack", "saddle", "thimble", "umbrella", "violin", "whistle", "xylophone", "yoke", "zither"),
)
"""Words that make questions differ by more than a number: near duplicates share a side of the split."""
SCHEMA = "CREATE TABLE item (name TEXT, price REAL)"


def plan_of(task: str, data: Path, base_url: str, student: Path) -> dict:
    return {
        "name": "small",
        "task": task,
        "student": str(student),
        "max_new_tokens": 8,
        "seeds": {"path": str(data)},
        "test": {"holdout": 20, "teacher_items": 20},
        "teacher": teacher_of(base_url),
        "grid": {"budgets": [10], "replicates": 1, "matched_steps": False, "strategies": ["answer_augmentation"]},
        "training": QUICK | {"max_length": 400},
    }


def write(path: Path, data: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in data), encoding="utf-8")
    return path


def test_a_judges_verdicts_are_paid_under_the_ledger_and_never_twice(store: Store, student: Path, tmp_path: Path):
    data = write(
        tmp_path / "d.jsonl",
        [{"question": f"How do I {THINGS[n]} by hand?", "answer": f"Like {n}."} for n in range(32)],
    )

    def voice(messages: list[dict[str, str]]) -> str:
        if "You judge a reply by a rubric" in messages[0]["content"]:
            return json.dumps({"reason": "as asked", "score": 5 if "Turn it" in messages[-1]["content"] else 2})
        return f"Turn it on: {messages[-1]['content'][-20:]}"

    with serving(voice) as server:
        plan = check_plan(plan_of("open_ended", data, server.base_url, student))
        needed = prepare(plan).estimate.queries
        run_id = file_pilot(plan, store)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
        paid = account(store, run_id)
        cells = {row.cell.arm.value: row for row in store.cells(run_id)}
        said = {
            (p["id"], p["reply"]) for row in cells.values() for p in rows(Path(str(row.folder)) / "predictions.jsonl")
        }
        assert paid.settled == server.answered == 20 + 10 + len(said), "the same reply to an item is judged once"
        assert paid.settled <= needed == 20 + 20 + 10 + 4 * 20
        again = file_pilot(plan, store)
        assert worker.run(again, store) == RunState.DONE
        # The untuned student says the same again; trained ones may, and then nothing is bought for them.
        assert account(store, again).settled <= 2 * 20
    teacher, untuned = cells["teacher"].measurement, cells["untuned"].measurement
    assert teacher is not None
    assert untuned is not None
    assert (teacher.correct, teacher.scored, teacher.mean_value) == (20, 20, 1.0)
    assert (untuned.correct, untuned.scored, untuned.mean_value) == (0, 20, 0.25)
    with store.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM queries WHERE strategy = ?", (JUDGE,)).scalar_one()
    assert found >= len(said)


def test_the_schema_of_a_database_is_in_every_prompt_and_in_what_the_student_learns(
    store: Store, student: Path, tmp_path: Path
):
    (tmp_path / "database").mkdir()
    with sqlite3.connect(tmp_path / "database" / "shop.sqlite") as connection:
        connection.execute(SCHEMA)
        connection.executemany("INSERT INTO item VALUES (?, ?)", [(f"n{n}", n) for n in range(40)])
    connection.close()
    data = write(
        tmp_path / "d.jsonl",
        [
            {
                "question": f"Which {THINGS[n]} costs {n}?",
                "query": f"SELECT name FROM item WHERE price = {n}",
                "db_id": "shop",
            }
            for n in range(32)
        ],
    )

    def voice(messages: list[dict[str, str]]) -> str:
        wanted = messages[-1]["content"].split(" costs ")[1].split("?")[0]
        return f"```sql\nSELECT name FROM item WHERE price > {wanted} - 1 AND price < {wanted} + 1\n```"

    with serving(voice) as server:
        run_id = file_pilot(check_plan(plan_of("text_to_sql", data, server.base_url, student)), store)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
        assert all(SCHEMA in json.dumps(request) for request in server.seen)
    cells = {row.cell.arm.value: row for row in store.cells(run_id)}
    teacher = cells["teacher"].measurement
    assert teacher is not None
    assert (teacher.correct, teacher.scored) == (20, 20)
    trained = rows(Path(str(cells["answer_augmentation"].folder)) / "data.jsonl")
    assert len(trained) == 12 + 10
    assert all(SCHEMA in row["messages"][0]["content"] for row in trained)
