"""Sizes, multiply-adds and receptive fields: the published figures, PyTorch's own counter, and what the networks really do."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
import torch_nets
from hypothesis import given
from hypothesis import strategies as st
from torch import nn as tnn
from torch.utils.flop_counter import FlopCounterMode

import ninx
import ninx.functional as F
from ninx import models, nn, summary
from ninx.study.summary import Row, Summary, align

MACS = {
    "nin-cifar10": 222_486_528,
    "nin-cifar100": 223_592_448,
    "nin-mnist": 50_699_712,
    "nin-svhn": 274_235_392,
    "nin-imagenet": 1_100_188_800,
    "nin-d2l": 762_297_352,
    "nin-mnist-v0": 43_088_640,
    "nin-mnist-v1": 48_419_840,
    "nin-mnist-v2": 53_437_440,
    "nin-bn-fc": 5_752_352,
    "nin-cifar10-bn": 222_486_528,
    "alexnet-caffe": 724_406_816,
    "alexnet": 714_188_480,
    "vgg11": 7_609_090_048,
    "vgg16": 15_470_264_320,
}
SHARES = {"nin-cifar10": 30.8, "nin-imagenet": 24.9, "nin-mnist": 22.1, "nin-svhn": 19.9, "nin-d2l": 24.2}  # of the MACs, in %


def of(name: str) -> Summary:
    with nn.shapes_only():
        return summary(models.create(name), models.preset(name).input_shape)


def test_every_model_has_its_published_macs() -> None:
    assert {name: of(name).macs for name in models.names()} == MACS
    assert {name: round(100 * of(name).pointwise_macs, 1) for name in SHARES} == SHARES
    assert round(100 * of("nin-cifar10").pointwise_params, 1) == 16.5
    with nn.shapes_only():  # other inputs than the preset's
        assert summary(models.create("nin-bn-fc"), (3, 224, 224)).macs == 453_130_784
        assert summary(models.create("nin-imagenet"), (3, 227, 227)).macs == 1_105_996_320


@pytest.mark.parametrize("name", MACS)
def test_parameters_and_macs_are_those_that_pytorch_counts(name: str) -> None:
    with torch.device("meta"):
        net = torch_nets.whole(name).eval()
        with FlopCounterMode(display=False) as counter:
            net(torch.empty(1, *models.preset(name).input_shape))
    found = of(name)
    assert found.params == sum(p.numel() for p in net.parameters()) == sum(row.params for row in found.rows)
    assert 2 * found.macs == counter.get_total_flops()


@pytest.mark.parametrize("name", ["nin-cifar10", "nin-svhn", "nin-mnist-v1", "nin-d2l", "nin-bn-fc", "alexnet"])
def test_the_receptive_field_is_where_the_gradient_reaches(name: str) -> None:
    """One value of the last convolution's output, differentiated by the image: all weights positive, averages for maxima."""

    def smooth(module: tnn.Module) -> list[tnn.Module]:
        if list(module.children()):
            return [part for child in module.children() for part in smooth(child)]
        if isinstance(module, tnn.MaxPool2d):
            return [tnn.AvgPool2d(module.kernel_size, module.stride, module.padding, module.ceil_mode)]
        return [] if isinstance(module, (tnn.ReLU, tnn.BatchNorm2d, torch_nets.Dropout)) else [module]

    layers = smooth(torch_nets.MAPS[name]() if name in torch_nets.MAPS else torch_nets.whole(name))
    last = max(i for i, layer in enumerate(layers) if isinstance(layer, tnn.Conv2d))
    for layer in layers[: last + 1]:
        if isinstance(layer, tnn.Conv2d):
            tnn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
    field = of(name).receptive_field
    image = torch.zeros(1, models.preset(name).input_shape[0], 2 * field[0] + 64, 2 * field[1] + 64, requires_grad=True)
    y = tnn.Sequential(*layers[: last + 1])(image)
    y[0, 0, y.shape[2] // 2, y.shape[3] // 2].backward()
    rows, columns = (image.grad[0, 0].abs().sum(axis) > 0 for axis in (1, 0))
    assert (int(rows.sum()), int(columns.sum())) == field


def test_the_receptive_field_of_uneven_windows() -> None:
    """By hand: extents (3, 3) with stride (2, 1), then (5, 5) of those steps, then (1, 2) of twice those."""
    net = nn.Sequential(nn.Conv2d(1, 2, (3, 2), (2, 1), 0, (1, 2)), nn.MaxPool2d(3, 2, 1, 2), nn.Conv2d(2, 2, (1, 2)))
    assert [row.receptive_field for row in summary(net, (1, 20, 20)).rows] == [(3, 3), (3 + 4 * 2, 3 + 4), (11, 7 + 2)]


LAYERS = [
    (nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), 2), (4, 9, 8)),
    (nn.Conv2d(4, 6, (3, 4), padding="same"), (4, 9, 8)),
    (nn.Conv2d(4, 6, (3, 4), padding="valid", bias=False), (4, 9, 8)),
    (nn.Conv2d(4, 6, 1, 2), (4, 9, 8)),
    (nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2), (4, 5, 4)),
    (nn.Linear(5, 7, bias=False), (3, 5)),
    (nn.MaxPool2d(3, 2, 1, 2, ceil_mode=True), (4, 9, 8)),
    (nn.AvgPool2d((3, 2), ceil_mode=True), (4, 9, 8)),
    (nn.AdaptiveAvgPool2d((3, None)), (4, 9, 8)),
    (nn.AdaptiveAvgPool2d(4), (4, 9, 8)),
    (nn.GlobalAvgPool2d(), (4, 9, 8)),
    (nn.Flatten(), (4, 9, 8)),
    (nn.Flatten(2), (4, 9, 8)),
    (nn.Flatten(1, 2), (4, 9, 8)),
    (nn.Maxout(2), (4, 9, 8)),
    (nn.LocalResponseNorm(3), (4, 9, 8)),
    (nn.BatchNorm2d(4), (4, 9, 8)),
    (nn.BatchNorm1d(4), (4,)),
    (nn.Dropout2d(), (4, 9, 8)),
    (nn.LogSoftmax(1), (4,)),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=[repr(layer) for layer, _ in LAYERS])
