"""The LoRA recipe, top to bottom: examples in, an adapter in peft's layout out, then its answers.

What is fixed: LoRA on all linear layers but the output, no dropout, AdamW without weight decay,
gradients clipped at norm 1, cosine decay after a warm-up, loss on answer tokens (the end-of-text
token is one) averaged first within an example and then over a batch's examples, so that a long
answer does not outweigh a short one. The rest is `Recipe`.

How many threads a job may use is for its process to say (`trainer.py`); on one machine the same job with
the same number of threads gives the same adapter.
"""

from __future__ import annotations

import errno
import hashlib
import inspect
import json
import math
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from safetensors import SafetensorError
from torch.nn import functional

from engine.domain import CellJob, CellResult, Recipe, TrainingExample
from engine.errors import DiskFullError, StudentError
from engine.inference import LoadedStudent, answer, load, prompt_ids

IGNORED = -100
"""Label of a token that takes no part in the loss."""
MAX_GRADIENT_NORM = 1.0
BUCKET = 8
"""Batches that are cut, by length, from one draw of examples; more saves padding and mixes less."""
PROGRESS_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """An example in tokens."""

    ids: tuple[int, ...]
    prompt: int
    """How many of the ids are prompt: they take no part in the loss."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What `train` reports beside the adapter."""

    steps: int
    final_loss: float
    """Mean loss per answer token over the last tenth of the steps."""
    too_long: int
    train_seconds: float


def run_job(job: CellJob) -> CellResult:
    """Trains (where there are examples) and answers; what an earlier call finished is not done again.

    `job.out` receives `adapter/`, which is complete where it holds `done.json`, `progress.json` and at
    last `result.json`. StudentError where the student cannot be used, DiskFullError where the disk is full.
    """
    out = Path(job.out)
    mark = _fingerprint(asdict(job) | {"out": None, "key": None})
    known = _read_json(out / "result.json")
    if known is not None and known.pop("job", None) == mark:
        return CellResult(**known | {"answers": tuple(known["answers"])})
    try:
        out.mkdir(parents=True, exist_ok=True)
        result = _run(job, out)
        _write_json(out / "result.json", asdict(result) | {"job": mark})
    except (OSError, SafetensorError) as error:
        if not _is_full(error):
            raise
        raise DiskFullError(
            f"{out}: nothing more fits on the disk ({error}); free some space and resume the run, "
            "what was generated and trained until now is kept"
        ) from error
    except torch.OutOfMemoryError as error:
        raise StudentError(
            f"student {job.student} and a batch of {job.recipe.batch_size} do not fit into the GPU's memory; "
            "choose a smaller batch_size or max_length in the recipe, or a smaller student"
        ) from error
    return result


def _run(job: CellJob, out: Path) -> CellResult:
    adapter = out / "adapter" if job.examples else None
    trained = None
    if adapter is not None:
        trained = train(job.student, job.examples, job.recipe, job.seed, adapter)
    started = time.perf_counter()
    answers = answer(load(job.student, adapter), job.questions, job.max_new_tokens) if job.questions else ()
    return CellResult(
        answers=answers,
        adapter=None if adapter is None else str(adapter),
        steps=trained.steps if trained else 0,
        final_loss=trained.final_loss if trained else None,
        too_long=trained.too_long if trained else 0,
        train_seconds=trained.train_seconds if trained else 0.0,
        answer_seconds=time.perf_counter() - started,
    )


def train(student: str, examples: Sequence[TrainingExample], recipe: Recipe, seed: int, adapter: Path) -> Trained:
    """Trains one adapter into the folder `adapter`, or reads what an earlier call left there complete.

    The folder appears whole or not at all; `progress.json` beside it says how far the steps are.
    StudentError where no example fits or the loss is no number.
    """
    mark = _fingerprint([student, [asdict(e) for e in examples], asdict(recipe), seed])
    done = _read_json(adapter / "done.json")
    if done is not None and done.pop("training", None) == mark:
        return Trained(**done)
    started = time.perf_counter()
    loaded = load(student)
    rows = [encode(loaded, example) for example in examples]
    limit = min(recipe.max_length, loaded.context)
    fitting = [row for row in rows if len(row.ids) <= limit]
    if not fitting:
        raise StudentError(
            f"none of the {len(rows)} examples fits into {limit} tokens (the shortest has "
            f"{min(len(row.ids) for row in rows)}); raise max_length or choose a student with a longer context"
        )
    model = _with_lora(loaded, recipe, seed)
    steps, final_loss = _optimise(model, fitting, recipe, seed, adapter.parent / "progress.json")
    trained = Trained(steps, final_loss, len(rows) - len(fitting), time.perf_counter() - started)
    _save(model, adapter, asdict(trained) | {"training": mark})
    return trained


