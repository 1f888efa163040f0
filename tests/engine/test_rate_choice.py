"""The learning rate of a pilot, chosen once on held-out seeds and then frozen; and the control of matched steps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import worker
from engine.curves import usable
from engine.domain import MATCHED_STEPS, UNTRAINED, Item
from engine.following import follow
from engine.full_prepare import prepare_full
from engine.full_training import training_settings
from engine.plan import ForecastPlan, PilotPlan, check_plan
from engine.prepare import prepare
from engine.rate_choice import RATES, choose, chosen_rate, rates_of, split_off
from engine.records import CellRow, RunState
from engine.runs import file_pilot, summary
from engine.settings import Settings
from engine.store import Store
from tests.openai_server import KEY, serving
from tests.pilots import QUICK, ticket_plan
from tests.voices import TicketReader

UNFIXED = {name: value for name, value in QUICK.items() if name != "learning_rate"} | {"max_length": 400}
GRID = {"budgets": [40], "replicates": 1, "strategies": ["new_question"]}


@pytest.fixture(scope="module")
def ran(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, str, dict[str, Any]]]:
    """A pilot that chooses between a rate that learns and one that hardly does."""
    with pytest.MonkeyPatch.context() as patch, serving(TicketReader()) as server:
        patch.setenv("SEEDPILOT_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("SEEDPILOT_TEST_KEY", KEY)
        training = UNFIXED | {"learning_rates": [1e-5, 1e-2]}
        plan = ticket_plan(server.base_url, student, grid=GRID, training=training, test={"holdout": 40, "draw": "b"})
        plan["test"]["teacher_items"] = 0
        store = Store(Settings().store_path)
        run_id = file_pilot(check_plan(plan), store)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
        yield store, run_id, json.loads(json.dumps(summary(store, run_id), allow_nan=False))


def cell(store: Store, run_id: str, arm: str, variant: str = "plain") -> CellRow:
    return next(r for r in store.cells(run_id) if (r.cell.arm.value, r.cell.variant) == (arm, variant))


def test_the_rate_with_the_lowest_loss_on_held_out_seeds_is_every_cell_s(
    ran: tuple[Store, str, dict[str, Any]],
) -> None:
    store, run_id, _ = ran
    chosen = json.loads((store.folder(run_id) / "learning_rate.json").read_text())
    losses = {one["rate"]: one["loss"] for one in chosen["candidates"]}
    assert chosen["rate"] == min(losses, key=losses.__getitem__) == 1e-2
    assert losses[1e-2] < 0.9 * losses[1e-5]
    assert (chosen["trained_on"], chosen["held_out"]) == (195, 65)
    for row in store.cells(run_id):
        if row.cell.arm not in UNTRAINED:
            config = json.loads((store.folder(run_id) / "cells" / row.cell.key / "adapter" / "done.json").read_text())
            assert config["final_loss"] < losses[1e-5], "trained at the rate that learns"


def test_what_was_chosen_is_read_again_and_not_chosen_anew(
    ran: tuple[Store, str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, run_id, _ = ran
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    prepared = prepare(check_plan(store.run(run_id).plan))
    file = store.folder(run_id) / "learning_rate.json"

    class Idle:
        def run(self, *_: object) -> None:
            raise AssertionError("something was trained again")

    found = choose(prepared, Idle(), store.folder(run_id), lambda: None)
    assert found is not None
    assert found.rate == json.loads(file.read_text())["rate"]
    assert chosen_rate(store.folder(run_id)) == found.rate
    cells, pools = store.cells(run_id), store.pools(run_id)
    followed = follow(store.run(run_id), cells, pools, Path("data"), 400, chosen_rate(store.folder(run_id)))
    assert followed.plan.training.learning_rate == found.rate
    other = replace(prepared, seeds=prepared.seeds[:-4])
    with pytest.raises(AssertionError, match="trained again"):
        choose(other, Idle(), store.folder(run_id), lambda: None)


def test_every_setting_is_kept_with_where_it_came_from(ran: tuple[Store, str, dict[str, Any]]) -> None:
    found = {one["name"]: one for one in ran[2]["settings"]}
    assert found["learning_rate"]["origin"] == "chosen on validation"
    assert found["learning_rate"]["value"] == 1e-2
    assert "65 held-out seeds" in found["learning_rate"]["why"]
    assert "took" in found["learning_rate"]["why"]
    assert (found["batch_size"]["value"], found["batch_size"]["origin"]) == (8, "plan")
    assert found["rank"]["origin"] == "recommended default"
    assert found["adapters_at_once"]["origin"] == found["device"]["origin"] == "given by the machine"


def test_a_full_run_says_that_its_rate_is_the_one_that_the_pilot_chose(
    ran: tuple[Store, str, dict[str, Any]], tmp_path: Path
) -> None:
    store, run_id, _ = ran
    rate = chosen_rate(store.folder(run_id))
    followed = follow(store.run(run_id), store.cells(run_id), store.pools(run_id), tmp_path / "data", 400, rate)
    forecast = ForecastPlan(mean=0.5, low80=0.4, high80=0.6, pilot=run_id)
    assert followed.plan.full is not None
    full = followed.plan.full.model_copy(update={"forecast": forecast})

    def told(plan: PilotPlan) -> tuple[object, str, str]:
        found = {one.name: one for one in training_settings(prepare_full(plan), store)}["learning_rate"]
        return found.value, found.origin.value, found.why

    after = followed.plan.model_copy(update={"full": full})
    assert told(after) == (rate, "pilot", f"chosen there on validation: {run_id}")
    by_hand = after.model_copy(update={"training": after.training.model_copy(update={"learning_rate": 0.123})})
    assert told(by_hand) == (0.123, "plan", "")


def test_the_control_takes_the_steps_of_its_anchor_with_the_seeds_alone(
    ran: tuple[Store, str, dict[str, Any]],
) -> None:
    store, run_id, told = ran
    anchor, alone = cell(store, run_id, "new_question"), cell(store, run_id, "seeds_only")
    control = cell(store, run_id, "seeds_only", MATCHED_STEPS)
    assert control.detail["steps"] == anchor.detail["steps"] > alone.detail["steps"]
    assert control.measurement is not None
    assert control.measurement.examples == 0
    assert told["control"]["anchor"] == "new_question"
    assert f"repeated to the {anchor.detail['steps']} steps" in told["control"]["said"]
    assert control.cell not in [m.cell for m in usable(store.measurements(run_id))], "advice must not see it"


def test_a_rate_that_is_named_or_comes_with_a_preset_or_a_student_is_not_chosen(student: Path) -> None:
    def of(**training: object) -> tuple[float, ...]:
        return rates_of(check_plan({"student": str(student), "training": training}))

    assert of() == RATES
    assert of(learning_rates=[1e-3, 2e-3]) == (1e-3, 2e-3)
    assert of(learning_rate=1e-3) == of(preset="paper") == of(learning_rates=[]) == ()
    assert rates_of(check_plan({})) == ()


def test_held_out_seeds_are_a_quarter_with_families_whole_the_same_each_time() -> None:
    seeds = [Item(f"{n}", f"q{n}", f"a{n}", family=f"f{n // 2}") for n in range(40)]
    rest, out = split_off(seeds)
    assert (len(rest), len(out)) == (30, 10)
    assert not {seed.family for seed in rest} & {seed.family for seed in out}
    assert split_off(seeds) == (rest, out)
    one_family = [replace(seed, family="f") for seed in seeds]
    assert split_off(one_family) == (one_family, [])
    assert len(split_off([replace(seed, family=None) for seed in seeds[:10]])[1]) == 3
