"""The end of first light: pilots on real seeds through a real server, from the command line.

The same two from the page are in tests/browser/test_real_input.py.
"""

import json
from pathlib import Path

import pytest

from engine.settings import Settings
from engine.tasks import load_task
from tests.openai_server import serving
from tests.pilots import gsm8k_plan, rows, seedpilot_pilot, ticket_plan
from tests.voices import GSM8K, RecordedGsm8k, TicketReader

needs_gsm8k = pytest.mark.skipif(not GSM8K.is_dir(), reason=f"{GSM8K} is missing: it is lent, never committed")


def ran(plan: dict, folder: Path) -> dict:
    """What `seedpilot pilot PLAN.toml --json` prints of a pilot that ended well."""
    ended = seedpilot_pilot(plan, folder)
    assert ended.returncode == 0, ended.stderr
    told: dict = json.loads(ended.stdout)
    return told


def left_behind(told: dict, strategies: int) -> None:
    """Data sets, adapters and measured accuracies are on disk and in the store."""
    assert told["state"] == "done"
    trained = [cell for cell in told["cells"] if cell["arm"] not in ("untuned", "untuned_few_shot", "teacher")]
    assert len(trained) == strategies + 2, "and the seeds alone, and the control with the same steps"
    for cell in told["cells"]:
        assert cell["accuracy"] is not None
        assert cell["scored"] + cell["not_scored"] == len(rows(Path(cell["folder"]) / "predictions.jsonl"))
    for cell in trained:
        assert (Path(cell["folder"]) / "adapter" / "adapter_config.json").exists()
        assert len(rows(Path(cell["folder"]) / "data.jsonl")) == cell["examples"] + cell["seeds"]
    for pool in told["pools"]:
        assert pool["counts"]["kept"] == len(rows(Path(pool["folder"]) / "examples.jsonl"))
    assert (Settings().home / "seedpilot.sqlite").exists()


@pytest.mark.slow  # the page runs the same pilot
@pytest.mark.shared
@needs_gsm8k
def test_gsm8k_from_the_command_line(student: Path, tmp_path: Path):
    golds = {row["answer"] for row in rows(GSM8K / "test.jsonl")}
    with serving(RecordedGsm8k()) as server:
        told = ran(gsm8k_plan(server.base_url, student, tmp_path), tmp_path)
        sent = json.dumps(server.seen)
    left_behind(told, strategies=3)
    assert told["queries"]["settled"] == server.answered == 3 * 150
    assert 0 < told["queries"]["usd"] < 2.0
    assert not any(gold.splitlines()[0] in sent for gold in golds), "the server never sees gold"
    counts = {pool["pool"]: pool["counts"] for pool in told["pools"]}
    assert counts["answer_augmentation-s150"]["kept"] > 140
    assert counts["question_rephrase-s150"]["kept"] > 70


@pytest.mark.shared
@needs_gsm8k
def test_recorded_replies_are_read_as_a_person_reads_them():
    task = load_task("math")
    for teacher, least, most in (("gpt-4o-mini-2024-07-18", 0.8, 1.0), ("gemma-2-2b-it", 0.3, 0.8)):
        voice = RecordedGsm8k(teacher)
        golds = {row["question"]: row["answer"] for row in rows(GSM8K / "test.jsonl")}
        scores = [task.score(gold, voice.replies[question]) for question, gold in golds.items()]
        assert least < sum(score.value or 0 for score in scores) / len(scores) < most
        assert all(task.parse_answer(voice.replies[question]) for question in golds) or teacher.startswith("gemma")


@pytest.mark.parametrize("scorer", ["json_fields", pytest.param("exact", marks=pytest.mark.slow)])
def test_tickets_from_the_command_line(scorer: str, student: Path, tmp_path: Path):
    with serving(TicketReader()) as server:
        told = ran(ticket_plan(server.base_url, student, scorer), tmp_path)
    left_behind(told, strategies=2)
    teacher = next(cell for cell in told["cells"] if cell["arm"] == "teacher")
    assert teacher["correct"] / teacher["scored"] > 0.7
    if scorer == "json_fields":
        assert teacher["mean_value"] > teacher["accuracy"]["mean"], "partial credit stands beside the accuracy"
    asked_for = {pool["pool"].partition("-")[0] for pool in told["pools"]}
    assert asked_for == {"question_rephrase", "new_question"}, "a determined answer can only be repeated"
