"""The form's examples in a real browser: a file of other columns is uploaded, mapped, split, and looked at."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from engine.sandbox import world
from tests.browser import app
from tests.browser.acts import choose, fill, pick, step, upload

HOSTILE = "<img src=x onerror=\"document.title='owned'\"> **bold** $x$"
EXAMPLES, TESTS = "Examples (JSONL, CSV or Parquet)", "Test items (JSONL, CSV or Parquet)"


def table(path: Path, first: str | None = None) -> Path:
    """120 word problems in columns of other names, half of them of families of two."""
    rows = [
        {
            "prompt": item.question,
            "reply": item.answer.split("####")[-1].strip(),
            "topic": "ab"[n % 2],
            "source": f"s{n // 2}",
        }
        for n, item in enumerate(world.seeds(120))
    ]
    if first is not None:
        rows[0]["prompt"] = first
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
        return path
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def opened(page: Page, address: str, file: Path) -> None:
    page.goto(f"{address}/pilot")
    app.settle(page)
    choose(page, "Labelled examples", "My own file")
    upload(page, EXAMPLES, file)


def test_an_uploaded_file_is_mapped_split_and_told_and_its_text_stays_text(
    page: Page, address: str, tmp_path: Path
) -> None:
    opened(page, address, table(tmp_path / "seeds.csv", HOSTILE))
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    chosen = {
        part: page.get_by_role("combobox", name=f"Column of the {part}") for part in ("question", "answer", "family")
    }
    expect(chosen["question"]).to_have_value("prompt")
    expect(chosen["answer"]).to_have_value("reply")
    expect(page.get_by_text("120 rows: 90 seeds, 30 test items; split by a draw named 'test'. Ceiling")).to_be_visible()
    pick(page, "Column of the family", "source")
    expect(page.get_by_text("60 families kept whole")).to_be_visible()
    fill(page, "spinbutton", "Rows kept for testing", "40")
    pick(page, "How they are chosen", "Drawn, alike in a column")
    expect(page.get_by_text("is not chosen; choose one, or have the test items drawn.")).to_be_visible()
    pick(page, "Column whose values are spread alike", "topic")
    expect(
        page.get_by_text("120 rows: 80 seeds, 40 test items; split by a draw named 'test', alike in 'topic'")
    ).to_be_visible()
    step(page, "Start")
    expect(page.get_by_role("button", name="Start the pilot")).to_be_enabled()
    with page.expect_download() as loaded:
        page.get_by_role("button", name="Download the plan").click()
    plan = tomllib.loads(Path(loaded.value.path()).read_text())
    assert plan["seeds"]["map"] == {"question": "prompt", "answer": "reply", "family": "source"}
    assert (plan["test"]["holdout"], plan["test"]["stratify_by"]) == (40, "topic")
    assert page.title() != "owned"
    assert page.locator("img[src=x]").count() == 0


def test_a_wrong_column_is_told_and_the_right_one_makes_it_good(page: Page, address: str, tmp_path: Path) -> None:
    opened(page, address, table(tmp_path / "seeds.parquet"))
    choose(page, "Test items", "A test file")
    upload(page, TESTS, table(tmp_path / "test.csv"))
    expect(page.get_by_text("is the seed of seeds.parquet, row 1").first).to_be_visible()
    expect(page.get_by_text("120 seeds are test items too")).to_be_visible()
    other = tmp_path / "other.csv"
    other.write_text("frage,antwort\n" + "".join(f"{n} plus {n * 37}?,{n * 38}\n" for n in range(30)))
    upload(page, TESTS, other)
    expect(page.get_by_text("other.csv, all 30 rows: column 'prompt' is missing")).to_have_count(0)
    expect(page.get_by_text("column 'question' is missing (found: frage, antwort)")).to_be_visible()
    pick(page, "Column of the question", "frage", second=True)
    pick(page, "Column of the answer", "antwort", second=True)
    expect(page.get_by_text("120 rows: 120 seeds; 30 test items from a file of their own")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_of_the_form_is_wider_than_the_window(page: Page, address: str, tmp_path: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, address, table(tmp_path / "seeds.csv", "word " * 400))
    wide = page.get_by_test_id("stMain").evaluate("main => main.scrollWidth - main.clientWidth")
    assert wide <= 0
