"""Every page, light and dark, 1440 and 390 px wide, into the ignored folder screenshots/.

Run by `make screenshots`. Pass page names (`evidence method`) to take only those.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from engine import worker
from engine.full_prepare import prepare_full
from engine.heart import LAST_WORDS
from engine.items import write_jsonl
from engine.plan import check_plan
from engine.records import RunState
from engine.retrieval.filing import RESULT, file_retrieval
from engine.runs import file_full
from engine.stopping import PAUSE
from engine.store import Store
from tests.browser import acts, app
from tests.pages import filled
from tests.pages.test_retrieval_page import sample

OUT = app.ROOT / "screenshots"
PAGES = {
    "advice": "/",
    "advice-price-unknown": "/?teacher1=our-own-7b",
    "advice-money": "/?usd=150&usd_in=0.6&usd_out=2.4&tokens_in=400&tokens_out=300&augmenter=Weak",
    "advice-structured": "/?task=Label+or+JSON+record&budget=Queries&seeds=800&queries=20000",
    "advice-tie": "/?seeds=800&unlabelled=300&test_items=200&usd=150&task=Label+or+JSON+record",
    "advice-teachers": "/?usd=150&teacher1=gpt-4o-mini&tokens_in=400&tokens_out=300"
    "&teacher2=claude-haiku-4-5&teacher3=our-own-7b&teacher4=llama-3.3-70b-versatile",
    "advice-else": "/?seeds=600&unlabelled=2000&test_items=300&seed_usd=2&verifiable=No&student=Qwen2.5-1.5B",
    "advice-atlas": "/?known=The+sandbox%27s+atlas",
    "advice-examples": "/?usd=150",
    "advice-wrong-examples": "/?usd=150",
    "advice-no-examples": "/?usd=150",
    "advice-own-points": "/",
    "advice-wrong-points": "/",
    "advice-pilot-points": "/",
    "pilot": "/pilot",
    "pilot-task": "/pilot?step=task",
    "pilot-teacher": "/pilot?step=teacher",
    "pilot-student": "/pilot?step=student",
    "pilot-design": "/pilot?step=design",
    "pilot-start": "/pilot?step=start",
    "pilot-advised": "/pilot?from=advice&task=Label+or+JSON+record&seeds=800&budget=Money&usd=150&teacher1=gpt-4o-mini",
    "pilot-variants": "/pilot?step=teacher",
    "pilot-target": "/pilot?step=teacher",
    "pilot-ceiling": "/pilot?step=start",
    "generate": "/generate",
    "generate-priced": "/generate",
    "pilot-own-task": "/pilot",
    "pilot-wrong-task": "/pilot",
    "pilot-judge": "/pilot",
    "runs": "/runs",
    "run-none": "/run",
    "run-done": "/run?run=20261121-090000-done",
    "run-adaptive": "/run?run=20261121-093000-step",
    "run-settings": "/run?run=20261121-093000-step",
    "run-follow": "/run?run=20261121-093000-step",
    "run-full": "/run?run=data-20261121-094000-held",
    "run-side": "/run?run=20261121-093000-step",
    "run-running": "/run?run=20261121-100000-busy",
    "run-waiting": "/run?run=20261121-101000-next",
    "run-paused": "/run?run=20261121-085000-rest",
    "run-lost": "/run?run=20261121-084000-lost",
    "run-key": "/run?run=20261121-083000-keys",
    "compare": "/compare?run=20261121-090000-done&run=20261121-093000-step",
    "run-data": "/run?run=DATA",
    "data": "/data?run=DATA",
    "data-changed": "/data?run=DATA&data_words=each",
    "run-check": "/run?run=check-20261121-070000-good",
    "run-check-stopped": "/run?run=check-20261121-073000-stop",
    "run-failed": "/run?run=20261121-080000-fail",
    "evidence": "/evidence",
    "method": "/method",
    "what-if": "/what-if?if_writer=true",
    "what-if-nothing": "/what-if",
    "retrieval": "/retrieval",
    "track-record": "/track-record",
    "atlas": "/atlas",
    "atlas-tickets": "/atlas?atlas_world=Tickets+to+JSON&atlas_seeds=100&atlas_budget=1600",
    "atlas-weak": "/atlas?atlas_world=Open+answers&atlas_seeds=300&atlas_augmenter=Weak",
    "evidence-search": "/evidence?evidence_find=verify",
    "map": "/map",
    "map-money": "/map?task=Label+or+JSON+record&seeds=800&budget=Money&usd=150&price=One+query&usd_query=0.002"
    "&unlabelled=5000",
    "law": "/law",
    "law-moved": "/law?q_new=0.6&seeds=1000",
    "glossary": "/glossary",
    "glossary-search": "/glossary?find=budget",
}
"""Name of the picture -> path and query of the page."""

PRICED = filled.OWN["teacher"] | {"usd_per_million_input": 1.0, "usd_per_million_output": 2.0}
PAID: dict[str, Any] = {"name": "Support tickets", "teacher": PRICED, "ceiling": {"queries": 5400, "usd": 3.0}}
KEYED = PAID | {"teacher": PRICED | {"key_typed": True}}
LAST_KEY = (
    "The key for http://127.0.0.1:9/v1 is needed again (it was typed; keys are never stored). "
    "Open the run and type it, then resume."
)
FULL = {"new_question": 200, "answer_augmentation": 100}
POINTS = """strategy,seeds,queries,correct,total
seeds_only,100,0,96,300
answer_augmentation,100,300,112,300
answer_augmentation,100,1000,129,300
question_rephrase,100,1000,131,300
new_question,100,300,118,300
new_question,100,1000,171,300
"""


def upload(page: Page, text: str) -> None:
    """Points of the user's own, as a file."""
    acts.choose(page, "Your own measurements", "CSV file")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "our-points.csv").write_text(text)
        acts.upload(page, "Measured points (CSV)", Path(folder) / "our-points.csv")


