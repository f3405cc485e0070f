"""Bring the catalogues of the translators up to date: `python docs/translate.py`, then fill in docs/locale/zh_CN.

It reads every sentence of the chapters and of the navigation, and merges them into the catalogues: a new sentence has no
translation yet, one that was changed keeps its old translation and is marked "fuzzy". Then it says what is left to do.
    python docs/translate.py --check     changes nothing, and ends with 1 where something is left to do
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import polib

HERE = Path(__file__).parent
HEADER = {"Language": "zh_CN", "MIME-Version": "1.0", "Content-Type": "text/plain; charset=UTF-8"}
LOCALE = HERE / "locale" / "zh_CN" / "LC_MESSAGES"


def messages(out: Path) -> dict[str, polib.POFile]:
    """What there is to translate: a catalogue for each page ("book/03-convolution"), by Sphinx."""
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-b",
        "gettext",
        "-t",
        "messages",
        "-d",
        str(out / "trees"),
        str(HERE),
        str(out),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found = {path.relative_to(out).with_suffix("").as_posix(): polib.pofile(str(path)) for path in sorted(out.rglob("*.pot"))}
    return {name: catalogue for name, catalogue in found.items() if name != "sphinx"}


def is_its_own(text: str) -> bool:
    """Is there nothing to translate: only code, roles, formulas, numbers, or a formula of its own line without words?"""
    rest = re.sub(r"(\{[\w:]+\})?`[^`]+`|\$[^$]+\$", "", text)
    if "\\" in rest:  # a formula: its commands, and names of up to four letters, are not words
        rest = re.sub(r"\\(begin|end)\{\w+\}|\\[A-Za-z]+", " ", rest)
        return not re.search(r"[A-Za-z]{5}", rest)
    return not re.search(r"[A-Za-z]", rest)


def left_to_do(wanted: dict[str, polib.POFile], have: dict[str, polib.POFile]) -> list[str]:
    """A line for each sentence that is not translated, whose translation is of an older sentence, or that is gone."""
    lines = []
    for name in sorted(wanted.keys() | have.keys()):
        there = {entry.msgid: entry for entry in have.get(name, []) if not entry.obsolete}
        for entry in wanted.get(name, []):
            known = there.pop(entry.msgid, None)
            if known is None or not known.translated():
                what = "changed" if known is not None and known.fuzzy else "not translated"
                lines.append(f"{name}: {what}: {entry.msgid!r}")
        lines += [f"{name}: gone: {text!r}" for text in there]
        lines += [f"{name}: obsolete: {entry.msgid!r}" for entry in have.get(name, []) if entry.obsolete]
    return lines


def catalogues() -> dict[str, polib.POFile]:
    """The Chinese catalogues as they are."""
    return {path.relative_to(LOCALE).with_suffix("").as_posix(): polib.pofile(str(path)) for path in sorted(LOCALE.rglob("*.po"))}


def update(templates: Path) -> None:
    """Merge the sentences into the catalogues (sphinx-intl); what is gone is thrown away."""
    command = ["update", "-p", str(templates), "-d", str(LOCALE.parent.parent), "-l", "zh_CN", "-w", "110"]
    subprocess.run([sys.executable, "-m", "sphinx_intl", *command], check=True, capture_output=True)
    for name, catalogue in catalogues().items():
        catalogue[:] = [entry for entry in catalogue if not entry.obsolete]
        for place, entry in enumerate(catalogue):
            if is_its_own(entry.msgid) or (name == "book/glossary" and place > 1):  # whose table has both languages
                entry.msgstr, entry.flags = entry.msgid, []
        catalogue.metadata = HEADER
        catalogue.header = catalogue.fpath = ""
        catalogue.wrapwidth = 110
        catalogue.save(str(LOCALE / f"{name}.po"))


def main(arguments: list[str]) -> int:
    """Update, or only check; print what is left to do."""
    if arguments not in ([], ["--check"]):
        print(f"There is nothing called {' '.join(arguments)} here: give --check, or nothing.")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        wanted = messages(Path(folder))
        if arguments != ["--check"]:
            update(Path(folder))
    lines = left_to_do(wanted, catalogues())
    print("\n".join(lines) or "Every sentence is translated.")
    return 1 if lines and arguments == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
