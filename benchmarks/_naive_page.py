"""The advice as one would first write it: everything is read and fitted again whenever an input moves.

The same engine and the same chart, with Streamlit's usual calls and nothing kept between reruns. For
`seedpilot bench ui` alone.
"""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from engine import advice, advice_map, evidence, next_pilot, prior
from engine.domain import Situation, TaskType
from engine.settings import Settings
from engine.store import Store

evidence.published.cache_clear()
prior.stored.cache_clear()
prior.for_task.cache_clear()

st.title("Advice")
seeds = int(st.number_input("Labelled examples", 1, 100_000, 100, key="seeds"))
queries = int(st.number_input("Queries", 2, 10_000_000, 3000, key="queries"))
store = Store(Settings().store_path)
cells = [point for run in store.runs() for point in store.measurements(run.id)]
points = evidence.published().points
have = Situation(TaskType.MATH, seeds, queries)
found = advice.recommend(have)
st.header(found.headline)
figure = go.Figure()
for band in found.curves:
    right = [100 * y for y in band.mean]
    figure.add_trace(go.Scatter(x=band.queries, y=[100 * y for y in band.high80], line={"width": 0}, showlegend=False))
    figure.add_trace(go.Scatter(x=band.queries, y=[100 * y for y in band.low80], fill="tonexty", line={"width": 0}))
    figure.add_trace(go.Scatter(x=band.queries, y=right, name=band.strategy.value))
figure.update_xaxes(type="log")
st.plotly_chart(figure)
st.dataframe(pd.DataFrame([{"strategy": o.strategy.value, "p": o.p_best} for o in found.outlooks]))
st.write(next_pilot.next_pilot(have).why)
for reason in (*found.reasons, *found.caveats):
    st.write(reason.text)
over = advice_map.over(have, *advice_map.axes(have)[:2], usd=advice_map.axes(have)[2])
st.plotly_chart(go.Figure(go.Heatmap(z=over.p_best.max(axis=2))))
st.dataframe(pd.DataFrame([{"cell": point.cell.key, "right": point.correct} for point in cells]))
st.dataframe(pd.DataFrame([{"row": p.id, "value": p.value} for p in points]))
