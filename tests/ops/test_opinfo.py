"""PyTorch's own samples, those with which it tests its operations (OpInfo), through both libraries.

Every name of torch that ninx has as well, as function, method or in ``functional``, runs on all samples of five dtypes: values,
shapes and dtypes must agree, and in float64 the gradients by every input. What is refused stands in `REFUSED` with its sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from oracle import TOLERANCE
from oracle import error as relative_error

import ninx
import ninx.functional as F
from ninx.hints import Absent

DTYPES = [torch.float32, torch.float64, torch.int64, torch.uint8, torch.bool]
HALF = {np.dtype(np.float16): 2.0**-9}  # of results that were asked for in float16: two units in the last place
MOST = 40  # samples of one name and dtype that every run takes; -m slow takes all


class Refusal(NamedTuple):
    """What of one operation is refused, and how its sentence begins or what it contains (a regular expression)."""

    name: str
    what: str
    sentence: str


# No entry for dim=0 without dimensions, alpha, unbiased, dtype, device, a cat with empty tensors, stride=().
REFUSED = [
    Refusal("norm", "the sum of singular values", "norm: p is a number, inf, -inf or 'fro'.* got 'nuc'"),
    Refusal("scatter", "reduce='add' and 'multiply'", "scatter: there is no argument reduce; scatter_add adds"),
    Refusal("scatter", "2.5 into whole numbers", "setitem: a value of dtype float32 does not fit in place into (int64|uint8)"),
    Refusal("normal", "a deviation below 0", "normal: std must be at least 0"),
    Refusal("normal", "layout=", "unexpected keyword argument 'layout'"),
    Refusal("nn.functional.pad", "circular and cutting off", "pad: mode 'circular' takes no sizes below 0"),
    Refusal("full", "-5 as uint8", "full: a number in the data does not fit into uint8"),
    Refusal("full_like", "-3 as uint8", "full: a number in the data does not fit into uint8"),
    Refusal("__rpow__", "whole numbers to powers below 0", "pow: a negative power of whole numbers is no whole number"),
    Refusal("nn.functional.adaptive_max_pool2d", "return_indices", "adaptive_max_pool2d: return_indices=True is not supported"),
    Refusal("nn.functional.batch_norm", "one dimension", r"batch_norm: input must have shape \(N, C, ...\), got \(0,\)"),
    Refusal("nn.functional.dropout2d", "images without a batch", r"dropout2d: input must have shape \(N, C, H, W\)"),
    Refusal("nn.functional.unfold", "booleans, though no whole numbers", "unfold: needs floating-point numbers, got bool"),
    *(
        Refusal(f"nn.functional.{name}", "whole numbers", f"{name}: needs floating-point numbers, got u?int")
        for name in ("conv2d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "local_response_norm")
    ),
]


# -------------------------------------------------------------------- from one library to the other

NUMPY = {
    getattr(torch, name): np.dtype(name) for name in ("float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64")
}
NUMPY[torch.bool] = np.dtype(bool)


def ours(value: Any) -> Any:
    """The same sample for ninx: tensors with the same entries, dtypes of NumPy."""
    if isinstance(value, torch.Tensor):
        return ninx.from_numpy(value.detach().numpy().copy()).requires_grad_(value.requires_grad)
    if isinstance(value, (list, tuple)):
        return tuple(map(ours, value)) if isinstance(value, torch.Size) else type(value)(map(ours, value))
    if isinstance(value, slice):
        return slice(ours(value.start), ours(value.stop), ours(value.step))
    if isinstance(value, dict):
        return {name: ours(v) for name, v in value.items()}
    return NUMPY.get(value, value) if isinstance(value, torch.dtype) else str(value) if isinstance(value, torch.device) else value


def leaves(value: Any) -> Iterator[Any]:
    """The tensors in a sample or a result that want a gradient."""
    if isinstance(value, (list, tuple)):
        for v in value:
            yield from leaves(v)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()))
    elif isinstance(value, (torch.Tensor, ninx.Tensor)) and value.requires_grad:
        yield value


def flat(results: Any) -> list[Any]:
    return [part for r in results for part in flat(r)] if isinstance(results, (list, tuple)) else [results]


# Called otherwise than in PyTorch's table, whose first argument is always what is differentiated.
OTHERWISE = {
    "ninx.einsum": lambda tensors, equation: ninx.einsum(equation, *tensors),
    "ninx.where": lambda x, condition, other: ninx.where(condition, x, other),
    "Tensor.zero_": lambda x: x.clone().zero_(),
}


def forms(name: str) -> dict[str, Callable[..., Any]]:
    """How ninx offers an operation of PyTorch's: as function, as method or property, in `functional`."""
    found: dict[str, Callable[..., Any]] = {}
    if name.startswith("nn.functional."):
        short = name.removeprefix("nn.functional.")
        return {f"F.{short}": getattr(F, short)} if short in F.__all__ else {}
    if name in ninx.__all__:
        found[f"ninx.{name}"] = getattr(ninx, name)
    method = next((vars(part)[name] for part in ninx.Tensor.__mro__[:-1] if name in vars(part)), None)
    if method is not None and not isinstance(method, Absent):
        found[f"Tensor.{name}"] = method.fget if isinstance(method, property) else method
    return {form: OTHERWISE.get(form, function) for form, function in found.items()}


