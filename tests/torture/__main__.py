"""What can happen to files and runs, made to happen many times, and one table of what became of them.

``python tests/torture corruptions --cases N``: damaged files for every reader. What is read of one may differ from what was
written where no sum covers the damage ("no sum") or where the sums were made to fit it ("fitted"); else it is "silent". Each case
is made from its reader's name and its number alone, so it can be made again: ``python tests/torture case "cifar python" 123``
writes its file and reads it here.

``python tests/torture -h`` lists the others, which each have a file of their own; ``python tests/torture all`` does everything.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

import bits
import corpus
import fuzz
import layout
import pool
import worker

HERE = Path(__file__).resolve().parent
OPTIONS: dict[str, dict[str, Any]] = {
    "cases": {"type": int, "default": 10_000, "help": "damaged files over all readers"},
    "first": {"type": int, "default": 0, "help": "the number of the first case: others than those of an earlier run"},
    "minutes": {"type": float, "default": 10.0, "help": "corruptions stop then; each reader is fuzzed for so long"},
    "workers": {"type": int, "default": 2, "help": "processes"},
    "only": {"help": "one reader"},
    "kills": {"type": int, "default": 100},
    "seed": {"type": int, "default": 0},
    "threads": {"type": int, "default": 8},
    "steps": {"type": int, "default": 200},
    "forks": {"type": int, "default": 200},
    "geometries": {"type": int, "default": 100, "help": "of each kind, type and end"},
    "flips": {"type": int, "default": 200},
    "tries": {"type": int, "default": 20},
    "findings": {"type": Path, "default": Path("findings"), "help": "the folder for files that are findings"},
}
COLUMNS = ("cases", "crash", "hang", "memory", "foreign", "silent", "refused", "no sum", "fitted", "same")


def table(found: dict[str, pool.Tally]) -> str:
    """A line for each reader, and one for all."""
    rows = [("reader", *COLUMNS, "MB", "s")]
    for name in sorted(found):
        tally = found[name]
        rows.append((name, *(f"{tally.counts[c]:,}" for c in COLUMNS), str(tally.most_memory), f"{tally.longest:.1f}"))
    sums = [f"{sum(tally.counts[c] for tally in found.values()):,}" for c in COLUMNS]
    rows.append(("all", *sums, str(max(t.most_memory for t in found.values())), f"{max(t.longest for t in found.values()):.1f}"))
    return layout.table(rows)


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


ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "NINX_KERNELS": "strided"}  # threads do not survive a fork


def kills(arguments: argparse.Namespace) -> int:
    """Print the table; 1 if a run did not end as the one that was never killed."""
    command = [sys.executable, str(HERE / "kills.py"), str(arguments.kills), str(arguments.seed)]
    return subprocess.call(command, env=os.environ | ALONE)


class Outcome(NamedTuple):
    """A line of the table of all: what was done, how often, what went wrong, and what is to be said besides."""

    what: str
    tried: int
    wrong: list[str]
    note: str = ""


def _said(file: str, *arguments: object, **environment: str) -> Any:
    """What one of the programs beside this one says, from JSON; or how it ended."""
    paths = os.pathsep.join([str(HERE), str(HERE.parent / "support"), str(HERE.parent / "kernels")])
    command = [sys.executable, str(HERE / file), *map(str, arguments)]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": paths} | environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return json.loads(done.stdout.strip().splitlines()[-1])
    return f"exit {done.returncode}: {done.stderr[-300:]}"


def threads(arguments: argparse.Namespace) -> Outcome:
    """Threads that train at once, each compared with the same work done alone."""
    found = _said("together.py", "threads", arguments.threads, arguments.steps)
    what = f"threads that train {arguments.steps} steps at once"
    if isinstance(found, str):
        return Outcome(what, arguments.threads, [found])
    return Outcome(what, found[1], [f"{found[1] - found[0]} differ from the same work done alone"] * (found[0] != found[1]))


def forks(arguments: argparse.Namespace) -> Outcome:
    """Forks while other threads train, answer and compile."""
    found = _said("together.py", "forks", arguments.forks)
    bad = [found] if isinstance(found, str) else [f"{n} children: {kind}" for kind, n in found.items() if kind != "right" and n]
    return Outcome("forks beside threads that compute", arguments.forks, bad)


def guards(arguments: argparse.Namespace) -> Outcome:
    """Kernels on arrays beside guard pages."""
    if not sys.platform.startswith("linux"):
        return Outcome("kernels beside guard pages", 0, [], "needs Linux's mprotect")
    found = _said("guards.py", arguments.geometries)
    died = _said("guards.py", 0, "trespass")
    bad = [found] if isinstance(found, str) else []
    bad += [] if isinstance(died, str) and died.startswith("exit -") else ["the guard pages do not kill"]
    return Outcome("kernels beside guard pages", 0 if isinstance(found, str) else found, bad)


def flips(arguments: argparse.Namespace) -> list[Outcome]:
    """Bits that flip in compiled kernels and in checkpoints."""
    import flips as flipping

    with tempfile.TemporaryDirectory() as folder:
        kernels = flipping.in_kernels(flipping.FEW, arguments.flips, Path(folder))
        checkpoints = flipping.in_checkpoints(arguments.flips, Path(folder))
    return [
        Outcome("bits that flip in compiled kernels", arguments.flips, kernels, "compiled anew"),
        Outcome("bits that flip in a checkpoint", arguments.flips, checkpoints, "refused in a sentence"),
    ]


def limits(arguments: argparse.Namespace) -> list[Outcome]:
    """Trainings that run out of disk or memory."""
    lines = []
    for kind, what in (("disk", "trainings on a disk that is full"), ("memory", "commands that run out of memory")):
        found = _said("limits.py", kind, arguments.tries, **ALONE)
        lines.append(Outcome(what, 0, [found]) if isinstance(found, str) else Outcome(what, *found))
    return lines


def fuzzing(arguments: argparse.Namespace) -> list[Outcome]:
    """Each reader fuzzed by coverage."""
    if not fuzz.there():
        print(fuzz.MISSING)
        return [Outcome("files fuzzed by coverage", 0, [], "atheris is not installed")]
    with tempfile.TemporaryDirectory() as folder:
        names = [name for name in corpus.readers(Path(folder)) if arguments.only in (None, name)]
    rows, wrong = [("reader", "minutes", "files", "edges", "finding")], []
    arguments.findings.mkdir(parents=True, exist_ok=True)
    for name in names:
        found = fuzz.fuzz(name, 60 * arguments.minutes, arguments.findings)
        rows.append((name, f"{arguments.minutes:g}", f"{found.runs:,}", str(found.edges), found.finding or "none"))
        wrong += [f"{name}: {found.finding}"] * bool(found.finding)
    print(layout.table(rows))
    files = sum(int(row[2].replace(",", "")) for row in rows[1:])
    return [Outcome("files fuzzed by coverage", files, wrong, f"{arguments.minutes:g} minutes a reader")]


def tell_bits(arguments: argparse.Namespace) -> int:
    """Print what is the same bit for bit, and where not by how much it differs; 1 if --deterministic is not."""
    found = bits.rows()
    print(layout.table(found))
    return int(any(row[0].startswith("--deterministic") and set(row[1:]) != {"same"} for row in found))


def told(*lines: Outcome) -> int:
    """Print the table of the lines, and what went wrong; 1 if something did."""
    rows = [("what", "tried", "wrong", "note"), *((o.what, f"{o.tried:,}", str(len(o.wrong)), o.note) for o in lines)]
    print(layout.table(rows))
    for line in lines:
        for sentence in line.wrong[:20]:
            print(f"{line.what}: {sentence[:300]}")
    return int(any(line.wrong for line in lines))


def all_of_it(arguments: argparse.Namespace) -> int:
    """Everything, one after the other: the tables of corruptions, kills and bits, then that of the rest."""
    ended = [corruptions(arguments), kills(arguments), tell_bits(arguments)]
    lines = [threads(arguments), forks(arguments), guards(arguments), *flips(arguments), *limits(arguments), *fuzzing(arguments)]
    return max(*ended, told(*lines))


def main() -> int:
    """The command line."""
    if sys.argv[1:] == ["--worker"]:
        worker.main()
        return 0
    parser = argparse.ArgumentParser(prog="python tests/torture", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="WHAT")

    def command(name: str, do: Callable[[argparse.Namespace], int], about: str, *options: str) -> None:
        added = commands.add_parser(name, help=about)
        for option in OPTIONS if name == "all" else options:
            added.add_argument(f"--{option}", **OPTIONS[option])
        added.set_defaults(do=do)

    command("all", all_of_it, "everything below, and one table")
    command("corruptions", corruptions, "damaged files for every reader", "cases", "first", "minutes", "workers", "only")
    command("kills", kills, "trainings that are killed and resumed", "kills", "seed")
    command("threads", lambda a: told(threads(a)), "threads that train at once", "threads", "steps")
    command("forks", lambda a: told(forks(a)), "forks while other threads compute", "forks")
    command("guards", lambda a: told(guards(a)), "kernels on arrays beside guard pages", "geometries")
    command("flips", lambda a: told(*flips(a)), "bits that flip in compiled kernels and checkpoints", "flips")
    command("limits", lambda a: told(*limits(a)), "a full disk, and too little memory", "tries")
    command("fuzz", lambda a: told(*fuzzing(a)), "coverage-guided fuzzing of every reader", "minutes", "only", "findings")
    command("bits", tell_bits, "what is the same bit for bit")
    one = commands.add_parser("case", help="one damaged file again")
    one.add_argument("reader")
    one.add_argument("number", type=int)
    one.set_defaults(do=case)
    arguments = parser.parse_args()
    return int(arguments.do(arguments))


if __name__ == "__main__":
    sys.exit(main())
