"""Cells in processes and packs: what is planned, who is told of what, what a resumed run replays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from engine import pack_plan
from engine.domain import CellJob, CellResult, Message, Recipe, TrainingExample
from engine.errors import StudentError
from engine.pack_plan import (
    MEMORY_SHARE,
    Load,
    Machine,
    adapters_at_once,
    base_bytes,
    load_of,
    machine,
    per_adapter_bytes,
    plan_packs,
)
from engine.student import check_student
from engine.trainer import LocalTrainer
from engine.trainer_processes import Processes
from engine.training import run_job, run_jobs
from tests.small_students import build_tiny_student

RECIPE = Recipe(learning_rate=2e-3, batch_size=2, epochs=1, min_steps=20, rank=4, alpha=8, max_length=256)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny")


def job(student: Path, out: Path, key: str, count: int = 10, **changes: object) -> CellJob:
    examples = tuple(
        TrainingExample((Message("user", f"{key} asks {n}"),), "yes" if n % 2 else "no") for n in range(count)
    )
    questions = tuple(example.messages for example in examples[:2])
    given = CellJob(key, str(student), examples, RECIPE, 3, questions, 4, str(out / key))
    return replace(given, **changes)  # type: ignore[arg-type]


def run(jobs: list[CellJob]) -> tuple[dict[str, CellResult | Exception], list[dict[str, float]]]:
    told: dict[str, CellResult | Exception] = {}
    shares: list[dict[str, float]] = []

    def done(one: CellJob, result: CellResult | Exception) -> None:
        assert one.key not in told
        told[one.key] = result

    def progress(given: Mapping[str, float]) -> None:
        shares.append(dict(given))

    with LocalTrainer(40_000) as trainer:
        trainer.run(jobs, done, progress)
    return told, shares


def packs(out: Path) -> list[dict[str, object]]:
    return [json.loads(file.read_text()) for file in sorted(out.glob("packs/*/pack.json"))]


def test_cells_in_packs_get_what_they_get_alone_and_fail_alone(tiny: Path, tmp_path: Path) -> None:
    wild = replace(RECIPE, learning_rate=1e30)
    long = (TrainingExample((Message("user", "z" * 300),), "long"),)
    jobs = [
        job(tiny, tmp_path, "untuned", examples=()),
        *(job(tiny, tmp_path, f"cell{n}", 10 + n, recipe=replace(RECIPE, min_steps=200)) for n in range(4)),
        job(tiny, tmp_path, "wild", recipe=wild),
        job(tiny, tmp_path, "unfitting", examples=long),
        replace(job(tiny, tmp_path, "other base"), student=str(tmp_path / "nowhere")),
    ]
    told, shares = run(jobs)
    assert told.keys() == {one.key for one in jobs}
    assert "choose a learning rate below 1e+30" in str(told["wild"])
    assert "none of the 1 examples fits" in str(told["unfitting"])
    assert "nowhere" in str(told["other base"])
    assert all(isinstance(told[key], StudentError) for key in ("wild", "unfitting", "other base"))
    for one in jobs[:5]:
        alone = run_job(replace(one, out=str(tmp_path / "alone" / one.key)))
        together = told[one.key]
        assert isinstance(together, CellResult)
        assert together.answers == alone.answers
        assert together.steps == alone.steps
        if one.examples:
            assert together.final_loss == pytest.approx(alone.final_loss, abs=1e-4)
            assert together.train_seconds > 0
    assert [len(plan["jobs"]) for plan in packs(tmp_path)] != [1] * len(packs(tmp_path))  # type: ignore[arg-type]
    assert shares[-1] == {}
    assert all(0 <= share <= 1 for given in shares for share in given.values())
    assert list(tmp_path.glob("packs/*/checkpoint*")) == []


def test_a_finished_run_is_read_and_a_new_cell_beside_it_is_trained(tiny: Path, tmp_path: Path) -> None:
    jobs = [job(tiny, tmp_path, f"cell{n}") for n in range(2)]
    first, _ = run(jobs)
    again, _ = run([*jobs, job(tiny, tmp_path, "cell2")])
    assert {key: again[key] for key in first} == first
    assert isinstance(again["cell2"], CellResult)


def test_an_error_of_the_teller_ends_the_run(tiny: Path, tmp_path: Path) -> None:
    def stop(given: Mapping[str, float]) -> None:
        raise StudentError("paused")

    endless = replace(RECIPE, min_steps=10_000_000)
    with LocalTrainer(40_000) as trainer:
        with pytest.raises(StudentError, match="paused"):
            trainer.run([job(tiny, tmp_path, "cell", recipe=endless)], lambda *_: None, stop)
        assert training() == set(), "what was stopped is gone at once"


def training() -> set[int]:
    """Ids of the processes that train: copies of one that has imported the libraries."""
    found = psutil.Process().children()
    servers = [one for one in found if "forkserver" in " ".join(one.cmdline())]
    return {one.pid for server in servers for one in server.children()}


def test_processes_stay_for_the_next_cells_and_end_with_the_trainer(tiny: Path, tmp_path: Path) -> None:
    with LocalTrainer(40_000) as trainer:
        trainer.run([job(tiny, tmp_path, f"cell{n}") for n in range(2)], lambda *_: None, lambda _: None)
        first = training()
        trainer.run([job(tiny, tmp_path, f"more{n}") for n in range(2)], lambda *_: None, lambda _: None)
        assert first <= training()
        assert len(training()) <= trainer.processes
    assert training() == set()


def test_each_gpu_has_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's tool is a script here: no machine of ours has two GPUs."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: one (UUID: GPU-a)'\necho 'GPU 1: another (UUID: GPU-b)'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    trainer = LocalTrainer(7_000_000_000)
    assert (trainer.processes, trainer.gpus) == (2, ("0", "1"))
    processes = Processes(trainer.processes, trainer.threads, trainer.gpus)
    seen = [processes.pool.submit(_own_gpu, str(tmp_path / "meet")) for _ in range(2)]
    assert sorted(one.result() for one in seen) == ["0", "1"]
    processes.terminate()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert LocalTrainer(7_000_000_000).gpus == ("3",)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert LocalTrainer(40_000).processes == (os.cpu_count() or 1)


def _own_gpu(meet: str) -> str:
    """What a process sees, once both are there."""
    own = os.environ["CUDA_VISIBLE_DEVICES"]
    Path(f"{meet}-{own}").touch()
    while len(list(Path(meet).parent.glob("meet-*"))) < 2:
        time.sleep(0.01)
    return own


def test_jobs_of_one_base_and_like_recipes_go_together_and_the_plan_is_written(tiny: Path, tmp_path: Path) -> None:
    jobs = [
        job(tiny, tmp_path, "long", 60),
        job(tiny, tmp_path, "short", 10),
        job(tiny, tmp_path, "other rate", 20, recipe=replace(RECIPE, learning_rate=1e-4)),
        job(tiny, tmp_path, "other rank", recipe=replace(RECIPE, rank=8)),
        job(tiny, tmp_path, "untuned", examples=()),
    ]
    plan = plan_packs(jobs, 1)
    assert [one.keys for one in plan] == [("short", "other rate", "long"), ("other rank",), ("untuned",)]
    (written,) = [one for one in packs(tmp_path) if len(one["jobs"]) == 3]  # type: ignore[arg-type]
    assert [entry["steps"] for entry in written["jobs"]] == [20, 20, 30]  # type: ignore[attr-defined]
    assert [len(draw) for draw in written["bucket_order"]] == [32]  # type: ignore[attr-defined]
    assert written["adapters_at_once"] == 3
    assert "3 adapters for 1 processes" in str(written["why"])


def test_the_packs_with_the_most_steps_come_first(tiny: Path, tmp_path: Path) -> None:
    """The last to end would keep one process busy while the others wait."""
    sizes = {"few": 10, "most": 100, "untuned": 0, "many": 60}
    jobs = [job(tiny, tmp_path, name, count) for name, count in sizes.items()]
    assert [one.keys for one in plan_packs(jobs, len(jobs))] == [("most",), ("many",), ("few",), ("untuned",)]


def test_a_resumed_pack_is_the_one_that_was_planned(tiny: Path, tmp_path: Path) -> None:
    jobs = [job(tiny, tmp_path, f"cell{n}", 10 + n) for n in range(6)]
    first = plan_packs(jobs[:4], 1)
    assert [one.keys for one in first] == [("cell0", "cell1", "cell2", "cell3")]
    again = plan_packs(jobs[1:], 1)
    assert [one.keys for one in again] == [("cell1", "cell2", "cell3"), ("cell4", "cell5")]
    assert again[0].folder == first[0].folder
    changed = [replace(one, seed=9) for one in jobs[:4]]
    assert [one.folder for one in plan_packs(changed, 1)] != [first[0].folder]


def test_a_resumed_pack_takes_its_batches_in_the_order_that_was_written_down(tiny: Path, tmp_path: Path) -> None:
    def losses(out: Path, *, order: list[list[int]] | None) -> tuple[object, list[float]]:
        """Of the one cell of a pack that was planned, its file perhaps edited, and planned again as a resume does."""
        one = job(tiny, out, "cell", 60)
        (first,) = plan_packs([one], 1)
        file = Path(str(first.folder)) / "pack.json"
        written = json.loads(file.read_text())
        if order is not None:
            file.write_text(json.dumps(written | {"bucket_order": order}))
        (again,) = plan_packs([one], 1)
        run_jobs([one], lambda *_: None, Path(str(again.folder)), again.order)
        return again.order, json.loads((out / "cell" / "losses.json").read_text())["losses"]

    planned, as_planned = losses(tmp_path / "planned", order=None)
    backwards = [list(reversed(draw)) for draw in planned]  # type: ignore[attr-defined]
    followed, edited = losses(tmp_path / "edited", order=backwards)
    assert followed == tuple(tuple(draw) for draw in backwards)
    assert len(edited) == len(as_planned) == 30
    # The very batches that this order makes of the same rows and seed, and no others.
    direct = job(tiny, tmp_path / "direct", "cell", 60)
    run_jobs([direct], lambda *_: None, None, tuple(tuple(draw) for draw in backwards))
    assert edited == json.loads((tmp_path / "direct" / "cell" / "losses.json").read_text())["losses"]
    assert edited != as_planned


def test_two_cells_of_the_same_examples_keep_their_states_apart(tiny: Path, tmp_path: Path) -> None:
    one = job(tiny, tmp_path, "plain")
    same = [one, replace(one, key="variant", out=str(tmp_path / "variant"))]
    plan = plan_packs(same, 2)
    assert [each.keys for each in plan] == [("plain",), ("variant",)]
    assert len({each.folder for each in plan}) == 2
    assert sorted(each.keys for each in plan_packs(same, 2)) == [("plain",), ("variant",)], "a resumed run finds both"


def test_no_process_is_left_without_a_pack(tiny: Path, tmp_path: Path) -> None:
    jobs = [job(tiny, tmp_path, f"cell{n}") for n in range(5)]
    assert sorted(len(one.keys) for one in plan_packs(jobs, 2)) == [2, 3]


@pytest.mark.parametrize(
    ("tokens", "device", "gigabytes", "expected"),
    [
        (32, "cpu", 10, 16),
        (130, "cpu", 10, 3),
        (600, "cpu", 10, 1),
        (32, "cpu", 0.25, 2),
        (1024, "cuda", 20, 16),
        (1024, "cuda", 1, 8),
        (40_000, "cuda", 80, 1),
    ],
)
def test_as_many_adapters_at_once_as_the_machine_gains_from(
    tokens: float, device: str, gigabytes: float, expected: int
) -> None:
    loads = [Load(100, tokens, int(tokens))] * 40
    found, why = adapters_at_once(loads, 0, 100_000_000, Machine(device, int(gigabytes * 1e9)), 1)
    assert found == expected
    assert ("tokens a step" in why) or ("GB an adapter" in why)


def test_the_base_takes_its_part_of_the_memory_and_one_adapter_is_left_in_any_case() -> None:
    loads, here = [Load(100, 32, 32)] * 40, Machine("cuda", 10**9)
    assert [adapters_at_once(loads, base, 10**8, here, 1)[0] for base in (0, 3 * 10**8, 2 * 10**9)] == [8, 5, 1]
    assert "1.0 GB, 0.30 GB the base, 0.10 GB an adapter" in adapters_at_once(loads, 3 * 10**8, 10**8, here, 1)[1]


def test_packs_are_planned_beside_the_weights_of_their_base(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [job(tiny, tmp_path, f"cell{n}") for n in range(6)]
    each = per_adapter_bytes(jobs[0], {"cell0": load_of(jobs[0])})
    # Three adapters would fill it to the last byte, were there no base.
    here = Machine("cpu", int(3 * each / MEMORY_SHARE) + 1)
    parameters = check_student(str(tiny)).parameters
    assert parameters is not None
    assert base_bytes(jobs[0], here) == pytest.approx(4 * parameters, rel=0.2)
    monkeypatch.setattr(pack_plan, "machine", lambda processes: here)
    assert [len(one.keys) for one in plan_packs(jobs, 1)] == [2, 2, 2]


def test_what_is_free_at_the_moment_moves_no_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs of one plan on one machine would otherwise make other packs, and so other last digits."""
    memory = psutil.virtual_memory()
    before = machine(2)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=10**8, free=10**8))
    assert machine(2) == before
    assert before.device == "cuda" or before.total_bytes <= memory.total // 2


