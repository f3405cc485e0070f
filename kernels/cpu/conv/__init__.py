"""Convolution on the CPU: plan, packing, micro-kernels, and the two drivers that use them (direct and Winograd)."""
