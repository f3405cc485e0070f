"""What is left of a run that is stopped, killed, or broken: checkpoints within an epoch, locks, checksums."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import ninx
from ninx import train
from ninx.train import folders, interrupts
from ninx.train import recipe as recipes

TINY: dict[str, Any] = {"model.name": "nin-mnist-v0", "model.switches": {}, "limit": 96, "epochs": 2, "batch_size": 32}
HARD: dict[str, dict[str, Any]] = {  # all that has a state or a chance of its own
    "plain": {},
    "dropout, augmentation, a schedule of batches, a short batch": {
        "model.name": "nin-mnist", "limit": 30, "batch_size": 8, "augment.translate": 2, "augment.rotate": 8.0,
        "schedule.name": "onecycle", "schedule.by": "iteration",
    },
    "workers, Adam, images held out": {
        "workers": 2, "optim.name": "Adam", "optim.momentum": None, "optim.nesterov": None, "optim.lr": 0.01, "holdout": 40,
    },
}  # fmt: skip


def training(folder: Path, **changes: Any) -> train.Training:
    return train.Training(recipes.load("digits", TINY | changes), folder)


def again(folder: Path) -> train.Training:
    """As another process would take the run up: with no random state of this one."""
    ninx.manual_seed(99)
    ninx.randn(5)
    saved = train.read_checkpoint(folder)
    return train.Training(saved.recipe, folder if folder.is_dir() else folder.parent, saved)


def same(a: train.Training, b: train.Training) -> None:
    for (k, v), w in zip(a.model.state_dict().items(), b.model.state_dict().values(), strict=True):
        assert np.array_equal(v.numpy(), w.numpy()), k
    one, other = a.optimizer.state_dict(), b.optimizer.state_dict()
    assert json.dumps(one["param_groups"]) == json.dumps(other["param_groups"])  # JSON knows no tuples
    for i, state in one["state"].items():
        assert all(np.array_equal(np.asarray(v), np.asarray(other["state"][i][k])) for k, v in state.items()), i
    assert ninx.get_rng_state() == train.read_checkpoint(b.checkpoint).rng
    assert [_timeless(m) for m in a.history] == [_timeless(m) for m in b.history]


def _timeless(metrics: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in metrics.items() if k != "images_per_second"}


def stops_at(step: int) -> Any:
    steps = iter(range(1, 10**6))

    def on_step(seen: int, loss: float) -> None:
        if next(steps) == step:
            raise KeyboardInterrupt

    return on_step


@pytest.mark.parametrize("changes", HARD.values(), ids=HARD)
def test_a_run_that_is_stopped_after_any_step_ends_bit_for_bit_where_the_whole_run_ends(tmp_path: Path, changes: Any) -> None:
    whole = training(tmp_path / "whole", **changes)
    list(whole.run())
    batches = len(whole.loader)
    for step in range(1, 2 * batches + 1):
        folder = tmp_path / str(step)
        with pytest.raises(KeyboardInterrupt):
            list(training(folder, **changes).run(stops_at(step)))
        saved = train.read_checkpoint(folder)
        done = (step - 1) // batches
        assert (saved.epoch, saved.progress and saved.progress.batches) == (done, step - done * batches)
        resumed = again(folder)
        list(resumed.run())
        same(resumed, whole)
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert lines == resumed.history


def test_checkpoints_within_an_epoch_follow_the_clock_and_the_last_three_are_kept(tmp_path: Path) -> None:
    whole = training(tmp_path / "whole", epochs=1)
    assert whole.save_every == 5.0
    list(whole.run())
    assert not folders.earlier(whole.checkpoint)[1].exists(), "the one before training, and the one after it"
    run = training(tmp_path / "run", epochs=1)
    run.save_every = 0.0
    with pytest.raises(KeyboardInterrupt):
        list(run.run(stops_at(3)))
    files = [run.checkpoint, *folders.earlier(run.checkpoint)]
    assert sorted(tmp_path.glob("run/checkpoint*")) == sorted(files)
    found = [train.read_checkpoint(file).progress for file in files]
    assert [progress and progress.batches for progress in found] == [3, 2, 1]
    for file in files:
        resumed = again(file)
        list(resumed.run())
        same(resumed, whole)


def test_a_process_killed_while_it_keeps_the_earlier_checkpoint_may_be_killed_there_again(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"
    for number in range(3):
        folders.keep_earlier(file)
        file.unlink(missing_ok=True)  # as renaming does: the other names still lead to what it held
        file.write_text(str(number))
    for _ in range(4):  # each time killed before the file was written anew
        folders.keep_earlier(file)
    file.unlink()
    file.write_text("3")
    assert [path.read_text() for path in (file, *folders.earlier(file))] == ["3", "2", "1"]


def test_a_run_that_is_replaced_stays_until_the_new_one_has_saved_and_then_leaves_nothing(tmp_path: Path) -> None:
    old = training(tmp_path, epochs=3, limit=32)
    list(old.run())
    assert all(file.exists() for file in folders.earlier(old.checkpoint))
    new = training(tmp_path, seed=5)
    with pytest.raises(KeyboardInterrupt):
        list(new.run(stops_at(2)))
    assert train.read_checkpoint(tmp_path).recipe.seed == 0, "what a person may still want is replaced by two steps"
    new = training(tmp_path, seed=5)
    new.save_every = 0.0
    with pytest.raises(KeyboardInterrupt):
        list(new.run(stops_at(2)))
    assert {train.read_checkpoint(file).recipe.seed for file in tmp_path.glob("checkpoint*")} == {5}


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    run = training(tmp_path)
    run.save()
    left = tmp_path / ".checkpoint.safetensors.x7_a"
    left.write_bytes(b"half")
    (tmp_path / "metrics.jsonl").write_text("of a later epoch than the checkpoint\n")
    resumed = again(tmp_path)
    next(resumed.run())
    assert not left.exists()
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 1


# --------------------------------------------------------------------------------------------------------- signals


def test_ctrl_c_waits_for_the_block_and_a_second_one_does_not() -> None:
    done = []

    @interrupts.held_back()
    def block(times: int) -> None:
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
        done.append(times)

    with pytest.raises(KeyboardInterrupt):
        block(1)
    assert done == [1]
    with pytest.raises(KeyboardInterrupt):
        block(2)
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


CHILD = """
import sys, ninx
from ninx.train.interrupts import stoppable
run = ninx.train.Training(ninx.train.recipe.load("digits", {changes!r}), {folder!r})
def on_step(seen, loss):
    print(seen, flush=True)
