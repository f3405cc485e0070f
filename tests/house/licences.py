"""The licences of all packages that ninx wants, directly and by way of others, and whether each is one that may be used.

``python tests/house/licences.py`` lists what is installed here of the core and the extras that are installed, and ends with 1 if
a licence is not known to be harmless: then look at it, and add it to ALLOWED or, by the package's name, to EXCEPTIONS.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

# What a licence may be made of: those that allow all but to leave the names out; and MPL, which covers its own files alone.
ALLOWED = "|".join(
    [
        *("0BSD", r"Apache( Software)?( License)?(,? Version)?([ -]?2(\.0)?)?", "BSD(-[23]-Clause)?", "(3-Clause )?BSD License"),
        *("BSL-1.0", "CC0-1.0", "CNRI-Python", "FreeType", "HPND", "ISC(L| License.*)?", "LLVM-exception"),
        *("MIT(-CMU|-0)?( License)?", "Mozilla Public License 2.0.*", "MPL-2.0", "NCSA", "PSF(-2.0|L)?"),
        *("Python( Software Foundation)?( License)?(-2.0)?", "Unlicense", "Zlib"),
    ]
)
# Packages that are not, or do not say it in a way that a program reads, and why they may be used all the same.
EXCEPTIONS = {
    "igraph": "GPL-2.0-or-later: the optional extra graph alone, imported on use; nothing of it is part of ninx",
    "mpich": "MPICH's own, which allows to use, copy, change and pass on: the optional extra mpi alone, never shipped",
    "nvidia-cuda-nvrtc": "NVIDIA's own: a compiler for the tests alone, never shipped",
    "tbb": "Intel Simplified Software License: binary alone, passed on as it is, an optional backend",
    "tcmlib": "Intel's own: comes with tbb",
    "pyte": "LGPL-3.0: a terminal for the tests alone, never shipped",
}


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text.lower())


def _wanted(of: str) -> Iterator[str]:
    for line in metadata.requires(of) or ():
        found = re.match(r"[\w.-]+", line)
        if found:
            yield _name(found[0])


def _on_its_own(found: metadata.Distribution) -> bool:
    """Is it installed, and no part of another package? setuptools brings some along, and lays their folder on the path."""
    return "_vendor" not in Path(str(found.locate_file(""))).parts


def installed(root: str = "ninx") -> list[str]:
    """The packages that are installed of those that ``root`` wants, with all extras, and what these want in turn."""
    seen, waiting = set[str](), [*_wanted(root)]
    while waiting:
        name = waiting.pop()
        if name in seen or name == root:
            continue
        if not any(map(_on_its_own, metadata.distributions(name=name))):
            continue
        seen.add(name)
        waiting += _wanted(name)
    return sorted(seen)


def licence(name: str) -> str:
    """What a package says: its SPDX expression, else its classifiers, else the first line of its free text."""
    about = metadata.metadata(name)
    if said := about.get("License-Expression"):
        return str(said)
    classes = [c.rpartition(" :: ")[2] for c in about.get_all("Classifier") or () if c.startswith("License :: ")]
    classes = [c for c in classes if c != "OSI Approved"]
    return " OR ".join(classes) or (about.get("License") or "not said").strip().split("\n")[0][:60]


def allowed(said: str) -> bool:
    """Is each part of it harmless, or one of those between which one may choose?"""
    choices = re.split(r"\s+OR\s+|\s+or\s+", said.replace("(", " ").replace(")", " "))
    parts = [re.split(r"\s+AND\s+|\s+WITH\s+|\s+and\s+|\s*[,;/&]\s*", choice.strip()) for choice in choices]
    return any(all(re.fullmatch(ALLOWED, part.strip(), re.IGNORECASE) for part in choice) for choice in parts)


def main() -> int:
    """Print the list; 1 if a licence in it is not known to be harmless."""
    bad = []
    for name in installed():
        said = licence(name)
        note = EXCEPTIONS.get(name, "" if allowed(said) else "NOT KNOWN")
        bad += [name] * (note == "NOT KNOWN")
        print(f"{name:28} {metadata.version(name):16} {said[:60]:60} {note}".rstrip())
    if bad:
        print(f"look at the licences of {', '.join(bad)}, and add them to tests/house/licences.py")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
