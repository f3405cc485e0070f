"""What the engine refuses on the way back, each in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..array import device_of
from .methods import Operators

if TYPE_CHECKING:
    from .graph import Node
    from .tensor import Tensor


def check_history(t: Tensor) -> None:
    """Refuse a tensor whose memory was changed, with history, after it was made: its own history no longer fits its value."""
    if t.node is not None or t.is_view:
        raise RuntimeError(
            f"a tensor of shape {t.array.shape} shares memory with one that was changed in place after it was made, "
            "so its gradient is lost; take the view again after the change"
        )


def check_versions(node: Node) -> None:
    """Refuse to go on if a value that a vjp needs was changed in place since."""
    for version, count, shape in node.saved:
        if version.count != count:
            raise RuntimeError(
                f"backward of {node.name}: the tensor of shape {tuple(shape)} that it needs was changed in place since "
                f"(saved at version {count}, now at version {version.count}); change a copy instead"
            )


def check_results(node: Node, results: tuple[Any, ...], count: int) -> tuple[Tensor | None, ...]:
    """What a vjp returned, if it is one tensor (or None) for each of its ``count`` inputs."""
    if len(results) != count or not all(r is None or isinstance(r, Operators) for r in results):
        got = ", ".join(type(r).__name__ for r in results)
        raise RuntimeError(f"backward of {node.name}: the vjp must return {count} tensor(s), but returned {got}")
    return results


def check_fit(g: Tensor, like: Any, name: str) -> Tensor:
    """g, if it has the shape, the dtype and the device of ``like``: every vjp is held to this promise."""
    if g.array.device != like.device:
        raise RuntimeError(f"backward of {name}: a gradient on {g.device} for an input on {device_of(like)}")
    if g.array.shape != like.shape or g.array.dtype != like.dtype:
        raise RuntimeError(
            f"backward of {name}: a gradient of shape {g.array.shape} and dtype {g.array.dtype} "
            f"for an input of shape {tuple(like.shape)} and dtype {like.dtype}"
        )
    return g
