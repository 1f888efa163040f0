"""The part of a page of docs that a command writes: what stands between its two marks."""

from __future__ import annotations

from pathlib import Path

from engine.errors import InputError


def marks(name: str) -> tuple[str, str]:
    """The lines before and after the part of that name."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def around(page: Path, name: str) -> tuple[str, str]:
    """The page before and after what its marks enclose, marks included; InputError where it has none."""
    begin, end = marks(name)
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
