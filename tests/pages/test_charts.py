"""Figures from plain values."""

from __future__ import annotations

from dataclasses import replace

import plotly.graph_objects as go
import pytest

from engine import evidence
from engine.domain import Cell, Interval, Measurement, Recommendation, TeacherOffer
from pages.shared import chart_tables, charts, words
from tests.pages import samples


def named(figure: go.Figure) -> dict[str, go.Scatter]:
    return {trace.name: trace for trace in figure.data if trace.name}


def test_an_assumed_band_is_hatched_and_named_so() -> None:
    figure = charts.curves(samples.advice())
    assert {"Answers", "Rephrasings (assumed)", "New questions"} <= set(named(figure))
    hatched = [trace.legendgroup for trace in figure.data if trace.fill and trace.fillpattern.shape]
    assert hatched == ["question_rephrase"]


def test_a_crossover_stands_at_its_ratio_times_the_seeds_with_its_range() -> None:
    mark = named(charts.curves(samples.advice()))["New questions overtake answers (80 % range)"]
    assert mark.x[0] == 3700
    assert (mark.error_x.arrayminus[0], mark.error_x.array[0]) == (1900, 4300)


def test_overtakings_among_the_others_are_not_marked() -> None:
    advice = samples.advice()
    others = replace(advice.crossovers[0], start=samples.QR)
    assert words.changes_of_winner(replace(advice, crossovers=(others,))) == []


def test_measured_points_lie_on_the_axes_of_the_curves_with_their_intervals() -> None:
    cell = Cell(samples.NQ, seeds=100, budget=1000, replicate=0)
    measured = [(Measurement(cell, 60, 100, 0, 500), Interval(0.6, 0.53, 0.66))]
    point = named(charts.curves(samples.advice(), measured))["New questions, measured"]
    assert (point.x[0], point.y[0]) == (1000, 60)
    assert round(point.error_y.array[0]) == 6


def test_the_axis_says_queries_and_above_it_queries_per_seed() -> None:
    layout = charts.curves(samples.advice()).layout
    assert "1k" in layout.xaxis.ticktext
    assert layout.xaxis.title.text == "Teacher queries (log scale)"
    assert layout.xaxis2.side == "top"
    assert layout.xaxis2.title.text.startswith("Queries per seed")
    # 100 seeds: the two axes end at the same place
    assert [10**end / 100 for end in layout.xaxis.range] == pytest.approx([10**end for end in layout.xaxis2.range])
    assert any(trace.xaxis == "x2" for trace in charts.curves(samples.advice()).data), "an axis without a trace is none"


def priced(usd: float | None) -> Recommendation:
    advice = samples.advice()
    offer = TeacherOffer("a", usd_per_query=usd)
    return replace(advice, situation=replace(advice.situation, teachers=(offer,)))


def test_with_a_price_everything_stands_in_dollars_and_the_ratio_stays() -> None:
    cell = Cell(samples.NQ, seeds=100, budget=1000, replicate=0)
    measured = [(Measurement(cell, 60, 100, 0, 500), Interval(0.6, 0.53, 0.66))]
    figure = charts.curves(priced(0.01), measured, budget=True)
    plain = charts.curves(samples.advice(), measured, budget=True)
    assert "$10" in figure.layout.xaxis.ticktext
    assert "US dollars" in figure.layout.xaxis.title.text
    assert figure.layout.xaxis2.range == plain.layout.xaxis2.range
    assert named(figure)["Answers"].x[0] == pytest.approx(0.01 * named(plain)["Answers"].x[0])
    assert named(figure)["New questions, measured"].x[0] == pytest.approx(10)
    assert named(figure)["New questions overtake answers (80 % range)"].x[0] == pytest.approx(37)
    assert any(trace.text and "$30" in trace.text[-1] for trace in figure.data), "3,000 queries at a cent"


@pytest.mark.parametrize("usd", [None, 0.0], ids=["unknown", "free"])
def test_without_a_price_and_with_a_free_teacher_the_axis_is_queries(usd: float | None) -> None:
    assert charts.curves(priced(usd)).layout.xaxis.title.text == "Teacher queries (log scale)"


def test_the_curves_before_are_faint_and_without_a_band_and_named_once() -> None:
    after, before = samples.advice(), samples.advice()
    figure = charts.curves(after, before=before)
    faint = [trace for trace in figure.data if trace.opacity is not None and trace.x and len(trace.x) > 1]
    assert len(faint) == 3
    assert all(trace.opacity < 0.8 and trace.line.width < 2 and not trace.fill for trace in faint)
    assert [
        trace.name for trace in figure.data if trace.showlegend is not False and "before" in (trace.name or "")
    ] == ["Thin: before your data"]
    assert not any("before" in (trace.name or "") for trace in charts.curves(after).data)


def test_the_table_holds_every_value_that_is_drawn() -> None:
    cell = Cell(samples.NQ, seeds=100, budget=1000, replicate=0)
    measured = [(Measurement(cell, 60, 100, 0, 500), Interval(0.6, 0.53, 0.66))]
    table = chart_tables.curves(priced(0.01), measured, samples.advice())
    assert dict(table["What"].value_counts()) == {
        "expected with your data": 82, "expected with your data, assumed": 41,
        "expected before": 82, "expected before, assumed": 41, "measured": 1,
    }  # fmt: skip
    point = table[table["What"] == "measured"].iloc[0]
    assert list(point[["Strategy", "Queries", "Spent, $", "Queries per seed"]]) == ["New questions", 1000, 10.0, 10.0]
    assert list(point[["Accuracy, %", "80 % from", "to"]]) == [60.0, 53.0, 66.0]
    assert "Spent, $" not in chart_tables.curves(samples.advice())


def test_published_points_are_drawn_and_listed_alike() -> None:
    points = evidence.published().points
    drawn = sum(len(trace.x) for trace in charts.published(points).data)
    assert drawn == len(chart_tables.published(points)) > 50


def test_amounts_have_the_digits_that_matter() -> None:
    assert [words.dollars(x) for x in (0.003, 0.3, 4.5, 1.0, 38.0, 3000.0, 156250.0)] == [
        "$0.003", "$0.3", "$4.50", "$1", "$38", "$3k", "$156.2k",
    ]  # fmt: skip


def test_every_strategy_differs_in_more_than_colour() -> None:
    styles = charts.STYLES.values()
    assert len({style.dash for style in styles}) == len({style.marker for style in styles}) == len(charts.STYLES)


def test_what_is_refused_is_said_in_words() -> None:
    assert words.percent(None) == "not given"
    assert words.percent(Interval(0.554, 0.424, 0.66)) == "55 % (42 to 66)"
    assert (words.ratio(0.347), words.ratio(3500), words.short(30_000)) == ("0.35", "3,500", "30k")