def own_task(page: Page, file: Path) -> None:
    """The form with examples of one's own and the form of a task."""
    acts.choose(page, "Labelled examples", "My own file")
    acts.upload(page, "Examples (JSONL, CSV or Parquet)", file)
    acts.step(page, "Task")
    acts.choose(page, "How an answer is scored", "My own task, in a form")


def tickets(page: Page) -> None:
    """JSON tickets, their scorer tried, the prompts with examples."""
    own_task(page, app.ROOT / "tests" / "data" / "tickets.jsonl")
    open_up("Try the scorer on your first rows; nothing is paid")(page)
    page.get_by_role("textbox", name="A reply to try").fill(
        '{"category": "billing", "urgency": "normal", "order": null}'
    )
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Try it on 5 rows").click()
    page.get_by_text("the scorer takes 5 for right").wait_for()
    acts.step(page, "Teacher")
    acts.fill(page, "spinbutton", "Examples shown in each prompt", "2")
    page.get_by_role("radiogroup", name="Strategy").get_by_text("New questions").click()
    page.wait_for_timeout(500)
    app.settle(page)
    open_up("2 queries for an example from your first seed, word for word")(page)


def wrong_task(page: Page) -> None:
    """Labels without labels, and no name."""
    own_task(page, app.ROOT / "tests" / "data" / "tickets.jsonl")
    acts.fill(page, "textbox", "Name of the task", "")
    acts.pick(page, "How an answer is compared", "One of some labels")


