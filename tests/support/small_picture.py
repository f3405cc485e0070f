"""A picture of 6x8 pixels, drawn by chance, for the tests of transforms."""

import numpy as np
from PIL import Image


def new_rng(seed: int = 0) -> np.random.Generator:
    """The same draws in every test."""
    return np.random.default_rng(seed)


BYTES = new_rng().integers(0, 256, (6, 8, 3), np.uint8)
PICTURE = Image.fromarray(BYTES)
