"""Tensor's operators and methods: one-line forwards to `ops`, so that ``x.exp()`` and ``ninx.exp(x)`` are one thing.

And so one docstring explains both: `explain` hands it on.

This is the one place where an import points up: `ops` builds on the engine, and the engine's Tensor offers the operations
as methods. The import is deferred to the first use. (A file of its own keeps the engine readable and the methods typed.)
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from .array import Array, device_of, item, to_numpy

if TYPE_CHECKING:
    from . import ops
    from .engine import Tensor
    from .graph import Node
else:

    class _Deferred:
        def __getattr__(self, name):
            globals()["ops"] = importlib.import_module("ninx.ops")
            return getattr(ops, name)

    ops = _Deferred()

Dims = int | Sequence[int] | None


class Operators:
    """What a Tensor can do. A method without a docstring in this file has that of the function of its name in `ops`."""

    __slots__ = ()
    __array_ufunc__ = None  # so that ``array * tensor`` comes to our __rmul__

    if TYPE_CHECKING:
        array: Array
        grad: Tensor | None
        node: Node | None
        requires_grad: bool

    # ---------------------------------------------------------------- what it is
    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes, a tuple.

        >>> ninx.zeros(2, 3).shape
        (2, 3)
        """
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the entries: ``ninx.float32``, ``float64``, ``int64``, ``bool_`` or another of NumPy's.

        >>> ninx.tensor([1, 2]).dtype, ninx.tensor([1.0, 2.0]).dtype
        (dtype('int64'), dtype('float32'))
        """
        return self.array.dtype  # type: ignore[no-any-return]  # an array of either library: Any

    @property
    def ndim(self) -> int:
        """The number of axes.

        >>> ninx.zeros(2, 3).ndim, ninx.tensor(1.0).ndim
        (2, 0)
        """
        return len(self.array.shape)

    @property
    def device(self) -> str:
        """Where the array lies: "cpu", or "cuda:0" for the first GPU.

        >>> ninx.zeros(2).device
        'cpu'
        """
        return device_of(self.array)

    @property
    def is_leaf(self) -> bool:
        """Was it made by the user, and not by a recorded operation? `backward` fills ``.grad`` of leaves that require grad.

        >>> w = ninx.tensor(2.0, requires_grad=True)
        >>> w.is_leaf, (w * 3).is_leaf
        (True, False)
        """
        return self.node is None

    @property
    def grad_fn(self) -> Node | None:
        """The recorded operation that made the tensor; None for a leaf.

        >>> y = ninx.tensor(2.0, requires_grad=True).exp()
        >>> y.grad_fn.name
        'exp'
        """
        return self.node

    def size(self, dim: int | None = None) -> tuple[int, ...] | int:
        """The shape, or the size of one axis.

        >>> x = ninx.zeros(2, 3)
        >>> x.size(), x.size(-1)
        ((2, 3), 3)
        """
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """The number of axes, as `ndim`.

        >>> ninx.zeros(2, 3).dim()
        2
        """
        return self.ndim

    def numel(self) -> int:
        """The number of entries.

        >>> ninx.zeros(2, 3).numel()
        6
        """
        return int(self.array.size)

    def is_floating_point(self) -> bool:
        """Does it hold floats? Only such a tensor can require grad.

        >>> ninx.tensor([1.0]).is_floating_point(), ninx.tensor([1]).is_floating_point()
        (True, False)
        """
        return bool(np.issubdtype(self.array.dtype, np.floating))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __repr__(self) -> str:
        return ops.to_string(self)

    def __format__(self, spec: str) -> str:
        return format(self.item() if spec and self.ndim == 0 else str(self), spec)

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise ValueError(f"the truth value of a tensor of shape {self.shape} is ambiguous; use .any() or .all()")
        return bool(self.array.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if not np.issubdtype(self.array.dtype, np.integer):
            raise TypeError(f"only a whole-number tensor can be an index, not {self.array.dtype}")
        return int(self.item())

    def __hash__(self) -> int:  # ``==`` compares values, but a tensor is a key by identity
        return id(self)

    # ---------------------------------------------------------------- to and from other things
    def item(self) -> Any:
        """The one entry as a number of Python's. A GPU is waited for. Raises ValueError if there are more entries, or none.

        >>> ninx.tensor([1.5, 2.5]).sum().item()
        4.0
        """
        if self.array.size != 1:
            raise ValueError(f"item: only a tensor of one entry is a number, not one of shape {self.shape}")
        return item(self.array)

    def tolist(self) -> Any:
        """The entries as nested lists of Python's numbers.

        >>> ninx.tensor([[1, 2], [3, 4]]).tolist()
        [[1, 2], [3, 4]]
        """
        return self.array.tolist()

    def numpy(self) -> Array:
        """The array itself, on the host. It shares memory, and a change made through it is not seen by the engine.

        Raises RuntimeError if the tensor requires grad, as the array knows nothing of gradients: ``x.detach().numpy()`` says so.

        >>> x = ninx.tensor([1.0, 2.0])
        >>> x.numpy()[0] = 5
        >>> x
        tensor([5., 2.])
        """
        if self.requires_grad:
            raise RuntimeError("numpy: this tensor requires grad; call detach().numpy()")
        return to_numpy(self.array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.numpy()
        return np.array(array, dtype=dtype, copy=copy, order="K")

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self.requires_grad:
            raise RuntimeError("__dlpack__: this tensor requires grad; call detach() first")
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()

    def __reduce__(self) -> Any:
        return ops.rebuild, ops.picklable(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return ops.deepcopy(self, memo)

    def to(self, target: Any) -> Tensor:
        return ops.to(self, target)

    def cpu(self) -> Tensor:
        """The tensor on the host; itself if it is there already. Gradients flow back to where it came from.

        >>> ninx.ones(2).cpu().device
        'cpu'
        """
        return ops.to(self, "cpu")

    def cuda(self) -> Tensor:
        """The tensor on the first GPU; gradients flow back to where it came from.

        Raises RuntimeError, with the reason, where no GPU can be used.

        >>> x = ninx.ones(2) if ninx.gpu_status() else ninx.ones(2).cuda()  # gpu_status() is None where a GPU can be used
        >>> x.sum().item()
        2.0
        """
        return ops.to(self, "cuda")

    def float(self) -> Tensor:
        """With float32 entries; the same as ``x.to(ninx.float32)``.

        >>> ninx.tensor([1, 2]).float()
        tensor([1., 2.])
        """
        return ops.to(self, np.float32)

    def double(self) -> Tensor:
        """With float64 entries; the same as ``x.to(ninx.float64)``.

        >>> ninx.tensor([1, 2]).double()
        tensor([1., 2.], dtype=float64)
        """
        return ops.to(self, np.float64)

    def long(self) -> Tensor:
        """With int64 entries, cut off towards 0; the same as ``x.to(ninx.int64)``. No gradient flows through.

        >>> ninx.tensor([1.7, -1.7]).long()
        tensor([ 1, -1])
        """
        return ops.to(self, np.int64)

    def bool(self) -> Tensor:
        """Which entries are not 0? The same as ``x.to(ninx.bool_)``.

        >>> ninx.tensor([0.0, 0.5]).bool()
        tensor([False,  True])
        """
        return ops.to(self, np.bool_)

    # ---------------------------------------------------------------- differentiation
    def backward(self, gradient: Any = None, retain_graph: Any = None, create_graph: Any = False) -> None:
        ops.backward(self, gradient, retain_graph, create_graph)

    def requires_grad_(self, requires_grad: Any = True) -> Tensor:
        return ops.requires_grad_(self, requires_grad)

    def detach(self) -> Tensor:
        return ops.detach(self)

    def retain_grad(self) -> None:
        ops.retain_grad(self)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Any:
        return ops.register_hook(self, hook)

    def clone(self) -> Tensor:
        return ops.clone(self)

    # ---------------------------------------------------------------- arithmetic
    def __add__(self, other: Any) -> Tensor:
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return ops.sub(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return ops.sub(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return ops.mul(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return ops.mul(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return ops.div(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return ops.div(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return ops.pow(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return ops.pow(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return ops.matmul(other, self)

    def __neg__(self) -> Tensor:
        return ops.neg(self)

    def __abs__(self) -> Tensor:
        return ops.abs(self)

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]  # element by element, as in NumPy
        return NotImplemented if other is None or isinstance(other, str) else ops.eq(self, other)

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]  # element by element, as in NumPy
        return NotImplemented if other is None or isinstance(other, str) else ops.ne(self, other)

    def __lt__(self, other: Any) -> Tensor:
        return ops.lt(self, other)

    def __le__(self, other: Any) -> Tensor:
        return ops.le(self, other)

    def __gt__(self, other: Any) -> Tensor:
        return ops.gt(self, other)

    def __ge__(self, other: Any) -> Tensor:
        return ops.ge(self, other)

    def __invert__(self) -> Tensor:
        return ops.logical_not(self)

    def __and__(self, other: Any) -> Tensor:
        return ops.logical_and(self, other)

    def __or__(self, other: Any) -> Tensor:
        return ops.logical_or(self, other)

    def add(self, other: Any) -> Tensor:
        return ops.add(self, other)

    def sub(self, other: Any) -> Tensor:
        return ops.sub(self, other)

    def mul(self, other: Any) -> Tensor:
        return ops.mul(self, other)

    def div(self, other: Any) -> Tensor:
        return ops.div(self, other)

    def pow(self, other: Any) -> Tensor:
        return ops.pow(self, other)

    def matmul(self, other: Any) -> Tensor:
        return ops.matmul(self, other)

    def maximum(self, other: Any) -> Tensor:
        return ops.maximum(self, other)

    def minimum(self, other: Any) -> Tensor:
        return ops.minimum(self, other)

    def neg(self) -> Tensor:
        return ops.neg(self)

    def abs(self) -> Tensor:
        return ops.abs(self)

    def exp(self) -> Tensor:
        return ops.exp(self)

    def log(self) -> Tensor:
        return ops.log(self)

    def sqrt(self) -> Tensor:
        return ops.sqrt(self)

    def sin(self) -> Tensor:
        return ops.sin(self)

    def cos(self) -> Tensor:
        return ops.cos(self)

    def tanh(self) -> Tensor:
        return ops.tanh(self)

    def sigmoid(self) -> Tensor:
        return ops.sigmoid(self)

    def relu(self) -> Tensor:
        return ops.relu(self)

    def isnan(self) -> Tensor:
        return ops.isnan(self)

    def isfinite(self) -> Tensor:
        return ops.isfinite(self)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        return ops.clip(self, min, max)

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """The same as `clip`: the entries held between two bounds, either of which may be None.

        >>> ninx.tensor([-2.0, 0.5, 2.0]).clamp(min=0)
        tensor([0.0000, 0.5000, 2.0000])
        """
        return ops.clip(self, min, max)

    # ---------------------------------------------------------------- reductions
    def sum(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        return ops.sum(self, dim, keepdim)

    def mean(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        return ops.mean(self, dim, keepdim)

    def var(self, dim: Dims = None, *, correction: int = 1, keepdim: Any = False) -> Tensor:
        return ops.var(self, dim, correction=correction, keepdim=keepdim)

    def std(self, dim: Dims = None, *, correction: int = 1, keepdim: Any = False) -> Tensor:
        return ops.std(self, dim, correction=correction, keepdim=keepdim)

    def amax(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        return ops.amax(self, dim, keepdim)

    def amin(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        return ops.amin(self, dim, keepdim)

    def max(self, dim: int | None = None, keepdim: Any = False) -> Any:
        return ops.max(self, dim, keepdim)

    def min(self, dim: int | None = None, keepdim: Any = False) -> Any:
        return ops.min(self, dim, keepdim)

    def argmax(self, dim: int | None = None, keepdim: Any = False) -> Tensor:
        return ops.argmax(self, dim, keepdim)

    def argmin(self, dim: int | None = None, keepdim: Any = False) -> Tensor:
        return ops.argmin(self, dim, keepdim)

    def any(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        return ops.any(self, dim, keepdim)

    def all(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        return ops.all(self, dim, keepdim)

    def logsumexp(self, dim: Dims, keepdim: Any = False) -> Tensor:
        return ops.logsumexp(self, dim, keepdim)

    # ---------------------------------------------------------------- shapes
    def reshape(self, *shape: Any) -> Tensor:
        return ops.reshape(self, ops.sequence(shape))

    def view(self, *shape: Any) -> Tensor:
        return ops.view(self, ops.sequence(shape))

    def permute(self, *dims: Any) -> Tensor:
        return ops.permute(self, ops.sequence(dims))

    def expand(self, *shape: Any) -> Tensor:
        return ops.expand(self, ops.sequence(shape))

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        return ops.transpose(self, dim0, dim1)

    @property
    def T(self) -> Tensor:
        """The axes in the opposite order, (m, n) -> (n, m); a view.

        >>> ninx.tensor([[1, 2, 3], [4, 5, 6]]).T
        tensor([[1, 4],
                [2, 5],
                [3, 6]])
        """
        return ops.permute(self, tuple(range(self.ndim))[::-1])

    @property
    def mT(self) -> Tensor:
        """The last two axes swapped, (..., m, n) -> (..., n, m): every matrix of a batch transposed; a view.

        >>> ninx.zeros(10, 2, 3).mT.shape
        (10, 3, 2)
        """
        return ops.transpose(self, -2, -1)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        return ops.flatten(self, start_dim, end_dim)

    def squeeze(self, dim: Dims = None) -> Tensor:
        return ops.squeeze(self, dim)

    def unsqueeze(self, dim: int) -> Tensor:
        return ops.unsqueeze(self, dim)

    def __getitem__(self, index: Any) -> Tensor:
        return ops.getitem(self, index)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    # ---------------------------------------------------------------- in place
    def __setitem__(self, index: Any, value: Any) -> None:
        ops.setitem_(self, index, value)

    def __iadd__(self, other: Any) -> Tensor:
        return ops.add_(self, other)

    def __isub__(self, other: Any) -> Tensor:
        return ops.sub_(self, other)

    def __imul__(self, other: Any) -> Tensor:
        return ops.mul_(self, other)

    def __itruediv__(self, other: Any) -> Tensor:
        return ops.div_(self, other)

    def add_(self, other: Any) -> Tensor:
        return ops.add_(self, other)

    def sub_(self, other: Any) -> Tensor:
        return ops.sub_(self, other)

    def mul_(self, other: Any) -> Tensor:
        return ops.mul_(self, other)

    def div_(self, other: Any) -> Tensor:
        return ops.div_(self, other)

    def copy_(self, other: Any) -> Tensor:
        return ops.copy_(self, other)

    def fill_(self, value: Any) -> Tensor:
        return ops.fill_(self, value)

    def zero_(self) -> Tensor:
        """Every entry becomes 0, in place; returns the tensor.

        >>> ninx.ones(2).zero_()
        tensor([0., 0.])
        """
        return ops.fill_(self, 0)


def explain(functions: Mapping[str, Any]) -> None:
    """Give each method without a docstring that of the function of its name; `ops` calls this when its functions are there."""
    for name, method in vars(Operators).items():
        function = functions.get(name[2:-2] if name.startswith("__") else name)
        if isinstance(method, FunctionType) and method.__doc__ is None and function is not None:
            method.__doc__ = function.__doc__
