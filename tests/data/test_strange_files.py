"""Files that a stranger would make: small, and asking for much. Each ends in a sentence, soon and in little memory."""

from __future__ import annotations

import gzip
import io
import os
import struct
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rationed
from official import drawn, write_svhn
from PIL import Image

import ninx
from ninx import data
from ninx.pickles import read_pickle

SECONDS, MEGABYTES = 5, 500  # beyond the size of the file


def _refused(code: str, path: Path, match: str) -> None:
    taken = rationed.read(code, path)
    assert taken.found.startswith("ValueError: "), taken
    assert match in taken.found
    assert path.name in taken.found
    assert taken.megabytes < MEGABYTES + path.stat().st_size / 1e6, taken
    assert taken.seconds < SECONDS, taken


def _zeros(count: int) -> bytes:
    """So many zeros, packed by zlib a million at a time."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(10**6)) for _ in range(count // 10**6)) + packer.flush()


# -------------------------------------------------------------------- SVHN


def _element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def _mat(*elements: bytes) -> bytes:
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"".join(elements)


def _variable(name: bytes, flags: int, shape: tuple[int, ...], values: bytes) -> bytes:
    head = _element(6, struct.pack("<II", flags, 0)) + _element(5, struct.pack(f"<{len(shape)}i", *shape)) + _element(1, name)
    return struct.pack("<II", 14, len(head) + len(values)) + head + values


def _packed(content: bytes) -> bytes:
    return struct.pack("<II", 15, len(content)) + content


def _huge() -> bytes:
    """X of 2.4 GB of zeros in 2.4 MB."""
    head = _variable(b"X", 9, (32, 32, 3, 781_250), struct.pack("<II", 2, 2_400_000_000))
    packer = zlib.compressobj(9)
    body = packer.compress(head[:4] + struct.pack("<I", 2_400_000_056) + head[8:])
    body += b"".join(packer.compress(bytes(10**6)) for _ in range(400))
    return _mat(_packed(body + packer.flush()))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (lambda: _mat(_variable(b"X", 1, (10**9, 1), b"")), "its X should be an array of numbers, but is a cell array"),
        (lambda: _mat(_packed(zlib.compress(_variable(b"X", 1, (10**9, 1), b"")))), "but is a cell array"),
        (_huge, "its X has 2,400,000,000 bytes, and 2"),
        (
            lambda: _mat(_variable(b"X", 6, (2**31 - 1, 1), struct.pack("<II", 2, 2**31 - 1))),
            "its X has 2,147,483,647 bytes, and",
        ),
        (lambda: _mat(_packed(_zeros(10**9))), "a packed element that is no variable"),
        (lambda: _mat(_element(14, b"") * 2000), "a variable without its flags"),
        (lambda: _mat(_variable(b"Z", 9, (1, 1), b"") * 2000), "it has more than 1,000 elements"),
    ],
    ids=["cells", "packed cells", "bomb", "promise", "zeros", "empty", "many"],
)
def test_matlab_files_that_ask_for_too_much(tmp_path: Path, content: Callable[[], bytes], match: str) -> None:
    path = tmp_path / "test_32x32.mat"
    path.write_bytes(content())
    _refused("ninx.data.svhn.read_svhn([path])", path, match)


@pytest.mark.parametrize("packed", [True, False])
def test_no_byte_of_a_matlab_file_ends_the_process(tmp_path: Path, packed: bool) -> None:
    """Each of the bytes that say what follows, set to 0 and to others: a sentence, or the data."""
    images, labels = drawn((10, 32, 32, 3), 10)
    write_svhn(tmp_path / "whole.mat", images, labels)
    whole = bytearray((tmp_path / "whole.mat").read_bytes())
    if not packed:
        at, found = 128, whole[:128]
        while at < len(whole):
            length = int.from_bytes(whole[at + 4 : at + 8], "little")
            found += zlib.decompress(whole[at + 8 : at + 8 + length])
            at += 8 + length
        whole = found
    path = tmp_path / "test_32x32.mat"
    path.write_bytes(whole)
    assert np.array_equal(data.svhn.read_svhn([path]).images, images)
    refused = 0
    for at in [*range(100, 230), *range(len(whole) - 120, len(whole))]:
        for value in (0, 1, 5, 0x7F, 0xFF):
            path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            try:
                found = data.svhn.read_svhn([path])
            except ValueError as error:
                refused += str(path) in str(error)
            else:
                assert found.images.shape == images.shape
    assert refused > 300


def test_the_sum_of_a_packed_variable_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "test_32x32.mat"
    write_svhn(path, *drawn((10, 32, 32, 3), 10))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # the last byte of the sum that zlib stores
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged, cut off or no MATLAB file"):
        data.svhn.read_svhn([path])


def test_numbers_of_every_kind_are_read_as_scipy_reads_them(tmp_path: Path) -> None:
    from scipy.io import loadmat, savemat

    kinds = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]
    fields = {f"v{k}": np.arange(6).reshape(2, 3).astype(k) for k in kinds} | {"deep": np.arange(24.0).reshape(2, 3, 4)}
    for packed in (True, False):
        savemat(tmp_path / "x.mat", fields, do_compression=packed)
        found, theirs = data.mat.read_mat(tmp_path / "x.mat", list(fields)), loadmat(tmp_path / "x.mat")
        assert found.keys() == fields.keys()
        for name, array in found.items():
            assert array.dtype == theirs[name].dtype
            assert np.array_equal(array, theirs[name]), name


# -------------------------------------------------------------------- IDX and CIFAR


def test_an_idx_file_that_promises_too_much(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    head = bytes((0, 0, 8, 3)) + struct.pack(">III", 2**17, 2**7, 2**7)
    path.write_bytes(gzip.compress(head, mtime=0) + gzip.compress(b"", mtime=0))
    _refused("ninx.data.read_idx(path, 3)", path, "its head promises 2,147,483,648 bytes, and 250,0")
    packer = zlib.compressobj(9, wbits=31)
    body = packer.compress(bytes((0, 0, 8, 1)) + struct.pack(">I", 200_000_000))
    path.write_bytes(body + b"".join(packer.compress(bytes(10**6)) for _ in range(1000)) + packer.flush())
    _refused("ninx.data.read_idx(path, 1)", path, "= 200,000,000 bytes, but it holds more")


@pytest.mark.slow
def test_archives_that_unfold_to_too_much(tmp_path: Path) -> None:
    path = tmp_path / "cifar-10-binary.tar.gz"
    for kind, size in ((tarfile.XHDTYPE, 2**30), (tarfile.REGTYPE, 2**30), (tarfile.REGTYPE, 0)):
        info = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        info.type, info.size = kind, size
        head = info.tobuf(tarfile.USTAR_FORMAT)
        packer = zlib.compressobj(9, wbits=31)
        body = packer.compress(head) + b"".join(packer.compress(b"11 a=bbbbb\n" * 10**5) for _ in range(1000))
        path.write_bytes(body + packer.flush())
        match = "unfolds to more than 250,000,000 bytes" if size else "the head of a file in it has no size"
        _refused("ninx.data.cifar.read_cifar([path], 'cifar10', 'test')", path, match)


def test_the_sum_of_an_archive_is_looked_at_to_its_end(tmp_path: Path) -> None:
    """One bit of a pixel, in an archive that stores its contents as they are."""
    images, labels = drawn((12, 32, 32, 3), 10)
    from official import cifar_binary

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        content = cifar_binary(images, labels)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    packed = bytearray(gzip.compress(out.getvalue(), 0, mtime=0))
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(packed)
    assert np.array_equal(data.cifar.read_cifar([path], "cifar10", "test").images, images)
    packed[2000] ^= 1
    path.write_bytes(packed)
    with pytest.raises(ValueError, match="is damaged or cut off"):
        data.cifar.read_cifar([path], "cifar10", "test")


# -------------------------------------------------------------------- pickles


def _tree(levels: int) -> bytes:
    """A tuple of three times the same tuple of three times the same ...: short, and endless when it is printed."""
    return b"K\x01" + b"".join(b"q%c" % i + b"h%c" % i * 2 + b"\x87" for i in range(levels))


PICKLES = {
    "a function's name": (b"\x80\x04" + _tree(40) + b"\x8c\x01x\x93.", "the name of a function that is no text"),
    "a type's name": (b"\x80\x02cnumpy\ndtype\n" + _tree(40) + b"\x85R.", "whose type has no text for a name"),
    "an encoding": (b"\x80\x02c_codecs\nencode\nX\x01\0\0\0a" + _tree(40) + b"\x86R.", "a text in an unknown encoding"),
    "an order of bytes": (b"\x80\x02cnumpy\ndtype\nX\x02\0\0\0u1\x85R(K\x03" + _tree(40) + b"tb.", "an unknown order of bytes"),
    "a shape": (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R(K\x01" + _tree(40) + b"NNNtb.",
        "is not that of a plain array of numbers",
    ),
    "many lists": (b"\x80\x02(" + b"]" * 3_000_000 + b"l.", "more than 1,000,000 instructions"),
    "copies of a text": (
        b"\x80\x02X" + struct.pack("<I", 10**6) + b"a" * 10**6 + b"q\0" + b"c_codecs\nencode\nh\0X\6\0\0\0latin1\x86R" * 5000,
        "its calls copy more than 252,",
    ),
}


@pytest.mark.parametrize("kind", PICKLES)
def test_short_pickles_that_would_take_long(tmp_path: Path, kind: str) -> None:
    pickled, match = PICKLES[kind]
    path = tmp_path / "test_batch"
    path.write_bytes(pickled)
    _refused("ninx.data.cifar.read_python(open(path, 'rb').read(), 'cifar10', path)", path, match)


def test_a_deep_pickle_is_read_or_refused() -> None:
    for body in (b")" + b"\x85" * 900_000, b"]" * 450_000 + b"a" * 449_999):
        read_pickle(b"\x80\x02" + body + b".", "it", {})
    with pytest.raises(ValueError, match="more than 1,000,000 instructions"):
        read_pickle(b"\x80\x02)" + b"\x85" * 1_000_000 + b".", "it", {})


# -------------------------------------------------------------------- pictures


def _png(width: int, height: int) -> bytes:
    """A PNG of one grey, 0, without the sides in memory."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = _zeros((3 * width + 1) * height // 10**6 * 10**6 + 10**6)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _fax(width: int, height: int) -> bytes:
    """A TIFF of black on white in one bit for each row."""
    strip = b"\xff" * (height // 8 + 1)
    tags = [(256, 4, width), (257, 4, height), (258, 3, 1), (259, 3, 4), (262, 3, 0), (273, 4, 8), (277, 3, 1), (278, 4, height)]
    tags.append((279, 4, len(strip)))
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + struct.pack("<H", len(tags)) + entries + bytes(4)


def _scans(count: int) -> bytes:
    """A progressive JPEG that says the same of all its pixels again and again."""
    out = io.BytesIO()
    Image.new("L", (4000, 4000)).save(out, "JPEG", progressive=True)
    content = out.getvalue()
    at = content.rindex(b"\xff\xda")
    last = content[at:-2]
    return content[:at] + last * count + content[-2:]


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("x.png", lambda: _png(13_000, 13_000), "13,000x13,000 = 169,000,000 pixels, and 2"),
        ("x.tif", lambda: _fax(20_000, 8_000), "20,000x8,000 = 160,000,000 pixels, and 25,0"),
        ("x.jpg", lambda: _scans(3000), "scans, and 100 are the limit"),
        ("x.gif", lambda: b"GIF89a" + struct.pack("<HHBBB", 65_000, 65_000, 0x80, 0, 0) + bytes(6) + b",", "x.gif"),
        (
            "x.bmp",
            lambda: b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 2**31 - 1, 1, 1, 24, 0, 0, 0, 0, 0, 0),
            "x.bmp",
        ),
    ],
)
def test_pictures_that_ask_for_too_much(tmp_path: Path, name: str, content: Callable[[], bytes], match: str) -> None:
    path = tmp_path / name
    path.write_bytes(content())
    for code in ("ninx.data.read_image(path)", "ninx.data.read_digits(path)"):
        _refused(code, path, match)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "I;16", "F", "1", "P"])
