"""Docstrings as the reference shows them: words stay words, names become links, examples and indented lines stay as they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from rooms import ROOT

pytest.importorskip("sphinx", reason='the reference is made by Sphinx: pip install -e ".[docs]"')


@pytest.fixture(scope="module")
def docstrings() -> Iterator[ModuleType]:
    """The extension of the site."""
    sys.path.insert(0, str(ROOT / "docs" / "_ext"))
    import docstrings

    yield docstrings
    sys.path.remove(str(ROOT / "docs" / "_ext"))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("y = x * w, |x| and x_.", r"y = x \* w, \|x\| and x\_."),
        ("See `conv2d`, `Tensor.view()` and ``a * b``.", "See :name:`conv2d`, :name:`Tensor.view()` and ``a * b``."),
        ("Not a name: `a + b`.", "Not a name: ``a + b``."),
        ("Two lines\nof a sentence.", "Two lines\nof a sentence."),
        ("|x|. Adjoint: g * sign(x)", r"\|x\|. Adjoint: g \* sign(x)"),
        (">>> 2 * 3\n6", ">>> 2 * 3\n6"),
        ("Formula:\n\n    y = x * w", "Formula:\n\n::\n\n        y = x * w"),
        ("* one `a`\n* two *", "* one :name:`a`\n* two \\*"),
        ("Items:\n* one\n* two", "Items:\n\n* one\n* two"),
    ],
)
def test_a_docstring_is_shown_as_it_is_meant(docstrings: ModuleType, written: str, shown: str) -> None:
    assert "\n".join(docstrings.converted(written.split("\n"))).strip() == shown
