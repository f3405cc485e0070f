"""The mistakes of other engines, each a test of ours: above all, changes in place that go unnoticed."""

import gc
import operator
import tracemalloc

import numpy as np
import pytest
import torch

import ninx
import ninx.functional as F
from ninx import kernels, record


def image(*shape, dtype=np.float64, seed=0):
    """(N, C, H, W), lying channels-last."""
    n, c, h, w = shape
    rows = np.random.default_rng(seed).standard_normal((n, h, w, c)).astype(dtype)
    return ninx.from_numpy(rows.transpose(0, 3, 1, 2)).requires_grad_()


def rand(*shape, seed=0):
    """Positive entries."""
    return ninx.tensor(np.random.default_rng(seed).random(shape) + 0.5, requires_grad=True)


# -------------------------------------------------------------------- DeZero


@pytest.mark.parametrize("tier", ["loops", "strided"])
def test_the_padding_of_max_pooling_never_wins(tier):
    x = ninx.tensor(np.full((1, 1, 4, 4), -1.0))
    with ninx.use_kernels(tier):
        assert (F.max_pool2d(x, 3, 2, padding=1).array == -1).all()  # padded with zeros it would be 0


def test_weight_decay_in_place_changes_one_gradient_and_not_the_other():
    a, b = (ninx.tensor(np.array(v), requires_grad=True) for v in ([1.0, 2.0], [10.0, 20.0]))
    (a + b).sum().backward()
    a.grad += 0.1 * a.detach()
    b.grad += 0.1 * b.detach()
    assert np.allclose(a.grad.array, [1.1, 1.2])  # shared, it would be [2.1, 3.2]
    assert np.allclose(b.grad.array, [2.0, 3.0])


def test_a_wrong_number_of_channels_is_called_that():
    with pytest.raises(ValueError, match=r"conv2d: input has 3 channels, but weight \(8, 4, 3, 3\) .*wants .*4"):
        F.conv2d(ninx.ones(1, 3, 5, 5), ninx.ones(8, 4, 3, 3))


# -------------------------------------------------------------------- micrograd


def test_a_second_backward_starts_again_inside_the_graph():
    x = ninx.tensor(np.array(3.0), requires_grad=True)
    y = x * x * x
    y.backward(retain_graph=True)
    assert x.grad.item() == 27
    x.grad = None
    y.backward()
    assert x.grad.item() == 27  # 45 if the gradients of inner values were still there


def test_a_deep_graph_does_not_overflow_the_stack():
    x = ninx.tensor(np.array(1.0), requires_grad=True)
    y = x
    for _ in range(5_000):
        y = y + x
    y.backward()
    assert x.grad.item() == 5_001


# -------------------------------------------------------------------- darknet, Chainer


