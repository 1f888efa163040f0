"""The retrieval page: an empty store, a result, another teacher at search time."""

from __future__ import annotations

import json
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine.plan import check_plan
from engine.records import RunState
from engine.retrieval.filing import RESULT, file_retrieval
from engine.settings import Settings
from engine.store import Store

PAGE = "pages/decide/retrieval.py"


def sample(run: str) -> dict[str, Any]:
    """A result as a pilot writes it, with invented figures."""

    def cell(mean: float) -> dict[str, Any]:
        return {"ndcg_at_10": {"mean": mean, "low80": mean - 0.03, "high80": mean + 0.03}, "queries": 40}

    means = {"untuned": (0.30, 0.25), "plain": (0.40, 0.30), "softqe": (0.42, 0.35), "expansion_at_search": (0.8, 0.7)}
    pairs = [("softqe", "plain"), ("expansion_at_search", "softqe")]
    sides = ("in_domain", "out_of_domain")
    same = {"ratio": 1.0, "low95": 0.99, "high95": 1.01}
    timed = {"median": 3.0, "p95": 4.0, "processor": 3.0, "searches": 200, "by_clock": same, "by_processor": same}
    asked = {"counts": {"kept": 40}, "replies": 40, "usd": 0.02, "input_tokens": 50.0, "output_tokens": 100.0}
    return {
        "run": run,
        "name": "retrieval",
        "label": "sandbox: invented",
        "replicates": 2,
        "collection": {"passages": 500, "train": 30, "dev": 10, "test": dict.fromkeys(sides, 40)},
        "queries": {"settled": 80, "unknown": 0, "usd": 0.04, "ceiling": 90},
        "strategies": {name: asked | {"seconds": 0.9} for name in ("query_expansion", "expansion_at_search")},
        "arms": [
            {"arm": name, "sides": {side: cell(mean) for side, mean in zip(sides, found, strict=True)}}
            for name, found in means.items()
        ],
        "latency": dict.fromkeys(("plain", "softqe", "untuned", "expansion_at_search"), timed),
        "comparisons": [
            {"one": one, "other": other, "side": side, "difference": 0.05, "low": 0.01, "high": 0.09, "items": 40,
             "adjusted_p": 0.01 if side == "out_of_domain" else 0.4}
            for one, other in pairs
            for side in sides
        ],
    }  # fmt: skip


@pytest.fixture
def page(app: AppTest) -> AppTest:
    return app.switch_page(PAGE)


@pytest.fixture
def measured() -> str:
    st.cache_resource.clear()
    store = Store(Settings().store_path)
    run = file_retrieval(check_plan({"name": "mine", "retrieval": {}}), store)
    folder = store.folder(run)
    folder.mkdir(parents=True)
    (folder / RESULT).write_text(json.dumps(sample(run)))
    store.finish(run, RunState.DONE)
    return run


def test_an_empty_store_offers_the_sandbox_and_the_command_for_ones_own(page: AppTest) -> None:
    page.run()
    assert not page.exception
    assert [button.key for button in page.button] == ["retrieval_start"]
    assert "--collection" in page.code[0].value


def test_a_result_is_shown_with_its_verdict_its_label_and_every_way(page: AppTest, measured: str) -> None:
    page.run()
    assert not page.exception
    assert page.header[0].value.startswith("SoftQE against plain: +5.0 points in domain (too close to call)")
    assert "+5.0 points out of domain (better)" in page.header[0].value
    assert any("sandbox: invented" in one.value.lower() for one in page.markdown)
    table = page.dataframe[0].value
    assert list(table["Way"]) == [
        "Encoder, untuned",
        "Plain: judgements alone",
        "SoftQE: expansions distilled",
        "Expanded at search time",
    ]
    assert list(table["$ per 1,000 searches"]) == pytest.approx([0, 0, 0, 0.5])
    assert list(table["Teacher, ms"]) == pytest.approx([0, 0, 0, 900])
    assert any("Up to about 40 searches in all" in one.value for one in page.markdown)


def test_another_teacher_at_search_time_has_its_own_price_and_time(page: AppTest, measured: str) -> None:
    page.run()
    page.text_input(key="retrieval_model").set_value("gpt-4o-mini")
    page.number_input(key="retrieval_ms").set_value(2000.0).run()
    assert not page.exception
    last = page.dataframe[0].value.iloc[-1]
    assert last["Teacher, ms"] == 2000
    assert 0 < last["$ per 1,000 searches"] < 0.5
    page.text_input(key="retrieval_model").set_value("nobody-knows-it").run()
    assert page.warning
    assert page.dataframe[0].value["$ per 1,000 searches"].isna().tolist()[-1]


def test_the_run_page_leads_to_what_was_measured_and_advises_nothing(app: AppTest, measured: str) -> None:
    app.query_params["run"] = measured
    app.switch_page("pages/pilot/run.py").run()
    assert not app.exception
    assert not app.header
    assert not app.metric
