"""A process that reads damaged files, one after the other, under limits; what became of each is one line of its output.

It may die of any of them: then the last line says which was the last that it survived.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import corpus
from damage import damaged

SECONDS = 5  # of the processor's time; then SIGPROF ends the process
MEGABYTES = 500  # beyond the size of the file
ROOM = 4 << 30  # bytes of addresses beyond those at the beginning: the machine itself is never in danger


def _memory(field: str) -> int:
    """Kilobytes: VmHWM the most since it was set back, VmRSS now, VmSize of addresses."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))


def _forget_the_most() -> None:
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def file_of(reader: corpus.Reader, name: str, number: int) -> tuple[bytes, bool]:
    """(the damaged file, whether its sums were made to fit the damage) of a case; the same whenever it is asked for."""
    rng = random.Random(f"{name} {number}")
    whole = reader.files[number % len(reader.files)]
    return damaged(rng, whole, reader.files, reader.name)


def main() -> None:
    """Cases come as lines "READER<tab>NUMBER"."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        readers = corpus.readers(Path(folder))
        sound = {name: [_sound(reader, name, Path(folder), file) for file in reader.files] for name, reader in readers.items()}
        resource.setrlimit(resource.RLIMIT_AS, (_memory("VmSize") * 1024 + ROOM,) * 2)
        print("ready", flush=True)
        for line in sys.stdin:
            name, number = line.rstrip("\n").split("\t")
            reader = readers[name]
            content, fitted = file_of(reader, name, int(number))
            _forget_the_most()
            before, start = _memory("VmRSS"), time.process_time()
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            outcome, found = read(reader, Path(folder), content)
            signal.setitimer(signal.ITIMER_PROF, 0)
            more = (_memory("VmHWM") - before) / 1000 - len(content) / 1e6
            if outcome == "read":
                changed = "fitted" if fitted else "silent" if reader.summed else "no sum"
                outcome = "same" if found in sound[name] else changed
            print(json.dumps([outcome, round(more), round(time.process_time() - start, 2), found]), flush=True)


def _sound(reader: corpus.Reader, name: str, folder: Path, file: bytes) -> object:
    """What is in a whole file."""
    outcome, found = read(reader, folder, file)
    if outcome != "read":
        raise SystemExit(f"torture: a whole file of the kind {name}: {found}")
    return found


def read(reader: corpus.Reader, folder: Path, content: bytes) -> tuple[str, object]:
    """(refused, read or foreign; the fingerprint of what was found, or the sentence)."""
    path = folder / reader.name
    path.write_bytes(content)
    try:
        return "read", corpus.fingerprint(reader.read(path))
    except Exception as error:
        text = str(error)
        plain = type(error) is ValueError or (type(error) is RuntimeError and text.startswith("load_state_dict"))
        plain = plain and "\n" not in text and 0 < len(text) < 3000
        return "refused" if plain else "foreign", text if plain else f"{type(error).__name__}: {text[:300]}"
