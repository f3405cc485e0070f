"""Compiled kernels on the disk, so that each is compiled once on a machine.

A file holds the machine code of one kernel for one choice of argument types: a checksum, then what Numba pickles. Three things
could make a process run wrong code, and each is ruled out before anything is unpickled:

* Code for something else. The folder's name is a hash of all that the code depends on: the sources of these kernels, the versions
  of Numba and its companions, the instruction set, the vector registers.
* A damaged file, or one under another's name. The checksum covers the names of folder and file as well as the content.
* A file that is only half written. It is written under a name of its own, and renamed when it is whole.

Several processes may fill one folder at the same time: see `claims`.

A file that fails is as good as none: the kernel is compiled, and its file written anew. A folder that cannot be written to is no
error either: the code then lives in this process.

Of the processor its instruction set counts, not its name. LLVM arranges the code for the processor that it finds, but uses the
instructions in the list of features only: what was compiled on one processor runs on every other with that list. So a container
can bring its cache along.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import platform
import sys
import threading
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numba
import numpy as np
from numba.core import codegen, sigutils
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from ...ahead import cache_root
from . import claims
from .vector import HOST

SOURCES = Path(__file__).parents[2]  # kernels/
CHECKSUM = 32  # bytes


@functools.cache
def cache_folder() -> Path:
    """Where compiled kernels lie: in the folder for caches, that of this exact build."""
    return build_folder(cache_root())


def build_folder(root: Path) -> Path:
    """In a folder for caches: that of this exact build."""
    versions = numba.__version__, llvmlite.__version__, np.__version__, sys.version
    build = hashlib.sha256(repr((hash_of_sources(SOURCES), versions, instruction_set(), HOST)).encode())
    return root / f"kernels-{build.hexdigest()[:16]}"


def hash_of_sources(folder: Path) -> str:
    """A hash of all Python files under a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


def instruction_set() -> tuple[str, ...]:
    """What tells the machine codes of two processors apart.

    LLVM's list of features is complete on x86 alone: elsewhere, or where the user has set one for Numba, the processor's name
    may stand for more than the list says.
    """
    features, name = codegen.get_host_cpu_features(), numba.config.CPU_NAME or llvm.get_host_cpu_name()
    if numba.config.CPU_FEATURES is not None:
        return llvm.get_process_triple(), numba.config.CPU_FEATURES, name
    complete = features and platform.machine().lower() in ("x86_64", "amd64")
    return llvm.get_process_triple(), features, "" if complete else name


class KernelCache(NullCache):  # type: ignore[misc]  # Numba has no types for mypy
    """What Numba asks for a function's machine code before it compiles, and to which it gives the code afterwards."""

    def __init__(self, name: str):
        self._name = name  # with its module

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The compiled code for these argument types; None: it has to be compiled."""
        path = self.path(signature)
        packed = _read(path)
        if packed is None:
            _announce()
            claims.take(path)
            packed = _read(path)  # another process may have made it meanwhile
            if packed is None:
                return None
            claims.give_up(path)
        # Numba would load its own functions first (context.refresh), for half a second. They are wanted for compiling alone: this
        # code is whole but for functions of C, and counts no references (see `compiled.LAUNCHED`).
        return CompileResult._rebuild(context, *pickle.loads(packed))

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep the code for the next process, if the folder can be written to.

        Raises ValueError for code that holds an address of this process, and would be wrong in any other.
        """
        if compiled.library.has_dynamic_globals:
            raise ValueError(f"{self._name}: its code holds the address of a global array; hand the array over as an argument")
        path = self.path(signature)
        packed = dumps(compiled._reduce())
        with contextlib.suppress(OSError):
            _write(path, _checksum(path, packed) + packed)
        claims.give_up(path)

    def path(self, signature: Any) -> Path:
        """The file of the code for these argument types."""
        kinds, _ = sigutils.normalize_signature(signature)
        key = hashlib.sha256(f"{self._name}{kinds}".encode()).hexdigest()[:16]
        return cache_folder() / f"{'.'.join(self._name.split('.')[-2:])}-{key}.kernel"


def _read(path: Path) -> bytes | None:
    """What is packed in a file; None if there is no whole one."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    packed = content[CHECKSUM:]
    return packed if content[:CHECKSUM] == _checksum(path, packed) else None


def _checksum(path: Path, packed: bytes) -> bytes:
    return hashlib.blake2b(f"{path.parent.name}/{path.name}:".encode() + packed, digest_size=CHECKSUM).digest()


def _write(path: Path, content: bytes) -> None:
    """The file appears under its name at once and whole, also where several write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    try:
        mine.write_bytes(content)
        mine.replace(path)
    finally:
        mine.unlink(missing_ok=True)


@functools.cache  # once
def _announce() -> None:
    sys.stderr.write("ninx: compiling kernels (first run only)\n")
    sys.stderr.flush()
