"""Two runs of one plan that share nothing but the machine give the same numbers: which rate is chosen, which cells are
bought, and every reply that is scored."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from engine import worker
from engine.adaptive import read_steps
from engine.plan import check_plan
from engine.records import RunState
from engine.run_results import pairs_of, partial_pairs_of
from engine.runs import file_pilot
from engine.settings import Settings
from engine.store import Store
from tests.openai_server import KEY, serving
from tests.pilots import QUICK, ticket_plan
from tests.voices import TicketReader, asked

TRAINING = {name: value for name, value in QUICK.items() if name != "learning_rate"} | {
    "max_length": 400,
    "learning_rates": [1e-3, 1e-2],
}
GRID = {"budgets": [16, 40], "replicates": 2, "strategies": ["question_rephrase", "new_question"]}


class Steady(TicketReader):
    """Says the same to the same messages, as an endpoint at temperature 0: what differs then is SeedPilot's doing."""

    def __call__(self, messages: list[dict[str, str]]) -> str:
        want, text = asked(messages)
        if want == "answer":
            return self.read(text)
        rng = random.Random(json.dumps(messages))
        return (
            self.new(rng) if want == "new" else f"{rng.choice(['In short:', 'Once more:'])} {text.split(', ', 1)[-1]}"
        )


def numbers(home: Path, student: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a pilot in a home of its own comes to, from a server of its own."""
    patch.setenv("SEEDPILOT_HOME", str(home))
    with serving(Steady()) as server:
        plan = ticket_plan(server.base_url, student, grid=GRID, training=TRAINING, target={"queries": 4000})
        store = Store(Settings().store_path)
        run_id = file_pilot(check_plan(plan), store)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
        assert server.requests > 0
    folder, cells = store.folder(run_id), store.cells(run_id)
    done = [row for row in cells if row.measurement is not None and row.folder is not None]
    return {
        "rate": json.loads((folder / "learning_rate.json").read_text()) | {"seconds": None},
        "steps": [(step.cells, step.why) for step in read_steps(folder)],
        "measured": {row.cell.key: row.measurement for row in done},
        "replies": {row.cell.key: (Path(row.folder or "") / "predictions.jsonl").read_bytes() for row in done},
        "pairs": (pairs_of(cells), partial_pairs_of(cells)),
    }


def test_two_runs_of_one_plan_that_share_nothing_give_the_same_numbers(
    tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    one, other = (numbers(tmp_path / name, student, monkeypatch) for name in ("one", "other"))
    assert len(one["measured"]) > 4
    for what, found in one.items():
        assert found == other[what], what
