"""Weights from files: PyTorch's own (written by PyTorch), safetensors, damaged ones, and programs in disguise."""

import collections
import copy
import io
import os
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import torch_nets

import ninx
from ninx import nn, train
from ninx.train import recipe as recipes

DTYPES = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool".split()  # noqa: SIM905 - eight lines less


def _equal(ours: ninx.Tensor, theirs: torch.Tensor) -> bool:
    wanted = theirs.detach().float() if theirs.dtype == torch.bfloat16 else theirs.detach()
    found = ours.numpy()
    return found.dtype == wanted.numpy().dtype and found.shape == wanted.shape and np.array_equal(found, wanted.numpy())


def _tensors() -> dict[str, torch.Tensor]:
    """Every dtype, and what is not simply a block of memory."""
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(4, 6, generator=generator)
    made = {name: (base * 50).to(getattr(torch, name)) for name in DTYPES}
    made |= {"transposed": base.t(), "rows": base[1:3], "steps": base[::2, ::3], "expanded": base[:1].expand(3, 6)}
    made |= {"channels_last": torch.randn(2, 3, 4, 5, generator=generator).to(memory_format=torch.channels_last)}
    made |= {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), "cut away": base[4:], "half last": base[3, 5]}
    return made | {"parameter": torch.nn.Parameter(base * 2), "specials": torch.tensor([torch.inf, torch.nan, -0.0])[:1]}


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("container", [dict, collections.OrderedDict])
def test_what_pytorch_wrote_is_what_we_read(tmp_path: Path, protocol: int, container: type) -> None:
    made = container(_tensors())
    torch.save(made, tmp_path / "w.pth", pickle_protocol=protocol)
    found = ninx.load_weights(tmp_path / "w.pth")
    assert list(found) == list(made)
    for name, tensor in made.items():
        assert _equal(found[name], tensor), name


def test_tensors_that_share_memory_share_it_after_reading(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    torch.save({"all": base, "row": base[1], "other": base.clone()}, tmp_path / "w.pth")
    found = ninx.load_weights(tmp_path / "w.pth")
    found["row"].array[2] = 99
    assert found["all"].numpy()[1, 2] == 99
    assert found["other"].numpy()[1, 2] == 6


def test_the_state_dict_of_a_network_goes_in(tmp_path: Path) -> None:
    """With batch norm: buffers, a count, and the _metadata that PyTorch hangs on a state_dict."""
    theirs = torch_nets.nin_cifar10_bn()
    with torch.no_grad():
        theirs(torch.randn(2, 3, 32, 32))  # running statistics of its own
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    safetensors.torch.save_model(theirs, tmp_path / "w.safetensors")
    x = torch.randn(2, 3, 32, 32)
    expected = theirs.eval()(x).detach().numpy()
    for file in ("w.pth", "w.safetensors"):
        ours = ninx.models.create("nin-cifar10-bn").eval()
        ours.load_state_dict(ninx.load_weights(tmp_path / file))
        np.testing.assert_allclose(ours(ninx.tensor(x.numpy())).detach().numpy(), expected, atol=1e-5)


def test_what_we_write_pytorch_reads(tmp_path: Path) -> None:
    net = nn.Sequential(nn.MLPConv(3, (4, 5), 3), nn.BatchNorm2d(5))
    ninx.save_weights(net, tmp_path / "w.safetensors")
    theirs = safetensors.torch.load_file(tmp_path / "w.safetensors")
    ours = ninx.load_weights(tmp_path / "w.safetensors")
    assert set(theirs) == set(ours) == set(net.state_dict())
    for name, value in net.state_dict().items():
        assert _equal(value, theirs[name]), name
        assert _equal(ours[name], theirs[name]), name
    again = nn.Sequential(nn.MLPConv(3, (4, 5), 3), nn.BatchNorm2d(5))
    again.load_state_dict(ours)
    ninx.save_weights(again, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "w.safetensors").read_bytes()


def _arrays() -> dict[str, np.ndarray]:
    """Every dtype, in every order of memory, and what is no matrix."""
    base = np.random.default_rng(0).normal(size=(4, 6)) * 50
    made = {name: base.astype(name) for name in DTYPES if name != "bfloat16"}
    made |= {"transposed": base.T, "steps": base[::2, ::3], "backwards": base[::-1], "cut away": base[4:], "ä.weight": base[:1]}
    made |= {"channels last": np.zeros((2, 5, 4, 3)).transpose(0, 3, 1, 2), "big-endian": base.astype(">f4")}
    return made | {"scalar": np.asarray(2.5), "empty": np.zeros((0, 3)), "many": np.zeros(300, np.uint8), "specials": base / 0}


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("mapped", [False, True])
def test_what_we_write_for_pytorch_it_loads(tmp_path: Path, mapped: bool) -> None:
    made = _arrays()
    ninx.save_weights(made, tmp_path / "w.pth")
    found = torch.load(tmp_path / "w.pth", weights_only=True, mmap=mapped)
    assert list(found) == list(made)
    for name, array in made.items():
        theirs, wanted = found[name], torch.from_numpy(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))))
        assert theirs.dtype == wanted.dtype
        assert torch.equal(theirs, wanted.reshape(array.shape)), name
        assert theirs.is_contiguous()
        assert not theirs.requires_grad
        assert not mapped or theirs.data_ptr() % 64 == 0
    found["float32"][0, 0] = 7  # each has memory of its own
    again = ninx.load_weights(tmp_path / "w.pth")
    for name, array in made.items():
        assert np.array_equal(again[name].numpy(), array), name


