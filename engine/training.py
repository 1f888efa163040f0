"""Jobs in, adapters in peft's layout and their answers out; jobs of one base are trained as one pack.

What is fixed: LoRA on all linear layers but the output, AdamW without weight decay, gradients clipped at
norm 1, cosine decay after a warm-up, loss on answer tokens (the end-of-text token is one) averaged first
within an example and then over a batch's examples, so that a long answer does not outweigh a short one, no
dropout in the base. The rest is `Recipe`.

How many threads a process may use is for that process to say (`trainer.py`); on one machine the same pack
with the same number of threads gives the same adapters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from engine.answer_loss import mean_loss
from engine.answering import Answered, answers_each
from engine.decoding import is_out_of_memory
from engine.domain import CellJob, CellResult, Recipe, TrainingExample
from engine.errors import DiskFullError, StudentError
from engine.job_files import DONE, fingerprint, is_full, job_mark, read_json, result_of, training_mark, write_json
from engine.loading import LoadedStudent, load, prompt_ids
from engine.lora_files import write_adapter
from engine.pack import CHECKPOINT_SECONDS, Fitted, Keeping, train_pack
from engine.pack_steps import Member
from engine.training_order import BucketOrder, Row

CHECKPOINT = "checkpoint.safetensors"
Watch = Callable[[int, int, float | None], None]
"""Steps taken, steps in all, the last loss that is known."""
Tell = Callable[[CellJob, CellResult | Exception], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """What training reports beside the adapter."""

    steps: int
    final_loss: float
    """Mean loss per answer token over the last tenth of the steps."""
    too_long: int
    train_seconds: float
    """Its share of the time that its steps took."""


def run_job(job: CellJob) -> CellResult:
    """Trains (where there are examples) and answers; what an earlier call finished is not done again.

    `job.out` receives `adapter/`, which is complete where it holds `done.json`, `losses.json` (one a step),
    `progress.json` and at last `result.json`. StudentError where the student cannot be used, DiskFullError where
    the disk is full.
    """
    told: list[CellResult | Exception] = []
    run_jobs([job], lambda _, result: told.append(result))
    if isinstance(told[0], Exception):
        raise told[0]
    return told[0]


def run_jobs(
    jobs: Sequence[CellJob],
    tell: Tell,
    folder: Path | None = None,
    order: BucketOrder | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> None:
    """Runs jobs of one student and like recipes as one pack; tells of each as it ends, whichever way.

    `folder` keeps the pack's state, so that a killed pack goes on where it was; without one it lies with the first
    job. `order` is the order of lengths that the pack was planned with.
    """
    left = []
    for job in jobs:
        known = read_json(Path(job.out) / "result.json")
        if known is not None and known.pop("job", None) == job_mark(job):
            tell(job, result_of(known))
        else:
            left.append(job)
    if not left:
        return
    ended: set[str] = set()

    def fail(job: CellJob, error: Exception) -> None:
        if job.key not in ended:
            ended.add(job.key)
            tell(job, _translated(job, error))

    try:
        for job in left:
            Path(job.out).mkdir(parents=True, exist_ok=True)
        packed = [job for job in left if job.examples]
        if any(_trained(job) is None for job in packed):
            # All of them, also those that have their adapter: the state of a killed pack knows who has left it.
            keeping = folder or Path(packed[0].out)
            _train(packed, keeping / CHECKPOINT, fail, order, checkpoint_seconds)
    except Exception as error:
        for job in left:
            fail(job, error)
    asked = [(job, _adapter(job)) for job in left if job.key not in ended]
    for job, answered in answers_each(asked, _validation_loss):
        try:
            if isinstance(answered, Exception):
                raise answered
            result = _result(job, answered)
            write_json(Path(job.out) / "result.json", asdict(result) | {"job": job_mark(job)})
        except Exception as error:
            fail(job, error)
        else:
            tell(job, result)


def train(
    student: str,
    examples: Sequence[TrainingExample],
    recipe: Recipe,
    seed: int,
    adapter: Path,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    watch: Watch | None = None,
) -> Trained:
    """Trains one adapter into the folder `adapter`, or reads what an earlier call left there complete.

    The folder appears whole or not at all; `losses.json` (one a step) and `progress.json` lie beside it, and a
    `checkpoint.safetensors` while it is made, with which a call after a kill goes on where it was. StudentError where
    no example fits, the loss is no number, or memory ends.
    """
    job = CellJob("adapter", student, tuple(examples), recipe, seed, (), 1, str(adapter.parent))
    if adapter.name != "adapter":
        raise ValueError(f"an adapter's folder is called `adapter`, not {adapter.name}")
    found = _trained(job)
    if found is not None:
        return found

    def fail(_: CellJob, error: Exception) -> None:
        raise _translated(job, error)

    try:
        _train([job], adapter.parent / CHECKPOINT, fail, None, checkpoint_seconds, watch)
    except Exception as error:
        raise _translated(job, error) from error
    done = _trained(job)
    if done is None:
        raise StudentError(f"{adapter} was trained and is not there; was the folder moved meanwhile?")
    return done


def encode(student: LoadedStudent, example: TrainingExample) -> Row:
    """An example in the student's tokens: prompt, answer, end of text."""
    return as_row(student.tokenizer, example, student.stop_ids[0])


