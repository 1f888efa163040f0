"""What the environment says, read once: where runs are kept, where data lies.

Keys are not settings. A plan names the environment variable of its key, and `key_from_environment`
reads that one variable when the worker needs it.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: SeedPilot is installed editable and run from it."""


class Settings(BaseSettings):
    """Environment variables with the prefix `SEEDPILOT_`."""

    model_config = SettingsConfigDict(env_prefix="SEEDPILOT_", frozen=True)

    home: Path = ROOT / "runs"
    """Folder of the store and of everything that runs write."""
    data: Path = ROOT / "data"
    """Evidence tables and sandbox artefacts; read-only."""

    @property
    def store_path(self) -> Path:
        """The SQLite file."""
        return self.home / "seedpilot.sqlite"


def key_from_environment(variable: str) -> SecretStr | None:
    """The key in that environment variable; None where it is unset or empty."""
    value = os.environ.get(variable, "")
    return SecretStr(value) if value else None
