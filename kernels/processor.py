"""Which processor this is, in words: its name, and the design behind it, which a virtual machine does not name."""

from __future__ import annotations

import platform
from pathlib import Path

from .threads import available

INTEL = {
    "Haswell": (0x3C, 0x3F, 0x45, 0x46), "Broadwell": (0x3D, 0x47, 0x4F, 0x56), "Skylake": (0x4E, 0x5E),
    "Skylake or Cascade Lake": (0x55,), "Kaby Lake or Coffee Lake": (0x8E, 0x9E), "Ice Lake": (0x6A, 0x6C, 0x7D, 0x7E),
    "Tiger Lake": (0x8C, 0x8D), "Alder Lake": (0x97, 0x9A), "Sapphire Rapids": (0x8F,), "Emerald Rapids": (0xCF,),
    "Granite Rapids": (0xAD, 0xAE),
}  # fmt: skip
AMD = {  # by family: where the models of each design start
    0x17: {0x00: "Zen", 0x30: "Zen 2"},
    0x19: {0x00: "Zen 3", 0x10: "Zen 4", 0x20: "Zen 3", 0x60: "Zen 4"},
    0x1A: {0x00: "Zen 5"},
}
ARM = {
    0xD08: "Cortex-A72", 0xD0B: "Cortex-A76", 0xD0C: "Neoverse N1", 0xD40: "Neoverse V1", 0xD49: "Neoverse N2",
    0xD4F: "Neoverse V2",
}  # fmt: skip
WIDEST = {"avx512f": 64, "avx2": 32, "sse2": 16, "asimd": 16}  # bytes of a vector, by the name of the feature


def processor(cpuinfo: str | None = None) -> str:
    """Name, design, family and model, number of processors, and the widest vectors; as Linux describes it in /proc/cpuinfo.

    >>> print(processor("vendor_id: AuthenticAMD\\ncpu family: 25\\nmodel: 17\\nmodel name: AMD EPYC").split(";")[0])
    AMD EPYC (Zen 4, family 25 model 17)
    """
    if cpuinfo is None:
        try:
            cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        except OSError:
            cpuinfo = ""
    facts: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())  # of the first processor
    name = facts.get("model name") or platform.processor() or platform.machine()
    design = _design(facts)
    features = f"{facts.get('flags', '')} {facts.get('Features', '')}".split()
    widest = next((size for feature, size in WIDEST.items() if feature in features), None)
    vectors = "" if widest is None else f", vectors of up to {widest} bytes"
    return f"{name}{design and f' ({design})'}; {available()} processor(s){vectors}"


def _design(facts: dict[str, str]) -> str:
    vendor = facts.get("vendor_id")
    if vendor in ("AuthenticAMD", "GenuineIntel"):
        family, model = int(facts["cpu family"]), int(facts["model"])
        known = None
        if vendor == "AuthenticAMD":
            known = next((name for first, name in reversed(AMD.get(family, {}).items()) if model >= first), None)
        elif family == 6:
            known = next((name for name, models in INTEL.items() if model in models), None)
        return f"{(known and f'{known}, ') or ''}family {family} model {model}"
    if facts.get("CPU implementer") == "0x41":
        return ARM.get(int(facts["CPU part"], 16), f"ARM's part {facts['CPU part']}")
    return ""
