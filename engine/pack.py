"""Trains many adapters of one base in one step.

Each adapter has its own rows, seed, learning rate, schedule, clipping and Adam state; none sees another's. The
members of a group stand at the same step; who has taken all of its steps leaves, and the group becomes smaller.
Who gets a loss that is no number keeps its seat, with weights of zero, until its time would have come: that the others'
sums are taken over the same shapes is what leaves them bit for bit as they were.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from engine.adapter_bank import AdapterBank, RowsMixedError, Site
from engine.decoding import is_out_of_memory
from engine.errors import StudentError
from engine.fused_layers import fused
from engine.job_files import KILLED, LOWERED, read_json, write_json
from engine.loading import LoadedStudent
from engine.pack_state import Group, PackState, read_state, write_state
from engine.pack_steps import Losses, Member, adam, computing, gradients_of
from engine.training_order import BucketOrder, batches, bucket_order

PROGRESS_SECONDS = 0.5
CHECKPOINT_SECONDS = 180.0
LOOK_EVERY = 16
"""Steps after which a GPU's losses are fetched: asking at each step would make it wait for the answer."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A member that has taken all of its steps."""

    weights: dict[str, torch.Tensor]
    """By layer and part, see `AdapterBank.named`."""
    losses: tuple[float, ...]
    """Of each step: mean over the batch's examples of their mean loss per answer token."""
    final_loss: float
    """Mean loss per answer token over the last tenth of the steps."""
    seconds: float
    """Its share of the time that its steps took."""
    sites: tuple[Site, ...]
    """The layers that the weights belong to."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where and how often the state is kept."""

    path: Path
    mark: str
    """What the pack is made of: the state of a pack with another mark is not gone on with."""
    seconds: float = CHECKPOINT_SECONDS


OnEnd = Callable[[int, Fitted | StudentError], None]
"""Told of each member, by its place in the pack, as it ends."""


def train_pack(
    student: LoadedStudent,
    members: Sequence[Member],
    on_end: OnEnd,
    keeping: Keeping | None = None,
    order: BucketOrder | None = None,
) -> None:
    """Trains every member to its end, from the kept state where there is one.

    Where memory ends, or ended an earlier process (`KILLED`), the pack goes on in halves, and one adapter alone with
    its batches in twice as many parts; what was made smaller stands in `LOWERED` beside the kept state.
    torch.OutOfMemoryError where one row of one adapter does not fit.
    """
    recipe = members[0].recipe
    bank = AdapterBank(student.model, recipe.rank, recipe.alpha)
    # A planned order may be shorter than what is needed now; a longer one begins like it.
    whole = bucket_order(max(one.steps for one in members), recipe.batch_size)
    training = _Training(bank, members, on_end, keeping, (*(order or ()), *whole[len(order or ()) :]))
    try:
        with fused(student.model, lambda: bank.places), computing(student.model, recipe):
            training.run()
    finally:
        bank.remove()


class _SmallerError(Exception):
    """The group cannot be computed as one."""


