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


DESIGNS = {  # the numbers are those of Linux: intel-family.h, and cputype.h of arm64; AMD's are the first and last of each range
    ("GenuineIntel", 6): {
        "Haswell": (60, 63, 69, 70), "Broadwell": (61, 71, 79, 86), "Skylake": (78, 94), "Skylake or Cascade Lake": (85,),
        "Kaby Lake or Coffee Lake": (142, 158), "Ice Lake": (106, 108, 125, 126), "Tiger Lake": (140, 141),
        "Alder Lake": (151, 154), "Sapphire Rapids": (143,), "Emerald Rapids": (207,), "Granite Rapids": (173, 174),
    },
    ("AuthenticAMD", 23): {"Zen": (0, 47), "Zen 2": (48, 255)},
    ("AuthenticAMD", 25): {"Zen 3": (0, 15, 32, 95), "Zen 4": (16, 31, 96, 175)},
    ("AuthenticAMD", 26): {"Zen 5": (0, 255)},
    ("ARM", 0x41): {
        "Cortex-A72": (0xD08,), "Cortex-A76": (0xD0B,), "Neoverse N1": (0xD0C,), "Neoverse V1": (0xD40,), "Neoverse N2": (0xD49,),
        "Neoverse V2": (0xD4F,),
    },
}  # fmt: skip


@pytest.mark.parametrize(("maker", "family"), DESIGNS)
def test_every_design(maker: str, family: int) -> None:
    for design, models in DESIGNS[maker, family].items():
        for model in models:
            if maker == "ARM":
                cpuinfo, told = f"CPU implementer: {family:#x}\nCPU part: {model:#x}", ""
            else:
                cpuinfo, told = x86(maker, family, model, "CPU", "sse2"), f", family {family} model {model}"
            assert f" ({design}{told}); " in processor(cpuinfo), model


def test_one_that_says_nothing_is_no_error() -> None:
    assert "processor(s)" in processor("")
    assert "processor(s)" in processor()
