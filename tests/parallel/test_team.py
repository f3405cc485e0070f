"""How a process learns that it is one of several, and what it says if it cannot be."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest
from ranks import FakeTeam, on_ranks

from ninx import parallel, train
from ninx.cli import ranks as voice
from ninx.parallel import launch, team
from ninx.train import recipe as recipes


@pytest.fixture(autouse=True)
def _no_mpiexec(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (name for names in launch.VARIABLES for name in names):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(team, "_world", None)


@pytest.mark.parametrize("names", launch.VARIABLES)
def test_mpiexec_tells_its_processes_by_the_environment(names: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert (launch.rank(), launch.size(), launch.local_rank()) == (0, 0, 0)
    for name, value in zip(names, ("5", "8", "1"), strict=True):
        monkeypatch.setenv(name, value)
    assert (launch.rank(), launch.size(), launch.local_rank()) == (5, 8, 1)
    monkeypatch.delenv(names[2])
    assert launch.local_rank() == 5


def test_without_mpiexec_no_mpi_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mpi4py", None)
    assert parallel.world() is parallel.ALONE
    with pytest.raises(ValueError, match="trains alone"):
        parallel.ALONE.exchange(1, None, None)  # type: ignore[arg-type]


def test_without_mpi4py_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setitem(__import__("sys").modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r"^mpiexec started this process, .* pip install 'ninx\[mpi\]'"):
        parallel.world()


def _mpi(size: int) -> Any:
    world = types.SimpleNamespace(Get_rank=lambda: 0, Get_size=lambda: size)
    return types.SimpleNamespace(MPI=types.SimpleNamespace(COMM_WORLD=world))


def test_an_mpiexec_of_another_mpi_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setitem(__import__("sys").modules, "mpi4py", _mpi(1))
    with pytest.raises(RuntimeError, match=r"^mpiexec started 4 processes, but mpi4py sees 1: they belong to different MPIs"):
        parallel.world()
    assert team.joined() is parallel.ALONE
    monkeypatch.setitem(__import__("sys").modules, "mpi4py", _mpi(4))
    assert parallel.world() is parallel.world() is team.joined()


def test_everyone_hears_everyone_in_the_order_of_ranks() -> None:
    assert on_ranks(4, lambda team: team.everyone(10 * team.rank)) == [[0, 10, 20, 30]] * 4


def test_several_ranks_want_micro_batches(tmp_path: Path) -> None:
    chosen = recipes.load("digits", {"limit": 20})

    def work(team: FakeTeam) -> None:
        train.Training(chosen, tmp_path / "run", team=team)

    with pytest.raises(ValueError, match=r"^train: 2 ranks share .* the recipe cuts none; set micro_batches = 8$"):
        on_ranks(2, work)
    train.Training(chosen, tmp_path / "run").save()
    saved = train.read_checkpoint(tmp_path / "run")
    with pytest.raises(ValueError, match=r"cuts none; the run was begun without them, so one process goes on with it$"):
        on_ranks(2, lambda team: train.Training(chosen, tmp_path / "run", saved, team=team))


def test_a_recipe_cuts_no_batch_finer_than_its_images() -> None:
    with pytest.raises(ValueError, match=r"^recipe digits: micro_batches = 9 are more than the 8 images of a batch$"):
        recipes.load("digits", {"micro_batches": 9, "batch_size": 8})
    assert recipes.load("digits", {"micro_batches": 8, "batch_size": 8}).micro_batches == 8
    assert recipes.load("digits").micro_batches is None


def test_what_the_ranks_share_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert voice.shares(parallel.ALONE, 8) == launch.prefix() == ""
    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setattr(voice, "get_num_threads", lambda: 2)
    assert on_ranks(4, lambda team: voice.shares(team, 8))[0] == (
        "4 ranks of 2 threads each: a batch is 8 micro-batches, 2 for each rank."
    )
    assert launch.prefix() == "mpiexec -n 4 "
    voice.check_command("train")
    with pytest.raises(ValueError, match="start `ninx eval` without mpiexec"):
        voice.check_command("eval")
