"""Parquet files are read like JSONL: the same rows, the same errors."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from engine.errors import InputError
from engine.items import parse_items
from engine.row_files import first_rows, parse_rows
from engine.rows import choices


def _parquet(rows: list[dict[str, object]]) -> bytes:
    file = io.BytesIO()
    pd.DataFrame(rows).to_parquet(file)
    return file.getvalue()


def test_a_parquet_file_is_read_row_by_row_with_nested_choices(tmp_path: Path) -> None:
    row = {"question": "Which?", "choices": {"text": ["yes", "no"], "label": ["A", "B"]}, "answerKey": "B"}
    content = _parquet([row])
    item = parse_items(content, "arc.parquet", choices()).items[0]
    assert (item.answer, item.question) == ("B", "Which?\nA. yes\nB. no")
    (tmp_path / "arc.parquet").write_bytes(content)
    assert first_rows(tmp_path / "arc.parquet")[0]["answerKey"] == "B"


def test_every_bad_row_and_a_file_that_is_no_parquet_are_told() -> None:
    with pytest.raises(InputError, match=r"(?s)row 1.*row 2"):
        parse_items(_parquet([{"question": "", "answer": "1"}, {"question": "a", "answer": None}]), "s.parquet")
    with pytest.raises(InputError, match="no readable Parquet"):
        parse_items(b"nothing", "s.parquet")


def test_values_of_a_table_keep_what_they_say() -> None:
    frame = pd.DataFrame(
        {
            "question": ["a", "b"],
            "answer": pd.array([3, None], dtype="Int64"),
            "family": [date(2026, 1, 5), date(2026, 1, 6)],
            "price": [Decimal("0.10"), Decimal("0.20")],
            "picture": [b"\xff\xd8", b"text"],
            "score": [float("nan"), 0.5],
        }
    )
    file = io.BytesIO()
    frame.to_parquet(file)
    rows = [row for _, row in parse_rows(file.getvalue(), "s.parquet")]
    assert rows[0] == {
        "question": "a",
        "answer": 3,
        "family": "2026-01-05",
        "price": "0.10",
        "picture": "<2 bytes>",
        "score": None,
    }
    with pytest.raises(InputError, match=r"^s\.parquet, row 2: 'answer' is empty$"):
        parse_items(file.getvalue(), "s.parquet")


def test_a_look_at_a_large_parquet_file_reads_its_beginning_only(tmp_path: Path) -> None:
    frame = pd.DataFrame({"question": [f"{n} " * 40 for n in range(20_000)], "answer": "1"})
    frame.to_parquet(tmp_path / "large.parquet", compression=None)
    assert (tmp_path / "large.parquet").stat().st_size > 1_000_000
    assert len(first_rows(tmp_path / "large.parquet", 3)) == 3
