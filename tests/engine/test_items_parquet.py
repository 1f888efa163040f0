"""Parquet files are read like JSONL: the same rows, the same errors."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from engine.errors import InputError
from engine.items import first_rows, parse_items
from engine.rows import choices


def _parquet(rows: list[dict[str, object]]) -> bytes:
    file = io.BytesIO()
    pd.DataFrame(rows).to_parquet(file)
    return file.getvalue()


def test_a_parquet_file_is_read_row_by_row_with_nested_choices() -> None:
    row = {"question": "Which?", "choices": {"text": ["yes", "no"], "label": ["A", "B"]}, "answerKey": "B"}
    content = _parquet([row])
    item = parse_items(content, "arc.parquet", choices()).items[0]
    assert (item.answer, item.question) == ("B", "Which?\nA. yes\nB. no")
    assert first_rows(content, "arc.parquet")[0]["answerKey"] == "B"


def test_every_bad_row_and_a_file_that_is_no_parquet_are_told() -> None:
    with pytest.raises(InputError, match=r"(?s)line 1.*line 2"):
        parse_items(_parquet([{"question": "", "answer": "1"}, {"question": "a", "answer": None}]), "s.parquet")
    with pytest.raises(InputError, match="no readable Parquet"):
        parse_items(b"nothing", "s.parquet")
