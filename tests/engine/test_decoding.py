"""Rows that come and go say what each prompt is answered alone by transformers, in fp32, for every family."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, MambaConfig, MambaForCausalLM

from engine import decoding
from engine.decoding import Decoded, Decoding, can_decode, decode
from engine.domain import Message
from engine.inference import answer, replies
from engine.loading import load, prompt_ids
from engine.sandbox.world import test_items
from engine.tasks import load_task
from tests.small_students import FAMILIES, build_tiny_student, build_tiny_tokenizer

torch.set_num_threads(1)

STOPS = (0, *range(40, 70))
"""Enough tokens that end an answer for answers of uneven length."""


def sliding(folder: Path) -> Path:
    """The student with a window of 6 tokens in each second layer, or in all."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config |= {"sliding_window": 6}
    if config["model_type"] in ("qwen2", "qwen3"):
        config |= {"use_sliding_window": True, "max_window_layers": 1, "layer_types": None}
    path.write_text(json.dumps(config))
    return folder


WINDOWED = ("mistral", "qwen2", "gemma2", "gemma3")


@pytest.fixture(scope="module", params=[*FAMILIES, *(f"{one} in a window" for one in WINDOWED)])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    family, _, window = request.param.partition(" in a ")
    folder = build_tiny_student(tmp_path_factory.mktemp("students") / "tiny", family=family, context=160)
    if window:
        sliding(folder)
    loaded = AutoModelForCausalLM.from_pretrained(folder).eval()
    assert not window or family == "mistral" or "sliding_attention" in loaded.config.layer_types
    # An output of its own: tied to the input, a random student repeats the token it reads.
    output = loaded.get_output_embeddings()
    output.weight = torch.nn.Parameter(torch.randn(output.weight.shape, generator=torch.Generator().manual_seed(1)))
    return loaded


def prompts(count: int, longest: int = 60) -> list[list[int]]:
    generator = torch.Generator().manual_seed(count)
    lengths = torch.randint(1, longest, (count,), generator=generator).tolist()
    return [torch.randint(70, 250, (n,), generator=generator).tolist() for n in lengths]


def alone(model: Any, asked: Sequence[Sequence[int]], most_new: int) -> list[tuple[int, ...]]:
    """transformers by hand: no padding, no batch."""
    said = []
    for prompt in asked:
        out = model.generate(
            torch.tensor([prompt]), do_sample=False, max_new_tokens=most_new, eos_token_id=list(STOPS), pad_token_id=0
        )[0, len(prompt) :].tolist()
        said.append(tuple(out[:-1] if out[-1] in STOPS else out))
    return said


ASKED = prompts(31)
MOST = 24


