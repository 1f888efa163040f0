"""Greedy decoding of many prompts: rows that have ended give their place to prompts that wait.

Each token of a batch costs one pass through the model, however few of its rows still speak; with answers of uneven
length most of a fixed batch would soon be silent. A prompt that takes a place is read in a pass of its own, so places
are filled a few at a time: once the silent rows have cost about what that pass costs.

Rows may belong to groups (adapters): then each group has as many places as the others, side by side.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from engine.kv_window import WindowCache, layers_of

MOST_ROWS = 128
"""Rows at once on a CPU: 64 take 7 % more time, 32 take 20 % more."""
MOST_ROWS_GPU = 512
CACHE_BYTES = 2**30
"""Room for keys and values on a CPU; on a GPU it is half of what is free."""
PREFILL_TOKENS = 1024
"""Tokens of prompts that are read in one pass on a CPU, padding included: more no longer fit into its cache."""
PREFILL_TOKENS_GPU = 16_384


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a prompt was answered."""

    ids: tuple[int, ...]
    """Without the token that ended it."""
    ended: bool
    """Whether it came to an end by itself, not by its longest length."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How answers are made."""

    most_new: int
    """Tokens of an answer at most, at least 1."""
    stop_ids: tuple[int, ...]
    """Tokens that end an answer."""
    is_over: Callable[[Sequence[int]], bool] | None = None
    """Whether the tokens so far end the answer otherwise (stop strings); asked after every token."""
    groups: int = 1
    before: Callable[[int], None] | None = None
    """Told the number of tokens of each pass, padding included, before it."""


def can_decode(model: Any) -> bool:
    """Whether the model keeps what this module knows to hold for it: keys and values, and nothing else."""
    return layers_of(model) is not None


