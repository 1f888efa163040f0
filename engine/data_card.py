"""The card of a data set: the hub's front matter, so that `datasets.load_dataset(FOLDER)` finds its files, and what
people must know before they train on it.

Names and messages come from others (models, endpoints, the user's files): they are put down as text that is neither
Markdown nor HTML. No question and no answer stands in the card.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import yaml

KEPT = "kept"
ALONE = "Nothing that was generated is in this data set"
"""What is said of data that hold the seeds alone."""
LONGEST = 300
"""Characters of a name or a message."""
LONGEST_WHY = 2_000
"""Characters of why a data set is not complete: a sentence for each strategy."""
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True, slots=True)
class Asked:
    """What one strategy of the data set was asked for, and who answered."""

    strategy: str
    counts: Mapping[str, int]
    """Visits by reason, `kept` among them; they add up to the visits."""
    queries: int | None
    """Teacher queries that it was given; None where a pilot made it."""
    teachers: tuple[str, ...]
    """Who gave the kept answers."""
    augmenters: tuple[str, ...]
    """Who wrote the kept questions; empty where none was written."""
    prompts: tuple[str, ...]
    """Hashes of the prompts."""


@dataclass(frozen=True, slots=True)
class Card:
    """Everything that the card says."""

    name: str
    task: str
    date: str
    """Day, ISO 8601."""
    version: str
    """SeedPilot's."""
    asked: tuple[Asked, ...]
    seeds: int
    """Seeds that were visited."""
    seed_rows: int
    """Of these, rows of the data set."""
    files: Mapping[str, str]
    """Config -> its JSONL file; the first is what `load_dataset` gives without a name."""
    tables: Mapping[str, str]
    """What else is told of the rows -> its Parquet file; `datasets` reads one format a folder, so no config."""
    usd: float | None
    """Price of the replies behind the examples; None where one is unknown."""
    priced: str
    """Which replies the price counts."""
    incomplete: str = ""
    """Why there is less than was asked for; empty where there is not."""
    tested: int | None = None
    """Test items that nothing here may be near; None where there were none to look at."""
    notes: Sequence[str] = field(default_factory=tuple)
    """What else is to be said, one sentence each."""

    @property
    def kept(self) -> int:
        """Generated examples of the data set."""
        return sum(asked.counts.get(KEPT, 0) for asked in self.asked)

    @property
    def usd_per_kept(self) -> float | None:
        """Price of a kept example; None where the price is unknown, or nothing was kept."""
        return None if self.usd is None or not self.kept else self.usd / self.kept


def as_markdown(card: Card) -> str:
    """README.md of the data set."""
    return f"---\n{_front(card)}---\n\n{_body(card)}"


def plain(text: str, longest: int = LONGEST) -> str:
    """Anybody's text as one line that is shown as it is: no markup, no link, no line break; cut where it is long."""
    line = " ".join("".join(c if c.isprintable() or c.isspace() else " " for c in text).split())
    line = line if len(line) <= longest else f"{line[:longest]}..."
    escaped = re.sub(r"([\\`*_\[\]#|~$])", r"\\\1", html.escape(line, quote=False))
    # Addresses become links by themselves, in most readers of Markdown.
    return re.sub(r"(https?|ftp|www)([:.])", r"\1&#8203;\2", escaped)


def _front(card: Card) -> str:
    rows = card.kept + card.seed_rows
    values = {
        "pretty_name": " ".join(card.name.split())[:LONGEST],
        "license": "unknown",
        "task_categories": ["text-generation"],
        "size_categories": [next((name for most, name in SIZES if rows < most), "1M<n<10M")],
        "tags": ["synthetic", "seedpilot"],
        "configs": [
            {"config_name": name, **({"default": True} if place == 0 else {}), "data_files": _split(file)}
            for place, (name, file) in enumerate(card.files.items())
        ],
    }
    return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=False))


def _split(file: str) -> list[dict[str, str]]:
    return [{"split": "train", "path": file}]


