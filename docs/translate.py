"""Bring the catalogues of the translators up to date: `python docs/translate.py`, then fill in docs/locale/zh_CN.

It reads every sentence of the chapters and of the navigation, and merges them into the catalogues: a new sentence has no
translation yet, one that was changed keeps its old translation and is marked "fuzzy". Then it says what is left to do.
    python docs/translate.py --check     changes nothing, and ends with 1 where something is left to do
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import polib

HERE = Path(__file__).parent
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


def update(wanted: dict[str, polib.POFile]) -> None:
    """Merge the sentences into the catalogues; what is gone is thrown away."""
    have = catalogues()
    for name, template in wanted.items():
        catalogue = have.get(name) or polib.POFile(wrapwidth=110)
        catalogue.wrapwidth = 110
        catalogue.metadata = {
            "Language": "zh_CN",
            "MIME-Version": "1.0",
            "Content-Type": "text/plain; charset=UTF-8",
            "Content-Transfer-Encoding": "8bit",
        }
        keep_changed(catalogue, template)
        path = LOCALE / f"{name}.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        catalogue.save(str(path))
    for name in have.keys() - wanted.keys():
        (LOCALE / f"{name}.po").unlink()


def main(arguments: list[str]) -> int:
    """Update, or only check; print what is left to do."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = messages(Path(folder))
    if arguments != ["--check"]:
        update(wanted)
    lines = left_to_do(wanted, catalogues())
    print("\n".join(lines) or "Every sentence is translated.")
    return 1 if lines and arguments == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
