"""What a student is, read from its files alone: is it usable, how large, how long may a text be.

Neither torch nor transformers is imported here, so that pages can ask. The word `sandbox` names the
student that SeedPilot ships.
"""

from __future__ import annotations

import json
import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache

from engine.errors import StudentError
from engine.plan_parts import SANDBOX_STUDENTS
from engine.settings import Settings
from engine.student_shape import Shape, shape_of

SANDBOX = "sandbox"
"""The name of the shipped student of the maths world; "sandbox-worlds" is that of all worlds."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length")
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")
_LAYOUT = "give a folder in hub layout (config.json, *.safetensors, tokenizer.json) or a hub id like org/name"


@dataclass(frozen=True, slots=True)
class StudentInfo:
    """What is known of a student without loading it; None where it is unknown."""

    name: str
    """As it was given."""
    path: str
    """What transformers loads: the folder of its files, or the hub id where this machine holds none."""
    architecture: str | None
    """As its config names it: `LlamaForCausalLM`."""
    parameters: int | None
    """Numbers in its safetensors files (tied weights once, as they are stored)."""
    context: int | None
    """Longest text that it can read, in tokens."""
    shape: Shape | None = None
    """What its memory follows from, by its config."""


def check_student(name: str) -> StudentInfo:
    """The student of that name: `sandbox` or `sandbox-worlds`, a folder in hub layout, or a hub id.

    A hub id is looked up in this machine's cache only; what is not there, or only in part, is unknown, not wrong.
    StudentError says what was found, what was expected and what to do.
    """
    name = name.strip()
    if not name:
        raise StudentError(f"no student is named; {_LAYOUT}")
    if name in SANDBOX_STUDENTS:
        return _read(name, Settings().data / "sandbox" / SANDBOX_STUDENTS[name])
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _read(name, folder)
    if folder.is_file():
        raise StudentError(f"student {name} is a file, expected a folder; {_LAYOUT}")
    if not _HUB_ID.fullmatch(name):
        raise StudentError(f"student {name}: there is no such folder, and it is no hub id; {_LAYOUT}")
    cached = try_to_load_from_cache(name, "config.json")
    if not isinstance(cached, str):
        return StudentInfo(name, name, None, None, None)
    snapshot = Path(cached).parent
    if _is_whole(snapshot):
        return _read(name, snapshot)
    # Its config came first, and the download ended there: the rest comes when the student is loaded by its id.
    config = _config(snapshot)
    return StudentInfo(name, name, _architecture(snapshot, config), None, _context(config), shape_of(config))


def _is_whole(snapshot: Path) -> bool:
    """Whether weights, every file of them that their index names, and a tokenizer are there."""
    try:
        index = json.loads((snapshot / "model.safetensors.index.json").read_text(encoding="utf-8"))
        named = {str(file) for file in index["weight_map"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        named = set()
    weights = any(snapshot.glob("*.safetensors")) and all((snapshot / file).exists() for file in named)
    return weights and any((snapshot / file).exists() for file in _TOKENIZER_FILES)


def has_template(folder: Path) -> bool:
    """Whether the student in that folder has a chat template."""
    if (folder / "chat_template.jinja").exists() or (folder / "chat_template.json").exists():
        return True
    config = folder / "tokenizer_config.json"
    return config.exists() and bool(json.loads(config.read_text(encoding="utf-8")).get("chat_template"))


def _read(name: str, folder: Path) -> StudentInfo:
    config = _config(folder)
    architecture = _architecture(folder, config)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        found = [p.name for p in (*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.gguf"))]
        raise StudentError(
            f"folder {folder} holds no *.safetensors"
            + (
                f", only {found[0]}; other formats are not loaded (pickles can run code): convert it, "
                "for example with save_pretrained(..., safe_serialization=True)"
                if found
                else f"; {_LAYOUT}"
            )
        )
    if not any((folder / file).exists() for file in _TOKENIZER_FILES):
        raise StudentError(f"folder {folder} holds no tokenizer (tokenizer.json); {_LAYOUT}")
    parameters = sum(_numbers(file) for file in weights)
    return StudentInfo(name, str(folder), architecture, parameters, _context(config), shape_of(config))


def _context(config: dict[str, Any]) -> int | None:
    inner = config.get("text_config") or config
    return next((inner[key] for key in _CONTEXT_KEYS if isinstance(inner.get(key), int)), None)


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.exists():
        if (folder / "adapter_config.json").exists():
            raise StudentError(f"folder {folder} is an adapter, expected a whole model; name its base model")
        raise StudentError(f"folder {folder} is no model: no config.json; {_LAYOUT}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudentError(f"{path} cannot be read as JSON ({error}); download the model again") from error
    if not isinstance(config, dict):
        raise StudentError(f"{path} holds no JSON object; download the model again")
    return config


def _architecture(folder: Path, config: dict[str, Any]) -> str:
    named = [str(a) for a in config.get("architectures") or ()]
    fitting = [a for a in named if a.endswith(("ForCausalLM", "LMHeadModel"))]
    if not fitting or config.get("is_encoder_decoder"):
        raise StudentError(
            f"folder {folder} holds {named[0] if named else 'a model that names no architecture'}, expected a "
            "decoder-only causal language model (an architecture that ends in ForCausalLM); choose such a model"
        )
    return fitting[0]


def _numbers(file: Path) -> int:
    """How many numbers a safetensors file holds, from its header (a length, then JSON)."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > file.stat().st_size:
                raise ValueError("the header is longer than the file")
            header = json.loads(stream.read(length))
        return sum(math.prod(entry["shape"]) for key, entry in header.items() if key != "__metadata__")
    except (OSError, struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StudentError(f"{file} is no readable safetensors file ({error}); download the model again") from error
