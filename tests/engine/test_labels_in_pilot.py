"""A task of labels through a real pilot: macro-F1 beside the accuracy, and real questions in the seeds' shares."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import f1_score

from engine import worker
from engine.cli import main
from engine.errors import InputError
from engine.plan import check_plan
from engine.prepare import prepare
from engine.records import RunState
from engine.runs import file_pilot, summary
from engine.settings import Settings
from engine.store import Store
from tests.openai_server import KEY, MODEL, serving
from tests.pilots import QUICK, rows, teacher_of
from tests.small_students import build_tiny_student

TASK = """
name = "mail"
answer = "structured"
teacher = "Is this mail spam? Reply with spam or ham."
[columns]
question = "mail"
answer = "label"
[scorer]
kind = "labels"
labels = ["spam", "ham"]
"""
NAMES = (
    "Ada",
    "Bo",
    "Cleo",
    "Dan",
    "Eva",
    "Finn",
    "Gus",
    "Hal",
    "Ida",
    "Jon",
    "Kai",
    "Lea",
    "Mia",
    "Noa",
    "Ole",
    "Pia",
)
THINGS = ("prize", "voucher", "cruise", "phone", "watch", "report", "invoice", "minutes", "photo", "draft")


def mail(number: int, spam: bool) -> str:
    name, thing = NAMES[number % 16], THINGS[number // 16 % 5 + (0 if spam else 5)]
    return f"{name}, claim your free {thing} number {number}!" if spam else f"Here is the {thing} {number}, {name}."


def voice(messages: list[dict[str, str]]) -> str:
    """Takes one spam in three for ham."""
    said = messages[-1]["content"]
    return "spam" if "claim" in said and int("".join(filter(str.isdigit, said))) % 3 else "ham"


@pytest.fixture
def plan(tmp_path: Path) -> dict[str, Any]:
    def write(name: str, data: list[dict[str, str]]) -> str:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in data))
        return str(tmp_path / name)

    (tmp_path / "mail.toml").write_text(TASK)
    both = [(n, n % 2 == 0) for n in range(64)]
    labelled = [{"mail": mail(n, spam), "label": "spam" if spam else "ham"} for n, spam in both]
    # Sorted by label, and four times as much ham as spam: the teacher finds 20 of 30 spam.
    mails = [{"mail": mail(n, n >= 320)} for n in range(200, 350)]
    return {
        "task": str(tmp_path / "mail.toml"),
        "seeds": {"path": write("seeds.jsonl", labelled)},
        "unlabelled": {"path": write("open.jsonl", mails), "keep_label_shares": True},
        "test": {"holdout": 30, "teacher_items": 30},
        "grid": {"budgets": [100, 150], "replicates": 1, "strategies": ["real_question"]},
        "training": QUICK | {"max_length": 200},
        "max_new_tokens": 4,
    }


def test_labels_have_macro_f1_and_real_questions_keep_the_seeds_shares(
    tmp_path: Path, plan: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    store = Store(Settings().store_path)
    student = build_tiny_student(tmp_path / "student")
    with serving(voice) as server:
        filed = file_pilot(check_plan(plan | {"student": str(student), "teacher": teacher_of(server.base_url)}), store)
        assert worker.run(filed, store) is RunState.DONE, store.run(filed).message
    told = summary(store, filed)
    (pool,) = told["pools"]
    made = rows(Path(pool["folder"]) / "examples.jsonl")
    found = Counter(row["answer"] for row in made)
    assert found["spam"] == 20, "all that there are"
    assert 15 <= found["ham"] <= 26, "not the 130 that the teacher called ham: the seeds are about half and half"
    assert pool["counts"]["kept"] + pool["counts"]["label_share"] == 150
    assert [row["kept"] for row in pool["budgets"]][1] == len(made)
    cells = {(cell["arm"], cell["budget"]): cell for cell in told["cells"]}
    small, large = (rows(Path(cells["real_question", q]["folder"]) / "data.jsonl") for q in (100, 150))
    assert small == large[: len(small)], "a small budget's data is the beginning of a large one's"
    teacher = cells["teacher", 0]
    said = rows(Path(teacher["folder"]) / "predictions.jsonl")
    expected = f1_score([row["gold"] for row in said], [row["reply"] for row in said], average="macro")
    assert teacher["macro_f1"] == pytest.approx(expected)
    assert teacher["macro_f1"] != pytest.approx(teacher["accuracy"]["mean"], abs=1e-4)


def test_generate_keeps_the_shares_too_and_changing_ones_mind_buys_nothing(
    tmp_path: Path, plan: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    with serving(voice) as server:

        def generate(*more: str) -> dict[str, Any]:
            with pytest.raises(SystemExit) as ended:
                main(
                    [
                        *("generate", "--json", "--task", plan["task"], "--seeds", plan["seeds"]["path"]),
                        *("--unlabelled", plan["unlabelled"]["path"], "--strategy", "real_question=150"),
                        *("--teacher", server.base_url, "--model", MODEL, "--key-env", "SEEDPILOT_TEST_KEY"),
                        *("--out", str(tmp_path / "data"), *more),
                    ]
                )
            assert ended.value.code == 0
            told: dict[str, Any] = json.loads(capsys.readouterr().out)
            return told

        counts = generate("--keep-label-shares")["counts"]["real_question"]
        assert counts["kept"] + counts["label_share"] == 150
        made = [row for row in rows(tmp_path / "data" / "train.messages.jsonl") if row["source"] == "real_question"]
        # As much ham as spam, and one for the rounding up.
        assert Counter(row["messages"][-1]["content"] for row in made) == Counter(spam=20, ham=21)
        assert "`label_share`" in (tmp_path / "data" / "README.md").read_text()
        assert generate()["counts"]["real_question"] == {"kept": 150}
        # Another scorer reads another answer out of the same replies.
        Path(plan["task"]).write_text(TASK.replace('["spam", "ham"]', '["spam", "fine"]'))
        assert generate()["counts"]["real_question"] == {"kept": 20, "unparsable": 130}
        assert server.answered == 150


def test_shares_of_labels_without_labels_or_without_inputs_are_refused(plan: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"unlabelled.keep_label_shares: the task math has no labels"):
        prepare(check_plan({"unlabelled": {"path": "sandbox", "keep_label_shares": True}}))
    with pytest.raises(InputError, match=r"unlabelled.keep_label_shares: there are no inputs"):
        check_plan(plan | {"unlabelled": {"keep_label_shares": True}, "grid": {"strategies": ["new_question"]}})


def test_another_answer_to_a_mail_is_refused_unless_the_reasoning_is_trained_too(plan: dict[str, Any]) -> None:
    plan |= {"grid": {"strategies": ["answer_augmentation"], "budgets": [20]}}
    with pytest.raises(InputError, match="another answer can only repeat the seed"):
        prepare(check_plan(plan))
    Path(plan["task"]).write_text('rationale = "before"\n' + TASK.lstrip())
    assert any(cell.arm == "answer_augmentation" for cell in prepare(check_plan(plan)).cells)
