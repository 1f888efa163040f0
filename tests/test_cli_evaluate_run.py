"""`seedpilot evaluate` through a server, and a model from elsewhere as a cell of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.domain import Baseline
from engine.plan import check_plan
from engine.prepare import prepare
from engine.records import RunState
from engine.runs import plan_of
from engine.settings import Settings
from engine.store import Store
from pages.shared import run_parts
from tests.openai_server import KEY, MODEL, REFUSED, OpenAIServer, serving
from tests.test_cli_evaluate import evaluate, write
from tests.test_cli_show import shown


def voice(messages: list[dict[str, str]]) -> str:
    """Adds one, and is wrong at 3; goes on talking after its answer."""
    n = int(messages[-1]["content"].split(" + ")[0].split()[-1])
    return f"{n + 1 if n != 3 else 0}. #### {n + 1 if n != 3 else 0}\nQ: next"


@pytest.fixture
def five(tmp_path: Path) -> Path:
    return write(tmp_path / "five.jsonl", [{"question": f"{n} + 1?", "answer": f"#### {n + 1}"} for n in range(5)])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    with serving(voice) as running:
        yield running


def asked(server: OpenAIServer, five: Path, *more: str | Path) -> tuple[str | Path, ...]:
    here = ("--task", "math", "--test", five, "--server", server.base_url, "--model", MODEL)
    return (*here, "--key-env", "SEEDPILOT_TEST_KEY", *more)


def test_a_students_answers_come_from_a_server(
    server: OpenAIServer, five: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.faults = ["429", "500", "garbage"]
    status, out, _ = evaluate(
        *asked(server, five, "--stop", "\nQ:", "--out", tmp_path / "out", "--json"), capsys=capsys
    )
    told = json.loads(out)
    assert (status, told["right"], told["wrong"], told["not_scored"]) == (0, 4, 1, 0)
    assert told["student"] == f"{MODEL} at {server.base_url}"
    assert {body["temperature"] for body in server.bodies} == {0.0}
    assert {body["max_tokens"] for body in server.bodies} == {200}
    kept = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert [row["reply"] for row in kept][:2] == ["1. #### 1", "2. #### 2"]
    assert KEY not in out


def test_an_adapter_is_loaded_into_the_server_and_asked_by_its_name(
    server: OpenAIServer, five: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = tmp_path / "tuned" / "adapter"
    adapter.mkdir(parents=True)
    for _ in range(2):  # the second time it is there already
        status, out, _ = evaluate(*asked(server, five, "--adapter", adapter, "--json"), capsys=capsys)
        assert status == 0
        assert json.loads(out)["adapter"] == str(adapter)
    assert server.loras == {"tuned-adapter": str(adapter)}
    assert {body["model"] for body in server.bodies} == {"tuned-adapter"}


def test_a_server_that_loads_no_adapters_or_refuses_is_told_with_what_to_do(
    server: OpenAIServer, five: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.loras = REFUSED
    status, _, err = evaluate(*asked(server, five, "--adapter", tmp_path), capsys=capsys)
    assert status != 0
    assert "start vLLM with --enable-lora" in err
    assert KEY not in err
    status, _, err = evaluate(*asked(server, five)[:-4], "--model", "unknown", "--json", capsys=capsys)
    assert status != 0
    assert "refused the key" in err
    status, _, err = evaluate(
        *asked(server, five)[:4], "--server", "http://127.0.0.1:9/v1", "--model", "m", capsys=capsys
    )
    assert status != 0
    assert "cannot be reached" in err


@pytest.fixture
def run(tmp_path: Path) -> str:
    """A run that was filed and has measured nothing yet."""
    rows = [{"question": f"Say {n} + 1?", "answer": f"{n + 1}. #### {n + 1}", "family": f"f{n % 7}"} for n in range(60)]
    test = [{"question": f"Now tell me what {n} + 1 makes", "answer": f"#### {n + 1}"} for n in range(100, 130)]
    plan = check_plan(
        {
            "seeds": {"path": str(write(tmp_path / "seeds.jsonl", rows))},
            "test": {"path": str(write(tmp_path / "test.jsonl", test))},
            "student": "sandbox",
            "grid": {"budgets": [20], "replicates": 1},
        }
    )
    store = Store(Settings().store_path)
    store.file_run("20261121-100000-bbbb", "imports", plan.model_dump(mode="json"), "t")
    store.finish("20261121-100000-bbbb", RunState.CANCELLED, "Cancelled by you; what was generated is kept.")
    return "20261121-100000-bbbb"


def predictions(tmp_path: Path, run: str, wrong: int = 5) -> Path:
    items = prepare(plan_of(Store(Settings().store_path).run(run))).test
    rows: list[dict[str, Any]] = [
        {"id": item.id, "reply": "no idea" if n < wrong else item.answer} for n, item in enumerate(items)
    ]
    return write(tmp_path / "elsewhere.jsonl", rows[::-1])


def test_predictions_from_elsewhere_are_a_cell_of_a_run_and_a_line_of_its_page(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = predictions(tmp_path, run)
    status, out, _ = evaluate("--run", run, "--name", "our_7b", "--predictions", file, "--json", capsys=capsys)
    told = json.loads(out)
    assert (status, told["run"], told["name"]) == (0, run, "our_7b")
    assert told["right"] == 25
    store = Store(Settings().store_path)
    (row,) = store.cells(run)
    assert (row.cell.arm, row.cell.variant, row.state) == (Baseline.ELSEWHERE, "our_7b", "done")
    assert row.measurement is not None
    assert (row.measurement.correct, row.measurement.scored + row.measurement.not_scored) == (25, 30)
    assert len(row.outcomes) == 30
    (line,) = run_parts.references([row])
    assert line.name == "Model from elsewhere: our_7b"
    assert list(run_parts.cell_table([row])["What"]) == ["Model from elsewhere: our_7b"]
    (cell,) = json.loads(shown(capsys, run, "--json"))["cells"]
    assert (cell["arm"], cell["variant"], cell["correct"]) == ("elsewhere", "our_7b", 25)
    # The same name again takes its place, another one stands beside it.
    evaluate("--run", run, "--name", "other", "--predictions", file, capsys=capsys)
    evaluate("--run", run, "--name", "our_7b", "--predictions", predictions(tmp_path, run, wrong=0), capsys=capsys)
    found = {row.cell.variant: row.measurement for row in store.cells(run)}
    assert {name: m.correct for name, m in found.items() if m} == {"our_7b": 30, "other": 25}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--run", "RUN"), "the cell needs a name"),
        (("--run", "RUN", "--name", "../up"), "expected up to 40 letters"),
        (("--run", "RUN", "--name", "a", "--task", "math"), "the run brings its own"),
        (("--name", "a", "--task", "math", "--test", "t.jsonl"), "give --run too"),
        (("--task", "math"), "--test: is missing"),
        (("--run", "nowhere", "--name", "a"), "`seedpilot runs` lists"),
    ],
)
def test_what_does_not_fit_together_is_told(
    arguments: tuple[str, ...], said: str, run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [run if one == "RUN" else one for one in arguments]
    status, _, err = evaluate(*given, "--predictions", predictions(tmp_path, run), capsys=capsys)
    assert status == 2
    assert said in err
