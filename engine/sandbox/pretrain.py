"""Makes the sandbox student: `python -m engine.sandbox.pretrain` (minutes on one core).

It reads three kinds of text, none of which holds a problem that is held out for tests: sums, questions
of the whole world without an answer, and worked answers to an easier part of the world (`sample_easy`).
The student is written in hub layout with a card that says how it was made and what it can do.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional
from transformers import GenerationConfig, PreTrainedTokenizerFast

from engine.domain import Outcome
from engine.inference import answer
from engine.loading import load
from engine.sandbox.language import worked, write
from engine.sandbox.maths import EASY_SENTENCES, EASY_STEPS, HARD, sample_easy
from engine.sandbox.problems import HIGH, LOW, Sum, sample_problem
from engine.sandbox.student import END, build_model, build_tokenizer
from engine.sandbox.world import held_out, test_items
from engine.settings import ROOT, Settings
from engine.tasks.math import TASK
from engine.training_order import schedule

MIX = {"sums": 0.1, "texts": 0.05, "problems": 0.85}
"""Share of each kind of text among the documents."""
SUMS_A_DOCUMENT = 10
BATCH = 32
IGNORED = -100
"""Label of a token that takes no part in the loss."""
PEAK_RATE = 1.5e-3
CHECK_ITEMS = 500
"""Test items that the card's figure is measured on."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text in tokens, and which of them the student is asked to predict."""

    ids: list[int]
    learnt: list[bool]


def random_sum(rng: random.Random) -> Sum:
    """A sum whose numbers stay within the world, each sign as often as the others."""
    sign = rng.choice("+-*/")
    while True:
        if sign in "+-":
            found = Sum(rng.randint(LOW, HIGH), sign, rng.randint(LOW, HIGH))
        else:
            small, other = rng.randint(LOW, 12), rng.randint(LOW, HIGH // 2)
            pair = (small, other) if rng.random() < 0.5 else (other, small)
            found = Sum(*pair[:1], "*", pair[1]) if sign == "*" else Sum(small * other, "/", pair[0])
        if LOW <= found.result <= HIGH and found.left <= HIGH:
            return found


def documents(tokenizer: PreTrainedTokenizerFast, rng: random.Random) -> Iterator[Document]:
    """Document after document, without end."""
    equals = tokenizer.convert_tokens_to_ids("▁=")
    newline = tokenizer.convert_tokens_to_ids("\n")
    while True:
        kind = rng.choices(list(MIX), list(MIX.values()))[0]
        if kind == "sums":
            text = "\n".join(str(random_sum(rng)) for _ in range(SUMS_A_DOCUMENT)) + "\n"
            ids = tokenizer(text).input_ids
            learnt, result = [], False
            for one in ids:
                learnt.append(result)  # the numbers of a sum are random, only its result can be learnt
                result = one == equals or (result and one != newline)
            yield Document(ids, learnt)
            continue
        if kind == "texts":
            problem = sample_problem(rng)
            if not held_out(problem):
                ids = tokenizer(write(problem, rng) + "\n").input_ids
                yield Document(ids, [True] * len(ids))
            continue
        problem = sample_easy(rng)
        prompt = tokenizer(write(problem, rng, EASY_SENTENCES) + "\n").input_ids
        solution = tokenizer(worked(problem, rng) + END).input_ids
        yield Document(prompt + solution, [False] * len(prompt) + [True] * len(solution))


def batch(found: list[Document]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, mask and labels, each [documents, longest], padded on the right."""
    width = max(len(one.ids) for one in found)
    ids = torch.zeros((len(found), width), dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, IGNORED)
    for row, one in enumerate(found):
        values = torch.tensor(one.ids)
        ids[row, : len(values)] = values
        mask[row, : len(values)] = 1
        labels[row, : len(values)] = torch.where(torch.tensor(one.learnt), values, IGNORED)
    return ids, mask, labels


def pretrain(steps: int, seed: int, out: Path) -> float:
    """Trains the student from scratch into `out`; gives the seconds that it took."""
    started = time.perf_counter()
    rng = random.Random(seed)
    tokenizer = build_tokenizer()
    model = build_model(seed, len(tokenizer)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    source = documents(tokenizer, rng)
    waiting: list[list[Document]] = []
    for step in range(steps):
        if not waiting:
            drawn = sorted((next(source) for _ in range(BATCH * 8)), key=lambda one: len(one.ids))
            waiting = [drawn[at : at + BATCH] for at in range(0, len(drawn), BATCH)]
            rng.shuffle(waiting)
        ids, mask, labels = batch(waiting.pop())
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * schedule(step, steps, warmup=0.02)
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
        loss = functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step} of {steps}: loss {loss.item():.3f}, {time.perf_counter() - started:.0f} s")
    model.generation_config = GenerationConfig(eos_token_id=0)  # type: ignore[no-untyped-call]
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return time.perf_counter() - started


def accuracy(student: Path, items: int) -> float:
    """Share of the first test items that the student answers right, untuned."""
    tests = test_items(items)
    replies = answer(load(str(student)), [TASK.student_prompt(item.question) for item in tests], 200)
    scores = [TASK.score(item.answer, reply) for item, reply in zip(tests, replies, strict=True)]
    return sum(score.outcome is Outcome.RIGHT for score in scores) / items


CARD = """---
license: mit
library_name: transformers
pipeline_tag: text-generation
---

# The sandbox student

A Llama of {parameters:,} parameters that reads the maths word problems of SeedPilot's sandbox and nothing
else. It is for practice without key or GPU; what it does says nothing about real students.

Made by `{command}` in {seconds:.0f} seconds with {threads} threads (torch {torch}): {steps} steps of
{batch} documents from seed {seed}, AdamW with a peak learning rate of {rate:g}. It read sums of numbers
from 2 to 99 ({sums:.0%} of the documents), questions of the whole world without answers ({texts:.0%}), and
worked answers to an easier part of it ({problems:.0%}): at most {easy_steps} steps, the first
{sentences:.0%} of each kind's sentences, and none of the kinds {hard}. No problem that is held out for
tests was among them.

Measured on the first {items} test items of the world (`engine.sandbox.world.test_items`), greedy decoding:
**{accuracy:.1%}** right without tuning.
"""


def main() -> None:
    """Trains, measures, and writes the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Settings().data / "sandbox" / "student")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    seconds = pretrain(given.steps, given.seed, given.out)
    right = accuracy(given.out, CHECK_ITEMS)
    where = given.out.resolve()
    out = where.relative_to(ROOT) if where.is_relative_to(ROOT) else where
    card = CARD.format(
        parameters=build_model(0, len(build_tokenizer())).num_parameters(),
        command=f"python -m engine.sandbox.pretrain --steps {given.steps} --seed {given.seed} "
        f"--threads {given.threads} --out {out}",
        seconds=seconds,
        threads=given.threads,
        torch=torch.__version__,
        **{"steps": given.steps, "batch": BATCH, "seed": given.seed, "rate": PEAK_RATE, **MIX},
        easy_steps=max(EASY_STEPS),
        sentences=EASY_SENTENCES,
        hard=", ".join(sorted(HARD)),
        items=CHECK_ITEMS,
        accuracy=right,
    )
    (given.out / "README.md").write_text(card, encoding="utf-8")
    print(f"{right:.1%} of {CHECK_ITEMS} test items right without tuning, {seconds:.0f} s")


if __name__ == "__main__":
    main()
