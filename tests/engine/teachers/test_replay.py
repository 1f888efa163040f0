import asyncio
import json
from pathlib import Path

import pytest

from engine.domain import Item, Message, Reply, Request
from engine.errors import InputError, NoReplyError
from engine.generation import Generator
from engine.ledger import Account, Ceiling, Ledger, account
from engine.store import Store
from engine.teachers.replay import ReplayTeacher
from tests.voices import GSM8K


def recording(folder: Path, *rows: object) -> Path:
    path = folder / "replies.jsonl"
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


def asked(question: str, draw: int = 0, system: str = "Solve it.") -> Request:
    return Request((Message("system", system), Message("user", f"Question: {question}")), 50, 0.7, draw)


def test_each_draw_of_a_question_gets_its_own_recorded_reply(tmp_path: Path):
    rows = [{"question": "1+1?", "reply": text} for text in ("two", "2")]
    teacher = ReplayTeacher(recording(tmp_path, *rows))
    assert [asyncio.run(teacher.ask(asked("1+1?", draw))).text for draw in (0, 1)] == ["two", "2"]


def test_a_recorded_conversation_goes_before_its_question(tmp_path: Path):
    request = asked("1+1?")
    messages = [{"role": m.role, "content": m.content} for m in request.messages]
    rows = [{"question": "1+1?", "reply": "any"}, {"messages": messages, "reply": "this", "output_tokens": 3}]
    teacher = ReplayTeacher(recording(tmp_path, *rows))
    assert asyncio.run(teacher.ask(request)) == Reply("this", "stop", None, 3)
    assert asyncio.run(teacher.ask(asked("1+1?", system="Other words."))).text == "any"


def test_all_rows_that_cannot_be_used_are_told_at_once_by_line(tmp_path: Path):
    path = recording(
        tmp_path, {"question": "1+1?"}, "no json", {"question": 3, "reply": "x"}, {"question": "q", "reply": "r"}
    )
    with pytest.raises(InputError) as caught:
        ReplayTeacher(path)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        f"replies.jsonl, line {n}" for n in (1, 2, 3)
    ]


def test_what_was_not_recorded_is_given_up_charged_to_nobody_and_the_rest_goes_on(tmp_path: Path):
    teacher = ReplayTeacher(recording(tmp_path, {"question": "1+1?", "reply": "2"}))
    with pytest.raises(NoReplyError, match=r"0 replies are recorded for 'Question: 3\+3\?'"):
        asyncio.run(teacher.ask(asked("3+3?")))
    store = Store(tmp_path / "home" / "seedpilot.sqlite")
    store.file_run("r1", "pilot", {}, "r1")
    ledger = Ledger(store, "r1", Ceiling(None, None), bound=lambda _: 0.0, price=lambda _: 0.0)
    generator = Generator(teacher, ledger, concurrency=4, check=lambda: None)
    items = [Item(f"s{i}", question, "") for i, question in enumerate(["1+1?"] + ["unknown"] * 30 + ["1+1?"])]
    texts = asyncio.run(generator.replies("x", items, [asked(i.question) for i in items], lambda: None))
    assert texts == ["2"] + [None] * 30 + ["2"]
    assert account(store, "r1") == Account(2, 0, 0, 0.0)


@pytest.mark.shared
@pytest.mark.skipif(not GSM8K.exists(), reason="the shared data folder is missing")
def test_the_recorded_replies_of_a_real_teacher_are_read_as_they_are():
    path = GSM8K / "recorded_answers.gpt-4o-mini-2024-07-18.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    teacher = ReplayTeacher(path)
    for row in rows[:20]:
        assert asyncio.run(teacher.ask(asked(row["question"]))).text == row["reply"]
