from pathlib import Path

import pytest

from engine.errors import InputError
from engine.items import parse_items, read_items


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


def test_a_hundred_problems_are_counted_and_not_listed():
    with pytest.raises(InputError) as caught:
        parse("nonsense\n" * 100)
    assert caught.value.problems[-1] == "seeds.jsonl: and 80 more problems"


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"nowhere\.jsonl: cannot be read"):
        read_items(tmp_path / "nowhere.jsonl")


def test_a_file_in_another_encoding_is_refused_with_the_place():
    with pytest.raises(InputError, match="is not UTF-8 text"):
        parse_items("question,answer\ncafé,1\n".encode("latin-1"), "seeds.csv")
