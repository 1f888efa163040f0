"""What `seedpilot show` says of a run."""

from __future__ import annotations

import json

import pytest

from engine.cli import main
from engine.settings import Settings
from engine.store import Store
from tests.pages import filled


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["show", *arguments])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_a_run_shows_by_budget_how_different_its_examples_are_and_what_one_costs(capsys: pytest.CaptureFixture[str]):
    run_id = filled.run(Store(Settings().store_path))
    pools = json.loads(shown(capsys, run_id, "--json"))["pools"]
    assert [len(pool["budgets"]) for pool in pools] == [2, 2, 2]
    for pool in pools:
        last = pool["budgets"][-1]
        assert 0 < last["distinct_pairs"] < 1
        assert 0 < last["nearest"] < 1
        if last["usd"] is not None:
            assert last["usd_per_kept"] == pytest.approx(last["usd"] / last["kept"])
    lines = shown(capsys, run_id).splitlines()
    answers = [line for line in lines if line.startswith("  answer_augmentation-s")]
    assert len(answers) == 2
    assert all("distinct word pairs" in line and line.endswith("unknown each") for line in answers)
    new = [line for line in lines if line.startswith("  new_question-s")]
    assert all("62 % distinct word pairs, 80 % from the nearest, 40 % new words, $0.0" in line for line in new)


def test_a_run_says_which_strategy_beats_which(capsys: pytest.CaptureFixture[str]):
    run_id = filled.run(Store(Settings().store_path))
    found = json.loads(shown(capsys, run_id, "--json"))["comparison"]
    assert len(found["pairs"]) == 12
    first = found["pairs"][0]
    assert (first["one"], first["other"], first["budget"]) == ("answer_augmentation", "seeds_only", 1600)
    assert first["difference"]["low95"] < first["difference"]["mean"] < first["difference"]["high95"]
    assert first["p"] <= first["p_holm"]
    assert first["items"] == 298
    assert first["left_out"] == 2
    assert set(first["mcnemar"]) == {"won", "lost", "p"}
    assert found["verdict"] in shown(capsys, run_id)
