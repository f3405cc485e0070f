"""The tool that plants faults: each changes what it says, and a fault that is noticed is told from one that is not."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import mutate
import pytest
from mutants import of_cuda, of_python
from rooms import PYTHONPATH, ROOT


def _made(line: str) -> set[str]:
    return {ast.unparse(ast.parse(m.text)) for m in of_python(line)}


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        ("x = a < b", ["x = a <= b"]),
        ("x = a <= b", ["x = a < b"]),
        ("x = a > b", ["x = a >= b"]),
        ("x = a == b", ["x = a != b"]),
        ("x = a is b", ["x = a is not b"]),
        ("x = a not in b", ["x = a in b"]),
        ("x = a < b >= c", ["x = a <= b >= c", "x = a < b > c"]),
        ("x = a + b", ["x = a - b"]),
        ("x = a * b", ["x = a / b"]),
        ("x = a // b", ["x = a * b"]),
        ("x = a @ b", ["x = a * b"]),
        ("x = a << b", ["x = a >> b"]),
        ("x = a & b", ["x = a | b"]),
        ("x += a", ["x -= a", "pass"]),
        ("x = a and b", ["x = a or b"]),
        ("x = not a", ["x = a"]),
        ("x = -a", ["x = a"]),
        ("x = 3", ["x = 4", "x = 2"]),
        ("x = 0.5", ["x = 1.5", "x = -0.5"]),
        ("x = True", ["x = False"]),
        ("x = a if b else c", ["x = a if not b else c"]),
        ("f(a, b)", ["f(b, a)", "pass"]),
        ("f(a, k=b)", ["f(a)", "pass"]),
        ("x.y = a", ["pass"]),
        ("if a:\n    b = c", ["if not a:\n    b = c"]),
        ("while a:\n    b = c", ["while not a:\n    b = c"]),
        ("def f(k=1):\n    return k", ["def f(k=2):\n    return k", "def f(k=0):\n    return k"]),
        ("raise E", ["pass"]),
    ],
)
def test_each_fault_changes_what_it_says(line: str, faults: list[str]) -> None:
    assert _made(line) == set(faults)


@pytest.mark.parametrize(
    "line",
    [
        "x = a", "'a docstring of 3 words'", "x: Literal[3]", "x = f'{a + 1}'", "x = a + 'text'", "import a", "__all__ = [1]",
        "@cache(3)\ndef f() -> Literal[1]: ...", "X: TypeAlias = 'A | B'", "if TYPE_CHECKING:\n    x = 1",
    ],
)  # fmt: skip
def test_messages_types_and_decorators_are_left_alone(line: str) -> None:
    assert _made(line) == set()


def test_a_fault_knows_its_line_and_leaves_the_rest_of_the_text_alone() -> None:
    text = "# a comment: ä\nx = 'ä', (a\n     + b)  # another\n"
    (fault,) = of_python(text)
    assert (fault.line, fault.change) == (2, "a + b -> a - b")
    assert fault.text == "# a comment: ä\nx = 'ä', ((a - b))  # another\n"


def test_operators_of_a_cuda_file() -> None:
    text = "// a + b\nint i = a * b; /* a < b */\nif (i < n && i != 0) float *p = q;\n"
    assert [(m.line, m.change) for m in of_cuda(text)] == [
        (2, "int i = a * b; /* a < b */ -> int i = a / b; /* a < b */"),
        (3, "if (i < n && i != 0) float *p = q; -> if (i <= n && i != 0) float *p = q;"),
        (3, "if (i < n && i != 0) float *p = q; -> if (i < n || i != 0) float *p = q;"),
        (3, "if (i < n && i != 0) float *p = q; -> if (i < n && i == 0) float *p = q;"),
    ]


SMALL = """
import functools

LIMIT = 10

@functools.lru_cache
def double(x):
    return x + x

class Box:
    @property
    def size(self):
        return double(3) * 2

def below(x):
    return x < LIMIT

def of_the_table(n):
    return n * n

TABLE = [of_the_table(n) for n in range(4)]
"""
TESTS = """
from ninx.small import TABLE, Box, below, double

def test_it():
    assert double(3) == 6
    assert Box().size == 12
    assert below(9)
    assert TABLE[3] == 9
"""
FAULTS = {  # text, its change: is it noticed?
    ("x + x", "x - x"): True,  # in a function that remembers what it returned
    ("double(3) * 2", "double(3) / 2"): True,
    ("x < LIMIT", "x <= LIMIT"): False,  # no test goes to the limit
    ("LIMIT = 10", "LIMIT = 11"): False,  # nor notices this, outside of any function
    ("LIMIT = 10", "LIMIT = 9"): True,
    ("n * n", "n + n"): True,  # the function ran before any test did
    ("n * n", "n * n + n // 4"): False,
    ("x < LIMIT", "not [0 for _ in iter(int, 1)]"): True,  # without an end
}


@pytest.mark.slow
def test_noticed_and_missed_faults_are_told_apart(tmp_path: Path) -> None:
    """In a process of its own, which does not know ninx yet."""
    for name, text in (
        ("ninx/__init__.py", ""),
        ("ninx/small.py", SMALL),
        ("tests/test_small.py", TESTS),
        ("pyproject.toml", ""),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    code = f"""
import sys, time; sys.path[:0] = {PYTHONPATH.split(":")!r}
from pathlib import Path
import mutate, mutants
small = {SMALL!r}
def fault(old, new):
    assert old in small
    return "ninx/small.py", mutants.Mutant(1 + small[:small.index(old)].count(chr(10)), "", small.replace(old, new))
faults = [fault(*f) for f in {list(FAULTS)!r}]
copy = Path({str(tmp_path)!r})
print(mutate.try_all(copy, faults, ["tests/test_small.py"], 20, 1e9))
print([mutate.from_the_start(copy, *f, ["tests/test_small.py"], 20) for f in faults[:3]])
print((copy / "ninx/small.py").read_text() == small)
(copy / "ninx/small.py").write_text("LIMIT = 1")
try:
    mutate.try_all(copy, faults, ["tests/test_small.py"], 20, 1e9)
except SystemExit as error:
    print("red without any fault" in str(error))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    wanted = list(FAULTS.values())
    assert ended.stdout.splitlines() == [str(wanted), str(wanted[:3]), "True", "True"], ended.stderr[-2000:]


def test_every_file_has_tests_that_are_there() -> None:
    for folder in mutate.ROOMS:
        files = {file for pattern in mutate.ROOMS[folder]["files"] for file in ROOT.glob(pattern)}
        assert files, folder
        for file in files:
            tests = mutate.tests_of(folder, str(file))
            assert all((ROOT / test).is_file() for test in tests), tests
            assert tests or not (of_python if file.suffix == ".py" else of_cuda)(file.read_text(encoding="utf-8")), file


def test_the_draw_is_that_of_the_seed() -> None:
    first, second = ([m.change for _, m in mutate.mutants(ROOT, "optim")] for _ in range(2))
    assert first == second
    assert len(first) > 500