def as_row(tokenizer: Any, example: TrainingExample, end: int) -> Row:
    """An example in tokens, with `end` after the answer. A prompt of no tokens (an empty question, no chat template)
    becomes `end`, since something must stand before the answer."""
    prompt = prompt_ids(tokenizer, example.messages) or [end]
    completion = tokenizer(example.completion, add_special_tokens=False).input_ids
    return Row((*prompt, *completion, end), len(prompt))


def fitting(student: LoadedStudent, job: CellJob, examples: Sequence[TrainingExample] | None = None) -> list[Row]:
    """The rows of a job (or of these examples) that fit into its `max_length` and the student's context; StudentError
    where none does."""
    rows = [encode(student, example) for example in (job.examples if examples is None else examples)]
    limit = min(job.recipe.max_length, student.context)
    fit = [row for row in rows if len(row.ids) <= limit]
    if not fit:
        raise StudentError(
            f"none of the {len(rows)} examples fits into {limit} tokens (the shortest has "
            f"{min(len(row.ids) for row in rows)}); raise max_length or choose a student with a longer context"
        )
    return fit


def _train(
    jobs: Sequence[CellJob],
    checkpoint: Path,
    fail: Callable[[CellJob, Exception], None],
    order: BucketOrder | None,
    seconds: float,
    watch: Watch | None = None,
) -> None:
    """Leaves an adapter for each job that can be trained, tells `fail` of each other."""
    loaded = load(jobs[0].student, four_bit=jobs[0].recipe.four_bit)
    members: list[Member] = []
    packed: list[CellJob] = []
    for job in jobs:
        try:
            rows = fitting(loaded, job)
        except StudentError as error:
            fail(job, error)
        else:
            members.append(Member(rows, job.recipe, job.seed, Path(job.out) / "progress.json", watch))
            packed.append(job)
    if not members:
        return

    def ended(one: int, result: Fitted | StudentError) -> None:
        job, member = packed[one], members[one]
        if isinstance(result, StudentError):
            fail(job, result)
            return
        out = Path(job.out)
        trained = Trained(member.steps, result.final_loss, len(job.examples) - len(member.rows), result.seconds)
        write_json(out / "losses.json", {"losses": result.losses})
        mark = {"training": training_mark(job)}
        write_adapter(out / "adapter", result.weights, result.sites, job.recipe, job.student, asdict(trained) | mark)

    mark = fingerprint([training_mark(job) for job in packed])
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    train_pack(loaded, members, ended, Keeping(checkpoint, mark, seconds), order)
    checkpoint.unlink(missing_ok=True)


def _trained(job: CellJob) -> Trained | None:
    """What lies in the job's folder of this very training, complete."""
    done = read_json(Path(job.out) / "adapter" / DONE)
    if done is None or done.pop("training", None) != training_mark(job):
        return None
    return Trained(**done)


def _adapter(job: CellJob) -> Path | None:
    return Path(job.out) / "adapter" if _trained(job) else None


def _result(job: CellJob, answered: Answered) -> CellResult:
    trained, adapter = _trained(job), _adapter(job)
    return CellResult(
        answers=answered.replies.texts,
        adapter=None if adapter is None else str(adapter),
        steps=trained.steps if trained else 0,
        final_loss=trained.final_loss if trained else None,
        too_long=trained.too_long if trained else 0,
        train_seconds=trained.train_seconds if trained else 0.0,
        answer_seconds=answered.seconds,
        validation_loss=answered.validation_loss,
        gold=answered.gold,
        cut_prompts=answered.replies.cut_prompts,
        unended=answered.replies.unended,
    )


def _validation_loss(student: LoadedStudent, job: CellJob) -> float | None:
    rows = fitting(student, job, job.validation) if job.validation else []
    return mean_loss(student.model, rows, student.device) if rows else None


def _translated(job: CellJob, error: Exception) -> Exception:
    """In words for the user, where it is one of the machine's limits."""
    if is_full(error) and isinstance(error, OSError | SafetensorError):
        said: Exception = DiskFullError(
            f"{job.out}: nothing more fits on the disk ({error}); free some space and resume the run, "
            "what was generated and trained until now is kept"
        )
    elif is_out_of_memory(error):
        said = StudentError(
            f"student {job.student} and a batch of {job.recipe.batch_size} do not fit into this machine's memory; "
            "set gradient_accumulation or gradient_checkpointing, choose a smaller batch_size or max_length in the "
            "recipe, or a smaller student"
        )
    else:
        return error
    said.__cause__ = error
    return said
