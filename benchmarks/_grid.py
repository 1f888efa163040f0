"""A grid as it is run off the shelf: each cell asks for its own data, TRL's trainer fits it, peft's generate answers.

The same prompts, filters, rows, recipe, student, test items and scorer as a pilot's; what is missing is what a pilot
does beyond the tools: no pool serves two cells, no two adapters share a step, no batch is refilled.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

from benchmarks._shelf import quiet
from engine.costs import examples_for
from engine.curation import curate
from engine.domain import Baseline, Cell, Item, Measurement, Outcome, Paid, Request, Strategy, TrainingExample
from engine.prepare import Prepared
from engine.strategies import PLAIN, Visit, drafter
from engine.teachers.sandbox import SandboxTeacher
from engine.training_set import asked_by, training_set

OWN_DRAWS = 10_000
"""Between the sample indices of two cells: no reply of one is another's."""


@dataclass(frozen=True, slots=True)
class GridCell:
    """One cell with its own data."""

    cell: Cell
    examples: tuple[TrainingExample, ...]
    queries: int
    """That its data took."""
    asking_seconds: float
    """Of the teacher alone, which answers at once here."""

    def steps(self, ready: Prepared) -> int:
        """Optimizer steps of its adapter; none for the untuned student."""
        return ready.recipe.steps(len(self.examples)) if self.examples else 0


@dataclass(frozen=True, slots=True)
class Timed:
    """What one cell took, by the clock and of the processor."""

    steps: int
    training: tuple[float, float]
    answering: tuple[float, float]
    correct: int
    items: int


def grid_cells(ready: Prepared) -> list[GridCell]:
    """Every cell of the plan's grid that decides: the untuned student, the seeds alone, strategies."""
    plain = [
        cell
        for cell in ready.cells
        if cell.variant == "plain" and not cell.pool and cell.arm not in (Baseline.TEACHER, Baseline.UNTUNED_FEW_SHOT)
    ]
    return [_with_data(ready, cell, number) for number, cell in enumerate(plain)]


def _with_data(ready: Prepared, cell: Cell, number: int) -> GridCell:
    seeds = ready.seeds[: cell.seeds]
    rows = [(seed.asked, seed.answer) for seed in seeds]
    if cell.arm is Baseline.UNTUNED:
        return GridCell(cell, (), 0, 0.0)
    if not isinstance(cell.arm, Strategy):
        return GridCell(cell, training_set(ready.task, rows, [], None), 0, 0.0)
    strategy, teacher, asked = cell.arm, SandboxTeacher(), 0
    order = PLAIN.order(seeds, together=strategy is Strategy.NEW_QUESTION)
    spent = 0.0

    async def ask(request: Request) -> Paid:
        nonlocal asked, spent
        asked += 1
        begun = time.perf_counter()
        reply = await teacher.ask(replace(request, sample_index=request.sample_index + number * OWN_DRAWS))
        spent += time.perf_counter() - begun
        return Paid(reply, asked)

    async def drafts() -> list[Any]:
        made = []
        for visit in range(examples_for(cell.budget, strategy)):
            seed, sample = order.at(visit)
            draft = await drafter(strategy)(Visit(ready.task, seed, sample, ask, ask))
            made.append(replace(draft, seed_id=seed.id, sample_index=sample))
        return made

    kept = curate(strategy, seeds, ready.test, asyncio.run(drafts())).examples
    read = asked_by(ready.seeds)
    generated = [(read(example), example.answer) for example in kept if example is not None]
    return GridCell(cell, training_set(ready.task, rows, generated, None), asked, spent)


# --- off the shelf ------------------------------------------------------------------------------------


def fit(ready: Prepared, one: GridCell, out: Path) -> tuple[Any, tuple[float, float]]:
    """TRL's trainer from the base on the disk to the adapter on the disk; the model in peft's wrapper, and the time."""
    recipe, path = ready.recipe, ready.student.path
    begun, busy = time.perf_counter(), time.process_time()
    if not one.examples:
        return AutoModelForCausalLM.from_pretrained(path), (time.perf_counter() - begun, time.process_time() - busy)
    steps = one.steps(ready)
    config = SFTConfig(
        output_dir=str(out),
        max_steps=steps,
        per_device_train_batch_size=recipe.batch_size,
        max_length=recipe.max_length,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=max(1, round(steps * recipe.warmup)),
        weight_decay=0.0,
        logging_steps=10,
        save_strategy="no",
        report_to="none",
        seed=1000 + one.cell.replicate,
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    rows = [{"prompt": _prompt(example.messages), "completion": example.completion} for example in one.examples]
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(path),
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(path),
        peft_config=LoraConfig(
            r=recipe.rank, lora_alpha=recipe.alpha, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
    )
    with quiet():
        trainer.train()
    trainer.save_model()
    return trainer.model, (time.perf_counter() - begun, time.process_time() - busy)


def replies(ready: Prepared, model: Any, items: Sequence[Item], batch: int) -> tuple[list[str], tuple[float, float]]:
    """Greedy answers by `generate`, so many questions a batch in the order of the items; and the time."""
    tokenizer = AutoTokenizer.from_pretrained(ready.student.path, padding_side="left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model.eval()
    said: list[str] = []
    begun, busy = time.perf_counter(), time.process_time()
    for at in range(0, len(items), batch):
        asked = [_prompt(ready.task.student_prompt(item.asked)) for item in items[at : at + batch]]
        given = tokenizer(asked, return_tensors="pt", padding=True, return_token_type_ids=False)
        with torch.inference_mode():
            out = model.generate(
                **given,
                do_sample=False,
                max_new_tokens=ready.plan.max_new_tokens,
                pad_token_id=tokenizer.pad_token_id,
            )
        said += tokenizer.batch_decode(out[:, given["input_ids"].shape[1] :], skip_special_tokens=True)
    return [text.strip() for text in said], (time.perf_counter() - begun, time.process_time() - busy)


def _prompt(messages: Sequence[Any]) -> str:
    return "".join(f"{message.content}\n" for message in messages)


def right(ready: Prepared, items: Sequence[Item], said: Sequence[str | None]) -> list[float | None]:
    """Of each reply: 1 right, 0 wrong, None not scored."""
    found = [ready.task.score_item(item, reply or "").outcome for item, reply in zip(items, said, strict=True)]
    return [None if one == Outcome.NOT_SCORED else float(one == Outcome.RIGHT) for one in found]


def measured(ready: Prepared, one: GridCell, said: Sequence[str | None]) -> Measurement:
    """The cell's result, as the advice reads it."""
    outcomes = right(ready, ready.test, said)
    scored = [outcome for outcome in outcomes if outcome is not None]
    examples = max(0, len(one.examples) - one.cell.seeds)
    not_scored = len(outcomes) - len(scored)
    return Measurement(one.cell, int(sum(scored)), len(scored), not_scored, examples, outcomes=tuple(outcomes))
