"""A cache of keys and values in which rows come and go.

All rows end at the same column, each row's tokens lie side by side before it, and what lies before a row's first token
is masked. A row that begins later is put where one has ended, so that its last token stands in that column too: to a
model it looks like a batch padded on the left, with every distance between two tokens of a row as it is alone.

transformers' own cache grows by concatenation, which copies all of it at every token; this one is written in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer


@dataclass(slots=True)
class Window:
    """The columns that are in use, for all layers alike."""

    capacity: int
    """Columns that there are."""
    start: int = 0
    end: int = 0

    @property
    def width(self) -> int:
        """Columns in use."""
        return self.end - self.start


class _Layer(CacheLayerMixin):
    """Keys and values of one layer, [rows, heads, capacity, size]; also where the model looks at a sliding window only,
    since its mask hides what lies further back."""

    is_sliding = False

    def __init__(self, window: Window) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.window = window
        self.held: list[torch.Tensor] = []
        """Keys and values."""

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        # Zeros, since a masked column still takes part in a product: 0 times what may be no number.
        self.held = [
            given.new_zeros((*given.shape[:2], self.window.capacity, given.shape[3]))
            for given in (key_states, value_states)
        ]
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        window = self.window
        new = window.end + key_states.shape[-2]
        if not self.is_initialized:
            if key_states.shape[-2] == window.capacity:
                # All there will ever be: held as given.
                self.held, self.is_initialized = [key_states, value_states], True
                return key_states, value_states
            self.lazy_initialization(key_states, value_states)
        for held, given in zip(self.held, (key_states, value_states), strict=True):
            held[:, :, window.end : new] = given
        keys, values = (held[:, :, window.start : new] for held in self.held)
        return keys, values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.window.width + query_length, 0

    def get_seq_length(self) -> int:
        return self.window.width

    def get_max_length(self) -> int:
        return -1


class WindowCache(Cache):
    """Keys and values of `rows` rows. Whoever calls the model moves `window.end` on after it."""

    def __init__(self, layers: int, capacity: int) -> None:
        self.window = Window(capacity)
        self.own = [_Layer(self.window) for _ in range(layers)]
        super().__init__(layers=list(self.own))

    def take(self, rows: Sequence[int], other: WindowCache, of: Sequence[int]) -> None:
        """Puts rows `of` the other cache in the place of `rows`; its columns in use become the last ones here."""
        width, window = other.window.width, self.window
        window.start = min(window.start, window.end - width)
        mine, its = torch.tensor(rows), torch.tensor(of)
        for layer, given in zip(self.own, other.own, strict=True):
            for held, new in zip(layer.held, given.held, strict=True):
                held[mine, :, window.end - width : window.end] = new[its, :, other.window.start : other.window.end]

    def like(self, other: WindowCache, rows: int) -> None:
        """Makes room for that many rows of the other cache's heads."""
        for layer, given in zip(self.own, other.own, strict=True):
            keys, values = (held[:1].expand(rows, -1, -1, -1) for held in given.held)
            layer.lazy_initialization(keys, values)

    def keep(self, rows: Sequence[int]) -> None:
        """Drops all rows but these."""
        # In place: memory that the system has yet to give costs more than to move what is used.
        chosen, used = torch.tensor(rows), slice(self.window.start, self.window.end)
        for layer in self.own:
            for held in layer.held:
                held[: len(rows), :, used] = held[:, :, used].index_select(0, chosen.to(held.device))
            layer.held = [held[: len(rows)] for held in layer.held]

    def shift(self, end: int) -> None:
        """Moves the columns in use so that they end there."""
        window = self.window
        begin = end - window.width
        for layer in self.own:
            for held in layer.held:
                # A copy between, since the two places may overlap.
                held[:, :, begin:end] = held[:, :, window.start : window.end].clone()
        window.start, window.end = begin, end


def layers_of(model: Any) -> int | None:
    """How many layers of keys and values a model keeps; None where it keeps something else beside or instead
    (states of a recurrence), or looks at chunks counted from the beginning of the batch's columns."""
    config = model.config.get_text_config(decoder=True)
    kinds = set(getattr(config, "layer_types", None) or ())
    if kinds - {"full_attention", "sliding_attention"} or getattr(model, "_is_stateful", False):
        return None
    # Where positions are stretched by the longest row, a row's answer depends on who stands beside it.
    rope = getattr(config, "rope_parameters", None) or {}
    ropes = [rope, *(one for one in rope.values() if isinstance(one, dict))]
    if any(one.get("rope_type") in ("dynamic", "longrope") for one in ropes):
        return None
    found = DynamicCache(config=config).layers
    if not found or any(type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer) for layer in found):
        return None
    return len(found)
