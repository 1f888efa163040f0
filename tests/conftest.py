"""What every test stands on: its own home for runs, and no key of the person who runs the tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SEEDPILOT_HOME is a fresh folder, and keys of the environment are out of sight."""
    home = tmp_path / "home"
    monkeypatch.setenv("SEEDPILOT_HOME", str(home))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return home
