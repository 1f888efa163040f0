"""How long a cell's training takes, beside TRL and a loop by hand: `seedpilot bench training [--shape NAME]`.

A cell is a fresh adapter on one base: from the base's files on the disk to the adapter's files on the disk. `ours` is
what a pilot runs for all cells together: planning, packs, saving. The rivals train the same cells one by one. `tight
loop` is written by hand over peft; `same batches` gives it our order of rows and our loss (logits only where there is
an answer), so that it takes the very same steps: its losses must equal ours. Contenders take turns, figures are
medians over rounds, ratios medians of the rounds' ratios. One thread, as a pilot's processes have on a CPU; what
others do on the machine disturbs the processor time less than the time by the clock, so both are given.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.nn import functional
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from benchmarks._shelf import hush, quiet
from engine import pack_plan
from engine.answer_loss import answer_losses
from engine.domain import CellJob, CellResult, Message, Recipe, TrainingExample
from engine.training import as_row, run_jobs
from engine.training_order import Row, batches, schedule

END = "<|end|>"
TIGHT, SAME = "tight loop", "tight loop, same batches"
OURS, ALONE = "ours, packs", "ours, one at a time"
TRL, TRL_GROUPED, TRL_PACKED = "TRL", "TRL, grouped by length", "TRL, packed"


@dataclass(frozen=True, slots=True)
class Shape:
    """A Llama with random weights: speed does not depend on them."""

    hidden: int
    inner: int
    layers: int
    heads: int
    words: int


SHAPES = {
    "6x256": Shape(256, 688, 6, 4, 8_000),
    "12x384": Shape(384, 1024, 12, 6, 16_000),
    "0.1B": Shape(576, 1536, 30, 9, 49_152),
    "0.5B": Shape(896, 4864, 24, 14, 151_936),
    "1.5B": Shape(1536, 8960, 28, 12, 151_936),
}


@dataclass(frozen=True, slots=True)
class Work:
    """What every contender is given."""

    student: Path
    cells: Sequence[Sequence[TrainingExample]]
    recipe: Recipe
    out: Path


Contender = Callable[[Work], list[list[float]]]
"""Trains the cells; gives each one's losses, where it knows them."""


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="6x256")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--shortest", type=int, default=12, help="tokens of an example")
    parser.add_argument("--longest", type=int, default=64)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--trl-cells", type=int, default=2, help="of them, how many TRL trains in a round")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    hush()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        student = _student(SHAPES[given.shape], Path(folder) / "student")
        cells = [_examples(given, SHAPES[given.shape].words, seed) for seed in range(given.cells)]
        for batch in given.batch:
            recipe = Recipe(batch_size=batch, epochs=given.epochs, min_steps=1, max_length=given.longest)
            rows += _measured(given, Work(student, cells, recipe, Path(folder) / "out"))
    print(json.dumps(rows))


def _measured(given: argparse.Namespace, work: Work) -> list[dict[str, Any]]:
    contenders: dict[str, Contender] = {OURS: _ours, ALONE: _ours_alone, TIGHT: _tight, SAME: _tight_same}
    try:
        import trl  # noqa: F401 - is it there
    except ImportError:
        print("trl is not installed: pip install 'trl>=1.16,<2'", file=sys.stderr)
    else:
        contenders |= {
            TRL: _trl(),
            TRL_GROUPED: _trl(train_sampling_strategy="group_by_length"),
            TRL_PACKED: _trl(packing=True),
        }
    few = replace(work, cells=work.cells[: given.trl_cells])
    took: dict[str, list[float]] = {name: [] for name in contenders}
    worked: dict[str, list[float]] = {name: [] for name in contenders}
    losses: dict[str, list[list[float]]] = {}
    for contender in contenders.values():  # once for imports, caches and the allocator
        contender(replace(work, cells=work.cells[:1]))
    for number in range(given.rounds):
        order = list(contenders)
        random.Random(number).shuffle(order)
        for name in order:
            shutil.rmtree(work.out, ignore_errors=True)
            cells = few if name.startswith("TRL") else work
            begun, busy = time.perf_counter(), time.process_time()
            losses[name] = contenders[name](cells)
            _wait_for_device()
            took[name].append((time.perf_counter() - begun) / len(cells.cells))
            worked[name].append((time.process_time() - busy) / len(cells.cells))
            print(f"batch {work.recipe.batch_size} round {number + 1} {name}: {took[name][-1]:.2f} s", file=sys.stderr)
    together = _together(work)
    return [
        {
            "shape": given.shape,
            "batch": work.recipe.batch_size,
            "what": name,
            "adapters_at_once": together if name == OURS else 1,
            "seconds_per_cell": round(median(took[name]), 3),
            "best": round(min(took[name]), 3),
            "faster_than_trl": _ratio(took.get(TRL), took[name]),
            "faster_than_tight_loop": _ratio(took[TIGHT], took[name]),
            "faster_than_tight_loop_same_batches": _ratio(took[SAME], took[name]),
            "processor_seconds_per_cell": round(median(worked[name]), 3),
            "less_processor_than_trl": _ratio(worked.get(TRL), worked[name]),
            "less_processor_than_tight_loop": _ratio(worked[TIGHT], worked[name]),
            "less_processor_than_tight_loop_same_batches": _ratio(worked[SAME], worked[name]),
            "largest_loss_difference": _farthest(losses[name], losses[SAME]) if name in (OURS, ALONE) else None,
            "rounds": given.rounds,
        }
        for name in contenders
    ]


