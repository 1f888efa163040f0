"""What runs of the engine stand on: a store of their own, and the key of the test server."""

from __future__ import annotations

import pytest

from engine.settings import Settings
from engine.store import Store
from tests.openai_server import KEY


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store in the test's own home; the key of `tests.openai_server` is in the environment."""
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    return Store(Settings().store_path)
