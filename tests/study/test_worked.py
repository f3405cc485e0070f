"""The small convolution that is worked by hand: its numbers against PyTorch's, and every sum of the text added up again."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as T

import ninx
from ninx.study import worked
from ninx.study.worked import convolution

CASES: list[tuple[tuple[int, int], tuple[int, int], int, int]] = [
    ((4, 4), (3, 3), 1, 0),
    ((4, 4), (3, 3), 1, 1),
    ((5, 3), (2, 3), 2, 1),
    ((3, 3), (1, 1), 1, 0),
    ((5, 5), (1, 1), 2, 0),  # pixels that no window holds
    ((6, 6), (5, 5), 1, 0),  # sums that take several lines
    ((2, 2), (2, 2), 3, 4),  # windows of nothing but padding
]


def drawn(case: Any) -> tuple[worked.Worked, list[torch.Tensor]]:
    """One case with random numbers, of which some are halves; and x, w, g for PyTorch."""
    image, kernel, stride, padding = case
    rng = np.random.default_rng(sum(image))
    x, w = (rng.integers(-9, 10, size) / 2 for size in (image, kernel))
    out = T.conv2d(torch.tensor(x)[None, None], torch.tensor(w)[None, None], stride=stride, padding=padding).shape[2:]
    g = rng.integers(-9, 10, out) / 2
    return convolution(x, w, g, stride=stride, padding=padding), [torch.tensor(a) for a in (x, w, g)]


@pytest.mark.parametrize("case", CASES)
def test_the_numbers_are_those_of_pytorch(case: Any) -> None:
    """All are halves, and so are their sums: equal to the last bit."""
    found, (x, w, g) = drawn(case)
    _, kernel, stride, padding = case
    x, w = x[None, None].requires_grad_(), w[None, None].requires_grad_()
    y = T.conv2d(x, w, stride=stride, padding=padding)
    dx, dw = torch.autograd.grad(y, (x, w), g[None, None])
    columns = T.unfold(x, kernel, padding=padding, stride=stride)[0].T
    back = T.fold(torch.tensor(found.dcolumns.numpy().T[None]), x.shape[2:], kernel, padding=padding, stride=stride)
    expected = {"y": y[0, 0], "dx": dx[0, 0], "dw": dw[0, 0], "columns": columns, "dcolumns": g.reshape(-1, 1) * w.reshape(1, -1)}
    for name, value in expected.items():
        np.testing.assert_array_equal(getattr(found, name).numpy(), value.detach().numpy(), err_msg=name)
    np.testing.assert_array_equal(back[0, 0].numpy(), dx[0, 0].numpy())


@pytest.mark.parametrize("case", CASES)
def test_every_sum_of_the_text_comes_true(case: Any) -> None:
    """In names, with the numbers put in for them, and in numbers; and there is one for every output, weight and pixel."""
    found, arrays = drawn(case)
    x, w, g = (a.numpy() for a in arrays)
    values = {f"{letter}{i}{j}": a[i, j] for letter, a in (("x", x), ("w", w), ("g", g)) for i, j in np.ndindex(a.shape)}
    results = {"y": found.y.numpy(), "dw": found.dw.numpy(), "dx": found.dx.numpy()}
    text = re.sub(r"\n +(?=[+=])", " ", str(found))  # a further line of a sum
    sums = re.findall(r"^(y|dw|dx)(\d)(\d) = (.+)$", text, re.MULTILINE)
    assert len(sums) == found.y.numel() + w.size + x.size
    for letter, i, j, sides in sums:
        value = results[letter][int(i), int(j)]
        if "no window" in sides:
            assert value == 0
            continue
        symbols, numbers, result = sides.split(" = ")
        assert float(result) == value
        assert eval(numbers, {}) == value, (letter, i, j)
        assert eval(symbols, {}, values) == value, (letter, i, j)
        assert symbols.count("*") == numbers.count("*")


@pytest.mark.parametrize("case", CASES)
def test_no_line_is_wider_than_80(case: Any) -> None:
    found, _ = drawn(case)
    assert max(map(len, str(found).splitlines())) <= 80
    assert ">y = conv2d" in found._repr_html_()
    assert found._repr_html_().startswith('<pre style="margin: 0; font-family: monospace')  # in columns, in every notebook


def test_im2col_names_the_pixel_of_every_value() -> None:
    found = convolution(padding=1)
    rows = re.findall(r"^(y\d\d): (.*(?:\n {5}.*)*)", str(found), re.MULTILINE)
    assert len(rows) == 2 * found.y.numel()  # im2col, and the gradients of its rows
    for (name, text), row in zip(rows[: found.y.numel()], found.columns.numpy(), strict=True):
        cells = [cell.split("=") for cell in text.split()]
        for (pixel, value), wanted in zip(cells, row, strict=True):
            assert float(value) == wanted, (name, pixel)
            assert float(value) == (0 if pixel == "pad" else found.x.numpy()[int(pixel[1]), int(pixel[2])])
    for (name, text), row in zip(rows[found.y.numel() :], found.dcolumns.numpy(), strict=True):
        assert [float(cell.split("=")[1]) for cell in text.split()] == row.tolist(), name


def test_the_images_of_col2im_end_in_the_gradient() -> None:
    found = convolution()
    tail = str(found).splitlines()[-4:]
    last = [[float(v) for v in line.split()[-4:]] for line in tail]
    assert last == found.dx.tolist()


def test_tensors_are_taken_and_left_alone() -> None:
    x = ninx.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    found = convolution(x, np.ones((2, 2)))
    assert found.y.tolist() == [[10.0]]
    assert x.grad is None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: convolution([1, 2, 3]), r"worked: x must be a matrix of at most 10x10 numbers, got shape \(3,\)"),
        (lambda: convolution(np.ones((11, 2))), r"at most 10x10 numbers, got shape \(11, 2\)"),
        (lambda: convolution(w=np.ones((2, 2, 2))), "worked: w must be a matrix"),
        (lambda: convolution(w=np.ones((5, 5))), "worked: kernel 5x5 .* does not fit input 4x4"),
        (lambda: convolution(g=[[1, 2, 3]]), r"worked: g is the gradient of y and has its shape \(2, 2\), not \(1, 3\)"),
        (lambda: convolution(padding=5), "worked: the result has 12x12 numbers"),
        (lambda: convolution(stride=0), "worked: stride must be at least 1"),
        (lambda: convolution(stride=1.5), "worked: stride must be a whole number, got 1.5"),
    ],
)
def test_what_cannot_be_worked_is_refused(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
