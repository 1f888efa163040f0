import gzip
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.items import parse_items, read_items
from engine.row_files import first_rows


def parse(text: str, name: str = "seeds.jsonl"):
    return parse_items(text.encode(), name)


def test_a_jsonl_file_gives_its_items_in_order():
    found = parse('{"question": "1+1?", "answer": "2"}\n\n{"question": "2+2?", "answer": 4, "family": 7}\n')
    assert [(i.question, i.answer, i.family) for i in found.items] == [("1+1?", "2", None), ("2+2?", "4", "7")]


def test_a_csv_file_gives_the_same_items_as_a_jsonl_file():
    csv = parse('question,answer\n"How many, in all?",3\n', "seeds.csv").items
    assert csv == parse('{"question": "How many, in all?", "answer": "3"}').items


def test_a_line_separator_inside_a_text_does_not_end_its_line():
    assert parse('{"question": "one\u2028two", "answer": "2"}').items[0].question == "one\u2028two"


def test_the_same_row_twice_is_one_item_and_is_counted():
    found = parse('{"question": "q", "answer": "a"}\n' * 3)
    assert (len(found.items), found.repeats) == (1, 2)


@pytest.mark.parametrize("text", ["", "  \n\n "])
def test_an_empty_file_is_named_as_empty(text: str):
    with pytest.raises(InputError, match=r"seeds\.jsonl: the file is empty"):
        parse(text)


def test_broken_json_is_reported_with_its_line():
    good = '{"question": "q%d", "answer": "a"}\n'
    with pytest.raises(InputError, match="line 7: is no valid JSON"):
        parse("".join(good % i for i in range(6)) + '{"question": "q"\n' + good % 8)


def test_a_missing_column_names_what_was_found_instead():
    with pytest.raises(InputError, match=r"line 1: column 'answer' is missing \(found: question, solution\)"):
        parse('{"question": "q", "solution": "a"}')
    with pytest.raises(InputError, match=r"line 2: column 'question' is missing \(found: prompt, answer\)"):
        parse("prompt,answer\nq,a\n", "seeds.csv")


def test_every_problem_is_reported_at_once():
    with pytest.raises(InputError) as caught:
        parse('{"question": "q"}\n[1]\n{"question": "", "answer": "a"}\nnot json\n')
    assert [p.split(":")[1].split(",")[0].strip()[:10] for p in caught.value.problems]
    assert len(caught.value.problems) == 4


def test_a_hundred_different_problems_are_counted_and_not_listed():
    with pytest.raises(InputError) as caught:
        parse("".join(" " * n + "nonsense\n" for n in range(100)))
    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1] == "seeds.jsonl: and 80 more problems"


def test_one_problem_of_many_lines_is_told_once_with_its_lines():
    with pytest.raises(InputError) as caught:
        parse("".join(f"{n},,\n" for n in range(812)), "seeds.csv")
    assert caught.value.problems == (
        "seeds.csv, all 811 rows: column 'question' is missing (found: 0); map it to the file's own name for it",
    )
    scattered = "".join('{"question": "%s", "answer": "a"}\n' % ("" if n % 3 == 0 else n) for n in range(1, 91))
    with pytest.raises(InputError, match=r"seeds.jsonl, lines 3, 6, 9, .* 60 and 10 more: 'question' is empty"):
        parse(scattered)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"nowhere\.jsonl: cannot be read"):
        read_items(tmp_path / "nowhere.jsonl")


