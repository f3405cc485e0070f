"""The convolutions of all presets, for the kernels' tests."""

from __future__ import annotations

from functools import cache

import pytest

import ninx
from ninx import models, nn
from ninx.kernels import geometry
from ninx.kernels.cpu import why_not
from ninx.kernels.geometry import Geometry


@cache
def preset_layers() -> tuple[Geometry, ...]:
    """Each different one that is compiled, for one image of the preset's size."""
    found: list[Geometry] = []
    original = geometry.convolution

    def noted(*args, **kwargs) -> Geometry:
        found.append(original(*args, **kwargs))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geometry, "convolution", noted)
        for name in models.names():
            with nn.shapes_only():
                ninx.summary(models.create(name), models.preset(name).input_shape)
    return tuple(dict.fromkeys(geo for geo in found if why_not(geo) is None))


def batches(*sizes: int) -> list[Geometry]:
    """The same for batches of these sizes."""
    return [geo._replace(N=n) for n in sizes for geo in preset_layers()]
