"""What is done to all parameters and buffers of a module at once: modes, gradients, dtypes and devices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..engine import Tensor, no_grad
from ..ops import fill_, to
from .parameter import Buffer, Parameter

if TYPE_CHECKING:
    from .module import Module


class Moves:
    """The methods of `Module` that change all parameters, buffers or submodules."""

    training = True

    if TYPE_CHECKING:

        def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
            """Defined by `Module`; named here for type checkers."""

        def buffers(self, recurse: bool = True) -> Iterator[Buffer]:
            """Defined by `Module`; named here for type checkers."""

        def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
            """Defined by `Module`; named here for type checkers."""

    # ---------------------------------------------------------------- modes and gradients
    def train(self, mode: bool = True) -> Self:
        """Switch this module and all below it to training (dropout drops, batch norm uses the batch).

        >>> model = nn.Sequential(nn.Linear(4, 2), nn.Dropout()).eval()
        >>> model.training, model.train()[1].training
        (False, True)
        """
        if not isinstance(mode, bool):
            raise ValueError(f"{type(self).__name__}.train: the mode is True or False, not {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation: the same as ``train(False)``.

        >>> model = nn.Dropout(0.9).eval()
        >>> model(ninx.ones(3))
        tensor([1., 1., 1.])
        """
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients; with ``set_to_none=False`` fill them with zeros.

        >>> layer = nn.Linear(4, 2)
        >>> layer(ninx.ones(1, 4)).sum().backward()
        >>> layer.zero_grad()
        >>> layer.weight.grad is None
        True
        """
        for p in self.parameters():
            if set_to_none or p.grad is None:
                p.grad = None
            else:
                p.grad = fill_(p.grad.detach(), 0)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say of every parameter whether it wants a gradient.

        >>> frozen = nn.Linear(4, 2).requires_grad_(False)
        >>> [p.requires_grad for p in frozen.parameters()]
        [False, False]
        """
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    # ---------------------------------------------------------------- dtypes and devices
    def to(
        self, *targets: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False, memory_format: Any = None
    ) -> Self:
        """Give every floating-point parameter and buffer another dtype, or move all to another device ("cpu", "cuda"), or both.

        ``net.to("cuda")``, ``net.to("cuda", ninx.float16)``, ``net.to(dtype=ninx.float64)``, ``net.to(x)`` for both of a
        tensor. ``non_blocking`` and ``memory_format`` change no value, and are accepted. Raises TypeError for a dtype that is
        not of floats.

        >>> nn.Linear(4, 2).to(ninx.float64).weight.dtype
        dtype('float64')
        """
        for target in targets:
            if isinstance(target, Tensor):
                device, dtype = target.device, target.dtype
            elif isinstance(target, int) and not isinstance(target, bool):
                device = f"cuda:{target}"
            elif str(target).startswith(("cpu", "cuda")):
                device = target
            elif target is not None and not isinstance(target, bool):
                dtype = target
        return self._moved(device, None if dtype is None else _floats(f"{type(self).__name__}.to", dtype))

    def _moved(self, device: Any, dtype: Any) -> Self:
        with no_grad():
            for t in [*self.parameters(), *self.buffers()]:
                for target in (None if device is None else str(device), dtype if t.is_floating_point() else None):
                    if target is not None:
                        t.array = to(t, target).array
                        t.grad = None if t.grad is None else to(t.grad, target)
        return self

    def cpu(self) -> Self:
        """Move all parameters and buffers to the host.

        >>> nn.Linear(4, 2).cpu().weight.device == "cpu"
        True
        """
        return self._moved("cpu", None)

    def cuda(self, device: Any = None) -> Self:
        """Move all parameters and buffers to a GPU, the first or that of this number.

        Raises RuntimeError, with the reason, where no GPU can be used.

        >>> layer = nn.Linear(4, 2) if ninx.gpu_status() else nn.Linear(4, 2).cuda()  # None where a GPU can be used
        >>> layer.weight.shape
        (2, 4)
        """
        return self._moved("cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device, None)

    def type(self, dst_type: Any) -> Self:
        """All floating-point parameters and buffers with another dtype; the same as ``to(dtype)``.

        >>> nn.Linear(4, 2).type(ninx.float64).weight.dtype
        dtype('float64')
        """
        return self._moved(None, _floats(f"{type(self).__name__}.type", dst_type))

    def half(self) -> Self:
        """All floating-point parameters and buffers as float16.

        >>> nn.Linear(4, 2).half().weight.dtype
        dtype('float16')
        """
        return self._moved(None, np.dtype(np.float16))

    def float(self) -> Self:
        """All floating-point parameters and buffers as float32.

        >>> nn.Linear(4, 2, dtype=ninx.float64).float().weight.dtype
        dtype('float32')
        """
        return self._moved(None, np.dtype(np.float32))

    def double(self) -> Self:
        """All floating-point parameters and buffers as float64.

        >>> nn.Linear(4, 2).double().weight.dtype
        dtype('float64')
        """
        return self._moved(None, np.dtype(np.float64))


def _floats(operation: str, dtype: Any) -> np.dtype[Any]:
    """The dtype; TypeError for what is none, or holds no floats."""
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        raise TypeError(
            f"{operation}: {dtype!r} is neither a dtype, such as ninx.float32, nor a device: 'cpu', 'cuda', 'cuda:1'"
        ) from None
    if found.kind != "f":
        raise TypeError(f"{operation}: a module's dtype is of floats, not {found}; its weights would lose their fractions")
    return found
