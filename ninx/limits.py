"""What a file may ask for: the limits that all readers share, and that their sentences name.

A file from a stranger may be small and yet promise, or unfold to, more than any memory holds. So before it is refused no file
takes more than 500 MB beyond its own size on disk, nor more than 5 seconds. What large files need grows with their bytes on disk:
SVHN's extra set (1.3 GB) unfolds to 1.6 GB, and the weights of VGG-16 have 553 MB.
"""

from __future__ import annotations

from typing import Any

UNFOLDED = 250_000_000  # bytes that any file may unfold to, however small it is,
UNFOLDED_TIMES = 2  # and as many more for each of its bytes on disk
PIXELS = 25_000_000  # that a picture may have, however small its file is,
PIXELS_PER_BYTE = 8  # and as many more for each of its bytes on disk
SCANS = 100  # of a JPEG: each goes through all pixels, and needs but a few bytes
SIDE = 4096  # pixels of a side that a recipe or a checkpoint makes pictures of
HEADER = 16_000_000  # bytes of JSON in a safetensors file; read, they may take twenty times as much
RECIPE = 100_000  # bytes of TOML
PROTOTXT = 1_000_000  # of a definition of Caffe's; ResNet-152's has 150,000
VALUES = 100_000  # in a table of TOML or JSON: of each that is wrong a sentence is made
DEPTH = 20  # of such tables in each other
NESTED = 200  # how deep lists and dictionaries may lie in each other
INSTRUCTIONS = 1_000_000  # of a pickle; each may make an object of 100 bytes
FIELDS = 200_000  # of a file of Protocol Buffers, however deep; a network of 1,000 layers has about 30,000
DIRECTORY = 4_000_000  # bytes of the list of a zip archive's parts
ELEMENTS = 1000  # variables of a MATLAB file, files of an archive
PARAMETERS = 1_000_000_000  # of a network that a recipe or a checkpoint wants made
WORKERS = 256  # threads that load images


def unfolded(on_disk: int) -> int:
    """How many bytes the content of a file may have, packed or not.

    >>> from ninx.limits import unfolded
    >>> unfolded(1_000_000)
    252000000
    """
    return UNFOLDED + UNFOLDED_TIMES * on_disk


def pixels(on_disk: int) -> int:
    """How many pixels a picture may have.

    >>> from ninx.limits import pixels
    >>> pixels(10_000_000)  # a telephone's 108 megapixels have 20 MB and more
    105000000
    """
    return PIXELS + PIXELS_PER_BYTE * on_disk


def check_table(tree: Any) -> None:
    """ValueError, which says the limit, if a tree of dictionaries and lists has too many values, or nests too deep.

    >>> ninx.limits.check_table({"a": [1, 2]})
    >>> ninx.limits.check_table([0] * 200_000)
    Traceback (most recent call last):
    ValueError: it has more than 100,000 values
    """
    count, level = 0, [tree] if isinstance(tree, (dict, list)) else []
    for _ in range(DEPTH):
        level = [below for above in level for below in (above.values() if isinstance(above, dict) else above)]
        count += len(level)
        if count > VALUES:
            raise ValueError(f"it has more than {VALUES:,} values")
        level = [value for value in level if isinstance(value, (dict, list))]
        if not level:
            return
    raise ValueError(f"it has tables in tables, more than {DEPTH} deep")