def judge(page: Page) -> None:
    """Free text, judged by a model of its own, with 50 labels."""
    rows = [{"question": f"Why does {n * 37} differ from {n}?", "answer": "Because " * 12 + str(n)} for n in range(120)]
    said = [
        row
        | {
            "reply": f"Since {n}.",
            "label": "right" if n % 3 else "wrong",
            "verdict": f'{{"score": {2 + 3 * (n % 7 > 1)}}}',
        }
        for n, row in enumerate(rows[:60])
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name, written in (("advice.jsonl", rows), ("labels.jsonl", said)):
            (Path(folder) / name).write_text("".join(json.dumps(row) + "\n" for row in written))
        own_task(page, Path(folder) / "advice.jsonl")
        acts.step(page, "Teacher")
        open_up("Does the judge say what you say?")(page)
        acts.upload(page, "Your labels (question, reply, label)", Path(folder) / "labels.jsonl")
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("Kappa").first.wait_for()


def open_up(*labels: str) -> Callable[[Page], None]:
    """Opens what is folded."""

    def act(page: Page) -> None:
        for label in labels:
            page.get_by_text(label, exact=True).click()
            page.wait_for_timeout(500)
            app.settle(page)

    return act


def endpoint(page: Page) -> None:
    """A teacher with a listed price."""
    acts.choose(page, "Who answers", "An endpoint (OpenAI, vLLM, Ollama, llama.cpp)")
    acts.fill(page, "textbox", "Base URL", "https://api.openai.com/v1")
    acts.fill(page, "textbox", "Model", "gpt-4o-mini")
    open_up("Pace and limits")(page)


def variants(page: Page) -> None:
    """Another model writes, and every variant is tried."""
    endpoint(page)
    acts.choose(page, "Who writes the questions", "Another model")
    acts.step(page, "Design")
    for label in ("Vote over several answers", "Share of your own examples", "Share by several teachers"):
        page.get_by_text(label, exact=True).click()
        page.wait_for_timeout(500)
        app.settle(page)


def target(page: Page) -> None:
    """A pilot for a whole budget, with a teacher that has a price."""
    endpoint(page)
    acts.step(page, "Seeds")
    acts.fill(page, "spinbutton", "Seeds", "500")
    acts.step(page, "Design")
    acts.fill(page, "spinbutton", "Whole budget, teacher queries", "20000")


def labelled(*changes: tuple[int, str | None]) -> Callable[[Page], None]:
    """Labelled examples on the advice page; `changes` puts other answers into lines of the tickets, None breaks one."""

    def act(page: Page) -> None:
        lines = (app.ROOT / "tests" / "data" / "tickets.jsonl").read_text(encoding="utf-8").splitlines()
        for line, answer in changes:
            row = json.loads(lines[line - 1]) | {"record": answer}
            lines[line - 1] = "{broken" if answer is None else json.dumps(row)
        page.get_by_text("Take them from your file", exact=True).click()
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "support.jsonl").write_text("\n".join(lines), encoding="utf-8")
            acts.upload(page, "Your labelled examples (JSONL, CSV or Parquet)", Path(folder) / "support.jsonl")

    return act


def fixing(page: Page) -> None:
    """Wrong examples, about to be mended."""
    labelled((7, "billing"), (31, "billing"), (40, '{"category": "legal"}'), (51, None))(page)
    page.get_by_text("Fix", exact=True).click()
    page.wait_for_timeout(500)


def drop(page: Page) -> None:
    """The row that is shown is dropped by hand; in the pictures after the first it is already."""
    button = page.get_by_role("button", name="Drop", exact=True)
    if button.count():
        button.click()


ACTS: dict[str, Callable[[Page], None]] = {
    "advice": open_up("Values of this chart, as a table"),
    "advice-money": open_up("Price of a query"),
    "advice-teachers": open_up("Other teachers"),
    "advice-else": open_up("What else you have", "Assumptions"),
    "advice-atlas": open_up("Assumptions"),
    "advice-examples": labelled(),
    "advice-wrong-examples": fixing,
    "advice-no-examples": lambda page: open_up("Take them from your file", "Count them in your file")(page),
    "advice-own-points": lambda page: upload(page, POINTS),
    "advice-wrong-points": lambda page: upload(page, POINTS + "new_question,100,1000,400,300\nnothing,1,1,1,1\n"),
    "pilot-variants": variants,
    "pilot-target": target,
    "pilot-ceiling": lambda page: acts.fill(page, "spinbutton", "Teacher queries", "1000"),
    "run-follow": lambda page: page.get_by_role("button", name="Full run").click(),
    "run-settings": open_up("How the adapters were trained, and where each setting came from"),
    "run-side": open_up("Seeds, generated examples and errors, side by side"),
    "generate-priced": endpoint,
    "pilot-own-task": tickets,
    "pilot-wrong-task": wrong_task,
    "pilot-judge": judge,
    "data": open_up("Where it came from"),
    "data-changed": drop,
    "run-check": open_up("An example of new questions"),
    "advice-pilot-points": lambda page: acts.choose(page, "Your own measurements", "Pilot"),
}
"""Name of the picture -> what is done on the page before it is taken."""


