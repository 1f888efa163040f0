"""`--map NAME=COLUMN` on commands that read a plan's files (of `seedpilot score`: tests/test_cli_score.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli import main
from engine.sandbox import world


def seedpilot(*arguments: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """Seeds, test items and inputs, each with columns of other names."""
    seeds, test = world.seeds(80), world.test_items(30)
    for name, question, items in (("seeds", "prompt", seeds), ("test", "task", test), ("open", "prompt", ())):
        rows = [{question: item.question, "reply": item.answer, "source": f"s{n // 2}"} for n, item in enumerate(items)]
        rows = rows or [{question: item.question} for item in world.inputs(25)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "plan.toml").write_text(
        '[seeds]\npath = "seeds.jsonl"\n[test]\npath = "test.jsonl"\nteacher_items = 0\n'
        '[unlabelled]\npath = "open.jsonl"\n[grid]\nbudgets = [4]\nreplicates = 1\n'
    )
    return tmp_path / "plan.toml"


def test_a_mapping_holds_for_all_files_of_a_plan_and_one_file_may_have_its_own(
    plan: Path, capsys: pytest.CaptureFixture[str]
):
    maps = ("--map", "question=prompt", "--map", "answer=reply", "--map", "test.question=task")
    status, out, err = seedpilot("pilot", plan, "--dry-run", "--json", *maps, capsys=capsys)
    assert status == 0, err
    assert "80 rows: 80 seeds; 30 test items from a file of their own" in err
    assert json.loads(out)["division"]["seeds"] == 80


def test_what_is_not_mapped_is_told_for_every_file_at_once_with_the_columns_found(
    plan: Path, capsys: pytest.CaptureFixture[str]
):
    status, _, err = seedpilot("pilot", plan, "--dry-run", "--map", "answer=reply", capsys=capsys)
    assert status == 2
    assert "seeds.jsonl, all 80 rows: column 'question' is missing (found: prompt, reply, source); map it" in err
    assert "test.jsonl, all 30 rows: column 'question' is missing (found: task, reply, source); map it" in err
    assert "unlabelled: open.jsonl, all 25 rows: column 'question' is missing (found: prompt); map it" in err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["question"], "--map question: expected NAME=COLUMN"),
        (["question=", "=prompt"], "--map =prompt: expected NAME=COLUMN"),
        (["question=prompt", "question=task"], "--map question=task: 'question' was 'prompt' before"),
        (["promt=question"], "seeds.map: 'promt' is no column that the task 'math' reads"),
    ],
)
def test_a_mapping_that_is_none_is_told(plan: Path, capsys: pytest.CaptureFixture[str], given: list[str], said: str):
    status, _, err = seedpilot("pilot", plan, "--dry-run", *(p for one in given for p in ("--map", one)), capsys=capsys)
    assert status == 2
    assert said in err


def test_the_sandbox_needs_no_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "plan.toml").write_text("")
    status, _, err = seedpilot("pilot", tmp_path / "plan.toml", "--dry-run", "--map", "question=prompt", capsys=capsys)
    assert status == 2
    assert "the sandbox's seeds have the columns that their task reads" in err


def test_the_check_before_a_pilot_reads_mapped_seeds_and_tells_the_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    rows = [{"prompt": item.question, "reply": item.answer} for item in world.seeds(60)]
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "plan.toml").write_text('[seeds]\npath = "seeds.jsonl"\n[test]\nteacher_items = 0\n')
    maps = ("--map", "question=prompt", "--map", "answer=reply")
    status, out, err = seedpilot("check", tmp_path / "plan.toml", "--seeds", "5", "--json", *maps, capsys=capsys)
    assert status == 0, err
    assert "60 rows: 40 seeds, 20 test items; split by a draw named 'test'" in err
    assert json.loads(out)["teacher"]["right"] + json.loads(out)["teacher"]["wrong"] == 5
