"""Too close to call: what is said about it."""

from __future__ import annotations

from dataclasses import replace

from engine import advice
from engine.domain import Situation, Strategy, TaskType, TeacherOffer
from engine.wording_choices import tie

SUPPORT = Situation(TaskType.MATH, 100, 3000, test_items=200)


def test_a_tie_says_how_close_what_the_test_items_show_and_what_is_cheapest() -> None:
    found = advice.recommend(SUPPORT)
    said = tie(found)
    regrets = [o.regret_points for o in found.outlooks]
    assert f"within {max(regrets) - min(regrets):.1f} points" in said
    assert said.startswith("Answers, rephrasings and new questions are expected within")
    assert f"your 200 test items can show differences from about {found.threshold_points:.1f} points" in said
    assert "Cheapest: answers, 1 query an example;" in said
    assert said.endswith("as many as the whole budget buys rephrasings cost 1,500 of 3,000 queries.")
    assert said == found.reasons[[r.text for r in found.reasons].index(said)].text


def test_the_headline_of_a_tie_is_one_sentence_with_the_smallest_visible_effect_and_a_price() -> None:
    found = advice.recommend(SUPPORT)
    assert found.headline == (
        "Too close to call: within 3.1 points; your 200 test items show 9 or more. "
        "Cheapest: answers, 1,500 of 3,000 queries."
    )
    priced = replace(SUPPORT, budget_usd=75.0, teachers=(TeacherOffer("a", usd_per_query=0.025),))
    assert advice.recommend(priced).headline.endswith("Cheapest: answers, $38.")


def test_a_tie_names_who_leads_as_the_cheapest_need_not_be_it() -> None:
    found = advice.recommend(replace(SUPPORT, task=TaskType.STRUCTURED))
    assert found.cheapest is Strategy.ANSWER_AUGMENTATION
    assert "Rephrasings are expected to do best" in tie(found)


def test_real_questions_that_end_early_say_what_they_take_of_the_budget_and_in_money() -> None:
    said = tie(advice.recommend(replace(SUPPORT, unlabelled=300)))
    assert said.endswith(
        "Cheapest: real questions, 1 query an example; all 300 of your inputs take 300 of 3,000 queries."
    )
    priced = replace(SUPPORT, unlabelled=300, budget_usd=4.5, teachers=(TeacherOffer("a", usd_per_query=0.0015),))
    said = tie(advice.recommend(priced))
    assert "real questions, 1 query ($0.0015) an example" in said
    assert said.endswith("all 300 of your inputs take 300 of 3,000 queries ($0.45).")


def test_without_test_items_the_threshold_is_ours_and_said() -> None:
    found = next(
        r
        for q in range(2000, 20_000, 1500)
        if not (r := advice.recommend(replace(SUPPORT, queries=q, test_items=None))).recommended
    )
    assert "less than 0.5 is too close to call" in tie(found)


def test_where_one_is_ahead_there_is_no_tie_to_tell() -> None:
    found = advice.recommend(replace(SUPPORT, test_items=None))
    assert found.recommended
    assert tie(found) == ""
