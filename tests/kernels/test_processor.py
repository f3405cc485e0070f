"""What a processor is called, from what Linux says of it."""

from __future__ import annotations

import pytest

from ninx.kernels.processor import processor


def x86(vendor: str, family: int, model: int, name: str, flags: str) -> str:
    lines = (
        f"vendor_id\t: {vendor}",
        f"cpu family\t: {family}",
        f"model\t\t: {model}",
        f"model name\t: {name}",
        f"flags\t\t: {flags}",
    )
    return "\n".join(["processor\t: 0", *lines, ""])


CASES = [
    (x86("AuthenticAMD", 23, 49, "AMD EPYC", "sse2 avx2"), "AMD EPYC (Zen 2, family 23 model 49)", 32),
    (x86("AuthenticAMD", 25, 1, "AMD EPYC", "sse2 avx2"), "AMD EPYC (Zen 3, family 25 model 1)", 32),
    (x86("AuthenticAMD", 25, 33, "AMD Ryzen 9", "sse2 avx2"), "AMD Ryzen 9 (Zen 3, family 25 model 33)", 32),
    (x86("AuthenticAMD", 25, 97, "AMD Ryzen 9", "avx2 avx512f"), "AMD Ryzen 9 (Zen 4, family 25 model 97)", 64),
    (x86("AuthenticAMD", 26, 2, "AMD EPYC", "avx2 avx512f"), "AMD EPYC (Zen 5, family 26 model 2)", 64),
    (x86("AuthenticAMD", 21, 2, "AMD FX", "sse2"), "AMD FX (family 21 model 2)", 16),
    (x86("GenuineIntel", 6, 85, "Intel Xeon", "avx512f"), "Intel Xeon (Skylake or Cascade Lake, family 6 model 85)", 64),
    (x86("GenuineIntel", 6, 106, "Intel Xeon", "avx512f"), "Intel Xeon (Ice Lake, family 6 model 106)", 64),
    (x86("GenuineIntel", 6, 143, "Intel Xeon", "avx512f"), "Intel Xeon (Sapphire Rapids, family 6 model 143)", 64),
    ("model name\t: ARM\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\nFeatures\t: fp asimd\n", "ARM (Neoverse N1)", 16),
    ("model name\t: ARM\nCPU implementer\t: 0x41\nCPU part\t: 0xfff\nFeatures\t: asimd\n", "ARM (ARM's part 0xfff)", 16),
]


@pytest.mark.parametrize(("cpuinfo", "name", "widest"), CASES)
def test_known_processors(cpuinfo: str, name: str, widest: int) -> None:
    found, rest = processor(cpuinfo).split("; ")
    assert found == name
    assert rest.endswith(f" processor(s), vectors of up to {widest} bytes")


def test_one_that_says_nothing_is_no_error() -> None:
    assert "processor(s)" in processor("")
    assert "processor(s)" in processor()
