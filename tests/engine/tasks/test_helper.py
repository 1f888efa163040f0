"""The helper process: it answers, it is ended when it hangs or dies, and it starts again."""

import os
from pathlib import Path

import psutil
import pytest

from engine.tasks.helper import Helper

SCRIPT = """
import json, os, sys, time
print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "hang":
        time.sleep(600)
    if asked["do"] == "die":
        os._exit(1)
    if asked["do"] == "babble":
        print("no json", flush=True)
        continue
    print(json.dumps({"pid": os.getpid(), "keys": sorted(os.environ)}), flush=True)
"""


@pytest.fixture
def helper(tmp_path: Path):
    made = Helper("_sql_helper.py", deadline_s=1.0)
    made.script = tmp_path / "script.py"
    made.script.write_text(SCRIPT)
    return made


def pid(helper: Helper) -> int:
    answer = helper.ask({"do": "tell"})
    assert answer is not None
    return int(answer["pid"])


def test_one_process_answers_many_questions(helper: Helper):
    assert pid(helper) == pid(helper) != os.getpid()


@pytest.mark.parametrize("fault", ["hang", "die"])
def test_a_question_that_ends_the_helper_has_no_answer_and_the_next_one_has(helper: Helper, fault: str):
    first = pid(helper)
    assert helper.ask({"do": fault}) is None
    assert not psutil.pid_exists(first)
    assert pid(helper) != first


def test_an_answer_that_is_none_is_no_answer(helper: Helper):
    assert helper.ask({"do": "babble"}) is None
    assert pid(helper)


def test_the_helper_sees_none_of_the_users_keys(helper: Helper, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    answer = helper.ask({"do": "tell"})
    assert answer is not None
    assert "OPENAI_API_KEY" not in answer["keys"]
