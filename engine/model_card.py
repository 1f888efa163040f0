"""The card of a trained adapter, or of the student with it in its weights: what it is, what it learned from, and how
well it did.

Names come from others (models, endpoints, the user's files): they are put down as text that is neither Markdown nor
HTML. No question and no answer stands in the card, no key, and no path of this machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from engine.data_card import plain
from engine.domain import Interval


@dataclass(frozen=True, slots=True)
class Made:
    """What one strategy gave to the training data."""

    what: str
    examples: int
    teachers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything that the card says."""

    name: str
    base: str
    """A hub id, or what the user calls the folder."""
    base_on_hub: bool
    task: str
    merged: bool
    """Whether the adapter is in the weights."""
    seeds: int
    generated: int
    """Examples that a teacher wrote."""
    made: tuple[Made, ...]
    """Where these come from, as far as it is known."""
    recipe: Sequence[tuple[str, str]]
    accuracy: Interval | None
    """Share of the scored test items that were right, with an 80 % interval; None where nothing was scored."""
    scored: int
    not_scored: int
    chosen_from: int
    """How many adapters of the run were measured on the same items; the best of many looks better than it is."""
    sandbox: tuple[str, ...]
    run: str
    date: str
    version: str


def as_markdown(card: ModelCard) -> str:
    """README.md of the model."""
    return f"---\n{_front(card)}---\n\n{_body(card)}"


def _front(card: ModelCard) -> str:
    values = {
        **({"base_model": card.base} if card.base_on_hub else {}),
        "library_name": "transformers" if card.merged else "peft",
        "license": "unknown",
        "pipeline_tag": "text-generation",
        "tags": ["seedpilot", "synthetic-data", *([] if card.merged else ["lora"])],
    }
    return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=False))


def _body(card: ModelCard) -> str:
    what = "The student with a LoRA adapter in its weights" if card.merged else "A LoRA adapter"
    parts = [
        f"# {plain(card.name)}",
        f"{what}, trained for the task {plain(card.task)}. Base: {plain(card.base)}"
        + ("." if card.base_on_hub else ", a model in a folder of whoever trained it: it is not named on the hub."),
    ]
    if card.sandbox:
        parts.append(
            f"> **Practice only.** {' and '.join(card.sandbox)} are SeedPilot's built-in sandbox: this says how the "
            "tool works, not how good such a model is."
        )
    parts += ["## How well it does", _measured(card), "## What it learned from", _data(card)]
    parts += ["## Recipe", _recipe(card), "## How to load it", _load(card), "## Licence", LICENCE]
    parts.append(f"Made on {plain(card.date)} by SeedPilot {plain(card.version)}, run `{card.run}`.")
    return "\n\n".join(parts) + "\n"


LICENCE = (
    "It falls under the licence of its base model, and under the terms of the models that wrote its training data: "
    "many providers forbid training models on their output that compete with theirs, or ask for attribution. Read both "
    "before you publish or use it, and state a licence; until then `license` above is `unknown`."
)


def _measured(card: ModelCard) -> str:
    if card.accuracy is None:
        return "Not measured: none of its answers to test items could be scored."
    found = card.accuracy
    said = (
        f"{100 * found.mean:.1f} % right ({100 * found.low80:.1f} to {100 * found.high80:.1f}, Wilson's 80 % interval) "
        f"on {card.scored:,} test items that it was not trained on"
        + (f"; {card.not_scored:,} more answers could not be scored and count nowhere." if card.not_scored else ".")
    )
    if card.chosen_from > 1:
        said += (
            f" It is one of {card.chosen_from} adapters that were measured on the same items: if it was chosen because "
            "it came out best, its true accuracy is likely a little lower."
        )
    return said


def _data(card: ModelCard) -> str:
    lines = [
        f"{card.seeds:,} examples of the user's own, and {card.generated:,} that a language model wrote. Neither lies "
        "here."
    ]
    lines += [
        f"- {plain(made.what)}: {made.examples:,} kept; answers by {', '.join(map(plain, made.teachers)) or 'unknown'}"
        for made in card.made
    ]
    return lines[0] + ("\n\n" + "\n".join(lines[1:]) if card.made else "")


def _recipe(card: ModelCard) -> str:
    if not card.recipe:
        return "Not written down."
    rows = [f"| {plain(name)} | {plain(value)} |" for name, value in card.recipe]
    return "\n".join(["| setting | value |", "| --- | --- |", *rows])


def _load(card: ModelCard) -> str:
    if card.merged:
        lines = [
            "from transformers import AutoModelForCausalLM",
            'model = AutoModelForCausalLM.from_pretrained("FOLDER")',
        ]
    else:
        base = card.base if card.base_on_hub else "BASE_FOLDER"
        lines = [
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM",
            f'base = AutoModelForCausalLM.from_pretrained("{base}")',
            'model = PeftModel.from_pretrained(base, "FOLDER")',
        ]
    return "```python\n" + "\n".join(lines) + "\n```"