def _ratio(theirs: list[float] | None, ours: list[float]) -> float | None:
    return None if theirs is None else round(median(a / b for a, b in zip(theirs, ours, strict=True)), 2)


def _farthest(one: list[list[float]], other: list[list[float]]) -> float:
    pairs = [(a, b) for mine, theirs in zip(one, other, strict=True) for a, b in zip(mine, theirs, strict=True)]
    return float(f"{max(abs(a - b) for a, b in pairs):.1e}")


# --- ours ---------------------------------------------------------------------------------------------


def _jobs(work: Work) -> list[CellJob]:
    return [
        CellJob(f"{n}", str(work.student), tuple(cell), work.recipe, n, (), 1, str(work.out / "cells" / f"{n}"))
        for n, cell in enumerate(work.cells)
    ]


def _ours(work: Work) -> list[list[float]]:
    jobs = {job.key: job for job in _jobs(work)}
    for plan in pack_plan.plan_packs(list(jobs.values()), 1):
        run_jobs([jobs[key] for key in plan.keys], _told, Path(plan.folder or work.out), plan.order)
    return [json.loads((Path(job.out) / "losses.json").read_text())["losses"] for job in jobs.values()]


def _ours_alone(work: Work) -> list[list[float]]:
    jobs = _jobs(work)
    for job in jobs:
        run_jobs([job], _told)
    return [json.loads((Path(job.out) / "losses.json").read_text())["losses"] for job in jobs]


def _told(_: CellJob, result: CellResult | Exception) -> None:
    if isinstance(result, Exception):
        raise result


def _together(work: Work) -> int:
    plans = pack_plan.plan_packs(_jobs(replace(work, out=work.out / "plan")), 1)
    return max(len(plan.keys) for plan in plans)


# --- by hand ------------------------------------------------------------------------------------------


def _fresh(work: Work, seed: int) -> Any:
    torch.manual_seed(seed)
    gpu = torch.cuda.is_available()
    model = AutoModelForCausalLM.from_pretrained(work.student, dtype=torch.bfloat16 if gpu else torch.float32)
    return get_peft_model(model.to("cuda" if gpu else "cpu"), _lora(work.recipe)).eval()


def _lora(recipe: Recipe) -> LoraConfig:
    return LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules="all-linear", task_type="CAUSAL_LM")


def _by_hand(work: Work, order: Callable[[list[Row], int, int], Iterator[list[Row]]], loss: Any) -> list[list[float]]:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(work.student)
    told = []
    for seed, cell in enumerate(work.cells):
        rows = [as_row(tokenizer, example, tokenizer.eos_token_id) for example in cell]
        model = _fresh(work, seed)
        weights = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=work.recipe.learning_rate, weight_decay=0.0)
        steps, losses = work.recipe.steps(len(rows)), []
        for step, batch in enumerate(order(rows, steps, seed)):
            for group in optimizer.param_groups:
                group["lr"] = work.recipe.learning_rate * schedule(step, steps, work.recipe.warmup)
            value = loss(model, batch, weights[0].device)
            value.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(value.detach())
        told.append(torch.stack(losses).tolist())
        model.save_pretrained(str(work.out / f"{seed}"))
    return told


