"""What benchmarks write into a page of docs (`engine.marked`): tables in Markdown, and paths as one types them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.settings import ROOT


def from_root(path: Path) -> Path:
    """As one types it in a checkout."""
    return path.resolve().relative_to(ROOT) if path.resolve().is_relative_to(ROOT) else path


def table(titles: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a table in Markdown."""
    return [f"| {' | '.join(line)} |" for line in (titles, ["---"] * len(titles), *rows)]


def estimated(found: Mapping[str, Any], form: str, unit: str = "") -> str:
    """A mean with its 90 % interval, each in that form; the mean alone where there is no interval."""
    mean, interval = found["mean"], found["interval90"]
    if interval is None:
        return f"{mean:{form}}{unit}"
    low, high = interval
    return f"{mean:{form}}{unit} ({low:{form}} to {high:{form}})"
