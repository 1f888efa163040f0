"""Every kind of scorer, as a task.toml makes it: right, wrong and not scored."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Item, Outcome
from engine.tasks.kinds import KINDS, Settings
from engine.tasks.records import Field, tool_call, tool_calls
from engine.tasks.scorers import choice, chosen, label_parser, labels, pattern
from engine.tasks.symbolic import final_expression, parse_worked, symbolic

RIGHT, WRONG, NOT_SCORED = Outcome.RIGHT, Outcome.WRONG, Outcome.NOT_SCORED

FRUIT = {"A": "an apple", "B": "a pear", "C": "grapes", "D": "no fruit"}
ARC = Item("", "Which?", "B", fields={"choices": json.dumps(FRUIT)})


@pytest.mark.parametrize(
    "reply",
    [
        "B", "b", "(B)", "B.", "**B**", "B. a pear", "B) because", "The answer is B.",
        "The correct answer is (B) a pear",
        "**Answer: B**", "#### B", r"\boxed{B}", r"\boxed{\text{B}}", '{"reasoning": "not A", "answer": "B"}',
        "A is too small, C grows on vines. So the answer is: B", "It must be a pear.", "Reasons...\n\nB",
        "Answer: A? No. Final answer: B",
    ],
)  # fmt: skip
def test_a_choice_is_found_however_it_is_said(reply: str):
    assert choice(ARC, reply).outcome == RIGHT


@pytest.mark.parametrize(
    "reply", ["", "I am not sure", "A fruit, of course", "apple or pear", "E", "an apple or a pear"]
)
def test_no_choice_or_several_are_wrong(reply: str):
    assert (choice(ARC, reply).outcome, choice(ARC, reply).reason) == (WRONG, "no choice in the reply")


def test_the_wrong_choice_is_named_and_an_article_is_no_choice():
    assert choice(ARC, "The answer is C").reason == "chose C"
    assert chosen("A fruit that is sweet.", FRUIT) is None
    assert (
        choice(Item("", "", "4", fields={"choices": '{"1": "x", "2": "y", "3": "z", "4": "w"}'}), "4").outcome == RIGHT
    )


def test_a_gold_answer_that_is_no_choice_is_not_scored():
    assert choice(Item("", "", "F", fields=ARC.fields), "B").outcome == NOT_SCORED


def test_a_label_is_found_in_prose_and_in_json_and_the_longer_one_first():
    parse = label_parser(["relevant", "not relevant"])
    assert parse("Relevant.") == "relevant"
    assert parse("I find this NOT relevant") == "not relevant"
    assert parse('{"label": "not  Relevant"}') == "not relevant"
    assert parse("it is irrelevant") is None
    assert parse("relevant or not relevant") is None


def test_labels_outside_the_list_are_wrong_in_a_reply_and_not_scored_in_the_gold():
    score = labels(["spam", "ham"])
    assert score("spam", "Spam").outcome == RIGHT
    assert (score("spam", "ham").outcome, score("spam", "ham").reason) == (WRONG, "said 'ham'")
    assert score("spam", "eggs").outcome == WRONG
    assert score("eggs", "spam").outcome == NOT_SCORED


def test_a_pattern_takes_the_last_match_and_its_first_group():
    score = pattern(r"code:\s*([A-Z]\d+)")
    assert score("B12", "code: A1, no, code: b12".upper().replace("CODE", "code")).outcome == RIGHT
    assert score("the code: B12", "code: B12").outcome == RIGHT
    assert score("B12", "B12").reason == "the pattern is not in the reply"
    assert score("", "code: B12").outcome == NOT_SCORED


def test_a_pattern_that_explodes_on_a_reply_ends_and_is_not_scored():
    told = pattern(r"^(a|a?)+$")("a", "a" * 40 + "!")
    assert (told.outcome, told.reason) in (
        (NOT_SCORED, "the pattern took too long"),
        (WRONG, "the pattern is not in the reply"),
    )
    assert pattern(r"(x+x+)+y")("a", "x" * 5000).outcome == NOT_SCORED


CALL = '{"name": "book", "arguments": {"city": "Rome", "nights": 3}}'


@pytest.mark.parametrize(
    "reply",
    [
        CALL,
        f"<tool_call>\n{CALL}\n</tool_call>",
        f"Sure.\n```json\n[{CALL}]\n```",
        '{"function": {"name": "book", "arguments": "{\\"nights\\": 3, \\"city\\": \\"Rome\\"}"}}',
        '{"name": "book", "parameters": {"city": "Rome", "nights": 3}}',
        f'{{"tool_calls": [{{"type": "function", "function": {CALL}}}]}}',
    ],
)
def test_a_tool_call_is_read_in_every_usual_form(reply: str):
    assert tool_call({})(CALL, reply).outcome == RIGHT


def test_a_tool_call_is_judged_by_name_and_arguments():
    score = tool_call({"city": Field("text"), "note": Field("ignored")})
    assert score(CALL, CALL.replace("Rome", " rome")).outcome == RIGHT
    assert score(CALL, CALL.replace("book", "cook")).reason == "another tool"
    part = score(CALL, CALL.replace("3", "4"))
    assert (part.outcome, part.value, part.reason) == (WRONG, 2 / 3, "argument 'nights'")
    assert score(CALL, CALL.replace("3", '3, "extra": 1')).reason == "argument 'extra'"
    assert score(CALL, CALL.replace("3", '3, "note": 1')).outcome == RIGHT
    assert score(CALL, f"[{CALL}, {CALL}]").reason == "another number of calls"
    assert score(CALL, "I would book Rome").reason == "no tool call in the reply"
    assert score("none", CALL).outcome == NOT_SCORED
    assert tool_calls('{"nights": 3}') is None


def test_a_field_that_is_not_required_counts_in_the_mean_only():
    built = KINDS["json_fields"](
        Settings({"fields": {"a": "exact", "b": {"compare": "text", "required": False}, "c.d": "number"}}, None, "", [])
    )
    gold = Item("", "", '{"a": 1, "b": "x", "c": {"d": 2}}')
    told = built.scorer(gold, '{"a": 1, "b": "y", "c": {"d": 2.0}}')
    assert (told.outcome, told.value) == (RIGHT, 2 / 3)
    assert built.scorer(gold, '{"a": 2, "b": "x", "c": {"d": 2}}').reason == "field 'a'"
    assert built.scorer(gold, '{"a": true, "b": "x", "c": {"d": 2}}').outcome == WRONG, "true is not 1"


@pytest.mark.parametrize(
    ("gold", "reply"),
    [
        ("#### 18", '{"reasoning": "12 and 6", "answer": "18 apples"}'),
        (r"\boxed{\frac{1}{2}}", "The answer is 0.5"),
        ("#### 0.5", r"so \boxed{\frac{1}{2}}"),
        ("$x^2-1$", r"\boxed{(x-1)(x+1)}"),
        (r"\boxed{\sqrt{8}}", r"\boxed{2\sqrt{2}}"),
        ("(1,2]", "The answer is $(1,2]$"),
        ("#### 3", r"\boxed{x=3}"),
    ],
)
def test_symbolic_answers_agree_as_mathematics(gold: str, reply: str):
    assert symbolic(gold, reply).outcome == RIGHT


@pytest.mark.parametrize(
    ("gold", "reply"),
    [
        ("(1,2]", "The answer is $(1,2)$"),
        ("$x^2-1$", r"\boxed{x^2+1}"),
        ("#### 5", r"\boxed{\frac{1}{5}}"),
        ("$x$", ""),
    ],
)
def test_symbolic_answers_that_differ_are_wrong(gold: str, reply: str):
    assert symbolic(gold, reply).outcome == WRONG


def test_an_expression_that_never_ends_is_not_scored_and_the_next_is():
    told = symbolic(r"\boxed{7}", r"\boxed{9^{9^{9^{9}}}}")
    assert (told.outcome, told.reason) == (NOT_SCORED, "the comparison took too long")
    assert symbolic("$x+x$", r"\boxed{2x}").outcome == RIGHT


def test_symbolic_answers_are_compared_in_any_thread():
    import threading

    outcomes = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(symbolic("$x+x$", r"\boxed{2x}").outcome)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [RIGHT] * 3


def test_what_a_worked_answer_states_is_found():
    assert final_expression(r"a \boxed{\frac{1}{2}} b") == r"\frac{1}{2}"
    assert final_expression("x\n#### 7") == "7"
    assert final_expression("nothing") is None
    assert parse_worked(r"Half. \boxed{\frac{1}{2}}") == "Half. \\boxed{\\frac{1}{2}}\n#### \\frac{1}{2}"


SETTINGS = {
    "exact": {},
    "labels": {"labels": ["spam", "ham"]},
    "json_fields": {"fields": {"a": "number", "b": "set", "c": "text"}},
    "numeric": {},
    "regex": {"pattern": r"\d+"},
    "choice": {},
    "sql": {},
    "tool_call": {},
    "judge": {"rubric": "is right"},
}


@given(
    gold=st.text(max_size=60),
    reply=st.text(max_size=200) | st.from_regex(r'[\{\[]?"?(name|a|answer)?"?:? ?[\d{}\[\]",]*'),
)
def test_no_scorer_raises_and_what_is_not_scored_has_a_reason_and_no_value(gold: str, reply: str):
    for kind, raw in SETTINGS.items():
        told = KINDS[kind](Settings(raw, None, "", [])).scorer(Item("", "", gold, fields={"choices": "{}"}), reply)
        assert (told.value is None) == (told.outcome == NOT_SCORED)
        assert told.reason or told.outcome == RIGHT
        assert told.value is None or 0 <= told.value <= 1


@given(reply=st.text(max_size=200))
def test_no_parser_raises_and_none_gives_an_empty_answer(reply: str):
    for kind, raw in SETTINGS.items():
        answer = KINDS[kind](Settings(raw, None, "", [])).parser(reply)
        assert answer is None or answer.strip()
