"""Tests in a Python process of their own, for what a process does once: it compiles, starts threads, forks or dies."""

from __future__ import annotations

import os
import subprocess
import sys

import rooms

COMPILING = "ninx: compiling kernels (first run only)\n"


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a fresh interpreter that finds the helpers of these tests."""
    env = {**os.environ, "PYTHONPATH": rooms.PYTHONPATH, **environment}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False, timeout=600)


def succeeds(code: str, **environment: str) -> str:
    """What ``code`` writes to stderr, when it ends well."""
    run = python(code, **environment)
    assert run.returncode == 0, f"exit {run.returncode}: {run.stderr[-2000:]}"
    return run.stderr


def output(code: str, **environment: str) -> str:
    """What ``code`` writes to stdout, when it ends well."""
    run = python(code, **environment)
    assert run.returncode == 0, f"exit {run.returncode}: {run.stderr[-2000:]}"
    return run.stdout
