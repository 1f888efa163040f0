"""The part of a page of docs that a benchmark writes: what stands between its two marks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.settings import ROOT


def around(page: Path, name: str) -> tuple[str, str]:
    """The page before and after what its marks enclose, marks included; InputError where it has none."""
    begin, end = (f"<!-- {name}: {side} -->" for side in ("begin", "end"))
    said = page.read_text(encoding="utf-8") if page.exists() else ""
    before, begun, rest = said.partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise InputError(f"{page}: has no part between {begin} and {end}; add the two lines where it shall stand")
    return before + begin, end + after


def written_into(page: Path, name: str, text: str) -> None:
    """Puts the text between the page's marks of that name."""
    before, after = around(page, name)
    page.write_text(f"{before}\n{text}\n{after}", encoding="utf-8")


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
