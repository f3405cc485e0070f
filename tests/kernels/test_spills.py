"""No vector is spilled in the loops that a convolution spends its time in, on this processor or another."""

from __future__ import annotations

import pytest

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")

import spills

# The transforms of Winograd's convolution hold 36 values at once, more than there are registers; they run once for each tile.
PRODUCTS = ["gemm_masked", "gemm1", "gemm2", "gemm_tn1", "gemm_tn2"]


@pytest.mark.parametrize("processor", spills.PROCESSORS)
def test_the_products_spill_no_vector(processor: str) -> None:
    found = spills.loops(processor)
    for name in PRODUCTS:
        for bits in (32, 64):
            loop = found[f"{name} {bits}"]
            assert loop.fmas >= 12, name  # the loop was found
            assert (loop.reads, loop.writes) == (0, 0), f"{name} {bits}: {loop}"


SPILLED = """
ninx_gemm:
	vmovaps	(%rsp), %ymm1
.LBB0_1:
	vmovups	-112(%rsp), %ymm9
	vfmadd213ps	-80(%rsp), %ymm9, %ymm4
	movq	8(%rsp), %rax
	vfmadd231ps	(%rbp), %ymm9, %ymm5
	vmovups	%ymm9, -112(%rsp)
	jne	.LBB0_1
	vmovaps	%ymm1, (%rsp)
"""
ARM = """
ninx_gemm:
	ldr	q3, [sp, #16]
.LBB0_8:
	ldr	q0, [sp, #32]
	ldp	q9, q8, [x29]
	fmla	v1.4s, v8.4s, v10.s[0]
	stp	q4, q5, [sp, #48]
	ldr	x9, [sp, #8]
	b.ne	.LBB0_8
"""


def test_spills_are_counted() -> None:
    """In the loop alone, vectors alone, and on the stack alone."""
    assert spills.innermost(SPILLED, spills.X86) == spills.Loop(2, 2, 1)
    assert spills.innermost(ARM, spills.ARM) == spills.Loop(1, 1, 1)
