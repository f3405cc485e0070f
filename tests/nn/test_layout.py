"""Images lie channels-last from the loader to the optimiser: a training step copies none of them into another layout."""

import numpy as np
import pytest
from oracle import LAYOUTS, lay

import ninx
import ninx.functional as F
from ninx import array, data, models, nn, optim


class Branches(nn.Module):
    """Two branches, padded, joined and averaged: the operations in which NumPy would lose the layout by itself."""

    def __init__(self) -> None:
        self.stem = nn.MLPConv(3, (8, 12), 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.left, self.right = nn.Conv2d(6, 5, 1), nn.Conv2d(6, 7, 3)
        self.up = nn.ConvTranspose2d(12, 4, 2, stride=2)
        self.head = nn.Conv2d(4, 10, 1)

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        x = F.local_response_norm(F.maxout(self.stem(x), 2), 3)
        x = F.dropout2d(F.dropout(self.norm(x), 0.3), 0.2)
        x = ninx.cat([self.left(x), F.pad(self.right(x), (1, 1, 1, 1))], 1)
        x = F.avg_pool2d(F.max_pool2d(x, 3, 2, ceil_mode=True), 2) * 2 + 1
        x = F.leaky_relu(self.up(x)).clip(-5, 5) + ninx.randn(1, 4, 1, 1)
        gate = F.sigmoid(F.global_avg_pool2d(x))
        return F.global_avg_pool2d(self.head(x * gate)).flatten(1)


@pytest.mark.parametrize("make", [lambda: models.create("nin-mnist"), lambda: models.create("nin-mnist-v2"), Branches])
@pytest.mark.parametrize("optimizer", [optim.SGD, optim.Adam])
def test_a_training_step_copies_no_image(make, optimizer) -> None:
    net = make()
    channels = 3 if isinstance(net, Branches) else 1
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, channels), dtype=np.uint8)
    dataset = data.ArrayDataset(images, np.arange(8), [str(i) for i in range(10)])
    learn = optimizer(net.parameters(), lr=0.01)
    before = ninx.layout_copies()
    for _ in range(2):
        for x, y in data.DataLoader(dataset, 4, transform=data.ToTensor()):
            learn.zero_grad()
            F.cross_entropy(net(x), y).backward()
            learn.step()
    assert ninx.layout_copies() == before
    for name, p in net.named_parameters():
        strides = [[s for s, n in zip(a.strides, a.shape, strict=True) if n > 1] for a in (p.grad.array, p.array)]
        assert strides[0] == strides[1], name


def test_other_layouts_are_right_and_cost_one_copy() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 5))
    layer = nn.Conv2d(3, 4, 3).double()
    before = ninx.layout_copies()
    y = layer(ninx.tensor(x))
    assert ninx.layout_copies() == before + 1
    turned = ninx.tensor(np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2))
    assert np.array_equal(layer(turned).detach().numpy(), y.detach().numpy())
    assert ninx.layout_copies() == before + 1
    assert y.array.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("how", LAYOUTS)
def test_what_a_kernel_gets_is_contiguous_and_a_view_where_it_can_be(how) -> None:
    x = lay(np.arange(120.0).reshape(2, 3, 4, 5), how)[0]
    before = ninx.layout_copies()
    rows = array.nhwc(x)
    assert np.array_equal(rows, x.transpose(0, 2, 3, 1))
    assert rows.flags.c_contiguous
    assert np.shares_memory(rows, x) == (how == "channels_last")
    assert ninx.layout_copies() - before == (how != "channels_last")


def test_a_1x1_convolution_reads_the_image_where_it_lies() -> None:
    """im2col is the identity: the matrix of the product shares memory with the image."""
    from ninx.kernels import geometry, strided

    x = np.zeros((2, 6, 5, 3))
    geo = geometry.convolution("conv2d", (2, 3, 6, 5), (4, 3, 1, 1))
    product = strided._Product(geo, "auto", 8)
    assert np.shares_memory(product.x(x, product.parts[0]), x)
    assert geo.workspace(8, strided.BUDGET) == 0
