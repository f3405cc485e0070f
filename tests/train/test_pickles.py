"""Pickles read as data, held against Python's own reader: what is read at all is what that makes of it."""

from __future__ import annotations

import io
import pickle
import pickletools
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ninx
from ninx.pickles import read_pickle

# An argument for each way in which an instruction may have one; several, so that no value is met by chance.
ARGUMENTS: dict[str, list[bytes]] = {
    "uint1": [b"\x00", b"\x01", b"\x02"],
    "uint2": [b"\x00\x00", b"\x05\x01"],
    "int4": [struct.pack("<i", n) for n in (0, 1, -7)],
    "uint4": [struct.pack("<I", n) for n in (0, 1, 3)],
    "uint8": [struct.pack("<Q", n) for n in (0, 1)],
    "long1": [b"\x00", b"\x02\xff\x7f", b"\x01\x80"],
    "long4": [b"\x01\x00\x00\x00\x05"],
    "float8": [struct.pack(">d", x) for x in (0.5, -2.0)],
    "string1": [b"\x02ab", b"\x00"],
    "string4": [b"\x01\x00\x00\x00c"],
    "bytes1": [b"\x01\xff", b"\x00"],
    "bytes4": [b"\x02\x00\x00\x00\x01\x02"],
    "bytes8": [b"\x01" + bytes(7) + b"x"],
    "bytearray8": [b"\x01" + bytes(7) + b"y"],
    "unicodestring1": [b"\x01k", b"\x02\xc3\xa4"],
    "unicodestring4": [b"\x01\x00\x00\x00m"],
    "unicodestring8": [b"\x01" + bytes(7) + b"n"],
    "decimalnl_short": [b"1\n", b"01\n"],
    "decimalnl_long": [b"12L\n"],
    "floatnl": [b"1.5\n"],
    "stringnl": [b"'s'\n"],
    "stringnl_noescape": [b"t\n"],
    "unicodestringnl": [b"u\n"],
    "stringnl_noescape_pair": [b"os\nsystem\n"],
}
INSTRUCTIONS = {op.name: op for op in pickletools.opcodes if op.name not in ("STOP", "PROTO", "FRAME")}
DATA = {  # what plain data needs; all else is refused by its name
    *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "MARK", "EMPTY_DICT"),
    *("EMPTY_LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET"),
    *("LONG_BINGET", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
}


def _code(name: str, rng: random.Random) -> bytes:
    op = INSTRUCTIONS[name]
    return op.code.encode("latin-1") + (b"" if op.arg is None else rng.choice(ARGUMENTS[op.arg.name]))


class _Plain(pickle._Unpickler):  # type: ignore[name-defined,misc]  # Python's own, in Python
    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError("no plain data")


def test_whatever_is_read_is_what_python_reads() -> None:
    """Random programs of all instructions, more of those that go well together."""
    rng, read = random.Random(0), 0
    usual = [n for n in DATA if n not in ("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD")]
    for _ in range(30_000):
        names = [rng.choice(usual if rng.random() < 0.9 else [*INSTRUCTIONS]) for _ in range(rng.randint(0, 7))]
        program = (
            b"\x80\x05" + b"".join(_code(name, rng) for name in names) + rng.choice([b".", b"t.", b"a.", b"s.", b"u.", b"\x87."])
        )
        try:
            ours = read_pickle(program, "it", {})
        except ValueError:
            continue
        try:
            theirs = _Plain(io.BytesIO(program), encoding="latin-1").load()
        except TypeError as error:  # what is a bytearray there is read as bytes here, which may be a key
            assert "unhashable type: 'bytearray'" in str(error)  # noqa: PT017
            continue
        assert ours == theirs, names
        read += 1
    assert read > 500


@pytest.mark.parametrize("name", sorted(INSTRUCTIONS.keys() - DATA))
def test_an_instruction_that_plain_data_does_not_need_is_refused_by_name(name: str) -> None:
    for before in (b"K\x01", b"K\x01K\x02", b"(K\x01K\x02", b"]K\x01", b"]q\x00(K\x01"):
        program = b"\x80\x05" + before + _code(name, random.Random(0)) + b"."
        with pytest.raises(ValueError, match=rf"it: cannot be read as plain data \(it has the instruction {name}, which"):
            read_pickle(program, "it", {})


def test_the_two_lists_name_every_instruction() -> None:
    """So that one of a later Python is looked at."""
    assert INSTRUCTIONS.keys() >= DATA
    assert {op.arg.name for op in INSTRUCTIONS.values() if op.arg is not None} <= ARGUMENTS.keys()


@pytest.mark.parametrize("name", "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool".split())  # noqa: SIM905
def test_weights_of_a_machine_of_the_other_byte_order(tmp_path: Path, name: str) -> None:
    """PyTorch's own file, with the bytes of each number turned round."""
    tensor = torch.tensor([0.0, 1.5, -2.0, 96.0]).to(getattr(torch, name))
    torch.save({"w": tensor}, tmp_path / "little.pth")
    with zipfile.ZipFile(tmp_path / "little.pth") as little, zipfile.ZipFile(tmp_path / "big.pth", "w") as big:
        for part in little.namelist():
            content = little.read(part)
            if part.endswith("/byteorder"):
                content = b"big"
            elif "/data/" in part:
                content = np.frombuffer(content, f"V{tensor.element_size()}").view(np.uint8).reshape(4, -1)[:, ::-1].tobytes()
            big.writestr(part, content)
    found = ninx.load_weights(tmp_path / "big.pth")["w"].numpy()
    wanted = tensor.float() if name == "bfloat16" else tensor
    assert found.dtype == wanted.numpy().dtype
    assert found.tolist() == wanted.tolist()