def test_the_largest_picture_of_a_short_file_stays_within_its_memory(tmp_path: Path, mode: str) -> None:
    wide = {"F": np.float32, "I;16": np.uint16}.get(mode)
    path = tmp_path / "x.tif"
    (Image.fromarray(np.zeros((5000, 5000), wide)) if wide else Image.new(mode, (5000, 5000))).save(path, compression="tiff_lzw")
    taken = rationed.read("ninx.data.read_image(path).shape", path)
    assert taken.found == "read: (5000, 5000, 3)"
    assert taken.megabytes < MEGABYTES
    assert taken.seconds < SECONDS


def test_eps_starts_nothing_under_any_name(tmp_path: Path) -> None:
    """A program called gs stands where it would be looked for."""
    (tmp_path / "bin").mkdir()
    gs = tmp_path / "bin" / "gs"
    gs.write_text(f"#!/bin/sh\necho started > {tmp_path}/started\n")
    gs.chmod(0o755)
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    code = (
        "import sys, ninx\nfor path in sys.argv[1:]:\n    try: ninx.data.read_image(path)\n    except ValueError as e: print(e)\n"
    )
    paths = [tmp_path / f"x.{suffix}" for suffix in ("png", "jpg", "gif", "tif", "eps")]
    for path in paths:
        path.write_bytes(eps)
    env = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code, *map(str, paths)], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.count("cannot be read as an image (it is none of PNG") == len(paths)
    assert not (tmp_path / "started").exists()
    plain = "import sys; from PIL import Image; Image.open(sys.argv[1]).load()"
    subprocess.run([sys.executable, "-c", plain, str(paths[0])], env=env, capture_output=True, check=False)
    assert (tmp_path / "started").exists(), "Pillow alone would have started it"


