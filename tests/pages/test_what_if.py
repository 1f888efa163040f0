"""What if: each change moves the curves, and the old ones stay as thin ones beside the new."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import ROOT
from tests.pages.look import figure, tables, told


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/decide/what_if.py")
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def curves(app: AppTest, *, thin: bool) -> list[list[float]]:
    return [
        trace["y"]
        for trace in figure(app, "what_if")["data"]
        if trace.get("mode") == "lines+markers" and (trace.get("opacity") is not None) == thin
    ]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"if_writer": "true"}, "With a weak question writer"),
        ({"if_price": "25", "if_worth": "80"}, "With another teacher at 25 % of the price, 80 % of the worth"),
        ({"if_check": "true"}, "With checked answers, 10 % thrown out"),
        ({"if_student": "1.5"}, "With a student of 1.5 billion parameters"),
    ],
    ids=["augmenter", "teacher", "check", "student"],
)
def test_a_change_in_the_link_moves_the_curves_and_leaves_the_old_ones_thin(
    own_home: object, query: dict[str, str], said: str
) -> None:
    app = opened(**query)
    assert not app.exception
    assert app.subheader[1].value.startswith(said)
    new, old = curves(app, thin=False), curves(app, thin=True)
    assert len(new) == len(old) == 3
    moved = [max(abs(a - b) for a, b in zip(*pair, strict=True)) for pair in zip(new, old, strict=True)]
    assert max(moved) > 1, "points"
    assert len(tables(app, "The strategies before and after")[0]) == 3
    assert "What this rests on" in [s.value for s in app.subheader]


def test_with_nothing_changed_there_is_one_set_of_curves_and_a_hint(own_home: object) -> None:
    app = opened()
    assert app.subheader[1].value == "As it is: nothing is changed yet"
    assert curves(app, thin=True) == []
    assert "Choose a change" in told(app)


def test_a_listed_teacher_brings_its_price(own_home: object) -> None:
    app = opened(if_teacher="gpt-4.1-mini")
    assert "A query of gpt-4.1-mini costs 20 % of your teacher's, by the price table." in told(app)
    assert app.subheader[1].value.startswith("With gpt-4.1-mini at 20 % of the price")
