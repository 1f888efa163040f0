"""`seedpilot generate` through a real HTTP server: ceilings hold, nothing is bought twice, the folder is whole."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from pyarrow import parquet
from sqlalchemy import text

from engine.cli import main
from engine.domain import Example
from engine.errors import InputError
from engine.pools import PoolFiles
from engine.run_export import export, exportable
from engine.settings import Settings
from engine.store import Store
from engine.strategies import Draft
from tests.openai_server import KEY, MODEL, OpenAIServer, serving
from tests.pilots import TICKETS, rows, seedpilot_pilot, ticket_plan
from tests.small_students import build_tiny_student
from tests.voices import TicketReader

VARIABLE = "SEEDPILOT_TEST_KEY"
Run = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in this process: exit status, the JSON that it printed, and what it told."""
    monkeypatch.setenv(VARIABLE, KEY)

    def generate(*arguments: object) -> tuple[int, dict[str, Any], str]:
        with pytest.raises(SystemExit) as ended:
            main(["generate", "--json", *map(str, arguments)])
        told = capsys.readouterr()
        return int(ended.value.code or 0), json.loads(told.out) if told.out else {}, told.err

    return generate


def tickets(server: OpenAIServer, out: Path) -> list[str]:
    """All but what is spent."""
    return [
        *("--task", str(TICKETS / "tickets_exact.toml"), "--seeds", str(TICKETS / "tickets.jsonl")),
        *("--teacher", server.base_url, "--model", MODEL, "--key-env", VARIABLE, "--out", str(out)),
    ]


def sums(count: int, folder: Path, name: str = "sums.jsonl") -> Path:
    path = folder / name
    path.write_text(
        "".join(json.dumps({"question": f"{i} + 3?", "answer": f"#### {i + 3}"}) + "\n" for i in range(count))
    )
    return path


def load(folder: Path, cache: Path, config: str | None = None) -> Any:
    return datasets.load_dataset(str(folder), config, cache_dir=str(cache / "cache"))["train"]


