from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.curation import curate
from engine.domain import Item, Recipe, Strategy
from engine.strategies import Draft
from engine.student import check_student
from engine.tasks import load_task
from engine.token_length import room

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
    answer = draft(SEEDS[0].question, "He has three.\n#### 3")
    assert curate(Strategy.ANSWER_AUGMENTATION, SEEDS, TEST, [answer, answer]).reasons == ("kept", "duplicate")


def test_a_written_question_that_is_nearly_a_seed_or_an_earlier_one_is_left_out():
    seed = "Tom has three pens! How many pens?"
    new = "Sara reads 14 pages on Monday and 23 pages on Tuesday. How many pages did she read in all?"
    again = "Sara reads fourteen pages on Monday and 23 pages on a Tuesday. How many pages did she read in all?"
    other = new.replace("14", "15")
    said = reasons(draft(seed), draft(new), draft(again), draft(other))
    assert said == ("near_seed", "kept", "near_duplicate", "kept"), "another number is another question"


def test_a_test_item_in_other_words_is_left_out():
    words = "On a farm there are twelve cows. The farmer then buys five more. How many cows does he have now?"
    assert reasons(draft(words), draft(words.replace("twelve", "nine"))) == ("near_test_item", "kept")


def test_another_language_than_that_of_the_seeds_is_left_out_and_a_mix_of_them_switches_it_off():
    german = draft("Ein Bauer hat zwölf Kühe und kauft noch drei dazu. Wie viele Kühe besitzt er jetzt insgesamt?")
    english = Item("s", "A man has seven hats and buys two more of them. How many hats has he got now?", "#### 9")
    assert curate(Strategy.NEW_QUESTION, [english] * 20, (), [german]).reasons == ("other_language",)
    mixed = [english, replace(english, question=german.question or "")] * 10
    spanish = draft("María tiene 5 manzanas y compra 3 más en la tienda. ¿Cuántas manzanas tiene ahora en total?")
    assert curate(Strategy.NEW_QUESTION, mixed, (), [spanish]).reasons == ("kept",)
    inputs = [replace(english, answer="")] * 20
    own = draft(german.question or "", "He has nineteen hats then, since seven and twelve make nineteen. #### 19")
    assert curate(Strategy.REAL_QUESTION, inputs, (), [own]).reasons == ("kept",), "the user's own question"
    records = [replace(english, question='{"a": 1}', answer="SELECT a FROM b")] * 20
    assert curate(Strategy.NEW_QUESTION, records, (), [german]).reasons == ("kept",)


def test_what_is_longer_than_the_student_can_read_is_left_out_and_megabytes_are_no_trouble():
    space = room(check_student("sandbox"), Recipe(max_length=64), load_task("math"))
    drafts = [draft("How many?", "#### 3"), draft("Why?", "word " * 200), draft("Who?", "x" * 10_000_000)]
    assert curate(Strategy.NEW_QUESTION, SEEDS, (), drafts, space).reasons == ("kept", "too_long", "too_long")


@pytest.mark.parametrize("text", ["...", "🙂🙂", "О" * 20, "1", "1 1 1", "?", "∑ ∫", "\ud800 x", "a" * 60_000, "שלום"])
def test_strange_questions_are_judged_and_never_break(text: str):
    said = reasons(draft(text), draft(text), draft(f"{text} and 7 pens"))
    assert said[:2] == ("kept", "duplicate")


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u200b\u2060", "\x00"])
def test_what_shows_nothing_is_no_question_and_no_answer(text: str):
    assert reasons(draft(text), draft("Why is it so?", text)) == ("unparsable", "unparsable")


def test_a_test_item_in_letters_that_look_alike_is_left_out():
    said = TEST[0].question
    cyrillic = said.replace("a", "а").replace("o", "о").replace("c", "с")
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in said)
    hidden, accents = "\u200b".join(said), said.replace("a", "á").replace("o", "ö")
    texts = (cyrillic, wide, hidden, accents)
    assert all(text != said for text in texts)
    assert reasons(*map(draft, texts)) == ("near_test_item",) * 4


def test_the_same_question_about_another_database_is_another_question():
    singers = Item("a", "How many singers do we have?", "SELECT count(*) FROM singer", context="CREATE TABLE singer")
    bands = replace(singers, id="b", context="CREATE TABLE singer, band")
    again = replace(draft(singers.question, singers.answer), seed_id="b")
    worded = replace(draft("How many singers do we have now?", "SELECT count(*) FROM band"), seed_id="b")
    pool = curate(Strategy.QUESTION_REPHRASE, (singers, replace(bands, question="?")), (), [again, again, worded])
    assert pool.reasons == ("kept", "duplicate", "kept")
    tested = curate(Strategy.QUESTION_REPHRASE, (bands,), (singers,), [replace(again, seed_id="b"), worded])
    assert "near_test_item" not in tested.reasons
    assert curate(Strategy.NEW_QUESTION, (replace(bands, question="?"),), (bands,), [again]).reasons == (
        "near_test_item",
    )


def test_the_context_counts_where_the_student_reads_it():
    seed = Item("s", "How many?", "#### 3", context="word " * 200)
    space = room(check_student("sandbox"), Recipe(max_length=64), load_task("math"))
    made = replace(draft("How many?", "#### 4"), seed_id="s")
    assert curate(Strategy.ANSWER_AUGMENTATION, (seed,), (), [made], space).reasons == ("too_long",)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["Tom has 3 pens now", "Tom has three pens now", "Ann has 9 pens today", "x y z", ""])))
def test_what_comes_later_changes_no_decision(texts: list[str]):
    drafts = [draft(text, f"#### {i % 3}") for i, text in enumerate(texts)]
    whole = reasons(*drafts)
    assert all(reasons(*drafts[:visits]) == whole[:visits] for visits in range(len(drafts)))


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
