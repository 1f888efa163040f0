"""How a report shows values: tables, percent, dollars, words; every text escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from engine.report.plainly import others, visible

_NUMBER = re.compile(r"[+-]?\$?[\d.,]+( %)?")


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]], caption: str) -> Markup:
    """A table; every cell is escaped, and none is a formula where it is pasted."""
    numbers = [bool(rows) and all(_is_number(row[at]) for row in rows) for at in range(len(heads))]
    parts = ['<div class="scroll"><table>']
    parts.append(f"<caption>{escape(caption)}</caption><thead><tr>" if caption else "<thead><tr>")
    parts += [
        f'<th scope="col"{_side(number)}>{escape(head)}</th>' for head, number in zip(heads, numbers, strict=True)
    ]
    parts.append("</tr></thead><tbody>")
    for row in rows:
        cells = (f"<td{_side(number)}>{escape(_shown(value))}</td>" for value, number in zip(row, numbers, strict=True))
        parts.append(f"<tr>{''.join(cells)}</tr>")
    parts.append("</tbody></table></div>")
    return Markup("".join(parts))  # noqa: S704 - every text above is escaped


def _side(number: bool) -> str:
    return ' class="n"' if number else ""


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return not isinstance(value, bool)


def _shown(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else others(value)


def percent(share: float | None) -> str | None:
    """`71.0 %`; None stays unknown."""
    return None if share is None else f"{100 * share:.1f} %"


def price(usd: float | None) -> str | None:
    """Dollars without their sign, for a column of them; None stays unknown."""
    return None if usd is None else f"{usd:.4f}"


def usd(usd: float | None) -> str:
    """`$1.2000`, or the word for what is unknown."""
    return "unknown" if usd is None else f"${usd:.4f}"


def in_words(name: str) -> str:
    """A name of a value as a sentence begins."""
    said = name.replace("_", " ")
    return said[:1].upper() + said[1:]


def values(value: Any) -> str:
    """Plain values as readable JSON."""
    return visible(json.dumps(value, indent=2, ensure_ascii=False))


def as_json(value: Any) -> str:
    """ASCII only: nothing in it turns the line round, and it comes out of the page as it went in."""
    return json.dumps(value, indent=1, ensure_ascii=True, allow_nan=False)
