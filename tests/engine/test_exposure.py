"""What guests of an exposed server may not name, and what a server lacks before it is exposed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.exposure import not_ready, refusals
from engine.plan import PilotPlan, check_plan
from engine.records import RunState
from engine.runs import file_pilot
from engine.settings import Settings
from engine.store import Store
from engine.tasks import load_task
from tests.pages import filled

ENDPOINT = "https://teacher.example/v1"


def plan(**given: object) -> PilotPlan:
    teacher = {"kind": "openai_compatible", "base_url": ENDPOINT, "model": "m"}
    return check_plan({"name": "p", "teacher": teacher, **given})


@pytest.fixture
def exposed(own_home: Path) -> Settings:
    return Settings(home=own_home, exposed=True, endpoints=("teacher.example",), key_variables=("TEAM_KEY",))


def test_a_plan_of_uploads_hub_names_and_listed_servers_is_let_through(exposed: Settings):
    upload = exposed.home / "uploads" / "1" / "rows.jsonl"
    upload.parent.mkdir(parents=True)
    upload.write_text("{}")
    assert refusals(plan(seeds={"path": str(upload)}, student="some/student"), exposed) == []
    assert refusals(plan(seeds={"path": "hub:openai/gsm8k:main"}, student="sandbox"), exposed) == []
    lent = {"kind": "openai_compatible", "base_url": ENDPOINT, "model": "m", "key_env": "TEAM_KEY"}
    assert refusals(plan(teacher=lent), exposed) == []


def test_everything_that_a_guest_may_not_name_is_told_at_once(exposed: Settings, tmp_path: Path):
    asked = {
        "kind": "openai_compatible",
        "base_url": "https://elsewhere.example/v1",
        "model": "m",
        "key_env": "HOME_KEY",
    }
    made = plan(
        teacher=asked,
        augmenter={"kind": "transformers_local", "model": "/models/a"},
        teachers={"third": {"kind": "replay", "replies": "../replies.jsonl"}},
        judge="third",
        task=str(tmp_path / "task.toml"),
        student="~/student",
        seeds={"path": "/etc/passwd"},
        test={"path": str(exposed.home / ".." / "test.jsonl")},
        unlabelled={"path": "README.md"},
    )
    found = refusals(made, exposed)
    assert [said.split(":")[0] for said in found] == [
        *("teacher.base_url", "teacher.key_env", "task", "student", "seeds.path", "test.path", "unlabelled.path"),
        *("augmenter.model", "teachers.third.replies"),
    ]
    assert all("upload" in said for said in found[2:])


def test_at_the_machine_itself_only_a_list_of_endpoints_holds(own_home: Path):
    made = plan(seeds={"path": "/etc/passwd"}, student="/models/a")
    assert refusals(made, Settings(home=own_home)) == []
    (only,) = refusals(made, Settings(home=own_home, endpoints=("other.example",)))
    assert only.startswith("teacher.base_url")


def test_guests_bring_no_programs_and_no_folders_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "score.py").write_text("def score(input, answer, reply):\n    return 1.0\n")
    (tmp_path / "databases").mkdir()
    python, sql = tmp_path / "python.toml", tmp_path / "sql.toml"
    start = 'name = "mine"\nanswer = "open_ended"\nteacher = "Answer."\n'
    python.write_text(f'{start}[scorer]\nkind = "python"\nfile = "score.py"\n')
    sql.write_text(f'{start}[scorer]\nkind = "sql"\ndatabases = "databases"\n')
    for path in (python, sql):
        load_task(str(path))
    monkeypatch.setenv("SEEDPILOT_EXPOSED", "1")
    with pytest.raises(InputError, match="runs no programs of its users"):
        load_task(str(python))
    with pytest.raises(InputError, match="lies on the server"):
        load_task(str(sql))


def test_to_each_owner_the_runs_of_others_are_not_there(own_home: Path):
    path = own_home / "seedpilot.sqlite"
    ada, bob, anybody = Store(path, "ada@example.org"), Store(path, "bob@example.org"), Store(path)
    run_id = filled.run(ada, state=RunState.DONE)
    assert [run.id for run in ada.runs()] == [run_id]
    assert bob.runs() == []
    assert anybody.run(run_id).owner == "ada@example.org"
    with pytest.raises(InputError, match="is not in"):
        bob.run(run_id)


def test_the_same_double_click_of_two_people_is_two_runs(own_home: Path):
    path = own_home / "seedpilot.sqlite"
    filed = [Store(path, name).file_run(f"r{name}", "pilot", {}, "token") for name in ("ada", "bob")]
    assert filed == ["rada", "rbob"]
    assert Store(path, "ada").file_run("again", "pilot", {}, "token") == "rada"


def test_files_of_somebody_elses_run_are_not_copied(own_home: Path, monkeypatch: pytest.MonkeyPatch):
    path = own_home / "seedpilot.sqlite"
    rows = [json.dumps({"question": f"What is {n} plus {n}?", "answer": f"#### {2 * n}"}) for n in range(60)]
    upload = own_home / "uploads" / "1" / "rows.jsonl"
    upload.parent.mkdir(parents=True)
    upload.write_text("\n".join(rows))
    made = {"name": "p", "seeds": {"path": str(upload), "count": 20}, "grid": {"budgets": [40]}}
    theirs = file_pilot(check_plan(made), Store(path, "ada"))
    (copy,) = (own_home / theirs / "input").glob("*.jsonl")
    made["seeds"] = {"path": str(copy), "count": 20}
    with pytest.raises(InputError, match=theirs):
        file_pilot(check_plan(made), Store(path, "bob"))
    assert file_pilot(check_plan(made), Store(path, "ada"))


def test_what_a_server_lacks_is_told_before_it_starts(tmp_path: Path):
    assert [said.split(" ")[0] for said in not_ready(None, Settings())] == ["--secrets", "SEEDPILOT_ENDPOINTS"]
    broken, partial, whole = (tmp_path / f"{name}.toml" for name in ("broken", "partial", "whole"))
    broken.write_text("[auth")
    partial.write_text('[auth]\nclient_id = "a"\n')
    values = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
    whole.write_text("\n".join(["[auth]", *(f'{name} = "x"' for name in values)]))
    listed = Settings(endpoints=("teacher.example",))
    assert "is no TOML" in " ".join(not_ready(broken, listed))
    assert "lacks redirect_uri, cookie_secret, client_secret, server_metadata_url" in " ".join(
        not_ready(partial, listed)
    )
    assert not_ready(whole, listed) == []


@pytest.mark.parametrize(
    ("users", "address", "admitted"),
    [
        ("", "anybody@anywhere.org", True),
        ("@example.org", "Ada@Example.org", True),
        ("@example.org", "ada@notexample.org", False),
        ("ada@example.org", "bob@example.org", False),
        ("ada@example.org, @second.org", "bob@second.org", True),
    ],
)
def test_who_may_log_in_is_a_list_of_addresses_and_domains(users: str, address: str, admitted: bool):
    assert Settings(users=users).admits(address) is admitted  # type: ignore[arg-type]
