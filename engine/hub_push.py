"""A folder to the hub: what would go out is listed first, and nothing goes out before somebody said yes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from engine.errors import InputError, SeedPilotError

Kind = Literal["model", "dataset"]
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What would be sent."""

    to: str
    kind: Kind
    private: bool
    files: tuple[tuple[str, int], ...]
    """Name and bytes."""

    @property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(size for _, size in self.files)


def outgoing(folder: Path, to: str, kind: Kind, *, private: bool) -> Outgoing:
    """What of that folder would go where; InputError for a name that the hub does not take."""
    if not _NAME.fullmatch(to):
        raise InputError(f"--to {to}: expected USER/NAME or ORGANIZATION/NAME, like our-team/tickets-lora")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return Outgoing(
        to, kind, private, tuple((path.relative_to(folder).as_posix(), path.stat().st_size) for path in files)
    )


def push(folder: Path, going: Outgoing, endpoint: str | None = None) -> str:
    """Sends exactly the listed files and returns the address of the repository. The token is huggingface_hub's own
    (`hf auth login`, or HF_TOKEN), and is never shown. SeedPilotError where the hub refuses or cannot be reached."""
    api = HfApi(endpoint=endpoint)
    try:
        created = api.create_repo(going.to, repo_type=going.kind, private=going.private, exist_ok=True)
        api.upload_folder(
            repo_id=going.to,
            repo_type=going.kind,
            folder_path=folder,
            allow_patterns=[name for name, _ in going.files],
            commit_message="From SeedPilot",
        )
    except HfHubHTTPError as error:
        raise SeedPilotError(f"the hub refused {going.to}: {_said(error)}") from error
    except OSError as error:
        raise SeedPilotError(f"the hub cannot be reached ({type(error).__name__}); nothing more was sent") from error
    return str(created)


def _said(error: HfHubHTTPError) -> str:
    status = error.response.status_code if error.response is not None else 0
    if status in (401, 403):
        return "no token, or one that may not write there; log in with `hf auth login`, or set HF_TOKEN"
    if status == 409:
        return "a repository of that name is there and may not be taken over"
    return f"it answered {status}; try again later"
