"""What happens to the pixels of a run, inside the file: bytes in, the answers of the run out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_runtime import session

import ninx
from ninx import data, nn
from ninx.onnx import Unexportable, export
from ninx.train import recipe
from ninx.train.preparation import Preparation

pytestmark = pytest.mark.host_only("a file is written on the host")

NET = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten())
PREPARATIONS = {
    "bytes alone": {},
    "normalised": {"prepare.normalize": True},
    "contrast": {"prepare.gcn": 55.0},
    "whitened": {"prepare.gcn": 55.0, "prepare.zca": 0.1},
    "cut and normalised": {"prepare.crop": 7, "prepare.normalize": True},
}


def pictures(n: int, *shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(n).integers(0, 256, (n, *shape), np.uint8)


def fitted(settings: dict[str, Any]) -> Preparation:
    chosen = {"prepare.normalize": False, "prepare.mean": None, "prepare.std": None, **settings}
    preparation = Preparation(recipe.load("digits", chosen))
    preparation.fit(data.ArrayDataset(pictures(300, 10, 8, 3), np.arange(300) % 10, tuple("0123456789")))
    return preparation


@pytest.mark.parametrize("name", PREPARATIONS)
def test_bytes_in_answers_out(name: str, tmp_path: Path) -> None:
    preparation = fitted(PREPARATIONS[name])
    found = export(NET, (10, 8, 3), tmp_path / "net.onnx", preparation=preparation)
    assert found.inputs == {"input": ("N", 10, 8, 3)}
    images = pictures(4, 10, 8, 3)
    images[0] = 77  # one value everywhere has no contrast
    with ninx.no_grad():
        expected = NET(ninx.tensor(np.stack([preparation.one(image) for image in images]))).numpy()
    runtime = session(tmp_path / "net.onnx")
    assert runtime.get_inputs()[0].type == "tensor(uint8)"
    answers = runtime.run(None, {"input": images})[0]
    assert np.abs(answers - expected).max() / np.abs(expected).max() < 1e-5
    names = [node.name for node in onnx.load(tmp_path / "net.onnx").graph.node if node.op_type != "Constant"]
    assert [n for n in names if not n.startswith("preparation/")] == ["0", "1", "2", "3"]


def test_grey_pictures_have_no_axis_for_channels(tmp_path: Path) -> None:
    preparation = Preparation(recipe.load("digits"))
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.GlobalAvgPool2d())
    export(net, (9, 8), tmp_path / "net.onnx", preparation=preparation)
    images = pictures(3, 9, 8)
    expected = net(ninx.tensor(np.stack([preparation.one(image) for image in images]))).detach().numpy()
    answers = session(tmp_path / "net.onnx").run(None, {"input": images})[0]
    assert np.abs(answers - expected).max() / np.abs(expected).max() < 1e-5


@pytest.mark.parametrize("setting", [{"prepare.resize": 8}, {"prepare.lcn": True}])
def test_what_stays_outside_is_named(setting: dict[str, Any], tmp_path: Path) -> None:
    (name,) = setting
    with pytest.raises(Unexportable, match=rf"the preparation has {name[8:]} = .*which stays outside"):
        export(NET, (10, 8, 3), tmp_path / "net.onnx", preparation=fitted(setting))