def _tight(work: Work) -> list[list[float]]:
    def shuffled(rows: list[Row], steps: int, seed: int) -> Iterator[list[Row]]:
        rng = random.Random(seed)
        waiting: list[Row] = []
        for _ in range(steps):
            if len(waiting) < work.recipe.batch_size:
                waiting += rng.sample(rows, len(rows))
            yield waiting[: work.recipe.batch_size]
            waiting = waiting[work.recipe.batch_size :]

    def loss(model: Any, rows: list[Row], device: torch.device) -> torch.Tensor:
        width = max(len(row.ids) for row in rows)
        ids = torch.tensor([[*row.ids, *([0] * (width - len(row.ids)))] for row in rows])
        mask = torch.tensor([[1] * len(row.ids) + [0] * (width - len(row.ids)) for row in rows])
        labels = torch.tensor(
            [[*([-100] * row.prompt), *row.ids[row.prompt :], *([-100] * (width - len(row.ids)))] for row in rows]
        ).to(device)
        logits = model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False).logits
        return functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten())

    return _by_hand(work, shuffled, loss)


def _tight_same(work: Work) -> list[list[float]]:
    def loss(model: Any, rows: list[Row], device: torch.device) -> torch.Tensor:
        losses, counts = answer_losses(model, rows, device)
        return (losses / counts).mean()

    return _by_hand(work, lambda rows, steps, seed: batches(rows, work.recipe.batch_size, steps, seed), loss)


# --- TRL ----------------------------------------------------------------------------------------------


def _trl(**options: Any) -> Contender:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    def train(work: Work) -> list[list[float]]:
        gpu = torch.cuda.is_available()
        batch = work.recipe.batch_size
        sizes = {"per_device_train_batch_size": batch, "max_length": work.recipe.max_length}
        if options.get("packing"):  # a row of as many tokens as a batch has, the padding gone
            mean = 1 + sum(
                len(str(e.completion).split()) + len(_asked(e).split()) for c in work.cells for e in c
            ) // sum(len(c) for c in work.cells)
            sizes = {"per_device_train_batch_size": 1, "max_length": max(work.recipe.max_length, batch * mean)}
        for seed, cell in enumerate(work.cells):
            rows = [{"prompt": f"{_asked(e)}\n", "completion": f"{e.completion} {END}"} for e in cell]
            config = SFTConfig(
                output_dir=str(work.out / f"trl{seed}"),
                num_train_epochs=work.recipe.epochs,
                learning_rate=work.recipe.learning_rate,
                lr_scheduler_type="cosine",
                warmup_steps=max(1, round(work.recipe.steps(len(rows)) * work.recipe.warmup)),
                weight_decay=0.0,
                logging_steps=10,
                save_strategy="no",
                report_to="none",
                seed=seed,
                bf16=gpu,
                use_cpu=not gpu,
                gradient_checkpointing=False,  # ours does not either; with TRL's own default it is slower still
                disable_tqdm=True,
                dataloader_pin_memory=gpu,
                **sizes,
                **options,
            )
            trainer = SFTTrainer(
                model=AutoModelForCausalLM.from_pretrained(
                    work.student, dtype=torch.bfloat16 if gpu else torch.float32
                ),
                args=config,
                train_dataset=Dataset.from_list(rows),
                processing_class=PreTrainedTokenizerFast.from_pretrained(work.student),
                peft_config=_lora(work.recipe),
            )
            with quiet():
                trainer.train()
            trainer.save_model()
        return []

    return train


def _asked(example: TrainingExample) -> str:
    return example.messages[0].content


# --- what is trained on -------------------------------------------------------------------------------


def _student(shape: Shape, folder: Path) -> Path:
    words = {END: 0, "<|pad|>": 1, "<|unknown|>": 2} | {f"w{n}": n for n in range(3, shape.words)}
    unknown = "<|unknown|>"
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END)
    fast.add_special_tokens({"pad_token": "<|pad|>", "unk_token": unknown})
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.words,
            hidden_size=shape.hidden,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=4096,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=1,
        )
    )
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def _examples(given: argparse.Namespace, words: int, seed: int) -> list[TrainingExample]:
    """Random words: two thirds question, one third answer, from the shortest to the longest in tokens."""
    rng = random.Random(seed)
    made = []
    for _ in range(given.samples):
        size = rng.randint(given.shortest, given.longest)
        said = [f"w{rng.randrange(3, words)}" for _ in range(size - 1)]
        cut = 2 * size // 3
        made.append(TrainingExample((Message("user", " ".join(said[:cut])),), " ".join(said[cut:])))
    return made


def _wait_for_device() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
