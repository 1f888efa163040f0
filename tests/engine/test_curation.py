from dataclasses import replace

from engine.curation import curate
from engine.domain import Item, Strategy
from engine.strategies import Draft

SEEDS = (Item("s1", "Tom has 3 pens. How many?", "#### 3"), Item("s2", "Ann has 4 pens. How many?", "#### 4"))
TEST = (Item("t1", "A farmer has 12 cows and buys 5 more cows. How many cows has he now?", "#### 17"),)


def draft(question: str, answer: str = "#### 1") -> Draft:
    return Draft(question, answer, None, (1,))


def reasons(*drafts: Draft | None) -> tuple[str, ...]:
    return curate(Strategy.NEW_QUESTION, SEEDS, TEST, drafts).reasons


def test_counts_add_up_to_the_visits():
    pool = curate(
        Strategy.NEW_QUESTION,
        SEEDS,
        TEST,
        [draft("a new one"), draft("a new one"), None, Draft("q", None, "cut_off", (1,)), Draft("q", None, None, ())],
    )
    assert pool.counts == {"kept": 1, "duplicate": 1, "no_reply": 1, "cut_off": 1, "unparsable": 1}
    assert sum(pool.counts.values()) == 5


def test_what_repeats_a_seed_is_a_duplicate():
    assert reasons(draft("tom has  3 pens. how many?", "#### 3")) == ("duplicate",)


def test_another_answer_to_a_seed_question_is_kept():
    assert reasons(draft(SEEDS[0].question, "He has three.\n#### 3")) == ("kept",)


def test_a_test_item_in_nearly_the_same_words_is_left_out():
    near = "A farmer has 12 cows and buys 5 more cows. How many cows has he got now?"
    assert reasons(draft(near), draft(near.replace("12", "13"))) == ("near_test_item", "kept")


def test_a_smaller_budgets_data_is_a_prefix_of_a_larger_ones():
    drafts = [draft(f"question {i % 7}", f"#### {i % 5}") for i in range(40)]
    whole = curate(Strategy.NEW_QUESTION, SEEDS, TEST, drafts)
    for visits in (0, 1, 13, 40):
        part = curate(Strategy.NEW_QUESTION, SEEDS, TEST, drafts[:visits])
        assert part.first(visits) == whole.first(visits)


def test_a_kept_example_knows_its_seed_and_what_it_took():
    made = replace(draft("x"), seed_id="s2", sample_index=1)
    example = curate(Strategy.NEW_QUESTION, SEEDS, (), [None, None, None, made]).examples[3]
    assert example is not None
    assert (example.seed_id, example.sample_index, example.query_ids) == ("s2", 1, (1,))