def decode(
    model: Any, prompts: Sequence[Sequence[int]], how: Decoding, group: Sequence[int] | None = None
) -> list[Decoded]:
    """The answer of each prompt (token ids, not empty), in their order.

    `group` names each prompt's group, from 0. Out of memory, the places are halved; what was answered stays.
    torch.OutOfMemoryError where one place a group is too much.
    """
    group = [0] * len(prompts) if group is None else group
    found: dict[int, Decoded] = {}
    rows = _rows_that_fit(model, prompts, how) if prompts else 0
    while len(found) < len(prompts):
        waiting: list[deque[int]] = [deque() for _ in range(how.groups)]
        # Longest first: what does not fit into memory shows at once, and who comes later needs no column more.
        for one in sorted(range(len(prompts)), key=lambda i: -len(prompts[i])):
            if one not in found:
                waiting[group[one]].append(one)
        places = max(1, min(rows // how.groups, max(len(queue) for queue in waiting)))
        try:
            with torch.inference_mode():
                _Loop(model, prompts, how, waiting, places, found).run()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or places == 1:
                raise
            rows = places // 2 * how.groups
        else:
            break
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return [found[one] for one in range(len(prompts))]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ended, the GPU's or (which torch says in words only) the machine's."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def _rows_that_fit(model: Any, prompts: Sequence[Sequence[int]], how: Decoding) -> int:
    config = model.config.get_text_config(decoder=True)
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    bytes_each = torch.finfo(model.dtype).bits // 8
    a_token = 2 * (layers_of(model) or 1) * heads * size * bytes_each
    a_row = a_token * _capacity(max(len(one) for one in prompts), how.most_new)
    on_gpu = next(model.parameters()).device.type == "cuda"
    room = torch.cuda.mem_get_info()[0] // 2 if on_gpu else CACHE_BYTES
    return int(max(1, min(MOST_ROWS_GPU if on_gpu else MOST_ROWS, room // a_row)))


def _capacity(longest: int, most_new: int) -> int:
    # With columns to spare, moving them back to the front is rare.
    return longest + 2 * most_new


class _Loop:
    """One set of places, until nothing waits and nobody speaks."""

    def __init__(
        self,
        model: Any,
        prompts: Sequence[Sequence[int]],
        how: Decoding,
        waiting: list[deque[int]],
        places: int,
        found: dict[int, Decoded],
    ) -> None:
        self.model, self.prompts, self.how, self.waiting, self.found = model, prompts, how, waiting, found
        self.places = places
        """A group's."""
        rows = places * how.groups
        self.device = next(model.parameters()).device
        parameters = inspect.signature(model.forward).parameters
        self.last_only: dict[str, Any] = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
        # Families with relative positions take none.
        self.takes_positions = "position_ids" in parameters
        layers = layers_of(model)
        if layers is None:
            raise ValueError(f"{type(model).__name__} keeps more than keys and values")
        self.layers = layers
        longest = max(len(prompts[queue[0]]) for queue in waiting if queue)
        self.cache = WindowCache(layers, _capacity(longest, how.most_new))
        self.cache.window.start = self.cache.window.end = longest
        self.owner: list[int | None] = [None] * rows
        self.said: list[list[int]] = [[] for _ in range(rows)]
        # Tokens of each row in the cache; 0 where nobody speaks: such a row sees its own token only.
        self.length = torch.zeros(rows, dtype=torch.long)
        self.token = torch.full((rows,), how.stop_ids[0])
        self.ready = False
        self.silent = 0
        """Passes of silent rows since places were last filled or dropped."""

    def run(self) -> None:
        self._fill()
        while True:
            speaking = sum(one is not None for one in self.owner)
            if not speaking and not any(self.waiting):
                return
            dead = len(self.owner) - speaking
            if dead and (self.silent >= len(self.owner) // 2 or not speaking):
                if not self._fill():
                    self._shrink()
                self.silent = 0
                continue
            self._step()
            self.silent += dead

    # --- places -----------------------------------------------------------------------------------

    def _fill(self) -> bool:
        """Gives free places to who waits; False where nobody waits for one that is free."""
        free: list[list[int]] = [[] for _ in range(self.how.groups)]
        for row, owner in enumerate(self.owner):
            if owner is None:
                free[row // self.places].append(row)
        taken = [
            [(row, queue.popleft()) for row in rows[: len(queue)]]
            for rows, queue in zip(free, self.waiting, strict=True)
        ]
        most = max(len(pairs) for pairs in taken)
        if most == 0:
            return False
        width = max(len(self.prompts[one]) for pairs in taken for _, one in pairs)
        if not self.length.any():
            # Nobody speaks: the columns begin anew.
            self.cache.window.start = self.cache.window.end = max(width, 1)
        tokens = PREFILL_TOKENS_GPU if self.device.type == "cuda" else PREFILL_TOKENS
        at_once = max(1, tokens // (width * self.how.groups))
        for begin in range(0, most, at_once):
            self._read([pairs[begin : begin + at_once] for pairs in taken])
        return True

    def _read(self, taken: Sequence[Sequence[tuple[int, int]]]) -> None:
        """Reads prompts into their places; `taken` holds (row, prompt) for each group."""
        each = max(len(pairs) for pairs in taken)
        width = max(len(self.prompts[one]) for pairs in taken for _, one in pairs)
        filler = self.how.stop_ids[0]  # masked, so it need not be a pad token: many students have none
        ids: list[list[int]] = []
        lengths: list[int] = []
        for pairs in taken:
            for place in range(each):
                prompt = list(self.prompts[pairs[place][1]]) if place < len(pairs) else [filler]
                ids.append([filler] * (width - len(prompt)) + prompt)
                lengths.append(len(prompt))
        cache = WindowCache(self.layers, width)
        token = self._pass(torch.tensor(ids), torch.tensor(lengths), cache)
        if not self.ready:
            self.cache.like(cache, len(self.owner))
            self.ready = True
        rows = [row for pairs in taken for row, _ in pairs]
        of = [number * each + place for number, pairs in enumerate(taken) for place in range(len(pairs))]
        self.cache.take(rows, cache, of)
        said = token.tolist()
        for number, pairs in enumerate(taken):
            for place, (row, one) in enumerate(pairs):
                self.owner[row], self.said[row] = one, []
                self.length[row] = lengths[number * each + place]
                self.token[row] = said[number * each + place]
                self._hear(row, one, said[number * each + place])
        self._narrow()

    def _shrink(self) -> None:
        """Drops places that nobody needs any more, as many in each group."""
        groups = [range(g * self.places, (g + 1) * self.places) for g in range(self.how.groups)]
        speaking = [[row for row in rows if self.owner[row] is not None] for rows in groups]
        places = max(len(rows) for rows in speaking)
        if places == self.places:
            return
        kept: list[int] = []
        for rows, live in zip(groups, speaking, strict=True):
            silent = [row for row in rows if self.owner[row] is None]
            kept += (live + silent)[:places]
        self.cache.keep(kept)
        self.owner, self.said = [self.owner[row] for row in kept], [self.said[row] for row in kept]
        self.length, self.token = self.length[kept], self.token[kept]
        self.places = places

    # --- passes -----------------------------------------------------------------------------------

    def _step(self) -> None:
        """One more token of every row."""
        window = self.cache.window
        if window.end == window.capacity:
            # Who waits must fit before the columns in use.
            longest = max((len(self.prompts[queue[0]]) for queue in self.waiting if queue), default=0)
            self.cache.shift(max(window.width, longest))
        self.length += 1
        token = self._pass(self.token.unsqueeze(1), self.length, self.cache)
        self.token = token
        said = token.tolist()
        for row, owner in enumerate(self.owner):
            if owner is None:
                self.length[row] = 0
            else:
                self._hear(row, owner, said[row])
        self._narrow()

    def _pass(self, ids: torch.Tensor, lengths: torch.Tensor, cache: WindowCache) -> torch.Tensor:
        """The most likely next token of each row, int64 [rows] on the CPU, after these `ids` [rows, new] at the rows'
        ends; `lengths` are the rows' tokens with these."""
        if self.how.before is not None:
            self.how.before(ids.numel())
        new = ids.shape[1]
        columns = torch.arange(cache.window.width + new)
        mask = columns >= (len(columns) - lengths).unsqueeze(1)
        given: dict[str, Any] = dict(self.last_only)
        if self.takes_positions:
            position = lengths.unsqueeze(1) - new + torch.arange(new)
            given["position_ids"] = position.clamp(min=0).to(self.device)
        logits = self.model(
            input_ids=ids.to(self.device),
            attention_mask=mask.long().to(self.device),
            past_key_values=cache,
            use_cache=True,
            **given,
        ).logits
        cache.window.end += new
        last: torch.Tensor = logits[:, -1]
        if last.device.type == "cpu" and last.dtype == torch.float32:
            # numpy's takes a tenth of torch's time, which with a large vocabulary is a tenth of a pass.
            return torch.from_numpy(last.numpy().argmax(-1))
        return last.argmax(-1).cpu()

    def _hear(self, row: int, owner: int, token: int) -> None:
        """Takes one token of a row; the row falls silent where it ends its answer."""
        said = self.said[row]
        ended = token in self.how.stop_ids
        if not ended:
            said.append(token)
            ended = self.how.is_over is not None and self.how.is_over(said)
        if ended or len(said) >= self.how.most_new:
            self.found[owner] = Decoded(tuple(said), ended)
            self.owner[row] = None
            self.length[row] = 0

    def _narrow(self) -> None:
        """Leaves columns behind that no speaking row reaches."""
        window = self.cache.window
        window.start = window.end - int(self.length.max())
