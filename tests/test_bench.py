"""`seedpilot bench`: names, the rows of a real module, and a benchmark that fails."""

import json
from pathlib import Path

import pytest

from engine.cli import bench, main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with benchmarks of its own."""
    made = tmp_path / "benchmarks"
    made.mkdir()
    (made / "__init__.py").touch()
    (made / "echo.py").write_text("import json, sys\nprint(json.dumps([{'given': sys.argv[1:]}]))\n")
    (made / "broken.py").write_text("raise SystemExit(3)\n")
    monkeypatch.setattr(bench, "FOLDER", made)
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    return made


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["bench", *arguments])
    return int(ended.value.code or 0)


@pytest.mark.parametrize("arguments", [("echo", "--json", "--quick"), ("--json", "echo", "--quick")])
def test_a_benchmark_gets_its_own_options_and_gives_rows_and_the_machine(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
):
    assert run(*arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["name"] == "echo"
    assert told["rows"] == [{"given": ["--quick"]}]
    assert {"cores", "processor", "noise", "date"} <= set(told["machine"])


def test_an_unknown_benchmark_names_those_that_there_are(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run("nothing") == 2
    assert "broken, echo" in capsys.readouterr().err


def test_a_benchmark_that_fails_is_an_error_and_no_empty_result(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run("broken") == 1
    out = capsys.readouterr()
    assert out.out == ""
    assert "ended with status 3" in out.err


def test_a_benchmark_tells_its_own_options(folder: Path, capfd: pytest.CaptureFixture[str]):
    (folder / "helped.py").write_text(
        "import argparse\nargparse.ArgumentParser(description='Its own words').parse_args()\n"
    )
    assert run("helped", "--help") == 0
    assert "Its own words" in capfd.readouterr().out