def encode(student: LoadedStudent, example: TrainingExample) -> Row:
    """An example in the student's tokens: prompt, answer, end of text."""
    prompt = prompt_ids(student.tokenizer, example.messages)
    completion = student.tokenizer(example.completion, add_special_tokens=False).input_ids
    return Row((*prompt, *completion, student.stop_ids[0]), len(prompt))


def _with_lora(student: LoadedStudent, recipe: Recipe, seed: int) -> Any:
    torch.manual_seed(seed)  # peft draws A from torch's own generator
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,  # type: ignore[arg-type]  # any number will do
        target_modules="all-linear",
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(student.model, config).train()


def _optimise(model: Any, rows: Sequence[Row], recipe: Recipe, seed: int, progress: Path) -> tuple[int, float]:
    """Takes the recipe's steps; gives their number and the final loss per answer token."""
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.0)
    steps = recipe.steps(len(rows))
    device = weights[0].device
    tail_loss, tail_tokens, told = 0.0, 0, 0.0
    for step, batch in enumerate(batches(rows, recipe.batch_size, steps, seed)):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * schedule(step, steps, recipe.warmup)
        losses, counts = answer_losses(model, batch, device)
        loss = (losses / counts).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(weights, MAX_GRADIENT_NORM)
        if not math.isfinite(norm.item()):
            raise StudentError(
                f"the loss became {loss.item()} at step {step + 1} of {steps}; "
                f"choose a learning rate below {recipe.learning_rate:g}"
            )
        optimizer.step()
        optimizer.zero_grad()
        if step >= steps - max(1, steps // 10):
            tail_loss += float(losses.detach().sum())
            tail_tokens += int(counts.sum())
        if time.monotonic() - told > PROGRESS_SECONDS or step == steps - 1:
            _write_json(progress, {"done": step + 1, "total": steps})
            told = time.monotonic()
    return steps, tail_loss / tail_tokens


def schedule(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate at a step, counted from 0: linear rise, then cosine to zero."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def batches(rows: Sequence[Row], size: int, steps: int, seed: int) -> Iterator[list[Row]]:
    """As many batches as there are steps: pass after pass over the rows, rows of like length together.

    Each pass is in an order of its own. Of the stream of passes, `BUCKET` batches at a time are sorted by
    length, cut and shuffled. With fewer rows than `size`, a batch is all rows.
    """
    rng = random.Random(seed)
    size = min(size, len(rows))
    waiting: list[int] = []
    given = 0
    while given < steps:
        while len(waiting) < size * BUCKET:
            waiting += rng.sample(range(len(rows)), len(rows))
        drawn, waiting = waiting[: size * BUCKET], waiting[size * BUCKET :]
        drawn = drawn[: size * (steps - given)]
        drawn.sort(key=lambda i: len(rows[i].ids))
        cut = [drawn[at : at + size] for at in range(0, len(drawn), size)]
        rng.shuffle(cut)
        given += len(cut)
        yield from ([rows[i] for i in batch] for batch in cut)


def answer_losses(model: Any, rows: Sequence[Row], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each row the loss summed over its answer tokens, and how many these are; both float [rows]."""
    width = max(len(row.ids) for row in rows)
    # Padded on the right with whatever: the mask hides it from the model and the label from the loss.
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, IGNORED)
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = torch.tensor(row.ids)
        mask[i, : len(row.ids)] = 1
        labels[i, row.prompt : len(row.ids)] = ids[i, row.prompt : len(row.ids)]
    # The token in column t is predicted in column t - 1; other columns need no logits.
    columns = (labels[:, 1:] != IGNORED).any(dim=0).nonzero().squeeze(1).to(device)
    ids, mask, labels = ids.to(device), mask.to(device), labels.to(device)
    logits = _logits(model, ids, mask, columns)
    targets = labels[:, columns + 1]
    losses = functional.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="none"
    ).view_as(targets)
    return losses.sum(dim=1), (targets != IGNORED).sum(dim=1).float()


def _logits(model: Any, ids: torch.Tensor, mask: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    inputs = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    if "logits_to_keep" in inspect.signature(base.forward).parameters:
        kept: torch.Tensor = model(**inputs, logits_to_keep=columns).logits
        return kept
    whole: torch.Tensor = model(**inputs).logits
    return whole[:, columns]


# --- files --------------------------------------------------------------------------------------------


def _save(model: Any, adapter: Path, done: dict[str, Any]) -> None:
    """Writes the adapter beside its place, then moves it there whole."""
    part = adapter.with_name(f"{adapter.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(str(part), safe_serialization=True)
    _write_json(part / "done.json", done)
    shutil.rmtree(adapter, ignore_errors=True)
    part.replace(adapter)


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    part.replace(path)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _fingerprint(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _is_full(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return True
    # safetensors passes the system's message on as text.
    return any(said in str(error) for said in ("No space left", "File too large", "quota exceeded"))
