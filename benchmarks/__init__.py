"""Benchmarks: where 1x1 and k x k convolutions stand on this machine, against PyTorch; ``ninx bench SUITE``."""

from .suites import SUITES, run

__all__ = ["SUITES", "run"]
