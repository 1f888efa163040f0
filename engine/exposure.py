"""What a plan may not name where the dashboard answers other machines (docs/exposed.md).

Whoever is logged in there is a guest of the machine: of its files a plan may name only what was uploaded or made by
runs, of its environment only the keys that its owner lists, and nothing of the guest's own runs as a program.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from engine.plan import PilotPlan
from engine.plan_parts import ModelPlan
from engine.settings import Settings

AUTH = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
"""What Streamlit's login needs."""


def refusals(plan: PilotPlan, settings: Settings) -> list[str]:
    """What this server does not do for this plan, each as a sentence for the user; all of it at once.

    The list of endpoints holds wherever there is one, the rest only where the dashboard is exposed.
    """
    found = [
        f"{name}.base_url: {refusal}"
        for name, model in _models(plan)
        if model.base_url and (refusal := settings.refusal(model.base_url))
    ]
    if not settings.exposed:
        return found
    for name, model in _models(plan):
        if model.key_env and model.key_env not in settings.key_variables:
            listed = ", ".join(settings.key_variables) or "none yet"
            found.append(
                f"{name}.key_env: {model.key_env} is not a key that this server lends (SEEDPILOT_KEY_VARIABLES: "
                f"{listed}); type a key of your own when the run starts"
            )
    return found + [
        f"{name}: {path} lies on the server; upload the file, or name a model or data set of the hub"
        for name, path in _paths(plan)
        if _is_local(path) and not _inside(path, settings.home)
    ]


def not_ready(secrets: Path | None, settings: Settings) -> list[str]:
    """What is missing before the dashboard may answer other machines; empty where nothing is."""
    found = []
    if secrets is None:
        found.append("--secrets is missing: name the TOML file with the identity provider, as docs/exposed.md shows it")
    else:
        try:
            auth = tomllib.loads(secrets.read_text(encoding="utf-8")).get("auth")
        except (OSError, ValueError) as error:
            found.append(f"--secrets {secrets}: is no TOML ({type(error).__name__}); docs/exposed.md shows one")
        else:
            given = auth if isinstance(auth, dict) else {}
            missing = [name for name in AUTH if not given.get(name)]
            if missing:
                found.append(f"--secrets {secrets}: [auth] lacks {', '.join(missing)}; docs/exposed.md shows one")
    if find_spec("authlib") is None:
        found.append("Authlib is not installed, which logging in needs: pip install 'seedpilot[exposed]'")
    if not settings.endpoints:
        found.append("SEEDPILOT_ENDPOINTS is empty, so no teacher could be asked: list the servers that may be")
    return found


def _models(plan: PilotPlan) -> Iterator[tuple[str, ModelPlan]]:
    yield "teacher", plan.teacher
    if plan.augmenter is not None:
        yield "augmenter", plan.augmenter
    for name, model in plan.teachers.items():
        yield f"teachers.{name}", model


def _paths(plan: PilotPlan) -> Iterator[tuple[str, str]]:
    """Everything in a plan that may be a path."""
    named = {
        "task": plan.task if plan.task.endswith(".toml") else None,
        "student": plan.student,
        "seeds.path": plan.seeds.path,
        "test.path": plan.test.path,
        "unlabelled.path": plan.unlabelled.path,
        "full.folder": None if plan.full is None else plan.full.folder,
    }
    if plan.retrieval is not None:
        asked = plan.retrieval
        named |= {"retrieval.collection": asked.collection, "retrieval.out_of_domain": asked.out_of_domain}
        named |= {"retrieval.encoder": asked.encoder}
    for name, model in _models(plan):
        named[f"{name}.replies"] = model.replies
        if model.kind == "transformers_local":
            named[f"{name}.model"] = model.model
    for name, path in named.items():
        if path is not None:
            yield name, path


def _is_local(path: str) -> bool:
    return not path.startswith("hub:") and (path.startswith(("/", ".", "~")) or Path(path).exists())


def _inside(path: str, home: Path) -> bool:
    return Path(path).resolve().is_relative_to(home.resolve())