def _body(card: Card) -> str:
    parts = [
        f"# {plain(card.name)}",
        f"{_count(card.kept + card.seed_rows, 'row')} for fine-tuning on the task {plain(card.task)}: "
        f"{_count(card.kept, 'example')} that a language model generated"
        + (
            f", and the {card.seed_rows:,} seeds they were made from."
            if card.seed_rows
            else "; the seeds are not here."
        ),
    ]
    if not card.kept:
        parts.append(f"> **{ALONE}.** Its rows are the seeds alone; below stands why no example was kept.")
    if card.incomplete:
        parts.append(f"> **This data set is not complete.** {plain(card.incomplete, LONGEST_WHY)}")
    parts += ["## What is in it", _files(card), "## What became of every visit", _counts(card)]
    parts += ["## Who was asked", _who(card), "## Price", _price(card), "## Licence", LICENCE]
    if card.notes:
        parts += ["## Notes", "\n".join(f"- {plain(note)}" for note in card.notes)]
    parts += [f"Made on {plain(card.date)} by SeedPilot {plain(card.version)}."]
    return "\n\n".join(parts) + "\n"


LICENCE = (
    "The generated text falls under the terms of the models above: many providers forbid training on it models that "
    "compete with theirs, or ask for attribution. Read the terms of each before you train or publish. The licence of "
    "the seeds is for whoever brought them to state; until then `license` above is `unknown`."
)


def _files(card: Card) -> str:
    said = {
        "messages": "one chat a row (`messages`)",
        "prompt_completion": "the same as plain text, for models without a chat template (`prompt`, `completion`)",
        "chat_prompt_completion": "the same chats cut before the answer (`prompt`, `completion` as lists of messages)",
        "provenance": "where each row comes from, in the same order",
        "rejected": "every visit that gave no row, with its reason",
    }
    lines = [f"- `{name}` (`{file}`): {said[name]}" for name, file in {**card.files, **card.tables}.items()]
    seeds = (
        "The seeds stand first; `source` is `seed` in their rows and the strategy in all others. A student is meant to "
        "be trained on both."
        if card.seed_rows
        else "`source` is the strategy. The seeds are not in the files; a student is meant to be trained on both."
    )
    load = (
        '`datasets.load_dataset(FOLDER)`, with the name of another JSONL form behind it (`"prompt_completion"`); the '
        'Parquet files with `load_dataset("parquet", data_files=FILE)`.'
    )
    return "\n".join(lines) + f"\n\n{load} {seeds}"


def _counts(card: Card) -> str:
    reasons = list(dict.fromkeys([KEPT, *(reason for asked in card.asked for reason in sorted(asked.counts))]))
    lines = [
        "| strategy | queries | " + " | ".join(_word(reason) for reason in reasons) + " | visits |",
        "| --- |" + " ---: |" * (len(reasons) + 2),
    ]
    total: Counter[str] = Counter()
    for asked in card.asked:
        total.update(asked.counts)
        given = "not counted" if asked.queries is None else f"{asked.queries:,}"
        cells = [_word(asked.strategy), given, *_numbers(asked.counts, reasons)]
        lines.append(f"| {' | '.join(cells)} |")
    if len(card.asked) > 1:
        lines.append(f"| all |  | {' | '.join(_numbers(total, reasons))} |")
    tested = (
        "No test items were given, so nothing was compared with any: what you test on may stand here."
        if card.tested is None
        else f"No kept question is nearly one of the {card.tested:,} test items."
    )
    return "\n".join(lines) + f"\n\nEach row adds up to its visits. {tested}"


def _numbers(counts: Mapping[str, int], reasons: Sequence[str]) -> list[str]:
    return [*(f"{counts.get(reason, 0):,}" for reason in reasons), f"{sum(counts.values()):,}"]


def _who(card: Card) -> str:
    lines = []
    for asked in card.asked:
        who = f"teacher {_names(asked.teachers)}"
        if asked.augmenters:
            who += f", questions written by {_names(asked.augmenters)}"
        prompts = ", ".join(f"`{mark}`" for mark in asked.prompts) or "none"
        lines.append(f"- {_word(asked.strategy)}: {who}; prompts {prompts}")
    return "\n".join(lines) + f"\n\n{_count(card.seeds, 'seed')} were the starting point."


def _word(name: str) -> str:
    """A word of SeedPilot's own (a strategy, a reason) as it stands in the files."""
    return f"`{name}`" if re.fullmatch(r"[a-z0-9_]+", name) else plain(name)


def _names(names: Sequence[str]) -> str:
    return ", ".join(plain(name) for name in names) or "unknown"


def _price(card: Card) -> str:
    if card.usd is None:
        return "Unknown: the price of at least one reply is not known. No price is ever guessed."
    each = card.usd_per_kept
    per = "" if each is None else f", ${each:.6f} for each kept example"
    return f"${card.usd:.4f} for {plain(card.priced)}{per}."


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"