# -------------------------------------------------------------------- comparison

RANDOM = {"bernoulli", "empty", "empty_like", "new_empty", "normal", "rand_like", "randint", "randn", "randn_like"} | {
    "nn.functional.dropout",
    "nn.functional.dropout2d",
}  # only shapes and dtypes can agree
ORDERS = {"sort": 0, "argsort": 0, "topk": 1}  # which of equals comes first is not promised; where dim stands among the arguments


def difference(got: Any, wanted: np.ndarray) -> str | None:
    """What is different, in words; None if nothing is."""
    if got.shape != wanted.shape or got.dtype != wanted.dtype:
        return f"shape {got.shape} and dtype {got.dtype}, not {wanted.shape} and {wanted.dtype}"
    if wanted.dtype.kind != "f":
        return None if np.array_equal(got, wanted) else f"{got.ravel()[:5]}, not {wanted.ravel()[:5]}"
    finite = np.isfinite(wanted)
    if not np.array_equal(got[~finite], wanted[~finite], equal_nan=True):
        return f"{got[~finite][:5]}, not {wanted[~finite][:5]}"
    size = relative_error(got[finite], wanted[finite])
    return None if size <= (TOLERANCE | HALF)[wanted.dtype] else f"a relative error of {size:.1e}"


def compare(name: str, sample: Any, wanted: Any, got: Any) -> str | None:
    """The results of one sample."""
    wanted, got = flat(wanted), flat(got)
    if len(wanted) != len(got):
        return f"{len(got)} results, not {len(wanted)}"
    for g, w in zip(got, wanted, strict=True):
        if not isinstance(w, torch.Tensor):
            if g != w:
                return f"{g!r}, not {w!r}"
            continue
        a, b = g.array, w.detach().numpy()
        if name in RANDOM:
            a, b = np.zeros_like(a), np.zeros_like(b)
        elif name in ORDERS and w.dtype == torch.int64 and w is wanted[-1] and w.ndim:
            axis = sample.kwargs.get("dim", [*sample.args, *(-1,) * 3][ORDERS[name]])
            entries = sample.input.detach().numpy()
            a, b = (np.take_along_axis(entries, i, axis) for i in (a, b))
        if words := difference(a, b):
            return words
    return None


def as_near(op: Any, sample: Any, wanted: Any, got: Any) -> bool:
    """Is the result, a float32 mean of terms that cancel, about as near to that of float64 as PyTorch's own (4 times at most)?"""
    if not isinstance(wanted, torch.Tensor) or wanted.shape != got.shape or wanted.numel() != 1:
        return False
    exact = sample.transform(lambda v: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v)
    truth = op(exact.input, *exact.args, **exact.kwargs).item()
    return abs(got.item() - truth) <= 4 * abs(wanted.item() - truth)