def test_a_network_goes_to_pytorch_and_back(tmp_path: Path) -> None:
    ours, theirs = ninx.models.create("nin-cifar10-bn"), torch_nets.nin_cifar10_bn()
    ninx.save_weights(ours, tmp_path / "a.pth")
    ninx.save_weights(ours, tmp_path / "b.pt")
    assert (tmp_path / "a.pth").read_bytes() == (tmp_path / "b.pt").read_bytes()
    theirs.load_state_dict(torch.load(tmp_path / "a.pth", weights_only=True))
    x = torch.randn(2, 3, 32, 32)
    with ninx.no_grad():
        found = ours.eval()(ninx.tensor(x.numpy())).numpy()
    np.testing.assert_allclose(found, theirs.eval()(x).detach().numpy(), atol=1e-5)
    torch.save(theirs.state_dict(), tmp_path / "c.pth")
    ninx.load_weights(tmp_path / "c.pth", ours)
    ninx.save_weights(ours, tmp_path / "d.pth")
    assert (tmp_path / "d.pth").read_bytes() == (tmp_path / "a.pth").read_bytes()


def test_a_file_for_pytorch_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.pth"
    ninx.save_weights({"w": np.ones(3)}, path)
    before = path.read_bytes()
    with pytest.raises(TypeError, match=r"'u' holds uint32, which a \.pth file cannot; cast it"):
        ninx.save_weights({"w": np.ones(3), "u": np.ones(2, np.uint32)}, path)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        ninx.save_weights({"w": np.zeros(3)}, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_safetensors_of_every_dtype(tmp_path: Path) -> None:
    made = {k: v.detach().contiguous().clone() for k, v in _tensors().items()}
    safetensors.torch.save_file(made, tmp_path / "w.safetensors")
    found = ninx.load_weights(tmp_path / "w.safetensors")
    for name, tensor in made.items():
        assert _equal(found[name], tensor), name
    ninx.save_weights({k: v.numpy().T for k, v in found.items()}, tmp_path / "t.safetensors")  # not contiguous
    for name, tensor in ninx.load_weights(tmp_path / "t.safetensors").items():
        assert np.array_equal(tensor.numpy(), found[name].numpy().T), name
    safetensors.torch.save_file({"x": torch.zeros(2).to(torch.float8_e4m3fn)}, tmp_path / "f8.safetensors")
    with pytest.raises(ValueError, match="x is of the type F8_E4M3, which ninx does not have"):
        ninx.load_weights(tmp_path / "f8.safetensors")


def test_a_header_of_any_length_is_no_pickle(tmp_path: Path) -> None:
    """Its length is what such a file begins with, and one in 32 begins with the byte that pickles begin with."""
    first = set()
    for length in range(1, 257):
        ninx.save_weights({"w" * length: np.ones(2)}, tmp_path / "w.safetensors")
        first.add((tmp_path / "w.safetensors").read_bytes()[0])
        assert list(ninx.load_weights(tmp_path / "w.safetensors")) == ["w" * length]
    assert {0x80, 0x50} <= first


def test_a_checkpoint_gives_its_weights_alone(tmp_path: Path) -> None:
    tiny = {"model": {"name": "nin-mnist-v0"}, "limit": 32, "epochs": 1, "optim": {"name": "SGD", "lr": 0.01, "momentum": 0.9}}
    run = train.Training(recipes.load("digits", tiny), tmp_path)
    list(run.run())
    found = ninx.load_weights(run.checkpoint)
    assert list(found) == sorted(run.model.state_dict())
    run.model.load_state_dict(found)


def test_names_and_files_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"save_weights: call the file w\.safetensors, or w\.pth for PyTorch"):
        ninx.save_weights({}, tmp_path / "w.zip")
    with pytest.raises(ValueError, match="'__metadata__' cannot be the name"):
        ninx.save_weights({"__metadata__": np.zeros(2)}, tmp_path / "w.safetensors")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="there is no such file"):
        ninx.load_weights(tmp_path / "none.pth")
    with pytest.raises(ValueError, match="is a folder; name the file"):
        ninx.load_weights(tmp_path)


