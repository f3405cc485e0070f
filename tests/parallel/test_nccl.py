"""Ranks on GPUs: the calls of NCCL in their order, on the stand-in for CuPy, and the way by the host where there is no NCCL."""

from __future__ import annotations

import platform
import types
from collections.abc import Iterator
from typing import Any

import cupy_stand_in as cupy
import numpy as np
import pytest
from ranks import FakeTeam, needs_mpi, on_ranks

import ninx
from ninx import nn, parallel
from ninx.parallel import mpi
from ninx.parallel.nccl import Nccl

calls: list[Any] = []


class Communicator:
    """NCCL's, as CuPy has it; notes what is asked of it."""

    def __init__(self, size: int, identity: Any, rank: int):
        calls.append(("communicator", size, identity, rank))

    def send(self, *arguments: Any) -> None:
        calls.append(("send", *arguments))

    def recv(self, *arguments: Any) -> None:
        calls.append(("recv", *arguments))


@pytest.fixture
def nccl(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.SimpleNamespace]:
    """The stand-in, with NCCL; an array's ``data.ptr`` is the array itself, so that a call shows where it lies."""
    there = types.SimpleNamespace(
        available=True,
        NCCL_FLOAT32=7,
        NCCL_FLOAT64=8,
        get_unique_id=lambda: (1, 2, 3),
        NcclCommunicator=Communicator,
        groupStart=lambda: calls.append("start"),
        groupEnd=lambda: calls.append("end"),
    )
    calls.clear()
    with cupy.installed():
        monkeypatch.setitem(__import__("sys").modules, "cupy.cuda", cupy.cuda)
        monkeypatch.setattr(cupy.cuda, "nccl", there, raising=False)
        monkeypatch.setattr(cupy.Stream, "ptr", 42, raising=False)
        monkeypatch.setattr(cupy.ndarray, "data", property(lambda a: types.SimpleNamespace(ptr=a)), raising=False)
        yield there


def test_an_exchange_is_a_send_and_a_receive_in_one_group_in_the_stream_that_computes(nccl: Any) -> None:
    link = Nccl(4, 1, (1, 2, 3))
    for dtype, kind in ((np.float32, 7), (np.float64, 8)):
        give, take = cupy.asarray(np.ones(5, dtype)), cupy.empty(3, dtype)
        cupy.transfers.clear()
        link.exchange(3, give, take)
        assert calls[-4] == "start"
        assert calls[-3][0] == "send"
        assert calls[-3][1] is give
        assert calls[-3][2:] == (5, kind, 3, 42)
        assert calls[-2][0] == "recv"
        assert calls[-2][1] is take
        assert calls[-2][2:] == (3, kind, 3, 42)
        assert calls[-1] == "end"
        assert cupy.transfers == [], "the host has no part in it"
    assert calls[0] == ("communicator", 4, (1, 2, 3), 1)


class OverFake(mpi.MPITeam):
    """The team by MPI, with a fake in MPI's place for what lies on the host; ``host`` notes what went there."""

    def __init__(self, fake: FakeTeam):
        self._fake, self.rank, self.size, self._nccl, self._asked = fake, fake.rank, fake.size, None, False
        self.host: list[Any] = []

    def exchange(self, peer: int, give: Any, take: Any) -> None:
        if isinstance(give, np.ndarray):
            self.host.append(give.dtype)
            self._fake.exchange(peer, give, take)
        else:
            super().exchange(peer, give, take)

    def everyone(self, thing: Any) -> list[Any]:
        return self._fake.everyone(thing)


@needs_mpi
def test_ranks_meet_once_and_then_sum_on_the_gpus_alone(nccl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    offer = Nccl.offer
    monkeypatch.setattr(Nccl, "offer", lambda rank: (offer(rank)[0], ("here", rank)))  # the stand-in has one GPU

    def work(fake: FakeTeam) -> int:
        team = OverFake(fake)
        for _ in range(2):
            parallel.sum_over_ranks(team, cupy.asarray(np.ones(8, np.float32)))
        return len(team.host)

    assert on_ranks(4, work) == [0] * 4
    made = [call for call in calls if call[0] == "communicator"]
    assert sorted(made) == [("communicator", 4, (1, 2, 3), rank) for rank in range(4)]
    sizes = [call[2] for call in calls if call[0] == "send"]
    assert sorted(sizes) == sorted([4, 2, 2, 4] * 4 * 2)
    assert all(isinstance(call[1], cupy.ndarray) for call in calls if call[0] in ("send", "recv"))


@needs_mpi
@pytest.mark.parametrize("which", ["everywhere", "on one rank", "two ranks have one GPU"])
def test_where_a_rank_has_no_nccl_all_go_by_the_host(nccl: Any, monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    offer = Nccl.offer
    lacks = {"everywhere": range(4), "on one rank": [2], "two ranks have one GPU": []}[which]
    monkeypatch.setattr(Nccl, "offer", lambda rank: (None if rank in lacks else offer(rank)[0], ("here", min(rank, 2))))

    def work(fake: FakeTeam) -> tuple[list[float], int]:
        team, total = OverFake(fake), cupy.asarray(np.arange(4.0) + fake.rank)
        parallel.sum_over_ranks(team, total)
        return total.get().tolist(), len(team.host)

    assert on_ranks(4, work) == [([6.0, 10.0, 14.0, 18.0], 4)] * 4
    assert [call for call in calls if call[0] == "communicator"] == []


def test_cupy_without_nccl_offers_nothing(nccl: Any) -> None:
    place = platform.node(), 0
    assert Nccl.offer(0) == ((1, 2, 3), place)
    assert Nccl.offer(1) == (True, place)
    nccl.available = False
    assert Nccl.offer(0) == (None, place)


def test_gradients_are_summed_where_the_network_lies_and_the_ranks_change_no_bit(nccl: Any) -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((10, 3)).astype(np.float32), rng.integers(0, 4, 10)

    def work(team: Any) -> tuple[list[bytes], int]:
        ninx.manual_seed(0)
        with ninx.use_kernels("strided"):
            model = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Linear(6, 4)).to("cuda")
            micro = parallel.MicroBatches(model, 4, team)
            parts = [parallel.cut(10, 4, part) for part in micro.own]
            micro.gradient(
                iter([(ninx.tensor(x[c], device="cuda"), ninx.tensor(labels[c], device="cuda")) for c in parts]), 10, 0
            )
        held = [*(p.grad for p in model.parameters()), *model.buffers()]
        assert all(isinstance(t.array, cupy.ndarray) for t in held)
        return [t.array.get().tobytes() for t in held], len(getattr(team, "calls", ()))

    alone, _ = work(parallel.ALONE)
    for found, exchanges in on_ranks(2, work):
        assert found == alone
        assert exchanges == 4, "two for the gradients and the buffers, two for a few numbers"


def test_each_rank_takes_its_own_gpu(nccl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cupy, "device_count", [2])
    monkeypatch.setattr(cupy.runtime, "getDeviceCount", lambda: 2)
    found = []
    for local in range(4):
        monkeypatch.setenv("MPI_LOCALRANKID", str(local))
        found.append(on_ranks(2, lambda team: parallel.own_device(team, "cuda"))[0])
    assert found == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]
    assert on_ranks(2, lambda team: parallel.own_device(team, "cuda:1")) == ["cuda:1"] * 2
    assert parallel.own_device(parallel.ALONE, "cuda") == "cuda"
    assert parallel.own_device(parallel.ALONE, "cpu") == "cpu"
