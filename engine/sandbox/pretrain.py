"""Makes the sandbox students: `python -m engine.sandbox.pretrain --worlds maths sql ... --steps N --out FOLDER`.

A student reads sums, questions of its whole worlds without answers or answers without questions, and worked
answers to an easier part of them (`documents.py`). It is written in hub layout with a card that says how it was made
and what it can do.

Every few minutes all that it takes to go on is kept in `FOLDER/checkpoint`; the same command goes on from there,
exactly as if it had not been stopped. `--from FOLDER` begins with another student's weights, word by word where it
knows the word.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from engine.sandbox.catalogue import NAMES, world_of
from engine.sandbox.checkpoint import Checkpoint
from engine.sandbox.documents import IGNORED, MIX, TEXTS, Document, batch, documents
from engine.sandbox.measure import right_answers
from engine.sandbox.student import HEAD, LAYERS, WIDTH, build_model, build_tokenizer
from engine.settings import ROOT, Settings
from engine.training_order import schedule

BATCH = 32
BATCHES_DRAWN = 8
"""Batches that are cut, by length, from one draw of documents."""
PEAK_RATE = 1.5e-3
CHECK_ITEMS = 300
"""Test items of each world that the card's figures are measured on."""
CHECKPOINT_S = 180.0


@dataclass(frozen=True, slots=True)
class Making:
    """How a student is made."""

    worlds: Mapping[str, float]
    """Name of a world -> its share of the documents, as a weight."""
    steps: int
    seed: int = 0
    rate: float = PEAK_RATE
    batch: int = BATCH
    start: str | None = None
    """Folder of the student whose weights it begins with; None: random ones. It must be of the same size."""
    width: int = WIDTH
    layers: int = LAYERS


def begun(making: Making) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """A student before its first step. Words that the earlier student does not know begin at random."""
    tokenizer = build_tokenizer(word for name in making.worlds for word in world_of(name).words())
    model = build_model(making.seed, len(tokenizer), making.width, making.layers)
    if making.start is not None:
        earlier = AutoModelForCausalLM.from_pretrained(making.start, use_safetensors=True, dtype=torch.float32)
        tokens = AutoTokenizer.from_pretrained(making.start).get_vocab()
        weights, own = earlier.state_dict(), model.state_dict()
        for name, value in own.items():
            if value.shape[0] != len(tokenizer):
                value.copy_(weights[name])
        for token, row in tokenizer.get_vocab().items():
            if token in tokens:
                own["model.embed_tokens.weight"][row] = weights["model.embed_tokens.weight"][tokens[token]]
        model.load_state_dict(own)
    return model.train(), tokenizer


def loss_of(model: Any, found: Sequence[Document]) -> torch.Tensor:
    """Mean loss of the learnt tokens; only they pass through the head."""
    ids, mask, labels = batch(found)
    hidden = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state[:, :-1]
    wanted = labels[:, 1:] != IGNORED
    return functional.cross_entropy(model.lm_head(hidden[wanted]), labels[:, 1:][wanted])


def pretrain(
    making: Making, out: Path, checkpoint_s: float = CHECKPOINT_S, check: Callable[[], None] = lambda: None
) -> float:
    """Trains the student into `out`, from where it was stopped; gives the seconds that it took in all.

    `check` is called before every step, and may raise to stop.
    """
    started = kept_at = time.perf_counter()
    rng = random.Random(making.seed)
    model, tokenizer = begun(making)
    optimizer = torch.optim.AdamW(model.parameters(), lr=making.rate, betas=(0.9, 0.98), weight_decay=0.01)
    checkpoint = Checkpoint(out / "checkpoint", json.loads(json.dumps(asdict(making))))
    first, before = checkpoint.restore(model, optimizer, rng)
    source = documents(tokenizer, rng, making.worlds)
    waiting: list[list[Document]] = []
    for step in range(first, making.steps):
        check()
        if not waiting:
            now = time.perf_counter()
            if step > first and now - kept_at > checkpoint_s:
                checkpoint.keep(model, optimizer, rng, step, before + now - started)
                kept_at = now
            drawn = sorted((next(source) for _ in range(making.batch * BATCHES_DRAWN)), key=lambda one: len(one.ids))
            waiting = [drawn[at : at + making.batch] for at in range(0, len(drawn), making.batch)]
            rng.shuffle(waiting)
        for group in optimizer.param_groups:
            group["lr"] = making.rate * schedule(step, making.steps, warmup=0.02)
        loss = loss_of(model, waiting.pop())
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0 or step == making.steps - 1:
            spent = before + time.perf_counter() - started
            print(f"step {step} of {making.steps}: loss {loss.item():.3f}, {spent:.0f} s", flush=True)
    model.generation_config = GenerationConfig(eos_token_id=0)  # type: ignore[no-untyped-call]
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    shutil.rmtree(out / "checkpoint", ignore_errors=True)
    return before + time.perf_counter() - started


