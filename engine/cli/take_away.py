"""A run's adapter, merged model or data set: into a folder, or to the hub after a question."""

from __future__ import annotations

import argparse
import tempfile
import zipfile
from pathlib import Path

from engine.cli.frame import Commands, command, confirmed, dumps, tell
from engine.cli.history import size
from engine.errors import InputError
from engine.hub_push import Kind, Outgoing, outgoing, push
from engine.model_card import as_markdown
from engine.model_folder import CARD, adapter_of, card_of, write_adapter
from engine.plan import check_plan
from engine.run_export import export
from engine.settings import Settings
from engine.store import Store
from engine.student import check_student

WHAT = ("adapter", "merged", "data")


def add(commands: Commands) -> None:
    """Declares the commands."""
    take = command(
        commands,
        "export",
        _export,
        "Writes a run's adapter, merged model or data set with its card into a folder.",
        "seedpilot export 20261121-093000-ab12 --what adapter --out my-adapter",
    )
    take.add_argument("--out", type=Path, required=True, help="a new or an empty folder")
    send = command(
        commands,
        "push",
        _push,
        "Sends a run's adapter, merged model or data set to the hub; lists what goes out, and asks first.",
        "seedpilot push 20261121-093000-ab12 --to our-team/tickets-lora",
    )
    send.add_argument("--to", required=True, metavar="USER/NAME")
    send.add_argument("--public", action="store_true", help="for everybody to see; private without it")
    send.add_argument("--yes", action="store_true", help="do not ask")
    for added in (take, send):
        added.add_argument("run")
        added.add_argument("--what", choices=WHAT, default="adapter")
        added.add_argument("--cell", metavar="KEY", help="which adapter (default: the largest budget, then the best)")
        added.add_argument("--json", action="store_true")


def _export(given: argparse.Namespace) -> int:
    if given.out.exists() and (not given.out.is_dir() or any(given.out.iterdir())):
        raise InputError(f"--out {given.out}: holds something already; give a new or an empty folder")
    kind = _write(Store(Settings().store_path), given, given.out)
    files = [str(path.relative_to(given.out)) for path in sorted(given.out.rglob("*")) if path.is_file()]
    if given.json:
        print(dumps({"run": given.run, "what": given.what, "kind": kind, "folder": str(given.out), "files": files}))
    else:
        print(f"{given.out}: {', '.join(files)}")
    return 0


def _push(given: argparse.Namespace) -> int:
    store = Store(Settings().store_path)
    with tempfile.TemporaryDirectory(prefix="seedpilot-push-") as place:
        folder = Path(place) / "going"
        kind = _write(store, given, folder)
        going = outgoing(folder, given.to, kind, private=not given.public)
        for line in _told(going):
            tell(line)
        if not confirmed(f"Send this to {given.to}?", yes=given.yes):
            tell("Nothing was sent.")
            return 1
        address = push(folder, going)
    if given.json:
        print(dumps({"run": given.run, "address": address, "files": [name for name, _ in going.files]}))
    else:
        print(address)
    return 0


def _told(going: Outgoing) -> list[str]:
    seen = "only you and whom you let in can see it" if going.private else "EVERYBODY can see it"
    what = "data set" if going.kind == "dataset" else "model"
    return [
        f"goes out to {going.to}, a {what} on the hub ({seen}):",
        *(f"  {name:<32} {size(bytes_)}" for name, bytes_ in going.files),
        f"  {len(going.files)} files, {size(going.bytes)}",
    ]


def _write(store: Store, given: argparse.Namespace, folder: Path) -> Kind:
    """Writes what is asked for into the folder; what the hub calls it."""
    if given.what == "data":
        if given.cell is not None:
            raise InputError("--cell: names an adapter; a run has one data set")
        with zipfile.ZipFile(export(store, given.run)) as file:
            folder.mkdir(parents=True, exist_ok=True)
            for entry in file.namelist():
                (folder / Path(entry).name).write_bytes(file.read(entry))
        return "dataset"
    row = adapter_of(store, given.run, given.cell)
    if given.what == "adapter":
        write_adapter(store, given.run, row, folder)
        return "model"
    from engine.exporting import write_merged  # torch, which the rest does without

    plan = check_plan(store.run(given.run).plan)
    write_merged(check_student(plan.student).path, Path(str(row.folder)) / "adapter", folder)
    (folder / CARD).write_text(as_markdown(card_of(store, given.run, row, merged=True)), encoding="utf-8")
    return "model"
