"""Encoders as folders hold them, and what tuning does to them and leaves alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import StudentError
from engine.retrieval.arms import Arm, examples_of
from engine.retrieval.asks import RetrievalStrategy
from engine.retrieval.collection import Collection, Query
from engine.retrieval.encoder import Encoder, encode, expanded, load
from engine.retrieval.recipe import TuningRecipe
from engine.retrieval.tuning import Index, Lesson, Objective, save_adapter, tuned
from engine.retrieval.world import collection
from engine.settings import ROOT

SHIPPED = ROOT / "data/sandbox/encoder"
TEXTS = ["how do i mend it", "the study of"]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load(str(SHIPPED))


def layout(folder: Path, pooling: dict[str, object], *kinds: str, prompts: dict[str, str] | None = None) -> Path:
    """The shipped encoder as sentence-transformers lays out a folder."""
    shutil.copytree(SHIPPED, folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": 128, **pooling}))
    modules = [{"path": "", "type": "sentence_transformers.models.Transformer"}]
    modules += [
        {"path": f"{at}_{kind}", "type": f"sentence_transformers.models.{kind}"}
        for at, kind in enumerate(("Pooling", *kinds), 1)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    if prompts:
        (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
    return folder


def by_hand(encoder: Encoder, text: str) -> torch.Tensor:
    batch = encoder.tokenizer([text], return_tensors="pt")
    with torch.inference_mode():
        return encoder.model(input_ids=batch["input_ids"]).last_hidden_state[0]


@pytest.mark.parametrize(
    ("pooling", "pooled"),
    [
        ({"pooling_mode_mean_tokens": True}, lambda hidden: hidden.mean(0)),
        ({"pooling_mode_cls_token": True}, lambda hidden: hidden[0]),
        ({"pooling_mode_max_tokens": True}, lambda hidden: hidden.amax(0)),
        ({"pooling_mode": "lasttoken"}, lambda hidden: hidden[-1]),
    ],
    ids=["mean", "cls", "max", "last"],
)
def test_a_folder_pools_as_it_says_whatever_the_padding(
    tmp_path: Path, pooling: dict[str, object], pooled: object
) -> None:
    found = load(str(layout(tmp_path / "e", pooling)))
    assert not found.normalised
    expected = np.stack([pooled(by_hand(found, text)).numpy() for text in TEXTS])  # type: ignore[operator]
    assert np.allclose(encode(found, TEXTS, "query"), expected, atol=1e-5)


def test_normalisation_and_prompts_come_from_the_folder_and_can_be_overruled(tmp_path: Path) -> None:
    folder = layout(
        tmp_path / "e", {"pooling_mode_mean_tokens": True}, "Normalize", prompts={"query": "how ", "passage": "the "}
    )
    found = load(str(folder))
    assert np.allclose(np.linalg.norm(encode(found, TEXTS, "query"), axis=1), 1)
    plain = load(str(folder), query_prefix="", passage_prefix="")
    assert np.allclose(encode(found, ["do i"], "query"), encode(plain, ["how do i"], "query"), atol=1e-5)
    assert np.allclose(encode(found, ["study"], "passage"), encode(plain, ["the study"], "passage"), atol=1e-5)


def test_a_module_that_is_not_read_here_is_refused_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(StudentError, match="has a module Dense"):
        load(str(layout(tmp_path / "e", {"pooling_mode_mean_tokens": True}, "Dense")))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "e")
    (tmp_path / "e/model.safetensors").rename(tmp_path / "e/pytorch_model.bin")
    with pytest.raises(StudentError, match=r"only pytorch_model\.bin; other formats are not loaded"):
        load(str(tmp_path / "e"))


def test_a_folder_without_pooling_says_what_is_done(encoder: Encoder) -> None:
    assert "names no pooling" in encoder.notes[0]
    assert expanded(encoder, "q", ["a", "b"]) == "q a b"


@pytest.fixture(scope="module")
def lessons(encoder: Encoder) -> tuple[list[Lesson], np.ndarray, Index, Collection]:
    whole = collection(24, 8, 20)
    ids = tuple(list(whole.passages)[:300])
    names = tuple(dict.fromkeys([*ids, *(next(iter(whole.judgements[q.id])) for q in whole.train)]))
    index = Index(
        encode(encoder, [whole.passages[name] for name in names], "passage"),
        names,
        {name: place for place, name in enumerate(names)},
    )
    examples = examples_of(Arm("plain"), whole, {})
    # What lies nearest to a passage is the passage itself: the best that an expansion could be.
    targets = index.vectors[[index.places[one.relevant[0]] for one in examples]]
    return [Lesson(one.text, one.relevant, at) for at, one in enumerate(examples)], targets, index, whole


RECIPE = TuningRecipe(learning_rate=5e-3, steps=12, batch_size=12, look_every=4)


def near(encoder: Encoder, lessons: list[Lesson], targets: np.ndarray) -> float:
    return float((encode(encoder, [one.query for one in lessons], "query") * targets).sum(1).mean())


@pytest.mark.parametrize("objective", [Objective(), Objective(False, 1.0), Objective(True, 4.0)], ids=str)
def test_tuning_brings_queries_nearer_and_leaves_the_encoder_as_it_was(
    encoder: Encoder, lessons: tuple[list[Lesson], np.ndarray, Index, Collection], objective: Objective
) -> None:
    taught, targets, index, _ = lessons
    before = {name: value.clone() for name, value in encoder.model.state_dict().items()}
    vectors = index.vectors.copy()
    untuned = near(encoder, taught, targets)
    with tuned(encoder, taught, targets, index, objective, RECIPE, 0, None) as state:
        assert state.step == RECIPE.steps
        assert near(encoder, taught, targets) > untuned + 0.05
    assert near(encoder, taught, targets) == pytest.approx(untuned, abs=1e-6)
    after = encoder.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert np.array_equal(vectors, index.vectors)


def test_weight_nought_is_plain_and_the_same_seed_gives_the_same_encoder(
    encoder: Encoder, lessons: tuple[list[Lesson], np.ndarray, Index, Collection]
) -> None:
    taught, targets, index, _ = lessons
    found = []
    for aims in (None, targets):
        with tuned(encoder, taught, aims, index, Objective(True, 0.0), RECIPE, 3, None):
            found.append(encode(encoder, TEXTS, "query"))
    assert np.allclose(found[0], found[1], atol=1e-6)


def test_the_best_encoder_on_the_queries_to_choose_by_is_kept_even_if_it_is_the_untuned_one(
    encoder: Encoder, lessons: tuple[list[Lesson], np.ndarray, Index, Collection], tmp_path: Path
) -> None:
    taught, targets, index, _ = lessons
    untuned = encode(encoder, TEXTS, "query")
    scores = iter([0.9, 0.5, 0.4, 0.3])
    with tuned(encoder, taught, targets, index, Objective(), RECIPE, 0, lambda: next(scores)) as state:
        assert state.step == 0
        assert np.allclose(encode(encoder, TEXTS, "query"), untuned, atol=1e-6)
        save_adapter(encoder, tmp_path / "adapter")
    assert (tmp_path / "adapter/adapter_model.safetensors").exists()


def test_a_passage_that_is_relevant_to_a_query_is_never_its_negative(encoder: Encoder) -> None:
    # Both passages answer both queries: then nothing is wrong, and nothing is to be learnt.
    index = Index(encode(encoder, TEXTS, "passage"), ("a", "b"), {"a": 0, "b": 1})
    taught = [Lesson(text, ("a", "b")) for text in TEXTS]
    before = encode(encoder, TEXTS, "query")
    with tuned(encoder, taught, None, index, Objective(), RECIPE, 0, None):
        assert np.allclose(encode(encoder, TEXTS, "query"), before, atol=1e-6)


def test_new_queries_are_taught_beside_the_judged_ones() -> None:
    small = Collection("c", {"p": "x", "r": "y"}, (Query("q", "one"),), (), (), {"q": {"p": 1}})
    arm = Arm("new_query", RetrievalStrategy.NEW_QUERY)
    assert [(one.text, one.relevant) for one in examples_of(arm, small, {"r": ("two", "three")})] == [
        ("one", ("p",)),
        ("two", ("r",)),
        ("three", ("r",)),
    ]
