"""What does not fit together between the tables of a plan, in words for who typed them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.domain import Strategy
from engine.plan_parts import MATHS, SANDBOX, CeilingPlan, GridPlan, ModelPlan, SeedsPlan, TeacherPlan, UnlabelledPlan
from engine.plan_variants import TEACHER, VariantPlan


def teacher_problems(
    teacher: TeacherPlan, augmenter: ModelPlan | None, teachers: Mapping[str, ModelPlan], ceiling: CeilingPlan
) -> list[str]:
    """Of whoever is asked, and what a ceiling in dollars needs to know of them."""
    problems = teacher.problems("teacher")
    others = {f"teachers.{name}": model for name, model in teachers.items()}
    if augmenter is not None:
        others = {"augmenter": augmenter, **others}
    for name, model in others.items():
        problems += model.problems(name)
        if teacher.batch:
            problems.append(f"{name}: cannot be asked beside teacher.batch yet; leave one of them out")
        if ceiling.usd is not None and not model.quote().known:
            problems.append(
                f"ceiling.usd: a ceiling in dollars needs the prices of {name} too ({name}.usd_per_million_input "
                "and usd_per_million_output); give them, or give ceiling.queries alone"
            )
    if TEACHER in teachers:
        problems.append(f"teachers.{TEACHER}: the name stands for the plan's own teacher; choose another")
    if teacher.batch and teacher.kind != "openai_compatible":
        problems.append("teacher.batch: only an OpenAI-compatible endpoint has batches; leave it out")
    if ceiling.usd is not None and not teacher.quote(batch=teacher.batch).known:
        problems.append(
            "ceiling.usd: a ceiling in dollars needs the teacher's prices "
            "(teacher.usd_per_million_input and usd_per_million_output), and no table lists this one's; "
            "give them, or give ceiling.queries alone"
        )
    return problems


def grid_problems(grid: GridPlan, unlabelled: UnlabelledPlan) -> list[str]:
    """Of the cells."""
    problems = []
    if not grid.strategies:
        problems.append("grid.strategies: is empty; choose at least one strategy")
    if Strategy.REAL_QUESTION in grid.strategies and unlabelled.path is None:
        problems.append(
            "grid.strategies: found real_question, but no inputs for it; give unlabelled.path (a JSONL, CSV "
            "or Parquet file of your own questions), or leave it out"
        )
    if unlabelled.keep_label_shares and unlabelled.path is None:
        problems.append(
            "unlabelled.keep_label_shares: there are no inputs whose labels could be kept in shares; give "
            "unlabelled.path, or leave it out"
        )
    if not grid.budgets:
        problems.append("grid.budgets: is empty; give at least one number of queries")
    problems += [
        f"grid.budgets: found {budget}, expected at least 2 (one example of each strategy costs up to 2 queries)"
        for budget in grid.budgets
        if budget < 2
    ]
    problems += [f"grid.seed_sizes: found {n}, expected at least 1" for n in grid.seed_sizes if n < 1]
    for name, values in (("budgets", grid.budgets), ("strategies", grid.strategies)):
        if len(set(values)) < len(values):
            problems.append(f"grid.{name}: holds a value twice")
    return problems


def variant_problems(
    variants: Sequence[VariantPlan], grid: GridPlan, teachers: Mapping[str, ModelPlan], judge: str | None
) -> list[str]:
    """Of the variants, of the judge, and of teachers that nobody asks."""
    problems = [p for variant in variants for p in variant.problems(grid.strategies, grid.budgets, teachers)]
    names = [variant.name for variant in variants]
    problems += [f"variants: two are called {name!r}" for name in dict.fromkeys(names) if names.count(name) > 1]
    used = {name for variant in variants for name in variant.teachers} | {judge}
    if judge is not None and judge not in teachers:
        known = ", ".join(repr(name) for name in teachers) or "there is no such table"
        problems.append(
            f"judge: found {judge!r}, expected the name of a table [teachers.NAME] ({known}); "
            "without it the teacher judges"
        )
    problems += [
        f"teachers.{name}: no variant has it answer, and it is no judge; name it in a variant's teachers or as judge, "
        "or leave the table out"
        for name in teachers
        if name not in used and name != TEACHER
    ]
    return problems


def world_problems(seeds: SeedsPlan, task: str, student: str) -> list[str]:
    """What does not go with a world of the sandbox that is not the default one."""
    world = seeds.world
    if world == MATHS:
        return []
    if seeds.path != SANDBOX:
        return [f"seeds.world: found {world!r}, but only the sandbox has worlds; leave it out"]
    problems = []
    if task != "math":
        problems.append(f"task: found {task!r}, but the sandbox's world {world!r} brings its own; leave task out")
    if student == SANDBOX:
        problems.append(
            f'student: the student "sandbox" reads the world {MATHS!r} alone; for {world!r} take "sandbox-worlds"'
        )
    return problems
