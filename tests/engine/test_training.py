"""Real LoRA runs on tiny students: what is learnt, what is left alone, what is written."""

from __future__ import annotations

import json
import pickle
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine import pack_steps
from engine.answer_loss import answer_losses
from engine.domain import CellJob, CellResult, Message, Recipe, TrainingExample
from engine.errors import StudentError
from engine.inference import answer
from engine.loading import load
from engine.pack_state import Group, PackState, read_state, write_state
from engine.training import encode, run_job, run_jobs, train
from engine.training_order import Row, batches, bucket_order, schedule
from tests.small_students import FAMILIES, build_tiny_student

torch.set_num_threads(1)
CPU = torch.device("cpu")

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=2, min_steps=40, rank=8, alpha=16, max_length=256)


def example(question: str, completion: str) -> TrainingExample:
    return TrainingExample((Message("user", question),), completion)


EXAMPLES = tuple(example(f"Say {'yes' if n % 2 else 'no'}, number {n}.", "yes" if n % 2 else "no") for n in range(20))


@pytest.fixture(scope="module", params=[*FAMILIES, "llama with template"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    family, _, template = request.param.partition(" with ")
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny", bool(template), family=family)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny")


def job(student: Path, out: Path, **changes: object) -> CellJob:
    given = CellJob(
        key="cell",
        student=str(student),
        examples=EXAMPLES,
        recipe=RECIPE,
        seed=3,
        questions=tuple(e.messages for e in EXAMPLES[:4]),
        max_new_tokens=8,
        out=str(out),
    )
    return replace(given, **changes)  # type: ignore[arg-type]


def mean_loss(student: Path, adapter: Path | None) -> float:
    loaded = load(str(student), adapter)
    with torch.no_grad():
        losses, counts = answer_losses(loaded.model, [encode(loaded, e) for e in EXAMPLES], CPU)
    return float(losses.sum() / counts.sum())


def test_training_brings_the_loss_on_its_answers_down(folder: Path, tmp_path: Path) -> None:
    trained = train(str(folder), EXAMPLES, RECIPE, 0, tmp_path / "adapter")
    before, after = mean_loss(folder, None), mean_loss(folder, tmp_path / "adapter")
    assert after < 0.7 * before
    assert trained.final_loss == pytest.approx(after, rel=0.5)
    assert trained.steps == RECIPE.steps(20) == 40
    assert trained.train_seconds > 0


def test_a_student_learns_two_answers_by_heart_and_says_them(tiny: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, min_steps=250, learning_rate=2e-2)
    result = run_job(job(tiny, tmp_path, recipe=recipe))
    assert result.answers == ("no", "yes", "no", "yes")


def test_the_adapter_loads_in_plain_peft_and_says_the_same(folder: Path, tmp_path: Path) -> None:
    result = run_job(job(folder, tmp_path))
    assert result.adapter is not None
    files = {file.name for file in Path(result.adapter).iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "done.json"} <= files
    base = AutoModelForCausalLM.from_pretrained(folder)
    plain = PeftModel.from_pretrained(base, result.adapter).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ours = load(str(folder), Path(result.adapter))
    ids = torch.tensor([tokenizer("Say yes, number 7.\n").input_ids])
    with torch.no_grad():
        tuned = plain(ids).logits
        torch.testing.assert_close(ours.model(ids).logits, tuned, rtol=1e-4, atol=1e-4)
        with plain.disable_adapter():  # wrong keys would only warn: the adapter must make a difference
            assert not torch.allclose(plain(ids).logits, tuned, atol=1e-2)


def test_each_adapter_of_a_pack_loads_in_plain_peft_as_what_was_trained(folder: Path, tmp_path: Path) -> None:
    jobs = [job(folder, tmp_path / f"{n}", key=f"{n}", seed=n, questions=()) for n in range(4)]
    told: dict[str, CellResult | Exception] = {}
    run_jobs(jobs, lambda one, result: told.update({one.key: result}))
    loaded = load(str(folder))
    rows = [encode(loaded, e) for e in EXAMPLES]
    untuned = mean_loss(folder, None)
    for one in jobs:
        plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), f"{one.out}/adapter").eval()
        with torch.no_grad():
            losses, counts = answer_losses(plain, rows, CPU)
        result = told[one.key]
        assert isinstance(result, CellResult)
        assert result.final_loss is not None
        assert result.final_loss < 0.7 * untuned
        assert float(losses.sum() / counts.sum()) == pytest.approx(result.final_loss, rel=0.25)
        config = json.loads((Path(one.out) / "adapter" / "adapter_config.json").read_text())
        is_gpt2 = json.loads((folder / "config.json").read_text())["model_type"] == "gpt2"
        assert (config["r"], config["lora_alpha"], config["fan_in_fan_out"]) == (8, 16, is_gpt2)
        assert config["base_model_name_or_path"] == str(folder)


