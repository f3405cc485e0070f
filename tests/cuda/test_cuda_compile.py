"""The CUDA source compiles for real GPUs: by NVRTC, the compiler that CuPy uses, to machine code. It does not run here."""

from __future__ import annotations

import re

import host_cuda
import numpy as np
import nvrtc
import pytest

from ninx.kernels.cuda import launcher

pytestmark = pytest.mark.skipif(nvrtc.library() is None, reason="NVRTC is not installed (pip install nvidia-cuda-nvrtc)")

CUPY_ADDS = ("-ftz=true",)  # CuPy compiles with this, whatever one asks for
ARCHITECTURES = ["sm_75", "sm_80", "sm_90", "sm_120"]  # Turing, Ampere, Hopper, Blackwell
REALS = [np.float32, np.float64]


def compiled(source: str, arch: str = "sm_90", real: type = np.float32, index: type = np.int32) -> tuple[bytes, str]:
    return nvrtc.compile(source, launcher.options(real, index) + CUPY_ADDS, arch)


# All pairs of types for the newest architecture in every run, the wide indices of the others in the slow suite.
MATRIX = [
    pytest.param(arch, real, index, marks=[pytest.mark.slow] if index is np.int64 and arch != "sm_120" else [])
    for arch in ARCHITECTURES
    for real in REALS
    for index in (np.int32, np.int64)
]


@pytest.mark.parametrize(("arch", "real", "index"), MATRIX)
def test_every_kernel_compiles_without_a_warning(arch: str, real: type, index: type) -> None:
    cubin, log = compiled(launcher.source(), arch, real, index)
    assert log == ""
    assert cubin.startswith(b"\x7fELF")
    names = host_cuda.kernels_of(launcher.source())
    assert len(names) == 19
    code = set(re.findall(rb"\.text\.(\w+)", cubin))
    assert code == {name.encode() for name in names}  # machine code for each, and for nothing else


def uses_doubles(source: str, real: type = np.float32) -> bool:
    return re.search(rb"\.f64\b", compiled(source, "compute_90", real)[0]) is not None


def test_float_kernels_compute_in_float() -> None:
    """A constant without a type would make them compute in float64, 32 to 64 times slower on most GPUs."""
    assert not uses_doubles(launcher.source())
    assert uses_doubles(launcher.source(), np.float64)
    assert uses_doubles(launcher.source().replace("value = y[k] + b[k % C];", "value = 0.3 * y[k];"))


def test_a_wrong_source_does_not_compile() -> None:
    with pytest.raises(RuntimeError, match=r'pointwise.cu\(\d+\): error: identifier "yy" is undefined'):
        compiled(launcher.source().replace("value = y[k] + b", "value = yy[k] + b"))
    with pytest.raises(RuntimeError, match="nothing_like_this"):
        compiled('#include "nothing_like_this.h"\n' + launcher.source())
