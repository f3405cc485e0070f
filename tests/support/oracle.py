"""The oracle: run one function in ninx and its twin in PyTorch on the same inputs, and compare the value and every gradient.

The reference is PyTorch in float64 on exactly the inputs that ninx got (float32 inputs are cast up, which changes no value).
The error of an array is  max|ours - reference| / max|reference|.  Entries have magnitudes that are log-uniform in
[1e-2, 1e2] and random signs, unless the domain of a function demands otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import devices
import numpy as np
import torch
import torch.nn.functional as T
from hypothesis import strategies as st
from samples import few_digits as few_digits

import ninx
import ninx.functional as F
from ninx.array import to_numpy
from ninx.kernels import geometry

torch.set_num_threads(1)  # the arrays are small: threads would cost more than they bring

TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-10}
# A sum of mixed signs may nearly vanish, and then float32 has no digits left of it, whoever computes it. In an array of many
# entries some sums do not, and the largest is what errors are measured by. An example in which an input or the output has
# fewer entries than this is drawn with positive values in float32 (float64 has digits to spare and keeps its signs).
FEW = 8

Domain = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


class Case(NamedTuple):
    """One line of a table: a function, its twin, and a strategy for (shapes of the inputs, keyword arguments of both)."""

    name: str
    ours: Callable[..., Any]
    twin: Callable[..., Any]
    inputs: st.SearchStrategy[tuple[Sequence[tuple[int, ...]], dict[str, Any]]]
    domains: Domain | tuple[Domain, ...] = ()  # of all inputs, or of each; () is `signed`
    constants: int = 0  # so many of the last inputs want no gradient

    def values(self, shapes: Sequence[tuple[int, ...]], rng: np.random.Generator) -> list[np.ndarray]:
        domains = self.domains if isinstance(self.domains, tuple) else (self.domains,) * len(shapes)
        return [domain(rng, shape) for domain, shape in zip(domains or (signed,) * len(shapes), shapes, strict=True)]

    def check(self, inputs: tuple[Sequence[tuple[int, ...]], dict[str, Any]], layouts: Sequence[str], seed: int) -> None:
        """Value and gradients, in both dtypes."""
        (shapes, options), rng = inputs, np.random.default_rng(seed)
        arrays = self.values(shapes, rng)
        agree(lambda *a: self.ours(*a, **options), lambda *a: self.twin(*a, **options), arrays, rng, layouts, self.constants)


# -------------------------------------------------------------------- one function for both libraries


def library(x: Any) -> Any:
    """The functions that go with x: ninx.functional or torch.nn.functional."""
    return T if isinstance(x, torch.Tensor) else F


def like(x: Any, array: Any) -> Any:
    """The array as a tensor of x's library."""
    return torch.tensor(array) if isinstance(x, torch.Tensor) else ninx.from_numpy(np.asarray(array))


def geometry_of(x: tuple[int, ...], w: tuple[int, ...], groups: int, **options: Any) -> geometry.Geometry:
    """The geometry of conv2d(x, w, groups=groups, **options)."""
    pairs = {name: geometry.pair(value, "conv2d", name) for name, value in options.items()}
    return geometry.convolution("conv2d", x, w, **pairs, groups=groups)


def input_grad(g: Any, w: Any, x_shape: tuple[int, ...], **options: Any) -> Any:
    """The derivative of <g, conv2d(x, w)> by x."""
    if isinstance(g, torch.Tensor):
        return torch.nn.grad.conv2d_input(x_shape, w, g, **options)
    return F.conv2d_input_grad(g, w, geometry_of(x_shape, w.shape, **options))


def weight_grad(x: Any, g: Any, w_shape: tuple[int, ...], **options: Any) -> Any:
    """The derivative of <g, conv2d(x, w)> by w."""
    if isinstance(x, torch.Tensor):
        return torch.nn.grad.conv2d_weight(x, w_shape, g, **options)
    return F.conv2d_weight_grad(x, g, geometry_of(x.shape, w_shape, **options))