def test_a_layer_gives_the_shape_that_it_is_said_to_give(layer: nn.Module, shape: tuple[int, ...]) -> None:
    (row,) = summary(layer, shape).rows
    assert row.output_shape == layer.eval()(ninx.randn(2, *shape)).shape[1:]
    assert row.kind == type(layer).__name__
    assert row.params == sum(p.numel() for p in layer.parameters())


def test_macs_of_grouped_transposed_and_linear_layers() -> None:
    """One multiplication for each weight and each place where it is used."""
    macs = [summary(layer, shape).macs for layer, shape in LAYERS[:6]]
    assert macs == [5 * 6 * (6 * 2 * 6), 9 * 8 * (6 * 4 * 12), 7 * 5 * (6 * 4 * 12), 5 * 4 * (6 * 4), 5 * 4 * (4 * 3 * 9), 3 * 35]
    assert [summary(layer, shape).rows[0].pointwise for layer, shape in LAYERS[:6]] == [False, False, False, True, False, False]


class Residual(nn.Module):
    """A forward of its own: the layers in another order than that in which they were made, one of them twice."""

    def __init__(self) -> None:
        self.out = nn.Conv2d(6, 3, 1)
        self.inner = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.again = nn.Conv2d(3, 3, 1)
        self.scale = nn.Parameter(np.ones((3, 1, 1), np.float32))

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        return x * self.scale + self.again(self.again(self.out(self.inner(x))))


def test_a_module_with_its_own_forward_is_run_once_and_left_as_it_was() -> None:
    block = Residual()
    block.inner.eval()
    net = nn.Sequential(nn.Conv2d(1, 3, 5), block, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3 * 6 * 6, 10))
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    found = summary(net, (1, 16, 16))
    names = ["0", "1.inner.0", "1.inner.1", "1.inner.2", "1.out", "1.again", "1.again", "2", "3", "4"]
    assert [row.name for row in found.rows] == names
    assert found.params == sum(p.numel() for p in net.parameters()) == sum(row.params for row in found.rows) + 3
    assert found.macs == 144 * (75 + 162 + 18 + 9 + 9) + 1080
    assert [row.receptive_field for row in found.rows] == [(5, 5), *[(7, 7)] * 6, (8, 8), (8, 8), None]
    assert all(np.array_equal(before[k], v.numpy()) for k, v in net.state_dict().items())
    assert (net.training, block.training, block.inner.training, block.inner[1].training) == (True, True, False, False)
    assert not any("forward" in vars(m) for m in net.modules())


class Double(nn.ReLU):
    """A layer of ninx.nn by name only."""

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        return F.relu(ninx.cat([x, x], 1))


def test_a_layer_of_ones_own_is_not_taken_for_its_base() -> None:
    found = summary(nn.Sequential(Double(), nn.Conv2d(4, 1, 1)), (2, 3, 3))
    assert [row.output_shape for row in found.rows] == [(4, 3, 3), (1, 3, 3)]


