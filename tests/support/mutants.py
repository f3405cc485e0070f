"""Small faults to plant in a source file, one at a time: what `tests/house/mutate.py` draws from.

A fault replaces one piece of the text, found by the syntax tree, so that the rest of the file stays as it is. Messages, types,
docstrings and decorators are left alone: what is looked for is whether a test notices a wrong computation.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """A file's text with one fault in it."""

    line: int
    change: str  # "a < b -> a <= b"
    text: str


COMPARISONS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.MatMult: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd,
}  # fmt: skip


def _faults(node: Any) -> Iterator[Any]:
    """What may stand in the place of a node."""

    def changed(**fields: Any) -> Any:
        new = copy.deepcopy(node)
        for name, value in fields.items():
            setattr(new, name, value)
        return new

    match node:
        case ast.Compare():
            for i, op in enumerate(node.ops):
                if type(op) in COMPARISONS:
                    yield changed(ops=[*node.ops[:i], COMPARISONS[type(op)](), *node.ops[i + 1 :]])
        case ast.BinOp() if type(node.op) in OPERATORS and not _is_text(node):
            yield changed(op=OPERATORS[type(node.op)]())
        case ast.AugAssign() if type(node.op) in OPERATORS:
            yield changed(op=OPERATORS[type(node.op)]())
            yield ast.Pass()
        case ast.BoolOp():
            yield changed(op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield ast.Constant(node.value + 1)
            yield ast.Constant(node.value - 1)
        case ast.IfExp():
            yield changed(test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Call():
            for i, keyword in enumerate(node.keywords):
                if keyword.arg is not None:  # the parameter keeps its default
                    yield changed(keywords=[*node.keywords[:i], *node.keywords[i + 1 :]])
            if len(node.args) > 1 and ast.dump(node.args[0]) != ast.dump(node.args[1]):
                yield changed(args=[node.args[1], node.args[0], *node.args[2:]])
        case ast.Expr() | ast.Raise():
            yield ast.Pass()
        case ast.Assign() if not all(isinstance(target, ast.Name) for target in node.targets):
            yield ast.Pass()


def _is_text(node: ast.BinOp) -> bool:
    """Is one side a text, a list or a tuple? Then another operator is no subtle fault."""
    sides = (node.left, node.right)
    return any(isinstance(s, (ast.JoinedStr, ast.List, ast.Tuple)) or isinstance(getattr(s, "value", None), str) for s in sides)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below, but for messages, types, docstrings and decorators."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, (ast.JoinedStr, ast.Import, ast.ImportFrom)):
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue  # a docstring, or the dots of a body that is none
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, (ast.AnnAssign, ast.Assign)) and (
                "TypeAlias" in ast.dump(child) or "__all__" in ast.dump(child)
            ):
                continue
            if isinstance(child, ast.FunctionDef) and any("overload" in ast.dump(d) for d in child.decorator_list):
                continue
            yield child
            yield from _parts(child)


def of_python(text: str) -> list[Mutant]:
    """Every fault that may be planted in a Python file."""
    raw, tree = text.encode(), ast.parse(text)
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    found = []

    def replaced(old: Any, new: Any) -> None:
        a = starts[old.lineno - 1] + old.col_offset
        b = starts[old.end_lineno - 1] + old.end_col_offset
        written = ast.unparse(ast.fix_missing_locations(new))
        inserted = f"({written})" if isinstance(old, ast.expr) else written
        changed = (raw[:a] + inserted.encode() + raw[b:]).decode()
        try:
            ast.parse(changed)
        except SyntaxError:  # where no brackets may stand
            return
        was = " ".join(raw[a:b].decode().split())
        found.append(Mutant(old.lineno, f"{was[:80]} -> {' '.join(written.split())[:80]}", changed))

    for node in _parts(tree):
        for new in _faults(node):
            replaced(node, new)
        if isinstance(node, (ast.If, ast.While)):
            replaced(node.test, ast.UnaryOp(ast.Not(), node.test))
    return found


CUDA = {
    " < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ", " == ": " != ", " != ": " == ", " + ": " - ", " - ": " + ",
    " * ": " / ", " / ": " * ", " && ": " || ", " || ": " && ", " += ": " -= ", " % ": " / ",
}  # fmt: skip


def of_cuda(text: str) -> list[Mutant]:
    """Every operator of a CUDA file for another one; comments are left alone."""
    code = re.sub(r"//[^\n]*|/\*.*?\*/", lambda m: re.sub(r"[^\n]", "~", m.group()), text, flags=re.DOTALL)
    found = []
    for match in re.finditer("|".join(re.escape(op) for op in sorted(CUDA, key=len, reverse=True)), code):
        a, b = match.span()
        line = text.count("\n", 0, a)
        changed = text[:a] + CUDA[match.group()] + text[b:]
        before, after = (t.splitlines()[line].strip() for t in (text, changed))
        found.append(Mutant(line + 1, f"{before} -> {after}", changed))
    return found
