"""Tier ``loops``: every kernel as nested loops, straight from its formula. Slow, and the definition of what is right.

Arrays are channels-last: x (N, H, W, C), y and g (N, OH, OW, O), w (O, KH, KW, C/groups). ``geo`` is a `Geometry`; its
module explains the letters. Window (i, j) sees, at tap (r, q), the input pixel

    h = i*SH - PH + r*DH        w = j*SW - PW + q*DW

and a tap outside the image (the padding) counts as 0 in a convolution and does not count in a max-pool.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .geometry import Geometry, Part
from .types import MARK, NOWHERE, Array, Drop, argmax_dtype


def _taps(geo: Geometry, i: int, j: int) -> Iterator[tuple[int, int, int, int]]:
    """(r, q, h, v) for every tap of window (i, j) inside the image, row by row; v is the pixel's w (w is the weight here)."""
    for r in range(geo.KH):
        for q in range(geo.KW):
            h = i * geo.SH - geo.PH + r * geo.DH
            v = j * geo.SW - geo.PW + q * geo.DW
            if 0 <= h < geo.H and 0 <= v < geo.W:
                yield r, q, h, v


def _windows(geo: Geometry) -> Iterator[tuple[int, int, int]]:
    """(n, i, j): every output pixel of every image."""
    for n in range(geo.N):
        for i in range(geo.OH):
            for j in range(geo.OW):
                yield n, i, j


def _channels(geo: Geometry, o: int) -> Iterator[tuple[int, int]]:
    """(position in the weight, input channel) for every channel that output channel ``o`` reads: those of its group."""
    per_group = geo.C // geo.groups
    first = o // (geo.O // geo.groups) * per_group
    for c in range(per_group):
        yield c, first + c


def conv2d(x: Array, w: Array, b: Array | None, geo: Geometry, method: str = "auto", relu: bool = False) -> Array:
    """y[n,i,j,o] = b[o] + sum over taps (r,q) and channels c of x[n,h,w,c] * w[o,r,q,c]; with ``relu`` max(y, 0)."""
    y = np.zeros((geo.N, geo.OH, geo.OW, geo.O), x.dtype)
    for n, i, j in _windows(geo):
        for o in range(geo.O):
            total = x.dtype.type(0) if b is None else b[o]
            for r, q, h, v in _taps(geo, i, j):
                for c, channel in _channels(geo, o):
                    total += x[n, h, v, channel] * w[o, r, q, c]
            y[n, i, j, o] = np.maximum(total, 0) if relu else total
    return y


def conv2d_input_grad(g: Array, w: Array, geo: Geometry, method: str = "auto", masked_by: Array | None = None) -> Array:
    """The adjoint of conv2d in x: dx[n,h,w,c] += g[n,i,j,o] * w[o,r,q,c] for every product of the forward loop.

    ``masked_by``: x, if it is the value of a ReLU; the gradient is then also that ReLU's, 0 where x is not positive.
    """
    dx = np.zeros((geo.N, geo.H, geo.W, geo.C), g.dtype)
    for n, i, j in _windows(geo):
        for o in range(geo.O):
            for r, q, h, v in _taps(geo, i, j):
                for c, channel in _channels(geo, o):
                    dx[n, h, v, channel] += g[n, i, j, o] * w[o, r, q, c]
    return dx if masked_by is None else relu_mask(dx, masked_by)


