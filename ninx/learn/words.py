"""The grader's sentences in two languages: which one a learner reads, and what is filled in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .exercise import load, read_words

LANGUAGES = ("en", "zh")
COMMON = Path(__file__).parent / "words.toml"


def language(given: str | None) -> str:
    """The language that was asked for, else that of the environment (LC_ALL, LC_MESSAGES, LANG), else English.

    Raises ValueError for another one.

    >>> from ninx.learn.words import language
    >>> language("zh")
    'zh'
    """
    if given is None:
        set_to = next((os.environ[key] for key in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(key)), "")
        return "zh" if set_to.lower().startswith("zh") else "en"
    if given not in LANGUAGES:
        raise ValueError(f"learn: --lang is en or zh, not {given!r}")
    return given


def word(table: str, key: str, language: str, **values: Any) -> str:
    """A sentence of `words.toml`."""
    text: str = read_words(COMMON)[table][key][language]
    return text.format(**values)


def sentence(exercise: str, key: str, values: dict[str, Any], language: str) -> str:
    """What is said of a file: of a typical mistake by the exercise's own words, of anything else by the common ones."""
    if key == "passed":
        return word("labels", "right", language)
    words = load(exercise).words
    if key in words["mistakes"]:
        text: str = words["mistakes"][key][language]
        return text
    if key in words.get("faults", {}):
        text = words["faults"][key][language]
        return text.format(**values)
    part = values.get("part", "")
    return word("faults", key, language, **{**values, "part": word("labels", "part", language, name=part) if part else ""})
