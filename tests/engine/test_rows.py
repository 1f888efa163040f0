"""From rows to items: columns, chats, choices."""

import json
from pathlib import Path

import pytest

from engine.domain import Item
from engine.mapping import renamed
from engine.rows import choices, columns, lists_choices, messages

SHARED = Path(__file__).parents[3] / "shared" / "data"


def item(got: Item | str) -> Item:
    assert isinstance(got, Item), got
    return got


def test_the_same_content_is_the_same_item_and_another_context_is_another():
    read = columns("q", "a", "c")
    first = item(read({"q": " why? ", "a": "so", "c": "text", "family": 3}))
    assert first == item(read({"c": "text", "a": "so", "q": "why?", "family": "3"}))
    assert first.id != item(read({"q": "why?", "a": "so", "c": "another"})).id
    assert (first.family, first.asked) == ("3", "text\n\nwhy?")


def test_a_row_that_cannot_be_read_says_what_was_found():
    read = columns("q", "a", fields={"tests": "checks"})
    assert read({"q": "x"}) == "column 'a' is missing (found: q)"
    assert read({"q": "x", "a": "", "checks": "t"}) == "'a' is empty"
    assert item(read({"q": "x", "a": "y", "checks": ["assert 1", "assert 2"]})).fields == {
        "tests": "assert 1\nassert 2"
    }


def test_columns_may_be_called_otherwise():
    read = renamed(columns("question", "answer"), {"question": "prompt"})
    assert item(read({"prompt": "x", "answer": "y", "question": "an id"})).question == "x"
    assert read({"answer": "y"}) == "column 'prompt' is missing (found: answer)"


def chat(*turns: tuple[str, str]) -> dict:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def test_the_final_assistant_turn_of_a_chat_is_the_answer():
    got = item(
        messages()(
            chat(("system", "Be kind"), ("user", "Hi"), ("assistant", "Hello"), ("user", "Who?"), ("assistant", "I"))
        )
    )
    assert (got.question, got.answer) == ("Who?", "I")
    assert got.context == "System: Be kind\nUser: Hi\nAssistant: Hello"
    assert (
        item(messages()({"messages": json.dumps(chat(("user", "Hi"), ("assistant", "Yo"))["messages"])})).context == ""
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, "expected a list of messages"),
        ({"messages": "{"}, "no JSON list"),
        (chat(("user", "Hi")), "expected a user's turn and then the assistant's at the end (found: user)"),
        (chat(("assistant", "Hi"), ("user", "Yo")), "(found: assistant, user)"),
        (chat(("user", ""), ("assistant", "x")), "must not be empty"),
    ],
)
def test_a_chat_without_an_answer_says_what_was_found(row: dict, said: str):
    got = messages()(row)
    assert isinstance(got, str)
    assert said in got


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"text": ["x", "y"], "label": ["A", "B"]}, "B"),
        (["x", "y"], "B"),
        (["x", "y"], "y"),
        (["x", "y"], 1),
        ({"A": "x", "B": "y"}, "B"),
        ('["x", "y"]', "B"),
    ],
)
def test_choices_of_every_usual_shape_give_one_item(given: object, answer: object):
    got = item(choices()({"question": "Which?", "choices": given, "answerKey": answer}))
    assert (got.question, got.answer) == ("Which?\nA. x\nB. y", "B")
    assert lists_choices(got.question)
    assert not lists_choices("Which?")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": "q", "choices": ["x"], "answerKey": "A"}, "'choices': expected"),
        ({"question": "q", "choices": ["x", "y"], "answerKey": "C"}, "'answerKey' = 'C': expected one of A, B"),
        ({"question": "q", "choices": {"text": ["x"], "label": ["A", "B"]}, "answerKey": "A"}, "of one length"),
        ({"question": "q", "answerKey": "A"}, "column 'choices' is missing"),
    ],
)
def test_choices_that_cannot_be_read_say_why(row: dict, said: str):
    got = choices()(row)
    assert isinstance(got, str)
    assert said in got


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is missing: it is lent, never committed")
def test_every_row_of_arc_is_an_item_whose_gold_is_right_and_every_other_label_wrong():
    from engine.tasks import load_task

    task = load_task("multiple_choice")
    rows = [
        json.loads(line)
        for name in ("challenge_train", "challenge_validation")
        for line in (SHARED / "arc" / f"{name}.jsonl").read_text("utf-8").splitlines()
    ]
    assert len(rows) == 300
    for row in rows:
        got = item(task.read_row(row))
        assert got.answer == row["answerKey"]
        assert task.has_form(got.question)
        for label, text in zip(row["choices"]["label"], row["choices"]["text"], strict=True):
            expected = "right" if label == row["answerKey"] else "wrong"
            assert task.score_item(got, f"Because.\n\nFinal answer: {label}").outcome == expected
            assert task.score_item(got, f"The answer is {label}. {text}").outcome == expected