def card_of(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


def charged() -> list[tuple[str, str]]:
    """State and seed of every query of the ledger."""
    with Store(Settings().store_path).reading() as connection:
        return [(row[0], row[1]) for row in connection.execute(text("SELECT state, seed_id FROM queries ORDER BY id"))]


def test_a_spending_plan_becomes_a_data_set_that_loads(tmp_path: Path, run: Run) -> None:
    out = tmp_path / "our-tickets"
    with serving(TicketReader()) as server:
        status, told, err = run(
            *tickets(server, out),
            *("--strategy", "new_question=60", "--strategy", "question_rephrase=40", "--queries", 100),
            *("--usd-per-million", 1, 2, "--ceiling-usd", 3),
        )
        assert server.answered == told["settled"] == told["replies"] == 100
    assert status == 0
    assert told["complete"]
    assert told["folder"] == str(out)
    assert {strategy: sum(counts.values()) for strategy, counts in told["counts"].items()} == {
        "new_question": 30,
        "question_rephrase": 20,
    }
    kept = sum(counts["kept"] for counts in told["counts"].values())
    assert 0 < kept == told["kept"]
    assert told["usd"] == pytest.approx(told["replies_usd"])
    assert told["usd"] > 0
    assert told["usd_per_kept"] == pytest.approx(told["usd"] / kept)
    assert {strategy: [row["budget"] for row in rows] for strategy, rows in told["budgets"].items()} == {
        "new_question": [15, 30, 60],
        "question_rephrase": [10, 20, 40],
    }
    last = told["budgets"]["new_question"][-1]
    assert (last["kept"], last["queries"]) == (told["counts"]["new_question"]["kept"], 60)
    assert 0 < last["distinct_pairs"] <= 1
    data = load(out, tmp_path)
    assert data.num_rows == kept + told["seeds"]
    origin = parquet.read_table(out / "provenance.parquet").to_pylist()
    assert [row["source"] for row in origin] == data["source"][:]
    made = [row for row in origin if row["source"] != "seed"]
    assert {row["teacher"] for row in made} == {f"{MODEL} at {server.base_url[7:-3]}"}
    assert all(len(row["query_ids"]) == 2 and row["usd"] > 0 and len(row["prompts"]) == 16 for row in made)
    rejected = parquet.read_table(out / "rejected.parquet").num_rows if (out / "rejected.parquet").exists() else 0
    assert rejected == 50 - kept, "no visit is dropped silently"
    assert "queries (ceiling 100)" in err
    assert KEY not in card_of(out) + err
    assert "No test items were given" in card_of(out)


def test_asked_again_it_asks_nothing_and_writes_the_same(tmp_path: Path, run: Run) -> None:
    with serving(TicketReader()) as server:
        ask = [*tickets(server, tmp_path / "data"), "--strategy", "question_rephrase", "--queries", 40]
        first = run(*ask)[1]
        before = {path.name: path.read_bytes() for path in (tmp_path / "data").glob("*.jsonl")}
        again = run(*ask)[1]
        assert server.answered == 40
        assert again == first
        assert {path.name: path.read_bytes() for path in (tmp_path / "data").glob("*.jsonl")} == before
        # More of the same: what is there is not bought again, here on an account of its own.
        more = run(*tickets(server, tmp_path / "more"), "--strategy", "question_rephrase", "--queries", 60)[1]
        assert server.answered == 60
    assert (more["settled"], more["replies"]) == (20, 60)
    assert more["run"] != first["run"]


def test_killed_half_way_it_goes_on_and_asks_no_received_reply_again(tmp_path: Path, own_home: Path, run: Run) -> None:
    with serving(TicketReader()) as server:
        server.latency_s = 0.05
        out = tmp_path / "data"
        ask = [*tickets(server, out), "--strategy", "question_rephrase=160", "--queries", "200", "--concurrency", "4"]
        process = subprocess.Popen(
            [sys.executable, "-m", "engine.cli", "generate", *ask],
            env=os.environ | {VARIABLE: KEY},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        deadline = time.monotonic() + 120
        while server.answered < 50 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert 50 <= server.answered < 160
        assert not out.exists(), "whole or not at all"
        time.sleep(0.3)  # what it had sent is answered into the void
        before, lost = charged(), server.answered
        received = sum(state == "settled" for state, _ in before)
        status, told, _ = run(*ask)
    assert status == 0
    assert told["complete"]
    assert told["replies"] == told["settled"] == 160
    after = charged()
    # Only what was not received was asked, and what was on its way stays charged.
    assert server.answered - lost == 160 - received
    assert told["unknown"] == sum(state == "unknown" for state, _ in after) <= 4
    assert server.answered <= told["settled"] + told["unknown"] <= 200
    assert load(out, tmp_path).num_rows == told["kept"] + told["seeds"]


def test_the_ceiling_in_queries_counts_lost_replies_and_the_card_says_so(tmp_path: Path, run: Run) -> None:
    with serving(TicketReader()) as server:
        server.faults = ["500"] * 6
        status, told, err = run(*tickets(server, tmp_path / "data"), "--strategy", "question_rephrase", "--queries", 40)
        assert server.answered <= 40
    assert status == 0
    assert told["settled"] + told["unknown"] == 40
    assert told["unknown"] == 6
    assert not told["complete"]
    assert "the ceiling of 40 queries is reached" in err
    assert "This data set is not complete." in card_of(tmp_path / "data")
    assert "the ceiling of 40 queries is reached" in card_of(tmp_path / "data")
    assert load(tmp_path / "data", tmp_path).num_rows == told["kept"] + told["seeds"]


def test_the_ceiling_in_money_holds_and_a_higher_one_goes_on_on_the_same_account(tmp_path: Path, run: Run) -> None:
    with serving(TicketReader()) as server:
        ask = [*tickets(server, tmp_path / "data"), "--strategy", "question_rephrase=100", "--usd-per-million", 10, 10]
        low = run(*ask, "--ceiling-usd", 0.05)[1]
        assert 0 < server.answered < 100
        assert 0 < low["usd"] <= 0.05
        assert not low["complete"]
        high = run(*ask, "--ceiling-usd", 5)[1]
        assert server.answered == 100
    assert high["run"] == low["run"]
    assert high["usd"] > low["usd"], "what was charged before counts"
    assert high["complete"]
    assert "not complete" not in card_of(tmp_path / "data")


def test_a_teacher_that_fails_half_way_leaves_what_there_is_and_the_rest_can_be_had(tmp_path: Path, run: Run) -> None:
    reader = TicketReader()
    with serving(lambda messages: reader(messages)) as server:

        def gone(messages: list[dict[str, str]]) -> str:
            if server.answered >= 30:
                server.key = "another-key"
            return reader(messages)

        server.voice = gone
        ask = [*tickets(server, tmp_path / "data"), "--strategy", "question_rephrase=60", "--concurrency", 2]
        ask += ["--strategy", "new_question=20"]
        status, told, err = run(*ask)
        assert status == 1
        assert told["state"] == "waiting_for_key"
        assert not told["complete"]
        assert 0 < told["kept"] < 40
        said = card_of(tmp_path / "data")
        assert "not complete" in said
        assert "(401)" in said
        assert "new\\_question was not asked" in said
        assert KEY not in said + err
        assert load(tmp_path / "data", tmp_path).num_rows == told["kept"] + told["seeds"]
        server.voice, server.key, answered = reader, KEY, server.answered
        status, told, _ = run(*ask)
        assert (status, told["complete"]) == (0, True)
        assert server.answered == 80
        assert answered < 40
    assert told["settled"] == 80


@pytest.mark.slow  # a pilot run again, and a full run after it, are held to the same
def test_what_a_pilot_bought_is_not_bought_again(tmp_path: Path, run: Run) -> None:
    student = build_tiny_student(tmp_path / "student")
    with serving(TicketReader()) as server:
        plan = ticket_plan(
            server.base_url,
            student,
            "exact",
            grid={"budgets": [40], "replicates": 1, "strategies": ["question_rephrase"]},
            test={"holdout": 40, "teacher_items": 0},
        )
        plan["teacher"] |= {"usd_per_million_input": 1.0, "usd_per_million_output": 1.0}
        assert seedpilot_pilot(plan, tmp_path).returncode == 0
        assert server.answered == 40
        ask = ["--plan", tmp_path / "plan.toml", "--out", tmp_path / "data"]
        _, told, err = run(*ask, "--strategy", "question_rephrase=40")
        assert server.answered == 40
        assert (told["settled"], told["replies"], told["usd"]) == (0, 40, 0.0)
        assert told["usd_per_kept"] == pytest.approx(told["replies_usd"] / told["kept"])
        assert told["replies_usd"] > 0, "what the pilot paid is a part of the price"
        assert told["seeds"] == 260, "what the pilot tests on is no seed"
        _, told, _ = run(*ask, "--strategy", "question_rephrase=60")
        assert (server.answered, told["settled"]) == (60, 20)
    assert "40 test items" in err
    # The same pilot, as the run's page offers it.
    store = Store(Settings().store_path)
    pilot = next(found.id for found in store.runs() if not found.id.startswith("data-"))
    assert exportable(store, pilot)
    with zipfile.ZipFile(export(store, pilot)) as packed:
        packed.extractall(tmp_path / "zip")
    taken = tmp_path / "zip" / pilot
    counts = store.pools(pilot)[0].counts
    assert load(taken, tmp_path).num_rows == counts["kept"] + 260
    assert "the replies behind the kept examples alone" in card_of(taken)
    trl = yaml.safe_load((tmp_path / "data" / "trl.yaml").read_text())
    assert trl["model_name_or_path"] == str(student)
    assert (trl["max_length"], trl["per_device_train_batch_size"]) == (400, 8), "the plan's recipe"


def test_the_sandbox_needs_neither_key_nor_network(tmp_path: Path, run: Run) -> None:
    status, told, _ = run(
        *("--task", "math", "--seeds", "sandbox", "--teacher", "sandbox", "--out", tmp_path / "practice"),
        *("--strategy", "new_question=40", "--strategy", "real_question=30", "--unlabelled", "sandbox"),
    )
    assert (status, told["settled"], told["usd"]) == (0, 70, 0.0)
    assert sum(told["counts"]["real_question"].values()) == 30
    said = card_of(tmp_path / "practice")
    assert "Practice only" in said
    assert "300 test items" in said
    assert load(tmp_path / "practice", tmp_path).num_rows == told["kept"] + 100


def test_real_questions_end_with_the_inputs_and_writing_can_be_anothers(tmp_path: Path, run: Run) -> None:
    inputs = tmp_path / "inputs.jsonl"
    inputs.write_text(
        "".join(json.dumps({"message": f"Parcel {n} arrived at the wrong door."}) + "\n" for n in range(9))
    )
    with serving(TicketReader()) as server, serving(TicketReader(), key=None) as writer:
        status, told, err = run(
            *tickets(server, tmp_path / "data"),
            *("--unlabelled", inputs, "--augmenter", writer.base_url, "--augmenter-model", MODEL),
            *("--strategy", "real_question=20", "--strategy", "new_question=20"),
        )
        assert (server.answered, writer.answered) == (9 + 10, 10)
        assert writer.authorizations == {"Bearer no-key"}, "the key goes to its own endpoint only"
    assert status == 0
    assert sum(told["counts"]["real_question"].values()) == 9
    assert "9 unlabelled inputs" in err
    origin = parquet.read_table(tmp_path / "data" / "provenance.parquet").to_pylist()
    by_source = {row["source"]: row["augmenter"] for row in origin}
    assert by_source["real_question"] is None
    assert by_source["new_question"] == f"{MODEL} at {writer.base_url[7:-3]}"


def test_nothing_near_a_test_item_is_kept_and_no_test_item_is_a_seed(tmp_path: Path, run: Run) -> None:
    seeds, test = sums(12, tmp_path), tmp_path / "test.jsonl"
    test.write_text('{"question": "What is 41 apples plus 7 apples in all, please?", "answer": "#### 48"}\n')

    def leaky(messages: list[dict[str, str]]) -> str:
        if "Write one new question" in messages[0]["content"]:
            return "What is 41 apples plus 7 apples in all, please?"
        return "It is so.\n#### 48"

    with serving(leaky) as server:
        ask = ["--task", "math", "--teacher", server.base_url, "--model", MODEL, "--key-env", VARIABLE]
        ask += ["--seeds", seeds, "--strategy", "new_question=8", "--out", tmp_path / "data"]
        status, told, err = run(*ask, "--test", test)
        assert "Nothing that was generated is in this data set" in err
        assert (status, told["kept"], told["complete"]) == (0, 0, False)
        assert told["counts"]["new_question"]["near_test_item"] >= 1
        assert "nothing near" not in card_of(tmp_path / "data")
        assert load(tmp_path / "data", tmp_path)["source"] == ["seed"] * 12
        shared = sums(3, tmp_path, "shared.jsonl")
        status, _, err = run(*ask, "--test", shared)
    assert status == 2
    assert "3 seeds are test items too" in err


def test_a_teachers_text_is_data_whatever_it_looks_like(tmp_path: Path, run: Run) -> None:
    evil = [
        "---\nlicense: mit\nconfigs: []\n---\nHow much is {n} and 5?",
        "../../../../tmp/{n}/etc/passwd <script>alert({n})</script> is how many?",
        "| a | b |\n|---|---|\n| {n} | ![x](http://evil.example/{n}.png) | sum?",
        'Line\u2028separators \ud83d and {n} "quotes"}}\n{{"messages": [1]}} make what?',
        "{{{{ 7*{n} }}}} {{% generation %}} how many is {n}?",
    ]
    count = iter(range(1000))

    def voice(messages: list[dict[str, str]]) -> str:
        n = next(count)
        if "Write one new question" in messages[0]["content"]:
            return evil[n % len(evil)].format(n=n)
        return f"---\nx: {n}\n```\n</div><script>\n#### {n}"

    with serving(voice) as server:
        status, told, _ = run(
            *("--task", "math", "--teacher", server.base_url, "--model", MODEL, "--key-env", VARIABLE),
            *("--seeds", sums(20, tmp_path), "--strategy", "new_question=40", "--out", tmp_path / "data"),
        )
    assert status == 0
    assert told["kept"] >= 5
    data = load(tmp_path / "data", tmp_path)
    assert data.num_rows == told["kept"] + 20
    written = rows(tmp_path / "data" / "train.messages.jsonl")
    assert [row["messages"] for row in written] == data["messages"][:]
    assert any("<script>alert(" in row["messages"][0]["content"] for row in written)
    said = card_of(tmp_path / "data")
    assert "<script" not in said
    assert yaml.safe_load(said.split("---\n")[1])["license"] == "unknown"


def test_a_model_in_a_folder_teaches_without_an_endpoint(tmp_path: Path, run: Run) -> None:
    teacher = build_tiny_student(tmp_path / "teacher")
    task = tmp_path / "sums.toml"
    task.write_text('preset = "math"\nmax_answer_tokens = 8\n')
    status, told, _ = run(
        *("--task", task, "--seeds", sums(5, tmp_path), "--teacher", teacher, "--out", tmp_path / "data"),
        *("--strategy", "answer_augmentation=4"),
    )
    assert (status, told["settled"], told["usd"]) == (0, 4, 0.0)
    assert sum(told["counts"]["answer_augmentation"].values()) == 4
    assert load(tmp_path / "data", tmp_path).num_rows == told["kept"] + 5


def test_bad_input_is_told_all_at_once_and_nothing_is_asked(tmp_path: Path, run: Run) -> None:
    (tmp_path / "seeds.jsonl").write_text('{"question": "1 + 1?"}\nnot json\n')
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    status, told, err = run(
        *("--task", "math", "--seeds", tmp_path / "seeds.jsonl", "--teacher", "http://", "--key-env", "NO_SUCH_KEY"),
        *("--strategy", "new_questions=9", "--strategy", "question_rephrase=1", "--strategy", "real_question=5"),
        *("--ceiling-usd", 1, "--out", tmp_path / "mine"),
    )
    assert (status, told) == (2, {})
    for said in (
        "--strategy new_questions=9: found 'new_questions', expected one of answer_augmentation",
        "--strategy question_rephrase=1: expected a whole number of queries from 2 on",
        "--unlabelled",
        "--teacher: found 'http://'",
        "--model: is empty",
        "--ceiling-usd: a ceiling in dollars needs",
        "NO_SUCH_KEY is not set",
        "seeds.jsonl, line 1: column 'answer' is missing",
        "seeds.jsonl, line 2",
        "mine: holds thesis.txt",
    ):
        assert said in err, said
    assert Store(Settings().store_path).runs() == []
    assert len(err.splitlines()) == len(set(err.splitlines())), "nothing is told twice"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--strategy: is missing"),
        (["--strategy", "new_question"], "says no number of queries"),
        (["--strategy", "new_question", "--queries", "1"], "expected at least 2"),
        (["--strategy", "new_question=50", "--queries", "20"], "given 50 in all, more than this ceiling"),
        (["--strategy", "new_question=9", "--strategy", "new_question=9"], "named twice"),
        (["--strategy", "new_question=9", "--ceiling-usd", "-1"], "--ceiling-usd"),
        (["--strategy", "new_question=9", "--concurrency", "0"], "concurrency"),
        (["--strategy", "new_question=9", "--test", "x.jsonl", "--holdout", "5"], "leave one of the two out"),
        (["--strategy", "new_question=9", "--student", "no/such/folder"], "no/such/folder"),
        (["--strategy", "new_question=9", "--map", "question"], "expected NAME=COLUMN"),
    ],
)
def test_a_flag_that_makes_no_sense_says_what_was_expected(
    arguments: list[str], says: str, tmp_path: Path, run: Run
) -> None:
    seeds = sums(30, tmp_path)
    known = ["--task", "math", "--seeds", seeds, "--teacher", "sandbox", "--out", tmp_path / "data"]
    status, told, err = run(*known, *arguments)
    assert (status, told) == (2, {})
    assert says in err
    assert not (tmp_path / "data").exists()