# -------------------------------------------------------------------- values


def positive(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Magnitudes log-uniform in [1e-2, 1e2]: for log, sqrt, variances, bases of powers."""
    return 10 ** rng.uniform(-2, 2, shape)


def signed(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """The ordinary input: magnitudes log-uniform in [1e-2, 1e2], random signs."""
    return positive(rng, shape) * rng.choice([-1.0, 1.0], shape)


def at_most(limit: float) -> Domain:
    """Magnitudes log-uniform in [1e-2, limit], random signs: where larger ones would overflow."""
    return lambda rng, shape: 10 ** rng.uniform(-2, np.log10(limit), shape) * rng.choice([-1.0, 1.0], shape)


def distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """`signed`, but no two magnitudes are near each other: for functions that choose an entry."""
    size = int(np.prod(shape))
    steps = (rng.permutation(size) + rng.uniform(0.25, 0.75, size)).reshape(shape) / max(size, 1)
    return 10 ** (4 * steps - 2) * rng.choice([-1.0, 1.0], shape)


# -------------------------------------------------------------------- memory

LAYOUTS = ("C", "fortran", "transposed", "channels_last", "sliced", "reversed")


def lay(array: np.ndarray, how: str) -> tuple[np.ndarray, np.ndarray]:
    """The same entries, lying otherwise in memory: (a view, the memory behind it). Gaps hold NaN, so that reading one shows."""
    axes = list(range(array.ndim))
    if how == "sliced":
        base = np.full([2 * n + 1 for n in array.shape], np.nan, array.dtype)
        view = base[(..., *(slice(1, None, 2) for _ in axes))]
    elif how == "reversed" and axes:
        base = np.empty(array.shape, array.dtype)
        view = base[..., ::-1]
    else:
        if how == "fortran":
            axes = axes[::-1]
        elif how == "transposed" and len(axes) > 1:
            axes[-2:] = axes[:-3:-1]
        elif how == "channels_last" and len(axes) > 1:
            axes = [axes[0], *axes[2:], axes[1]]
        base = np.empty([array.shape[a] for a in axes], array.dtype)
        view = base.transpose(np.argsort(axes)) if axes else base
    view[...] = array
    return view, base


# -------------------------------------------------------------------- comparison


def error(ours: np.ndarray, reference: np.ndarray) -> float:
    """max|ours - reference| / max|reference|; a reference of zeros wants zeros. NaN if either holds one."""
    if not reference.size:
        return 0.0
    scale, difference = np.abs(reference).max(), np.abs(ours.astype(np.float64) - reference).max()
    return float(difference / scale) if scale else (0.0 if difference == 0 else np.inf)


def close(what: str, ours: ninx.Tensor, reference: torch.Tensor, dtype: Any) -> None:
    """The same shape, the dtype promised, and an error within the tolerance of that dtype."""
    got, wanted = to_numpy(ours.array), reference.detach().numpy()
    assert isinstance(got, np.ndarray), f"{what} is no array but {type(got)}"
    assert ours.device == devices.current(), f"{what} is on {ours.device}"
    assert got.shape == wanted.shape, f"{what} has shape {got.shape}, PyTorch's {wanted.shape}"
    if not np.issubdtype(wanted.dtype, np.floating):  # places and truth values
        assert got.dtype == wanted.dtype, f"{what} has dtype {got.dtype}, PyTorch's {wanted.dtype}"
        np.testing.assert_array_equal(got, wanted, err_msg=what)
        return
    assert got.dtype == dtype, f"{what} has dtype {got.dtype} for inputs of {np.dtype(dtype)}"
    size = error(got, wanted)
    assert size <= TOLERANCE[np.dtype(dtype)], f"{what}: relative error {size:.2e} in {np.dtype(dtype)}"


def agree(
    ours: Callable[..., Any],
    twin: Callable[..., Any],
    arrays: Sequence[np.ndarray],
    rng: np.random.Generator,
    layouts: Sequence[str] = (),
    constants: int = 0,
    *,
    keep_signs: bool = False,
) -> None:
    """Compare the value, and the gradients under a random cotangent, in float64 and float32.

    ``layouts`` says how each input, and after them the cotangent, lies in memory (more are ignored). The last ``constants``
    inputs want no gradient. A function may return further outputs without a gradient (places of maxima); they must be equal.
    ``keep_signs``: no sum of this function may nearly vanish, so small examples keep their signs in float32 too (see `FEW`).
    """
    with torch.no_grad():
        shape = _first(twin(*(torch.tensor(a) for a in arrays))).shape
    everything = [*arrays, signed(rng, tuple(shape))]
    few = not keep_signs and min(a.size for a in everything) < FEW
    for dtype in (np.float64, np.float32):
        given = [a.astype(dtype) for a in (map(np.abs, everything) if few and dtype == np.float32 else everything)]
        _agree(ours, twin, given, layouts or ["C"] * len(given), len(arrays) - constants)


def _agree(ours: Any, twin: Any, given: Sequence[np.ndarray], layouts: Sequence[str], wanted: int) -> None:
    dtype = given[0].dtype
    *references, cotangent = (torch.tensor(a.astype(np.float64)) for a in given)
    for r in references[:wanted]:
        r.requires_grad_()
    expected = twin(*references)
    gradients = torch.autograd.grad(_first(expected), references[:wanted], cotangent, allow_unused=True)

    views, memory = zip(*(lay(a, how) for a, how in zip(given, layouts, strict=False)), strict=True)
    before = [m.tobytes() for m in memory]
    *leaves, g = (ninx.from_numpy(v) for v in views)
    for leaf in leaves[:wanted]:
        leaf.requires_grad_()
    results = ours(*leaves)
    _first(results).backward(g)
    for i, (result, reference) in enumerate(zip(_all(results), _all(expected), strict=True)):
        close(f"output {i}", result, reference, dtype)
    for i, (leaf, reference) in enumerate(zip(leaves[:wanted], gradients, strict=True)):
        if leaf.grad is None or reference is None:  # no path at all, in both; or PyTorch made zeros of it
            assert leaf.grad is None, f"input {i} has a gradient, PyTorch's has none"
            assert reference is None or not reference.any(), f"input {i} has no gradient"
        else:
            close(f"gradient {i}", leaf.grad, reference, dtype)
    for i, (m, was) in enumerate(zip(memory, before, strict=True)):
        assert m.tobytes() == was, f"input {i} was changed" if i < len(leaves) else "the cotangent was changed"
    for i, (tensor, was) in enumerate(zip([*leaves, g], given, strict=False)):  # on a device it is not that memory
        assert to_numpy(tensor.array).tobytes() == was.tobytes(), f"input {i} (or the cotangent) was changed"


def _all(results: Any) -> tuple[Any, ...]:
    return tuple(results) if isinstance(results, tuple) else (results,)


def _first(results: Any) -> Any:
    return _all(results)[0]


def higher(engine: Any, function: Callable[..., Any], inputs: Sequence[Any], cotangents: Sequence[Sequence[Any]]) -> list[Any]:
    """Derivatives of the order len(cotangents), in ninx or in PyTorch: ``engine`` is `ninx.grad` or `torch.autograd.grad`.

    Each level differentiates the gradients of the level before, weighted by its cotangents, which are inputs from then on. What
    does not depend on an input has the gradient None, and is not differentiated further.
    """
    outputs, inputs = [_first(function(*inputs))], list(inputs)
    for i, level in enumerate(cotangents):
        paired = [(y, g) for y, g in zip(outputs, level, strict=True) if y is not None and y.requires_grad]
        ys, gs = [y for y, _ in paired], [g for _, g in paired]
        outputs = list(engine(ys, inputs, gs, create_graph=i + 1 < len(cotangents), allow_unused=True))
        inputs += level
    return outputs
