"""The text form of Protocol Buffers, in which Caffe's definitions of networks are written: ``name: value``, ``name { ... }``."""

from __future__ import annotations

import re
from typing import Any

from . import limits

Message = dict[str, list[Any]]  # the values of each name, in their order: texts, numbers, words, and messages

_TOKEN = re.compile(r"""\#[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[{}:;,]|[\w.+-]+|\S""")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?f?", re.IGNORECASE)


def read_prototxt(text: str) -> Message:
    """What a text says. Numbers become Python's, true and false too; other words and texts stay texts.

    Raises ValueError, with the line, for what is no such text, and for one that is too long or nests too deep.

    >>> from ninx.prototxt import read_prototxt
    >>> read_prototxt('name: "net" layer { type: POOL pad: 2 } layer { }')
    {'name': ['net'], 'layer': [{'type': ['POOL'], 'pad': [2]}, {}]}
    """
    if len(text) > limits.PROTOTXT:
        raise ValueError(f"it has {len(text):,} characters, and {limits.PROTOTXT:,} are the limit")
    whole: Message = {}
    around: list[Message] = [whole]  # the messages that are open
    name: str | None = None  # that a value is awaited for
    colon = False
    for found in _TOKEN.finditer(text):
        token = found.group()
        if token.startswith("#") or token in ",;":
            continue
        if token == "{" and name is not None and len(around) <= limits.DEPTH:
            inner: Message = {}
            around[-1].setdefault(name, []).append(inner)
            around.append(inner)
            name, colon = None, False
        elif token == "}" and name is None and len(around) > 1:
            around.pop()
        elif token == ":" and name is not None and not colon:
            colon = True
        elif colon and name is not None and (token[0] in "\"'" or re.fullmatch(r"[\w.+-]+", token)):
            around[-1].setdefault(name, []).append(_value(token))
            name, colon = None, False
        elif name is None and re.fullmatch(r"[A-Za-z_]\w*", token):
            name = token
        else:
            raise ValueError(f"line {text.count(chr(10), 0, found.start()) + 1}: {token[:40]!r} cannot stand there")
    if len(around) > 1 or name is not None:
        raise ValueError("it is cut off")
    return whole


def _value(token: str) -> Any:
    if token[0] in "\"'":
        return token[1:-1]
    if token in ("true", "false"):
        return token == "true"
    if _NUMBER.fullmatch(token) and len(token) <= 40:
        number = token.rstrip("fF")
        return int(number) if re.fullmatch(r"[+-]?\d+", number) else float(number)
    return token
