"""An encoder from nothing: for the sandbox (`python -m engine.retrieval.scratch`), or for a collection that has none.

A small BERT learns from pairs of texts that belong together, against all others of the batch (InfoNCE). Of the sandbox
it sees other texts about the world's matters than the corpus holds, with some of the everyday words among the learned
ones; of a collection it sees two pieces of each passage, and its title beside its text. No query and no judgement is
ever among them.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch.nn import functional
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from engine.retrieval.collection import Collection
from engine.retrieval.encoder import Encoder, vectors_of
from engine.retrieval.language import ASPECTS, Subject, words
from engine.retrieval.world import write_passage
from engine.settings import ROOT, Settings
from engine.training_order import schedule

Pairs = Callable[[random.Random], tuple[str, str]]

BATCH = 64
"""Pairs, for the sandbox; a collection's longer texts take half as many."""
PEAK_RATE = 1e-3
TEMPERATURE = 0.05
MIXED = 0.4
"""Share of the sandbox's pairs where one text has everyday words among the learned ones."""
SANDBOX_STEPS = 1500
STEPS = 1000
"""For a collection."""
PIECE = 48
"""Words of a passage's longest piece: whole abstracts take five times as long."""
VOCABULARY = 8000
PAD, UNKNOWN = "[PAD]", "[UNK]"


def sandbox_pair(rng: random.Random) -> tuple[str, str]:
    """Two texts about one matter of the sandbox's world."""
    subject, aspect = rng.choice(words().subjects), rng.randrange(ASPECTS)
    one, other = (write_passage(subject, aspect, rng) for _ in range(2))
    if rng.random() < MIXED:
        one = _everyday(one, subject, aspect, rng)
    said = one.split()
    # Short texts too: queries are short.
    return " ".join(rng.sample(said, rng.randint(3, len(said)))), other


def _everyday(text: str, subject: Subject, aspect: int, rng: random.Random) -> str:
    """The text with known everyday words in place of half of what they mean."""
    everyday = (subject.lay, words().lay_aspects[aspect], words().lay_common[subject.cluster])
    learned = (subject.terms, words().aspects[aspect], words().jargon[subject.cluster])
    meant = {
        term: [word for word in lay if word in words().known]
        for lay, terms in zip(everyday, learned, strict=True)
        for term in terms
    }
    return " ".join(
        rng.choice(meant[word]) if meant.get(word) and rng.random() < 0.5 else word for word in text.split()
    )


def pairs_of(collection: Collection) -> Pairs:
    """Two pieces of one passage, or a title beside its text."""
    texts = [(collection.titles.get(name, ""), text.split()) for name, text in collection.passages.items()]
    long = [(title, said) for title, said in texts if len(said) >= 8]

    def pair(rng: random.Random) -> tuple[str, str]:
        title, said = rng.choice(long)
        if title and rng.random() < 0.3:
            return title, _piece(said, PIECE, rng)
        start = rng.randrange(len(said) - 4)
        piece = said[start : start + rng.randint(4, 20)]
        # Mostly from the rest, so that the pair cannot be told by its own words alone.
        rest = said[:start] + said[start + len(piece) :] if rng.random() < 0.8 else said
        return " ".join(piece), _piece(rest or said, PIECE, rng)

    return pair


def _piece(said: list[str], most: int, rng: random.Random) -> str:
    start = rng.randrange(max(1, len(said) - most + 1))
    return " ".join(said[start : start + most])