CARD = """---
license: mit
library_name: transformers
pipeline_tag: text-generation
---

# The student of the sandbox's worlds

A Llama of {parameters:,} parameters that reads the questions of SeedPilot's sandbox ({worlds}) and nothing
else. It is for practice without key or GPU and for the atlas; what it does says nothing about real students.

Made by `{command}` in {seconds:.0f} seconds with {threads} threads (torch {torch}), {beginning}:
{steps} steps of {batch} documents, AdamW with a peak learning rate of {rate:g}, learning on answers alone but
for the {texts} of documents that are questions of the whole worlds without answers, or answers without
questions. The others are worked answers to an easier part of each world (docs/sandbox.md). No problem
that is held out for tests was among them.

Right without tuning, on the first {items} test items of each world, greedy decoding:

{table}
"""


def main() -> None:
    """Trains, measures, and writes the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=list(NAMES), help="worlds, each as NAME or NAME=WEIGHT")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="peak learning rate")
    parser.add_argument("--batch", type=int, default=BATCH, help="documents in a step")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--from", dest="start", help="folder of a student to begin with (default: random weights)")
    parser.add_argument("--width", type=int, default=WIDTH, help=f"features of a token, a multiple of {HEAD}")
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--out", type=Path, default=Settings().data / "sandbox" / "worlds-student")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    parts = [one.partition("=") for one in given.worlds]
    worlds = {world_of(name).name: float(weight or 1) for name, _, weight in parts}
    if given.width % HEAD or given.width <= 0:
        parser.error(f"--width {given.width}: expected a multiple of {HEAD}, the features of one attention head")
    size = (given.width, given.layers)
    making = Making(worlds, given.steps, given.seed, given.rate, given.batch, given.start, *size)
    seconds = pretrain(making, given.out)
    shares = {name: right_answers(name, str(given.out), CHECK_ITEMS) for name in worlds}
    where = given.out.resolve()
    out = where.relative_to(ROOT) if where.is_relative_to(ROOT) else where
    begins = f" --from {given.start}" if given.start else ""
    command = (
        f"python -m engine.sandbox.pretrain --worlds {' '.join(given.worlds)} --steps {given.steps} "
        f"--seed {given.seed} --rate {given.rate:g} --batch {given.batch} --threads {given.threads}{begins}"
        f"{'' if size == (WIDTH, LAYERS) else f' --width {given.width} --layers {given.layers}'} --out {out}"
    )
    card = CARD.format(
        parameters=build_model(0, len(AutoTokenizer.from_pretrained(given.out)), *size).num_parameters(),
        worlds=", ".join(worlds),
        command=command,
        seconds=seconds,
        threads=given.threads,
        torch=torch.__version__,
        beginning=f"from the weights in {given.start}" if given.start else f"from random weights of seed {given.seed}",
        steps=given.steps,
        batch=given.batch,
        rate=given.rate,
        texts=" ".join([f"{MIX['texts']:.0%}", *(f"({name}: {share:.0%})" for name, share in TEXTS.items())]),
        items=CHECK_ITEMS,
        table="\n".join(f"- {name}: **{share:.1%}**" for name, share in shares.items()),
    )
    (given.out / "README.md").write_text(card, encoding="utf-8")
    print("; ".join(f"{name} {share:.1%}" for name, share in shares.items()), f"right without tuning, {seconds:.0f} s")


if __name__ == "__main__":
    main()
