"""Teachers and variants in the form of a pilot: what is chosen is what the plan says, and no key is ever in it."""

from __future__ import annotations

import json
import time

import pytest
from streamlit.testing.v1 import AppTest

from engine.plan import check_plan

ENDPOINT = "An endpoint (OpenAI, vLLM, Ollama, llama.cpp)"


@pytest.fixture
def form(app: AppTest) -> AppTest:
    return app.switch_page("pages/pilot/new.py").run()


def plan(form: AppTest) -> dict:
    assert not form.exception
    return json.loads(form.session_state["pilot_shown"])


def captions(form: AppTest) -> str:
    return "\n".join(caption.value for caption in form.caption).replace("\\", "")


def endpoint(form: AppTest, prefix: str = "pilot", model: str = "gpt-4o-mini") -> AppTest:
    form.radio(key=f"{prefix}_teacher").set_value(ENDPOINT).run()
    form.text_input(key=f"{prefix}_url").set_value("https://api.openai.com/v1")
    form.text_input(key=f"{prefix}_model").set_value(model).run()
    return form


def test_the_listed_price_stands_beside_ones_own_with_its_date_and_ones_own_goes_first(form: AppTest) -> None:
    endpoint(form)
    assert "Listed: $0.15 read, $0.6 written a million tokens (genai-prices" in captions(form)
    assert "openai gpt-4o-mini, for 20" in captions(form)
    assert form.number_input(key="pilot_usd_in").placeholder == "0.15 listed"
    dear = next(m.value for m in form.metric if m.label == "Cost, expected")
    form.number_input(key="pilot_usd_in").set_value(0.0)
    form.number_input(key="pilot_usd_out").set_value(0.0).run()
    assert check_plan(plan(form)).quote.source == "your own price"
    assert dear != next(m.value for m in form.metric if m.label == "Cost, expected") == "$0"


def test_batches_are_quoted_at_their_own_price_and_say_what_they_mean_for_time(form: AppTest) -> None:
    endpoint(form)
    form.checkbox(key="pilot_batch").check().run()
    assert plan(form)["teacher"]["batch"] is True
    assert "Listed: $0.075 read, $0.3 written" in captions(form)
    assert "One by one: $0.15 and $0.6" in captions(form)
    assert "within 24 hours" in form.checkbox(key="pilot_batch").help
    assert form.radio(key="pilot_augmenter").disabled
    assert form.checkbox(key="variant_teachers").disabled
    assert "Batches take one model only" in captions(form)
    assert not form.error


def test_limits_reach_the_plan_and_empty_ones_do_not(form: AppTest) -> None:
    endpoint(form)
    form.number_input(key="pilot_rpm").set_value(500.0)
    form.number_input(key="pilot_tpm").set_value(200_000.0)
    form.number_input(key="pilot_concurrency").set_value(32).run()
    asked = plan(form)["teacher"]
    assert (asked["requests_per_minute"], asked["tokens_per_minute"], asked["concurrency"]) == (500, 200_000, 32)
    assert not {"timeout_s", "max_answer_tokens", "keep_reasoning"} & set(asked)


def test_a_model_of_this_machine_and_recorded_replies_are_teachers_too(form: AppTest) -> None:
    form.radio(key="pilot_teacher").set_value("A model on this machine").run()
    assert "Model: is empty" in form.error[0].value
    form.text_input(key="pilot_local").set_value("some-org/some-model").run()
    assert plan(form)["teacher"] == {"kind": "transformers_local", "model": "some-org/some-model"}
    form.radio(key="pilot_teacher").set_value("Recorded replies").run()
    assert any("Upload a file with recorded replies" in info.value for info in form.info)
    assert not form.error, "what is still to be given is no fault"
    row = json.dumps({"question": "1 + 1?", "reply": "#### 2"}).encode()
    form.file_uploader(key="pilot_replies").set_value(("replies.jsonl", row, "text/plain")).run()
    asked = plan(form)["teacher"]
    assert asked["kind"] == "replay"
    assert asked["replies"].endswith("replies.jsonl")
    assert not form.error


