import json

import pytest

from engine.domain import Outcome
from engine.tasks.numbers import final_number, numeric
from engine.tasks.records import Field, json_fields, json_object, tool_call
from engine.tasks.scorers import exact

RIGHT, WRONG, NOT_SCORED = Outcome.RIGHT, Outcome.WRONG, Outcome.NOT_SCORED


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3 + 4 = 7\n#### 7", 7),
        ("#### 1,234", 1234),
        ("#### $57,500", 57500),
        ("#### -3.5", -3.5),
        (r"so we get \boxed{42}. That used 3 steps", 42),
        ("The answer is 12. I checked it 2 times", 12),
        ("**Answer:** 8", 8),
        ("There are 5 apples and 6 pears, so 11", 11),
        ("#### 3/4", 0.75),
        ("Therefore, the answer is <18>.", 18),
        ("no digits here", None),
        ("#### 1/0", None),
    ],
)
def test_the_final_number_is_found(text: str, number: float | None):
    assert final_number(text) == number


def test_numbers_agree_whatever_their_writing():
    assert numeric("#### 57,500", "It is $57500.00").outcome == RIGHT
    assert numeric("#### 5", "#### 6").outcome == WRONG


def test_a_gold_answer_without_a_number_is_not_scored_and_a_reply_without_one_is_wrong():
    assert numeric("no idea", "#### 5").outcome == NOT_SCORED
    assert numeric("#### 5", "I do not know").outcome == WRONG


def test_exact_ignores_case_and_white_space_and_compares_records_as_values():
    assert exact("New  York", "new york\n").outcome == RIGHT
    assert exact('{"a": 1, "b": 2}', 'Sure: ```json\n{"b": 2, "a": 1}\n```').outcome == RIGHT
    assert exact('{"a": 1}', '{"a": 2}').outcome == WRONG
    assert exact('{"a": 1}', "a is 1").outcome == WRONG


def test_a_record_is_right_only_where_every_field_matches():
    score = json_fields({"kind": Field(), "sum": Field("number", 0.01), "note": Field("ignored")})
    gold = json.dumps({"kind": "x", "sum": 10, "note": "n"})
    assert score(gold, '{"kind": "x", "sum": "10.005", "note": "other"}').outcome == RIGHT
    half = score(gold, '{"kind": "x", "sum": 11}')
    assert (half.outcome, half.value, half.reason) == (WRONG, 0.5, "field 'sum'")


def test_a_missing_field_in_the_reply_is_wrong_and_in_the_gold_is_not_scored():
    score = json_fields({"kind": Field()})
    assert score('{"kind": "x"}', "{}").outcome == WRONG
    assert score("{}", '{"kind": "x"}').outcome == NOT_SCORED
    assert score("no record", '{"kind": "x"}').outcome == NOT_SCORED


def test_a_field_that_should_be_null_is_not_right_by_being_absent():
    assert json_fields({"order": Field()})('{"order": null}', "{}").outcome == WRONG


def test_sets_are_compared_without_order():
    score = json_fields({"tags": Field("set")})
    assert score('{"tags": ["a", "b"]}', '{"tags": ["b", "a"]}').outcome == RIGHT
    assert score('{"tags": ["a", "b"]}', '{"tags": "a"}').outcome == WRONG


@pytest.mark.parametrize(
    "reply", ["", "{" * 5000, "\x00", "[1, 2]", '{"a": NaN}', "null", "{'a': 1}", '{"a": "line\nbreak"}', "9" * 5000]
)
def test_no_reply_however_strange_raises(reply: str):
    for scorer in (numeric, exact, json_fields({"a": Field("number")})):
        scorer('{"a": 1}', reply)
        scorer("#### 1", reply)


def test_the_first_object_is_found_between_prose_and_fences():
    assert json_object('Here {not json} it is:\n```json\n{"a": {"b": 1}}\n```') == {"a": {"b": 1}}
    assert json_object("none") is None


@pytest.mark.timeout(60)
@pytest.mark.parametrize("reply", ["answer" + " " * 50_000, "answer" + ":" * 50_000, '{"a":' * 20_000, "[" * 20_000])
def test_a_reply_made_to_hang_a_scorer_does_not(reply: str):
    """The first took cubic time, the third and fourth were parsed anew from every bracket."""
    assert numeric("#### 5", reply).outcome == WRONG
    assert exact('{"a": 1}', reply).outcome == WRONG
    assert tool_call({})('{"name": "f", "arguments": {}}', reply).outcome == WRONG
