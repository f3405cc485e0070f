"""Networks with a forward of their own, written once for both libraries: what PyTorch and torchinfo count, and what they see."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchinfo
from torch.utils.flop_counter import FlopCounterMode

import ninx
from ninx import models, nn, summary

pytestmark = pytest.mark.host_only("a summary is made on the host")


def residual(lib: Any) -> Any:
    class Block(lib.nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.a, self.b = lib.nn.Conv2d(channels, channels, 3, padding=1), lib.nn.Conv2d(channels, channels, 3, padding=1)

        def forward(self, x: Any) -> Any:
            return x + self.b(self.a(x).relu())

    return lib.nn.Sequential(lib.nn.Conv2d(3, 8, 5, padding=2), Block(8), Block(8))


def inception(lib: Any) -> Any:
    class Inception(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.three = lib.nn.Conv2d(3, 4, 1), lib.nn.Conv2d(3, 4, 3, padding=1)
            self.five = lib.nn.Conv2d(3, 4, 5, padding=2)

        def forward(self, x: Any) -> Any:
            return lib.cat([self.one(x), self.three(x), self.five(x)], 1)

    return lib.nn.Sequential(Inception(), lib.nn.Conv2d(12, 6, 3, stride=2))


def strided_shortcut(lib: Any) -> Any:
    class Net(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.short = lib.nn.Conv2d(3, 8, 3, stride=2, padding=1), lib.nn.Conv2d(3, 8, 1, stride=2)
            self.after = lib.nn.Conv2d(8, 8, 3, padding=1)

        def forward(self, x: Any) -> Any:
            return self.after(self.conv(x) + self.short(x))

    return Net()


def functional(lib: Any) -> Any:
    class Net(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = lib.nn.Parameter(lib.zeros(6, 3, 3, 3))

        def forward(self, x: Any) -> Any:
            return lib.nn.functional.conv2d(x, self.weight, stride=2, padding=1)

    return Net()


def twice(lib: Any) -> Any:
    class Net(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.again = lib.nn.Conv2d(3, 4, 1), lib.nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: Any) -> Any:
            return self.again(self.again(self.first(x)))

    return Net()


def grouped(lib: Any) -> Any:
    parts = lib.nn.Conv2d(3, 6, 3, groups=3), lib.nn.Conv2d(6, 6, 1), lib.nn.Conv2d(6, 6, 3, dilation=2, groups=6)
    return lib.nn.Sequential(*parts)


def transposed(lib: Any) -> Any:
    return lib.nn.Sequential(lib.nn.Conv2d(3, 4, 3, stride=2), lib.nn.ConvTranspose2d(4, 3, 3, stride=2))


def pooled(lib: Any) -> Any:
    class Net(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = lib.nn.Conv2d(3, 8, 3, padding=1)

        def forward(self, x: Any) -> Any:
            y = lib.nn.functional.avg_pool2d(self.conv(x).relu(), 3, 2)
            return y * 2 + 1

    return Net()


def averaged(lib: Any) -> Any:
    class Net(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.out = lib.nn.Conv2d(3, 8, 3, padding=1), lib.nn.Linear(8, 5)

        def forward(self, x: Any) -> Any:
            return self.out(self.conv(x).mean((2, 3)))

    return Net()


def attention(lib: Any) -> Any:
    class Net(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.out = lib.nn.Linear(16, 8), lib.nn.Linear(16, 8), lib.nn.Linear(16, 4)

        def forward(self, x: Any) -> Any:
            rows = x.flatten(1, 2)  # (N, 3 * 16, 16)
            weights = (self.q(rows) @ self.k(rows).transpose(1, 2)).softmax(-1)
            return self.out(weights @ rows)

    return Net()


NETWORKS: list[Callable[[Any], Any]] = [
    *(residual, inception, strided_shortcut, functional, twice, grouped, transposed, pooled, averaged, attention),
]
INPUT = (3, 16, 16)
WITHOUT_PATCH = (transposed, averaged, attention)


@pytest.mark.parametrize("make", NETWORKS)
def test_parameters_macs_and_shapes_are_those_that_pytorch_counts(make: Callable[[Any], Any]) -> None:
    net, x = make(torch).eval(), torch.zeros(1, *INPUT)
    shapes: list[tuple[int, ...]] = []
    for part in net.modules():
        if not list(part.children()) and part is not net:
            part.register_forward_hook(lambda module, args, y: shapes.append(tuple(y.shape[1:])))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(x)
    found = summary(make(ninx), INPUT)
    assert found.params == sum(p.numel() for p in net.parameters())
    assert found.flops == 2 * found.macs == counter.get_total_flops()
    rows = [row for row in found.rows if row.settings != "its own products"]
    assert [row.output_shape for row in rows] == (shapes or [tuple(net(x).shape[1:])])


@pytest.mark.parametrize("make", [net for net in NETWORKS if net not in WITHOUT_PATCH])
def test_the_patch_is_where_the_gradient_reaches(make: Callable[[Any], Any]) -> None:
    """One value of the result, differentiated by the image, with positive weights."""
    found = summary(make(ninx), (3, 40, 40)).rows[-1].receptive_field
    net = make(torch)
    for p in net.parameters():
        torch.nn.init.constant_(p, 0.1)
    image = torch.ones(1, 3, 40, 40, requires_grad=True)
    y = net(image)
    y[0, :, y.shape[2] // 2, y.shape[3] // 2].sum().backward()
    rows, columns = (image.grad[0].abs().sum((0, axis)) > 0 for axis in (2, 1))
    spans = [int(reached.nonzero().max() - reached.nonzero().min()) + 1 for reached in (rows, columns)]
    own = _last_patch(make, found)
    assert own == tuple(spans)


def _last_patch(make: Callable[[Any], Any], last: tuple[int, int] | None) -> tuple[int, int] | None:
    """What the whole network sees: its last row, or where it ends in operations of its own what a layer behind it sees."""
    net = nn.Sequential(make(ninx), nn.Identity())
    field = summary(net, (3, 40, 40)).rows[-1].receptive_field
    assert last is None or field is None or math.prod(last) <= math.prod(field)
    return field


@pytest.mark.parametrize("make", WITHOUT_PATCH)
def test_some_see_no_patch(make: Callable[[Any], Any]) -> None:
    assert summary(make(ninx), INPUT).rows[-1].receptive_field is None


@pytest.mark.parametrize("name", models.names())
def test_torchinfo_says_the_same_of_every_model(name: str, torch_twin: Callable[[str], Any]) -> None:
    shape = models.preset(name).input_shape
    told = torchinfo.summary(torch_twin(name), (1, *shape), verbose=0, device="meta", mode="eval")
    with nn.shapes_only():
        found = summary(models.create(name), shape)
    leaves = [info for info in told.summary_list if info.is_leaf_layer]
    ours = [row for row in found.rows if row.params]
    theirs = [info for info in leaves if info.num_params]
    assert found.params == told.total_params
    assert [row.params for row in ours] == [info.num_params for info in theirs]
    assert [row.output_shape for row in ours] == [tuple(info.output_size[1:]) for info in theirs]
    biases = sum(math.prod(row.output_shape[1:]) * row.output_shape[0] for row in ours if "bias" not in row.settings and row.macs)
    others = sum(info.macs for info in theirs if "Conv" not in info.class_name and "Linear" not in info.class_name)
    assert found.macs + biases == told.total_mult_adds - others  # it counts a bias as one more input


@pytest.fixture(scope="module")
def torch_twin() -> Callable[[str], Any]:
    import torch_nets

    def make(name: str) -> Any:
        with torch.device("meta"):
            return torch_nets.whole(name).eval()

    return make


def test_float64_weights_count_twice_as_many_bytes() -> None:
    single, double = (summary(nn.Linear(4, 2).to(dtype), (4,), batch=2).memory for dtype in (ninx.float32, ninx.float64))
    assert single is not None
    assert double is not None
    assert (single.weight_bytes, double.weight_bytes) == (40, 80)
