"""A student with an adapter in its weights, as a folder that transformers, vLLM and llama.cpp take; what to do next."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.adapters import fused, read_adapter
from engine.errors import DiskFullError, InputError, StudentError
from engine.job_files import is_full
from engine.student import check_student


def merged_problems(folder: Path) -> list[str]:
    """Why merged weights cannot be written there; empty where they can."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        return [f"--merged {folder}: is no folder; give the name of one, which may be new"]
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "config.json").is_file():
        return [f"--merged {folder}: holds other files; give a new or an empty folder, or one with a model to replace"]
    parent = next(one for one in folder.absolute().parents if one.exists())
    if not os.access(parent, os.W_OK):
        return [f"--merged {folder}: no folder can be made in {parent}; give a place that you may write to"]
    return []


@torch.no_grad()
def write_merged(student: str, adapter: Path, folder: Path) -> None:
    """Writes the student with that adapter in its weights (safetensors, hub layout) and its tokenizer into `folder`,
    whole or not at all; a model that lies there is replaced.

    The weights keep the type that the student is stored in: sums are taken in float32 and rounded once. InputError
    where the folder cannot be written, StudentError where student or adapter cannot be read or do not fit,
    DiskFullError.
    """
    if problems := merged_problems(folder):
        raise InputError(problems)
    path = check_student(student).path
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
        model: Any = AutoModelForCausalLM.from_pretrained(
            path, trust_remote_code=False, use_safetensors=True, dtype="auto"
        )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise StudentError(f"student {student} could not be loaded for the merge: {said}") from error
    model = fused(model.eval(), read_adapter(model, adapter))
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(part, ignore_errors=True)
        if is_full(error):
            raise DiskFullError(f"{folder}: the merged weights do not fit on the disk; the adapter is kept") from error
        raise
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)


def to_gguf(merged: Path | None, adapter: Path, student: str) -> list[str]:
    """What to type for llama.cpp, Ollama and LM Studio, line by line; docs/training.md says more."""
    lines = [
        "git clone https://github.com/ggml-org/llama.cpp",
        "pip install -r llama.cpp/requirements/requirements-convert_hf_to_gguf.txt",
    ]
    if merged is not None:
        return [
            *lines,
            f"python llama.cpp/convert_hf_to_gguf.py {_quoted(merged)} --outtype f16 --outfile student-f16.gguf",
            "llama-quantize student-f16.gguf student-q4_k_m.gguf Q4_K_M   # llama.cpp's own program; makes it smaller",
        ]
    base = f" --base {_quoted(student)}" if Path(student).is_dir() else ""
    return [
        *lines,
        f"python llama.cpp/convert_lora_to_gguf.py {_quoted(adapter)}{base} --outfile adapter.gguf   # beside its base",
        "or with --merged FOLDER first: one file that needs no base",
    ]


def _quoted(path: str | Path) -> str:
    return shlex.quote(str(path))