def take(page: Page, path: Path) -> None:
    """The whole page: the window is made as tall as what scrolls inside it."""
    app.settle(page)
    # Grey boxes stand for what the browser has not drawn yet.
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    width = page.viewport_size["width"] if page.viewport_size else 1440
    height = page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
    page.set_viewport_size({"width": width, "height": max(800, min(int(height) + 40, 8000))})
    page.wait_for_timeout(700)
    page.screenshot(path=path)


def fill(home: Path) -> str:
    """Runs in every state that stays, so that the pages about runs have something to show; the id of one that made a
    data set."""
    store = Store(home / "seedpilot.sqlite")
    asked = {"name": "our data", "full": {"spending": FULL, "folder": str(home / "data-sets" / "our-data")}}
    made = file_full(prepare_full(check_plan(asked)), store, lambda _: None)
    worker.run(made, store)
    filled.run(store, "20261121-080000-fail", RunState.FAILED, "The disk is full: 0 bytes free, 12 MB needed.")
    filled.run(store, "20261121-083000-keys", RunState.WAITING_FOR_KEY, LAST_KEY, **KEYED)
    filled.run(store, "20261121-084000-lost", RunState.LOST, **PAID)
    filled.run(store, "20261121-085000-rest", RunState.PAUSED, LAST_WORDS[PAUSE][1], **PAID)
    filled.run(store, "20261121-090000-done")
    filled.run(store, "20261121-091500-ours", **filled.OWN)
    filled.run(store, "20261121-093000-step", target={"queries": 20_000}, teacher=PRICED)
    filled.full(store, "data-20261121-094000-held", 158)
    filled.full(store, "data-20261121-095000-missed", 130)
    filled.run(store, "20261121-100000-busy", RunState.RUNNING)
    filled.run(store, "20261121-101000-next", RunState.QUEUED, **PAID)
    filled.run(store, "20261121-102000-then", RunState.QUEUED, name="Second pilot")
    filled.check(store, "check-20261121-070000-good")
    filled.check(store, "check-20261121-073000-stop", stopped=True)
    for compared in ("20261121-090000-done", "20261121-093000-step"):
        predicted(store, compared)
    retrieval(store)
    # Its worker's last word lies an hour ahead, so that the run is not taken for lost while pictures are made.
    store._update("20261121-100000-busy", heartbeat_at=time.time() + 3600)
    return made


def predicted(store: Store, run_id: str) -> None:
    """What every cell answered, item by item, so that the run can be compared with another."""
    for row in store.cells(run_id):
        items = [{"question": f"{n}?", "gold": f"{n}"} for n in range(len(row.outcomes))]
        write_jsonl(Path(str(row.folder)) / "predictions.jsonl", items)


def retrieval(store: Store) -> None:
    """A retrieval pilot with a result."""
    run_id = file_retrieval(check_plan({"name": "retrieval on sandbox", "retrieval": {}}), store)
    store.folder(run_id).mkdir(parents=True)
    (store.folder(run_id) / RESULT).write_text(json.dumps(sample(run_id)), encoding="utf-8")
    store.finish(run_id, RunState.DONE)


def main(names: list[str]) -> None:
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        made = fill(home)  # before the browser, whose event loop no worker could share
        _pictures(home, made, names)
    print(f"{len(list(OUT.glob('*.png')))} pictures in {OUT}")


def _pictures(home: Path, made: str, names: list[str]) -> None:
    with app.dashboard(home) as url, app.chromium() as browser:
        for scheme in ("light", "dark"):
            for width in (1440, 390):
                context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
                for name, where in PAGES.items():
                    if names and name not in names:
                        continue
                    page = context.new_page()
                    page.goto(url + where.replace("DATA", made))
                    app.settle(page)
                    if name in ACTS:
                        ACTS[name](page)
                    take(page, OUT / f"{name}-{scheme}-{width}.png")
                    page.close()
                context.close()


if __name__ == "__main__":
    main(sys.argv[1:])
