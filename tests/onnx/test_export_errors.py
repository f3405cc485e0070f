"""What cannot be exported is named in one sentence, with the module and the line of the user's own source."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_runtime import Function

import ninx
import ninx.functional as F
from ninx import nn
from ninx.onnx import Unexportable, export

pytestmark = pytest.mark.host_only("a file is written on the host")


def by_value(x: Any) -> Any:
    return x * 2 if float(x.mean().item()) > float(ORDER[0]) else x + 1


def by_count(x: Any) -> Any:
    for _ in range(len(x)):
        x = x + 1
    return x


def in_a_view(x: Any) -> Any:
    x.view(-1).add_(1)
    return x * 2


def through_a_view(x: Any) -> Any:
    y = x.clone()
    z = y.detach()
    y += 1
    return z * 2


def written(x: Any) -> Any:
    y = x.clone()
    y[:, 0] = 0
    return y


ORDER = {0: 0.0}
WRONG = {
    "no operator": (lambda x: x.cumsum(1), "cumsum has no operator in ONNX here"),
    "inside another": (lambda x: F.unfold(x, 2), "unfold has no operator in ONNX here"),
    "sort": (lambda x: x.sort(1).values, "sort has no operator in ONNX here"),
    "written": (written, r"x\[\.\.\.\] = value writes into a tensor"),
    "a view in place": (in_a_view, "add changes a view in place"),
    "through a view": (through_a_view, "changed in place through another one that shares its memory"),
    "filled in place": (lambda x: x.clone().fill_(3) + x, "fill_ has no operator in ONNX here"),
    "a number of the image": (lambda x: x * x.mean().item(), "what mul is given depends on what the images show"),
    "an array of the image": (lambda x: x + ninx.tensor(x.numpy() * 2), "what add is given depends on what the images show"),
    "an array instead of a tensor": (lambda x: ninx.tensor(np.sin(x.numpy())), "the output depends on what the images show"),
    "nothing of the image": (lambda x: ninx.ones(2), "the network returns something that is made of no image"),
    "as often as images": (by_count, "the network does not do the same with every batch.*the first difference is"),
    "a mask": (lambda x: x[x > 0], "the size of what getitem makes depends on what the images show"),
    "where alone": (lambda x: ninx.where(x > 0)[0], "the size of what where makes depends on what the images show"),
    "some of the images": (
        lambda x: x[: x.shape[0]][: x.shape[0] * 2 - 1],
        "depends on what the images show, or on their number",
    ),
    "two lists": (lambda x: x[:, [0, 1], [0, 1]], "getitem with several lists"),
    "div by mode": (lambda x: x.div(2, rounding_mode="floor"), "div with a rounding_mode"),
    "round": (lambda x: x.round(decimals=2), "round to decimals"),
    "variance of the batch": (lambda x: x.var(0), "var over the images is a number of a batch"),
    "norm": (lambda x: x.norm(3, dim=1), "norm with p=3"),
    "argmax": (lambda x: x.argmax(keepdim=True), "argmax of all entries with keepdim"),
    "one image": (lambda x: F.max_pool2d(x[0], 2), "max_pool2d takes a batch"),
    "lrn": (lambda x: F.local_response_norm(x, 2), "local_response_norm over 2 channels has other neighbours"),
    "batch norm": (lambda x: F.batch_norm(x, None, None, training=True), "batch_norm has no running statistics"),
    "indices": (lambda x: F.max_pool2d(x, 2, return_indices=True), "max_pool2d with return_indices=True"),
    "divisor": (lambda x: F.avg_pool2d(x, 2, divisor_override=3), "avg_pool2d with a divisor_override"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_sentence_names_the_operation(name: str, tmp_path: Path) -> None:
    function, sentence = WRONG[name]
    with pytest.raises(Unexportable, match=sentence) as caught:
        export(Function(function), (3, 4, 4), tmp_path / "net.onnx")
    assert str(caught.value).startswith("onnx.export: ")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    assert sys.getprofile() is None


def test_by_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two passes see other images; a bound between their means sends them two ways."""
    seen: list[float] = []
    export(Function(lambda x: seen.append(x.mean().item()) or x + 1), (3,), tmp_path / "net.onnx")
    monkeypatch.setitem(ORDER, 0, sum(seen) / 2)
    with pytest.raises(Unexportable, match=r"does not do the same with every batch.*the first difference is"):
        export(Function(by_value), (3,), tmp_path / "net.onnx")


def test_it_names_the_module_and_the_line_of_the_users_source(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 3), Function(lambda x: x.cumsum(1)))
    with pytest.raises(Unexportable) as caught:
        export(net, (3,), tmp_path / "net.onnx")
    assert f"(in '1' at {__file__}:" in str(caught.value)
    assert str(caught.value).endswith(": net = nn.Sequential(nn.Linear(3, 3), Function(lambda x: x.cumsum(1))))")


def test_a_layer_of_ours_has_no_line(tmp_path: Path) -> None:
    with pytest.raises(Unexportable) as caught:
        export(nn.Sequential(nn.Unfold(2)), (3, 4, 4), tmp_path / "net.onnx")
    assert str(caught.value) == "onnx.export: unfold has no operator in ONNX here (in '0')"


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ((nn.ReLU, (3,)), TypeError, "takes an nn.Module, not a type"),
        ((nn.ReLU(), ()), ValueError, "input_shape is that of one image"),
        ((nn.ReLU(), (0, 3)), ValueError, "input_shape is that of one image"),
        ((nn.ReLU(), (2.5,)), ValueError, "every size in input_shape"),
    ],
)
def test_wrong_arguments(arguments: Any, error: type[Exception], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=sentence):
        export(*arguments, tmp_path / "net.onnx")


@pytest.mark.parametrize("name", ["input", "output"])
def test_a_parameter_with_the_name_of_an_end(name: str, tmp_path: Path) -> None:
    net = Function(lambda x: x)
    net.register_parameter(name, nn.Parameter(ninx.ones(3)))
    with pytest.raises(ValueError, match=f"the network has a parameter or buffer '{name}'"):
        export(net, (3,), tmp_path / "net.onnx")


def test_a_shape_that_does_not_fit_is_told_by_the_layer(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="conv2d: "):
        export(nn.Conv2d(3, 4, 3), (1, 8, 8), tmp_path / "net.onnx")


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"needs the package onnx; pip install 'ninx\[onnx\]' brings it"):
        export(nn.ReLU(), (3,), tmp_path / "net.onnx")


def test_more_than_a_file_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ninx.onnx.exporting.LARGEST", 40)
    export(nn.Linear(3, 2, bias=False), (3,), tmp_path / "net.onnx")
    with pytest.raises(ValueError, match="a file of ONNX holds 2 GB"):
        export(nn.Linear(4, 3), (4,), tmp_path / "net.onnx")
