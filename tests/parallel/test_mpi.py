"""``mpiexec -n N ninx train``: real processes, which have the bits of one, speak with one voice, and end together."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ranks import done, mpiexec, needs_mpi

import ninx
from ninx import parallel, train
from ninx.train import found
from ninx.train import recipe as recipes

pytestmark = needs_mpi

SMALL = {
    "limit": 70, "holdout": 20, "epochs": 2, "batch_size": 32, "micro_batches": 8,
    "model.switches": {"batch_norm": True, "dropout": 0.5, "last_relu": False},
}  # fmt: skip
DIGITS = {  # 60 steps of the recipe, of which each twentieth is one of 44 images
    "batch normalisation": {"limit": 1260, "epochs": 3, "micro_batches": 8},
    "dropout": {
        "limit": 1220, "epochs": 3, "micro_batches": 8, "workers": 2,
        "model.switches": {"batch_norm": True, "dropout": 0.5, "last_relu": False},
    },
}  # fmt: skip
# `ninx` in which a rank does something before its step number so and so.
AT_A_STEP = """
import os, signal, sys, time
from ninx import optim, parallel
from ninx.cli import main
steps, plain = 0, optim.SGD.step
def step(self, *args):
    global steps
    steps += 1
    if steps == {step} and parallel.world().rank == {rank}:
        {what}
    return plain(self, *args)
optim.SGD.step = step
sys.argv[0] = "ninx"
main()
"""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As each rank has."""
    before = ninx.get_num_threads()
    ninx.set_num_threads(1)
    yield
    ninx.set_num_threads(before)


def alone(folder: Path, changes: dict[str, Any]) -> train.Checkpoint:
    """What one process ends with, in this one."""
    run = train.Training(recipes.load("digits", changes), folder, team=parallel.ALONE)
    for _ in run.run(lambda seen, loss: None):
        pass
    return train.read_checkpoint(folder)


def command(folder: Path, changes: dict[str, Any], *more: str) -> list[str]:
    pairs = [part for k, v in changes.items() for part in ("--set", f"{k}={json.dumps(v)}")]
    return ["train", "--out", str(folder), *pairs, *more]


def ninx_on(size: int, *arguments: str) -> subprocess.Popen[str]:
    return mpiexec(size, sys.executable, "-m", "ninx", *arguments)


def at_a_step(size: int, step: int, rank: int, what: str, *arguments: str) -> subprocess.Popen[str]:
    return mpiexec(size, sys.executable, "-c", AT_A_STEP.format(step=step, rank=rank, what=what), *arguments)


def ended(folder: Path) -> str:
    """The state of a run whose mpiexec has ended; its ranks may take a moment longer to die."""
    for _ in range(600):
        if (state := found.look(folder).state) != "running":
            break
        time.sleep(0.1)
    return state


def same(a: train.Checkpoint, b: train.Checkpoint) -> None:
    assert a.weights.keys() == b.weights.keys()
    for name, value in a.weights.items():
        assert np.array_equal(value, b.weights[name]), name
    for i, state in a.optimizer["state"].items():
        assert all(np.array_equal(np.asarray(v), np.asarray(b.optimizer["state"][i][k])) for k, v in state.items()), i
    assert (a.rng, a.schedule, a.epoch) == (b.rng, b.schedule, b.epoch)
    assert [m | {"images_per_second": 0} for m in a.history] == [m | {"images_per_second": 0} for m in b.history]


def test_two_ranks_end_with_the_bits_of_one_process_and_one_of_them_speaks(tmp_path: Path) -> None:
    status, said, errors = done(ninx_on(2, *command(tmp_path / "two", SMALL | {"workers": 2}, "--epochs", "2")))
    assert (status, errors) == (0, "")
    assert said.count("epoch   1/2") == said.count("epoch   2/2") == said.count("held-out accuracy") == 1
    assert "2 ranks of 1 thread each: a batch is 8 micro-batches, 4 for each rank." in said
    same(train.read_checkpoint(tmp_path / "two"), alone(tmp_path / "one", SMALL))
    assert train.journal.read(tmp_path / "two").sessions[0].command.startswith("mpiexec -n 2 ninx train --out")


