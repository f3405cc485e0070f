"""Coverage-guided fuzzing: atheris changes files so that a reader comes to lines that it has not been to before.

Each reader is fuzzed in a process of its own (libFuzzer ends its process at a finding), which begins with the files of the
corpus. A finding is an exception that is no sentence, a crash, five seconds or 500 MB for one file; its file is kept.
"""

from __future__ import annotations

import importlib.util
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
MISSING = "atheris is not installed here (pip install atheris; it has wheels for Linux alone): nothing was fuzzed by coverage"


class Fuzzed(NamedTuple):
    """What became of one reader: files tried, edges of its code that were reached, and the finding; "" if there is none."""

    runs: int
    edges: int
    finding: str


def there() -> bool:
    """Is atheris installed?"""
    return importlib.util.find_spec("atheris") is not None


def fuzz(reader: str, seconds: float, findings: Path) -> Fuzzed:
    """Fuzz one reader for so long, or until the first finding, whose file goes into the folder ``findings``."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            str(HERE / "fuzz.py"),
            reader,
            folder,
            f"{findings}/{re.sub('[^a-z0-9]+', '-', reader.lower())}-",
        ]
        done = subprocess.run(
            [*command, str(max(int(seconds), 1))], capture_output=True, text=True, errors="replace", check=False
        )
    text = done.stdout + done.stderr
    told = re.findall(r"^#(\d+)\s+\w+.*?cov: (\d+)", text, re.MULTILINE)
    runs = [int(n) for n in re.findall(r"Done (\d+) runs", text)] or [int(n) for n, _ in told]
    said = [*re.findall(r"^(?:\w+\.)*\w*(?:Error|Exception|Warning)\b.*", text, re.MULTILINE), *re.findall(r"ERROR: .*", text)]
    if done.returncode == -signal.SIGPROF:
        said.insert(0, "one file takes too long")
    finding = "" if done.returncode == 0 else f"exit {done.returncode}: {(said or [text[-300:]])[0][:300]}"
    return Fuzzed(max(runs, default=0), max((int(edges) for _, edges in told), default=0), finding)


def _main(name: str, folder: Path, findings: str, seconds: str) -> None:
    """In a process of its own."""
    import atheris

    sys.path.insert(0, str(HERE.parent / "support"))
    with atheris.instrument_imports(include=["ninx", "PIL", "safetensors", "zipfile", "tarfile", "gzip", "tomllib"]):
        import corpus
        import worker

        reader = corpus.readers(folder)[name]
        for content in reader.files:
            worker.read(reader, folder, content)  # for what a reader imports when it is first used
    seeds = folder / "seeds"
    seeds.mkdir()
    for number, content in enumerate(reader.files):
        (seeds / str(number)).write_bytes(content)

    def one(content: bytes) -> None:
        signal.setitimer(signal.ITIMER_PROF, worker.SECONDS)  # of processor time; libFuzzer's is by the clock, for sleepers
        outcome, said = worker.read(reader, folder, content)
        signal.setitimer(signal.ITIMER_PROF, 0)
        if outcome == "foreign":
            raise AssertionError(f"{name}: {said}")

    longest = str(4 * max(map(len, reader.files)) + 1000)
    limits = [
        f"-max_total_time={seconds}",
        "-timeout=300",
        "-report_slow_units=300",
        "-rss_limit_mb=1500",
        f"-max_len={longest}",
        f"-artifact_prefix={findings}",
    ]
    atheris.Setup([sys.argv[0], *limits, str(seeds)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    _main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4])
