"""The Chinese of the book: every sentence of the chapters and of the navigation has its translation, of today's sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_chapters import lost, script

polib = pytest.importorskip("polib", reason='the catalogues are read by polib: pip install -e ".[docs]"')
pytest.importorskip("sphinx", reason='the sentences are found by Sphinx: pip install -e ".[docs]"')
pytest.importorskip("myst_parser", reason='the pages are read by MyST: pip install -e ".[docs]"')

translate = script("translate.py")


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, polib.POFile]:
    """Today's sentences."""
    return translate.messages(tmp_path_factory.mktemp("messages"))


def test_every_sentence_is_translated(wanted: dict[str, polib.POFile]) -> None:
    left = translate.left_to_do(wanted, translate.catalogues())
    assert left == [], "\n".join(["run `python docs/translate.py` and translate what it names:", *left])


def marks(text: str) -> list[str]:
    """What must be in a translation as in the original: roles, code, and formulas."""
    return sorted(re.findall(r"\{[\w:]+\}`[^`]+`|`[^`]+`|\$[^$]+\$", text))


@pytest.mark.parametrize("name", sorted(translate.catalogues()))
def test_a_translation_has_the_code_and_the_formulas_of_its_sentence(name: str) -> None:
    for entry in translate.catalogues()[name]:
        if entry.msgstr and not entry.obsolete:
            assert marks(entry.msgstr) == marks(entry.msgid), entry.msgid
            assert lost(entry.msgstr) == []


def test_what_is_left_to_do_is_told(tmp_path: Path) -> None:
    def catalogue(*entries: tuple[str, str, bool]) -> polib.POFile:
        made = polib.POFile()
        made.extend(polib.POEntry(msgid=text, msgstr=told, flags=["fuzzy"] if fuzzy else []) for text, told, fuzzy in entries)
        return made

    wanted = {"book/01": catalogue(("one", "", False), ("two", "", False), ("three", "", False), ("four", "", False))}
    have = {"book/01": catalogue(("one", "一", False), ("two", "", False), ("three", "三?", True), ("five", "五", False))}
    assert translate.left_to_do(wanted, have) == [
        "book/01: not translated: 'two'",
        "book/01: changed: 'three'",
        "book/01: not translated: 'four'",
        "book/01: gone: 'five'",
    ]
