"""The house: which file may import which, what ``import ninx`` loads, and what every public function owes its reader."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import types
from collections import Counter
from pathlib import Path

import pytest
from rooms import ROOT, TESTS

import ninx

FOLDERS = {"ninx": "ninx", "kernels": "ninx.kernels", "benchmarks": "ninx.benchmarks"}

# Lowest first. A module may import what stands on its own floor or below.
FLOORS = [
    {
        "ninx.kernels",
        "ninx.backends",
        "ninx.caffe_file",
        "ninx.devices",
        "ninx.files",
        "ninx.gpu",
        "ninx.hint_texts",
        "ninx.hints",
        "ninx.limits",
        "ninx.looks",
        "ninx.notebook",
        "ninx.old_torch_file",
        "ninx.pickled_arrays",
        "ninx.pickles",
        "ninx.protobuf_fields",
        "ninx.prototxt",
        "ninx.safetensors_file",
        "ninx.stored_numbers",
        "ninx.tables",
        "ninx.torch_file",
        "ninx.torch_writing",
    },  # all but the first: helpers that know nothing of the rest
    {"ninx.array"},
    {"ninx.engine", "ninx.generator", "ninx.random"},
    {"ninx.cuda"},
    {"ninx.ops"},
    {"ninx.functional"},
    {"ninx.nn"},
    {
        "ninx.freezing",
        "ninx.models",
        "ninx.data",
        "ninx.optim",
        "ninx.saving",
        "ninx.structure",
        "ninx.weight_names",
        "ninx.weights",
    },
    {"ninx.datasets", "ninx.transforms", "ninx.utils"},  # PyTorch's names for what stands in ninx.data
    {"ninx.parallel"},
    {"ninx.autograd", "ninx.study", "ninx.train", "ninx.doctor"},
    {"ninx.learn"},
    {"ninx.onnx"},
    {"ninx.cli", "ninx.__main__", "ninx.benchmarks"},
]

# Tensor's methods forward to ninx.ops (two of them to ninx.functional), above the engine: imports deferred to the first use.
EXCEPTIONS = {("ninx.engine.methods.deferred", "ninx.ops"), ("ninx.engine.methods.deferred", "ninx.functional")}
# The names in a module's _LAZY, which count as its imports, are imported by one function for all modules.
EXCEPTIONS |= {("ninx.hints", "ninx")}
EXCEPTIONS |= {("ninx.learn.exercise", "ninx")}  # an exercise is imported by its name
EXCEPTIONS |= {("ninx.nn.drawn", "ninx.study.graph")}  # net.graph(), imported on first use


def floor_of(module: str) -> int:
    """Where a module stands; what no floor names is an error, so that a new file finds its place here first."""
    if module == "ninx":
        return len(FLOORS) - 1  # ninx/__init__.py offers everything, hence may import everything; the commands may use it
    for floor, names in enumerate(FLOORS):
        if any(module == name or module.startswith(name + ".") for name in names):
            return floor
    raise AssertionError(f"{module} has no floor: give it one in FLOORS")


def modules() -> dict[str, Path]:
    """Every module of the three source folders by its name after installation."""
    found = {}
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = [package, *path.relative_to(ROOT / folder).with_suffix("").parts]
            found[".".join(p for p in parts if p != "__init__")] = path
    return found


MODULES = modules()


def imports_of(module: str, source: str, is_package: bool) -> set[str]:
    """Every module of ours that ``source`` imports: at the top, in a function, for type checkers or by import_module."""
    found = set()
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
            for alias in node.names:  # ``from ninx import kernels`` is an import of ninx.kernels
                found.add(f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            (name, *_) = node.args
            found.add(name.value if isinstance(name, ast.Constant) else "ninx")  # a computed name may be anything
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("_LAZY"):
            found |= {c.value for c in ast.walk(node.value) if isinstance(c, ast.Constant) and str(c.value).startswith("ninx.")}
    return {name for name in found if name == "ninx" or name.startswith("ninx.")}


def upward(module: str, source: str, is_package: bool = False) -> set[tuple[str, str]]:
    """The imports of ``source`` that point up."""
    return {(module, name) for name in imports_of(module, source, is_package) if floor_of(name) > floor_of(module)}


# -------------------------------------------------------------------- floors


@pytest.mark.parametrize(
    ("module", "line", "up"),
    [
        ("ninx.engine", "from . import ops", "ninx.ops"),
        ("ninx.engine", "def f():\n    import ninx.functional.conv", "ninx.functional.conv"),
        ("ninx.ops.arithmetic", "from ..functional.conv import conv2d", "ninx.functional.conv"),
        ("ninx.ops.arithmetic", "from .. import nn", "ninx.nn"),
        ("ninx.kernels.strided", "from ..array import empty", "ninx.array"),
        ("ninx.kernels.strided", "import ninx", "ninx"),
        ("ninx.optim.sgd", "from ninx import train", "ninx.train"),
        ("ninx.array", "import importlib\nimportlib.import_module('ninx.ops')", "ninx.ops"),
        ("ninx.optim", "_LAZY = {'Training': 'ninx.train.loop'}", "ninx.train.loop"),
        ("ninx.nn.module", "from .. import Tensor", "ninx"),
        ("ninx.engine", "from .array import Array", None),
        ("ninx.functional.conv", "from ninx import kernels", None),
        ("ninx.ops.linalg", "import numpy\nfrom .shapes import reshape", None),
    ],
)
def test_the_walk_sees_every_kind_of_import(module: str, line: str, up: str | None) -> None:
    assert upward(module, line) == ({(module, up)} if up else set())


def test_imports_point_down() -> None:
    found = set()
    for module, path in MODULES.items():
        found |= upward(module, path.read_text(encoding="utf-8"), path.name == "__init__.py")
    # The methods also name Tensor and Node of the engine, for type checkers only: their own floor.
    assert found == EXCEPTIONS


def test_no_two_files_of_tests_have_one_name() -> None:
    """pytest imports each by its name alone, and refuses the second one."""
    names = Counter(path.name for path in TESTS.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_file_has_a_floor() -> None:
    assert {"ninx.engine", "ninx.ops.arithmetic", "ninx.kernels.strided", "ninx.functional.conv"} <= set(MODULES)
    for module in MODULES:
        floor_of(module)
    with pytest.raises(AssertionError, match="no floor"):
        floor_of("ninx.attic")


def test_kernels_import_nothing_of_ninx() -> None:
    """Not even of itself under its full name: whoever copies the folder has kernels that work."""
    for path in (ROOT / "kernels").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                depth = len(path.relative_to(ROOT / "kernels").parts)
                assert node.level <= depth, f"{path.name}:{node.lineno} leaves the folder"
                names = [] if node.level else [node.module or ""]
            assert not any(name.split(".")[0] in ("ninx", "kernels") for name in names), f"{path.name}: {names}"


def test_a_module_never_bears_the_name_of_a_function_beside_it() -> None:
    """Else ``ninx.functional.linear`` is now the file, now the function, as the imports happen to run."""
    clashes = []
    for module in MODULES:
        package, _, name = module.rpartition(".")
        if package and not package.startswith("ninx.benchmarks"):
            there = getattr(importlib.import_module(package), name, None)
            if there is not None and not isinstance(there, types.ModuleType):
                clashes.append(module)
    assert clashes == []


def test_the_engine_stays_readable_in_one_sitting() -> None:
    """Its files without the methods, which are one line each; and what one reads to understand `backward`."""
    folder = ROOT / "ninx" / "engine"
    sources = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
    assert sum(len(source.splitlines()) for source in sources.values()) < 880
    parts = {
        node.name: ast.get_source_segment(sources[module], node) or ""
        for module in ("graph", "walk")
        for node in ast.parse(sources[module]).body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef))
    }
    assert sum(len(parts[name].splitlines()) for name in ("Node", "record", "walk")) <= 120
    assert not {"mask", "gate", "claim", "isinstance"} & set(re.findall(r"\w+", parts["walk"]))


# -------------------------------------------------------------------- import


def loaded_by(code: str, folder: Path) -> set[str]:
    """The modules that a fresh interpreter has loaded after ``code``."""
    code += "\nimport sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


HEAVY = {"numba", "cupy", "matplotlib", "typer", "rich", "pydantic", "PIL", "torch", "safetensors", "scipy", "pooch"}


def test_import_ninx_loads_no_other_library_than_numpy(tmp_path: Path) -> None:
    modules = loaded_by("import ninx", tmp_path)
    assert {"ninx", "ninx.kernels", "numpy"} <= modules
    assert not modules & HEAVY


def test_a_training_step_loads_no_other_library_either(tmp_path: Path) -> None:
    step = """