def test_a_full_run_stands_among_the_runs_and_can_be_shown(tmp_path: Path, run: Run, capsys: Any) -> None:
    told = run(
        *("--task", "math", "--seeds", "sandbox", "--teacher", "sandbox", "--out", tmp_path / "data"),
        *("--strategy", "answer_augmentation=20"),
    )[1]
    with pytest.raises(SystemExit):
        main(["show", told["run"], "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert shown["state"] == "done"
    assert sum(shown["pools"][0]["counts"].values()) == 20
    assert shown["queries"]["settled"] == 20
    store = Store(Settings().store_path)
    with zipfile.ZipFile(export(store, told["run"])) as packed:
        names = {Path(name).name for name in packed.namelist()}
    assert names == {path.name for path in (tmp_path / "data").iterdir()}
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(InputError, match="no longer there"):
        export(store, told["run"])


def test_no_example_is_held_once_it_is_written(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    take = PoolFiles.take

    def counted(files: PoolFiles, query_ids: Sequence[int], kept: Sequence[Example]) -> None:
        take(files, query_ids, kept)
        if files.counts["kept"] % 300 == 299:
            held.append(sum(type(one) in (Draft, Example) for one in gc.get_objects()))

    monkeypatch.setattr(PoolFiles, "take", counted)
    asked = ["--task", "math", "--seeds", "sandbox", "--teacher", "sandbox", "--concurrency", "2"]
    told = run(*asked, "--strategy", "new_question=2000", "--out", tmp_path / "data")[1]
    assert told["counts"]["new_question"]["kept"] > 900
    # Those that wait for one look into the ledger, and those that finished ahead of a slow one.
    assert 0 < max(held) < 650, held