@pytest.mark.parametrize(
    ("net", "shape", "message"),
    [
        (nn.Conv2d(3, 4, 3), (1, 8, 8), "conv2d: input has 1 channels"),
        (nn.Conv2d(3, 4, 3), (3, 2, 2), "kernel 3x3 .* does not fit input 2x2"),
        (nn.Conv2d(3, 4, 3), (3, 64), r"Conv2d wants an image \(C, H, W\), but its input has shape \(3, 64\)"),
        (nn.Linear(3, 4), (5,), r"Linear wants 3 values, but its input has shape \(5,\)"),
        (nn.Maxout(3), (4, 2, 2), r"Maxout\(3\) does not divide the channels"),
        (nn.ReLU(), (1.5, 2, 2), "a size of the input must be a whole number, got 1.5"),
    ],
)
def test_what_does_not_fit_is_said(net: nn.Module, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        summary(net, shape)


def told(a: Row | None, b: Row | None) -> tuple[str, str]:
    first, second = ("" if row is None else f"{row.kind} {row.settings}".strip() for row in (a, b))
    return first, second


def test_two_networks_are_aligned_layer_by_layer() -> None:
    pairs = [told(a, b) for a, b in align(of("nin-cifar10"), of("nin-cifar10-bn"))]
    assert [pair for pair in pairs if pair[0] != pair[1]] == [
        *[("", "BatchNorm2d")] * 3,
        ("MaxPool2d 3x3/2/0 ceil", "MaxPool2d 3x3/2/1"),
        ("Dropout p=0.5", "Dropout p=0.2"),
        *[("", "BatchNorm2d")] * 3,
        ("AvgPool2d 3x3/2/0 ceil", "AvgPool2d 3x3/2/1"),
        ("Dropout p=0.5", "Dropout p=0.2"),
        *[("", "BatchNorm2d")] * 3,
    ]
    pairs = [told(a, b) for a, b in align(of("nin-mnist-v1"), of("nin-mnist-v2"))]
    assert [pair for pair in pairs if pair[0] != pair[1]] == [("", "Conv2d 1x1/1/0, 20 -> 20"), ("", "ReLU")]
    a, b = of("nin-imagenet"), of("alexnet-caffe")
    pairs = align(a, b)
    assert [x for x, _ in pairs if x] == list(a.rows)
    assert [y for _, y in pairs if y] == list(b.rows)


# -------------------------------------------------------------------- the table


@pytest.mark.parametrize("name", MACS)
def test_the_table_of_every_model_fits_80_columns_and_cuts_nothing(name: str) -> None:
    found = of(name)
    text = str(found)
    assert repr(found) == text
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    table, below = text.split("\n\n")
    body = table.split("─\n")[1]
    lines = [line for line in body.split("\n") if not line.startswith(" " * 7)]  # without those that a line goes on in
    for line, row in zip(lines, found.rows, strict=True):
        assert line.startswith("* ") == row.pointwise
        cells = re.split(r" +", line.removeprefix("*").strip())
        assert cells[:2] == [row.name, row.kind]
        assert "x".join(map(str, row.output_shape)) in cells
        if 0 < row.params < 10_000_000:
            assert f"{row.params:,}" in cells
        if row.macs:
            assert f"{100 * row.macs / found.macs:.1f} %" in line
        sees = "-" if row.receptive_field is None else str(row.receptive_field[0])
        assert cells[-1] == sees
        assert all(word in body for word in row.settings.replace(" -> ", "->").split())
    assert f"parameters  {found.params:,}" in below
    assert f"MACs        {found.macs:,} for one image" in below
    if found.pointwise_macs:
        assert f"{found.params:,}, of these {100 * found.pointwise_params:.1f} % in 1x1 convolutions" in below
        assert f"one image, of these {100 * found.pointwise_macs:.1f} % in 1x1 convolutions" in below
    assert "sees        {}x{} pixels after the last convolution".format(*found.receptive_field) in below
    assert "MACs: multiply-adds for one image." in below


def test_the_text_of_a_small_network() -> None:
    """Word for word; MACs by hand: 32 * 32 * 3 * 200 * 25, 32 * 32 * 200 * 8, 8."""
    net = nn.Sequential(nn.Conv2d(3, 200, 5, padding=2), nn.Conv2d(200, 8, 1), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten())
    net.append(nn.Linear(8, 1, bias=False))
    assert str(summary(net, (3, 32, 32))).split("\n") == [
        "input 3x32x32",
        "layer  kind and settings          output  params    MACs   share  sees",
        "─" * 70,
        "  0    Conv2d 5x5/1/2, 3->200  200x32x32  15,200  15.4 M  90.4 %     5",
        "* 1    Conv2d 1x1/1/0, 200->8    8x32x32   1,608   1.6 M   9.6 %     5",
        "  2    ReLU                      8x32x32                             5",
        "  3    GlobalAvgPool2d to 1x1      8x1x1                            36",
        "  4    Flatten                         8                            36",
        "  5    Linear 8->1, no bias            1       8       8   0.0 %     -",
        "",
        "parameters  16,816, of these 9.6 % in 1x1 convolutions (*)",
        "MACs        16,998,408 for one image, of these 9.6 % in 1x1 convolutions (*)",
        "FLOPs       33,996,816 for one image: two for each MAC",
        "sees        5x5 pixels after the last convolution",
        "5x5/1/2: kernel/stride/padding. MACs: multiply-adds for one image. share: of all",
        "MACs. sees: the side of the patch of the image, in pixels, that one value",
        "depends on, and - where there is no such patch: after a linear layer, and where",
        "ways of different steps meet.",
    ]


def test_parts_that_are_called_with_keywords() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, x: ninx.Tensor) -> ninx.Tensor:
            y: ninx.Tensor = self.conv(input=x)
            return y

    (row,) = summary(nn.Sequential(Net()), (1, 5, 5)).rows
    assert (row.kind, row.output_shape) == ("Conv2d", (2, 3, 3))


