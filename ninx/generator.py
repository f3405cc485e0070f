"""A generator of its own, for what is to be drawn apart from all the rest: PyTorch's name on NumPy's generator."""

from __future__ import annotations

import numpy as np

from .random import checked_seed

__all__ = ["Generator"]


class Generator(np.random.Generator):
    """A NumPy generator with PyTorch's ``manual_seed``, on the host, with seed 0 at first; its numbers are not PyTorch's.

    >>> g = ninx.Generator().manual_seed(42)
    >>> train, held_out = ninx.data.random_split(range(10), [8, 2], generator=g)
    >>> len(train), len(held_out), g.initial_seed()
    (8, 2, 42)
    """

    def __init__(self, device: str = "cpu"):
        if str(device) != "cpu":
            raise ValueError(f"Generator: ninx draws on the host whatever the device, so device must be 'cpu', got {device!r}")
        super().__init__(np.random.PCG64(0))
        self._seed = 0

    def manual_seed(self, seed: int) -> Generator:
        """Start anew from ``seed``, and return the generator itself.

        >>> g = ninx.Generator()
        >>> bool(g.manual_seed(1).random() == g.manual_seed(1).random())
        True
        """
        self._seed = checked_seed(seed)
        self.bit_generator.state = np.random.PCG64(self._seed).state
        return self

    def initial_seed(self) -> int:
        """The seed it was started from.

        >>> ninx.Generator().manual_seed(3).initial_seed()
        3
        """
        return self._seed
