"""What one batch tells, forward and back: sizes of values and gradients, units that are silent, answers that are all alike."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from ... import nn
from ...array import to_numpy
from .findings import Finding, LayerSignal
from .trace import Call, Trace, rms

DEAD = 0.5  # from this share of silent channels on it is said
SATURATED = 0.9
ALIKE = 0.01  # of the answers' size: two images differ by less
VANISHES = 1e-5  # gradient against weights, the first layer's compared with the strongest layer's
LARGE_LOSS = 2.0  # times ln K


def layers(t: Trace, steps: Mapping[str, float]) -> tuple[LayerSignal, ...]:
    """The signal in each layer; ``steps``: of a layer's name, the first step against the weights."""
    found = []
    for call in t.calls:
        gradient = 0.0 if call.y.grad is None else rms(call.y.grad)
        dead = _dead(call) if isinstance(call.module, nn.ReLU) else None
        found.append(LayerSignal(call.name, type(call.module).__name__, rms(call.y), gradient, dead, steps.get(call.name)))
    return tuple(found)


def not_finite(t: Trace) -> Iterator[Finding]:
    """The first layer whose values are NaN or infinite, or the first parameter whose gradient is."""
    for call in t.calls:
        values = to_numpy(call.y.array)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            bad = int((~np.isfinite(values)).sum())
            size = rms(call.x)
            yield Finding(
                "stops learning", "not-finite", call.name, f"{type(call.module).__name__} makes values that are no numbers",
                f"{bad:,} of {values.size:,} are NaN or infinite; its input's root mean square is {size:.3g}",
                "look at this layer's weights and input: too large a number, a division by 0, the logarithm of one below 0",
            )  # fmt: skip
            return
    if t.loss is not None and not math.isfinite(t.loss):
        yield Finding("stops learning", "not-finite", "loss", "the loss is no number", f"it is {t.loss}", "look at the labels")
        return
    for name, p in t.model.named_parameters():
        if p.grad is not None and not np.isfinite(to_numpy(p.grad.array)).all():
            yield Finding(
                "stops learning", "not-finite", name, "its gradient is no number",
                f"{int((~np.isfinite(to_numpy(p.grad.array))).sum()):,} of {p.numel():,} entries are NaN or infinite",
                "with ninx.detect_anomaly() the line that made it is named",
            )  # fmt: skip
            return


def _dead(call: Call) -> float:
    """The share of channels that are 0 in the whole batch."""
    y = to_numpy(call.y.array)
    silent = (y == 0).all(axis=tuple(i for i in range(y.ndim) if i != 1))
    return float(np.mean(silent))


def dead_relus(t: Trace) -> Iterator[Finding]:
    """Layers in which most channels, or all, are silent."""
    found = [(_dead(call), call) for call in t.of(nn.ReLU) if call.y.ndim > 1]
    if not found:
        return
    share, call = max(found, key=lambda pair: pair[0])
    if share >= DEAD:
        n = call.y.shape[1]
        yield Finding(
            "stops learning" if share == 1 else "risk", "dead-relus", call.name,
            "no gradient passes: all of its channels are 0 for every image" if share == 1
            else "most of its channels are 0 for every image of the batch, and these get no gradient",
            f"{round(share * n)} of {n} channels are dead",
            "begin anew with a smaller rate or smaller first weights (kaiming_normal_, biases of 0), or use LeakyReLU",
        )  # fmt: skip


def saturated(t: Trace) -> Iterator[Finding]:
    """Sigmoids and tanhs that lie flat."""
    for call in t.of(nn.Sigmoid, nn.Tanh):
        y = to_numpy(call.y.array)
        slope = y * (1 - y) * 4 if isinstance(call.module, nn.Sigmoid) else 1 - y * y  # 1 at the steepest place
        share = float((slope < 0.05).mean())
        if share > SATURATED:
            yield Finding(
                "risk", "saturated", call.name,
                f"{type(call.module).__name__} is flat where its values lie, so little gradient passes",
                f"{share:.0%} of its slopes are below 5 % of the steepest; the input's root mean square is {rms(call.x):.3g}",
                "smaller first weights (xavier_uniform_), normalised input, or ReLU",
            )  # fmt: skip
            return


