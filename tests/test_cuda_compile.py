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


def compiled(source: str, arch: str = "sm_90", real: type = np.float32, index: type = np.int32) -> tuple[bytes, str]:
    return nvrtc.compile(source, launcher.options(real, index) + CUPY_ADDS, arch)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_kernel_compiles_without_a_warning(arch: str, real: type, index: type) -> None:
    cubin, log = compiled(launcher.source(), arch, real, index)
    assert log == ""
    assert cubin.startswith(b"\x7fELF")
    names = host_cuda.kernels_of(launcher.source())
    assert len(names) == 19
    code = set(re.findall(rb"\.text\.(\w+)", cubin))
    assert code == {name.encode() for name in names}  # machine code for each, and for nothing else


def test_float_kernels_compute_in_float() -> None:
    """A constant without a type would make float32 kernels compute in float64, 32 to 64 times slower on most GPUs."""
    name, declared = "relu_gate", "? g[k] : (Real)0"
    float32, _ = compiled(launcher.source())
    careless, _ = compiled(launcher.source().replace(declared, "* 0.5 > 0.25 ? g[k] : 0"))
    assert not uses_doubles(float32)
    assert uses_doubles(careless), name
    assert uses_doubles(compiled(launcher.source(), real=np.float64)[0])


def test_a_wrong_source_does_not_compile() -> None:
    with pytest.raises(RuntimeError, match=r'pointwise.cu\(\d+\): error: identifier "yy" is undefined'):
        compiled(launcher.source().replace("value = y[k] + b", "value = yy[k] + b"))
    with pytest.raises(RuntimeError, match="nothing_like_this"):
        compiled('#include "nothing_like_this.h"\n' + launcher.source())
