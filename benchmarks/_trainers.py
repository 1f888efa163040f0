"""Who trains one adapter after the other: a loop by hand over peft, and TRL's SFTTrainer."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from benchmarks._shelf import quiet
from benchmarks._work import END, Contender, Work
from engine.answer_loss import answer_losses
from engine.domain import Recipe, TrainingExample
from engine.training import as_row
from engine.training_order import Row, batches, schedule

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


def tight(work: Work) -> list[list[float]]:
    """The loop as one writes it: shuffled rows, padded to the longest, logits everywhere."""

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


def tight_same(work: Work) -> list[list[float]]:
    """The loop on our batches, with our loss."""

    def loss(model: Any, rows: list[Row], device: torch.device) -> torch.Tensor:
        losses, counts = answer_losses(model, rows, device)
        return (losses / counts).mean()

    return _by_hand(work, lambda rows, steps, seed: batches(rows, work.recipe.batch_size, steps, seed), loss)


# --- TRL ----------------------------------------------------------------------------------------------


def trl(**options: Any) -> Contender:
    """TRL's trainer, with these options beside the plain ones."""
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
