"""What the layers themselves tell: rules about how a network is built. Each takes a `Trace` and yields findings."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import nn
from ...array import to_numpy
from ...engine import Tensor
from ..summary import summary
from .findings import Finding, Level
from .trace import AVERAGES, LINEAR, NORMS, REORDERED, WEIGHTED, Call, Trace


def raises(t: Trace) -> Iterator[Finding]:
    """The pass forward or back ends in an error; batch normalisation of single values gets a sentence of its own."""
    if t.error is None:
        return
    said = " ".join(str(t.error).split())
    name, module, x = t.culprit or ("", None, None)
    if isinstance(module, NORMS) and x is not None and x.numel() == x.shape[1]:
        yield Finding(
            "stops learning", "batch-norm-one-value", name,
            "batch normalisation has one value a channel here, and no mean and variance can be had from one",
            f"its input is {_size(x.shape)}: 1 image of 1 pixel",
            "train with batches of at least 2 images, or drop the last batch (drop_last=True)",
        )  # fmt: skip
    elif t.logits is not None and t.logits.ndim > 2 and t.loss is None:
        yield Finding(
            "stops learning", "raises", "", "the network's answer is a map, not one number for each class",
            f"its output is {_size(t.logits.shape)}; {said}",
            "end with global average pooling and Flatten: nn.GlobalAvgPool2d(), nn.Flatten()",
        )  # fmt: skip
    else:
        kind = "" if module is None else f"{type(module).__name__} "
        size = "" if x is None else f"its input is {_size(x.shape)}; "
        yield Finding(
            "stops learning", "raises", name, f"{kind}raises {type(t.error).__name__}", f"{size}{said}",
            "fit the layer to what comes to it; ninx summary shows the shapes up to there",
        )  # fmt: skip


def last_batch(t: Trace, samples: int | None, batch_size: int | None, drop_last: bool) -> Iterator[Finding]:
    """A last batch of a single image, which batch normalisation of 1x1 maps refuses."""
    if samples is None or batch_size is None or drop_last or samples % batch_size != 1:
        return
    for call in t.of(*NORMS):
        if call.x.numel() == call.x.shape[0] * call.x.shape[1]:  # one value a channel and image
            yield Finding(
                "stops learning", "batch-norm-one-value", call.name,
                "the last batch of each epoch is one image, of which batch normalisation sees one value a channel: it raises",
                f"{samples:,} images in batches of {batch_size} leave 1; its input is {_size(call.x.shape)}",
                "drop_last=True in the loader, or another batch size",
            )  # fmt: skip
            return


def logits_not_classes(t: Trace, classes: int | None) -> Iterator[Finding]:
    """More outputs than classes, or fewer."""
    n = t.outputs
    if classes is None or n is None or n == classes or t.logits is None or t.logits.ndim != 2:
        return
    if n < classes:
        yield Finding(
            "stops learning", "logits-not-classes", "", "the network has fewer outputs than there are classes",
            f"{n} outputs for {classes} classes", f"let the last layer make {classes} channels",
        )  # fmt: skip
        return
    per_map = next((c.x.shape for c in reversed(t.calls) if isinstance(c.module, nn.Flatten)), ())
    maps = f", because Flatten makes one of each pixel of its maps ({_size(per_map)})" if len(per_map) == 4 else ""
    wrong = "the labels read the first outputs alone, of which several belong to one map" if maps else "the others say nothing"
    yield Finding(
        "risk", "logits-not-classes", "", f"the network has more outputs than there are classes{maps}",
        f"{n} outputs for {classes} classes; {n - classes} can never be right, and {wrong}",
        "average the whole maps (nn.GlobalAvgPool2d)" if maps else f"let the last layer make {classes} channels",
    )  # fmt: skip


def last_operation(t: Trace, classes: int | None) -> Iterator[Finding]:
    """A softmax, sigmoid, tanh or ReLU directly before a cross-entropy, which has a softmax of its own."""
    if t.logits is None or t.loss_function is not None or t.labels is None:
        return
    name, k = [node.name for node in t.back(t.logits.node, REORDERED)][-1] if t.logits.node is not None else "", t.outputs or 1
    if name in ("softmax", "sigmoid", "tanh"):
        low, high = {"softmax": (0, 1), "sigmoid": (0, 1), "tanh": (-1, 1)}[name]
        least = math.log(1 + (k - 1) * math.exp(low - high))
        yield Finding(
            "risk", "softmax-before-loss", _at(t), f"the network ends in a {name}, and cross_entropy applies a softmax itself",
            f"outputs between {low} and {high} keep the loss at {least:.3f} or more (ln {k} = {math.log(k):.3f}), "
            "and the gradient small",
            f"leave the {name} out: cross_entropy takes the plain outputs",
        )  # fmt: skip
    elif name == "log_softmax":
        yield Finding(
            "note", "softmax-before-loss", _at(t), "cross_entropy takes the logarithm of the softmax a second time",
            "the second changes nothing: a distribution is normalised already", "leave it out, or use nll_loss",
        )  # fmt: skip
    elif name in ("relu", "max"):
        zero = float((t.logits.array == 0).mean())
        yield Finding(
            "stops learning" if zero == 1 else "risk", "relu-logits", _at(t),
            "a ReLU follows the last layer, so no class can be spoken against, and where it is 0 no gradient passes",
            f"{zero:.0%} of the outputs are 0", "leave the last ReLU out",
        )  # fmt: skip


def relu_before_gap(t: Trace) -> Iterator[Finding]:
    """A ReLU before global average pooling; the class maps that it has silenced are counted."""
    if t.logits is None or t.logits.node is None or t.logits.ndim != 2:
        return
    chain = [node.name for node in t.back(t.logits.node, REORDERED | AVERAGES)]
    if not AVERAGES & set(chain) or chain[-1] != "relu":
        return
    dead, k = int((t.logits.array == 0).all(axis=0).sum()), t.logits.shape[1]
    level: Level = "stops learning" if dead == k else "risk" if dead else "note"
    yield Finding(
        level, "dead-maps" if dead == k else "relu-before-gap", _at(t, AVERAGES | REORDERED),
        "a ReLU lies between the last convolution and the global average: a class map that is nowhere positive gets no gradient, "
        + ("and so it is with all of them" if dead == k else f"and if all {k} are, the loss stays at ln {k} = {math.log(k):.6f}"),
        f"{dead} of {k} class maps are 0 for all {len(t.images)} images",
        "leave the last ReLU out (in ninx's networks: last_relu=False)",
        "Lin, Chen and Yan (2014) and Dive into Deep Learning have it; their users report the loss that sticks",
    )  # fmt: skip


def collapses(t: Trace) -> Iterator[Finding]:
    """Linear maps without a non-linearity between them: their product would do, with fewer weights."""
    total = sum(p.numel() for p in t.model.parameters()) or 1
    for b in t.of(*WEIGHTED):
        chain = list(t.back(b.x_node, LINEAR))
        a = next((call for node in chain if (call := t.made_by(node)) is not None and isinstance(call.module, WEIGHTED)), None)
        if a is None or t.made_by(chain[-1]) is not a or a.module is b.module or _groups(a) > 1 or _groups(b) > 1:
            continue
        own = _weight(a).numel() + _weight(b).numel()
        product = _product(a, b)
        if product is None or product >= own:
            continue
        between = [n.name for n in chain[:-1] if n.name in AVERAGES]
        over = f", over the {between[0].replace('_', ' ')} between them" if between else ""
        yield Finding(
            "risk" if (own - product) / total >= 0.01 else "note", "collapses", f"{a.name} and {b.name}",
            f"two linear maps in a row are one linear map{over}: the second adds weights, but no function",
            f"{own:,} weights do what {product:,} could; {100 * (own - product) / total:.0f} % of the network's are redundant",
            f"put a ReLU after {a.name}, or make one layer of the two",
        )  # fmt: skip


def _product(a: Call, b: Call) -> int | None:
    """The weights of the one map that does what two do; None if the two belong together otherwise."""
    into, out = _weight(a).shape[1], _weight(b).shape[0]
    if isinstance(a.module, nn.ConvTranspose2d) or isinstance(b.module, nn.ConvTranspose2d):
        return None
    if isinstance(a.module, nn.Linear) and isinstance(b.module, nn.Linear):
        return into * out
    if not isinstance(a.module, nn.Conv2d):
        return None
    if isinstance(b.module, nn.Conv2d):
        sizes = zip(a.module.kernel_size, b.module.kernel_size, a.module.stride, strict=True)
        return into * out * math.prod(p + (q - 1) * step for p, q, step in sizes)
    if (
        isinstance(b.module, nn.Linear) and b.module.in_features == a.module.out_channels
    ):  # each channel is averaged before the linear layer
        return into * out * math.prod(a.module.kernel_size)
    return None


def _weight(call: Call) -> Tensor:
    weight: Tensor = call.module._parameters["weight"]
    return weight


def _groups(call: Call) -> int:
    return int(getattr(call.module, "groups", 1))


def shared_parameters(t: Trace) -> Iterator[Finding]:
    """Two places of the network that hold the same parameter."""
    places: dict[int, list[str]] = {}
    for name, module in t.model.named_modules(remove_duplicate=False):
        for key, p in module._parameters.items():
            if p is not None:
                places.setdefault(id(p), []).append(f"{name}.{key}".lstrip("."))
    sizes = {id(p): p.numel() for p in t.model.parameters()}
    several = [(names, sizes.get(key, 0)) for key, names in places.items() if len(names) > 1]
    if several:
        (first, second, *_), _ = several[0]
        saved = sum(size * (len(names) - 1) for names, size in several)
        yield Finding(
            "risk", "shared-parameter", first.rpartition(".")[0],
            f"{first} and {second} are one and the same parameter: what one layer learns changes the other",
            f"{len(several)} parameter(s) stand in several places; {saved:,} weights fewer than it looks",
            "make each layer by a call of its own ([Conv2d(...) for _ in range(3)], not [Conv2d(...)] * 3), if that is not meant",
        )  # fmt: skip


def without_gradient(t: Trace) -> Iterator[Finding]:
    """Parameters that the loss does not depend on, and frozen ones."""
    if t.error is not None or t.logits is None:
        return
    named = list(t.model.named_parameters())
    total = sum(p.numel() for _, p in named) or 1
    unused = [(name, p.numel()) for name, p in named if p.requires_grad and p.grad is None]
    frozen = [(name, p.numel()) for name, p in named if not p.requires_grad]
    if unused:
        n = sum(size for _, size in unused)
        yield Finding(
            "risk", "unused-parameter", unused[0][0].rpartition(".")[0],
            "the loss does not depend on these parameters, so they learn nothing: " + _few([name for name, _ in unused]),
            f"{len(unused)} of {len(named)} parameters, {100 * n / total:.0f} % of the weights, get no gradient",
            "use the layer in forward, or take it out",
        )  # fmt: skip
    if frozen:
        n = sum(size for _, size in frozen)
        yield Finding(
            "note", "frozen", frozen[0][0].rpartition(".")[0],
            "these parameters are frozen: " + _few([name for name, _ in frozen]),
            f"{len(frozen)} of {len(named)} parameters, {100 * n / total:.0f} % of the weights, have requires_grad=False",
            "requires_grad_(True), if they are to learn",
        )  # fmt: skip


def detached(t: Trace) -> Iterator[Finding]:
    """The answer has no history at all: nothing can be learnt."""
    if t.logits is not None and t.logits.node is None:
        frozen = all(not p.requires_grad for p in t.model.parameters())
        yield Finding(
            "stops learning", "no-gradient", "", "no gradient can reach any parameter",
            "all parameters are frozen" if frozen else "the output has no history: somewhere it leaves the graph",
            "requires_grad_(True)" if frozen else "no .detach(), .data, .numpy() or no_grad() in forward",
        )  # fmt: skip


def norms(t: Trace) -> Iterator[Finding]:
    """Dropout shortly before batch normalisation, and biases that it takes away again."""
    useless = []
    for norm in t.of(*NORMS):
        before = t.made_by(norm.x_node)
        if before is not None and isinstance(before.module, WEIGHTED) and before.module.bias is not None:
            useless.append(before)
    if useless:
        n = sum(_weight(call).shape[0] for call in useless)
        yield Finding(
            "note", "bias-before-norm", _few([c.name for c in useless], 2),
            "the batch normalisation that follows subtracts the mean, and any bias with it",
            f"{n:,} biases in {len(useless)} layer(s) have no effect", "bias=False in those layers",
        )  # fmt: skip
    for norm in t.of(*NORMS):
        if any(node.name == "dropout" for node in _before_norm(t, norm)):
            yield Finding(
                "note", "dropout-beside-norm", norm.name,
                "dropout before batch normalisation: in training it raises the variance that the running average learns, "
                "in evaluation it is gone", f"a dropout lies directly before the layer that {norm.name} normalises",
                "drop after the last normalisation, or leave one of the two out",
                "Li, Chen, Hu and Yang (2018): the disharmony between dropout and batch normalisation by variance shift",
            )  # fmt: skip
            return


def _before_norm(t: Trace, norm: Call) -> Iterator[Any]:
    """The operations before it, back through one weighted layer."""
    for node in t.back(norm.x_node, LINEAR):
        yield node
        call = t.made_by(node)
        if call is not None and isinstance(call.module, WEIGHTED):
            yield from t.back(call.x_node, LINEAR)


def poolings(t: Trace) -> Iterator[Finding]:
    """Averages that count their padding, maxima named averages, pixels that no window reaches."""
    padded, dropped = [], []
    for call in t.calls:
        m = call.module
        if isinstance(m, nn.AvgPool2d) and m.count_include_pad and any(_pair(m.padding)):
            k, p = _pair(m.kernel_size), _pair(m.padding)
            padded.append((call.name, math.prod((a - b) / a for a, b in zip(k, p, strict=True))))
        if isinstance(m, (nn.MaxPool2d, nn.AdaptiveMaxPool2d)) and re.search(r"gap|avg|average|mean", call.name.lower()):
            yield Finding(
                "note", "max-named-average", call.name, f"it is named {call.name}, but it is a {type(m).__name__}",
                "a maximum has a gradient at one pixel of each map, an average at all", "nn.GlobalAvgPool2d() or AvgPool2d",
            )  # fmt: skip
        if call.x.ndim == 4 and (lost := _lost(call)) is not None:
            dropped.append((call.name, lost))
    if padded:
        name, share = padded[0]
        yield Finding(
            "note", "padded-average", name, "the average counts the zeros of its padding, so it is too small along the border",
            f"in the corners it is {share:.3f} of the mean of the real pixels ({len(padded)} such layer(s))",
            "ceil_mode=True without padding, as the authors have it, or count_include_pad=False",
        )  # fmt: skip
    if dropped:
        name, text = dropped[0]
        yield Finding(
            "note", "dropped-pixels", name, "no window reaches the last rows or columns of its input: they are lost",
            f"{text} ({len(dropped)} such layer(s))", "ceil_mode=True, padding, or another input size",
        )  # fmt: skip


def _lost(call: Call) -> str | None:
    """How many rows or columns at the end no window reaches; None if there are none."""
    m = call.module
    if not isinstance(m, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)) or isinstance(m.padding, str):
        return None
    kernel, stride, padding = (_pair(v) for v in (m.kernel_size, m.stride if m.stride is not None else m.kernel_size, m.padding))
    dilation = _pair(getattr(m, "dilation", 1))
    for axis, what in ((0, "rows"), (1, "columns")):
        size, out = call.x.shape[2 + axis], call.y.shape[2 + axis]
        end = (out - 1) * stride[axis] - padding[axis] + dilation[axis] * (kernel[axis] - 1) + 1
        if end < size:
            return f"{size - end} of {size} {what} are never seen"
    return None


def receptive_field(t: Trace) -> Iterator[Finding]:
    """What the last convolution sees of the image: less than all of it, or more."""
    if t.images.ndim != 4 or not any(True for _ in t.of(nn.Conv2d)):
        return
    try:
        seen = summary(t.model, t.images.shape[1:]).receptive_field
    except (ValueError, TypeError, RuntimeError, IndexError):
        return
    height, width = t.images.shape[2:]
    if seen is not None and (seen[0] < height or seen[1] < width):
        yield Finding(
            "note", "receptive-field", "", "no value of the last convolution sees the whole image; only the averages after it do",
            f"it sees {seen[0]}x{seen[1]} of {height}x{width} pixels", "larger kernels, another pooling, or smaller images",
        )  # fmt: skip
    elif seen is not None and seen[0] > 2 * height and seen[1] > 2 * width:
        yield Finding(
            "note", "receptive-field", "", "the last convolution's window is larger than the image: it sees mostly padding",
            f"its window is {seen[0]}x{seen[1]}, the image {height}x{width} pixels", "fewer poolings, or larger images",
        )  # fmt: skip


def same_channels(t: Trace) -> Iterator[Finding]:
    """Layers whose channels all begin alike; if their gradients are alike too, they stay alike for ever."""
    alike, forever = [], False
    strongest = max((float(np.abs(p.grad.array).max()) for p in t.model.parameters() if p.grad is not None), default=0.0)
    for call in {c.name: c for c in t.of(*WEIGHTED)}.values():
        w = _weight(call)
        if w.grad is None or w.shape[0] < 2 or isinstance(call.module, nn.ConvTranspose2d):
            continue
        rows, grads = (to_numpy(a.array).reshape(w.shape[0], -1).astype(np.float64) for a in (w, w.grad))
        size = float(np.abs(rows).max())
        if size > 0 and float(np.abs(rows - rows[:1]).max()) <= 1e-6 * size:  # (zeros are a usual beginning of a last layer)
            alike.append((call.name, w.shape[0]))
            forever |= float(np.abs(grads - grads[:1]).max()) <= 1e-6 * strongest
    if alike:
        name, n = alike[0]
        yield Finding(
            "stops learning" if forever else "risk", "same-channels", name,
            "all its channels begin with the same weights" + ", get the same gradient, and stay one and the same" * forever,
            f"{n} equal channels here do what one would" + (f"; {len(alike)} such layers" if len(alike) > 1 else ""),
            "random first weights (nn.init.kaiming_normal_), no constant",
        )  # fmt: skip


def _at(t: Trace, through: set[str] = REORDERED) -> str:
    """The name of the layer that is the last but the reorderings; "" if it is no module."""
    if t.logits is None or t.logits.node is None:
        return ""
    node = list(t.back(t.logits.node, through))[-1]
    call = t.made_by(node)
    return call.name if call is not None else ""


def _pair(value: object) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)  # type: ignore[arg-type, return-value]


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _few(names: list[str], shown: int = 3) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
