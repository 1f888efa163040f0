"""Seeds from the hub: over real HTTP from a hub on this machine, and from a folder laid out like a data set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from engine.errors import InputError
from engine.hub_rows import Source, local, parse
from engine.plan import check_plan, read_plan
from engine.runs import file_pilot, plan_of
from engine.settings import Settings
from engine.store import Store
from tests.hub_server import Hub, serving

ROWS = 100_000
CARD = """---
configs:
- config_name: main
  data_files:
  - split: train
    path: main/train-*
  - split: held
    path: main/held-*
---
# Sums
"""


def data_set(folder: Path, rows: int) -> Path:
    """A data set as the hub has it: a card, and Parquet files."""
    (folder / "main").mkdir(parents=True)
    (folder / "README.md").write_text(CARD)
    noise = [" ".join(str(n * k * 7919 % 100_003) for k in range(20)) for n in range(rows)]
    frame = pd.DataFrame({"prompt": [f"{n} plus {n}? {said}" for n, said in enumerate(noise)], "reply": range(rows)})
    frame.to_parquet(folder / "main" / "train-00000-of-00001.parquet", row_group_size=1000)
    held = pd.DataFrame({"prompt": [f"What is {n} less {n}? {n * 31}" for n in range(40)], "reply": range(40)})
    held.to_parquet(folder / "main" / "held-00000-of-00001.parquet")
    return folder


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    home = tmp_path_factory.mktemp("hub")
    data_set(home / "own-org" / "sums", ROWS)
    scripted = data_set(home / "own-org" / "scripted", 10)
    (scripted / "scripted.py").write_text("from pathlib import Path\nPath('/tmp/seedpilot-script-ran').touch()\n")
    (home / "own-org" / "table").mkdir()
    (home / "own-org" / "table" / "train.csv").write_text("question,answer\n1+1?,2\n")
    with serving(home) as server:
        yield server


def seedpilot(endpoint: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line with another hub: the address is read once, when the packages are imported."""
    changed = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home / "hf"), "SEEDPILOT_HOME": str(home / "runs")}
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", *arguments],
        env={**os.environ, **changed},
        capture_output=True,
        text=True,
        timeout=120,
    )


def plan_file(folder: Path, seeds: str, test: str = "", more: str = "") -> str:
    path = folder / "plan.toml"
    where = f'path = "{test}"\n' if test else "holdout = 60\n"
    path.write_text(
        f'[seeds]\npath = "{seeds}"\ncount = 100\nmap = {{question = "prompt", answer = "reply"}}\n'
        f"[test]\n{where}{more}"
    )
    return str(path)


def test_a_pilot_is_planned_from_the_hub_and_reads_only_as_much_of_it_as_it_needs(hub: Hub, tmp_path: Path) -> None:
    plan = plan_file(tmp_path, "hub:own-org/sums:main#train")
    before = hub.sent
    done = seedpilot(hub.endpoint, tmp_path, "pilot", plan, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["division"]
    assert (told["rows"], told["seeds"], told["test"], told["unused"]) == (200, 100, 60, 40)
    assert "200 rows: 100 seeds, 60 test items, 40 not used; split by a draw named 'test'" in done.stderr
    assert "hub:own-org/sums:main#train: the first 200 rows were read." in done.stderr
    size = (hub.folder / "own-org/sums/main/train-00000-of-00001.parquet").stat().st_size
    assert hub.sent - before < 0.6 * size, "one block of 5 MB, not the whole file"
    kept = hub.sent
    assert seedpilot(hub.endpoint, tmp_path, "pilot", plan, "--dry-run").returncode == 0
    assert hub.sent == kept, "the rows of the same day are not read again"


def test_seeds_and_test_items_may_be_splits_of_one_data_set(hub: Hub, tmp_path: Path) -> None:
    held = "hub:own-org/sums:main@main#held"
    plan = plan_file(tmp_path, "hub:own-org/sums:main#train", held, 'map = {question = "prompt", answer = "reply"}\n')
    done = seedpilot(hub.endpoint, tmp_path, "pilot", plan, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["division"]["test"], json.loads(done.stdout)["division"]["own_test_file"]) == (
        40,
        True,
    )


def test_a_scorer_is_tried_on_rows_of_the_hub_with_a_mapping(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "replies.jsonl").write_text("".join(json.dumps({"reply": str(n)}) + "\n" for n in range(40)))
    arguments = ("--data", "hub:own-org/sums:main#held", "--map", "question=prompt", "--map", "answer=reply")
    replies = ("--replies", str(tmp_path / "replies.jsonl"))
    done = seedpilot(hub.endpoint, tmp_path, "score", "--task", "math", *arguments, *replies, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["right"] == 40


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("hub:own-org/nowhere", "there is no such data set, or it is not open to you"),
        ("hub:own-org/sums:other", "BuilderConfig 'other' not found. Available: ['main']"),
        ("hub:own-org/sums:main#test", "Bad split: test. Available splits: ['train', 'held']"),
        ("hub:own-org/table", "is stored as csv; only Parquet and JSON are read"),
        ("hub:own-org/scripted:main", "scripts are no longer supported"),
        ("hub:not an id", "is no data set; expected hub:OWNER/NAME"),
    ],
)
def test_what_the_hub_does_not_have_is_told_with_what_it_has(hub: Hub, tmp_path: Path, source: str, said: str) -> None:
    done = seedpilot(hub.endpoint, tmp_path, "pilot", plan_file(tmp_path, source), "--dry-run")
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("/tmp/seedpilot-script-ran").exists(), "nothing of a data set is run"


def test_a_hub_that_cannot_be_reached_is_told_soon_and_with_what_to_do(tmp_path: Path) -> None:
    done = seedpilot("http://127.0.0.1:9", tmp_path, "pilot", plan_file(tmp_path, "hub:own-org/sums"), "--dry-run")
    assert done.returncode == 2
    assert "hub:own-org/sums: the hub cannot be reached" in done.stderr
    assert "check the network (and HF_ENDPOINT), or download a file of the data set" in done.stderr


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"needs the `datasets` package; run pip install -e '.\[hub\]'"):
        local("hub:own-org/sums")


def test_a_source_names_config_revision_and_split() -> None:
    assert parse("hub:openai/gsm8k") == Source("openai/gsm8k", None, None, "train")
    assert parse("hub:a/b:main@refs/convert/parquet#test") == Source("a/b", "main", "refs/convert/parquet", "test")
    assert parse("hub:./data#test").folder


def test_a_folder_laid_out_like_a_data_set_is_read_and_a_filed_run_has_its_own_copy(tmp_path: Path) -> None:
    folder = data_set(tmp_path / "sums", 300)
    plan = read_plan(Path(plan_file(tmp_path, "hub:./sums:main#train")))
    assert plan.seeds.path == f"hub:{folder}:main#train"
    store = Store(Settings().store_path)
    filed = plan_of(store.run(file_pilot(plan, store)))
    copy = Path(filed.seeds.path)
    assert copy.parent == store.folder(store.runs()[0].id) / "input"
    assert copy.name.endswith("sums.main.train.first-200.jsonl")
    assert len(copy.read_text().splitlines()) == 200
    assert filed.test.holdout == 60
    assert check_plan(filed.model_dump(mode="json")) == filed
    with pytest.raises(InputError, match="there is no folder"):
        local(f"hub:{tmp_path}/nowhere#train")