def test_the_load_of_a_job_is_counted_with_its_tokenizer(tiny: Path, tmp_path: Path) -> None:
    one = job(tiny, tmp_path, "cell")
    load = load_of(one)
    # "cell asks N", a line end, "yes" or "no", the end of text: a token a byte.
    assert load.steps == 20
    assert load.most_tokens == 2 * (11 + 1 + 3 + 1)
    assert 2 * 15 <= load.tokens <= load.most_tokens
    small = per_adapter_bytes(one, {"cell": load})
    assert per_adapter_bytes(replace(one, recipe=replace(RECIPE, gradient_checkpointing=True)), {"cell": load}) < small
    assert per_adapter_bytes(replace(one, recipe=replace(RECIPE, gradient_accumulation=2)), {"cell": load}) < small


def test_who_asks_for_training_imports_none_of_what_trains(tiny: Path, tmp_path: Path) -> None:
    """Importing it takes seconds, in which the first cells would wait."""
    script = f"""
import sys
from engine.domain import CellJob, Message, Recipe, TrainingExample
from engine.trainer import LocalTrainer
examples = tuple(TrainingExample((Message("user", str(n)),), "so") for n in range(4))
job = CellJob("cell", {str(tiny)!r}, examples, Recipe(min_steps=2), 0, (), 4, {str(tmp_path / "cell")!r})
ended: list[object] = []
if __name__ == "__main__":
    with LocalTrainer(40_000) as trainer:
        trainer.run([job], lambda job, result: ended.append(result), lambda _: None)
    print(type(ended[0]).__name__, [name for name in ("torch", "transformers", "peft") if name in sys.modules])
"""
    (tmp_path / "asks.py").write_text(script)
    ran = subprocess.run([sys.executable, tmp_path / "asks.py"], capture_output=True, text=True, check=False)
    assert ran.stdout.split("\n")[-2:] == ["CellResult []", ""], ran.stderr
