"""What every test stands on: its own home for runs, and no key of the person who runs the tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Tests run in several processes at once (`make test`): two of torch with two threads each are five times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A search that finds something new on the way to a release would stop it without a change to blame: CI repeats one
# search, and `HYPOTHESIS_PROFILE=explore pytest` looks further.
# No deadline: how long an example takes says how busy the machine is.
settings.register_profile("repeat", derandomize=True, print_blob=True, deadline=None)
settings.register_profile("explore", print_blob=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SEEDPILOT_HOME is a fresh folder, and keys of the environment are out of sight."""
    home = tmp_path / "home"
    monkeypatch.setenv("SEEDPILOT_HOME", str(home))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return home


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """Streamlit's tests make the app's script `__main__`, which a process that is spawned later would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student of a few thousand parameters on the disk."""
    from tests.small_students import build_tiny_student  # torch, which most tests need not load

    return build_tiny_student(tmp_path_factory.mktemp("student") / "tiny")
