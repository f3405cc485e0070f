"""Wherever Python is started, in the folder above a clone or in the clone, ``import ninx`` works or says what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from rooms import ROOT


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source, in a folder of the package's name as `git clone` makes it."""
    folder = tmp_path_factory.mktemp("above") / "ninx"
    folder.mkdir()
    for part in ("ninx", "kernels", "benchmarks"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "__init__.py", folder)
    return folder


def python(code: str, cwd: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *options, "-c", code], cwd=cwd, capture_output=True, text=True, timeout=60)


def test_in_the_folder_above_a_clone_the_package_is_found(clone: Path) -> None:
    """Python takes the clone itself for the package there, and found an empty one."""
    done = python("import ninx; print(ninx.tensor([1.0]), ninx.nn.Linear(1, 1), ninx.kernels.explain)", clone.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tensor([1.]) Linear(in_features=1, out_features=1, bias=True) <function explain")
    module = subprocess.run(
        [sys.executable, "-m", "ninx", "--version"], cwd=clone.parent, capture_output=True, text=True, timeout=60
    )
    assert module.stdout.startswith("ninx "), module.stderr


@pytest.mark.parametrize("above", [False, True])
def test_a_clone_that_is_not_installed_says_so(clone: Path, above: bool) -> None:
    """NumPy is found, but neither an installed ninx nor the file that tells Python where an editable one lies."""
    libraries = sysconfig.get_path("purelib")
    code = f"""
import sys
sys.path.append({libraries!r})
import numpy
sys.path.remove({libraries!r})
import ninx
"""
    done = python(code, clone.parent if above else clone, "-S")
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith(
        "ImportError: ninx is not installed, Python only sees its source: run `pip install -e .` in the clone"
    )
