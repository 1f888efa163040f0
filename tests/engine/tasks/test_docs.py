"""Every example of docs/tasks.md, through the command line."""

import json
import re
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest

from engine import confinement
from engine.cli import main
from engine.tasks import load_task
from engine.tasks.kinds import KINDS

DOCS = (Path(__file__).parents[3] / "docs" / "tasks.md").read_text("utf-8")


class Shown(NamedTuple):
    kind: str
    toml: str
    python: str
    row: str
    replies: str


def shown() -> list[Shown]:
    found = []
    for part in re.split(r"^### ", DOCS, flags=re.MULTILINE)[1:]:
        blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```$", part, flags=re.MULTILINE | re.DOTALL))
        found.append(
            Shown(part.split("\n")[0], blocks["toml"], blocks.get("python", ""), blocks["json"], blocks["jsonl"])
        )
    return found


def write(example: Shown, folder: Path) -> int:
    replies = example.replies.strip().split("\n")
    (folder / "task.toml").write_text(example.toml)
    (folder / "score.py").write_text(example.python)
    (folder / "rows.jsonl").write_text(example.row.strip() + "\n" + (example.row.strip() + "\n") * (len(replies) - 1))
    (folder / "replies.jsonl").write_text(example.replies)
    (folder / "data").mkdir()
    with sqlite3.connect(folder / "data" / "shop.sqlite") as connection:
        connection.executescript(
            "CREATE TABLE item (name TEXT, price REAL); INSERT INTO item VALUES ('a', 1), ('b', 3);"
        )
    connection.close()
    return len(replies)


def test_every_kind_of_scorer_has_its_example():
    assert sorted(example.kind for example in shown()) == sorted(KINDS)


@pytest.mark.parametrize("example", shown(), ids=lambda example: example.kind)
def test_the_example_scores_as_the_page_says(example: Shown, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    if example.kind in ("tests", "python") and confinement.why_missing():
        pytest.skip(f"no confinement here: {confinement.why_missing()}")
    count = write(example, tmp_path)
    names = {name: str(tmp_path / name) for name in ("task.toml", "rows.jsonl", "replies.jsonl")}
    with pytest.raises(SystemExit) as ended:
        main(["score", "--task", names["task.toml"], "--data", names["rows.jsonl"], "--replies",
              names["replies.jsonl"], "--json"])  # fmt: skip
    told = capsys.readouterr()
    assert not ended.value.code, told.err
    got = json.loads(told.out)
    expected = [json.loads(line)["expect"] for line in example.replies.strip().split("\n")]
    assert [row["outcome"] for row in got["rows"]] == expected, got["rows"]
    assert got["right"] + got["wrong"] + got["not_scored"] == count


def test_the_first_file_of_the_page_is_a_task(tmp_path: Path):
    first = re.findall(r"^```toml\n(.*?)^```$", DOCS, flags=re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "task.toml").write_text(first)
    task = load_task(str(tmp_path / "task.toml"))
    assert (task.name, task.question_column, task.max_answer_tokens) == ("reviews", "text", 20)
