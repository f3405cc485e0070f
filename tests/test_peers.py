"""The mistakes of other engines, each a test of ours; and, for every operation, those that can hide in any of them."""

import gc
import operator
import re
import tracemalloc
import weakref

import numpy as np
import pytest
import torch

import ninx
import ninx.functional as F
from ninx import kernels, ops, record


def image(*shape, dtype=np.float64, seed=0):
    """(N, C, H, W), lying channels-last."""
    n, c, h, w = shape
    rows = np.random.default_rng(seed).standard_normal((n, h, w, c)).astype(dtype)
    return ninx.from_numpy(rows.transpose(0, 3, 1, 2)).requires_grad_()


# -------------------------------------------------------------------- DeZero


@pytest.mark.parametrize("tier", ["loops", "strided"])
def test_the_padding_of_max_pooling_never_wins(tier):
    x = ninx.tensor(np.full((1, 1, 4, 4), -1.0))
    with ninx.use_kernels(tier):
        assert (F.max_pool2d(x, 3, 2, padding=1).data == -1).all()  # padded with zeros it would be 0


def test_weight_decay_in_place_changes_one_gradient_and_not_the_other():
    a, b = (ninx.tensor(np.array(v), requires_grad=True) for v in ([1.0, 2.0], [10.0, 20.0]))
    (a + b).sum().backward()
    a.grad += 0.1 * a.detach()
    b.grad += 0.1 * b.detach()
    assert np.allclose(a.grad.data, [1.1, 1.2])  # shared, it would be [2.1, 3.2]
    assert np.allclose(b.grad.data, [2.0, 3.0])


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
    tx, tw = (torch.from_numpy(t.data.copy()).requires_grad_() for t in (x, w))
    ty = torch.conv2d(tx, tw, stride=2)
    g = np.random.default_rng(2).standard_normal(y.shape)
    y.backward(g)
    ty.backward(torch.from_numpy(g))
    for ours, theirs in ((y, ty.detach()), (x.grad, tx.grad), (w.grad, tw.grad)):
        assert np.allclose(ours.data, theirs.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_the_output_of_a_convolution_is_contiguous_channels_last(kernel, groups):
    x, w = image(2, 4, 6, 5, dtype=np.float32), image(6, 4 // groups, kernel, kernel, dtype=np.float32, seed=1)
    y = F.conv2d(x, w, padding=kernel // 2, groups=groups)
    assert y.data.transpose(0, 2, 3, 1).flags.c_contiguous
    y.backward(image(*y.shape, dtype=np.float32).detach())
    assert x.grad.data.transpose(0, 2, 3, 1).flags.c_contiguous
    assert w.grad.data.transpose(0, 2, 3, 1).flags.c_contiguous


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
    columns, pixels = geo.workspace(4, kernels.strided.BUDGET), x.data.nbytes
    assert 3_000_000 < columns <= kernels.strided.BUDGET
    slack = 0.5 * columns  # the padded input and small things; a second copy of the columns does not fit
    assert peak_of(lambda: F.conv2d(x, w, padding=2)) < columns + pixels + slack
    assert peak_of(lambda: F.conv2d_input_grad(g, w, geo)) < columns + pixels + slack
    assert peak_of(lambda: F.conv2d_weight_grad(x, g, geo)) < columns + slack


def test_a_1x1_convolution_has_no_workspace_at_all():
    x, w = image(8, 32, 32, 32, dtype=np.float32).detach(), image(16, 32, 1, 1, dtype=np.float32).detach()
    assert peak_of(lambda: F.conv2d(x, w)) < x.data.nbytes / 2 + 20_000  # the output, half as many channels


# -------------------------------------------------------------------- minitorch


def test_the_derivative_check_uses_random_cotangents():
    """With a cotangent of ones this derivative is right: it only mixes up the entries of g, or takes their mean."""

    def mixed(x):
        return record(x.data * 2, (x, lambda g: 2 * g[::-1]))

    def averaged(x):
        return record(x.data * 2, (x, lambda g: 2 * g.mean().expand(*g.shape)))

    x = ninx.tensor(np.array([1.0, 2, 3]), requires_grad=True)
    for wrong in mixed, averaged:
        (g,) = ninx.grad(wrong(x).sum(), x)
        assert np.allclose(g.data, [2, 2, 2])
        with pytest.raises(ninx.GradientError):
            ninx.gradcheck(wrong, x)
    # Nor is the sum of a softmax, which is 1 whatever x is, a test of its derivative.
    (g,) = ninx.grad(F.softmax(x, 0).sum(), x)
    assert np.allclose(g.data, 0)
    assert ninx.gradcheck(lambda x: F.softmax(x, 0), x)


# -------------------------------------------------------------------- every operation


@pytest.fixture
def no_gc():
    """What dies here dies by its reference count."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def rand(*shape, seed=0):
    """Distinct positive entries, so that log, sqrt and the maxima are smooth there."""
    values = np.random.default_rng(seed).permutation(np.arange(1, 1 + int(np.prod(shape)))) / 7
    return ninx.tensor(values.reshape(shape), requires_grad=True)


# Every operation with the shapes of its inputs.
TABLE = {
    "add": (ops.add, [(2, 3), (3,)]), "sub": (ops.sub, [(2, 3), (2, 1)]), "mul": (ops.mul, [(2, 3), (3,)]),
    "div": (ops.div, [(2, 3), (2, 1)]), "pow": (ops.pow, [(2, 3), (3,)]), "pow_number": (lambda x: x**3, [(2, 3)]),
    "maximum": (ops.maximum, [(2, 3), (1, 3)]), "minimum": (ops.minimum, [(2, 3), (1, 3)]),
    "where": (lambda a, b: ops.where(np.array([True, False, True]), a, b), [(2, 3), (3,)]),
    "neg": (ops.neg, [(3,)]), "abs": (ops.abs, [(3,)]), "exp": (ops.exp, [(3,)]), "log": (ops.log, [(3,)]),
    "sqrt": (ops.sqrt, [(3,)]), "sin": (ops.sin, [(3,)]), "cos": (ops.cos, [(3,)]), "tanh": (ops.tanh, [(3,)]),
    "sigmoid": (ops.sigmoid, [(3,)]), "relu": (ops.relu, [(3,)]), "clip": (lambda x: ops.clip(x, 0.2, 0.4), [(2, 3)]),
    "astype": (lambda x: ops.astype(x, np.float32), [(3,)]), "broadcast_to": (lambda x: x.expand(2, 3), [(3,)]),
    "matmul": (ops.matmul, [(2, 3), (3, 4)]), "matmul_vectors": (ops.matmul, [(3,), (3,)]),
    "sum": (lambda x: x.sum(1), [(2, 3)]), "mean": (lambda x: x.mean(0), [(2, 3)]), "var": (lambda x: x.var(1), [(2, 3)]),
    "std": (lambda x: x.std(1), [(2, 3)]), "amax": (lambda x: x.amax(1), [(2, 3)]), "amin": (lambda x: x.amin(1), [(2, 3)]),
    "max": (lambda x: x.max(1).values, [(2, 3)]), "logsumexp": (lambda x: x.logsumexp(1), [(2, 3)]),
    "reshape": (lambda x: x.reshape(6), [(2, 3)]), "permute": (lambda x: x.permute(1, 0), [(2, 3)]),
    "getitem": (lambda x: x[:, 1:], [(2, 3)]), "getitem_array": (lambda x: x[np.array([0, 0, 1])], [(2, 3)]),
    "scatter": (lambda x: ops.scatter(x, (np.array([0, 0, 1]),), (2, 3)), [(3, 3)]),
    "pad": (lambda x: F.pad(x, (1, 1)), [(2, 3)]),
    "cat": (lambda a, b: ops.cat([a, b], 1), [(2, 3), (2, 1)]), "stack": (lambda a, b: ops.stack([a, b]), [(2, 3), (2, 3)]),
    "clone": (ops.clone, [(3,)]), "setitem": (lambda x: put_zero(x * 1), [(3,)]),
    "softmax": (lambda x: F.softmax(x, 1), [(2, 3)]), "log_softmax": (lambda x: F.log_softmax(x, 1), [(2, 3)]),
    "leaky_relu": (F.leaky_relu, [(3,)]), "linear": (F.linear, [(2, 3), (4, 3), (4,)]),
    "conv2d": (lambda x, w, b: F.conv2d(x, w, b, padding=1), [(2, 3, 4, 4), (2, 3, 3, 3), (2,)]),
    "conv2d_1x1": (F.conv2d, [(2, 3, 4, 4), (2, 3, 1, 1), (2,)]),
    "conv_transpose2d": (F.conv_transpose2d, [(1, 2, 3, 3), (2, 3, 2, 2), (3,)]),
    "max_pool2d": (lambda x: F.max_pool2d(x, 2), [(2, 3, 4, 4)]), "avg_pool2d": (lambda x: F.avg_pool2d(x, 2), [(2, 3, 4, 4)]),
    "global_avg_pool2d": (F.global_avg_pool2d, [(2, 3, 4, 4)]),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, 3), [(1, 2, 4, 4)]),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), [(4, 3), (3,), (3,)]),
    "dropout": (F.dropout, [(4, 3)]), "dropout2d": (F.dropout2d, [(4, 3, 2, 2)]),
    "cross_entropy": (lambda x: F.cross_entropy(x, ninx.tensor([0, 2])), [(2, 3)]),
    "nll_loss": (lambda x: F.nll_loss(x, ninx.tensor([0, 2])), [(2, 3)]),
    "mse_loss": (F.mse_loss, [(2, 3), (2, 3)]), "l1_loss": (F.l1_loss, [(2, 3), (2, 3)]),
}


def put_zero(y):
    y[0] = 0.0
    return y


def example(name):
    ninx.manual_seed(0)
    function, shapes = TABLE[name]
    return function, [rand(*shape, seed=i) for i, shape in enumerate(shapes)]


def random_like(y, seed=5):
    return ninx.tensor(np.random.default_rng(seed).standard_normal(y.shape).astype(y.dtype))


every_operation = pytest.mark.parametrize("name", TABLE)


@every_operation
def test_an_operation_is_recorded_under_a_name_of_the_public_interface(name):
    """Errors, the printed tensor and detect_anomaly show it: a reader must be able to look it up."""
    function, inputs = example(name)
    recorded = function(*inputs).grad_fn.name
    assert hasattr(ops, recorded) or hasattr(F, recorded) or recorded == "setitem", recorded


@every_operation
def test_no_operation_writes_into_a_cotangent(name):
    function, inputs = example(name)
    y = function(*inputs)
    frozen = random_like(y)
    before = frozen.data.copy()
    frozen.data.flags.writeable = False
    for t in inputs:
        t.data.flags.writeable = False
    first = ninx.grad(y, inputs, frozen, create_graph=True)
    onward = [(t, random_like(t)) for t in first if t.requires_grad]
    for _, g in onward:
        g.data.flags.writeable = False
    if onward:
        ninx.grad([t for t, _ in onward], inputs, [g for _, g in onward], allow_unused=True)
    assert np.array_equal(frozen.data, before)


@every_operation
def test_a_change_in_place_gives_an_error_or_the_right_gradient(name):
    function, inputs = example(name)
    y = function(*inputs)
    g = random_like(y)
    right = [t.data.copy() for t in ninx.grad(y, inputs, g)]
    for changed in [*range(len(inputs)), "the value"]:
        function, inputs = example(name)
        y = function(*inputs)
        before = y.grad_fn
        with ninx.no_grad():
            target = y if changed == "the value" else inputs[changed]
            target += 1
        assert y.grad_fn is before
        try:
            found = ninx.grad(y, inputs, g)
        except RuntimeError as error:
            assert re.search(r"backward of \w+: the tensor of shape .* changed in place|shares memory", str(error))  # noqa: PT017
        else:
            for a, b in zip(found, right, strict=True):
                assert np.array_equal(a.data, b)


@every_operation
def test_a_graph_has_no_reference_cycle(name, no_gc):
    function, inputs = example(name)
    y = function(*inputs)
    alive = [weakref.ref(y), weakref.ref(y.grad_fn)]
    del y
    assert [ref() for ref in alive] == [None, None]
    y = function(*inputs)
    alive = [weakref.ref(y), weakref.ref(y.grad_fn)]
    found = ninx.grad(y, inputs, random_like(y), create_graph=True)
    alive += [weakref.ref(t) for t in found] + [weakref.ref(t.grad_fn) for t in found if t.grad_fn]
    del y, found
    assert [ref() for ref in alive] == [None] * len(alive)


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


def program_value_used_before(lib, x, v, m):
    y = x * 2
    w = y * v  # keeps y's value only for the gradient of v, which is detached here
    y = y * 1
    y += w
    return y


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
        (y * y).sum().backward()
        results.append([str(t.dtype).removeprefix("torch.") for t in (y, x.grad, v.grad)] + x.grad.tolist() + v.grad.tolist())
    assert results[0] == results[1]


def test_a_lost_value_is_an_error_that_names_the_operation():
    for function, name in ((lambda y: y * y, "mul"), (lambda y: y.log(), "log"), (lambda y: y.reshape(1, 2) @ y, "matmul")):
        x = rand(2)
        y = x + 1
        z = function(y)
        y += 1
        with pytest.raises(RuntimeError, match=rf"backward of {name}: .*\(.*2.*\).* changed in place since .*version 0.*version 1"):
            z.sum().backward()
    z = rand(2).exp()
    z *= z  # its own old value
    with pytest.raises(RuntimeError, match="backward of (mul|exp)"):
        z.sum().backward()


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
    with pytest.raises(RuntimeError, match=r"mul_: a view .* change its base"):
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