# -------------------------------------------------------------------- weights of another network


def test_other_names_show_the_first_difference_with_both_shapes(tmp_path: Path) -> None:
    torch.save(torch.nn.Sequential(collections.OrderedDict(features=torch.nn.Conv2d(3, 64, 11))).state_dict(), tmp_path / "w.pth")
    net = ninx.models.create("nin-cifar10")
    with pytest.raises(
        RuntimeError,
        match=r"first difference: 0\.0\.weight \(192, 3, 5, 5\) wanted, features\.weight \(64, 3, 11, 11\) given",
    ) as caught:
        net.load_state_dict(ninx.load_weights(tmp_path / "w.pth"))
    assert "and 10 more" in str(caught.value)


def test_other_shapes_show_the_first_of_the_network_first(tmp_path: Path) -> None:
    ninx.save_weights(ninx.models.create("nin-svhn"), tmp_path / "w.safetensors")
    net = ninx.models.create("nin-cifar10")
    with pytest.raises(
        RuntimeError,
        match=r"^load_state_dict of \w+: size mismatch for 0\.0\.weight: \(128, 3, 5, 5\) given, \(192, 3, 5, 5\) wanted",
    ):
        net.load_state_dict(ninx.load_weights(tmp_path / "w.safetensors"))


# -------------------------------------------------------------------- programs in disguise


class Evil:
    """A tensor that would run a command when it is unpickled."""

    def __init__(self, function: Callable, *args: object):
        self.call = function, args

    def __reduce__(self) -> tuple:
        return self.call


