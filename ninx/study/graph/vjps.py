"""What a vjp is called, and what it keeps: its own text is the formula of the derivative, so the text is shown."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import numpy as np

from ...array import Array
from ...engine import Tensor, kernel_or_formula
from ...engine.kept import PLAIN, parts
from ...ops.operands import unbroadcast

BRIEF = 30  # characters of a formula that may stand for its name
PACKAGE = Path(__file__).parents[2]
_TWINS = kernel_or_formula(len, len).__code__
_UNBROADCAST = unbroadcast(Tensor(np.zeros(())), len).__code__


class Vjp(NamedTuple):
    """Which function of the cotangent g gives the gradient to a source.

    name    of the function that is called, or the formula itself: "conv2d_input_grad", "g * b"
    text    all of it, as it stands in the source: "conv2d_input_grad(g, weight, geo, method)"
    place   where: "functional/conv.py:90"
    """

    name: str
    text: str
    place: str

    @property
    def brief(self) -> str:
        """The function without what it is given, where that is long."""
        return f"{self.name}(…)" if f"{self.name}(" in self.text else self.name


def described(vjp: Any, number: int = 0, shape: tuple[int, ...] = ()) -> Vjp:
    """The vjp as a person reads it. ``number``: of the source, where one vjp serves several; ``shape``: of the value.

    >>> from ninx.study.graph.vjps import described
    >>> described(lambda g: g * 2).text
    'g * 2'
    """
    if not isinstance(vjp, FunctionType):
        name = getattr(vjp, "__qualname__", type(vjp).__qualname__)
        return Vjp(name, name, "")
    inner = _inner(vjp)
    if vjp.__code__ is _TWINS:  # the formula says what the kernel computes
        return described(inner["formula"], number, shape)
    if vjp.__code__ is _UNBROADCAST:
        found = described(inner["vjp"], number, shape)
        return found if inner["shape"] == shape else found._replace(text=f"sum_to({found.text}, {inner['shape']})")
    place = _place(vjp.__code__)
    expression = _expression(vjp.__code__)
    if isinstance(expression, ast.Tuple) and number < len(expression.elts):
        expression = expression.elts[number]
    elif isinstance(expression, ast.Call) and expression.args and isinstance(expression.args[0], ast.GeneratorExp):
        expression = expression.args[0].elt  # tuple(f(g, part) for part in parts): the same for every source
    if expression is None or isinstance(expression, ast.Tuple):
        return Vjp(_named(vjp), _named(vjp), place)
    text, called = ast.unparse(expression), _called(expression)
    if isinstance(step := inner.get(called), FunctionType) and text == f"{called}(g)":  # a function beside it, no more
        return described(step, number, shape)
    return Vjp(called or (text if len(text) <= BRIEF else _named(vjp)), text, place)


def _named(function: FunctionType) -> str:
    return function.__qualname__.replace("<locals>.", "").replace("<lambda>", "vjp")


def _inner(function: FunctionType) -> dict[str, Any]:
    """The variables that it closes over, by name."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # it is only defined later
            continue
    return found


def _place(code: CodeType) -> str:
    path = Path(code.co_filename)
    shown = path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else path.name
    return f"{shown}:{code.co_firstlineno}"


@lru_cache
def _tree(file: str, text: str) -> ast.AST | None:
    try:
        return ast.parse(text, file)
    except SyntaxError:  # a cell of a notebook with commands of its own
        return None


def _expression(code: CodeType) -> ast.expr | None:
    """What a lambda gives, or what a function of several lines returns where that is a call; None if that says nothing."""
    tree = _tree(code.co_filename, "".join(linecache.getlines(code.co_filename)))
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Lambda) and code.co_name == "<lambda>" and _is_code_of(node, code):
            return node.body
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name and node.lineno == code.co_firstlineno:
            return _returned(node)
    return None


def _is_code_of(node: ast.Lambda, code: CodeType) -> bool:
    """Is it this of the lambdas of a line? The instructions know where they come from."""
    places = [p for p in code.co_positions() if p[0] is not None and p[2] is not None and p[3] != p[2]]
    ends = [(p[1], p[3]) for p in places]
    return node.lineno == code.co_firstlineno and bool(ends) and max(ends) == (node.body.end_lineno, node.body.end_col_offset)


def _returned(function: ast.FunctionDef) -> ast.expr | None:
    """The first result that says something: no plain variable, and no array that a kernel made."""
    found = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]
    told = (e for e in found if not isinstance(e, (ast.Name, ast.Tuple)) and _called(e) not in ("Masked", "Tensor"))
    return next(told, None)


def _called(expression: ast.expr) -> str:
    """The function whose result an expression is; that of the inner one where its sum over repeated axes is taken."""
    if not isinstance(expression, ast.Call) or not isinstance(expression.func, ast.Name):
        return ""
    name = expression.func.id
    return _called(expression.args[0]) or name if name == "sum_to" else name


def held(vjp: Any) -> Iterator[tuple[str, Array]]:
    """The arrays that a vjp keeps, each with the name that it has there.

    >>> from ninx.study.graph.vjps import held
    >>> b = ninx.ones(2, 3)
    >>> [(name, array.shape) for name, array in held(lambda g: g * b)]
    [('b', (2, 3))]
    """
    seen: set[int] = set()
    waiting: list[tuple[str, Any, CodeType | None]] = [("", vjp, None)]
    while waiting:
        name, thing, code = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Tensor):
            yield name, thing.array
        elif isinstance(thing, np.ndarray):
            yield name, thing
        else:
            names = {id(part): inner for inner, part in _inner(thing).items()} if isinstance(thing, FunctionType) else {}
            for part, named_by in parts(thing, code):
                if type(part) not in PLAIN:
                    waiting.append((names.get(id(part), name), part, named_by))
