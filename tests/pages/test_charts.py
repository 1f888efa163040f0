"""Figures from plain values."""

from __future__ import annotations

from dataclasses import replace

import plotly.graph_objects as go

from engine.domain import Cell, Interval, Measurement
from pages.shared import charts, words
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


def test_ticks_say_queries_and_queries_per_seed() -> None:
    ticks = charts.curves(samples.advice()).layout.xaxis.ticktext
    assert "1k<br>10/seed" in ticks


def test_every_strategy_differs_in_more_than_colour() -> None:
    styles = charts.STYLES.values()
    assert len({style.dash for style in styles}) == len({style.marker for style in styles}) == len(charts.STYLES)


def test_what_is_refused_is_said_in_words() -> None:
    assert words.percent(None) == "not given"
    assert words.percent(Interval(0.554, 0.424, 0.66)) == "55 % (42 to 66)"
    assert (words.ratio(0.347), words.ratio(3500), words.short(30_000)) == ("0.35", "3,500", "30k")
