"""`save` and `load`: checkpoints of one's own, as PyTorch's torch.save and torch.load, but of plain data alone.

The file is a safetensors file: the arrays, and in its metadata a description in JSON of what they were in (see structure.py).
Reading it, as reading PyTorch's own files, executes nothing.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from . import limits
from .array import cuda_device, on_device
from .engine import Tensor
from .files import open_regular, write_atomically
from .structure import Describer
from .torch_file import Found
from .weights import SAVED, read_file


def save(obj: Any, f: Any) -> None:
    """Write ``obj`` into the file ``f``, a path or an object with ``write``; a path is written whole or not at all.

    What can be saved: tensors and parameters, NumPy's arrays and numbers, numbers, texts, True, False and None, and dictionaries,
    lists and tuples of them, such as ``state_dict()`` of networks, optimisers and schedules. `load` gives all of it back with
    its types (a dictionary of any kind as a plain one). Whether tensors share memory is not kept; a history is not, either.

    The format is safetensors, whatever the name of the file: PyTorch reads it with ``safetensors.torch.load_file``, not with
    ``torch.load``. Raises TypeError, which says where in ``obj`` it stands, for anything else: an object, a function, a network
    itself instead of its ``state_dict()``.

    >>> net = nn.Linear(3, 2)
    >>> ninx.save({"epoch": 3, "net": net.state_dict(), "betas": (0.9, 0.999)}, "checkpoint.pth")
    >>> checkpoint = ninx.load("checkpoint.pth")
    >>> checkpoint["epoch"], checkpoint["betas"], checkpoint["net"]["weight"].shape
    (3, (0.9, 0.999), (2, 3))
    >>> ninx.save({"net": net}, "net.pth")
    Traceback (most recent call last):
    TypeError: save: ['net'] is a Linear, whose state alone can be saved: .state_dict()
    """
    from safetensors.numpy import save as packed

    if not isinstance(f, (str, os.PathLike)) and not callable(getattr(f, "write", None)):
        order = "the object comes first, then the file" if isinstance(obj, (str, os.PathLike)) else "save(obj, path)"
        raise TypeError(f"save: writes into a path or an open file, not a {type(f).__name__}: {order}")
    if isinstance(f, io.TextIOBase):
        raise TypeError("save: the file is open for text; open it for bytes: open(path, 'wb')")
    describer = Describer()
    described = describer.describe(obj)
    try:
        structure = json.dumps(described)
    except ValueError as error:  # Python refuses to write whole numbers of thousands of digits
        raise ValueError(f"save: a whole number is too long to be written ({error})") from None
    if len(structure) > limits.HEADER // 2:  # beside it the header names the arrays
        raise ValueError(
            f"save: what is no array takes {len(structure):,} bytes, and {limits.HEADER // 2:,} are the limit; make long lists "
            "arrays: np.asarray(numbers)"
        )
    content = packed(describer.arrays, {"format": SAVED, "structure": structure})
    if isinstance(f, (str, os.PathLike)):
        write_atomically(Path(f), content)
    else:
        f.write(content)


def load(f: Any, map_location: Any = None, *, weights_only: bool = True) -> Any:
    """What `save`, or PyTorch's ``torch.save``, has written into the file ``f``: a path, or an object with ``read``.

    Also reads other safetensors files, and the weights of a checkpoint of `ninx.train`. Tensors come on the CPU unless
    ``map_location`` names another device. Nothing in a file is ever executed, so ``weights_only=False`` is as safe as True.
    Of PyTorch's files bfloat16 becomes float32, and a network that was saved itself, instead of its state_dict, is refused.

    Raises FileNotFoundError for what is not there, ValueError, in one sentence, for what is damaged or something else.

    >>> ninx.save([ninx.ones(2), "two"], "list.pt")
    >>> ninx.load("list.pt", map_location="cpu")
    [tensor([1., 1.]), 'two']
    """
    device = "cpu" if map_location is None else map_location
    if not isinstance(device, str):
        raise TypeError(
            f"load: map_location is a device, such as 'cpu' or 'cuda', not a {type(device).__name__}; "
            "move single tensors with .to() afterwards"
        )
    if device != "cpu":
        cuda_device(device)
    if isinstance(f, (str, os.PathLike)):
        path, where = Path(f), f"load {f}"
        if path.is_dir():
            raise IsADirectoryError(f"{where}: is a folder; name the file")
        if not path.exists():
            raise FileNotFoundError(f"load: there is no file {path}")
        with open_regular(path, "load ") as (file, _):
            found = read_file(file, where)
    elif callable(getattr(f, "read", None)):
        content = f.read()
        if not isinstance(content, bytes):
            raise TypeError("load: the file is open for text; open it for bytes: open(path, 'rb')")
        if not content:
            raise ValueError("load: the file is empty from where it stands; go back to its beginning first: f.seek(0)")
        found = read_file(io.BytesIO(content), "load")
    else:
        raise TypeError(f"load: reads a path or an open file, not a {type(f).__name__}")
    return _with_tensors(found, device, {})


def _with_tensors(value: Any, device: str, done: dict[int, Any]) -> Any:
    """The value with a tensor on the device for each one that was found; what is named twice is one thing."""
    if id(value) in done:
        return done[id(value)]
    made = value
    if isinstance(value, Found):
        made = Tensor(on_device(value.values, device), value.requires_grad)
    elif isinstance(value, dict):
        made = {k: _with_tensors(v, device, done) for k, v in value.items()}
    elif isinstance(value, (list, tuple)):
        made = type(value)(_with_tensors(v, device, done) for v in value)
    elif isinstance(value, np.ndarray) and not value.flags.writeable:
        made = value.copy()
    if made is not value:
        done[id(value)] = made
    return made
