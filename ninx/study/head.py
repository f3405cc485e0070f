"""What a network's scores are made of: the last maps, and how its head makes a score of each.

One pass over the images is recorded; from the scores the way leads back, over everything that is linear, to the pooling of
whole maps. The network may be a Sequential or have a forward of its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..array import to_numpy
from ..engine import Tensor, enable_grad
from ..ops.rectifier import ReluMask
from .seen import WHOLE, Seen, recording

Floats = np.ndarray[Any, Any]

MOVED = ("reshape", "flatten", "permute", "transpose", "squeeze", "unsqueeze", "to", "clone", "contiguous")
AFTER = ("softmax", "log_softmax")  # what may follow the scores
WHY = "so no score belongs to one map"


class Head(NamedTuple):
    """The values that are averaged (or whose maximum is taken) to the scores, and what they see of the image.

    ``values`` (N, K, h, w), ``scores`` (N, K); ``kind``: "gap", "gap after relu", "gmp", "gmp after relu" or "cam".
    """

    values: Floats
    scores: Floats
    kind: str
    seen: Seen | None


def head_of(model: nn.Module, images: Tensor) -> Head:
    """The maps of ``model`` for these images (N, C, H, W), in eval mode. Raises ValueError where there are none, and says why.

    >>> net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.GlobalAvgPool2d(), nn.Flatten())
    >>> head = ninx.study.head.head_of(net, ninx.ones(2, 1, 5, 5))
    >>> head.values.shape, head.scores.shape, head.kind, head.seen
    ((2, 3, 3, 3), (2, 3), 'gap', Seen(field=(3, 3), step=(1, 1), start=(0, 0)))
    """
    image = Tensor(images.array, requires_grad=True)
    modes = {m: m.training for m in model.modules()}

    def seen(t: Tensor) -> Seen | None:
        return WHOLE if t is image else getattr(t.node, "seen", None)

    try:
        with enable_grad(), recording(lambda macs: None, seen):
            y = model.eval()(image)
    finally:
        for m, training in modes.items():
            m.training = training
    if not isinstance(y, Tensor) or y.node is None:
        raise ValueError(f"maps: {type(model).__name__} does not make one tensor of scores of its images")
    while y.node is not None and y.node.name in AFTER:
        y = _input(y, image)
    if y.ndim != 2 or len(y) != len(images):
        raise ValueError(f"maps: the network makes {tuple(y.shape)} of {len(images)} images, not a row of scores for each")
    return _from(y, image, seen)


def _from(scores: Tensor, image: Tensor, seen: Any) -> Head:
    """Back from the scores, through linear steps, to the pooling of whole maps."""
    t, weight, bias = scores, None, np.zeros(scores.shape[1], scores.dtype)  # scores = weight @ t + bias
    while True:
        name, x = t.node.name, _input(t, image)  # type: ignore[union-attr]  # only the image has no node, and _input refuses it
        if ReluMask.of(t.node) is not None:
            where = "behind its pooling" if weight is None else "between layers that mix all maps"
            raise ValueError(f"maps: in the head of the network, {where}, stands a ReLU, {WHY}")
        if (pooled := _pooled(t, x)) is not None:
            break
        others = [i for i in t.node.inputs if i is not None and i is not x]  # type: ignore[union-attr]
        if name in MOVED:
            if x.ndim == 4 and x.shape[2] * x.shape[3] > 1:
                raise ValueError(f"maps: {_whole(x)}")
            t = x
        elif name == "add" and len(others) == 1:
            bias = bias + _applied(weight, to_numpy(others[0].array))
            t = x
        elif name == "matmul" and len(others) == 1 and x is t.node.inputs[0]:  # type: ignore[union-attr]
            step = to_numpy(others[0].array).T
            weight, t = step if weight is None else weight @ step, x
        elif name == "conv2d" and x.ndim == 4 and x.shape[2:] == (1, 1) and t.shape[2:] == (1, 1):
            w, *b = (to_numpy(o.array) for o in others)
            for own in b:
                bias = bias + _applied(weight, own)
            step = w[:, :, w.shape[2] // 2, w.shape[3] // 2]
            weight, t = step if weight is None else weight @ step, x
        else:
            raise ValueError(f"maps: between its last maps and its scores stands {name!r}, {WHY}")
    found = to_numpy(scores.array)
    values, kind = to_numpy(x.array), pooled
    if weight is None and not bias.any():
        kind += " after relu" * _cut(x)
    elif kind == "gmp":
        raise ValueError(f"maps: a fully connected layer adds up maxima that lie in different places, {WHY}")
    else:
        weight = np.eye(len(bias), dtype=found.dtype) if weight is None else weight
        values, kind = np.einsum("kc,nchw->nkhw", weight, values, optimize=True) + bias[:, None, None], "cam"
    return Head(np.ascontiguousarray(values), found, kind, seen(x))


def _input(t: Tensor, image: Tensor) -> Tensor:
    """The one input of an operation through which the image comes."""
    given = [i for i in t.node.inputs if i is not None and (i is image or _depends(i, image))]  # type: ignore[union-attr]
    if len(given) != 1:
        raise ValueError(f"maps: its scores come together from {len(given)} ways ({t.node.name}), {WHY}")  # type: ignore[union-attr]
    if given[0] is image:
        raise ValueError("maps: the network pools no maps, it weighs the pixels themselves")
    return given[0]


def _depends(t: Tensor, image: Tensor) -> bool:
    """Does the image come into t? A weight that was only turned over does not."""
    waiting, known = [t], set[int]()
    while waiting:
        t = waiting.pop()
        if t is image:
            return True
        if t.node is not None and id(t.node) not in known:
            known.add(id(t.node))
            waiting += [i for i in getattr(t.node, "inputs", ()) if i is not None]
    return False


def _pooled(t: Tensor, x: Tensor) -> str | None:
    """How t pools the whole maps x: "gap", "gmp", or not at all."""
    if x.ndim != 4 or t.shape[:2] != x.shape[:2] or t.numel() != x.shape[0] * x.shape[1]:
        return None
    name = t.node.name  # type: ignore[union-attr]
    if name in ("global_avg_pool2d", "mean", "avg_pool2d"):
        return "gap"
    return "gmp" if name in ("max_pool2d", "amax") and x.shape[2] * x.shape[3] > 1 else None


def _cut(x: Tensor) -> bool:
    """Has a ReLU made the values of x, perhaps with a max pooling behind it?"""
    while x.node is not None and ReluMask.of(x.node) is None and x.node.name == "max_pool2d":
        x = x.node.inputs[0]
    return ReluMask.of(x.node) is not None


def _applied(weight: Floats | None, bias: Floats) -> Floats:
    return bias.ravel() if weight is None else weight @ bias.ravel()


def _whole(x: Tensor) -> str:
    """Why a head that weighs every place by itself has no maps."""
    _, c, h, w = x.shape
    if x.node is not None and "pool" in x.node.name:
        return f"its last pooling leaves {h}x{w} values of each of {c} maps, {c * h * w} in all, not one for each map"
    return (
        f"its fully connected head weighs each of the {c} x {h} x {w} values of its last maps by itself; class activation maps "
        "want global average pooling before the last layer, as in a Network in Network"
    )