def test_another_model_writes_the_questions_under_a_key_and_a_price_of_its_own(form: AppTest) -> None:
    form.radio(key="pilot_augmenter").set_value("Another model").run()
    endpoint(form, "augmenter")
    form.text_input(key="augmenter_key_env").set_value("OTHER_KEY").run()
    asked = plan(form)
    assert asked["teacher"] == {"kind": "sandbox"}
    assert (asked["augmenter"]["model"], asked["augmenter"]["key_env"]) == ("gpt-4o-mini", "OTHER_KEY")
    assert "Typed here" not in form.radio(key="augmenter_key_from").options
    form.text_input(key="augmenter_url").set_value("not an address").run()
    assert "Base URL of who writes the questions: found 'not an address'" in form.error[0].value.replace("\\", "")


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("votes", {"votes": 3}),
        ("gold", {"gold": True}),
        ("together", {"questions_per_call": 4}),
        ("own_share", {"seed_share": 0.5}),
        ("guided", {"guided": True}),
    ],
)
def test_a_variant_that_is_ticked_is_in_the_plan_with_its_cost(form: AppTest, name: str, setting: dict) -> None:
    form.checkbox(key=f"variant_{name}").check().run()
    assert not form.error
    assert plan(form)["variants"] == [{"name": name, **setting}]
    said = captions(form)
    measured = check_plan(plan(form)).variants[0].of(check_plan(plan(form)).grid.strategies)
    assert f"{2 * len(measured)} more adapters to train" in said
    assert ("No more queries" in said) is (name == "own_share")
    bound = 4900 + (0 if name == "own_share" else 1600 * len(measured))
    asked = int(next(m.value for m in form.metric if m.label == "Teacher queries").replace(",", ""))
    assert 4900 <= asked <= bound, "what is said to be the most it costs is"


def test_a_vote_says_how_many_examples_its_budget_still_brings(form: AppTest) -> None:
    form.checkbox(key="variant_votes").check().run()
    assert "Answers: 1,600 queries bring 533 examples in place of 1,600." in captions(form)
    form.number_input(key="variant_votes_count").set_value(5).run()
    assert plan(form)["variants"][0]["votes"] == 5
    assert "bring 320 examples" in captions(form)


def test_a_variant_that_cannot_be_used_is_disabled_and_says_why(form: AppTest) -> None:
    form.checkbox(key="variant_gold").check().run()
    form.pills(key="pilot_strategies").set_value(["New questions"]).run()
    assert form.checkbox(key="variant_gold").disabled
    assert "Changes Answers only; choose them among the strategies" in captions(form)
    assert "variants" not in plan(form)
    form.pills(key="pilot_strategies").set_value(["Answers"]).run()
    assert form.checkbox(key="variant_together").disabled
    assert [variant["name"] for variant in plan(form)["variants"]] == ["gold"], "the tick is still there"


def test_several_teachers_share_the_questions_each_with_a_table_of_its_own(form: AppTest) -> None:
    form.checkbox(key="variant_teachers").check().run()
    form.number_input(key="variant_teachers_count").set_value(2).run()
    endpoint(form, "teacher_2")
    form.radio(key="teacher_2_key_from").set_value("None needed").run()
    form.number_input(key="variant_share_2").set_value(100).run()
    asked = plan(form)
    assert asked["variants"][0]["teachers"] == {"teacher": 50, "teacher_2": 50, "teacher_3": 100}
    assert list(asked["teachers"]) == ["teacher_2", "teacher_3"]
    assert asked["teachers"]["teacher_2"]["model"] == "gpt-4o-mini"
    assert "your teacher 25 %, teacher 2 25 %, teacher 3 50 %" in captions(form)
    assert not form.error
    form.text_input(key="teacher_2_model").set_value("").run()
    assert "Model of teacher 2: is empty" in form.error[0].value


def test_what_was_chosen_is_there_after_a_visit_to_another_page(form: AppTest) -> None:
    endpoint(form)
    form.checkbox(key="variant_votes").check().run()
    before = plan(form)
    form.switch_page("pages/learn/method.py").run()
    form.switch_page("pages/pilot/new.py").run()
    assert plan(form) == before


def test_the_form_answers_fast(form: AppTest) -> None:
    form.checkbox(key="variant_votes").check().run()
    times = []
    for budget in range(400, 440, 2):
        form.text_input(key="pilot_budgets").set_value(str(budget))
        start = time.process_time()
        form.run()
        times.append(time.process_time() - start)
    assert sorted(times)[-2] < 0.1
