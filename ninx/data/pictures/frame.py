"""MNIST's frame: a light digit on dark, 20 pixels large, centred by mass in 28x28."""

from __future__ import annotations

import numpy as np
from PIL import Image as PillowImage

from ..dataset import Image

SIZE, BOX = 28, 20  # the digit fits a box of 20x20, and its centre of mass lies nearest to pixel (14, 14) of 28x28
LEAST = 16  # greys between ink and paper


def centre(grey: Image, name: str = "the image") -> Image:
    """Crop a light digit on dark (H, W), scale it to 20 pixels and centre it by mass in 28x28."""
    low, high = float(grey.min()), float(grey.max())
    if high - low < LEAST:
        raise ValueError(
            f"predict: {name} shows no digit: nothing stands out from its background (greys {low:.0f} to {high:.0f})"
        )
    ink = (grey - low) / (high - low)
    rows, cols = (np.flatnonzero((ink > 0.25).any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    scale = BOX / max(ink.shape)
    size = max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale))
    small = PillowImage.fromarray((ink * 255).astype(np.uint8)).resize(size, PillowImage.Resampling.LANCZOS)
    digit = np.asarray(small, np.float32)
    if 0 < digit.max() < 128:  # a hairline, which the small picture would hardly show
        digit = digit * (255 / digit.max())
    out = np.zeros((SIZE, SIZE), np.uint8)
    corner = [
        int(np.clip(round(SIZE / 2 - float((digit.sum(axis=1 - a) * np.arange(n)).sum() / digit.sum())), 0, SIZE - n))
        for a, n in enumerate(digit.shape)
    ]
    out[corner[0] : corner[0] + digit.shape[0], corner[1] : corner[1] + digit.shape[1]] = digit.astype(np.uint8)
    return out
