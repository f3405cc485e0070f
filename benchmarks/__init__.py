"""Benchmarks: each checks its outputs while it measures."""