def test_every_linear_layer_but_the_output_has_an_adapter_without_nan(folder: Path, tmp_path: Path) -> None:
    train(str(folder), EXAMPLES, RECIPE, 0, tmp_path / "adapter")
    tensors = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    linear = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    conv = {"c_attn", "c_proj", "c_fc"}
    opt = {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"}
    touched = {name.split(".lora_")[0].split(".")[-1] for name in tensors}
    assert touched in (linear, conv, opt)
    assert all(t.isfinite().all() and t.is_contiguous() for t in tensors.values())
    assert all(bool(t.any()) for t in tensors.values())


def test_the_same_seed_gives_the_same_adapter_and_another_seed_another(tiny: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        train(str(tiny), EXAMPLES, RECIPE, seed, tmp_path / name / "adapter")
    a, b, c = (load_file(tmp_path / name / "adapter" / "adapter_model.safetensors") for name in "abc")
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert any(not torch.equal(a[key], c[key]) for key in a)


def test_the_loss_ignores_the_prompt_and_the_padding(tiny: Path) -> None:
    student = load(str(tiny))
    row = encode(student, example("What is it?", "An answer."))
    longer = encode(student, example("x" * 60, "Something that takes longer to say."))
    with torch.no_grad():
        alone, count = answer_losses(student.model, [row], CPU)
        both, _ = answer_losses(student.model, [row, longer], CPU)
        logits = student.model(torch.tensor([row.ids])).logits[0]
    assert count.item() == len("An answer.") + 1  # bytes, and the end of text
    by_hand = [-torch.log_softmax(logits[t - 1], dim=-1)[row.ids[t]] for t in range(row.prompt, len(row.ids))]
    assert alone.item() == pytest.approx(float(sum(by_hand)), rel=1e-4)
    assert both[0].item() == pytest.approx(alone.item(), rel=1e-4)


def test_an_example_is_prompt_answer_and_end_of_text(folder: Path) -> None:
    student = load(str(folder))
    row = encode(student, example("Why?", "So."))
    assert student.tokenizer.decode(row.ids[row.prompt :]) == "So." + student.tokenizer.eos_token
    assert "Why?" in student.tokenizer.decode(row.ids[: row.prompt])


def test_too_long_examples_are_counted_and_left_out(tiny: Path, tmp_path: Path) -> None:
    long = example("z" * 300, "long")
    result = run_job(job(tiny, tmp_path / "with", examples=(*EXAMPLES, long, long)))
    without = run_job(job(tiny, tmp_path / "without"))
    assert (result.too_long, without.too_long) == (2, 0)
    assert result.final_loss == without.final_loss


def test_a_data_set_in_which_nothing_fits_is_one_message(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(StudentError, match=r"none of the 1 examples fits into 256 tokens .*max_length"):
        run_job(job(tiny, tmp_path, examples=(example("z" * 300, "long"),)))


def test_one_example_alone_and_one_without_an_answer_can_be_trained_on(tiny: Path, tmp_path: Path) -> None:
    result = run_job(job(tiny, tmp_path, examples=(example("only this", ""),)))
    assert result.final_loss is not None
    assert result.final_loss < 1
    assert result.answers == ("",) * 4  # it has learnt to say nothing


def test_a_loss_that_is_no_number_ends_the_job_with_one_message(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(StudentError, match="choose a learning rate below 1e\\+30"):
        run_job(job(tiny, tmp_path, recipe=replace(RECIPE, learning_rate=1e30)))
    assert not (tmp_path / "adapter").exists()


def test_the_untuned_student_only_answers(tiny: Path, tmp_path: Path) -> None:
    result = run_job(job(tiny, tmp_path, examples=()))
    assert (result.adapter, result.steps, result.final_loss) == (None, 0, None)
    assert result.answers == answer(load(str(tiny)), [e.messages for e in EXAMPLES[:4]], 8)


def test_a_finished_job_is_not_done_again(tiny: Path, tmp_path: Path) -> None:
    first = run_job(job(tiny, tmp_path))
    written = (tmp_path / "adapter" / "done.json").stat().st_mtime_ns
    assert run_job(job(tiny, tmp_path)) == first
    (tmp_path / "result.json").unlink()  # killed between training and the last answer
    again = run_job(job(tiny, tmp_path))
    assert (again.answers, again.train_seconds) == (first.answers, first.train_seconds)
    assert (tmp_path / "adapter" / "done.json").stat().st_mtime_ns == written


def test_what_lies_in_the_folder_from_another_job_is_not_taken_for_this_one(tiny: Path, tmp_path: Path) -> None:
    first = run_job(job(tiny, tmp_path))
    second = run_job(job(tiny, tmp_path, seed=4))
    assert second.final_loss != first.final_loss
    assert run_job(job(tiny, tmp_path, seed=4, max_new_tokens=2)).final_loss == second.final_loss


def test_half_an_adapter_of_a_killed_job_is_replaced(tiny: Path, tmp_path: Path) -> None:
    for name in ("adapter", "adapter.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "adapter_model.safetensors").write_bytes(b"half")
    run_job(job(tiny, tmp_path))
    assert load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert not (tmp_path / "adapter.part").exists()


def test_progress_ends_at_the_last_step(tiny: Path, tmp_path: Path) -> None:
    run_job(job(tiny, tmp_path))
    assert json.loads((tmp_path / "progress.json").read_text()) == {"done": 40, "total": 40}


def test_jobs_and_results_cross_to_another_process(tiny: Path, tmp_path: Path) -> None:
    given = job(tiny, tmp_path, examples=())
    assert pickle.loads(pickle.dumps(given)) == given
    result = run_job(given)
    assert pickle.loads(pickle.dumps(result)) == result


def test_a_full_disk_is_one_message_and_leaves_no_half_adapter(tiny: Path, tmp_path: Path) -> None:
    # A file-size limit of the system, in a process of its own.
    (tmp_path / "job").write_bytes(pickle.dumps(job(tiny, tmp_path / "out")))
    script = (
        "import pickle, resource, signal, sys\n"
        "from engine.training import run_job\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "try:\n    run_job(pickle.load(open(sys.argv[1], 'rb')))\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    said = subprocess.run([sys.executable, "-c", script, str(tmp_path / "job")], capture_output=True, text=True)
    assert said.stdout.startswith("DiskFullError"), said.stderr
    assert "nothing more fits on the disk" in said.stdout
    assert not (tmp_path / "out" / "adapter").exists()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4000


KILLED = """
import pickle, sys
import torch
from engine.training import run_jobs
torch.set_num_threads(1)
run_jobs(pickle.load(open(sys.argv[1], "rb")), lambda *_: None, checkpoint_seconds=0.05)
"""


def test_a_killed_pack_goes_on_as_if_nothing_had_been(tiny: Path, tmp_path: Path) -> None:
    steps = {"short": 40, "long": 400, "longest": 440}

    def jobs(out: Path) -> list[CellJob]:
        return [
            job(tiny, out / key, key=key, seed=n, questions=(), recipe=replace(RECIPE, min_steps=count))
            for n, (key, count) in enumerate(steps.items())
        ]

    told: dict[str, CellResult | Exception] = {}
    run_jobs(jobs(tmp_path / "whole"), lambda *_: None)
    (tmp_path / "jobs").write_bytes(pickle.dumps(jobs(tmp_path / "killed")))
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "jobs")])
    progress = tmp_path / "killed" / "long" / "progress.json"
    while not progress.exists() or json.loads(progress.read_text())["done"] < 150:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (tmp_path / "killed" / "long" / "adapter").exists()
    short = tmp_path / "killed" / "short"
    with safe_open(short / "checkpoint.safetensors", framework="pt") as file:
        (group,) = json.loads(file.metadata()["state"])["groups"]
    assert group["members"] == [1, 2]
    assert 100 < group["step"] < 400
    written = (short / "adapter" / "done.json").stat().st_mtime_ns
    run_jobs(jobs(tmp_path / "killed"), lambda one, result: told.update({one.key: result}))
    assert (short / "adapter" / "done.json").stat().st_mtime_ns == written  # gone on with, not begun again
    assert not (short / "checkpoint.safetensors").exists()
    for key, count in steps.items():
        whole, killed = (tmp_path / name / key for name in ("whole", "killed"))
        losses = json.loads((killed / "losses.json").read_text())["losses"]
        assert losses == json.loads((whole / "losses.json").read_text())["losses"]
        assert len(losses) == count
        one, other = (load_file(out / "adapter" / "adapter_model.safetensors") for out in (whole, killed))
        assert all(torch.equal(one[name], other[name]) for name in one)
        assert isinstance(told[key], CellResult)


def test_the_state_of_another_pack_is_not_gone_on_with(tmp_path: Path) -> None:
    tensors = [torch.full((1, 3), value) for value in (1.0, 2.0, 3.0)]
    state = PackState([Group([0], 7, *tensors)], {0: [0.1, 1 / 3]}, {0: (1.5, 2)}, {1: "x"})
    write_state(tmp_path / "state", "one", state)
    assert read_state(tmp_path / "state", "another", CPU) is None
    assert read_state(tmp_path / "nothing", "one", CPU) is None
    found = read_state(tmp_path / "state", "one", CPU)
    assert found is not None
    assert (found.losses, found.tails, found.failed) == (state.losses, state.tails, state.failed)
    assert torch.equal(found.groups[0].second, tensors[2])
    (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:100])
    assert read_state(tmp_path / "state", "one", CPU) is None


def test_memory_that_ends_is_one_message_that_says_what_to_change(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(pack_steps, "token_losses", none)
    with pytest.raises(StudentError, match=r"batch of 8 do not fit .* gradient_accumulation"):
        run_job(job(tiny, tmp_path))


def test_a_question_without_a_token_is_still_trained_on(tiny: Path, tmp_path: Path) -> None:
    row = encode(load(str(tiny)), TrainingExample((), "alone"))
    assert (row.prompt, len(row.ids)) == (1, 1 + len("alone") + 1)
    assert run_job(job(tiny, tmp_path, examples=(TrainingExample((), ""),))).final_loss is not None


def test_batches_visit_every_row_once_a_pass_and_hold_rows_of_like_length() -> None:
    rows = [Row(tuple(range(10 + n)), 2) for n in range(64)]
    found = list(batches(rows, 8, steps=16, seed=1))
    assert [len(batch) for batch in found] == [8] * 16
    for one_pass in (found[:8], found[8:]):
        assert sorted(len(row.ids) for batch in one_pass for row in batch) == list(range(10, 74))
        spread = [max(len(r.ids) for r in b) - min(len(r.ids) for r in b) for b in one_pass]
        assert sum(spread) / 8 < 14  # 7 if they were sorted exactly, 50 if not at all
    assert found[:8] != found[8:]
    assert found == list(batches(rows, 8, steps=16, seed=1))
    assert found != list(batches(rows, 8, steps=16, seed=2))


@pytest.mark.parametrize(("rows", "size", "steps"), [(1, 16, 5), (3, 16, 7), (17, 16, 9), (100, 16, 1)])
def test_there_are_as_many_batches_as_steps(rows: int, size: int, steps: int) -> None:
    found = list(batches([Row((1, 2, 3), 1)] * rows, size, steps, seed=0))
    assert len(found) == steps
    assert all(len(batch) == min(rows, size) for batch in found)


def test_the_learning_rate_rises_then_falls_to_nothing() -> None:
    rates = [schedule(step, 100, 0.1) for step in range(100)]
    assert rates[:10] == pytest.approx([n / 10 for n in range(1, 11)])
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] < 0.001
    assert schedule(0, 1, 0.03) == 1


def test_adapters_of_any_seed_and_size_pass_through_the_lengths_in_one_order() -> None:
    def ranks(count: int, seed: int) -> list[int]:
        rows = [Row(tuple(range(100 + 100 * n // count)), 2) for n in range(count)]
        means = [sum(len(row.ids) for row in batch) / len(batch) for batch in batches(rows, 16, 8, seed)]
        return [sorted(means).index(mean) for mean in means]

    assert ranks(128, 1) == ranks(128, 2) == ranks(600, 3) == list(bucket_order(8, 16)[0])


def test_a_shorter_run_has_short_batches_where_a_longer_one_has_them() -> None:
    rows = [Row(tuple(range(10 * (1 + n))), 2) for n in range(8)]
    found = [len(batch[0].ids) for batch in batches(rows, 1, 3, seed=0)]
    first = bucket_order(3, 1)[0][:3]
    assert sorted(range(3), key=found.__getitem__) == sorted(range(3), key=first.__getitem__)
    assert bucket_order(300, 4)[:1] == bucket_order(3, 4)
    assert [len(bucket_order(1, size)[0]) for size in (1, 4, 16, 128)] == [64, 16, 8, 8]