def build_tokenizer(vocabulary: list[str]) -> PreTrainedTokenizerFast:
    """Whole words of a closed vocabulary."""
    tokens = {token: number for number, token in enumerate([PAD, UNKNOWN, *vocabulary])}
    tokenizer = Tokenizer(models.WordLevel(tokens, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token=PAD, unk_token=UNKNOWN
    )


def learnt_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Pieces of words, learnt from texts (WordPiece)."""
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=[PAD, UNKNOWN], show_progress=False)
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token=PAD, unk_token=UNKNOWN
    )


def build_model(seed: int, vocabulary: int) -> BertModel:
    """A BERT of two layers with random weights, the same for the same seed."""
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=256,
        type_vocab_size=1,
        pad_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return BertModel(config, add_pooling_layer=False)


def pretrain(
    name: str,
    tokenizer: PreTrainedTokenizerFast,
    pair: Pairs,
    steps: int,
    seed: int,
    told: Callable[[int, float], None] | None = None,
    batch: int = BATCH,
) -> Encoder:
    """An encoder that was taught by so many batches of pairs; `told` hears the step and the loss now and then."""
    rng = random.Random(f"scratch-{seed}")
    model = build_model(seed, len(tokenizer)).train()
    encoder = Encoder(name, model, tokenizer, longest=256)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=0.01)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for step in range(steps):
            drawn = [pair(rng) for _ in range(batch)]
            for group in optimizer.param_groups:
                group["lr"] = PEAK_RATE * schedule(step, steps, warmup=0.05)
            one = vectors_of(encoder, [first for first, _ in drawn], "query")
            other = vectors_of(encoder, [second for _, second in drawn], "passage")
            scores = one @ other.T / TEMPERATURE
            truth = torch.arange(len(drawn))
            loss = (functional.cross_entropy(scores, truth) + functional.cross_entropy(scores.T, truth)) / 2
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            if told is not None and (step % 50 == 0 or step == steps - 1):
                told(step, loss.item())
    model.eval().requires_grad_(False)
    return encoder


def from_scratch(
    collection: Collection, steps: int = STEPS, seed: int = 0, told: Callable[[], None] | None = None
) -> Encoder:
    """An encoder for a collection, taught by its passages alone."""
    tokenizer = learnt_tokenizer(list(collection.passages.values()))
    return pretrain(
        "scratch", tokenizer, pairs_of(collection), steps, seed, told and (lambda step, loss: told()), BATCH // 2
    )


def save(encoder: Encoder, folder: Path) -> None:
    """Writes the encoder in hub layout, numbers in half precision."""
    encoder.model.to(torch.float16).save_pretrained(folder)
    encoder.model.to(torch.float32)
    encoder.tokenizer.save_pretrained(folder)


CARD = """---
license: mit
library_name: transformers
pipeline_tag: feature-extraction
---

# The sandbox encoder

A BERT of {parameters:,} parameters that reads the invented words of SeedPilot's retrieval world and nothing else. It is
for practice without key or GPU; what it does says nothing about real encoders.

Made by `{command}` in {seconds:.0f} seconds with {threads} threads (torch {torch}): {steps} batches of {batch} pairs of
texts from seed {seed}, AdamW with a peak learning rate of {rate:g}, contrastive at temperature {temperature}. The pairs
are texts about one matter of the world, written anew: none of the corpus, no query, no judgement. In {mixed:.0%} of
them one text has everyday words among its learned ones, and of all everyday words only {known:.0%} ever occur
(`engine.retrieval.language.KNOWN`). Vectors are means over the words, normalised; numbers are stored in half precision.
"""


def main() -> None:
    """Makes the sandbox encoder, with its card."""
    from engine.retrieval.language import KNOWN

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=SANDBOX_STEPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Settings().data / "sandbox" / "encoder")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    begun = time.perf_counter()

    def told(step: int, loss: float) -> None:
        print(f"step {step} of {given.steps}: loss {loss:.3f}, {time.perf_counter() - begun:.0f} s", flush=True)

    encoder = pretrain("sandbox", build_tokenizer(words().vocabulary()), sandbox_pair, given.steps, given.seed, told)
    save(encoder, given.out)
    where = given.out.resolve()
    card = CARD.format(
        parameters=encoder.parameters,
        command=f"python -m engine.retrieval.scratch --steps {given.steps} --seed {given.seed} "
        f"--threads {given.threads} --out {where.relative_to(ROOT) if where.is_relative_to(ROOT) else where}",
        seconds=time.perf_counter() - begun,
        threads=given.threads,
        torch=torch.__version__,
        steps=given.steps,
        batch=BATCH,
        seed=given.seed,
        rate=PEAK_RATE,
        temperature=TEMPERATURE,
        mixed=MIXED,
        known=KNOWN,
    )
    (given.out / "README.md").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
