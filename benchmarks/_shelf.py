"""Keeps libraries off the shelf from writing into a benchmark's rows."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import datasets
from transformers.utils import logging as transformers_logging


def hush() -> None:
    """No warnings, no progress bars."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    datasets.disable_progress_bars()


@contextmanager
def quiet() -> Iterator[None]:
    """TRL's trainer prints its losses on standard output, where our rows go."""
    kept, sys.stdout = sys.stdout, sys.stderr
    try:
        yield
    finally:
        sys.stdout = kept
