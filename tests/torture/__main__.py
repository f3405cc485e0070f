"""What can happen to files and runs, made to happen many times, and one table of what became of them.

``python tests/torture corruptions --cases N``: damaged files for every reader. What is read of one may differ from what was
written where no sum covers the damage ("no sum") or where the sums were made to fit it ("fitted"); else it is "silent". Each case
is made from its reader's name and its number alone, so it can be made again: ``python tests/torture case "cifar python" 123``
writes its file and reads it here.

``python tests/torture kills --kills N``: trainings that are killed and resumed, compared with whole ones (see kills.py).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

import corpus
import pool
import worker

COLUMNS = ("cases", "crash", "hang", "memory", "foreign", "silent", "refused", "no sum", "fitted", "same")


def table(found: dict[str, pool.Tally]) -> str:
    """A line for each reader, and one for all."""
    rows = [("reader", *COLUMNS, "MB", "s")]
    for name in sorted(found):
        tally = found[name]
        rows.append((name, *(f"{tally.counts[c]:,}" for c in COLUMNS), str(tally.most_memory), f"{tally.longest:.1f}"))
    sums = [f"{sum(tally.counts[c] for tally in found.values()):,}" for c in COLUMNS]
    rows.append(("all", *sums, str(max(t.most_memory for t in found.values())), f"{max(t.longest for t in found.values()):.1f}"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )


def corruptions(arguments: argparse.Namespace) -> int:
    """Print the table; 1 if something is in it that must not be."""
    with tempfile.TemporaryDirectory() as folder:
        names = [name for name in corpus.readers(Path(folder)) if arguments.only in (None, name)]
    each = -(-arguments.cases // len(names))
    cases = ((name, number) for number in range(arguments.first, arguments.first + each) for name in names)
    found = pool.run(cases, arguments.workers, time.monotonic() + 60 * arguments.minutes)
    print(table(found))
    for name, tally in sorted(found.items()):
        for kind, (number, said) in tally.examples.items():
            print(f"{name} {number}: {kind.split()[0]}: {said[:200]}")
    bad = sum(tally.counts[c] for tally in found.values() for c in ("crash", "hang", "memory", "foreign", "silent"))
    return int(bad > 0)


def case(arguments: argparse.Namespace) -> int:
    """Write the file of one case, and read it here."""
    with tempfile.TemporaryDirectory() as folder:
        reader = corpus.readers(Path(folder))[arguments.reader]
        path = Path.cwd() / reader.name
        path.write_bytes(worker.file_of(reader, arguments.reader, arguments.number)[0])
        print(f"wrote {path}", flush=True)
        print(reader.read(path))
    return 0


def kills(arguments: argparse.Namespace) -> int:
    """Print the table; 1 if a run did not end as the one that was never killed."""
    alone = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "NINX_KERNELS": "strided"}  # threads do not survive a fork
    command = [sys.executable, str(Path(__file__).with_name("kills.py")), str(arguments.kills), str(arguments.seed)]
    return subprocess.call(command, env=os.environ | alone)


def main() -> int:
    """The command line."""
    if sys.argv[1:] == ["--worker"]:
        worker.main()
        return 0
    parser = argparse.ArgumentParser(prog="python tests/torture", description=__doc__)
    commands = parser.add_subparsers(required=True)
    many = commands.add_parser("corruptions", help="damaged files for every reader")
    many.add_argument("--cases", type=int, default=10_000, help="over all readers")
    many.add_argument("--first", type=int, default=0, help="the number of the first case: others than those of an earlier run")
    many.add_argument("--minutes", type=float, default=float("inf"), help="stop then")
    many.add_argument("--workers", type=int, default=2, help="processes")
    many.add_argument("--only", help="one reader")
    many.set_defaults(do=corruptions)
    killing = commands.add_parser("kills", help="trainings that are killed and resumed")
    killing.add_argument("--kills", type=int, default=100)
    killing.add_argument("--seed", type=int, default=0)
    killing.set_defaults(do=kills)
    one = commands.add_parser("case", help="one case again")
    one.add_argument("reader")
    one.add_argument("number", type=int)
    one.set_defaults(do=case)
    arguments = parser.parse_args()
    return int(arguments.do(arguments))


if __name__ == "__main__":
    sys.exit(main())
