"""A filed task needs nothing of the folder that it came from."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from engine.domain import Item, TaskType
from engine.errors import InputError
from engine.tasks import load_task, task_type
from engine.tasks.portable import portable


def test_a_task_works_after_its_own_folder_is_gone(tmp_path: Path):
    home, filed = tmp_path / "home", tmp_path / "run"
    home.mkdir()
    (home / "score.py").write_text("def score(input, answer, reply):\n    return 1\n")
    (home / "schema.json").write_text(json.dumps({"type": "object", "default": None}))
    (home / "task.toml").write_text(
        'name = "t"\nanswer = "open_ended"\nteacher = "Do."\nschema = "schema.json"\n'
        '[scorer]\nkind = "python"\nfile = "score.py"\n'
    )
    path = portable(str(home / "task.toml"), home / "rows.jsonl", filed)
    shutil.rmtree(home)
    task = load_task(path)
    assert (task.name, task.response_schema) == ("t", {"type": "object", "default": None})


def test_databases_are_found_from_wherever_the_task_is_filed(tmp_path: Path):
    home = tmp_path / "home"
    (home / "database").mkdir(parents=True)
    with sqlite3.connect(home / "database" / "shop.sqlite") as connection:
        connection.execute("CREATE TABLE item (name TEXT)")
    connection.close()
    (home / "task.toml").write_text('preset = "text_to_sql"\nname = "own"\n')
    row = {"question": "Which?", "query": "SELECT name FROM item", "db_id": "shop"}
    for name in ("text_to_sql", str(home / "task.toml")):
        path = portable(name, home / "rows.jsonl", tmp_path / "run")
        assert isinstance(load_task(path, tmp_path / "run" / "rows.jsonl").read_row(row), Item)


def test_a_run_is_shown_after_its_databases_have_gone(tmp_path: Path):
    (tmp_path / "database").mkdir()
    path = portable("text_to_sql", tmp_path / "rows.jsonl", tmp_path / "run")
    (tmp_path / "database").rmdir()
    assert task_type(path) == TaskType.TEXT_TO_SQL
    with pytest.raises(InputError, match="there is no folder"):
        load_task(path)


def test_a_task_with_no_files_keeps_its_name(tmp_path: Path):
    assert portable("math", tmp_path / "rows.jsonl", tmp_path) == "math"
    assert portable("text_to_sql", tmp_path / "rows.jsonl", tmp_path) == "text_to_sql"