def gradients(wanted: Any, got: Any, given: Any, sample: Any) -> str | None:
    """The gradients of all results, each under its own cotangent, by all inputs. Zeros and no gradient at all are the same."""
    pairs = [(y, z) for y, z in zip(flat(wanted), flat(got), strict=True) if isinstance(y, torch.Tensor)]
    inputs, mine = list(leaves([sample.input, sample.args, sample.kwargs])), list(leaves(given))
    weights = [np.cos(np.arange(y.numel())).reshape(y.shape) for y, _ in pairs]
    ys = [(y, torch.tensor(c, dtype=y.dtype)) for (y, _), c in zip(pairs, weights, strict=True) if y.requires_grad]
    zs = [(z, ninx.from_numpy(c.astype(z.dtype))) for (_, z), c in zip(pairs, weights, strict=True) if z.requires_grad]
    theirs = found = [None] * len(inputs)
    if ys and inputs:
        outputs, cotangents = zip(*ys, strict=True)
        theirs = torch.autograd.grad(outputs, inputs, cotangents, allow_unused=True, retain_graph=True)
    if zs and inputs:
        outputs, cotangents = zip(*zs, strict=True)
        found = ninx.grad(outputs, mine, cotangents, allow_unused=True)
    for i, (f, t) in enumerate(zip(found, theirs, strict=True)):
        array = np.zeros(mine[i].shape) if f is None else f.array
        if words := difference(array, np.zeros(mine[i].shape) if t is None else t.numpy()):
            return f"the gradient of input {i}: {words}"
    return None


# -------------------------------------------------------------------- the samples


def shown(sample: Any) -> str:
    def short(v: Any) -> str:
        return f"tensor{tuple(v.shape)}" if isinstance(v, torch.Tensor) else repr(v)[:40]

    parts = [sample.input, *sample.args]
    return ", ".join([*map(short, parts), *(f"{k}={short(v)}" for k, v in sample.kwargs.items())])


class Tally:
    """What all samples of all names gave."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.names: set[str] = set()
        self.met: set[Refusal] = set()
        self.ran = 0

    def run(self, name: str, op: Any, dtype: torch.dtype, most: int) -> None:
        from torch.testing._internal import common_utils

        wanting = dtype == torch.float64 and op.supports_autograd
        common_utils.set_rng_seed(0)
        samples = list(op.sample_inputs_func(op, "cpu", dtype, wanting))  # op.sample_inputs() also walks the stack for each
        for sample in samples[:: -(-len(samples) // most) or 1]:
            wanted = op(sample.input, *sample.args, **sample.kwargs)
            for form, function in forms(name).items():
                args, options = ours([sample.input, *sample.args]), ours(sample.kwargs)
                self.ran += 1
                try:
                    got = function(*args, **options)
                except Exception as error:
                    sentence = str(error) if isinstance(error, (ValueError, TypeError, IndexError, RuntimeError)) else repr(error)
                    known = [r for r in REFUSED if r.name in (name, op.name) and re.search(r.sentence, sentence)]
                    self.met |= set(known)
                    words = None if known else f"refused: {sentence}"
                else:
                    words = compare(name, sample, wanted, got)
                    if words and dtype == torch.float32 and as_near(op, sample, wanted, got):
                        words = None
                    if not words and dtype == torch.float64 and name not in RANDOM:
                        words = gradients(wanted, got, [args, options], sample)
                if words:
                    self.wrong.append(f"{form}({shown(sample)}) of {dtype}: {words}")


def everything(most: int) -> Tally:
    from torch.testing._internal.common_methods_invocations import op_db  # slow to import, and only this test needs it

    # The import forbids to set PyTorch's switches from now on, for all tests that come after this one.
    torch.backends.flags_frozen.__globals__["__allow_nonbracketed_mutation_flag"] = True
    tally = Tally()
    for op in op_db:
        for name in (op.name, *(alias.name for alias in op.aliases)):
            if forms(name):
                tally.names.add(name)
                for dtype in DTYPES:
                    if op.supports_dtype(dtype, "cpu"):
                        tally.run(name, op, dtype, most)
    return tally


@pytest.mark.filterwarnings("ignore")  # PyTorch's words on what is deprecated there; log(0) here
@pytest.mark.parametrize("most", [MOST, pytest.param(10**6, marks=pytest.mark.slow)])
def test_the_samples_of_pytorch_give_here_what_they_give_there(most: int) -> None:
    tally = everything(most)
    if tally.wrong:
        pytest.fail(f"{len(tally.wrong)} of {tally.ran} calls:\n" + "\n".join(tally.wrong), pytrace=False)
    unmet = [r for r in REFUSED if r not in tally.met]
    assert not unmet, f"refused no more: take these out of the list: {unmet}"
    assert {"sum", "cat", "__getitem__", "einsum", "nn.functional.conv2d", "T"} <= tally.names
    assert len(tally.names) >= 150
    assert tally.ran > 10_000
