"""A network as the page computes it: its layers one after the other, their settings, and their weights as text."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ninx.kernels import geometry

from ... import nn
from ...array import to_numpy
from ...engine import Tensor, no_grad

Settings = dict[str, Any]

SMALL = 400_000  # numbers that fit into a page of 3 MB as float32, beside pictures and code; more become float16
MOST = 4_000_000  # parameters: beyond that the file has more than 11 MB, and a browser needs seconds for each picture
FLOAT16_MAX = 65_504  # a larger weight would become infinity


class Unexplained(ValueError):
    """The page cannot compute this network; the sentence says why."""


@dataclass
class Network:
    """The layers of a network, each as settings that JSON can hold, and the arrays that they name by their number."""

    modules: list[nn.Module] = field(default_factory=list)
    layers: list[Settings] = field(default_factory=list)
    arrays: list[np.ndarray[Any, Any]] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """What the page reads: the layers, and every array as base64."""
        return {"layers": self.layers, "arrays": [_as_text(array) for array in self.arrays]}

    def hold(self, array: np.ndarray[Any, Any]) -> int:
        """Keep an array; returns its number."""
        self.arrays.append(array)
        return len(self.arrays) - 1


def network_of(model: nn.Module, shape: tuple[int, ...], dtype: str | None = None) -> Network:
    """The layers of ``model``, an nn.Sequential (perhaps of others), for a picture of ``shape`` (C, H, W).

    ``dtype`` is that of the weights in the page, "float32" or "float16"; None takes float32 for a small network. Biases and
    what batch normalisation has learnt are float32 always. The model must be in eval mode; it is not changed.

    Raises `Unexplained`, a ValueError, for layers that the page cannot compute, and for networks too large for a page.

    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten()).eval()
    >>> from ninx.study.explaining.network import network_of
    >>> [(layer["kind"], layer["out"]) for layer in network_of(model, (1, 8, 8)).layers]
    [('conv', (6, 6, 4)), ('activation', (6, 6, 4)), ('globalAverage', (1, 1, 4)), ('flatten', (1, 1, 4))]
    """
    count = check_size(model)
    chosen = dtype or ("float32" if count <= SMALL else "float16")
    found = Network()
    x = Tensor(np.zeros((1, *shape), np.float32))
    with no_grad():
        for name, module in leaves(model):
            describe = _KINDS.get(type(module))
            if describe is None or module._module_hooks or "forward" in vars(module):
                raise Unexplained(_refused(name, module))
            layer = {"name": name, "type": type(module).__name__, **describe(module)}
            y = module(x)
            if layer["kind"] == "flatten" and y.ndim != 2:
                raise Unexplained(f"explain: {name} flattens not all of a picture; the page wants Flatten() as it is")
            for key in ("weight", "bias", "mean", "variance"):
                if key in layer:
                    array = layer[key]
                    large = chosen == "float16" and array.ndim > 1 and np.abs(array).max(initial=0) <= FLOAT16_MAX
                    layer[key] = found.hold(array.astype(np.float16 if large else np.float32))
            layer["out"] = channels_last(y).shape
            found.modules.append(module)
            found.layers.append(layer)
            x = y
    if x.ndim != 2:
        raise Unexplained(f"explain: the network answers with {x.shape[1:]} for one picture; the page wants one number per class")
    return found


def check_size(model: nn.Module) -> int:
    """The number of parameters; `Unexplained` for too many. A network made inside `nn.shapes_only` will do.

    >>> from ninx.study.explaining.network import check_size
    >>> with nn.shapes_only():
    ...     check_size(ninx.models.create("vgg11"))
    Traceback (most recent call last):
    ninx.study.explaining.network.Unexplained: explain: the network has 132,863,336 parameters; a page can hold 4,000,000
    """
    count = sum(p.numel() for p in model.parameters())
    if count > MOST:
        raise Unexplained(f"explain: the network has {count:,} parameters; a page can hold {MOST:,}")
    return count


def leaves(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers in the order of the forward pass, with their names. A module with a forward of its own is one leaf."""
    if type(module).forward is nn.Sequential.forward and not module._module_hooks and "forward" not in vars(module):
        for key, child in module._modules.items():
            yield from leaves(child, f"{name}.{key}" if name else key)
    else:
        yield name or type(module).__name__, module


def channels_last(y: Tensor) -> np.ndarray[Any, Any]:
    """One picture's values (1, C, H, W) or (1, C) as the page has them: (H, W, C)."""
    array = to_numpy(y.array)[0]
    return np.ascontiguousarray(array.transpose(1, 2, 0)) if array.ndim == 3 else array.reshape(1, 1, -1)


def rounded(model: nn.Module, network: Network) -> dict[str, Any]:
    """The state of the model with the weights that the page has, for `load_state_dict`."""
    state = {key: to_numpy(value.array) for key, value in model.state_dict().items()}
    for layer in network.layers:
        if layer["kind"] in ("conv", "linear"):
            key = f"{layer['name']}.weight" if f"{layer['name']}.weight" in state else "weight"
            array = network.arrays[layer["weight"]].astype(np.float32)
            state[key] = array.transpose(0, 3, 1, 2) if array.ndim == 4 else array
    return state


