"""What is done with a tensor as a whole: backward, hooks, copies, pickling, printing."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import engine
from ..array import to_numpy
from ..engine import Tensor, record
from .arithmetic import as_tensor


def backward(x: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False) -> None:
    """Add the gradient of x, weighted by ``gradient`` (1 for a scalar), to ``.grad`` of every leaf that x depends on.

    The graph is freed on the way, unless ``retain_graph``; ``create_graph`` records the gradients themselves. Raises RuntimeError
    if x does not require grad, if its graph was freed, and if it has several entries and there is no ``gradient``.

    >>> w = ninx.tensor([1.0, 2.0], requires_grad=True)
    >>> (w**2).sum().backward()
    >>> w.grad
    tensor([2., 4.])
    """
    engine.backward([x], [None if gradient is None else as_tensor(gradient, x)], retain_graph, create_graph)


def requires_grad_(x: Tensor, requires_grad: bool = True) -> Tensor:
    """Say whether x, a leaf of floats, wants a gradient. (Setting ``x.requires_grad`` itself is unchecked.)

    Returns x. Raises RuntimeError for whole numbers, and for switching off what has a history.

    >>> ninx.ones(2).requires_grad_()
    tensor([1., 1.], requires_grad=True)
    """
    if not isinstance(requires_grad, bool):
        raise TypeError(f"requires_grad_: say True or False, not {requires_grad!r}")
    if x.node is not None and not requires_grad:
        raise RuntimeError("requires_grad_: only a leaf can be switched off; use detach()")
    if requires_grad and not x.is_floating_point():
        raise RuntimeError(f"only floating-point tensors can require grad, not {x.dtype}")
    x.requires_grad = requires_grad
    return x


class Handle:
    """Takes a hook away again."""

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self._hooks, self._hook = hooks, hook

    def remove(self) -> None:
        """Do not call the hook any more; a second call does nothing."""
        self._hooks[:] = [h for h in self._hooks if h is not self._hook]


def register_hook(x: Tensor, hook: Callable[[Tensor], Tensor | None]) -> Handle:
    """Call ``hook(gradient)`` whenever the gradient of x is complete; what it returns (unless None) takes its place.

    Returns a handle whose ``remove()`` takes the hook away. Raises RuntimeError if x does not require grad.

    >>> w = ninx.tensor(2.0, requires_grad=True)
    >>> handle = w.register_hook(lambda g: g * 10)
    >>> (3 * w).backward()
    >>> w.grad
    tensor(30.)
    """
    source = x.source()
    if source is None:
        raise RuntimeError("register_hook: this tensor does not require grad")
    if source.hooks is None:
        source.hooks = []

    def call(g: Tensor) -> Tensor | None:
        return hook(g)

    source.hooks.append(call)
    return Handle(source.hooks, call)


def retain_grad(x: Tensor) -> None:
    """Let ``backward`` fill ``.grad`` of x although it is no leaf. (A leaf's is filled anyway.)

    >>> w = ninx.tensor(2.0, requires_grad=True)
    >>> y = w * 3
    >>> y.retain_grad()
    >>> (y * y).backward()
    >>> y.grad, w.grad
    (tensor(12.), tensor(36.))
    """
    if x.is_leaf:
        if not x.requires_grad:
            raise RuntimeError("retain_grad: this tensor does not require grad")
        return
    if x.node is not None:
        x.node.retained = weakref.ref(x)


def clone(x: Tensor) -> Tensor:
    """A copy with the same layout; gradients flow through.

    >>> x = ninx.tensor([1, 2])
    >>> y = x.clone()
    >>> y[0] = 9
    >>> x
    tensor([1, 2])
    """
    return record(x.data.copy(order="K"), (x, lambda g: g))


def picklable(x: Tensor) -> tuple[Any, ...]:
    """What `rebuild` needs to make x again, on the CPU. The entries travel in their memory order, so the layout survives."""
    array = to_numpy(_leaf(x).data)
    order = tuple(int(i) for i in np.argsort([-abs(s) for s in array.strides], kind="stable"))
    return type(x), np.asarray(array.transpose(order), order="C"), order, x.requires_grad


def _leaf(x: Tensor) -> Tensor:
    if x.node is not None:
        raise RuntimeError("only a leaf can be copied or pickled: a tensor with history has a graph behind it; detach() it first")
    return x


def rebuild(kind: type[Tensor], lying: np.ndarray[Any, Any], order: tuple[int, ...], requires_grad: bool) -> Tensor:
    """The inverse of `picklable`."""
    return kind(lying.transpose(tuple(int(i) for i in np.argsort(order))), requires_grad)


def deepcopy(x: Tensor, memo: dict[int, Any]) -> Tensor:
    """An independent leaf with the same entries and layout (and gradient, if there is one)."""
    if id(x) not in memo:
        memo[id(x)] = type(x)(_leaf(x).data.copy(order="K"), x.requires_grad)
        if x.grad is not None:
            memo[id(x)].grad = Tensor(x.grad.data.copy(order="K"))
    return memo[id(x)]  # type: ignore[no-any-return]  # memo is copy.deepcopy's own, of any type


def _shown(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The entries that are printed: all, or of a large array the first and last three along each axis."""
    if array.size <= 1000:
        return array
    return array[np.ix_(*(range(n) if n <= 6 else (0, 1, 2, n - 3, n - 2, n - 1) for n in array.shape))]


def to_string(x: Tensor) -> str:
    """``tensor([1.5000, 2.0000], requires_grad=True)``: four digits, long rows cut, as PyTorch prints."""
    array = to_numpy(x.data)
    options: dict[str, Any] = {"max_line_width": 80, "threshold": 1000, "edgeitems": 3}
    if np.issubdtype(array.dtype, np.floating):
        shown = _shown(array)
        sizes = np.abs(shown[np.isfinite(shown) & (shown != 0)], dtype=np.float64)
        whole = bool((sizes == np.round(sizes)).all())
        low, high = (sizes.min(), sizes.max()) if sizes.size else (1.0, 1.0)
        scientific = high > 1000 * low or high > 1e8 or (low < 1e-4 and not whole)
        form = ".4e" if scientific else ".0f" if whole else ".4f"
        texts = {float(v): f"{v:{form}}" + ("." if form == ".0f" and np.isfinite(v) else "") for v in shown.ravel().tolist()}
        width = max(map(len, texts.values()), default=0)
        options["formatter"] = {"float_kind": lambda v: texts.get(float(v), str(v)).rjust(width)}
    body = np.array2string(array, separator=", ", prefix="tensor(", **options)
    notes = [] if array.dtype in (np.float32, np.int64, np.bool_) else [f"dtype={array.dtype}"]
    if array.size == 0 and array.shape != (0,):
        notes.append(f"size={tuple(array.shape)}")
    if x.device != "cpu":
        notes.append(f"device='{x.device}'")
    if x.node is not None:
        notes.append(f"grad_fn=<{x.node.name}>")
    elif x.requires_grad:
        notes.append("requires_grad=True")
    return f"tensor({', '.join([body, *notes])})"
