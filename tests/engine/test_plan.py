import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain import MATCHED_STEPS, PAPER_RECIPE, Baseline, Recipe, Strategy
from engine.errors import InputError
from engine.plan import EXAMPLE, check_plan, read_plan, to_toml


def problems_of(raw: dict) -> str:
    with pytest.raises(InputError) as caught:
        check_plan(raw)
    return str(caught.value)


def test_the_example_is_a_valid_plan_and_survives_being_written():
    plan = check_plan(tomllib.loads(EXAMPLE))
    assert check_plan(tomllib.loads(to_toml(plan))) == plan


def test_the_empty_plan_is_the_default_sandbox_pilot():
    plan = check_plan({})
    assert plan.sandbox_parts == ("seeds", "teacher", "student")
    assert len([c for c in plan.cells(100) if isinstance(c.arm, Strategy)]) == 12


def test_baselines_are_cells_too():
    cells = check_plan({}).cells(100)
    arms = [cell.arm for cell in cells if cell.variant == "plain"]
    assert arms.count(Baseline.UNTUNED) == arms.count(Baseline.UNTUNED_FEW_SHOT) == 1
    assert arms.count(Baseline.TEACHER) == 1
    assert arms.count(Baseline.SEEDS_ONLY) == 2
    assert [cell.arm for cell in cells if cell.variant == MATCHED_STEPS] == [Baseline.SEEDS_ONLY]
    without = check_plan({"grid": {"matched_steps": False}}).cells(100)
    assert set(cells) - set(without) == {cells[-1]}


def test_two_seed_sizes_double_the_cells_of_every_strategy():
    cells = check_plan({"grid": {"seed_sizes": [50, 100], "replicates": 1}}).cells(100)
    assert {c.seeds for c in cells if isinstance(c.arm, Strategy)} == {50, 100}
    assert sum(isinstance(c.arm, Strategy) for c in cells) == 12


@pytest.mark.parametrize("budget", [0, -5, 1])
def test_a_budget_below_one_example_of_each_strategy_is_refused(budget: int):
    assert f"grid.budgets: found {budget}, expected at least 2" in problems_of({"grid": {"budgets": [budget]}})


def test_all_problems_are_reported_at_once():
    said = problems_of({"grid": {"budgets": [0], "strategies": []}, "teacher": {"kind": "openai_compatible"}})
    assert {line.split(":")[1].strip() for line in said.split("\n")} == {
        "teacher.base_url",
        "teacher.model",
        "grid.strategies",
        "grid.budgets",
    }


def test_a_wrong_value_does_not_hide_what_does_not_fit_together():
    said = problems_of(
        {"name": "", "grid": {"replicates": 0, "budgets": ["many"]}, "ceiling": {"usd": 1}, "x": 1}
        | {"teacher": {"kind": "openai_compatible"}}
    )
    places = [line.split(":")[1].strip() for line in said.split("\n")]
    assert places == [
        "name",
        "grid.budgets.0",
        "grid.replicates",
        "x",
        "teacher.base_url",
        "teacher.model",
        "ceiling.usd",
    ]


def test_a_ceiling_in_dollars_without_a_price_is_refused():
    raw = {"teacher": {"kind": "openai_compatible", "base_url": "http://x/v1", "model": "m"}, "ceiling": {"usd": 1}}
    assert "needs the teacher's prices" in problems_of(raw)


def test_an_address_that_holds_a_key_is_refused_without_repeating_it():
    raw = {"teacher": {"kind": "openai_compatible", "base_url": "http://u:secret@x/v1", "model": "m"}}
    said = problems_of(raw)
    assert "must hold no user, password or key" in said
    assert "secret" not in said


def test_a_setting_that_does_not_exist_is_named():
    assert "plan: teacher.temprature: is no setting of a plan" in problems_of({"teacher": {"temprature": 1}})


def test_a_key_in_a_plan_is_refused_without_repeating_it():
    said = problems_of({"teacher": {"api_key": "sk-secret"}})
    assert "teacher.api_key" in said
    assert "sk-secret" not in said


def test_the_paper_s_recipe_is_a_preset_that_a_plan_can_change():
    recipe = check_plan({"training": {"preset": "paper", "rank": 8}}).recipe(Recipe())
    assert recipe == replace(PAPER_RECIPE, rank=8)
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate) == (3.0, 128, 4e-5)
    assert check_plan({}).recipe(Recipe()) == Recipe()