import ninx, ninx.functional as F
w = ninx.randn(2, 3, 1, 1, requires_grad=True)
F.conv2d(ninx.randn(1, 3, 4, 4), w).sum().backward()
"""
    # The compiled kernels bring Numba on first use, and Numba brings SciPy where it is installed.
    assert not loaded_by(step, tmp_path) & (HEAVY - {"numba", "scipy"})


# -------------------------------------------------------------------- documentation


def public(package: str) -> list[tuple[str, object]]:
    """The functions and classes that the modules of ``package`` define under a public name."""
    root = importlib.import_module(package)
    names = [package, *(m.name for m in pkgutil.walk_packages(root.__path__, package + "."))]
    return [
        (f"{name}.{key}", value)
        for name in names
        for key, value in vars(importlib.import_module(name)).items()
        if not key.startswith("_") and (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__ == name
    ]


@pytest.mark.parametrize("package", ["ninx.ops", "ninx.functional", "ninx.nn", "ninx.optim"])
def test_everything_public_is_documented(package: str) -> None:
    found = public(package)
    assert len(found) > 5
    undocumented = [name for name, value in found if not (value.__doc__ or "").strip()]
    assert undocumented == []


def test_the_top_level_is_documented_and_complete() -> None:
    functions = [f for name, f in vars(ninx).items() if not name.startswith("_") and inspect.isfunction(f)]
    assert len(functions) > 50
    assert [f.__name__ for f in functions if not f.__doc__] == []
    for name in ("tensor", "Tensor", "no_grad", "grad", "gradcheck", "manual_seed", "use_kernels", "detect_anomaly", "record"):
        assert callable(getattr(ninx, name))
    for name in ("functional", "nn", "optim", "kernels", "data", "models", "train"):
        assert isinstance(getattr(ninx, name), types.ModuleType)
    with pytest.raises(AttributeError, match="no attribute 'nothing_like_this'"):
        _ = ninx.nothing_like_this
