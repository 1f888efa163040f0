"""Each import contract bites: one violation planted in a copy of the tree breaks it, and it alone."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

PLANTED = [
    ("house", "engine/worker.py", "import pages.shared"),
    ("engine", "engine/evidence.py", "import engine.store"),
    ("engine", "engine/utils.py", ""),
    ("sections", "pages/decide/recommend.py", "from pages.learn import method"),
    ("sections", "pages/shared/words.py", "import pages.learn"),
    ("screenless", "engine/worker.py", "import streamlit"),
    ("screenless", "engine/worker.py", "import plotly.graph_objects"),
    ("light", "pages/learn/method.py", "import openai"),
    ("light", "pages/learn/method.py", "from engine import inference"),
    ("torch", "engine/worker.py", "import torch"),
    ("torch", "engine/generation.py", "def late():\n    from transformers import AutoModel"),
    ("paid", "engine/worker.py", "import openai"),
    ("figures", "pages/shared/charts.py", "import streamlit"),
    ("figures", "pages/shared/words.py", "from pages.shared import session"),
]
"""Contract -> the file and the line that break it."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the contracts speak about."""
    copy = tmp_path / "tree"
    for folder in ("engine", "pages"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", copy)
    return copy


def contracts() -> dict[str, str]:
    """Contract id -> its name."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    return {
        section.removeprefix("importlinter:contract:"): config[section]["name"]
        for section in config.sections()
        if ":contract:" in section
    }


def broken(tree: Path) -> set[str]:
    """Names of the contracts that import-linter reports as broken in that tree."""
    done = subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=tree, capture_output=True, text=True, check=False)
    report = re.findall(r"^(.*?) (KEPT|BROKEN)\b", done.stdout, flags=re.MULTILINE)
    assert {name for name, _ in report} == set(contracts().values()), done.stdout + done.stderr
    found = {name for name, verdict in report if verdict == "BROKEN"}
    assert (done.returncode == 0) == (not found)
    return found


def test_the_tree_as_it_is_keeps_every_contract(tree: Path) -> None:
    assert broken(tree) == set()


def test_every_contract_has_a_violation_planted_here() -> None:
    assert {contract for contract, _, _ in PLANTED} == set(contracts())


@pytest.mark.parametrize(("contract", "file", "line"), PLANTED, ids=[f"{c}: {f}" for c, f, _ in PLANTED])
def test_a_planted_violation_breaks_this_contract_and_no_other(tree: Path, contract: str, file: str, line: str) -> None:
    with (tree / file).open("a") as source:
        source.write(f"\n{line}\n")
    assert broken(tree) == {contracts()[contract]}