def test_a_file_in_another_encoding_is_refused_with_every_line_that_shows_it():
    with pytest.raises(InputError) as caught:
        parse_items("question,answer\ncafé,1\nplain,2\nnaïf,3\n".encode("latin-1"), "seeds.csv")
    assert [problem.split(" (")[0] for problem in caught.value.problems] == [
        "seeds.csv, line 2: is not UTF-8 text",
        "seeds.csv, line 4: is not UTF-8 text",
    ]
    assert "byte 0xE9 after 'caf'" in caught.value.problems[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("name", ["seeds.jsonl", "seeds.csv"])
def test_marks_line_ends_empty_lines_and_gzip_change_nothing(encoding: str, end: str, packed: bool, name: str):
    lines = ["", '{"question": "é 1", "answer": "2"}', "", '{"question": "b", "answer": "3"}', "  ", ""]
    if name.endswith(".csv"):
        lines = ["", "question,answer", "é 1,2", "", ",", "b,3", ""]
    content = end.join(lines).encode(encoding)
    found = parse_items(gzip.compress(content) if packed else content, name + ".gz" * packed)
    assert [(item.question, item.answer) for item in found.items] == [("é 1", "2"), ("b", "3")]
    assert [place.number for place in found.places] == ([3, 6] if name.endswith(".csv") else [2, 4])


def test_commas_at_the_end_and_a_written_index_are_passed_over_but_a_cell_too_many_is_told():
    assert (
        parse("question,answer,\na,1,\nb,2,,\n", "s.csv").items == parse("question,answer\na,1\nb,2\n", "s.csv").items
    )
    assert parse(",question,answer\n0,a,1\n", "s.csv").items[0].question == "a"
    with pytest.raises(InputError, match=r"line 3: has 3 cells, expected 2; put cells with ',' into quotes"):
        parse("question,answer\na,1\nb, c,2\n", "s.csv")


def test_semicolons_and_tabs_part_cells_where_the_first_line_has_no_comma():
    for mark in ";\t":
        assert parse(f"question{mark}answer\na, b{mark}1\n", "s.csv").items[0].question == "a, b"


def test_a_cell_over_several_lines_counts_from_its_first_and_long_cells_are_read():
    text = 'question,answer\n"one\ntwo",1\n"' + "x" * 200_000 + '",2\n,3\n'
    with pytest.raises(InputError, match=r"^s\.csv, line 5: 'question' is empty$"):
        parse(text, "s.csv")


def test_a_quote_that_is_never_closed_is_told_with_the_line_on_which_it_opens():
    with pytest.raises(InputError, match=r"line 3: is no valid CSV from here on"):
        parse('question,answer\na,1\n"b,2\nc,3\n', "s.csv")


def test_a_column_that_stands_twice_is_told():
    with pytest.raises(InputError, match=r"line 1: column 'answer' stands twice"):
        parse("question,answer,answer\na,1,2\n", "s.csv")


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "s.parquet", "the file is empty"),
        (gzip.compress(b""), "s.csv.gz", "the file is empty"),
        (gzip.compress(b"question,answer\na,1\n" * 50)[:-12], "s.csv.gz", "is no whole gzip file"),
        (b"PK\x03\x04rest", "s.csv", "is a ZIP archive or an Excel file"),
        (b'[{"question": "a"}]', "s.json", "save a JSON list as JSONL"),
        (b"question,answer\n", "s.txt", "expected a file that ends in .jsonl, .csv or .parquet"),
        (b'{"question": "\\ud83d", "answer": "1"}', "s.jsonl", "line 1: holds half a character"),
        (b'{"a":' * 100_000, "s.jsonl", "line 1: is no valid JSON (nested too deeply)"),
        (b'[{"question": "a", "answer": "1"}]', "s.jsonl", "line 1: is no JSON object"),
    ],
    ids=["0 bytes", "empty gzip", "half a gzip", "zip", "json list", "ending", "surrogate", "deep", "list line"],
)
def test_a_file_of_another_kind_is_told_in_one_sentence(content: bytes, name: str, said: str):
    with pytest.raises(InputError) as caught:
        parse_items(content, name)
    assert said in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_folder_is_told_with_what_to_give_instead(tmp_path: Path):
    with pytest.raises(InputError, match=r"is a folder; give a file in it, or hub:"):
        read_items(tmp_path)


def test_a_look_at_the_first_rows_reads_any_format_and_never_fails(tmp_path: Path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"prompt,reply\nq,a\n" + b"x,y\n" * 500_000))
    (tmp_path / "broken.csv").write_bytes(b'\xff"')
    assert first_rows(tmp_path / "a.csv.gz", 1) == [{"prompt": "q", "reply": "a"}]
    assert first_rows(tmp_path / "broken.csv") == []
