"""Other shapes, and parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import Base, Dims
from .deferred import ops

if TYPE_CHECKING:
    from ..engine import Tensor


class Shapes(Base):
    """Other shapes, and parts."""

    __slots__ = ()

    def reshape(self, *shape: Any) -> Tensor:
        return ops.reshape(self, ops.sequence(shape))

    def view(self, *shape: Any) -> Tensor:
        """`reshape`, for code that may write into the result: where the memory allows no view, the copy refuses to be changed.

        An image lies channels-last, so that ``x.view(N, -1)`` is such a copy; PyTorch raises for a tensor in that memory format.

        >>> x = ninx.zeros(2, 3)
        >>> x.view(6)[0] = 1
        >>> x
        tensor([[1., 0., 0.],
                [0., 0., 0.]])
        """
        return ops.unwritable(ops.reshape(self, ops.sequence(shape)))

    def permute(self, *dims: Any) -> Tensor:
        return ops.permute(self, ops.sequence(dims))

    def expand(self, *shape: Any) -> Tensor:
        """Repeat along axes of size 1 and new leading axes until it has the shape (-1 keeps a size).

        A copy that refuses to be changed; in PyTorch it is a view whose entries share their memory.

        Adjoint: the sum over what was repeated. Raises ValueError for an axis of another size.

        >>> ninx.tensor([[1], [2]]).expand(2, 3)
        tensor([[1, 1, 1],
                [2, 2, 2]])
        """
        return ops.unwritable(ops.broadcast_to(self, ops.sequence(shape)))

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
        return ops.permute(self, tuple(range(self.array.ndim))[::-1])

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
