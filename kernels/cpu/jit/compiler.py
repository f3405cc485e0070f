"""Numba's compiler without what kernels do not need. What that saves is in docs/KERNELS.md, "The first run, and the second".

* Collecting garbage. Compiling makes millions of objects and leaves little garbage; Python would go over all of them again and
  again.
* LLVM's optimisation of every function by itself. It is followed by that of all of them together, which does the same and more;
  but not with the same result, and a few kernels are faster with it (`Thorough`).
* Passes over the function for list comprehensions and whole-array expressions, of which a kernel has none.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.typed_passes import NopythonRewrites
from numba.core.untyped_passes import InlineClosureLikes

UNUSED = (InlineClosureLikes, NopythonRewrites)


class KernelLibrary(JITCodeLibrary):  # type: ignore[misc]  # Numba has no types for mypy
    """The machine code of a kernel, and of all that it calls."""

    def _optimize_functions(self, module: Any) -> None:
        """What Numba does before the functions come together; only the sizes of types must be said."""
        module.data_layout = self._codegen._data_layout


class KernelCompiler(Compiler):  # type: ignore[misc]
    """Numba's way from a Python function to machine code."""

    library = KernelLibrary

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        """The compiled function."""
        if self.state.library is None:  # else it goes to that of its caller
            self.state.library = self.library(self.state.targetctx.codegen(), func.__qualname__)
            self.state.library.enable_object_caching()
        with _no_collection():
            return super().compile_extra(func)

    def define_pipelines(self) -> list[Any]:
        """Its passes."""
        pipelines: list[Any] = super().define_pipelines()
        for pipeline in pipelines:
            pipeline.passes = [(each, why) for each, why in pipeline.passes if each not in UNUSED]
        return pipelines


class Thorough(KernelCompiler):
    """With LLVM's optimisation of every function by itself."""

    library = JITCodeLibrary


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