def test_the_plan_changes_only_what_it_names_in_the_recipe():
    recipe = check_plan({"training": {"epochs": 1.0}}).recipe(Recipe())
    assert recipe == Recipe(epochs=1.0)


def test_paths_are_taken_from_the_plans_own_folder(tmp_path: Path):
    (tmp_path / "plan.toml").write_text('[seeds]\npath = "seeds.jsonl"\n[test]\nholdout = 20\n')
    assert read_plan(tmp_path / "plan.toml").seeds.path == str(tmp_path / "seeds.jsonl")


def test_a_hub_id_is_no_path(tmp_path: Path):
    (tmp_path / "plan.toml").write_text('student = "org/name"\n')
    assert read_plan(tmp_path / "plan.toml").student == "org/name"


def test_broken_toml_says_where(tmp_path: Path):
    (tmp_path / "plan.toml").write_text("name = \n")
    with pytest.raises(InputError, match=r"is no valid TOML .*line 1"):
        read_plan(tmp_path / "plan.toml")


REAL = {"grid": {"strategies": ["answer_augmentation", "real_question"], "budgets": [20, 80], "replicates": 1}}


def test_real_questions_without_a_file_of_them_are_refused_with_the_other_problems():
    said = problems_of({"grid": REAL["grid"] | {"budgets": [0]}})
    assert "grid.strategies: found real_question, but no inputs for it; give unlabelled.path" in said
    assert "grid.budgets: found 0" in said


def test_the_sandboxs_inputs_do_not_go_with_seeds_of_another_world():
    said = problems_of({"seeds": {"path": "mine.jsonl"}, "unlabelled": {"path": "sandbox"}} | REAL)
    assert "unlabelled.path: the sandbox's inputs belong to its own seeds" in said


def test_a_plan_without_a_test_file_splits_test_items_off():
    assert check_plan({"seeds": {"path": "mine.jsonl"}}).test.path is None


def test_what_does_not_go_with_a_test_file_or_with_each_other_is_told_at_once():
    said = problems_of(
        {"seeds": {"path": "a.csv"}, "test": {"path": "b.csv", "holdout": 9, "stratify_by": "x", "time_column": "t"}}
    )
    for place in ("test.holdout: says how", "test.stratify_by: says how", "test.time_column: says how", "one out"):
        assert place in said


def test_a_plan_filed_before_there_were_mappings_still_opens_with_its_columns():
    old = {"path": "a.csv", "question_column": "prompt", "answer_column": None}
    plan = check_plan({"seeds": old, "test": {"path": "b.csv", "answer_column": "reply", "question_column": None}})
    assert plan.seeds.map == {"question": "prompt"}
    assert plan.test.map == {"answer": "reply"}
    assert check_plan(tomllib.loads(to_toml(plan))) == plan


def test_a_data_set_on_the_hub_is_no_path_but_a_folder_of_one_is(tmp_path: Path):
    (tmp_path / "plan.toml").write_text(
        '[seeds]\npath = "hub:openai/gsm8k:main#train"\n[test]\npath = "hub:./own#test"\n'
    )
    plan = read_plan(tmp_path / "plan.toml")
    assert (plan.seeds.path, plan.test.path) == ("hub:openai/gsm8k:main#train", f"hub:{tmp_path}/own#test")


def test_cells_of_real_questions_end_with_the_inputs_and_none_is_there_twice():
    plan = check_plan(REAL | {"unlabelled": {"path": "sandbox"}})

    def budgets(inputs: int | None) -> list[int]:
        return [c.budget for c in plan.cells(100, inputs) if c.arm is Strategy.REAL_QUESTION]

    assert budgets(1000) == [20, 80]
    assert budgets(50) == [20, 50]
    assert budgets(15) == [15]
    assert [c.budget for c in plan.cells(100, 15) if c.arm is Strategy.ANSWER_AUGMENTATION] == [20, 80]


def test_the_file_of_inputs_is_taken_from_the_plans_own_folder(tmp_path: Path):
    (tmp_path / "plan.toml").write_text('[unlabelled]\npath = "open.jsonl"\n')
    assert read_plan(tmp_path / "plan.toml").unlabelled.path == str(tmp_path / "open.jsonl")
