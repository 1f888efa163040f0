"""What runs of the engine stand on: a store of their own, the key of the test server, and tiny students."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.settings import Settings
from engine.store import Store
from tests.openai_server import KEY
from tests.small_students import FAMILIES, build_tiny_student


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store in the test's own home; the key of `tests.openai_server` is in the environment."""
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    return Store(Settings().store_path)


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny student of every family in turn."""
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny", family=request.param)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama."""
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny")
