"""A network of one's own, from a Python file: ``net.py:make_net``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from ninx.kernels.names import unknown

from .. import nn


def from_file(target: str) -> nn.Module:
    """The network ``FILE.py:NAME``: a module, or a class or function that makes one without arguments. Runs the file.

    Raises ValueError, in one sentence, for what is missing, fails, or is no network.
    """
    file, _, name = target.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise ValueError(f"there is no file {file}")
    sys.path.insert(0, str(path.resolve().parent))  # what stands beside it can be imported, as when Python runs it
    try:
        namespace = _run(path)
    finally:
        sys.path.pop(0)
    if name not in namespace:
        raise ValueError(f"{file}: " + unknown("name", name, [key for key in namespace if not key.startswith("_")]))
    found = namespace[name]
    if not isinstance(found, nn.Module) and callable(found):
        try:
            found = found()
        except Exception as error:
            raise ValueError(f"{target}: {name}() raises {type(error).__name__}: {error}") from error
    if not isinstance(found, nn.Module):
        raise ValueError(f"{target} is no network (a ninx.nn.Module), but of the kind {type(found).__name__}")
    return found


def _run(path: Path) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{path} raises {type(error).__name__}: {error}") from error
    return vars(module)
