"""The gradient of a batch by micro-batches: what it is, and that the ranks change none of its bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from ranks import FakeTeam, bits, on_ranks

import ninx
import ninx.functional as F
from ninx import nn, optim, parallel

IMAGES = 22  # in 8 micro-batches of 3 and 2


def net(norm: bool = True, drop: float = 0.0) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(1, 6, 3), *([nn.BatchNorm2d(6)] if norm else []), nn.ReLU()]
    return nn.Sequential(*layers, nn.Dropout(drop), nn.Conv2d(6, 4, 1), nn.GlobalAvgPool2d(), nn.Flatten())


def batch(count: int = IMAGES, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, 1, 6, 6), np.float32), rng.integers(0, 4, count)


def pieces(x: np.ndarray, labels: np.ndarray, own: range, parts: int) -> Iterator[Any]:
    for part in own:
        chosen = parallel.cut(len(x), parts, part)
        yield (ninx.tensor(x[chosen]), ninx.tensor(labels[chosen])) if len(x[chosen]) else None


def trained(team: Any, steps: int = 3, parts: int = 8, counts: tuple[int, ...] = (IMAGES,), **options: Any) -> Any:
    """(bits of the network after some steps, what was learnt of each batch)"""
    ninx.manual_seed(1)
    model = net(**options)
    micro = parallel.MicroBatches(model, parts, team)
    learn, told = optim.SGD(model.parameters(), lr=0.1, momentum=0.9), []
    for step in range(steps):
        x, labels = batch(counts[step % len(counts)], step)
        told.append(micro.gradient(pieces(x, labels, micro.own, parts), len(x), step))
        learn.step()
    return bits(model), [(t.loss, t.right) for t in told]


def test_without_layers_that_see_the_batch_it_is_the_gradient_of_the_whole_batch() -> None:
    x, labels = batch()
    model = net(norm=False)
    F.cross_entropy(model(ninx.tensor(x)), ninx.tensor(labels)).backward()
    wanted = [p.grad.numpy() for p in model.parameters()]
    micro = parallel.MicroBatches(model, 8, parallel.ALONE)
    learnt = micro.gradient(pieces(x, labels, micro.own, 8), len(x), 0)
    for p, g in zip(model.parameters(), wanted, strict=True):
        assert np.abs(p.grad.numpy() - g).max() < 1e-6 * np.abs(g).max() + 1e-8
    logits = model(ninx.tensor(x)).detach()
    assert learnt.loss == pytest.approx(F.cross_entropy(logits, ninx.tensor(labels)).item(), rel=1e-6)
    assert learnt.right == int((logits.numpy().argmax(1) == labels).sum())


def test_batch_normalisation_is_that_of_the_micro_batches_as_pytorch_computes_it() -> None:
    x, labels = batch()
    model = net()
    twin = torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 3), torch.nn.BatchNorm2d(6), torch.nn.ReLU(), torch.nn.Dropout(0.0), torch.nn.Conv2d(6, 4, 1),
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
    )  # fmt: skip
    state = {k: torch.tensor(v.numpy()) for k, v in model.state_dict().items()}
    twin.load_state_dict(state)
    moved = {k: torch.zeros_like(v) for k, v in state.items() if "running" in k}
    for part in range(8):
        twin[1].load_state_dict({k.removeprefix("1."): v for k, v in state.items() if k.startswith("1.")} | {
            k: v.detach() for k, v in twin[1].named_parameters()})  # fmt: skip
        chosen = parallel.cut(len(x), 8, part)
        share = len(labels[chosen]) / len(x)
        loss = torch.nn.functional.cross_entropy(twin(torch.tensor(x[chosen])), torch.tensor(labels[chosen]))
        (loss * share).backward()
        for k in moved:
            moved[k] += share * (twin.state_dict()[k] - state[k])
    micro = parallel.MicroBatches(model, 8, parallel.ALONE)
    micro.gradient(pieces(x, labels, micro.own, 8), len(x), 0)
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        assert np.abs(p.grad.numpy() - q.grad.numpy()).max() < 1e-5 * q.grad.abs().max().item() + 1e-7
    after = model.state_dict()
    for k, change in moved.items():
        assert np.abs(after[k].numpy() - (state[k] + change).numpy()).max() < 1e-6
    assert after["1.num_batches_tracked"].item() == 1, "a batch is one move, however it is cut"


@pytest.mark.parametrize("options", [{}, {"drop": 0.5}, {"norm": False}], ids=["batch norm", "dropout too", "neither"])
@pytest.mark.parametrize("counts", [(IMAGES,), (32, 5)], ids=["all batches alike", "a batch of 5 has empty micro-batches"])
def test_weights_buffers_and_metrics_are_the_same_on_any_number_of_ranks(options: Any, counts: tuple[int, ...]) -> None:
    alone = trained(parallel.ALONE, counts=counts, **options)
    for size in (2, 4, 8):
        for found in on_ranks(size, lambda team: trained(team, counts=counts, **options)):
            assert found == alone


def test_what_a_constant_buffer_holds_stays() -> None:
    model = nn.Sequential(net(), nn.BatchNorm1d(4, momentum=0.0))
    model[1].running_mean.array[...] = np.float32(1 / 3)
    before = model[1].running_mean.numpy().copy()
    micro = parallel.MicroBatches(model, 3, parallel.ALONE)
    for step in range(5):
        micro.gradient(pieces(*batch(), micro.own, 3), IMAGES, step)
    assert np.array_equal(model[1].running_mean.numpy(), before)


def test_a_dropout_mask_depends_on_the_step_the_micro_batch_and_the_call_and_on_nothing_else() -> None:
    def mask(step: int, part: int, calls: int = 1) -> bytes:
        with ninx.random.dropouts_of(step, part):
            for _ in range(calls):
                found = F.dropout(ninx.ones(200)).numpy().tobytes()
        return found

    told = {(s, p, c): mask(s, p, c) for s in range(3) for p in range(3) for c in (1, 2)}
    assert len(set(told.values())) == len(told)
    state = ninx.get_rng_state()
    F.dropout(ninx.ones(3))  # outside, calls are counted as ever
    assert ninx.get_rng_state() != state
    assert mask(2, 1) == told[2, 1, 1]


def test_notes_of_all_ranks_are_summed_and_reach_all() -> None:
    def work(team: FakeTeam) -> list[float]:
        micro = parallel.MicroBatches(net(), 4, team)
        notes = [1.0, float(team.rank == 2)]
        return micro.gradient(pieces(*batch(), micro.own, 4), IMAGES, 0, notes).notes

    assert on_ranks(4, work) == [[4.0, 1.0]] * 4


def test_a_loss_that_is_no_number_is_known_to_all_ranks_and_its_images_to_the_one_that_has_them() -> None:
    x, labels = batch()
    x[-1] = np.inf

    def work(team: FakeTeam) -> tuple[bool, int]:
        micro = parallel.MicroBatches(net(norm=False), 4, team)
        with np.errstate(all="ignore"):
            learnt = micro.gradient(pieces(x, labels, micro.own, 4), IMAGES, 0)
        return bool(np.isfinite(learnt.loss)), int(np.isinf(learnt.seen[0].numpy()).sum())

    assert on_ranks(2, work) == [(False, 0), (False, 36)]


def test_ranks_that_do_not_compute_alike_are_refused() -> None:
    def work(team: FakeTeam) -> None:
        ninx.manual_seed(0)
        parallel.check_alike(team, {"threads": 1 + (team.rank == 3)}, nn.Linear(2, 2))

    with pytest.raises(ValueError, match=r"^parallel: ranks 0 and 3 do not compute alike \(threads: 1 and 2\)"):
        on_ranks(4, work)

    def otherwise(team: FakeTeam) -> None:
        ninx.manual_seed(team.rank)
        parallel.check_alike(team, {"device": f"cuda:{team.rank}"}, nn.Linear(2, 2))

    with pytest.raises(ValueError, match=r"ranks 0 and 1 do not compute alike \(weights: \w+ and \w+\)"):
        on_ranks(2, otherwise)
