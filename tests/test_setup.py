"""The house stands as its plan says: light imports, thin frame, commands that never pull in CUDA."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "transformers", "peft", "openai", "streamlit")


def imported_by(statement: str) -> set[str]:
    """Top-level modules loaded by a fresh interpreter that runs this statement."""
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_advice_is_light() -> None:
    assert imported_by("import engine.advice").isdisjoint(HEAVY)


def test_the_whole_page_process_stays_without_models() -> None:
    pages = [path for path in (ROOT / "pages/shared").glob("*.py") if path.stem not in ("__init__", "serve")]
    loaded = imported_by("; ".join(f"import pages.shared.{path.stem}" for path in pages))
    assert "streamlit" in loaded
    assert loaded.isdisjoint({"torch", "transformers", "peft", "openai"})


def test_nothing_but_init_lies_directly_in_pages() -> None:
    assert [path.name for path in (ROOT / "pages").glob("*.py")] == ["__init__.py"]


def test_every_folder_of_code_is_a_package_that_import_linter_sees() -> None:
    folders = {path.parent for room in ("engine", "pages") for path in (ROOT / room).rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_the_frame_is_short_and_knows_only_pages_and_streamlit() -> None:
    source = (ROOT / "app.py").read_text()
    tree = ast.parse(source)
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in names} <= {"streamlit", "pages", "pathlib"}
    assert len(source.splitlines()) < 45


def test_page_files_have_unique_names_because_the_address_comes_from_the_name() -> None:
    names = [path.stem for path in (ROOT / "pages").glob("*/*.py") if path.stem != "__init__"]
    assert len(names) == len(set(names))


def test_the_dashboard_listens_on_this_machine_only_and_reports_to_nobody() -> None:
    config = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert config["server"]["enableAgentApi"] is False
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorDetails"] == "none"


def test_every_dependency_is_bounded_and_says_which_room_needs_it() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    lines = text.partition("dependencies = [")[2].partition("\n]")[0].strip().splitlines()
    assert len(lines) == len(tomllib.loads(text)["project"]["dependencies"])
    assert [line for line in lines if ">=" not in line or "<" not in line or "#" not in line] == []


@pytest.mark.skipif(sys.platform != "linux", reason="the CPU build is asked for by name on Linux only")
@pytest.mark.parametrize(("gpu", "asked_for"), [(False, "+cpu"), (True, "")], ids=["no GPU", "NVIDIA GPU"])
def test_make_asks_for_the_cpu_build_of_torch_where_there_is_no_gpu(tmp_path: Path, gpu: bool, asked_for: str) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("make", "sh", "uname", "python3"):
        (commands / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    if gpu:
        (commands / "nvidia-smi").symlink_to("/bin/true")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    done = subprocess.run(
        ["make", "-n", "run"],
        cwd=tmp_path,
        env={**os.environ, "PATH": str(commands)},
        capture_output=True,
        text=True,
        check=True,
    )
    torch = [line for line in done.stdout.splitlines() if "torch==" in line]
    assert len(torch) == 1
    assert torch[0].endswith(f"{asked_for}'")
    assert ("+cpu" in torch[0]) is not gpu