with stoppable():
    try:
        list(run.run(on_step))
    except KeyboardInterrupt as asked:
        print(type(asked).__name__, getattr(asked, "number", ""), run.progress.images if run.progress else None, flush=True)
"""


def _child(folder: Path, **changes: Any) -> subprocess.Popen[str]:
    code = CHILD.format(changes=TINY | {"epochs": 1000} | changes, folder=str(folder))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_ends_the_program_saves_what_was_learnt(tmp_path: Path, number: signal.Signals) -> None:
    with _child(tmp_path) as child:
        assert child.stdout is not None
        for _ in range(5):
            child.stdout.readline()
        child.send_signal(number)
        *_, told = child.stdout.read().splitlines()
    assert child.returncode == 0
    name, *_, images = told.split(" ")
    assert name == ("KeyboardInterrupt" if number == signal.SIGINT else "Stopped")
    saved = train.read_checkpoint(tmp_path)
    assert str(saved.progress and saved.progress.images) == images
    assert 96 * saved.epoch + (saved.progress.images if saved.progress else 0) >= 32 * 5


# ----------------------------------------------------------------------------------------------------------- locks


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked on Windows")
def test_two_processes_do_not_train_in_one_folder_and_a_killed_one_holds_no_lock(tmp_path: Path) -> None:
    with _child(tmp_path) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(ValueError, match=f"^train: process {child.pid} trains in .* already"):
            next(training(tmp_path).run())
        child.kill()
    next(again(tmp_path).run())
    next(again(tmp_path).run())


# ------------------------------------------------------------------------------------------------------- checksums


def test_a_flipped_bit_in_a_checkpoint_is_noticed(tmp_path: Path) -> None:
    run = training(tmp_path)
    next(run.run())
    good, rng, read = run.checkpoint.read_bytes(), random.Random(0), 0
    for _ in range(200):
        at = rng.randrange(len(good))
        run.checkpoint.write_bytes(good[:at] + bytes([good[at] ^ 1 << rng.randrange(8)]) + good[at + 1 :])
        with pytest.raises(ValueError, match=r"^checkpoint .*: (is damaged|is a safetensors file, but not one of ninx)"):
            train.read_checkpoint(run.checkpoint)
        try:
            train.read_checkpoint(run.checkpoint, verify=False)
            read += 1
        except ValueError:
            pass
    assert read > 100, "most bits are in the weights, where nothing else would notice them"


def _described(path: Path) -> dict[str, str]:
    with safe_open(path, "numpy") as file:
        return dict(file.metadata())


def test_a_lost_momentum_a_changed_rate_and_a_lost_checksum_are_noticed(tmp_path: Path) -> None:
    run = training(tmp_path)
    next(run.run())
    arrays, described = load_file(run.checkpoint), _described(run.checkpoint)
    momentum = next(name for name in arrays if name.startswith("optimizer/"))
    optimizer = json.loads(described["optimizer"])
    optimizer["param_groups"][0]["lr"] = float("nan")
    unsaid = {k: v for k, v in described.items() if k != "checksum"}
    for changed in (
        ({k: v for k, v in arrays.items() if k != momentum}, described),
        (arrays, described | {"optimizer": json.dumps(optimizer)}),
        (arrays, unsaid),
    ):
        save_file(changed[0], run.checkpoint, changed[1])
        with pytest.raises(
            ValueError, match=r"its checksum is another than when it was written; beside it .*checkpoint-1\.safet"
        ):
            train.read_checkpoint(run.checkpoint)
    old = {k: v for k, v in unsaid.items() if k not in ("progress", "machine")} | {"format": "ninx checkpoint 2"}
    save_file(arrays, run.checkpoint, old)
    assert train.read_checkpoint(run.checkpoint).epoch == 1, "the format before had no checksum"


# -------------------------------------------------------------------------------------------------------------- NaN


def test_a_network_with_a_nan_is_neither_saved_nor_asked(tmp_path: Path) -> None:
    run = training(tmp_path / "run", epochs=1)

    def break_it(seen: int, loss: float) -> None:
        if seen == 96:  # the last step: no loss follows that would show it
            next(iter(run.model.parameters())).data[0, 0, 0, 0] = float("nan")

    with pytest.raises(
        ValueError, match=r"after a step of epoch 1 .*weight holds 1 NaN or infinite number of \d+; try a smaller optim\.lr$"
    ):
        list(run.run(break_it))
    assert train.read_checkpoint(run.checkpoint).epoch == 0
    run.save()  # who saves it himself has it
    there = ninx.load_run(run.folder)
    with pytest.raises(ValueError, match=r"^eval: the network in .*run is damaged.*holds 1 NaN"):
        there.evaluate()
    with pytest.raises(ValueError, match=r"^predict: the network in .*run is damaged"):
        there.predict(ninx.data.digits("test").images[0])


def test_a_checkpoint_says_on_what_it_was_computed(tmp_path: Path) -> None:
    run = training(tmp_path)
    run.save()
    saved = train.read_checkpoint(tmp_path)
    assert saved.machine == train.machine.machine(run.model)
    assert saved.machine["threads"] == ninx.get_num_threads()
    assert train.machine.differences(saved.machine, saved.machine) == ""
    assert "threads" in train.machine.differences(saved.machine | {"threads": 64}, saved.machine)
