"""Not a part of the package: started in the folder above a clone, Python takes the clone itself for `ninx`, and runs this file.

It puts the package in its place: the one that is installed, or the folder ``ninx`` in here.
"""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

_clone = Path(__file__).resolve().parent
_inside = _clone / "ninx"
_spec = PathFinder.find_spec("ninx", [folder for folder in sys.path if Path(folder).resolve() != _clone.parent])
if _spec is None or _spec.loader is None:
    _spec = importlib.util.spec_from_file_location("ninx", _inside / "__init__.py", submodule_search_locations=[str(_inside)])
if __name__ == "ninx" and _spec is not None and _spec.loader is not None:
    _package = sys.modules["ninx"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(_package)