def test_networks_of_ones_own_fit_too() -> None:
    text = str(summary(nn.Sequential({"first": nn.Conv2d(1, 3, 5), "own": Residual()}), (1, 16, 16)))
    assert "3 belong to no layer that is listed" in " ".join(text.split())
    assert "own.inner.0" in text
    assert "no layers" in str(summary(nn.Sequential(), (3, 4, 4)))
    assert "* -    Conv2d 1x1/1/0, 3->8" in str(summary(nn.Conv2d(3, 8, 1), (3, 4, 4)))
    large = [f"{n:.2f} G" for n in (1.85, 14.8)]
    vgg = str(of("vgg16"))
    assert (large[0] in vgg, " 102.8 M " in vgg) == (True, True)


ROWS = st.builds(
    Row,
    name=st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=90),
    kind=st.from_regex(r"[A-Za-z_]{1,90}", fullmatch=True),
    settings=st.text(st.characters(codec="latin-1"), max_size=300),
    output_shape=st.lists(st.integers(1, 10**6), max_size=6).map(tuple),
    params=st.integers(0, 10**13),
    macs=st.integers(0, 10**16),
    pointwise=st.booleans(),
    receptive_field=st.none() | st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
)


@given(st.lists(ROWS, max_size=4))
def test_no_table_is_wider_than_80_columns(rows: list[Row]) -> None:
    text = str(Summary((3, 32, 32), tuple(rows), sum(row.params for row in rows)))
    lines = text.split("\n")
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("* ") for line in lines) == sum(row.pointwise for row in rows)
    whole = "".join(text.split())
    assert all(word[:14] in whole for row in rows for word in row.name.split())  # 16 characters, with the star, are never folded


def test_a_notebook_gets_html_that_is_escaped() -> None:
    page = ET.fromstring(f"<div>{of('nin-mnist')._repr_html_()}</div>")
    table = page.find("table")
    assert table is not None
    rows = [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]
    assert rows[0] == ["layer", "kind and settings", "output", "params", "MACs", "share", "sees"]
    assert rows[3] == ["* 0.2", "Conv2d 1x1/1/0, 96->64", "64x28x28", "6,208", "4.8 M", "9.5 %", "5"]
    assert [row[4] for row in rows if row[0] in ("* 3.4", "* 6.4")] == ["0.9 M", "47,040"]
    assert len(rows) == 1 + len(of("nin-mnist").rows)
    bold = ["bold" in row[0].get("style", "") for row in table.iter("tr")][1:]
    assert bold == [row.pointwise for row in of("nin-mnist").rows]
    assert "349,674, of these 11.4 % in 1x1 convolutions (*)" in "".join(page.itertext())
    evil = Row("<script>", "A&B", '"<b>"', (1,), 0, 0, False, None)
    page = ET.fromstring(f"<div>{Summary((1,), (evil,), 0)._repr_html_()}</div>")
    assert [cell.text for cell in list(page.iter("tr"))[1]][:2] == ["<script>", 'A&B "<b>"']


def test_in_a_notebook_the_text_is_returned_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """rich would show a table by itself there, and the summary stood twice below its cell."""
    text = str(of("nin-mnist"))
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert str(of("nin-mnist")) == text
