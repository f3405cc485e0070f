"""`ninx.save` and `ninx.load`: what goes in comes out, PyTorch's files are read, and nothing else is either."""

from __future__ import annotations

import collections
import enum
import io
import json
import math
import pickle
import random
import re
import struct
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis.extra.numpy as arrays_of
import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import ninx
from ninx import nn, optim, train
from ninx.train import recipe as recipes


def same(a: Any, b: Any) -> bool:
    """Equal in value and in type, all the way down; NaN equals NaN, and 0.0 is not -0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, ninx.Tensor):
        return a.requires_grad == b.requires_grad and a.is_leaf and b.is_leaf and same(a.array, b.array)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype.newbyteorder("=") and a.shape == b.shape and a.tobytes() == b.astype(a.dtype).tobytes()
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(map(type, a)) == list(map(type, b)) and list(a) == list(b) and all(map(same, a.values(), b.values()))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return struct.pack("d", a) == struct.pack("d", b) if isinstance(a, float) else a == b


def again(value: Any) -> Any:
    buffer = io.BytesIO()
    ninx.save(value, buffer)
    buffer.seek(0)
    return ninx.load(buffer)


# -------------------------------------------------------------------- there and back

DTYPES = st.sampled_from(["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?", ">f4", ">i2"])
SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
ARRAYS = DTYPES.flatmap(lambda dtype: arrays_of.arrays(dtype, SHAPES))
TENSORS = ARRAYS.map(lambda a: ninx.Tensor(a.astype(a.dtype.newbyteorder("="))))
NUMBERS = DTYPES.flatmap(lambda dtype: arrays_of.arrays(dtype.strip(">"), ())).map(lambda a: a[()])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
PAIRS = st.tuples(st.integers(), st.text(max_size=2))
KEYS = st.text(max_size=8) | st.integers() | st.booleans() | st.floats(allow_nan=False) | PAIRS
LEAVES = SCALARS | ARRAYS | TENSORS | NUMBERS
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200)
@given(VALUES)
def test_what_goes_in_comes_out(value: Any) -> None:
    assert same(again(value), value)


def test_a_checkpoint_as_tutorials_write_it(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, 2))
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.StepLR(optimizer, 2, 0.5)

    def learn(model: nn.Module, its: optim.Optimizer, plan: optim.lr_scheduler.LRScheduler, steps: int) -> float:
        for i in range(steps):
            its.zero_grad()
            loss = (model(ninx.from_numpy(np.full((2, 3, 8, 8), i + 1, np.float32))) ** 2).mean()
            loss.backward()
            its.step()
            plan.step()
        return loss.item()

    loss = learn(net, optimizer, schedule, 3)
    state = {
        "epoch": 3,
        "model_state_dict": net.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "scheduler": schedule.state_dict(),
        "loss": loss,
        "best": np.float64(0.25),
        "betas": (0.9, 0.999),
        "classes": {0: "cat", 1: "dog"},
        "rng": ninx.get_rng_state(),
        "python": random.getstate(),
        "numpy": np.random.default_rng(0).integers(9, size=3),
        "done": False,
        "note": None,
    }
    for path in ("checkpoint.pth", "checkpoint.pt", "model.tar"):
        ninx.save(state, tmp_path / path)
        found = ninx.load(str(tmp_path / path), map_location="cpu", weights_only=False)
        assert same(found, json_free(state))
    twin = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, 2))
    its = optim.Adam(twin.parameters(), lr=0.5)
    plan = optim.lr_scheduler.StepLR(its, 1)
    twin.load_state_dict(found["model_state_dict"])
    its.load_state_dict(found["optimizer_state_dict"])
    plan.load_state_dict(found["scheduler"])
    assert learn(twin, its, plan, 3) == learn(net, optimizer, schedule, 3)


def json_free(value: Any) -> Any:
    """The value with plain dictionaries for all kinds, and without history."""
    if isinstance(value, dict):
        return {k: json_free(v) for k, v in value.items()}
    return type(value)(map(json_free, value)) if type(value) in (list, tuple) else value


class Names(NamedTuple):
    x: int


class Colour(enum.Enum):
    RED = 1


class Text(enum.StrEnum):
    A = "a"


def test_kinds_of_dictionaries_and_texts_become_plain_ones() -> None:
    assert same(again(collections.OrderedDict(b=1, a=2)), {"b": 1, "a": 2})
    assert same(again(collections.Counter("aab")), {"a": 2, "b": 1})
    assert same(again(collections.defaultdict(list, {1: [2]})), {1: [2]})
    assert same(again(np.str_("x")), "x")
    assert again([ninx.float32, np.dtype("int8")]) == [np.dtype("float32"), np.dtype("int8")]
    assert again({np.int64(3): 1, None: 2, (1, "a"): 3, 1.5: 4}) == {3: 1, None: 2, (1, "a"): 3, 1.5: 4}


def test_parameters_come_back_as_leaves_and_histories_do_not() -> None:
    w = nn.Parameter(np.ones(2, np.float32))
    x = ninx.ones(2, requires_grad=True)
    found = again([w, x, x * 2, (x * 2).detach(), nn.Buffer(np.ones(1))])
    assert [type(t) for t in found] == [ninx.Tensor] * 5
    assert [t.requires_grad for t in found] == [True, True, True, False, False]
    assert all(t.is_leaf for t in found)
    found[1].sum().backward()
    found[0].data[:] = 3
    assert w.tolist() == [1, 1]


def test_any_layout_and_names_that_clash() -> None:
    base = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    image = ninx.tensor(np.ones((1, 2, 3, 4), np.float32)).array.transpose(0, 2, 3, 1)
    value = {"a/b": base.T, "a": {"b": base[::-1, 1:, ::2], "c": np.broadcast_to(base[:1], (3, 3, 4))}, "": image, "value": base}
    value |= {"__metadata__": base[0], "a/b~1": base[1], "\ud800": base[0], "ä\n\0": base[1], 1: base, "1": base[0]}
    found = again(value)
    assert list(found) == list(value)
    assert same(found, {k: v if isinstance(v, dict) else np.ascontiguousarray(v) for k, v in value.items()})
    found["a"]["c"][0] = 5  # memory of its own


def test_a_state_dict_is_a_plain_safetensors_file_too(tmp_path: Path) -> None:
    net = nn.Linear(3, 2)
    ninx.save(net.state_dict(), tmp_path / "w.pth")
    theirs = safetensors.torch.load_file(tmp_path / "w.pth")
    assert {k: v.tolist() for k, v in theirs.items()} == {k: v.tolist() for k, v in net.state_dict().items()}
    assert same(ninx.load_weights(tmp_path / "w.pth"), net.state_dict())
    ninx.save({"epoch": 3, "net": net.state_dict()}, tmp_path / "c.pth")
    with pytest.raises(ValueError, match=r"'epoch' is no tensor; .* or read all of it with ninx\.load"):
        ninx.load_weights(tmp_path / "c.pth")


# -------------------------------------------------------------------- what others have written


def test_checkpoints_of_pytorch_are_read_whole(tmp_path: Path) -> None:
    theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.01)
    theirs(torch.randn(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 2, 5])
    optimizer.step()
    schedule.step()
    state = {
        "epoch": 3,
        "model": theirs.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": schedule.state_dict(),
        "loss": 0.5,
        "best": np.float64(0.25),
        "count": np.int32(7),
        "right": np.bool_(True),
        "history": [(1, 0.5), (2, 0.25)],
        "curve": np.arange(6, dtype=np.float32).reshape(2, 3),
        "flags": np.array([True, False]),
        "device": torch.device("cuda:1"),
        "dtype": torch.float16,
        "size": torch.Size([2, 3]),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "wanted": torch.ones(2, requires_grad=True),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "bytes": torch.get_rng_state(),
        "default": collections.defaultdict(dict, {1: {2: 3}}),
        "keys": {1: "a", 2.5: "b", None: "c", False: "d"},
        "text": "ä",
        "nothing": None,
    }
    for protocol in (2, 4):
        torch.save(state, tmp_path / "c.pt", pickle_protocol=protocol)
        found = ninx.load(tmp_path / "c.pt", map_location="cpu")
        assert list(found) == list(state)
        assert same(found["keys"], state["keys"])
        assert (found["device"], found["dtype"], found["size"]) == ("cuda:1", np.float16, (2, 3))
        for key in ("best", "count", "right", "curve", "flags", "history", "epoch", "loss", "text", "nothing"):
            assert same(found[key], state[key]), key
        assert same(found["default"], {1: {2: 3}})
        assert [found[k].requires_grad for k in ("parameter", "wanted", "half")] == [True, True, False]
        assert np.array_equal(found["bytes"].numpy(), state["bytes"].numpy())
        ours = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        ours.load_state_dict(found["model"])
        mine = optim.Adam(ours.parameters())
        mine.load_state_dict(found["optimizer"])
        assert mine.param_groups[0]["lr"] == 0.01
        assert mine.state[ours[0].weight]["step"] == 2
        plan = optim.lr_scheduler.MultiStepLR(mine, [1])
        plan.load_state_dict(found["scheduler"])
        assert (plan.milestones, plan.last_epoch) == ([2, 2, 5], 1)


def test_other_files_of_ours_and_of_safetensors(tmp_path: Path) -> None:
    net = nn.Linear(3, 2)
    ninx.save_weights(net, tmp_path / "w.safetensors")
    assert same(ninx.load(tmp_path / "w.safetensors"), {k: net.state_dict()[k] for k in sorted(net.state_dict())})
    run = train.Training(recipes.load("digits", {"model": {"name": "nin-mnist-v0"}, "limit": 32, "epochs": 1}), tmp_path / "run")
    list(run.run())
    found = ninx.load(run.checkpoint)
    assert list(found) == sorted(run.model.state_dict())
    torch.save(torch.arange(3), tmp_path / "t.pt")
    assert ninx.load(tmp_path / "t.pt").tolist() == [0, 1, 2]
    torch.save([1, (2.5, "x")], tmp_path / "t.pt")
    with (tmp_path / "t.pt").open("rb") as file:
        assert ninx.load(file) == [1, (2.5, "x")]


# -------------------------------------------------------------------- what is refused


def itself() -> list:
    value: list = []
    value.append({"again": value})
    return value


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        (nn.Linear(2, 2), TypeError, r"the object is a Linear, whose state alone can be saved: \.state_dict\(\)"),
        ({"net": nn.Linear(2, 2)}, TypeError, r"\['net'\] is a Linear, whose state alone can be saved"),
        ({"o": [optim.SGD([ninx.ones(1)])]}, TypeError, r"\['o'\]\[0\] is a SGD, whose state alone can be saved"),
        (
            {"optimizer": {"hook": lambda x: x}},
            TypeError,
            r"\['optimizer'\]\['hook'\] is a function \(<lambda>\), which is",
        ),
        ([1, (2, len)], TypeError, r"\[1\]\[1\] is a function \(len\)"),
        ([nn.Linear], TypeError, r"\[0\] is a class \(Linear\)"),
        ({1, 2}, TypeError, "the object is a set, which has no order; make it a list"),
        ({"a": Names(1)}, TypeError, r"\['a'\] is a Names; make it a plain tuple, tuple\(x\), or a dictionary"),
        ({"a": Colour.RED}, TypeError, r"\['a'\] is of the kind Colour; numbers, texts, tensors"),
        ({"a": Text.A}, TypeError, r"\['a'\] is of the kind Text"),
        ({"a": 1j}, TypeError, r"\['a'\] is of the kind complex"),
        ({"a": b"x"}, TypeError, r"\['a'\] is of the kind bytes"),
        ({"a": Path("x")}, TypeError, r"\['a'\] is of the kind \w*Path"),
        ({"a": object()}, TypeError, r"\['a'\] is of the kind object"),
        ({"a": np.array(["x"])}, TypeError, r"\['a'\] is an array of <U1; those of numbers of up to 64 bits can be saved"),
        ({"a": np.array([object()])}, TypeError, r"\['a'\] is an array of object"),
        ({"a": np.zeros(1, np.complex64)}, TypeError, r"\['a'\] is an array of complex64"),
        ({"a": np.zeros(1, np.longdouble)}, TypeError, r"\['a'\] is an array of (float128|longdouble)"),
        ({"a": np.complex64}, TypeError, r"\['a'\] is the type complex64"),
        ({"a": np.datetime64("2020-01-01")}, TypeError, r"\['a'\] is an array of datetime64"),
        ({"s": {ninx.ones(1): 2}}, TypeError, r"a key of \['s'\] is of the kind Tensor"),
        ({Colour.RED: 2}, TypeError, "a key of the object is of the kind Colour"),
        ({(1, frozenset()): 2}, TypeError, "a key of the object is a tuple"),
        (itself(), ValueError, r"\[0\]\['again'\] contains itself"),
        (nested(200), ValueError, "nested more than 100 deep"),
        ({"a": 10**5000}, ValueError, "a whole number is too long to be written"),
    ],
)
def test_what_is_no_data_is_refused_with_its_place(tmp_path: Path, value: Any, error: type, match: str) -> None:
    with pytest.raises(error, match="^save: .*" + match) as caught:
        ninx.save(value, tmp_path / "x.pth")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"old")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*no/such to write x\.pth into; make it first$"):
        ninx.save(1, tmp_path / "no" / "such" / "x.pth")
    with pytest.raises(IsADirectoryError, match="is a folder; name the file to write in it"):
        ninx.save(1, tmp_path)
    with pytest.raises(TypeError, match="the object comes first, then the file"):
        ninx.save(str(tmp_path / "x"), {"a": 1})
    with pytest.raises(TypeError, match="writes into a path or an open file, not a int: save"):
        ninx.save({}, 3)
    with (tmp_path / "text").open("w") as file, pytest.raises(TypeError, match=r"open it for bytes: open\(path, 'wb'\)"):
        ninx.save({}, file)
    with pytest.raises(TypeError, match="is a function"):
        ninx.save(len, tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == b"old"
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        ninx.save_weights({}, tmp_path / "no" / "w.safetensors")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"load: there is no file .*none\.pth"):
        ninx.load(tmp_path / "none.pth")
    with pytest.raises(IsADirectoryError, match=r"load .*: is a folder; name the file"):
        ninx.load(tmp_path)
    with pytest.raises(TypeError, match="reads a path or an open file, not a int"):
        ninx.load(3)
    with pytest.raises(ValueError, match=r"empty from where it stands; .* f\.seek\(0\)"):
        ninx.load(io.BytesIO())
    with pytest.raises(TypeError, match=r"open\(path, 'rb'\)"):
        ninx.load(io.StringIO("x"))
    for content, match in {
        b"": "is damaged, or neither safetensors nor of torch.save",
        b"nothing": "is damaged, or neither",
        b"\x93NUMPY": "is damaged, or neither",
        pickle.dumps({"a": 1}): "is a bare pickle, not of torch",
    }.items():
        (tmp_path / "x.pth").write_bytes(content)
        with pytest.raises(ValueError, match=r"^load .*x\.pth: " + match):
            ninx.load(tmp_path / "x.pth")
    np.savez(tmp_path / "x.npz", a=np.ones(2))
    with pytest.raises(ValueError, match=r"a zip archive without a data\.pkl"):
        ninx.load(tmp_path / "x.npz")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "net.pth")
    with pytest.raises(ValueError, match=r"it wants 'torch\.nn\.modules\.linear\.Linear', which is not plain data"):
        ninx.load(tmp_path / "net.pth", weights_only=False)
    torch.save({"a": torch.FloatStorage}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"holds 'torch\.FloatStorage' itself, which is no data"):
        ninx.load(tmp_path / "x.pth")
    torch.save(itself(), tmp_path / "x.pth")
    with pytest.raises(ValueError, match="something that contains itself"):
        ninx.load(tmp_path / "x.pth")


def test_where_tensors_go(tmp_path: Path) -> None:
    ninx.save({"w": ninx.ones(2)}, tmp_path / "x.pth")
    for wrong in (lambda storage, place: storage, {"cuda:0": "cpu"}):
        with pytest.raises(TypeError, match=r"map_location is a device, .* move single tensors with \.to\(\) afterwards"):
            ninx.load(tmp_path / "x.pth", map_location=wrong)
    with pytest.raises(ValueError, match="device must be"):
        ninx.load(tmp_path / "x.pth", "gpu")


@pytest.mark.usefixtures("device")
def test_tensors_of_a_device_are_saved_and_come_on_a_device(tmp_path: Path) -> None:
    w = ninx.tensor(np.arange(24.0).reshape(1, 2, 3, 4), requires_grad=True)
    ninx.save({"w": w, "a": w.detach().array}, tmp_path / "x.pth")
    for place in (None, "cpu", w.device):
        found = ninx.load(tmp_path / "x.pth", map_location=place)
        assert found["w"].device == (place or "cpu")
        assert found["w"].tolist() == w.tolist()
        assert isinstance(found["a"], np.ndarray)


# -------------------------------------------------------------------- damage


def _laughs() -> Any:
    """A list of lists that are all the same: 10 lists in a file, 10 billion if each were made anew."""
    value: list = [1]
    for _ in range(10):
        value = [value] * 10
    return value


def test_a_small_pickle_stays_small(tmp_path: Path) -> None:
    torch.save(_laughs(), tmp_path / "x.pth")
    found = ninx.load(tmp_path / "x.pth")
    assert found[0] is found[9]


DESCRIPTIONS = [
    ("", "its description is damaged"),
    ("{", "its description is damaged"),
    ("[" * 100_000, "its description is damaged"),
    ('{"list": ' * 5000 + "1" + "}" * 5000, "its description is damaged"),
    ('{"list": [' * 150 + "1" + "]}" * 150, "it is no description of a value"),
    ("[1]", "it is no description of a value"),
    ("{}", "it is no description of a value"),
    ('{"set": [1]}', "it says 'set', which is nothing that is saved"),
    ('{"list": 3}', "it says 'list'"),
    ('{"dict": [[1]]}', "it says 'dict'"),
    ('{"dict": [[{"list": []}, 1]]}', "it has a key that can be none"),
    ('{"dict": [[{"array": "w"}, 1]]}', "it has a key that can be none"),
    ('{"tensor": "v"}', "there is no array 'v', or it is wanted twice"),
    ('{"list": [{"tensor": "w"}, {"tensor": "w"}]}', "there is no array 'w', or it is wanted twice"),
    ('{"tensor": 3}', "it says 'tensor'"),
    ('{"number": "w"}', "the array 'w' is no number"),
    ('{"dtype": "object"}', "it says 'dtype'"),
    ("3", "nothing says where 'w' belongs"),
    ('{"tensor": "w"}', None),  # whole: the others differ from this one
]


@pytest.mark.parametrize(("described", "match"), DESCRIPTIONS)
def test_a_damaged_description_is_refused(tmp_path: Path, described: str, match: str | None) -> None:
    save_file({"w": np.ones(2)}, tmp_path / "x.pth", {"format": "ninx save 1", "structure": described})
    if match is None:
        assert ninx.load(tmp_path / "x.pth").tolist() == [1, 1]
        return
    with pytest.raises(ValueError, match=r"^load .*x\.pth: .*" + match) as caught:
        ninx.load(tmp_path / "x.pth")
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("writer", ["ninx", "torch"])
def test_damaged_files_end_in_a_sentence_or_in_sound_values(tmp_path: Path, writer: str) -> None:
    value = {"epoch": 3, "net": {"w": np.arange(6.0).reshape(2, 3)}, "l": [1, (2, "x")], "big": np.zeros(50, np.float32)}
    if writer == "torch":
        value["net"]["w"] = torch.tensor(value["net"]["w"])
    path = tmp_path / "x.pth"
    (ninx if writer == "ninx" else torch).save(value, path)
    whole, refused = path.read_bytes(), 0
    rng = np.random.default_rng(1)
    for i in range(200):
        changed = bytearray(whole)
        if i % 3 == 0:
            del changed[int(rng.integers(len(whole))) :]
        else:
            for at in rng.integers(min(len(whole), 600 if i % 3 == 1 else len(whole)), size=int(rng.integers(1, 5))):
                changed[at] = int(rng.integers(256))
        path.write_bytes(changed)
        try:
            ninx.load(path)
        except ValueError as error:
            sentence = str(error)
            assert re.fullmatch(re.escape(f"load {path}: ") + ".+", sentence), i
            refused += 1
    assert refused > 100


def test_numbers_survive_that_json_has_no_word_for() -> None:
    assert math.isnan(again(math.nan))
    assert again([math.inf, -math.inf]) == [math.inf, -math.inf]
    assert again(10**4000) == 10**4000
    assert json.loads(json.dumps(again({"a": [1, 2.5, "x", None, True]}))) == {"a": [1, 2.5, "x", None, True]}


def test_what_safetensors_alone_would_say(tmp_path: Path) -> None:
    """The arrays lie in the file under the places that they have in the object."""
    ninx.save({"net": {"w": ninx.ones(2)}, "l": [np.zeros(1)]}, tmp_path / "x.pth")
    assert sorted(load_file(tmp_path / "x.pth")) == ["l/0", "net/w"]
