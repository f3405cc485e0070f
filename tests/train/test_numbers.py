"""Numbers that are no numbers any more: a training that meets one says where it began, and leaves a folder that tells of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ninx
from ninx.engine.modes import is_anomaly_enabled
from ninx.train import found, recipe
from ninx.train.finite import NotFinite

TINY: dict[str, Any] = {"limit": 40, "epochs": 2, "batch_size": 10, "model.name": "nin-mnist-v0", "model.switches": {}}
NAN = float("nan")


def _training(folder: Path, **changes: Any) -> ninx.train.Training:
    settings = TINY | {key.replace("__", "."): value for key, value in changes.items()}
    return ninx.train.Training(recipe.load("digits", settings), folder, find_nan=True)


def _spoilt(run: ninx.train.Training, when: int, spoil: Any) -> str:
    """What the run says if ``spoil`` is called before its batch number ``when``."""

    def before_the_next(seen: int, loss: float) -> None:
        if seen == 10 * (when - 1):
            spoil()

    with np.errstate(all="ignore"), pytest.raises(NotFinite) as raised:
        list(run.run(on_step=before_the_next))
    return str(raised.value)


def test_a_forward_names_operation_layer_line_and_recipe(tmp_path: Path) -> None:
    run = _training(tmp_path)
    said = _spoilt(run, 3, lambda: run.model[2][0].weight.data.fill_(3e38))
    assert re.match(
        r"train: batch 3 of epoch 1: forward of conv2d made (inf|nan) \(\d+ of \d+ entries\) at layer 2\.0, a Conv2d, "
        r"ninx.nn.\w+\.py:\d+: return F\.conv2d\(.*\(recipe digits: model\.name = 'nin-mnist-v0', optim\.lr = 0\.1\); "
        r"try a smaller optim\.lr$",
        said,
    ), said


def test_a_backward_names_the_layer_of_its_forward(tmp_path: Path) -> None:
    run = _training(tmp_path)
    layer = run.model[2][0]

    def spoil() -> None:
        layer.register_full_backward_pre_hook(lambda module, gradients: ninx.full_like(gradients[0], 3e38))

    said = _spoilt(run, 2, spoil)
    assert re.match(r"train: batch 2 of epoch 1: backward of conv2d made (inf|nan) .* at layer 2\.0, a Conv2d, ", said), said


def test_a_loss_is_no_layer(tmp_path: Path) -> None:
    run = _training(tmp_path)
    far = ninx.tensor([-3e38, *[3e38] * 9])
    spoil = lambda: run.model[-1].register_forward_hook(lambda module, inputs, output: output * 0 + far)  # noqa: E731
    said = _spoilt(run, 2, spoil)
    assert " at the loss, ninx" in said, said


def test_a_step_that_spoils_a_weight_is_named(tmp_path: Path) -> None:
    said = _spoilt(_training(tmp_path, optim__lr=1e38), 99, None)
    assert re.match(r"train: (after batch \d of epoch 1 \S+ holds \d+ NaN|batch \d of epoch 1: \w+ward of )", said), said


def test_a_training_that_is_watched_has_the_same_bits(tmp_path: Path) -> None:
    """Also of a network whose layers are computed together else, and with dropout."""
    small = {"limit": 20, "epochs": 1, "batch_size": 10}
    weights = []
    for find_nan in (False, True):
        run = ninx.train.Training(recipe.load("digits", small), tmp_path / str(find_nan), find_nan=find_nan)
        list(run.run())
        weights.append(b"".join(p.numpy().tobytes() for p in run.model.state_dict().values()))
    assert weights[0] == weights[1]


def test_the_hunt_leaves_nothing_behind(tmp_path: Path) -> None:
    run = _training(tmp_path)
    run.model[0][0].weight.data.fill_(NAN)
    with pytest.raises(NotFinite), np.errstate(all="ignore"):
        list(run.run())
    assert not is_anomaly_enabled()
    assert not any(module._module_hooks for module in run.model.modules())
    with pytest.raises(RuntimeError, match=r"at .*test_numbers\.py:\d+: "), ninx.detect_anomaly(), np.errstate(all="ignore"):
        ninx.tensor([0.0]).log()


def _ninx(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ninx", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("option", [[], ["--find-nan"]])
def test_a_nan_in_the_first_epoch_leaves_a_folder_that_can_be_shown(option: list[str], tmp_path: Path) -> None:
    small = ["--limit", "40", "--epochs", "2", "--set", "optim.lr=1e30", "--set", "batch_size=10"]
    small += ["--set", "model.name=nin-mnist-v0"]
    done = _ninx(tmp_path, "train", *small, "--set", "model.switches={}", *option)
    assert done.returncode == 1, done.stderr
    assert re.search(r"^Error: train: .*epoch 1", done.stderr, re.MULTILINE)
    assert "ninx report runs/digits-seed0" in done.stdout
    one = found.look(tmp_path / "runs" / "digits-seed0")
    assert (one.state, one.epoch) == ("NaN", 0)
    shown = _ninx(tmp_path, "report", "runs/digits-seed0")
    assert shown.returncode == 0, shown.stderr
    page = (tmp_path / "runs" / "digits-seed0" / "report.html").read_text(encoding="utf-8")
    assert "The numbers of this run are no numbers any more: train: " in page
    assert ("at layer " in page or "holds" in page) if option else "first in layer" in page
