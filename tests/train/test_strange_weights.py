"""Weights, checkpoints and recipes that a stranger would make: small, and asking for much."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rationed
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import ninx
from ninx import limits, train
from ninx.torch_file import Found
from ninx.train import recipe as recipes

SECONDS, MEGABYTES = 5, 500  # beyond the size of the file


def _refused(code: str, path: Path, match: str, kind: str = "ValueError") -> None:
    taken = rationed.read(code, path)
    assert taken.found.startswith(f"{kind}: "), taken
    assert match in taken.found
    assert len(taken.found) < 1500
    assert taken.megabytes < MEGABYTES + path.stat().st_size / 1e6, taken
    assert taken.seconds < SECONDS, taken


# -------------------------------------------------------------------- safetensors


def _safetensors(header: Any, values: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + values


def _one(shape: list[int], count: int, **others: Any) -> bytes:
    return _safetensors({"w": {"dtype": "F32", "shape": shape, "data_offsets": [0, count]} | others}, bytes(count))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (lambda: _one([1] * 65, 4), "w has 65 dimensions, and 64 are the limit"),
        (lambda: _one([2**40, 0, 2**40], 0), "does not fill its 0 bytes"),
        (lambda: _one([2], 4), "w of the shape 2 does not fill its 4 bytes"),
        (lambda: _one([-1], 4), "'w' is not described"),
        (lambda: _one([True], 4), "'w' is not described"),
        (lambda: _one([1], 4, data_offsets=[4, 0]), "'w' is not described"),
        (lambda: _one([1], 4, data_offsets=[4, 8]), "do not begin where those before it end"),
        (lambda: _one([1], 4) + b"more", "its tensors have 4 bytes, but 8 are there"),
        (lambda: _one([1], 4, dtype="F33"), "w is of the type F33, which ninx does not have"),
        (lambda: _safetensors({"__metadata__": {"a": 1}}), "its metadata are no texts"),
        (lambda: _safetensors(b"[]"), "is damaged, or neither"),
        (lambda: _safetensors(b"{" + b"[" * 10**6), "its header is no JSON"),
        (lambda: _safetensors(b'{"a": [' + b"[]," * 6_000_000 + b"[]]}"), "its header has 18,000,011 bytes, and 16,000,000 are"),
        (lambda: _safetensors(b'{"a": [' + b"[]," * 5_000_000 + b"[]]}"), "'a' is not described"),
        (lambda: (2**60).to_bytes(8, "little") + b"{}", "its header should have 1,152,921,504,606,846,976 bytes"),
    ],
)
def test_headers_of_safetensors_that_cannot_be(tmp_path: Path, content: Callable[[], bytes], match: str) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content())
    _refused("ninx.load_weights(path)", path, match)


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"takes 1.,...,... bytes, and 8,000,000 are the limit; make long lists arrays"):
        ninx.save([0.1234567] * 1_200_000, tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_weights_are_in_memory_once(tmp_path: Path) -> None:
    """Those of VGG-16 have 553 MB."""
    path = tmp_path / "w.safetensors"
    ninx.save_weights({str(i): np.zeros(5_000_000, np.float32) for i in range(20)}, path)
    taken = rationed.read("len(ninx.load_weights(path))", path)
    assert taken.found == "read: 20"
    assert taken.megabytes < 1.1 * path.stat().st_size / 1e6


# -------------------------------------------------------------------- PyTorch's files


def _zip(path: Path, pickled: bytes, parts: dict[str, bytes] | None = None) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + pickled + b".")
        for name, content in (parts or {}).items():
            archive.writestr(f"archive/{name}", content)


def test_an_archive_with_a_long_list_of_parts(tmp_path: Path) -> None:
    """46 bytes in the list are an object of 700 in memory."""
    path = tmp_path / "w.pth"
    entry = b"PK\1\2" + bytes(42)
    count = 1_000_000
    tail = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, count * 46, 0, 0)
    path.write_bytes(b"PK\3\4" + entry * count + tail)
    _refused("ninx.load_weights(path)", path, "the list of its parts has 46,000,000 bytes, and 4,000,000 are the limit")


def test_one_array_that_is_named_often_is_one(tmp_path: Path) -> None:
    array = b"cnumpy.core.multiarray\n_reconstruct\n)R(K\1M@\x1f\x85cnumpy\ndtype\nX\2\0\0\0u1\x85R\x89B" + struct.pack(
        "<I", 8000
    )
    _zip(tmp_path / "w.pth", b"(" + array + bytes(8000) + b"tbq\0" + b"h\0" * 200_000 + b"t")
    taken = rationed.read("len(set(map(id, ninx.load(path))))", tmp_path / "w.pth")
    assert taken.found == "read: 1"
    assert taken.megabytes < 100


def test_a_value_that_stands_for_many_has_a_limit(tmp_path: Path) -> None:
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0000X\3\0\0\0cpuK\1tQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\0%sK\0\x85tR"
    for size, match in ((b"M\xe8\3\x85", None), (b"\x8a\5\0\0\0\0\1\x85", "shows a storage of 1 values too often")):
        _zip(tmp_path / "w.pth", b"}X\1\0\0\0w" + tensor.replace(b"%s", size) + b"s", {"data/0": bytes(4)})
        if match is None:
            assert ninx.load_weights(tmp_path / "w.pth")["w"].shape == (1000,)
        else:
            _refused("ninx.load_weights(path)", tmp_path / "w.pth", match)


# -------------------------------------------------------------------- checkpoints

TINY = {"limit": 10, "epochs": 1, "batch_size": 10, "model.name": "nin-mnist-v0", "model.switches": {}}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = train.Training(recipes.load("digits", TINY), tmp_path_factory.mktemp("run"))
    list(run.run())
    return run.checkpoint


def _again(saved: Path, path: Path, **changes: Any) -> Path:
    """The checkpoint with other descriptions: a function of what stands there, or the text."""
    with safe_open(saved, "numpy") as file:
        described = file.metadata()
    for key, change in changes.items():
        described[key] = change if isinstance(change, str) else json.dumps(change(json.loads(described[key])))
    save_file(load_file(saved), path, described)
    return path


def _set(*path: str, value: Any) -> Callable[[Any], Any]:
    def change(tree: Any) -> Any:
        branch = tree
        for part in path[:-1]:
            branch = branch[part]
        branch[path[-1]] = value
        return tree

    return change


def test_a_checkpoint_cannot_ask_for_a_network_that_it_has_no_weights_of(tmp_path: Path, saved: Path) -> None:
    changed = _set("model", "switches", value={"num_classes": 10**9})
    path = _again(saved, tmp_path / "c.safetensors", recipe=changed)
    _refused("ninx.load_checkpoint(path, verify=False)", path, "size mismatch for", "RuntimeError")
    for code in ("ninx.load_run(path, verify=False)", "ninx.train.read_checkpoint(path, verify=False).model()"):
        _refused(code, path, "(1000000000,) wanted", "RuntimeError")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            {"recipe": _set("prepare", "resize", value=60_000)},
            "prepare.resize = 60000: Input should be less than or equal to 40",
        ),
        ({"recipe": _set("prepare", "crop", value=60_000)}, "prepare.crop = 60000"),
        ({"recipe": _set("augment", "translate", value=10**9)}, "augment.translate = 1000000000"),
        ({"recipe": _set("workers", value=10**6)}, "workers = 1000000: Input should be less than or equal to 256"),
        ({"recipe": _set("name", value="../../x")}, "name: '../../x' cannot be the name of a folder"),
        ({"history": "[" + "0," * 5_000_000 + "0]"}, "history is damaged (it has more than 100,000 values)"),
        ({"history": "[" * 50_000}, "history is damaged (it has tables in tables without end)"),
        ({"optimizer": '{"a": ' * 90 + "1" + "}" * 90}, "optimizer is damaged (it has tables in tables, more than 20 deep)"),
        ({"data": _set("classes", value=["x"] * 200_000)}, "data is damaged (it has more than 100,000 values)"),
    ],
)
def test_checkpoints_that_ask_for_too_much(tmp_path: Path, saved: Path, change: dict[str, Any], match: str) -> None:
    _refused("ninx.train.read_checkpoint(path, verify=False)", _again(saved, tmp_path / "c.safetensors", **change), match)


def test_a_picture_is_not_made_larger_than_any(tmp_path: Path, saved: Path) -> None:
    from PIL import Image

    recipe = _set("data", value="my/photos")
    path = _again(saved, tmp_path / "c.safetensors", recipe=recipe, data=_set("image_shape", value=[60_000, 60_000]))
    Image.new("L", (1, 20_000)).save(tmp_path / "line.png")
    ask = f"ninx.load_run(path, verify=False).predict({str(tmp_path / 'line.png')!r})"
    _refused(ask, path, "a picture of 60000x60000 pixels; 1 to 25,000,000 can be made")
    path = _again(
        saved, tmp_path / "c.safetensors", recipe=lambda tree: tree | {"data": "my/photos", "prepare": {"resize": 4096}}
    )
    _refused(ask, path, "Resize: 20000x1 would become 81920000x4096, and 25,000,000 pixels are the limit")


# -------------------------------------------------------------------- recipes

RECIPE = 'data = "digits"\nepochs = 1\nbatch_size = 8\nlimit = 8\n[model]\nname = "nin-mnist-v0"\n[optim]\nlr = 0.1\n'


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("".join(f"a{i} = 0\n" for i in range(1_000_000)), "bytes, and 100,000 are the limit"),
        ("".join(f"a{i}=0\n" for i in range(10_000)) + RECIPE, "there is no key 'a0'"),
        ("a = " + "[" * 50_000, "is no TOML"),
        (RECIPE + "\n[" + "a." * 40_000 + "a]", "it has tables in tables, more than 20 deep"),
        ("[x]\n" + "a.a.a.a = 0\n" * 7000, "is no TOML"),
        ("a = " + "9" * 90_000, "is no TOML"),
        ('name = "' + "n" * 90_000 + '"\n' + RECIPE, "name = 'nnnn"),
        (RECIPE.replace("nin-mnist-v0", "x" * 90_000), "there is no model"),
        (RECIPE.replace("[optim]", "switches = {num_classes = 1000000000}\n[optim]"), "would have 1"),
        ("\x00", "is no TOML"),
    ],
)
def test_recipes_that_ask_for_too_much(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    _refused("ninx.train.Training(ninx.train.recipe.load(str(path)), path.parent)", path, match)


def test_a_recipe_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe" + RECIPE.encode("utf-16-le"))
    with pytest.raises(ValueError, match=r"mine\.toml: is no text in UTF-8 \(invalid start byte at byte 0\)"):
        recipes.load(str(path))
    path.write_bytes(RECIPE.replace("\n", "\r\n").encode())
    assert recipes.load(str(path)).name == "mine"


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", "..", ".", "", "a\\b", "C:x", "a\nb", "a\0", "\x1b[2J", "n" * 101, "a?"])
def test_the_name_of_a_recipe_stays_in_its_folder(name: str) -> None:
    with pytest.raises(ValueError, match=r"recipe digits: name\b"):
        recipes.load("digits", {"name": name})


@pytest.mark.parametrize("name", ["mine", "my run (2)", "déjà-vu", "nin.v2", "[b]", "数字", "...", "-rf"])
def test_usual_names_of_recipes_are_taken(name: str) -> None:
    assert recipes.load("digits", {"name": name}).name == name


def test_the_limits_leave_room_for_what_is_legitimate() -> None:
    """SVHN's extra set, the weights of VGG-16, the photographs of telephones, and all recipes of the package."""
    assert limits.unfolded(1_329_278_602) > 531_131 * 3072
    assert limits.unfolded(9_912_422) > 60_000 * 784
    assert limits.pixels(10_500_000) > 108_000_000
    assert limits.PARAMETERS > 5 * 138_357_544
    assert Found(np.zeros(1)).requires_grad is False
    for name in recipes.names():
        recipe = recipes.load(name)
        assert max(recipe.prepare.resize or 1, recipe.prepare.crop or 1) <= limits.SIDE / 8