class _Training:
    def __init__(
        self,
        bank: AdapterBank,
        members: Sequence[Member],
        on_end: OnEnd,
        keeping: Keeping | None,
        order: BucketOrder,
    ) -> None:
        self.bank, self.members, self.on_end, self.keeping, self.order = bank, members, on_end, keeping, order
        found = keeping and read_state(keeping.path, keeping.mark, bank.device)
        self.state = found or self._fresh()
        self.unseen: list[Losses] = []
        """Steps whose losses were not looked at."""
        self.look_every = LOOK_EVERY if bank.device.type == "cuda" else 1
        self.told = self.kept = time.monotonic()

    def _fresh(self) -> PackState:
        weights = torch.stack([self.bank.fresh(member.seed) for member in self.members]).to(self.bank.device)
        everyone = list(range(len(self.members)))
        return PackState([Group(everyone, 0, weights, torch.zeros_like(weights), torch.zeros_like(weights))])

    def run(self) -> None:
        for one, said in self.state.failed.items():
            self.on_end(one, StudentError(said))
        for group in self.state.groups:
            self._tell(group)
        self._heed_kills()
        while self.state.groups:
            group = self.state.groups[0]
            try:
                self._until_one_leaves(group)
            except _SmallerError as error:
                if not self._smaller(group, isinstance(error.__cause__, RowsMixedError)):
                    raise error.__cause__ or error from None
                continue
            self._say_goodbye(group)

    def _heed_kills(self) -> None:
        """Makes smaller what an earlier process was doing each time that the system ended it."""
        told = self.keeping and read_json(self.keeping.path.with_name(KILLED))
        for _ in range(self.state.killed, (told or {}).get("times", 0)):
            self.state.killed += 1
            if self.state.groups:
                self._smaller(self.state.groups[0], False)

    def _smaller(self, group: Group, mixed: bool) -> bool:
        """Whether the first group can be computed in smaller pieces from here on: in halves, and of one member in more
        parts. `mixed`: not for want of memory, so that parts would not help."""
        count = len(group.members)
        if count == 1:
            return not mixed and self._in_more_parts(group)
        middle = (count + 1) // 2
        if not mixed:
            self._lower(
                f"{middle} adapter{'s' if middle > 1 else ''} at once instead of {count} from step {group.step + 1} on"
            )
        self.state.groups[:1] = [group.only(range(middle)), group.only(range(middle, count))]
        return True

    def _in_more_parts(self, group: Group) -> bool:
        """Whether the one member's batches can be computed in smaller parts than those that did not fit."""
        member = self.members[group.members[0]]
        rows = min(member.recipe.batch_size, len(member.rows))
        parts = max(member.recipe.gradient_accumulation, self.state.parts)
        if parts >= rows:
            return False
        self.state.parts = min(rows, 2 * parts)
        self._lower(f"batches in {self.state.parts} parts instead of {parts} from step {group.step + 1} on")
        return True

    def _lower(self, said: str) -> None:
        self.state.lowered.append(said)
        if self.keeping is not None:
            write_json(self.keeping.path.with_name(LOWERED), {"lowered": self.state.lowered})

    def _until_one_leaves(self, group: Group) -> None:
        bank, failed = self.bank, self.state.failed
        members = [self.members[one] for one in group.members]
        order, at = self.order, group.step
        streams = [
            islice(batches(member.rows, member.recipe.batch_size, member.steps, member.seed, order), at, None)
            for member in members
        ]
        bank.hold(group.weights)
        end = min(member.steps for member in members)
        while group.step < end and not all(one in failed for one in group.members):
            begun = time.perf_counter()
            batch = [next(stream) for stream in streams]
            try:
                gradients, losses = gradients_of(bank, self.state, group, members, batch)
            except (RowsMixedError, RuntimeError) as error:
                if not isinstance(error, RowsMixedError) and not is_out_of_memory(error):
                    raise
                self._look(group)
                raise _SmallerError from error
            self.unseen.append(losses)
            adam(group, members, gradients, losses.norms)
            bank.refresh()
            if len(self.unseen) >= self.look_every:
                self._look(group)
            for one in group.members:
                taken = (time.perf_counter() - begun) / len(group.members)
                self.state.seconds[one] = self.state.seconds.get(one, 0.0) + taken
            now = time.monotonic()
            if now - self.told > PROGRESS_SECONDS:
                self._tell(group)
            if self.keeping is not None and now - self.kept > self.keeping.seconds:
                self._look(group)
                self._keep()
        self._look(group)
        self._tell(group)

    def _look(self, group: Group) -> None:
        """Fetches the losses of the steps since the last look; who has one that is no number has failed."""
        begun = group.step - len(self.unseen)
        # Stacked on the device: one fetch for all of them.
        seen = [torch.stack((one.means, one.sums, one.norms)) for one in self.unseen]
        fetched = torch.stack(seen).tolist() if seen else []
        for back, (means, sums, norms) in enumerate(fetched):
            step = begun + back
            for seat, one in enumerate(group.members):
                if one in self.state.failed:
                    continue
                if not math.isfinite(norms[seat]):
                    self._fail(group, seat, means[seat], norms[seat], step)
                    continue
                self.state.losses.setdefault(one, []).append(means[seat])
                steps = self.members[one].steps
                if step >= steps - max(1, steps // 10):
                    loss, tokens = self.state.tails.get(one, (0.0, 0))
                    self.state.tails[one] = (loss + sums[seat], tokens + self.unseen[back].tokens[seat])
        self.unseen = []

    def _fail(self, group: Group, seat: int, loss: float, norm: float, step: int) -> None:
        one = group.members[seat]
        member = self.members[one]
        what = f"the gradient became {norm} (loss {loss:.3g})" if math.isfinite(loss) else f"the loss became {loss}"
        self.state.failed[one] = (
            f"{what} at step {step + 1} of {member.steps}; choose a learning rate below {member.recipe.learning_rate:g}"
        )
        for tensor in (group.weights, group.first, group.second):
            tensor[seat].zero_()
        self.bank.refresh()
        self.on_end(one, StudentError(self.state.failed[one]))

    def _say_goodbye(self, group: Group) -> None:
        """Hands over who has ended, and keeps what stays: in this order, so that a kill between the two takes the
        last steps again instead of losing an adapter."""
        failed = self.state.failed
        staying = []
        for seat, one in enumerate(group.members):
            if self.members[one].steps > group.step:
                staying.append(seat)
            elif one not in failed:
                loss, tokens = self.state.tails[one]
                weights = self.bank.named(group.weights[seat])
                losses = tuple(self.state.losses[one])
                self.on_end(one, Fitted(weights, losses, loss / tokens, self.state.seconds[one], self.bank.sites))
        alive = any(group.members[seat] not in failed for seat in staying)
        self.state.groups[:1] = [group.only(staying)] if alive else []
        self._keep()

    def _keep(self) -> None:
        if self.keeping is None:
            return
        write_state(self.keeping.path, self.keeping.mark, self.state)
        self.kept = time.monotonic()

    def _tell(self, group: Group) -> None:
        for one in group.members:
            member = self.members[one]
            if one in self.state.failed:
                continue
            if member.progress is not None:
                write_json(member.progress, {"done": group.step, "total": member.steps})
            if member.watch is not None:
                member.watch(group.step, member.steps, next(reversed(self.state.losses.get(one, [])), None))
        self.told = time.monotonic()
