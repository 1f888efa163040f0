"""What can be said of a student from its files alone, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import StudentError
from engine.student import SANDBOX, check_student
from tests.small_students import build_tiny_student


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny, tmp_path / "copy")


def test_a_folder_in_hub_layout_is_a_student_with_its_size_and_context(tiny: Path) -> None:
    info = check_student(str(tiny))
    assert info.architecture == "LlamaForCausalLM"
    assert info.context == 2048
    assert info.path == str(tiny)
    from transformers import AutoModelForCausalLM

    assert info.parameters == AutoModelForCausalLM.from_pretrained(tiny).num_parameters()


def test_the_word_sandbox_names_the_shipped_student() -> None:
    info = check_student(SANDBOX)
    assert info.architecture == "LlamaForCausalLM"
    assert info.parameters is not None
    assert 500_000 < info.parameters < 3_000_000
    assert sum(file.stat().st_size for file in Path(info.path).iterdir()) < 15e6


def test_a_hub_id_that_is_not_cached_is_unknown_and_no_error() -> None:
    info = check_student("nobody-at-all/no-such-model")
    assert (info.parameters, info.context, info.architecture) == (None, None, None)
    assert info.path == "nobody-at-all/no-such-model"


def cached(tiny: Path, cache: Path) -> Path:
    """The student as huggingface_hub lays its cache out."""
    snapshot = cache / "models--some-org--tiny" / "snapshots" / "abc"
    shutil.copytree(tiny, snapshot)
    refs = cache / "models--some-org--tiny" / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc")
    return snapshot


def looked_up(cache: Path) -> list[str]:
    """Parameters, path and context; in a process of its own, since the cache's place is read at import."""
    script = (
        "from engine.student import check_student as c; i = c('some-org/tiny'); print(i.parameters, i.path, i.context)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], env={"HF_HUB_CACHE": str(cache)}, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    return said.stdout.split()


def test_a_hub_id_in_the_cache_is_read_from_there(tiny: Path, tmp_path: Path) -> None:
    snapshot, known = cached(tiny, tmp_path), check_student(str(tiny))
    assert looked_up(tmp_path) == [str(known.parameters), str(snapshot), str(known.context)]


@pytest.mark.parametrize("missing", ["weights", "tokenizer", "a shard"])
def test_a_download_that_ended_early_leaves_the_size_unknown_and_goes_on_by_the_id(
    missing: str, tiny: Path, tmp_path: Path
) -> None:
    snapshot = cached(tiny, tmp_path)
    if missing == "weights":
        (snapshot / "model.safetensors").unlink()
    elif missing == "tokenizer":
        (snapshot / "tokenizer.json").unlink()
    else:
        weight_map = {"one": "model.safetensors", "two": "model-2.safetensors"}
        (snapshot / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert looked_up(tmp_path) == ["None", "some-org/tiny", str(check_student(str(tiny)).context)]


def test_a_folder_without_config_is_no_model_and_the_message_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(StudentError, match=r"is no model: no config\.json; give a folder in hub layout"):
        check_student(str(tmp_path))


def test_an_adapter_is_told_from_a_model(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(StudentError, match="is an adapter, expected a whole model"):
        check_student(str(tmp_path))


def test_pickled_weights_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(StudentError, match=r"no \*\.safetensors, only pytorch_model\.bin"):
        check_student(str(copy))


def test_a_model_without_weights_or_tokenizer_is_refused(copy: Path) -> None:
    (copy / "tokenizer.json").unlink()
    with pytest.raises(StudentError, match="holds no tokenizer"):
        check_student(str(copy))
    (copy / "model.safetensors").unlink()
    with pytest.raises(StudentError, match=r"holds no \*\.safetensors; give"):
        check_student(str(copy))


@pytest.mark.parametrize(
    ("architecture", "more"),
    [("BertForMaskedLM", {}), ("T5ForConditionalGeneration", {}), ("BartForCausalLM", {"is_encoder_decoder": True})],
)
def test_what_is_no_decoder_only_language_model_is_refused_by_name(
    copy: Path, architecture: str, more: dict[str, bool]
) -> None:
    (copy / "config.json").write_text(json.dumps({"architectures": [architecture], **more}))
    with pytest.raises(StudentError, match=f"holds {architecture}, expected a decoder-only"):
        check_student(str(copy))


@pytest.mark.parametrize("text", ["{not json", "[]"])
def test_a_broken_config_is_one_message(copy: Path, text: str) -> None:
    (copy / "config.json").write_text(text)
    with pytest.raises(StudentError, match="download the model again"):
        check_student(str(copy))


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0[]", b"\x04\0\0\0\0\0\0\0nope"])
def test_broken_weights_are_one_message(copy: Path, content: bytes) -> None:
    (copy / "model.safetensors").write_bytes(content)
    with pytest.raises(StudentError, match="no readable safetensors file"):
        check_student(str(copy))


@pytest.mark.parametrize("name", ["", "  ", "/no/such/folder", "./nothing", "a/b/c", "two words"])
def test_a_name_that_is_neither_folder_nor_hub_id_is_refused(name: str) -> None:
    with pytest.raises(StudentError, match="hub id like org/name"):
        check_student(name)


def test_a_file_is_no_student(copy: Path) -> None:
    with pytest.raises(StudentError, match="is a file, expected a folder"):
        check_student(str(copy / "model.safetensors"))


def test_looking_at_a_student_imports_neither_torch_nor_transformers() -> None:
    script = "import sys, engine.student; print([m for m in ('torch', 'transformers', 'peft') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
