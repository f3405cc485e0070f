"""The vector registers of this processor, and how large a micro-tile of results fits into them.

A micro-kernel keeps a micro-tile of its result in registers: mr rows (pixels or channels) times nr columns, neighbouring output
channels that fill 1 or 2 vectors. All but a few registers go into it, because every value loaded is then used nr or mr times.

The environment variable NINX_VECTOR, for example "16x32" (bytes of a register x number of registers), overrides what was
found: "16x32" is the shape of ARM's NEON, "16x16" that of any x86-64.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import llvmlite.binding as llvm


@dataclass(frozen=True)
class Vector:
    """The shape of the vector registers: bytes of one, and how many there are."""

    bytes: int
    registers: int

    def lanes(self, itemsize: int) -> int:
        """How many numbers fit into one register."""
        return self.bytes // itemsize

    def mr(self, vectors: int) -> int:
        """Rows of a micro-tile that is 1 or 2 registers wide: 10 to 24 accumulators; the other registers hold the two factors.

        Of 16 registers 12 would be too many for tiles 1 wide: there each value of the first factor is used once, so the compiler
        adds into its register instead, and needs a few more to move the sums about.
        """
        if self.registers >= 32:
            return 12
        return 10 if vectors == 1 else 6


def host() -> Vector:
    """What this processor has: AVX-512, AVX2 with FMA, or the 16 bytes that every x86-64 and ARM64 has."""
    asked = os.environ.get("NINX_VECTOR")
    if asked is not None:
        size, _, registers = asked.partition("x")
        if size not in ("16", "32", "64") or registers not in ("16", "32"):
            raise ValueError(f"NINX_VECTOR must be 16, 32 or 64, an x, and 16 or 32, such as 32x16; got {asked!r}")
        return Vector(int(size), int(registers))
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return Vector(64, 32)
    if features.get("avx2") and features.get("fma"):
        return Vector(32, 16)
    return Vector(16, 32 if llvm.get_process_triple().startswith(("aarch64", "arm64")) else 16)


HOST = host()

# The same as plain numbers, which Numba folds into the code.
VECTOR_BYTES = HOST.bytes
MR1, MR2 = HOST.mr(1), HOST.mr(2)