def test_a_changed_bit_in_the_pixels_of_a_png_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)).save(path, compress_level=0)
    content = bytearray(path.read_bytes())
    for at in (len(content) // 2, -13):  # a pixel; and the sum itself, before the last 12 bytes
        changed = content.copy()
        changed[at] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=r"x\.png cannot be read as an image"):
            data.read_image(path)


# -------------------------------------------------------------------- what is no file, and folders that cannot be read


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_pipes_and_devices_are_no_files(tmp_path: Path) -> None:
    """A plain open of a pipe waits until somebody writes into it; a device may have no end."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        for read in (data.read_image, lambda p: data.read_idx(p, 1), ninx.load_weights, ninx.load, ninx.load_run):
            with pytest.raises(ValueError, match="is no file but a device or a pipe"):
                read(path)


def test_an_unreadable_folder_among_the_pictures_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pictures would be missing without a word."""
    for name in ("a", "a/more", "b"):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / name / "1.png")
    assert len(data.ImageFolder(tmp_path)) == 3
    scan = os.scandir
    for closed in ("a/more", "b", "."):

        def scandir(path: str = ".", closed: str = closed) -> object:
            if Path(path) == tmp_path / closed:
                raise PermissionError(13, "Permission denied", str(path))
            return scan(path)

        monkeypatch.setattr(os, "scandir", scandir)
        with pytest.raises(ValueError, match=r"cannot be read \(Permission denied\)") as caught:
            data.ImageFolder(tmp_path)
        assert str(tmp_path / closed) in str(caught.value)