def images_look_alike(t: Trace) -> Iterator[Finding]:
    """The answers hardly depend on the image."""
    if t.logits is None or t.logits.ndim < 2 or len(t.logits) < 2 or t.error is not None:
        return
    z = to_numpy(t.logits.array).astype(np.float64).reshape(len(t.logits), -1)
    if not np.isfinite(z).all() or float(np.ptp(t.images)) == 0 or _begins_with_zeros(t):
        return
    differ, size = rms(z - z.mean(0)), rms(z)
    relative = differ / size if size else 0.0
    if relative >= ALIKE:
        return
    nothing = relative < 1e-6
    where = ""
    for call in t.calls:  # the layer behind which two images are alike
        y = to_numpy(call.y.array).astype(np.float64)
        if len(y) == len(z) and rms(y - y.mean(0)) < ALIKE * (rms(y) or 1.0):
            where = call.name
            break
    yield Finding(
        "stops learning" if nothing else "risk", "images-look-alike", where,
        "the network says the same of every image" if nothing else
        "the network says nearly the same of every image, so the first steps learn nothing of what is in them",
        f"answers differ by {differ:.2g} between images, and are {size:.2g} large ({100 * relative:.2g} %)",
        "batch normalisation, or first weights that keep the signal's size (kaiming_normal_) and biases of 0",
    )  # fmt: skip


def _begins_with_zeros(t: Trace) -> bool:
    """Is a weight all 0, but will leave 0 with the first step? So begin last layers, and branches that add to what there is."""
    return any(
        not to_numpy(p.array).any() and p.grad is not None and bool(to_numpy(p.grad.array).any())
        for name, p in t.model.named_parameters()
        if name.endswith("weight")
    )


def gradients(t: Trace) -> Iterator[Finding]:
    """Gradients that do not arrive, or hardly."""
    if t.error is not None or t.logits is None or t.logits.node is None:
        return
    found = []
    for name, p in t.model.named_parameters():
        if p.grad is not None and p.ndim > 1 and (size := rms(p)) > 0:
            found.append((name, rms(p.grad), rms(p.grad) / size))
    if _begins_with_zeros(t):
        found = [f for f in found if f[1]]  # the others get theirs after the first step
    if not found:
        return
    if all(g == 0 for _, g, _ in found):
        yield Finding(
            "stops learning", "no-gradient", found[0][0].rpartition(".")[0], "every gradient is 0: nothing will change",
            f"of all {len(found)} weights", "see the other findings: silent ReLUs, or a loss that does not depend on the answer",
        )  # fmt: skip
        return
    name, gradient, least = min(found, key=lambda f: f[2])
    most_name, _, most = max(found, key=lambda f: f[2])
    if least < VANISHES * most:
        yield Finding(
            "risk", "vanishing-gradient", name.rpartition(".")[0], "hardly any gradient arrives here",
            f"its root mean square is {gradient:.2g}; against the weights it is {least / most:.1g} of that in {most_name}",
            "batch normalisation, ReLU for sigmoid and tanh, first weights that keep the size (kaiming_normal_), or fewer layers",
        )  # fmt: skip


def loss_at_start(t: Trace, classes: int | None) -> Iterator[Finding]:
    """A loss far above that of guessing."""
    if t.loss is None or classes is None or classes < 2 or t.loss_function is not None or not math.isfinite(t.loss):
        return
    guess = math.log(max(classes, t.outputs or 0))
    if t.loss > LARGE_LOSS * guess:
        yield Finding(
            "risk", "loss-at-start", "", "the network begins with answers that are wrong and sure",
            f"the loss is {t.loss:.3g}; one that guesses has ln {max(classes, t.outputs or 0)} = {guess:.3f}. "
            f"The outputs' root mean square is {rms(t.logits):.3g}",
            "smaller first weights in the last layer, or normalised input",
        )  # fmt: skip