@pytest.fixture(scope="module")
def expected(model: Any) -> list[tuple[int, ...]]:
    said = alone(model, ASKED, MOST)
    assert len({len(one) for one in said}) > 6  # of uneven length, or nothing would come and go
    return said


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Rows and new columns of every pass."""
    seen: list[tuple[int, int]] = []
    original = decoding._Loop._pass

    def counted(self: Any, ids: torch.Tensor, lengths: torch.Tensor, cache: Any) -> torch.Tensor:
        seen.append((ids.shape[0], ids.shape[1]))
        return original(self, ids, lengths, cache)

    monkeypatch.setattr(decoding._Loop, "_pass", counted)
    return seen


def said(found: Sequence[Decoded]) -> list[tuple[int, ...]]:
    return [one.ids for one in found]


@pytest.mark.parametrize("rows", [1, 5, 64])
def test_rows_that_come_and_go_say_what_each_prompt_is_answered_alone(
    model: Any, expected: list[tuple[int, ...]], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MOST_ROWS", rows)
    found = decode(model, ASKED, Decoding(MOST, STOPS))
    assert said(found) == expected
    assert [one.ended for one in found] == [len(one) < MOST for one in expected]


def test_the_columns_are_moved_back_when_they_are_used_up(
    model: Any, expected: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MOST_ROWS", 3)
    monkeypatch.setattr(decoding, "_capacity", lambda longest, most_new: longest + most_new)
    assert said(decode(model, ASKED, Decoding(MOST, STOPS))) == expected


def test_groups_keep_to_their_own_rows_and_say_the_same(
    model: Any, expected: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MOST_ROWS", 9)
    groups = [0] * 20 + [1] * 10 + [2]
    assert said(decode(model, ASKED, Decoding(MOST, STOPS, groups=3), groups)) == expected


def test_prompts_are_read_a_few_at_a_time(
    model: Any, expected: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch, passes: list[Any]
) -> None:
    monkeypatch.setattr(decoding, "PREFILL_TOKENS", 100)
    assert said(decode(model, ASKED, Decoding(MOST, STOPS))) == expected
    assert max(rows * columns for rows, columns in passes) <= 100


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny", context=512)


@pytest.fixture(scope="module")
def llama(tiny: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny).eval()


def test_silent_rows_are_filled_or_dropped_and_cost_few_passes(
    llama: Any, monkeypatch: pytest.MonkeyPatch, passes: list[tuple[int, int]]
) -> None:
    monkeypatch.setattr(decoding, "MOST_ROWS", 8)
    asked = prompts(64)
    lengths = [len(one.ids) + one.ended for one in decode(llama, asked, Decoding(100, STOPS))]
    steps = sum(rows for rows, columns in passes if columns == 1)
    by_eights = sum(8 * max(lengths[n : n + 8]) for n in range(0, 64, 8))
    assert steps < 1.5 * sum(lengths)
    assert steps < 0.6 * by_eights  # what batches of 8 that wait for their longest answer would take


def test_memory_that_ends_halves_the_rows_and_loses_no_answer(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = prompts(24)
    expected = alone(llama, asked, 30)
    most: list[int] = []
    original = decoding._Loop._pass

    def narrow(self: Any, ids: torch.Tensor, lengths: torch.Tensor, cache: Any) -> torch.Tensor:
        most.append(ids.shape[0])
        if len(most) > 10 and ids.shape[0] > 6:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(self, ids, lengths, cache)

    monkeypatch.setattr(decoding._Loop, "_pass", narrow)
    assert [one.ids for one in decode(llama, asked, Decoding(30, STOPS))] == expected
    assert max(most) == 24
    assert most[-1] <= 6


def test_memory_that_does_not_do_for_one_row_is_an_error(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*given: object) -> torch.Tensor:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(decoding._Loop, "_pass", none)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        decode(llama, prompts(5), Decoding(30, STOPS))


def test_an_error_that_is_not_memory_is_not_tried_again(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def broken(*given: object) -> torch.Tensor:
        tries.append(1)
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(decoding._Loop, "_pass", broken)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        decode(llama, prompts(5), Decoding(30, STOPS))
    assert len(tries) == 1


def test_keys_and_values_take_no_more_than_their_room(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "CACHE_BYTES", 10**6)
    sizes: list[int] = []
    original = decoding._Loop._step

    def measured(self: Any) -> None:
        original(self)
        sizes.append(sum(held.numel() * held.element_size() for layer in self.cache.own for held in layer.held))

    monkeypatch.setattr(decoding._Loop, "_step", measured)
    asked = prompts(40)
    assert [one.ids for one in decode(llama, asked, Decoding(30, STOPS))] == alone(llama, asked, 30)
    assert 5e5 < max(sizes) <= 10**6


def test_a_stop_text_ends_an_answer_as_generate_ends_it(tiny: Path) -> None:
    student = load(str(tiny))
    asked = [(Message("user", "x" * n),) for n in range(1, 20)]
    whole = answer(student, asked, 40)
    stop = sorted({text[9:11] for text in whole if len(text) > 20 and text[9:11].strip() == text[9:11]})[:3]
    assert stop
    found = replies(student, asked, 40, stop)
    assert found.unended < len(asked)
    for question, text in zip(asked, found.texts, strict=True):
        ids = torch.tensor([prompt_ids(student.tokenizer, question)])
        out = student.model.generate(
            ids, do_sample=False, max_new_tokens=40, pad_token_id=0, stop_strings=stop, tokenizer=student.tokenizer
        )
        expected = student.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        cut = min((expected.find(one) for one in stop if one in expected), default=len(expected))
        assert text == expected[:cut].strip()


def test_the_sandbox_student_says_the_same_as_alone() -> None:
    student = load("sandbox")
    task = load_task("math")
    asked = [task.student_prompt(item.asked) for item in test_items(48)]
    expected = []
    for question in asked:
        ids = torch.tensor([prompt_ids(student.tokenizer, question)])
        out = student.model.generate(
            ids, do_sample=False, max_new_tokens=96, eos_token_id=list(student.stop_ids), pad_token_id=0
        )
        expected.append(student.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True).strip())
    assert list(answer(student, asked, 96)) == expected
    assert len(set(expected)) > 24


def test_a_student_with_states_of_a_recurrence_is_answered_by_transformers(tmp_path: Path) -> None:
    """And ends at stop texts too."""
    config = MambaConfig(vocab_size=257, hidden_size=16, num_hidden_layers=1, state_size=4, bos_token_id=None)
    config.eos_token_id, config.pad_token_id = 0, None
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MambaForCausalLM(config)
    model.save_pretrained(tmp_path)
    build_tiny_tokenizer().save_pretrained(tmp_path)
    student = load(str(tmp_path))
    assert not can_decode(student.model)
    asked = [(Message("user", "x" * n),) for n in (3, 9)]
    whole = replies(student, asked, 12)
    assert (whole.cut_prompts, whole.unended) == (0, 2)
    stop = whole.texts[0][4:6]
    assert answer(student, asked[:1], 12, [stop])[0] == whole.texts[0][:4].strip()