def test_ranks_that_are_asked_to_stop_do_so_after_the_same_step_and_one_process_goes_on_from_there(tmp_path: Path) -> None:
    asked = "os.kill(os.getpid(), signal.SIGTERM)"  # one of them alone
    status, said, errors = done(at_a_step(2, 2, 1, asked, *command(tmp_path / "two", SMALL)))
    assert (status, errors) == (128 + signal.SIGTERM, "")
    assert "Stopped. " in said
    assert f"mpiexec -n 2 ninx train --resume {tmp_path / 'two'}" in said.replace("\n", "")
    saved = train.read_checkpoint(tmp_path / "two")
    assert (saved.epoch, saved.progress and saved.progress.batches) == (0, 3)
    for _ in train.Training(saved.recipe, tmp_path / "two", saved, team=parallel.ALONE).run(lambda seen, loss: None):
        pass
    same(train.read_checkpoint(tmp_path / "two"), alone(tmp_path / "one", SMALL))


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize(
    ("what", "status", "told"),
    [
        ('raise OSError("the disk is full")', 2, "the disk is full"),
        ('raise KeyError("a mistake of ours")', 1, "a mistake of ours"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 9, ""),
    ],
    ids=["an error", "a fault", "a kill"],
)
@pytest.mark.slow
def test_whatever_ends_one_rank_ends_all_and_is_said_once(tmp_path: Path, rank: int, what: str, status: int, told: str) -> None:
    exit_status, _, errors = done(at_a_step(2, 4, rank, what, *command(tmp_path / "two", SMALL)))
    assert exit_status == status
    if told:
        assert errors.count(told) == 1
        assert (f"rank {rank}" in errors) == bool(rank)
    assert train.read_checkpoint(tmp_path / "two").epoch == 1


def test_a_rank_that_raises_ends_all_with_a_sentence_and_what_was_saved_stays(tmp_path: Path) -> None:
    exit_status, _, errors = done(at_a_step(2, 4, 1, 'raise OSError("the disk is full")', *command(tmp_path / "two", SMALL)))
    assert (exit_status, errors) == (2, "Error: rank 1: the disk is full\n")
    saved = train.read_checkpoint(tmp_path / "two")
    assert saved.epoch == 1
    assert ended(tmp_path / "two") == "killed"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "digitz"], "Error: there is no recipe 'digitz'; did you mean 'digits'?\n"),
        (["runs"], "Error: mpiexec: only `ninx train` shares its work among processes; start `ninx runs` without mpiexec\n"),
    ],
    ids=["a typing error", "another command"],
)
def test_what_is_wrong_for_all_is_said_once(tmp_path: Path, arguments: list[str], said: str) -> None:
    assert done(ninx_on(2, *arguments)) == (2, "", said)


def test_a_loss_that_is_no_number_is_said_once_and_written_down(tmp_path: Path) -> None:
    broken = "next(iter(self.param_groups[0]['params'])).array[0, 0, 0, 0] = float('nan')"
    status, _, errors = done(at_a_step(2, 3, 1, broken, *command(tmp_path / "two", SMALL)))
    assert status == 1
    assert errors.startswith("Error: train: the loss became nan in epoch 2; try a smaller optim.lr; ")
    assert errors.count("\n") == 1
    assert ended(tmp_path / "two") == "NaN"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_mpiexec_stops_all_ranks_and_saves(tmp_path: Path, number: signal.Signals) -> None:
    process = ninx_on(2, *command(tmp_path / "two", SMALL | {"epochs": 1000}))
    assert process.stdout is not None
    while "epoch   2/1000" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(number)
    status, said, _ = done(process)
    assert status == 128 + number
    assert "Stopped. " in said
    saved = train.read_checkpoint(tmp_path / "two")
    assert saved.epoch >= 2
    assert found.look(tmp_path / "two").state == "stopped"


# ------------------------------------------------------------------------------------------------- the whole claim


@pytest.mark.slow
@pytest.mark.parametrize("changes", DIGITS.values(), ids=DIGITS)
def test_sixty_steps_of_the_digits_end_with_the_same_bits_on_1_2_4_and_8_ranks(tmp_path: Path, changes: Any) -> None:
    wanted = alone(tmp_path / "alone", changes)
    for size in (1, 2, 4, 8):
        status, _, errors = done(ninx_on(size, *command(tmp_path / str(size), changes)))
        assert (status, errors) == (0, "")
        same(train.read_checkpoint(tmp_path / str(size)), wanted)


@pytest.mark.slow
@pytest.mark.parametrize("changes", DIGITS.values(), ids=DIGITS)
def test_killed_at_a_random_step_on_4_ranks_and_resumed_on_2_it_ends_as_if_never_killed(tmp_path: Path, changes: Any) -> None:
    rng = random.Random(str(changes))
    step, rank, folder = rng.randrange(5, 58), rng.randrange(4), tmp_path / "run"
    kill = "time.sleep(0.2); os.kill(os.getpid(), signal.SIGKILL)"
    status, _, _ = done(at_a_step(4, step, rank, kill, *command(folder, changes, "--save-every", "0.01")))
    assert status == signal.SIGKILL
    assert ended(folder) == "killed"
    saved = train.read_checkpoint(folder)
    reached = 20 * saved.epoch + (saved.progress.batches if saved.progress else 0)
    assert 0 < reached <= step, "rank 0 may have done and saved the step before which another was killed"
    status, _, errors = done(ninx_on(2, "train", "--resume", str(folder)))
    assert (status, errors) == (0, "")
    same(train.read_checkpoint(folder), alone(tmp_path / "alone", changes))
