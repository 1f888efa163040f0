"""What the environment says, read once: where runs are kept, where data lies.

Keys are not settings. A plan names the environment variable of its key, and `key_from_environment`
reads that one variable when the worker needs it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: SeedPilot is installed editable and run from it."""


class Settings(BaseSettings):
    """Environment variables with the prefix `SEEDPILOT_`."""

    model_config = SettingsConfigDict(env_prefix="SEEDPILOT_", frozen=True)

    home: Path = ROOT / "runs"
    """Folder of the store and of everything that runs write."""
    data: Path = ROOT / "data"
    """Evidence tables and sandbox artefacts; read-only."""

    endpoints: Annotated[tuple[str, ...], NoDecode] = ()
    """Teachers that may be asked, as addresses or hosts parted by commas; none given means any, as long as
    the dashboard answers on this machine only."""
    exposed: bool = False
    """The dashboard answers other machines too (set by whoever starts it so): then only listed endpoints."""

    users: Annotated[tuple[str, ...], NoDecode] = ()
    """Who may log in where the dashboard is exposed, parted by commas: an e-mail address, or `@example.org` for all of
    that domain; none given means everybody whom the identity provider lets in."""
    key_variables: Annotated[tuple[str, ...], NoDecode] = ()
    """Environment variables whose keys an exposed server lends to whoever is logged in, parted by commas."""

    @field_validator("endpoints", "users", "key_variables", mode="before")
    @classmethod
    def _parted(cls, given: object) -> object:
        return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given

    def refusal(self, base_url: str) -> str | None:
        """Why this endpoint may not be asked, as a sentence for the user; None where it may."""
        if not self.endpoints and not self.exposed:
            return None
        found = _server(base_url)
        if found is not None and any(_allows(entry, found) for entry in self.endpoints):
            return None
        allowed = ", ".join(self.endpoints) or "none yet"
        return (
            f"the endpoint {base_url} is not on this server's list (SEEDPILOT_ENDPOINTS: {allowed}); "
            "ask whoever runs the server to add it"
        )

    def admits(self, address: str) -> bool:
        """Whether whoever has that e-mail address may use an exposed server."""
        address = address.casefold()
        entries = [entry.casefold() for entry in self.users]
        return not entries or address in entries or f"@{address.rpartition('@')[2]}" in entries

    @property
    def store_path(self) -> Path:
        """The SQLite file."""
        return self.home / "seedpilot.sqlite"


def _server(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what is no web address."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or port is None or parts.username:
        return None
    return parts.scheme, parts.hostname.lower().rstrip("."), port


def _allows(entry: str, server: tuple[str, str, int]) -> bool:
    """An address allows its scheme, host and port; a bare host allows https there, on the usual port."""
    return _server(entry if "://" in entry else f"https://{entry}") == server


def key_from_environment(variable: str) -> SecretStr | None:
    """The key in that environment variable; None where it is unset or empty."""
    value = os.environ.get(variable, "")
    return SecretStr(value) if value else None
