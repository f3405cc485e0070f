"""torchvision's transforms by their names, arguments and units, on Pillow images, arrays and tensors.

A Pillow image stays one until `ToTensor`, which makes a `Tensor` (C, H, W); the kinds are those of `ninx.data.kinds`. Chance
comes from the generator of `ninx.manual_seed`; inside a `DataLoader`, from that of the sample, so that workers change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import data
from ..data.composing import Compose
from ..data.values import Normalize
from ..engine import Tensor
from ..hints import hinted
from ..kernels.listing import only_public
from ..looks import shows
from . import functional
from .colours import ConvertImageDtype, Grayscale, Lambda, PILToTensor, ToPILImage
from .geometry import Pad, RandomAffine, RandomRotation, RandomVerticalFlip
from .modes import InterpolationMode

__all__ = [
    "CenterCrop",
    "Compose",
    "ConvertImageDtype",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandomAffine",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "ToPILImage",
    "ToTensor",
    "functional",
]


class ToTensor:
    """A Pillow image, or an array (H, W) or (H, W, C), to a `Tensor` (C, H, W): bytes from 0 to 1, all else with its own values.

    Raises TypeError for a tensor and for uint16, which torchvision would not scale either.

    >>> image = ninx.transforms.ToTensor()(np.full((28, 28), 255, np.uint8))
    >>> image.shape, image.dtype, image.max().item()
    ((1, 28, 28), dtype('float32'), 1.0)
    """

    __repr__ = shows()

    def __call__(self, pic: Any, rng: Any = None) -> Tensor:
        """The picture as a tensor."""
        return functional.to_tensor(pic)


class Resize(data.Resize):
    """Scale an image to ``size``: (height, width), or the length of the shorter side; see `ninx.data.Resize`.

    >>> from PIL import Image
    >>> ninx.transforms.Resize(240)(Image.new("RGB", (640, 480))).size
    (320, 240)
    """

    keeps_pictures = True


class CenterCrop(data.CenterCrop):
    """The window of ``size`` in the middle of an image. torchvision pads an image that is smaller; this raises ValueError.

    >>> ninx.transforms.CenterCrop(4)(ninx.zeros(3, 8, 8)).shape
    (3, 4, 4)
    """

    keeps_pictures = True


class RandomCrop(data.RandomCrop):
    """A window of ``size`` somewhere in an image, around which ``padding`` pixels are put first; see `ninx.data.RandomCrop`.

    >>> ninx.transforms.RandomCrop(32, padding=4)(ninx.zeros(3, 32, 32)).shape
    (3, 32, 32)
    """

    keeps_pictures = True


class RandomHorizontalFlip(data.RandomHorizontalFlip):
    """Mirror an image, left to right, with probability ``p``.

    >>> ninx.transforms.RandomHorizontalFlip(p=1)(ninx.tensor([[[1, 2, 3]]]))
    tensor([[[3, 2, 1]]])
    """

    keeps_pictures = True


if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted(__name__)

__dir__ = only_public(globals())
