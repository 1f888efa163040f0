"""The layers around the products, in fewer passes over memory, while a frozen base trains adapters.

Norms, gates and rotations of transformers' models are each half a dozen operations, and forward and backward every one
of them reads and writes all values of a batch. Here each is one function with a gradient of its own; of weights none is
taken. And the last layer's MLP sees only the places that the loss is taken from: for the others nobody asks.

No family is named: what looks like such a layer is replaced where it gives the same numbers, and left alone elsewhere.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from engine.chosen_places import Chosen, chosen, put, taken

BLOCK = 128
"""Rows of a gate that are computed at once: what lies between its operations stays in the cache."""
SAME = 1e-5
"""How far outputs may lie apart, as a share of the largest value."""
ROTATION = "apply_rotary_pos_emb"
"""What modules of transformers' models call the function that rotates queries and keys."""

Forward = Callable[[torch.Tensor], torch.Tensor]
Places = Callable[[], Chosen | None]
silu, silu_backward = torch.ops.aten.silu, torch.ops.aten.silu_backward


@contextmanager
def fused(model: Any, places: Places) -> Iterator[None]:
    """While it lasts, the layers of this frozen model are computed by the functions below, if it is in float32.

    `places` says what is looked at of the pass that is computed, None for all of it.
    """
    with ExitStack() as undone:
        if model.dtype == torch.float32:
            _replace_layers(model, undone)
            _replace_rotations(model, undone)
            _replace_last_mlp(model, places, undone)
        yield


def _replace_layers(model: Any, undone: ExitStack) -> None:
    for module in model.modules():
        fast = _norm(module) or _gated(module)
        if fast is not None and _agree(module, *fast):
            _replace(module, fast[0], undone)


def _replace(module: Any, forward: Forward, undone: ExitStack) -> None:
    before = vars(module).get("forward")
    if before is None:
        undone.callback(delattr, module, "forward")
    else:
        undone.callback(setattr, module, "forward", before)
    module.forward = forward


def _agree(module: Any, fast: Forward, features: int) -> bool:
    """Whether the two give the same for values drawn at random [2, 3, features]."""
    x = torch.randn((2, 3, features), generator=torch.Generator().manual_seed(0))
    x = x.to(next(module.parameters()).device)
    with torch.no_grad():
        return _alike(fast(x), module(x))


def _alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and bool((one - other).abs().max() <= SAME * other.abs().max())


# --- norms --------------------------------------------------------------------------------------------


def _norm(module: Any) -> tuple[Forward, int] | None:
    """For a root mean square norm (Zhang and Sennrich 2019, arXiv 1910.07467): its function, and its features."""
    weight = getattr(module, "weight", None)
    epsilon = getattr(module, "variance_epsilon", getattr(module, "eps", None))
    if not type(module).__name__.endswith("RMSNorm") or weight is None or epsilon is None:
        return None
    return partial(_normed, weight, epsilon), len(weight)


def _normed(weight: torch.Tensor, epsilon: float, x: torch.Tensor) -> torch.Tensor:
    seen: torch.Tensor = _Norm.apply(x, weight, epsilon)  # type: ignore[no-untyped-call]
    return seen


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        inverse = length.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        normed: torch.Tensor = (x * inverse).mul_(weight)
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outward: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight, inverse = ctx.saved_tensors
        back = outward[0] * weight
        along = back * x
        share = along.sum(-1, keepdim=True).mul_(inverse.pow(3)).div_(-x.shape[-1])
        return torch.mul(x, share, out=along).addcmul_(back, inverse), None, None


# --- gates --------------------------------------------------------------------------------------------


def _gated(module: Any) -> tuple[Forward, int] | None:
    """For an MLP with a SiLU gate (SwiGLU; Shazeer 2020, arXiv 2002.05202): its function, and its features."""
    if not all(hasattr(module, name) for name in ("gate_proj", "up_proj", "down_proj")):
        return None
    features = getattr(module.gate_proj, "in_features", None)
    return None if features is None else (partial(_through_gate, module), features)


def _through_gate(mlp: Any, x: torch.Tensor) -> torch.Tensor:
    seen: torch.Tensor = mlp.down_proj(_Gate.apply(mlp.gate_proj(x), mlp.up_proj(x)))  # type: ignore[no-untyped-call]
    return seen