def _refused(name: str, module: nn.Module) -> str:
    kind = type(module).__name__
    if type(module).forward.__module__.startswith("ninx.nn."):
        return f"explain: layer {name} is {kind}, which the page cannot compute; it knows {', '.join(k.__name__ for k in _KINDS)}"
    return f"explain: {name} is a {kind} with a forward of its own; the page needs an nn.Sequential of layers of ninx.nn"


def _as_text(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    little = array.astype(array.dtype.newbyteorder("<"), order="C")
    return {"type": array.dtype.name, "data": base64.b64encode(little.tobytes()).decode()}


# -------------------------------------------------------------------- what each kind of layer tells of itself


def _pair(size: Any) -> list[int]:
    return list(geometry.pair(size, "explain", "size"))


def _bias(bias: Tensor | None, outputs: int) -> np.ndarray[Any, Any]:
    return np.zeros(outputs, np.float32) if bias is None else to_numpy(bias.array)


def _conv(layer: nn.Conv2d) -> Settings:
    if layer.groups != 1:
        raise Unexplained(f"explain: a convolution in {layer.groups} groups is nothing that the page can compute")
    kernel, dilation, padding = _pair(layer.kernel_size), _pair(layer.dilation), layer.padding
    if isinstance(padding, str):  # where "same" is uneven, the row or column more comes last
        padding = [d * (k - 1) // 2 * (padding == "same") for d, k in zip(dilation, kernel, strict=True)]  # type: ignore[assignment]
    weight = np.ascontiguousarray(to_numpy(layer.weight.array).transpose(0, 2, 3, 1))  # (O, KH, KW, C): a window's order
    return {
        "kind": "conv",
        "kernel": kernel,
        "stride": _pair(layer.stride),
        "padding": _pair(padding),
        "dilation": dilation,
        "weight": weight,
        "bias": _bias(layer.bias, len(weight)),
    }


def _linear(layer: nn.Linear) -> Settings:
    weight = to_numpy(layer.weight.array)
    return {"kind": "linear", "weight": weight, "bias": _bias(layer.bias, len(weight))}


def _max(layer: nn.MaxPool2d) -> Settings:
    if layer.return_indices:
        raise Unexplained("explain: a MaxPool2d with return_indices gives two answers, of which the page knows one")
    return {"kind": "maxPool", **_window(layer), "dilation": _pair(layer.dilation)}


def _average(layer: nn.AvgPool2d) -> Settings:
    more = {"countPadding": layer.count_include_pad, "divisor": layer.divisor_override}
    return {"kind": "averagePool", **_window(layer), **more}


def _window(layer: nn.MaxPool2d | nn.AvgPool2d) -> Settings:
    return {"kernel": _pair(layer.kernel_size), "stride": _pair(layer.stride), "padding": _pair(layer.padding)}


def _norm(layer: nn.BatchNorm1d | nn.BatchNorm2d) -> Settings:
    if layer.running_mean is None or layer.running_var is None:
        raise Unexplained("explain: a batch normalisation without running statistics needs a batch, and the page has one picture")
    mean, variance = to_numpy(layer.running_mean.array), to_numpy(layer.running_var.array)
    weight = np.ones(len(mean), np.float32) if layer.weight is None else to_numpy(layer.weight.array)
    learnt = {"mean": mean, "variance": variance, "weight": weight, "bias": _bias(layer.bias, len(mean))}
    return {"kind": "batchNorm", **learnt, "epsilon": layer.eps}


def _fixed(**settings: Any) -> Callable[[Any], Settings]:
    """A layer without settings of its own."""
    return lambda layer: dict(settings)


def _function(name: str, **attributes: str) -> Callable[[Any], Settings]:
    """A function of one number, with the attributes of the layer that the page calls so."""
    return lambda layer: {"kind": "activation", "function": name, **{k: getattr(layer, v) for k, v in attributes.items()}}


_KINDS: dict[type[nn.Module], Callable[[Any], Settings]] = {
    nn.Conv2d: _conv,
    nn.Linear: _linear,
    nn.MaxPool2d: _max,
    nn.AvgPool2d: _average,
    nn.AdaptiveMaxPool2d: _fixed(kind="maxPool", adaptive=True),
    nn.AdaptiveAvgPool2d: _fixed(kind="averagePool", adaptive=True),
    nn.GlobalAvgPool2d: _fixed(kind="globalAverage"),
    nn.BatchNorm2d: _norm,
    nn.BatchNorm1d: _norm,
    nn.ReLU: _function("relu"),
    nn.LeakyReLU: _function("leaky", slope="negative_slope"),
    nn.ELU: _function("elu", alpha="alpha"),
    nn.ReLU6: _fixed(kind="activation", function="clamp", least=0, most=6),
    nn.Hardtanh: _function("clamp", least="min_val", most="max_val"),
    nn.Sigmoid: _function("sigmoid"),
    nn.Tanh: _function("tanh"),
    nn.SiLU: _function("silu"),
    nn.Flatten: _fixed(kind="flatten"),
    nn.Dropout: _fixed(kind="same"),
    nn.Dropout2d: _fixed(kind="same"),
    nn.Identity: _fixed(kind="same"),
}
