"""Tunes the query encoder by LoRA (peft); passages and their vectors stay as they are.

    loss = contrastive + weight * distance

`contrastive` is InfoNCE of a query against the passages of its batch (and its hard negatives), where a passage that is
relevant to the query too is no negative. `distance` is SoftQE's: the squared distance of the plain query's vector to
that of the expanded query (summed over the numbers of a vector, in units of the targets' mean squared length, so that a
weight means the same for any encoder).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch.nn import functional

from engine.retrieval.encoder import Encoder, vectors_of
from engine.retrieval.recipe import TuningRecipe
from engine.retrieval.search import Vectors
from engine.training_order import schedule

WARMUP = 0.1


@dataclass(frozen=True, slots=True)
class Lesson:
    """One query of the training data."""

    query: str
    relevant: tuple[str, ...]
    """Passages that answer it; one of them is drawn each time."""
    target: int | None = None
    """Row of the targets: where the expanded query lies. None: the contrastive loss alone teaches it."""
    hard: tuple[str, ...] = ()
    """Passages that look like an answer and are not judged to be one."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What a query encoder is taught by."""

    contrastive: bool = True
    weight: float = 0.0
    """Of the distance to the expanded query's vector."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What the tuning came to, while the encoder is tuned."""

    step: int
    """Of the encoder that was kept; 0 is the untuned one."""
    looks: tuple[tuple[int, float], ...]
    """Step and score on the queries to choose by."""


@dataclass(frozen=True, slots=True)
class Index:
    """Passages with their vectors, which never change."""

    vectors: Vectors
    ids: tuple[str, ...]
    places: Mapping[str, int]


@contextmanager
def tuned(
    encoder: Encoder,
    lessons: Sequence[Lesson],
    targets: Vectors | None,
    index: Index,
    objective: Objective,
    recipe: TuningRecipe,
    seed: int,
    look: Callable[[], float] | None,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Tuned]:
    """Tunes the encoder; within the block it encodes queries as tuned, after it as before.

    `look` scores the encoder as it is on queries to choose by (higher is better); None keeps the last one. `check`
    raises where the user wants to stop.
    """
    base = encoder.model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder.model = get_peft_model(
            base, LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=0.0, target_modules="all-linear")
        )
        try:
            yield _train(encoder, lessons, targets, index, objective, recipe, seed, look, check)
        finally:
            encoder.model = encoder.model.unload()
            encoder.model.eval().requires_grad_(False)


def save_adapter(encoder: Encoder, folder: Path) -> None:
    """Writes the tuned encoder's adapter in peft's layout."""
    encoder.model.save_pretrained(folder, safe_serialization=True)


def _train(
    encoder: Encoder,
    lessons: Sequence[Lesson],
    targets: Vectors | None,
    index: Index,
    objective: Objective,
    recipe: TuningRecipe,
    seed: int,
    look: Callable[[], float] | None,
    check: Callable[[], None],
) -> Tuned:
    model = encoder.model
    device = next(model.parameters()).device
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.0)
    aims = None if targets is None else torch.from_numpy(targets).to(device)
    unit = 1.0 if aims is None else float(aims.square().sum(1).mean())
    rng = random.Random(f"tuning-{seed}")
    drawn = _passes(lessons, recipe.batch_size, rng)
    kept = {name: value.clone() for name, value in get_peft_model_state_dict(model).items()}
    looks = [] if look is None else [(0, look())]
    for step in range(recipe.steps):
        check()
        batch = next(drawn)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * schedule(step, recipe.steps, WARMUP)
        model.train()
        vectors = vectors_of(encoder, [lesson.query for lesson in batch], "query")
        loss = vectors.sum() * 0.0
        if objective.contrastive:
            loss = loss + _contrastive(vectors, batch, index, encoder, recipe, rng)
        aimed = [at for at, lesson in enumerate(batch) if lesson.target is not None]
        if objective.weight and aims is not None and aimed:
            there = aims[[lesson.target for lesson in batch if lesson.target is not None]]
            # Per query of the batch, not per query with an expansion: the fewer there are, the less they pull.
            loss = loss + objective.weight * (vectors[aimed] - there).square().sum() / unit / len(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        last = step == recipe.steps - 1
        if look is not None and ((step + 1) % recipe.look_every == 0 or last):
            model.eval()
            looks.append((step + 1, look()))
            if looks[-1][1] > max(score for _, score in looks[:-1]):
                kept = {name: value.clone() for name, value in get_peft_model_state_dict(model).items()}
    model.eval()
    if look is None:
        return Tuned(recipe.steps, ())
    set_peft_model_state_dict(model, kept)
    best = max(looks, key=lambda one: (one[1], -one[0]))
    return Tuned(best[0], tuple(looks))


def _contrastive(
    vectors: torch.Tensor,
    batch: Sequence[Lesson],
    index: Index,
    encoder: Encoder,
    recipe: TuningRecipe,
    rng: random.Random,
) -> torch.Tensor:
    right = [rng.choice(lesson.relevant) for lesson in batch]
    hard = [name for lesson in batch for name in rng.sample(lesson.hard, min(recipe.hard_negatives, len(lesson.hard)))]
    there = list(dict.fromkeys([*right, *hard]))
    column = {name: at for at, name in enumerate(there)}
    rows = torch.from_numpy(index.vectors[[index.places[name] for name in there]]).to(vectors.device)
    scores = vectors @ rows.T / (recipe.temperature if encoder.normalised else 1.0)
    truth = torch.tensor([column[name] for name in right], device=scores.device)
    hidden = torch.zeros_like(scores, dtype=torch.bool)
    for row, (lesson, own) in enumerate(zip(batch, right, strict=True)):
        for name in lesson.relevant:
            if name != own and name in column:
                hidden[row, column[name]] = True
    return functional.cross_entropy(scores.masked_fill(hidden, -torch.inf), truth)


def _passes(lessons: Sequence[Lesson], size: int, rng: random.Random) -> Iterator[list[Lesson]]:
    """Batches without end, pass after pass in an order of its own; a pass's last ones open the next batch."""
    waiting: list[Lesson] = []
    size = min(size, len(lessons))
    while True:
        while len(waiting) < size:
            waiting += rng.sample(list(lessons), len(lessons))
        yield waiting[:size]
        waiting = waiting[size:]
