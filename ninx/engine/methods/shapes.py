"""Other shapes, and parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import Base, Dims
from .deferred import ops

if TYPE_CHECKING:
    from ..tensor import Tensor


class Shapes(Base):
    """Other shapes, and parts."""

    __slots__ = ()

    def reshape(self, *shape: Any, **keyword: Any) -> Tensor:
        return ops.reshape(self, ops.sequence(shape, keyword))

    def view(self, *shape: Any, **keyword: Any) -> Tensor:
        """`reshape`, for code that may write into the result: where the memory allows no view, the copy refuses to be changed.

        An image lies channels-last, so that ``x.view(N, -1)`` is such a copy; PyTorch raises for a tensor in that memory format.

        >>> x = ninx.zeros(2, 3)
        >>> x.view(6)[0] = 1
        >>> x
        tensor([[1., 0., 0.],
                [0., 0., 0.]])
        """
        return ops.unwritable(ops.reshape(self, ops.sequence(shape, keyword)))

    def reshape_as(self, other: Tensor) -> Tensor:
        """`reshape` to the shape of another tensor.

        >>> ninx.arange(4).reshape_as(ninx.ones(2, 2))
        tensor([[0, 1],
                [2, 3]])
        """
        return ops.reshape(self, other.shape)

    def view_as(self, other: Tensor) -> Tensor:
        """`view` with the shape of another tensor.

        >>> ninx.tensor([[1], [2]]).view_as(ninx.zeros(2))
        tensor([1, 2])
        """
        return self.view(other.shape)

    def permute(self, *dims: Any, **keyword: Any) -> Tensor:
        return ops.permute(self, ops.sequence(dims, keyword))

    def expand(self, *shape: Any, **keyword: Any) -> Tensor:
        """Repeat along axes of size 1 and new leading axes until it has the shape (-1 keeps a size).

        A copy that refuses to be changed; in PyTorch it is a view whose entries share their memory.

        Adjoint: the sum over what was repeated. Raises ValueError for an axis of another size.

        >>> ninx.tensor([[1], [2]]).expand(2, 3)
        tensor([[1, 1, 1],
                [2, 2, 2]])
        """
        return ops.unwritable(ops.broadcast_to(self, ops.sequence(shape, keyword)))

    def expand_as(self, other: Tensor) -> Tensor:
        """`expand` to the shape of another tensor.

        >>> ninx.tensor([1, 2]).expand_as(ninx.zeros(2, 2))
        tensor([[1, 2],
                [1, 2]])
        """
        return self.expand(other.shape)

    def broadcast_to(self, shape: Any) -> Tensor:
        return ops.broadcast_to(self, ops.sequence((shape,)))

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        return ops.transpose(self, dim0, dim1)

    swapaxes = swapdims = transpose

    def movedim(self, source: Dims, destination: Dims) -> Tensor:
        return ops.movedim(self, source, destination)

    moveaxis = movedim

    def t(self) -> Tensor:
        return ops.t(self)

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

    def ravel(self) -> Tensor:
        return ops.ravel(self)

    def unflatten(self, dim: int, sizes: Any) -> Tensor:
        return ops.unflatten(self, dim, sizes)

    def squeeze(self, dim: Dims = None) -> Tensor:
        return ops.squeeze(self, dim)

    def unsqueeze(self, dim: int) -> Tensor:
        return ops.unsqueeze(self, dim)

    def split(self, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
        return ops.split(self, split_size, dim)

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        return ops.chunk(self, chunks, dim)

    def tensor_split(self, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
        return ops.tensor_split(self, indices_or_sections, dim)

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        return ops.unbind(self, dim)

    def select(self, dim: int, index: int) -> Tensor:
        return ops.select(self, dim, index)

    def narrow(self, dim: int, start: int, length: int) -> Tensor:
        return ops.narrow(self, dim, start, length)

    def gather(self, dim: int, index: Any) -> Tensor:
        return ops.gather(self, dim, index)

    def scatter(self, dim: int, index: Any, src: Any = None, **options: Any) -> Tensor:
        return ops.scatter(self, dim, index, src, **options)

    def scatter_(self, dim: int, index: Any, src: Any = None, **options: Any) -> Tensor:
        return ops.scatter_(self, dim, index, src, **options)

    def scatter_add(self, dim: int, index: Any, src: Any) -> Tensor:
        return ops.scatter_add(self, dim, index, src)

    def take_along_dim(self, indices: Any, dim: int | None = None) -> Tensor:
        return ops.take_along_dim(self, indices, dim)

    def index_select(self, dim: int, index: Any) -> Tensor:
        return ops.index_select(self, dim, index)

    def masked_select(self, mask: Any) -> Tensor:
        return ops.masked_select(self, mask)

    def masked_fill(self, mask: Any, value: Any) -> Tensor:
        return ops.masked_fill(self, mask, value)

    def nonzero(self, *, as_tuple: bool = False) -> Any:
        return ops.nonzero(self, as_tuple=as_tuple)

    def flip(self, *dims: Any, **keyword: Any) -> Tensor:
        return ops.flip(self, ops.sequence(dims, keyword))

    def roll(self, shifts: Any, dims: Dims = None) -> Tensor:
        return ops.roll(self, shifts, dims)

    def repeat(self, *repeats: Any, **keyword: Any) -> Tensor:
        return ops.repeat(self, ops.sequence(repeats, keyword))

    def tile(self, *dims: Any, **keyword: Any) -> Tensor:
        return ops.tile(self, ops.sequence(dims, keyword))

    def repeat_interleave(self, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
        return ops.repeat_interleave(self, repeats, dim, output_size=output_size)

    def tril(self, diagonal: int = 0) -> Tensor:
        return ops.tril(self, diagonal)

    def triu(self, diagonal: int = 0) -> Tensor:
        return ops.triu(self, diagonal)

    def diag(self, diagonal: int = 0) -> Tensor:
        return ops.diag(self, diagonal)

    def __getitem__(self, index: Any) -> Tensor:
        return ops.getitem(self, index)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool(ops.any(ops.eq(self, value)))
