"""How objects show themselves at a prompt: short, and without ever failing. A debugger also shows what is only half made."""

from __future__ import annotations

import functools
import reprlib
from collections.abc import Callable, Iterable
from typing import Any

_BRIEF = reprlib.Repr()  # cuts long containers and texts, and survives a __repr__ that raises
_BRIEF.maxother = _BRIEF.maxstring = 1000


def few(names: Iterable[Any], most: int = 8) -> str:
    """The first names, and how many more there are: a list of a thousand classes would fill the screen.

    >>> from ninx.looks import few
    >>> few("abcdef", 3)
    'a, b, c and 3 more'
    """
    given = [str(name) for name in names]
    return ", ".join(given[:most]) + (f" and {len(given) - most} more" if len(given) > most else "")


def shortened(text: str, width: int) -> str:
    """The text, or its beginning and its end with "…" between them, ``width`` characters in all.

    >>> from ninx.looks import shortened
    >>> shortened("a_long_name_of_a_layer", 11)
    'a_lon…layer'
    """
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return text[: width - 1 - end] + "…" + text[len(text) - end :]


def printable(text: str) -> str:
    """The text with "?" for what a terminal would obey instead of showing: escape codes and line ends in a name, say.

    >>> from ninx.looks import printable
    >>> printable("a\\x1b[2Jb\\nc")
    'a?[2Jb?c'
    """
    return "".join(c if c.isprintable() else "?" for c in text)


def brief(value: Any) -> str:
    """Like ``repr``, but never long, and never an error.

    >>> from ninx.looks import brief
    >>> brief(list(range(100)))
    '[0, 1, 2, 3, 4, 5, ...]'
    """
    return _BRIEF.repr(value)


def unusual(thing: Any, **usual: Any) -> str:
    """ ", name=value" for each of these attributes that is there and differs from what it usually is.

    >>> from ninx.looks import unusual
    >>> unusual(nn.Conv2d(1, 1, 3, padding=1), padding=(0, 0), groups=1)
    ', padding=(1, 1)'
    """
    there = ((name, getattr(thing, name, value), value) for name, value in usual.items())
    return "".join(f", {name}={value}" for name, value, default in there if value != default)


def unfailing(show: Callable[[Any], str]) -> Callable[[Any], str]:
    """``@unfailing`` before a ``__repr__``: of an object that is only half made it tells what is missing, and raises nothing.

    >>> object.__new__(ninx.data.CenterCrop)
    CenterCrop(not whole: 'CenterCrop' object has no attribute 'size')
    """

    @functools.wraps(show)
    def shown(self: Any) -> str:
        try:
            return show(self)
        except Exception as error:
            return f"{type(self).__name__}(not whole: {shortened(str(error) or type(error).__name__, 200)})"

    return shown


def shows(*names: str) -> Callable[[Any], str]:
    """A ``__repr__`` that tells these attributes: ``__repr__ = shows("size", "padding")``.

    >>> ninx.data.CenterCrop(24)
    CenterCrop(size=(24, 24))
    """
    return unfailing(lambda thing: f"{type(thing).__name__}({', '.join(f'{n}={brief(getattr(thing, n))}' for n in names)})")