@pytest.mark.parametrize("method", ["auto", "gemm", "im2col"])
def test_a_1x1_convolution_looks_at_its_stride(method):
    x, w = image(2, 3, 5, 6), image(4, 3, 1, 1, seed=1)
    y = F.conv2d(x, w, stride=2, method=method)
    tx, tw = (torch.from_numpy(t.array.copy()).requires_grad_() for t in (x, w))
    ty = torch.conv2d(tx, tw, stride=2)
    g = np.random.default_rng(2).standard_normal(y.shape)
    y.backward(g)
    ty.backward(torch.from_numpy(g))
    for ours, theirs in ((y, ty.detach()), (x.grad, tx.grad), (w.grad, tw.grad)):
        assert np.allclose(ours.array, theirs.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_the_output_of_a_convolution_is_contiguous_channels_last(kernel, groups):
    x, w = image(2, 4, 6, 5, dtype=np.float32), image(6, 4 // groups, kernel, kernel, dtype=np.float32, seed=1)
    y = F.conv2d(x, w, padding=kernel // 2, groups=groups)
    assert y.array.transpose(0, 2, 3, 1).flags.c_contiguous
    y.backward(image(*y.shape, dtype=np.float32).detach())
    assert x.grad.array.transpose(0, 2, 3, 1).flags.c_contiguous
    assert w.grad.array.transpose(0, 2, 3, 1).flags.c_contiguous


def peak_of(function):
    """Bytes that ``function`` allocates at most at one time (NumPy reports its arrays to tracemalloc)."""
    function()  # caches fill once
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    result = function()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    del result
    return peak


@pytest.mark.parametrize("images", [2, 16])
def test_im2col_is_copied_once_and_never_grows_beyond_its_budget(images):
    x, w = image(images, 16, 32, 32, dtype=np.float32).detach(), image(16, 16, 5, 5, dtype=np.float32).detach()
    geo = kernels.geometry.convolution("conv2d", x.shape, w.shape, (1, 1), (2, 2))
    g = image(images, 16, 32, 32, dtype=np.float32, seed=1).detach()
    columns, pixels = geo.workspace(4, kernels.strided.BUDGET), x.array.nbytes
    assert 3_000_000 < columns <= 16 * 2**20  # for 16 images im2col as a whole would be 25 MiB
    slack = 0.5 * columns  # the padded input and small things; a second copy of the columns does not fit
    assert peak_of(lambda: F.conv2d(x, w, padding=2)) < columns + pixels + slack
    assert peak_of(lambda: F.conv2d_input_grad(g, w, geo)) < columns + pixels + slack
    assert peak_of(lambda: F.conv2d_weight_grad(x, g, geo)) < columns + slack


def test_a_1x1_convolution_has_no_workspace_at_all():
    x, w = image(8, 32, 32, 32, dtype=np.float32).detach(), image(16, 32, 1, 1, dtype=np.float32).detach()
    assert peak_of(lambda: F.conv2d(x, w)) < x.array.nbytes / 2 + 20_000  # the output, half as many channels


# -------------------------------------------------------------------- minitorch


def test_the_derivative_check_uses_random_cotangents():
    """With a cotangent of ones this derivative is right: it only mixes up the entries of g, or takes their mean."""

    def mixed(x):
        return record(x.array * 2, (x, lambda g: 2 * g[::-1]))

    def averaged(x):
        return record(x.array * 2, (x, lambda g: 2 * g.mean().expand(*g.shape)))

    x = ninx.tensor(np.array([1.0, 2, 3]), requires_grad=True)
    for wrong in mixed, averaged:
        (g,) = ninx.grad(wrong(x).sum(), x)
        assert np.allclose(g.array, [2, 2, 2])
        with pytest.raises(ninx.GradientError):
            ninx.gradcheck(wrong, x)
    # Nor is the sum of a softmax, which is 1 whatever x is, a test of its derivative.
    (g,) = ninx.grad(F.softmax(x, 0).sum(), x)
    assert np.allclose(g.array, 0)
    assert ninx.gradcheck(lambda x: F.softmax(x, 0), x)


# -------------------------------------------------------------------- changes in place, which most engines do not notice

# The same program in both libraries: x (3) and v (3) want gradients, m (2, 3) does too; ``lib`` makes what is new.


def index_array(lib, *entries):
    return lib.tensor(list(entries))


def program_chain(lib, x, v, m):
    y = x * 2
    y[1] = v[0]
    y += x
    y *= y.clone()
    return y


def program_arithmetic(lib, x, v, m):
    y = x * 2
    y -= v
    y /= v * v + 1
    y *= 3
    y += 0.5
    return y.add_(x).sub_(v).mul_(x).div_(2 + v * v)


def program_old_value(lib, x, v, m):
    y = x.exp() * 1
    z = y + 1  # + needs no value
    y *= v
    return y * z


def program_copy(lib, x, v, m):
    y = x * 2
    y.copy_(v)
    y.mul_(x)
    m2 = m * 1
    m2.copy_(y)
    return m2 * m


def program_collect(lib, x, v, m):
    z = lib.zeros(4, dtype=lib.float64)
    z[0] = v[1]
    z[1:] = x * x
    return z * z


def program_zero(lib, x, v, m):
    y = x * 2
    y.zero_()
    y += x
    return y * v


def program_fill(lib, x, v, m):
    y = x * v
    y.fill_(3.0)
    return y * v


def program_mask(lib, x, v, m):
    y = m * 2
    y[m > 0] = 0.0
    y[:, index_array(lib, 2, 0)] *= 2
    y[index_array(lib, 1)] = x * v
    return y * m


def program_slices(lib, x, v, m):
    y = m * 1
    y[..., 1:] = v[:2]
    y[0, ::2] = x[1]
    y[1] = y[0] * 2
    return y * y


def program_of_a_constant(lib, x, v, m):
    y = lib.ones(3, dtype=lib.float64)
    y *= x
    z = y + v
    z[:2] = y[1:]
    return z * x


def program_twice_the_same(lib, x, v, m):
    y = x * 2
    y += y
    y -= x
    return y


PROGRAMS = {name.removeprefix("program_"): f for name, f in list(globals().items()) if name.startswith("program_")}


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_through_changes_in_place_are_pytorch_s(name):
    arrays = [np.array([0.5, -1.5, 2.0]), np.array([3.0, 0.7, -0.4]), np.array([[1.0, -2, 3], [-4, 5, 0.5]])]
    results = []
    for lib, make in ((ninx, ninx.from_numpy), (torch, torch.from_numpy)):
        leaves = [make(a.copy()).requires_grad_() for a in arrays]
        y = PROGRAMS[name](lib, *leaves)
        weights = make(np.random.default_rng(0).standard_normal(tuple(y.shape)))
        (y * weights).sum().backward()
        results.append([y.detach().numpy(), *(np.zeros(t.shape) if t.grad is None else t.grad.numpy() for t in leaves)])
    for ours, theirs in zip(*results, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("kind", "other"), [("float32", "float64"), ("float64", "float32")])
@pytest.mark.parametrize("change", ["setitem", "copy_", "add_", "mul_"])
def test_two_dtypes_in_one_change_in_place(kind, other, change):
    results = []
    for make in (ninx.from_numpy, torch.from_numpy):
        x, v = (make(np.array([1.5, 2.5], k)).requires_grad_() for k in (kind, other))
        y = x * 2
        if change == "setitem":
            y[0] = v[1]
        else:
            getattr(y, change)(v)
        (y * y + x).sum().backward()
        results.append([str(y.dtype).removeprefix("torch.")])
        for t in (x, v):
            results[-1] += [0, 0] if t.grad is None else [str(t.grad.dtype).removeprefix("torch."), *t.grad.tolist()]
    assert results[0] == results[1]


def test_a_lost_value_is_an_error_that_names_the_operation():
    for function, name in ((lambda y: y * y, "mul"), (lambda y: y.log(), "log"), (lambda y: y.reshape(1, 2) @ y, "matmul")):
        x = rand(2)
        y = x + 1
        z = function(y)
        y += 1
        with pytest.raises(
            RuntimeError, match=rf"backward of {name}: .*\(.*2.*\).* changed in place since .*version 0.*version 1"
        ):
            z.sum().backward()
    z = rand(2).exp()
    z *= z  # its own old value
    with pytest.raises(RuntimeError, match=r"backward of (mul|exp)"):
        z.sum().backward()


def test_a_value_is_watched_also_where_the_operation_keeps_its_inputs_in_a_list():
    def product(factors):
        def back(g):
            return tuple(g * factors[1 - i] for i in range(2))

        return record(factors[0].array * factors[1].array, (tuple(factors), back))

    a, b = rand(2), rand(2, seed=1)
    y = product([a, b])
    with ninx.no_grad():
        a += 1
    with pytest.raises(RuntimeError, match=r"backward of product.*changed in place"):
        y.sum().backward()


@pytest.mark.parametrize("alias", ["detach", "view", "view of a view"])
def test_a_change_through_an_alias_is_noticed(alias):
    x = rand(2, 3)
    h = x + 1
    y = h * h
    with ninx.no_grad():
        {"detach": h.detach(), "view": h[0], "view of a view": h.reshape(6)[1:]}[alias].fill_(7)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_leaves_change_only_where_nothing_is_recorded():
    x = rand(2)
    for change in (lambda: x.add_(1), lambda: x.zero_(), lambda: x.copy_(ninx.ones(2)), lambda: operator.setitem(x, 0, 1.0)):
        with pytest.raises(RuntimeError, match="leaf that requires grad"):
            change()
        with ninx.no_grad():
            change()
    assert x.tolist() == [1, 1]
    assert x.is_leaf
    x.detach().add_(1)  # a detached tensor is no leaf of a graph
    assert x.tolist() == [2, 2]


def test_views_and_their_bases_never_disagree_silently():
    x = rand(2, 3)
    y = x * 2
    view = y[0]
    y += 1
    with pytest.raises(RuntimeError, match="shares memory"):
        view.sum()
    view = y[0]
    with pytest.raises(RuntimeError, match=r"mul_: a view .* write y"):
        view *= 2
    z = ninx.zeros(2, 3, dtype=np.float64)
    row = z[0]
    z[...] = x  # now z has a history, and row has not
    with pytest.raises(RuntimeError, match="shares memory"):
        row * 2
    assert z[0].requires_grad
    base = ninx.zeros(4)
    base[1:3][1] = 5.0  # without gradients views are free
    base.reshape(2, 2)[0] += 1
    assert base.tolist() == [1, 1, 5, 0]


def test_inside_no_grad_a_row_of_a_value_can_change_as_in_pytorch():
    results = []
    for lib in ninx, torch:
        x = lib.ones((2, 3), requires_grad=True)
        y = x * 2
        with lib.no_grad():
            y[0] += 1
        y.sum().backward()
        results.append((y.tolist(), x.grad.tolist()))
    assert results[0] == results[1]


def test_a_change_that_is_not_recorded_leaves_the_history_of_aliases_as_in_pytorch():
    results = []
    for lib in ninx, torch:
        w, x = lib.ones(3, requires_grad=True), lib.ones(3, requires_grad=True)
        part = w[:2]
        with lib.no_grad():
            w += 1
        y = x * 2
        y.detach().add_(1)
        (part.sum() + y.sum()).backward()
        results.append([t.tolist() for t in (part, y, w.grad, x.grad)])
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda x: x.add_(ninx.ones(2, 3)), ValueError, r"add_: .*\(2, 3\) .* \(3,\)"),
        (lambda x: x.copy_(ninx.ones(2)), ValueError, r"\(2,\) .*\(3,\)"),
        (lambda x: operator.setitem(x, slice(2), ninx.ones(3)), ValueError, r"setitem: .*\(3,\) .*\(2,\)"),
        (lambda x: operator.setitem(x, 3, 1.0), IndexError, "index 3"),
        (lambda x: x.to("int64").add_(1.5), TypeError, "add_: .*float32 .* int64"),
        (lambda x: x.to("int64").div_(2), TypeError, "div_: .*float32 .* int64"),
        (lambda x: operator.setitem(x.to("int64"), 0, ninx.tensor(1.5)), TypeError, "setitem: .*float32 .* int64"),
        (lambda x: ninx.from_numpy(np.broadcast_to(1.0, (3,))).add_(1), ValueError, "read-only"),
    ],
)
def test_what_does_not_fit_in_place_raises_and_changes_nothing(change, error, text):
    x = ninx.ones(3)
    with pytest.raises(error, match=text):
        change(x)
    assert x.tolist() == [1, 1, 1]