def conv2d_weight_grad(x: Array, g: Array, geo: Geometry, method: str = "auto") -> Array:
    """The adjoint of conv2d in w: dw[o,r,q,c] += g[n,i,j,o] * x[n,h,w,c] for every product of the forward loop."""
    dw = np.zeros((geo.O, geo.KH, geo.KW, geo.C // geo.groups), g.dtype)
    for n, i, j in _windows(geo):
        for o in range(geo.O):
            for r, q, h, v in _taps(geo, i, j):
                for c, channel in _channels(geo, o):
                    dw[o, r, q, c] += g[n, i, j, o] * x[n, h, v, channel]
    return dw


def conv2d_weight_bias_grad(x: Array, g: Array, geo: Geometry, method: str = "auto") -> tuple[Array, Array]:
    """The adjoints of conv2d in w and in b: db[o] += g[n,i,j,o]."""
    db = np.zeros(geo.O, g.dtype)
    for n, i, j in _windows(geo):
        db += g[n, i, j]
    return conv2d_weight_grad(x, g, geo), db


def im2col(x: Array, geo: Geometry, part: Part | None = None) -> Array:
    """One row for each window, the values that it sees: (N*OH*OW, KH*KW*C), zeros where the window leaves the image.

    ``part``: only the windows of these output rows and images.
    """
    cols = np.zeros((geo.N, geo.OH, geo.OW, geo.KH, geo.KW, geo.C), x.dtype)
    for n, i, j in _windows(geo):
        for r, q, h, v in _taps(geo, i, j):
            cols[n, i, j, r, q] = x[n, h, v]
    n0, n1, r0, r1 = part or geo.everything
    return cols[n0:n1, r0:r1].reshape((n1 - n0) * (r1 - r0) * geo.OW, geo.KH * geo.KW * geo.C)


def col2im(cols: Array, geo: Geometry, part: Part | None = None) -> Array:
    """The adjoint of im2col: every column value is added to the pixel that it came from."""
    n0, n1, r0, r1 = part or geo.everything
    windows = cols.reshape(n1 - n0, r1 - r0, geo.OW, geo.KH, geo.KW, geo.C)
    x = np.zeros((geo.N, geo.H, geo.W, geo.C), cols.dtype)
    for n, i, j in _windows(geo):
        if n0 <= n < n1 and r0 <= i < r1:
            for r, q, h, v in _taps(geo, i, j):
                x[n, h, v] += windows[n - n0, i - r0, j, r, q]
    return x


def max_pool2d(x: Array, geo: Geometry, mark: bool = False, drop: Drop | None = None) -> tuple[Array, Array]:
    """(y, arg): the largest value of each window and its position r*KW + q in the window.

    The padding is -inf. The first of equal values wins, and a NaN wins over everything (the last one, as in PyTorch). Where
    all is -inf, the first pixel that is not above or left of the image has the place (none at all may lie inside it).

    For windows of up to 127 taps arg can say more, so that one adjoint does the work of three: with ``mark`` the bit MARK says
    that the maximum is not positive (a ReLU before the pooling lets no gradient through); with ``drop`` dropout follows, and
    the places that it drops are NOWHERE.
    """
    y = np.zeros((geo.N, geo.OH, geo.OW, geo.C), x.dtype)
    arg = np.zeros(y.shape, argmax_dtype(geo))
    for n, i, j in _windows(geo):
        for c in range(geo.C):
            first_r = next(r for r in range(geo.KH) if i * geo.SH - geo.PH + r * geo.DH >= 0)
            first_q = next(q for q in range(geo.KW) if j * geo.SW - geo.PW + q * geo.DW >= 0)
            best, where = -np.inf, first_r * geo.KW + first_q
            for r, q, h, v in _taps(geo, i, j):
                value = x[n, h, v, c]
                if value > best or np.isnan(value):
                    best, where = value, r * geo.KW + q
            y[n, i, j, c], arg[n, i, j, c] = best, where | MARK if mark and best <= 0 else where
    if drop is not None:
        arg[~dropout_keep(y.shape, *drop)] = NOWHERE
        y = dropout(y, *drop)
    return y, arg


def max_unpool2d(g: Array, arg: Array, geo: Geometry, scale: float = 1.0) -> Array:
    """The adjoint of `max_gather2d`, times ``scale``: g goes to the pixel that ``arg`` names; one named twice gets the sum."""
    dx = np.zeros((geo.N, geo.H, geo.W, geo.C), g.dtype)
    for n, i, j in _windows(geo):
        for r, q, h, v in _taps(geo, i, j):
            for c in range(geo.C):
                if arg[n, i, j, c] == r * geo.KW + q:
                    dx[n, h, v, c] += scale * g[n, i, j, c]
    return dx


def max_gather2d(x: Array, arg: Array, geo: Geometry) -> Array:
    """Read from each window the value at the position that ``arg`` names: max pooling with the choice already made."""
    y = np.zeros((geo.N, geo.OH, geo.OW, geo.C), x.dtype)
    for n, i, j in _windows(geo):
        for r, q, h, v in _taps(geo, i, j):
            for c in range(geo.C):
                if arg[n, i, j, c] == r * geo.KW + q:
                    y[n, i, j, c] = x[n, h, v, c]
    return y


def pool_divisor(geo: Geometry, count_include_pad: bool) -> Array:
    """(OH, OW): by how many values each average is divided.

    With ``count_include_pad`` the padding counts, but not what ``ceil_mode`` adds beyond it (PyTorch's rule).
    """
    count = np.zeros((geo.OH, geo.OW), np.int64)
    for i in range(geo.OH):
        for j in range(geo.OW):
            for r in range(geo.KH):
                for q in range(geo.KW):
                    h, w = i * geo.SH - geo.PH + r, j * geo.SW - geo.PW + q
                    margin_h, margin_w = (geo.PH, geo.PW) if count_include_pad else (0, 0)
                    count[i, j] += -margin_h <= h < geo.H + margin_h and -margin_w <= w < geo.W + margin_w
    return count


def avg_pool2d(x: Array, geo: Geometry, divisor: Array) -> Array:
    """y[n,i,j,c] = (sum of the window's values) / divisor[i,j]."""
    y = np.zeros((geo.N, geo.OH, geo.OW, geo.C), x.dtype)
    for n, i, j in _windows(geo):
        for _, _, h, v in _taps(geo, i, j):
            y[n, i, j] += x[n, h, v]
        y[n, i, j] /= divisor[i, j]
    return y


def avg_pool2d_input_grad(g: Array, geo: Geometry, divisor: Array, masked_by: Array | None = None) -> Array:
    """The adjoint of avg_pool2d: every pixel of a window gets g / divisor; ``masked_by`` as in `conv2d_input_grad`."""
    dx = np.zeros((geo.N, geo.H, geo.W, geo.C), g.dtype)
    for n, i, j in _windows(geo):
        for _, _, h, v in _taps(geo, i, j):
            dx[n, h, v] += g[n, i, j] / divisor[i, j]
    return dx if masked_by is None else relu_mask(dx, masked_by)


def global_avg_pool2d(x: Array) -> Array:
    """(N, H, W, C) -> (N, 1, 1, C): the mean of every map, summed pixel by pixel."""
    n, height, width, c = x.shape
    y = np.zeros((n, 1, 1, c), x.dtype)
    for h in range(height):
        for w in range(width):
            y[:, 0, 0] += x[:, h, w]
    return y / x.dtype.type(height * width)


def dropout_keep(shape: tuple[int, ...], p: float, seed: int, call: int, xp: Any = np) -> Array:
    """Which entries survive dropout with probability 1 - p: entry i does if hash(i) >= p * 2**32.

    ``i`` counts the entries in memory order and hash(i) = mix(i * 0x9E3779B1 + key), where the key mixes the seed and the
    number of the call. A counter, not a state: any order gives the same mask, and so does every device.
    """
    key = dropout_key(seed, call)
    keep = np.zeros(shape, np.bool_)
    flat = keep.reshape(-1)
    for i in range(flat.size):
        flat[i] = mix(i * 0x9E3779B1 + key) >= int(p * 2**32)
    return xp.asarray(keep)


def dropout(x: Array, p: float, seed: int, call: int) -> Array:
    """y[i] = x[i] / (1 - p) where `dropout_keep` keeps entry i, else 0. Linear in x, and its own adjoint."""
    y = np.zeros_like(x)
    keep = dropout_keep(x.shape, p, seed, call)
    y[keep] = x[keep] * x.dtype.type(dropout_scale(p))
    return y


def dropout_scale(p: float) -> float:
    """By what dropout multiplies the values that it keeps."""
    return 0.0 if p == 1 else 1 / (1 - p)


def dropout_key(seed: int, call: int) -> int:
    """32 bits that stand for this call of dropout under this seed (64 bits of it count)."""
    return mix(mix(mix(seed) ^ (seed >> 32)) ^ call)


def mix(h: int) -> int:
    """Scramble the low 32 bits of ``h``: the finaliser of MurmurHash3 (Austin Appleby, public domain)."""
    h &= 0xFFFFFFFF
    h = (h ^ (h >> 16)) * 0x85EBCA6B & 0xFFFFFFFF
    h = (h ^ (h >> 13)) * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ (h >> 16)


def batch_norm(x: Array, weight: Array | None, bias: Array | None, eps: float, relu: bool = False) -> tuple[Array, Array, Array]:
    """(y, mean, var) of x (M, C): y = (x - mean) / sqrt(var + eps) * weight + bias; with ``relu`` 0 where that is negative."""
    rows, channels = x.shape
    y, mean, var = np.empty_like(x), np.empty(channels, x.dtype), np.empty(channels, x.dtype)
    for c in range(channels):
        mean[c] = sum(x[i, c] for i in range(rows)) / rows
        var[c] = sum((x[i, c] - mean[c]) ** 2 for i in range(rows)) / rows
        scale, shift = 1.0 if weight is None else weight[c], 0.0 if bias is None else bias[c]
        for i in range(rows):
            value = (x[i, c] - mean[c]) / np.sqrt(var[c] + eps) * scale + shift
            y[i, c] = 0.0 if relu and value < 0 else value
    return y, mean, var


def batch_norm_grad(g: Array, x: Array, mean: Array, var: Array, weight: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """(dx, dweight, dbias): with xhat = (x - mean) / s and s = sqrt(var + eps),

    dbias = sum(g), dweight = sum(g * xhat), dx = weight / s * (g - dbias / M - xhat * dweight / M).
    """
    rows, channels = x.shape
    dx, dweight, dbias = np.empty_like(x), np.empty(channels, x.dtype), np.empty(channels, x.dtype)
    for c in range(channels):
        s, scale = np.sqrt(var[c] + eps), 1.0 if weight is None else weight[c]
        xhat = [(x[i, c] - mean[c]) / s for i in range(rows)]
        dbias[c] = sum(g[i, c] for i in range(rows))
        dweight[c] = sum(g[i, c] * xhat[i] for i in range(rows))
        for i in range(rows):
            dx[i, c] = scale / s * (g[i, c] - dbias[c] / rows - xhat[i] * dweight[c] / rows)
    return dx, dweight, dbias


def softmax_cross_entropy(logits: Array, labels: Array, ignore_index: int = -100) -> tuple[Array, Array]:
    """(loss (N), its gradient (N, C)): -log(softmax(logits)[label]) for each row of (N, C), and softmax(logits) - one_hot(label).

    Both are 0 where the label is ``ignore_index``. Raises IndexError for any other label that is no class.
    """
    check_labels(labels, logits.shape[1], ignore_index)
    loss, slope = np.zeros(len(logits), logits.dtype), np.zeros_like(logits)
    for i, label in enumerate(labels):
        if label != ignore_index:
            largest = max(logits[i])  # taken out first, so that no exponential overflows
            powers = [np.exp(x - largest) for x in logits[i]]
            for c, power in enumerate(powers):
                slope[i, c] = power / sum(powers) - (c == label)
            loss[i] = np.log(sum(powers)) - (logits[i, label] - largest)
    return loss, slope


def check_labels(labels: Array, classes: int, ignore_index: int, operation: str = "cross_entropy") -> None:
    """Raises IndexError if a label is neither a class, 0 to ``classes`` - 1, nor ``ignore_index``."""
    counted = labels[labels != ignore_index]
    if counted.size and not 0 <= (low := int(counted.min())) <= (high := int(counted.max())) < classes:
        wrong = low if low < 0 else high
        raise IndexError(f"{operation}: class {wrong} is not one of the {classes} classes 0 to {classes - 1}")


def relu(x: Array) -> Array:
    """max(x, 0); NaN stays NaN."""
    return np.maximum(x, 0)


def relu_mask(g: Array, y: Array) -> Array:
    """The adjoint of a ReLU whose value was y: g where y > 0, else 0."""
    return np.where(y > 0, g, g.dtype.type(0))


def sgd(p: Array, g: Array, v: Array | None, *, lr: float, momentum: float, keep: float, decay: float, nesterov: bool) -> None:
    """One step in place: d = g + decay * p,  v = momentum * v + keep * d,  p -= lr * (d + momentum * v if nesterov else v).

    Without v (no momentum) p -= lr * d.
    """
    for i in np.ndindex(p.shape):
        d = g[i] + decay * p[i]
        if v is not None:
            v[i] = momentum * v[i] + keep * d
            d = d + momentum * v[i] if nesterov else v[i]
        p[i] -= lr * d


def adam(
    p: Array, g: Array, m: Array, v: Array, *, lr: float, beta1: float, beta2: float, scale: float, eps: float, decay: float,
    shrink: float,
) -> None:  # fmt: skip
    """One step in place: d = g + decay * p,  m = beta1 * m + (1 - beta1) * d,  v = beta2 * v + (1 - beta2) * d^2,

    p = shrink * p - lr * m / (sqrt(v) * scale + eps).
    """
    for i in np.ndindex(p.shape):
        d = g[i] + decay * p[i]
        m[i] = beta1 * m[i] + (1 - beta1) * d
        v[i] = beta2 * v[i] + (1 - beta2) * d * d
        p[i] = shrink * p[i] - lr * m[i] / (np.sqrt(v[i]) * scale + eps)