class _Gate(torch.autograd.Function):
    """`silu(gate) * up`."""

    @staticmethod
    def forward(ctx: Any, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(gate, up)
        output = gate.new_empty(gate.shape)
        for gates, ups, outputs in _in_blocks(gate, up, output):
            silu.out(gates, out=outputs).mul_(ups)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outward: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gate, up = ctx.saved_tensors
        of_gate, of_up = gate.new_empty(gate.shape), up.new_empty(up.shape)
        for gates, ups, backs, of_gates, of_ups in _in_blocks(gate, up, outward[0], of_gate, of_up):
            silu.out(gates, out=of_ups).mul_(backs)
            silu_backward.grad_input(backs * ups, gates, grad_input=of_gates)
        return of_gate, of_up


def _in_blocks(*tensors: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
    flat = [tensor.reshape(-1, tensor.shape[-1]) for tensor in tensors]
    return zip(*(torch.split(one, BLOCK) for one in flat), strict=True)


# --- rotations ----------------------------------------------------------------------------------------


def _replace_rotations(model: Any, undone: ExitStack) -> None:
    for name in sorted({type(module).__module__ for module in model.modules()}):
        plain = getattr(sys.modules[name], ROTATION, None)
        if plain is not None and _turns_alike(plain):
            undone.callback(setattr, sys.modules[name], ROTATION, plain)
            setattr(sys.modules[name], ROTATION, partial(_rotated, plain))


def _turns_alike(plain: Any) -> bool:
    """Whether it rotates halves (Su et al. 2021, arXiv 2104.09864, as transformers does it), for values at random."""
    if list(inspect.signature(plain).parameters) != ["q", "k", "cos", "sin", "unsqueeze_dim"]:
        return False
    draw = torch.Generator().manual_seed(0)
    q, k, cos, sin = (
        torch.randn(shape, generator=draw) for shape in ((2, 4, 3, 8), (2, 2, 3, 8), (1, 3, 8), (1, 3, 8))
    )
    return all(_alike(*pair) for pair in zip(_rotated(plain, q, k, cos, sin), plain(q, k, cos, sin), strict=True))


def _rotated(
    plain: Any, q: torch.Tensor, k: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, unsqueeze_dim: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Queries and keys [rows, heads, width, features], turned by angles with these cosines and sines [rows or 1, width,
    features]."""
    if unsqueeze_dim != 1 or cos.dim() != 3 or cos.shape[-1] != q.shape[-1] or q.dtype != cos.dtype:
        turned: tuple[torch.Tensor, torch.Tensor] = plain(q, k, cos, sin, unsqueeze_dim=unsqueeze_dim)
        return turned
    half = q.shape[-1] // 2
    swap = torch.zeros((2 * half, 2 * half), dtype=q.dtype, device=q.device)
    swap[:half, half:].fill_diagonal_(1)
    swap[half:, :half].fill_diagonal_(-1)
    turned_q, turned_k = (
        _Rotation.apply(one, cos.repeat(1, 1, one.shape[1]), sin.repeat(1, 1, one.shape[1]), swap)  # type: ignore[no-untyped-call]
        for one in (q, k)
    )
    return turned_q, turned_k


class _Rotation(torch.autograd.Function):
    """`x cos + swapped(x) sin`, where the halves of each head are swapped by a product: moved one by one, their few
    values take longer."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, swap: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(cos, sin, swap)
        heads = x.transpose(1, 2)
        flat = heads.reshape(*heads.shape[:2], -1)
        turned = (flat * cos).addcmul_((flat.view(-1, len(swap)) @ swap).view(flat.shape), sin)
        return turned.view(heads.shape).transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outward: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        cos, sin, swap = ctx.saved_tensors
        heads = outward[0].transpose(1, 2)
        flat = heads.reshape(*heads.shape[:2], -1)
        back = flat * cos
        back.view(-1, len(swap)).addmm_((flat * sin).view(-1, len(swap)), swap.t())
        return back.view(heads.shape).transpose(1, 2), None, None, None


# --- the last layer -----------------------------------------------------------------------------------


def _replace_last_mlp(model: Any, places: Places, undone: ExitStack) -> None:
    """A gated MLP looks at each place alone; that nothing behind it looks at the others is tried out."""
    mlp = getattr((getattr(model.get_decoder(), "layers", None) or [None])[-1], "mlp", None)
    replaced = vars(mlp).get("forward") if isinstance(mlp, nn.Module) else None
    if not isinstance(replaced, partial) or replaced.func is not _through_gate:
        return
    plain: Forward = replaced
    tried: list[Chosen] = []

    def forward(x: torch.Tensor) -> torch.Tensor:
        these = tried[0] if tried else places()
        if these is None:
            return plain(x)
        return put(plain(taken(x, these)), these, x.shape)

    with torch.no_grad(), ExitStack() as trial:
        device = next(model.parameters()).device
        ids, at = torch.arange(8, device=device).view(2, 4), torch.tensor([1, 6], device=device)
        whole = model(input_ids=ids, use_cache=False).logits
        _replace(mlp, forward, trial)
        tried.append(chosen(at, torch.zeros_like(at), 1, ids.numel()))
        part = model(input_ids=ids, use_cache=False).logits
        tried.clear()
    if _alike(part.flatten(0, 1)[at], whole.flatten(0, 1)[at]):
        _replace(mlp, forward, undone)
