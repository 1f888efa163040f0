"""Money: unknown stays unknown, and nothing is rounded in the user's disfavour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import costs
from engine.costs import Price
from engine.domain import Strategy
from engine.errors import InputError


def test_calls_per_example_follow_the_convention():
    assert [costs.calls_per_example(s) for s in Strategy] == [1, 2, 2, 1]
    assert [costs.calls_per_example(s, "paper") for s in Strategy] == [1, 1, 1, 1]
    with pytest.raises(InputError, match="expected all or paper"):
        costs.calls_per_example(Strategy.NEW_QUESTION, "some")


@given(st.integers(0, 10**6), st.sampled_from(Strategy), st.sampled_from(["all", "paper"]))
def test_examples_never_cost_more_queries_than_there_are(queries, strategy, calls):
    examples = costs.examples_for(queries, strategy, calls)
    assert costs.queries_for(examples, strategy, calls) <= queries
    assert costs.queries_for(examples + 1, strategy, calls) > queries


@given(
    st.integers(0, 10**5),
    st.sampled_from(Strategy),
    st.sampled_from(["all", "paper"]),
    st.integers(1, 8),
    st.integers(1, 5),
)
def test_shared_calls_and_votes_never_cost_more_queries_than_there_are(queries, strategy, calls, together, votes):
    bought = costs.examples_for(queries, strategy, calls, together=together, votes=votes)
    assert costs.queries_for(bought, strategy, calls, together=together, votes=votes) <= queries
    assert costs.queries_for(bought + 1, strategy, calls, together=together, votes=votes) > queries


def test_questions_that_share_a_call_are_cheaper_and_votes_dearer():
    assert costs.examples_for(100, Strategy.NEW_QUESTION) == 50
    assert costs.examples_for(100, Strategy.NEW_QUESTION, together=4) == 80
    assert costs.examples_for(100, Strategy.QUESTION_REPHRASE, together=4) == 50, "a rephrasing is asked for alone"
    assert costs.examples_for(100, Strategy.ANSWER_AUGMENTATION, votes=3) == 33


@pytest.mark.parametrize(
    ("price", "tokens"),
    [
        (Price(None, None), (100, 100)),
        (Price(1.0, None), (100, 100)),
        (Price(None, 1.0), (100, 100)),
        (Price(1.0, 1.0), (None, 100)),
        (Price(1.0, 1.0), (100, None)),
    ],
)
def test_an_unknown_price_stays_unknown_and_is_never_nought(price, tokens):
    assert costs.usd_per_query(price, *tokens) is None
    assert costs.usd_for(1000, costs.usd_per_query(price, *tokens)) is None
    assert costs.queries_for_budget(10.0, price, *tokens) is None
    if tokens == (100, 100):
        assert costs.upper_bound_usd(1000, price, 100, 100) is None


def test_a_free_teacher_costs_nothing_and_sets_no_limit():
    free = Price(0.0, 0.0)
    assert costs.usd_per_query(free, None, None) == 0
    assert costs.queries_for_budget(10.0, free, None, None) is None


def test_money_buys_whole_queries():
    price = Price(input_usd=0.5, output_usd=1.5)  # 400 in, 200 out: 0.0005 USD
    assert costs.usd_per_query(price, 400, 200) == pytest.approx(0.0005)
    assert costs.queries_for_budget(1.0, price, 400, 200) == 2000
    assert costs.queries_for_budget(0.00099, price, 400, 200) == 1


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.integers(1, 4000), st.integers(1, 4000), st.integers(1, 5000))
def test_the_upper_bound_holds_for_every_reply(usd_in, usd_out, prompt, longest_reply, queries):
    price = Price(usd_in, usd_out)
    bound = costs.upper_bound_usd(queries, price, prompt, longest_reply)
    spent = costs.usd_for(queries, costs.usd_per_query(price, prompt, longest_reply * 0.7))
    assert bound is not None
    assert spent is not None
    assert spent <= bound


@pytest.mark.parametrize("usd", [-1.0, float("nan"), float("inf")])
def test_a_price_that_is_no_price_is_refused(usd):
    with pytest.raises(InputError, match="per million tokens"):
        Price(usd, 1.0)


@pytest.mark.parametrize("usd", [0.0, -5.0, float("nan")])
def test_a_budget_that_buys_nothing_is_refused(usd):
    with pytest.raises(InputError, match="expected an amount above 0"):
        costs.queries_for_budget(usd, Price(1.0, 1.0), 100, 100)
