"""What holds on a machine with a GPU: the parts of `gpu_day_parts`, each in a process of its own with a limit of its own.

Started by gpu_day.sh. Whatever happens to a part, the others run, and both files are written after each.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import gpu_day_page

HERE = Path(__file__).parent


class Part(NamedTuple):
    """What a part finds out, and after how many seconds it is stopped."""

    title: str
    limit: int


PARTS = {
    "a": Part("the machine: doctor, driver, a kernel and a product", 40),
    "b": Part("the tests that run on a device, and the kernels against the loops", 150),
    "c": Part("compute-sanitizer: memcheck and racecheck over every kernel", 70),
    "d": Part("training the digits: the CPU's losses, and the accuracy", 50),
    "e": Part("copies between host and device, and of layouts, in a training step", 35),
    "f": Part("ninx bench conv and step, with PyTorch on the same GPU", 100),
    "g": Part("roofs, and each layer's share of them", 20),
}
assert sum(part.limit for part in PARTS.values()) <= 8 * 60 - 15  # which are left for installing


def run(letter: str, folder: Path, limit: float) -> dict[str, Any]:
    """One part: {"title", "status", "seconds", "lines", "figures", "log"}; status "ok", "red" or "not on this machine"."""
    found = folder / f"{letter}.json"
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        start = time.perf_counter()
        command = [sys.executable, str(HERE / "gpu_day_parts.py"), letter, str(found), str(limit)]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            process.wait(limit)
            stopped = ""
        except subprocess.TimeoutExpired:
            stopped = f"stopped after {limit:.0f} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # also what the part has started
            process.wait()
        seconds = time.perf_counter() - start
        log.seek(0)
        said = log.read()
    outcome = json.loads(found.read_text()) if found.exists() else {"status": "red", "lines": [], "figures": {}}
    if stopped or process.returncode:
        outcome["status"] = "red"
        outcome["lines"].append(stopped or f"exit code {process.returncode}")
    red = outcome["status"] == "red"
    return {"title": PARTS[letter].title, "seconds": round(seconds, 1), "log": said[-4000:] if red else ""} | outcome


def main() -> int:
    """The exit code is 1 if a part is red."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--parts", default="".join(PARTS), help="letters: only these")
    arguments = parser.parse_args()
    stand_in = os.environ.get("NINX_GPU_DAY") == "stand-in"
    day: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "where": "the stand-in for CuPy: no GPU, small sizes, and times that mean nothing" if stand_in else "a GPU",
        "python": platform.python_version(),
        "parts": {},
    }
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        for letter in arguments.parts:
            outcome = run(letter, Path(scratch), PARTS[letter].limit * (3 if stand_in else 1))
            day["parts"][letter] = outcome
            day["seconds"] = round(time.perf_counter() - start, 1)
            print(f"({letter}) {outcome['status']}, {outcome['seconds']} s: {'; '.join(outcome['lines'])}", flush=True)
            (arguments.folder / "gpu-day.json").write_text(json.dumps(day, indent=1) + "\n", encoding="utf-8")
            (arguments.folder / "gpu-day.md").write_text(gpu_day_page.page(day), encoding="utf-8")
    print(f"{day['seconds']} s; wrote {arguments.folder}/gpu-day.json and gpu-day.md")
    return int(any(part["status"] == "red" for part in day["parts"].values()))


if __name__ == "__main__":
    sys.exit(main())
