"""Where a name is defined: "kernels/strided.py im2col" is a file of the project and a function or class in it."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CUDA = r"^ *(?:extern .*|__global__ .*|__device__ .*|static .*)\b{}\("  # how a function of a .cu file begins


def split(target: str) -> tuple[str, str]:
    """("kernels/strided.py", "im2col") of the text of a role; the name may be missing."""
    path, _, name = target.strip().partition(" ")
    return path, name.strip()


def line(target: str) -> int:
    """The line on which the name begins, 1 for a whole file. Raises LookupError with what is missing."""
    path, name = split(target)
    file = ROOT / path
    if not file.is_file() or ROOT not in file.resolve().parents:
        raise LookupError(f"there is no file {path}")
    if not name:
        return 1
    found = _lines(file).get(name) if file.suffix == ".py" else _in_text(file, name)
    if found is None:
        raise LookupError(f"{path} defines no {name}")
    return found


@functools.cache
def _lines(file: Path) -> dict[str, int]:
    """The line of every function, class, method and assigned name of a Python file; a method goes by "Class.method" too."""
    found: dict[str, int] = {}

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                found.setdefault(prefix + node.name, first)
                if isinstance(node, ast.ClassDef):
                    visit(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.Assign):
                names = [t.id for t in node.targets if isinstance(t, ast.Name)]
                found.update((prefix + name, node.lineno) for name in names if prefix + name not in found)

    visit(ast.parse(file.read_text(encoding="utf-8")).body, "")
    return found


def _in_text(file: Path, name: str) -> int | None:
    """The line of a function of a CUDA file, or of a word elsewhere."""
    text = file.read_text(encoding="utf-8")
    pattern = CUDA.format(re.escape(name)) if file.suffix in (".cu", ".cuh") else rf"\b{re.escape(name)}\b"
    match = re.search(pattern, text, re.MULTILINE)
    return None if match is None else text.count("\n", 0, match.start()) + 1