def _zip(path: Path, pickled: bytes, storages: dict[str, bytes] | None = None, compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", b"little")
        for key, content in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", content)


PROGRAMS = {
    "os.system": Evil(os.system, "touch executed"),
    "eval": Evil(eval, "open('executed', 'w')"),
    "exec": Evil(exec, "open('executed', 'w')"),
    "open": Evil(open, "executed", "w"),
    "getattr": Evil(getattr, "x", "upper"),
    "torch.load": Evil(torch.load, "x"),
    "an import": Evil(__import__, "antigravity"),
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_are_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, protocol: int) -> None:
    monkeypatch.chdir(tmp_path)
    _zip(tmp_path / "w.pth", pickle.dumps({"weight": PROGRAMS[name]}, protocol))
    with pytest.raises(ValueError, match=r"w\.pth: cannot be read as plain data \(it wants .* nothing of it was run\)"):
        ninx.load_weights(tmp_path / "w.pth")
    assert not (tmp_path / "executed").exists()
    (tmp_path / "bare.pth").write_bytes(pickle.dumps({"weight": PROGRAMS[name]}, protocol))
    with pytest.raises(ValueError, match="is a bare pickle, not of torch"):
        ninx.load_weights(tmp_path / "bare.pth")
    assert not (tmp_path / "executed").exists()


def _pickled(body: bytes) -> bytes:
    return b"\x80\x02" + body + b"."


FLOAT = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"  # 4 values, key "0"


def _one(rest: bytes) -> bytes:
    """{"w": _rebuild_tensor_v2(the storage, *rest)}"""
    return _pickled(b"}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(" + FLOAT + rest + b"tRs")


@pytest.mark.parametrize(
    ("pickled", "match"),
    [
        (_one(b"K\x00K\x04\x85K\x01\x85"), None),  # whole: the others differ from this one
        (_one(b"K\x01K\x04\x85K\x01\x85"), "reaches beyond its storage of 4 values"),
        (_one(b"K\x00K\x05\x85K\x01\x85"), "reaches beyond"),
        (_one(b"K\x00K\x03\x85K\x02\x85"), "reaches beyond"),
        (_one(b"K\x00K\x02K\x02\x86K\x02K\x02\x86"), "reaches beyond"),
        (_one(b"J\xff\xff\xff\xffK\x04\x85K\x01\x85"), r"of the size \(4,\)"),
        (_one(b"K\x03K\x04\x85J\xff\xff\xff\xff\x85"), "of the wrong kind"),
        (_one(b"K\x00J\xff\xff\xff\xff\x85K\x01\x85"), "of the wrong kind"),
        (_one(b"K\x00K\x04\x85)"), "with the strides"),
        (_one(b"K\x00K\x04\x85X\x01\x00\x00\x00a\x85"), "of the wrong kind"),
        (_one(b"K\x00(" + b"K\x01" * 40 + b"t(" + b"K\x00" * 40 + b"t"), "of the size"),
        (_one(b"K\x00K\x04\x85K\x01\x85").replace(b"K\x04tQ", b"K\x05tQ"), r"storage 0 has 4 torch\.FloatStorage, not the 5"),
        (_one(b"K\x00K\x04\x85K\x01\x85").replace(b"FloatS", b"DoubleS"), r"storage 0 has 2 torch\.DoubleStorage, not the 4"),
        (_one(b"K\x00K\x04\x85K\x01\x85").replace(b"FloatS", b"ComplexFloatS"), r"wants 'torch\.ComplexFloatStorage'"),
        (_one(b"K\x00K\x04\x85K\x01\x85").replace(b"\x000X", b"\x001X"), "the part data/1 is missing"),
        (_pickled(b"}X\x01\x00\x00\x00wctorch\nFloatStorage\n)Rs"), "calls something that is no function"),
        (_pickled(b"}X\x01\x00\x00\x00wX\x01\x00\x00\x00x)Rs"), "calls something that is no function"),
        (_pickled(b"ccollections\nOrderedDict\n(lR"), "instruction LIST"),
        (_pickled(b"(cos\nsystem\nX\x01\x00\x00\x00xo"), r"wants 'os\.system'"),
        (_pickled(b"(X\x01\x00\x00\x00xios\nsystem\n"), "instruction INST"),
        (_pickled(b"}X\x01\x00\x00\x00wK\x03s"), "'w' is no tensor; save the weights alone"),
        (_pickled(b"}"), "holds no state_dict"),
        (_pickled(b"]"), "holds no state_dict"),
        (_pickled(b"}}b"), "changes something that has no state"),
        (_pickled(b"}" + b"(" * 3 + b"u"), "cannot be read as plain data"),
        (_pickled(b"K\x01K\x02s"), "cannot be read as plain data"),
        (_pickled(b"}((tK\x01s"), "cannot be read as plain data"),
        (_pickled(b"})K\x01s"), "a key of the kind tuple"),
        (_pickled(b"R"), "damaged, IndexError"),
        (b"\x80\x02}", "cannot be read as plain data"),
        (b"", "cannot be read as plain data"),
    ],
)
def test_every_instruction_is_checked(tmp_path: Path, pickled: bytes, match: str | None) -> None:
    values = np.arange(4, dtype=np.float32)
    _zip(tmp_path / "w.pth", pickled, {"0": values.tobytes()})
    if match is None:
        assert np.array_equal(ninx.load_weights(tmp_path / "w.pth")["w"].numpy(), values)
        return
    with pytest.raises(ValueError, match=match) as caught:
        ninx.load_weights(tmp_path / "w.pth")
    assert str(tmp_path / "w.pth") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_nest_without_end_is_no_crash(tmp_path: Path) -> None:
    for body in (
        b")" + b"\x85" * 200_000,
        b"]" * 200_000 + b"a" * 199_999,
        b"}X\x01\x00\x00\x00a" * 100_000 + b"}" + b"s" * 100_000,
    ):
        _zip(tmp_path / "w.pth", _pickled(body))
        with pytest.raises(ValueError, match=r"w\.pth: .*(holds no state_dict|is no tensor|it is nested more than 200 deep)"):
            ninx.load_weights(tmp_path / "w.pth")


def test_archives_that_pytorch_does_not_write_are_refused(tmp_path: Path) -> None:
    path, good = tmp_path / "w.pth", _one(b"K\x00K\x04\x85K\x01\x85")
    _zip(path, good, {"0": bytes(16)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="its parts are compressed"):
        ninx.load_weights(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    with pytest.raises(ValueError, match=r"a zip archive without a data\.pkl"):
        ninx.load_weights(path)
    _zip(path, good, {"0": bytes(15)})
    with pytest.raises(ValueError, match="has 15 bytes, which is no whole number of values"):
        ninx.load_weights(path)
    _zip(path, good, {"0": bytes(20)})
    with pytest.raises(ValueError, match=r"storage 0 has 5 torch\.FloatStorage, not the 4"):
        ninx.load_weights(path)


def test_parts_that_overlap_are_refused(tmp_path: Path) -> None:
    """A short file whose directory names the same bytes a thousand times would fill the memory."""
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive:
        archive.writestr("archive/data.pkl", _one(b"K\x00K\x04\x85K\x01\x85"))
        archive.writestr("archive/data/0", bytes(16))
        archive.writestr("archive/data/1", bytes(50_000))
        archive.filelist += [copy.copy(archive.filelist[-1]) for _ in range(20)]
        for i, info in enumerate(archive.filelist[3:]):
            info.filename = f"archive/data/{i + 2}"
    with pytest.raises(ValueError, match="its parts are compressed or overlap"):
        ninx.load_weights(tmp_path / "w.pth")


def test_one_storage_has_one_type(tmp_path: Path) -> None:
    tensor = b"(" + FLOAT + b"K\x00K\x04\x85K\x01\x85tR"
    body = b"}(X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n" + tensor
    body += b"X\x01\x00\x00\x00bctorch._utils\n_rebuild_tensor_v2\n" + tensor.replace(b"FloatS", b"IntS") + b"u"
    _zip(tmp_path / "w.pth", _pickled(body), {"0": bytes(16)})
    with pytest.raises(ValueError, match=r"storage 0 has 4 torch\.FloatStorage, not the 4 torch\.IntStorage"):
        ninx.load_weights(tmp_path / "w.pth")


def test_numbers_of_the_other_byte_order(tmp_path: Path) -> None:
    values = np.arange(4, dtype=">f4")
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive:
        archive.writestr("archive/data.pkl", _one(b"K\x00K\x04\x85K\x01\x85"))
        archive.writestr("archive/byteorder", b"big")
        archive.writestr("archive/data/0", values.tobytes())
    assert ninx.load_weights(tmp_path / "w.pth")["w"].numpy().tolist() == [0, 1, 2, 3]


def test_whole_models_and_checkpoints_say_how_to_save_again(tmp_path: Path) -> None:
    net = torch.nn.Linear(2, 3)
    torch.save(net, tmp_path / "model.pth")
    with pytest.raises(ValueError, match=re.escape("wants 'torch.nn.modules.linear.Linear'")):
        ninx.load_weights(tmp_path / "model.pth")
    torch.save({"epoch": 3, "state_dict": net.state_dict()}, tmp_path / "checkpoint.pth")
    with pytest.raises(ValueError, match="'epoch' is no tensor; save the weights alone"):
        ninx.load_weights(tmp_path / "checkpoint.pth")


# -------------------------------------------------------------------- random damage


@pytest.mark.parametrize("kind", ["pth", "safetensors", "data.pkl"])
def test_two_hundred_damaged_files_end_in_a_sentence_or_in_sound_weights(tmp_path: Path, kind: str) -> None:
    """A zip archive has checksums, so what passes is what was written; in its bare pickle and in safetensors a name or a value
    may change unseen, but no shape may leave its bytes."""
    made = {f"layer{i}.weight": torch.randn(3, 4, 1, 1) for i in range(3)} | {"bias": torch.arange(5)}
    path, buffer = tmp_path / f"w.{kind}", io.BytesIO()
    if kind == "safetensors":
        safetensors.torch.save_file(made, path)
        whole = path.read_bytes()
    else:
        torch.save(made, buffer)
        whole = buffer.getvalue()
    parts = {}
    if kind == "data.pkl":
        with zipfile.ZipFile(buffer) as archive:
            parts = {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}
        whole = parts["data.pkl"]
    rng, refused = np.random.default_rng(11), []
    for i in range(200):
        changed = bytearray(whole)
        if i % 4 == 0:
            del changed[int(rng.integers(len(whole))) :]
        elif i % 4 == 1:
            at = int(rng.integers(len(whole)))
            del changed[at : at + int(rng.integers(1, 40))]
        else:
            span = len(whole) if i % 4 == 2 else min(400, len(whole))
            for at in rng.integers(span, size=int(rng.integers(1, 6))):
                changed[at] = int(rng.integers(256))
        if kind == "data.pkl":
            _zip(path, bytes(changed), {k.removeprefix("data/"): v for k, v in parts.items() if re.fullmatch(r"data/\d", k)})
        else:
            path.write_bytes(changed)
        try:
            found = ninx.load_weights(path)
        except ValueError as error:
            refused.append(str(error))
            continue
        if kind == "pth":
            assert all(_equal(found[name], tensor) for name, tensor in made.items()), i
        assert sum(t.numpy().nbytes for t in found.values()) <= 4 * len(whole) + 1000, i
    assert all(str(path) in sentence and "\n" not in sentence for sentence in refused)
    assert len(refused) > 100


def test_every_truncation_of_an_archive_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.arange(3.0)}, tmp_path / "w.pth")
    whole = (tmp_path / "w.pth").read_bytes()
    for end in range(0, len(whole), 7):
        (tmp_path / "cut.pth").write_bytes(whole[:end])
        with pytest.raises(ValueError, match=r"weights .*cut\.pth: "):
            ninx.load_weights(tmp_path / "cut.pth")
