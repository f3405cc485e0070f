"""Networks as Caffe's definitions (.prototxt) describe them: layer after layer, with the names that their weights have."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ninx.kernels import geometry

from .. import limits, nn
from ..files import open_regular
from ..prototxt import Message, read_prototxt

Made = Callable[[], nn.Module]

# What a definition has beside the network: where images come from, and what becomes of the scores.
_ASIDE = {
    *("data", "imagedata", "hdf5data", "memorydata", "dummydata", "windowdata", "input", "accuracy", "silence"),
    *("softmax", "softmaxwithloss", "softmaxloss", "multinomiallogisticloss", "hingeloss", "infogainloss"),
}


def from_prototxt(path: str | Path, input_shape: Sequence[int] | None = None) -> nn.Sequential:
    """The network of a definition of Caffe's, with fresh weights; `ninx.load_weights` puts those of a .caffemodel into it.

    It must be one chain of convolutions, poolings, ReLU, local response normalisation, dropout and fully connected layers. The
    layers keep their names, and what comes behind the scores is left out. ``input_shape``: (C, H, W), if the definition
    does not say it. Poolings are rounded up, as Caffe does.

    Raises ValueError, naming the file, for one that is missing or no definition, and for a layer that is not known here.

    >>> from pathlib import Path
    >>> layer = 'layer { name: "conv1" type: "Convolution" convolution_param { num_output: 4 kernel_size: 3 } }'
    >>> size = Path("net.prototxt").write_text("input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8 " + layer)
    >>> net = ninx.models.from_prototxt("net.prototxt")
    >>> net.conv1.weight.shape, net(ninx.zeros(1, 3, 8, 8)).shape
    ((4, 3, 3, 3), (1, 144))
    """
    where = f"prototxt {path}"
    with open_regular(path, "prototxt ") as (file, _):
        content = file.read(limits.PROTOTXT + 1)
    try:
        definition = read_prototxt(content.decode("utf-8", "replace"))
        layers = [layer for kind in ("layer", "layers") for layer in _messages(definition, kind, [])]
        if not layers:
            raise ValueError("it describes no layers")
        shape = tuple(input_shape) if input_shape is not None else _input_shape(definition, layers)
        if len(shape) != 3 or not all(type(n) is int and 0 < n <= limits.SIDE for n in shape):
            raise ValueError(f"say input_shape=(C, H, W), three whole numbers (found {str(shape)[:60]})")
        return nn.Sequential(dict(_built(layers, shape)))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _input_shape(definition: Message, layers: list[Message]) -> tuple[Any, ...]:
    """(C, H, W), as the definition says it in one of three ways, or ()."""
    shapes = [definition, *_messages(definition, "input_shape", [])]
    shapes += [s for layer in layers for p in _messages(layer, "input_param", []) for s in _messages(p, "shape", [])]
    return next((tuple(s[key][1:4]) for s in shapes for key in ("input_dim", "dim") if len(s.get(key, [])) >= 4), ())


def _built(layers: list[Message], shape: tuple[int, ...]) -> Iterator[tuple[str, nn.Module]]:
    """The layers with their names. ``shape`` is that of what arrives at each: (C, H, W), or (features,)."""
    weights, names, last = 0, set(), ""
    for layer in layers:
        name, kind = str(_one(layer, "name", "")), str(_one(layer, "type", ""))
        plain = kind.lower().replace("_", "")  # "InnerProduct", of old INNER_PRODUCT
        if plain in _ASIDE:
            continue
        if not name or "." in name or name in names:
            raise ValueError(f"a layer cannot be called {name[:40]!r} here: each has a name of its own, without a full stop")
        if last and layer.get("bottom", [last]) != [last]:
            raise ValueError(f"layer {name!r} does not follow on the one before it: only a chain of layers can be made here")
        last = str(_one(layer, "top", last))
        names.add(name)
        if plain == "innerproduct" and len(shape) == 3:
            yield f"flatten {name}", nn.Flatten()
            shape = (shape[0] * shape[1] * shape[2],)
        module, shape, count = _layer(name, plain, kind, layer, shape)
        weights += count
        if weights > limits.PARAMETERS:
            raise ValueError(f"layer {name!r} would bring it to {weights:,} parameters, and {limits.PARAMETERS:,} are the limit")
        yield name, module()
    if len(shape) == 3:
        yield "flatten", nn.Flatten()


def _layer(name: str, plain: str, kind: str, layer: Message, shape: tuple[int, ...]) -> tuple[Made, tuple[int, ...], int]:
    """What makes the layer, the shape of what leaves it, and how many weights it has: it is not made before these are known."""
    given = _messages(layer, f"{_PARAMETERS.get(plain, plain)}_param", [{}])[0]
    if plain == "relu":
        slope = _number(name, given, "negative_slope", 0.0)
        return partial(nn.LeakyReLU, slope) if slope else nn.ReLU, shape, 0
    if plain == "dropout":
        return partial(nn.Dropout, _number(name, given, "dropout_ratio", 0.5)), shape, 0
    if plain == "innerproduct":
        o, bias = _whole(name, given, "num_output"), bool(_one(given, "bias_term", True))
        return partial(nn.Linear, shape[0], o, bias), (o,), shape[0] * o
    if plain not in _PARAMETERS:
        raise ValueError(f"layer {name!r} is of the type {kind[:40]!r}, which cannot be made here")
    if len(shape) != 3:
        raise ValueError(f"layer {name!r} wants an image, and gets {shape[0]} features")
    if plain == "lrn":
        if _one(given, "norm_region", "ACROSS_CHANNELS") != "ACROSS_CHANNELS":
            raise ValueError(f"layer {name!r} normalises within a channel, which cannot be made here")
        alpha, beta, k = (_number(name, given, key, d) for key, d in (("alpha", 1.0), ("beta", 0.75), ("k", 1.0)))
        return partial(nn.LocalResponseNorm, _whole(name, given, "local_size", 5), alpha, beta, k), shape, 0
    stride, padding = _pair(name, given, "stride", "stride", 1), _pair(name, given, "pad", "pad", 0)
    if plain == "pooling":
        how, ceil = _one(given, "pool", "MAX"), _one(given, "round_mode", "CEIL") == "CEIL"
        if how not in ("MAX", "AVE"):
            raise ValueError(f"layer {name!r} pools by {str(how)[:40]!r}, which cannot be made here")
        everything = bool(_one(given, "global_pooling", False))
        kernel = (shape[1], shape[2]) if everything else _pair(name, given, "kernel_size", "kernel", None)
        geo = geometry.pooling(f"layer {name!r}", (1, *shape), kernel, stride, padding, ceil_mode=ceil)
        pool: Callable[..., nn.Module] = nn.MaxPool2d if how == "MAX" else nn.AvgPool2d
        return partial(pool, kernel, stride, padding, ceil_mode=ceil), (geo.C, geo.OH, geo.OW), 0
    o, groups = _whole(name, given, "num_output"), _whole(name, given, "group", 1)
    kernel, dilation = _pair(name, given, "kernel_size", "kernel", None), _pair(name, given, "dilation", "dilation", 1)
    weight = (o, shape[0] // groups, *kernel)
    geo = geometry.convolution(f"layer {name!r}", (1, *shape), weight, stride, padding, dilation, groups)
    bias = bool(_one(given, "bias_term", True))
    make = partial(nn.Conv2d, shape[0], o, kernel, stride, padding, dilation, groups, bias)
    return make, (o, geo.OH, geo.OW), math.prod(weight)


# Under which name a layer's settings stand, if not under that of its type.
_PARAMETERS = {"convolution": "convolution", "pooling": "pooling", "lrn": "lrn", "innerproduct": "inner_product"}


def _one(message: Message, key: str, otherwise: Any) -> Any:
    """The one value of a name; the last, if there are more."""
    return message[key][-1] if message.get(key) else otherwise


def _messages(message: Message, key: str, otherwise: list[Message]) -> list[Message]:
    """The messages of a name."""
    return [value for value in message.get(key, []) if isinstance(value, dict)] or otherwise


def _number(name: str, given: Message, key: str, otherwise: float) -> float:
    value = _one(given, key, otherwise)
    if type(value) not in (int, float) or not abs(value) < 1e9:
        raise ValueError(f"layer {name!r}: {key} should be a number, got {str(value)[:40]!r}")
    return float(value)


def _whole(name: str, given: Message, key: str, otherwise: int | None = None) -> int:
    value = _one(given, key, otherwise)
    if type(value) is not int or not 0 < value < 2**31:
        raise ValueError(f"layer {name!r}: {key} should be a whole number, got {str(value)[:40]!r}")
    return value


def _pair(name: str, given: Message, key: str, short: str, otherwise: int | None) -> tuple[int, int]:
    """(vertical, horizontal): one number, two, or ``kernel_h`` and ``kernel_w``."""
    found = given.get(key) or [_one(given, f"{short}_{side}", otherwise) for side in "hw"]
    if len(found) > 2 or not all(type(n) is int and 0 <= n < 2**15 for n in found):
        raise ValueError(f"layer {name!r}: {key} should be one or two whole numbers, got {str(found)[:40]}")
    return found[0], found[-1]
