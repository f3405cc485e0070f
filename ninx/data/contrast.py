"""The preparation of the paper's images: global contrast normalisation and ZCA whitening for CIFAR, local contrast for SVHN.

These are the ways of pylearn2, which the authors followed. They are slow and without chance: apply them once, with `prepared`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..looks import shows, unfailing
from .dataset import ArrayDataset, Image, LabelledDataset


class GlobalContrastNorm:
    """Subtract the mean of all values of an image (C, H, W), then scale the image to the Euclidean length ``scale``.

    y = scale * (x - mean) / sqrt(bias + sum((x - mean)^2)); an image shorter than ``epsilon`` after it is left as it is, centred.

    >>> image = np.random.default_rng(0).random((3, 8, 8), np.float32)
    >>> y = ninx.data.GlobalContrastNorm(scale=55)(image)
    >>> print(f"{np.linalg.norm(y):.2f}, mean {abs(y.mean()):.2f}")
    55.00, mean 0.00
    """

    __repr__ = shows("scale", "bias", "epsilon")

    def __init__(self, scale: float = 55.0, bias: float = 0.0, epsilon: float = 1e-8):
        if scale <= 0 or bias < 0:
            raise ValueError(f"GlobalContrastNorm: scale must be positive and bias at least 0, got {scale}, {bias}")
        self.scale, self.bias, self.epsilon = scale, bias, epsilon

    def __call__(self, image: Image, rng: np.random.Generator | None = None) -> Image:
        """The normalised image, float32."""
        centred = image - image.mean(dtype=np.float64)
        divisor = float(np.sqrt(self.bias + (centred**2).sum())) / self.scale
        return np.asarray(centred / (divisor if divisor >= self.epsilon else 1.0), np.float32)


class LocalContrastNorm:
    """In each channel of (C, H, W): take the Gaussian mean of the neighbours away, then divide by their deviation.

    v = x - G*x;  s = sqrt(G*v^2);  y = v / max(s, mean(s), ``threshold``), where G*x is the sum over ``kernel_size`` x
    ``kernel_size`` neighbours with Gaussian weights that sum to 1 (sigma pixels); outside the image everything is 0.

    >>> step = np.repeat([0.0, 1.0], 8)[None, None].repeat(16, axis=1)  # (1, 16, 16): dark on the left, light on the right
    >>> y = ninx.data.LocalContrastNorm()(step)[0, 8]
    >>> bool(y[7] < 0 < y[8])  # the edge stands out
    True
    """

    __repr__ = shows("kernel_size", "sigma", "threshold")

    def __init__(self, kernel_size: int = 7, sigma: float = 2.0, threshold: float = 1e-4):
        if kernel_size < 1 or kernel_size % 2 == 0 or sigma <= 0:
            raise ValueError(f"LocalContrastNorm: kernel_size must be odd and sigma positive, got {kernel_size}, {sigma}")
        self.kernel_size, self.sigma, self.threshold = kernel_size, sigma, threshold
        row = np.exp(-((np.arange(kernel_size) - kernel_size // 2) ** 2) / (2 * sigma**2))
        self.weights = row / row.sum()  # the Gaussian is the product of a row and a column, so two passes will do

    def _blur(self, x: Image) -> Image:
        half = self.kernel_size // 2
        for axis in (1, 2):
            pad = [(0, 0)] * 3
            pad[axis] = (half, half)
            wide, n = np.pad(x, pad), x.shape[axis]
            x = sum((w * wide.take(range(i, i + n), axis) for i, w in enumerate(self.weights)), np.zeros_like(x))
        return x

    def __call__(self, image: Image, rng: np.random.Generator | None = None) -> Image:
        """The normalised image, float32."""
        x = image.astype(np.float64)
        centred = x - self._blur(x)
        deviation = np.sqrt(self._blur(centred**2))
        mean = deviation.mean(axis=(1, 2), keepdims=True)
        return np.asarray(centred / np.maximum(np.maximum(deviation, mean), self.threshold), np.float32)


class ZCA:
    """Whitening that changes the images least: y = (x - mean) @ matrix, matrix = (cov + bias I)^(-1/2).

    `fit` finds mean and covariance in the training set; use the same for the test set. ``state_dict`` has the two arrays, to be
    saved with `ninx.save_weights` and given back to ``load_state_dict``. ``bias`` is .1 in the paper's pipeline.

    >>> images = np.random.default_rng(0).normal(size=(500, 1, 1, 2)) @ [[1.0, 0.9], [0.0, 0.5]]  # two pixels that go together
    >>> white = ninx.data.ZCA(bias=0).fit(images)(images).reshape(500, 2)
    >>> np.cov(white.T, bias=True).round(2) + 0.0  # + 0.0: no -0.0
    array([[1., 0.],
           [0., 1.]])
    """

    def __init__(self, bias: float = 0.1):
        if bias < 0:
            raise ValueError(f"ZCA: bias must be at least 0, got {bias}")
        self.bias = bias
        self.mean: Image | None = None
        self.matrix: Image | None = None

    def fit(self, images: Image, chunk: int = 1000) -> ZCA:
        """Learn from images (N, ...); sums are taken in float64, ``chunk`` images at a time.

        Raises ValueError for fewer than two images, and for a bias of 0 where a direction does not vary.

        >>> zca = ninx.data.ZCA().fit(np.random.default_rng(0).random((10, 3, 4, 4)))
        >>> zca.mean.shape, zca.matrix.shape
        ((48,), (48, 48))
        """
        rows = images.reshape(len(images), -1)
        if len(rows) < 2:
            raise ValueError(f"ZCA: needs at least 2 images to learn from, got {len(rows)}")
        mean = rows.mean(axis=0, dtype=np.float64)
        cov = np.zeros((rows.shape[1],) * 2)
        for i in range(0, len(rows), chunk):
            part = rows[i : i + chunk] - mean
            cov += part.T @ part
        values, vectors = np.linalg.eigh(cov / len(rows) + self.bias * np.eye(len(cov)))
        if values[0] <= 0:
            raise ValueError("ZCA: the images leave a direction in which nothing changes; use a positive bias")
        self.mean = mean.astype(np.float32)
        self.matrix = ((vectors / np.sqrt(values)) @ vectors.T).astype(np.float32)
        return self

    def __call__(self, image: Image, rng: np.random.Generator | None = None) -> Image:
        """The whitened image, or images (N, ...), float32."""
        if self.mean is None or self.matrix is None:
            raise ValueError("ZCA: fit it to the training images first")
        if image.size % self.mean.size:
            raise ValueError(f"ZCA: was fitted to images of {self.mean.size:,} values, got the shape {image.shape}")
        rows = image.reshape(-1, self.mean.size).astype(np.float32)
        return ((rows - self.mean) @ self.matrix).reshape(image.shape)

    def state_dict(self) -> dict[str, Image]:
        """The arrays that `fit` has found: mean (D) and matrix (D, D).

        >>> zca = ninx.data.ZCA().fit(np.random.default_rng(0).random((10, 3, 4, 4)))
        >>> {name: array.shape for name, array in zca.state_dict().items()}
        {'mean': (48,), 'matrix': (48, 48)}
        """
        if self.mean is None or self.matrix is None:
            raise ValueError("ZCA: fit it to the training images first")
        return {"mean": self.mean, "matrix": self.matrix}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> ZCA:
        """Take the arrays (or tensors) of a `state_dict`.

        >>> images = np.random.default_rng(0).random((10, 1, 2, 2))
        >>> a = ninx.data.ZCA().fit(images)
        >>> b = ninx.data.ZCA().load_state_dict(a.state_dict())
        >>> bool((a(images) == b(images)).all())
        True
        """
        given = (state_dict[key] for key in ("mean", "matrix"))
        mean, matrix = (np.asarray(v.numpy() if hasattr(v, "numpy") else v) for v in given)
        if mean.ndim != 1 or matrix.shape != (mean.size, mean.size):
            raise ValueError(f"ZCA: mean {mean.shape} and matrix {matrix.shape} do not belong together")
        self.mean, self.matrix = mean.astype(np.float32), matrix.astype(np.float32)
        return self

    @unfailing
    def __repr__(self) -> str:
        """With what it was fitted to."""
        fitted = "not fitted yet" if self.mean is None else f"fitted to images of {self.mean.size:,} values"
        return f"ZCA(bias={self.bias}; {fitted})"


def prepared(dataset: LabelledDataset, *transforms: Callable[[Image], Image]) -> ArrayDataset:
    """The data set after the transforms, which must be without chance, once for all epochs: images (N, C, H, W).

    >>> digits = ninx.data.digits("test").take(slice(10))
    >>> ninx.data.prepared(digits, ninx.data.ToTensor(), ninx.data.GlobalContrastNorm()).images.shape
    (10, 1, 28, 28)
    """
    images = [dataset[i][0] for i in range(len(dataset))]
    for transform in transforms:
        if isinstance(transform, ZCA):  # one matrix product for many images: far faster than one for each
            rows = np.stack(images)
            images = [white for i in range(0, len(rows), 1000) for white in transform(rows[i : i + 1000])]
        else:
            images = [transform(image) for image in images]
    return ArrayDataset(np.stack(images), dataset.labels, dataset.classes)
