"""gradcheck and gradgradcheck pass what is right and find what is wrong: here the operations are wrong on purpose.

And what no difference quotient can see: does an operation write into what it is given, notice that it was changed, leak?
"""

import re
import weakref

import numpy as np
import pytest

import ninx
import ninx.functional as F
from ninx import GradientError, gradcheck, gradgradcheck, ops, record
from ninx.engine import Unwritable


def rand(*shape, seed=0, requires_grad=True):
    return ninx.tensor(np.random.default_rng(seed).standard_normal(shape) + 2, requires_grad=requires_grad)


def flipped(x):
    return record(x.array**2, (x, lambda g: -2 * g * x))


def forgetful(x):
    """The square, but the derivative of one entry lacks the factor 2."""
    factor = np.full(x.shape, 2.0)
    factor[1, 2] = 1
    return record(x.array**2, (x, lambda g: g * x * factor))


def half(a, b):
    """a * b, of which only the derivative by a is right."""
    return record(a.array * b.array, (a, lambda g: g * b), (b, lambda g: g * a * 0.9))


# -------------------------------------------------------------------- right


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x: x.exp(), [(3,)]),
        (lambda x: x.exp(), [()]),
        (lambda a, b: a @ b, [(2, 3), (3, 4)]),
        (lambda a, b, c: (a * b + c).tanh().sum(0), [(2, 3), (3,), (2, 1)]),
        (lambda a, b: (a * b, a.sin(), b.sum()), [(2,), (2,)]),
        (lambda a, b: [a.cos() + 0 * b], [(2,), (2,)]),
        (lambda x, w: F.conv2d(x, w, padding=1), [(1, 2, 3, 3), (2, 2, 2, 2)]),
        (lambda x: (x.sin(), x.argmax()), [(4,)]),
    ],
)
def test_right_derivatives_pass(function, shapes):
    inputs = [rand(*shape, seed=i) for i, shape in enumerate(shapes)]
    before = [t.array.copy() for t in inputs]
    assert gradcheck(function, inputs) is True
    assert gradgradcheck(function, inputs) is True
    for t, value in zip(inputs, before, strict=True):
        assert np.array_equal(t.array, value)
        assert t.grad is None


def test_one_tensor_needs_no_list_and_constants_are_left_alone():
    x = rand(3)
    assert gradcheck(lambda x: x * x, x)
    labels = ninx.tensor([0, 2])
    assert gradcheck(F.cross_entropy, (rand(2, 3), labels))
    assert gradcheck(lambda x, w: x * w, (x, ninx.tensor([1.5, 2, 3])))  # a constant may be float32
    assert gradcheck(lambda a, b: a * 2, (x, rand(3)))  # no gradient is a gradient of 0


def test_inputs_may_lie_in_memory_as_they_like():
    x = ninx.from_numpy(np.arange(1.0, 25).reshape(2, 3, 4).transpose(2, 0, 1)[::2]).requires_grad_()
    assert not x.array.flags.c_contiguous
    assert gradcheck(lambda x: x.log().sum(1), x)
    assert gradgradcheck(lambda x: x.log().sum(1), x)


def test_changes_in_place_are_checked_like_anything_else():
    def function(x, v):
        y = x * 2
        y[1] = v
        y *= y.clone()
        y += x
        return y

    assert gradcheck(function, (rand(3), rand(seed=1)))
    assert gradgradcheck(function, (rand(3), rand(seed=1)))


# -------------------------------------------------------------------- wrong


def test_a_flipped_sign_is_found():
    with pytest.raises(GradientError, match=r"gradient of input 0 is wrong"):
        gradcheck(flipped, rand(3))
    assert gradcheck(flipped, rand(3), raise_exception=False) is False
    assert issubclass(GradientError, AssertionError)


def test_one_missing_factor_is_found_and_its_entry_named():
    x = rand(2, 3)
    with pytest.raises(GradientError, match=r"worst entry \(1, 2\): (\S+) instead of (\S+)") as caught:
        gradcheck(forgetful, x)
    found, right = str(caught.value).split("worst entry (1, 2): ")[1].split(" instead of ")
    # The cotangent of that entry is random, but the ratio is not.
    assert float(right) / float(found) == pytest.approx(2, rel=1e-4)


@pytest.mark.parametrize(
    ("place", "size"), [(0, 2000), (1999, 2000), (0, 3000), (1999, 3000), (2000, 3000), (2500, 3000), (2999, 3000)]
)
def test_the_entry_that_is_named_is_a_wrong_one_also_in_a_long_gradient(place, size):
    factor = np.full((size // 10, 10), 2.0)
    factor.flat[place] = 1

    def faulty(x):
        return record(x.array**2, (x, lambda g: g * x * factor))

    with pytest.raises(GradientError) as caught:
        gradcheck(faulty, rand(size // 10, 10))
    text = str(caught.value)
    assert ("of the 2,000 that fit worst" in text) is (size > 2000)
    found, right = text.split(f" ({place // 10}, {place % 10}): ")[1].split(" instead of ")
    assert float(right) / float(found) == pytest.approx(2, rel=1e-3)


def test_a_nan_in_a_long_gradient_is_named():
    def faulty(x):
        factor = np.ones(x.shape)
        factor[2500] = np.nan
        return record(x.array * 1, (x, lambda g: g * factor))

    with pytest.raises(GradientError, match=r" \(2500,\): nan instead of "):
        gradcheck(faulty, rand(3000))


@pytest.mark.parametrize("wrong", [0, 1])
def test_the_input_at_fault_is_named(wrong):
    def function(a, b):
        return half(a, b) if wrong == 1 else half(b, a)

    with pytest.raises(GradientError, match=f"gradient of input {wrong} is wrong"):
        gradcheck(function, (rand(2), rand(2, seed=1)))
    with pytest.raises(GradientError):
        gradcheck(lambda a, b: [a + b, function(a, b)], (rand(2), rand(2, seed=1)))  # in the second output


def test_a_small_error_counts_only_above_the_tolerance():
    def off(x):
        return record(x.array * 1.0, (x, lambda g: g * 1.001))

    with pytest.raises(GradientError):
        gradcheck(off, rand(5), rtol=1e-5)
    assert gradcheck(off, rand(5), rtol=1e-2)


def test_an_error_in_one_memory_layout_only_is_found():
    def impatient(x):
        def back(g):
            return g if x.array.flags.c_contiguous else g * 2

        return record(x.array * 1, (x, back))

    with pytest.raises(GradientError, match=r"input 0 \(in a non-contiguous layout\)"):
        gradcheck(impatient, rand(2, 3))


def test_a_forgotten_input_is_found():
    def forgetting(a, b):
        return record(a.array * b.array, (a, lambda g: g * b))

    with pytest.raises(GradientError, match="input 1"):
        gradcheck(forgetting, (rand(2), rand(2)))
    with pytest.raises(GradientError, match="does not depend"):
        gradcheck(lambda x: x.detach(), rand(2))


@pytest.mark.parametrize("wanted", [True, False])
def test_a_function_that_changes_its_input_is_found(wanted):
    def rude(a, b):
        y = a * b.detach()
        b.array[...] += 1  # unseen by the engine
        return y

    with pytest.raises(GradientError, match="changed its input 1"):
        gradcheck(rude, (rand(2), rand(2, requires_grad=wanted)))


def test_nan_is_no_agreement():
    def broken(x):
        return record(x.array * 1, (x, lambda g: g * float("nan")))

    with pytest.raises(GradientError):
        gradcheck(broken, rand(2))


def test_what_cannot_be_checked_is_a_value_error_in_any_case():
    for settings in {}, {"raise_exception": False}:
        with pytest.raises(ValueError, match=r"input 1 has dtype float32.*float64"):
            gradcheck(half, (rand(2), ninx.ones(2, requires_grad=True)), **settings)
        with pytest.raises(ValueError, match="no input requires grad"):
            gradcheck(half, (rand(2, requires_grad=False), rand(2, requires_grad=False)), **settings)


# -------------------------------------------------------------------- second derivatives


def test_a_wrong_second_derivative_behind_a_right_first_one_is_found():
    def cut(x):  # the value of 2 x without its history
        return record(x.array**2, (x, lambda g: g * (2 * x.detach())))

    def bent(x):  # 2 x, whose own derivative is given as 3
        return record(x.array**2, (x, lambda g: g * record(2 * x.array, (x, lambda h: 3 * h))))

    for function in cut, bent:
        assert gradcheck(function, rand(3))
        with pytest.raises(GradientError, match="input 0"):
            gradgradcheck(function, rand(3))
        assert gradgradcheck(function, rand(3), raise_exception=False) is False


def test_a_wrong_derivative_by_the_cotangent_is_found():
    def lossy(x):  # g passes through, but its own way back is doubled
        return record(x.array * 1, (x, lambda g: record(g.array * 1, (g, lambda h: 2 * h))))

    assert gradcheck(lossy, rand(3))
    with pytest.raises(GradientError, match="input 1"):
        gradgradcheck(lossy, rand(3))


def test_settings_reach_both_checks():
    def off(x):
        return record(x.array**2, (x, lambda g: g * record(2 * x.array, (x, lambda h: 2.002 * h))))

    with pytest.raises(GradientError):
        gradgradcheck(off, rand(3), rtol=1e-5)
    assert gradgradcheck(off, rand(3), rtol=1e-2)
    assert gradcheck(lambda x: x.sin(), rand(3), eps=1e-4, atol=1e-6, directions=1, seed=3)


# -------------------------------------------------------------------- what differences cannot see, for every operation


def distinct(*shape, seed=0):
    """Distinct positive entries, so that log, sqrt and the maxima are smooth there."""
    values = np.random.default_rng(seed).permutation(np.arange(1, 1 + int(np.prod(shape)))) / 7
    return ninx.tensor(values.reshape(shape), requires_grad=True)


# Every operation with the shapes of its inputs.
TABLE = {
    "add": (ops.add, [(2, 3), (3,)]),
    "sub": (ops.sub, [(2, 3), (2, 1)]),
    "mul": (ops.mul, [(2, 3), (3,)]),
    "div": (ops.div, [(2, 3), (2, 1)]),
    "pow": (ops.pow, [(2, 3), (3,)]),
    "pow_number": (lambda x: x**3, [(2, 3)]),
    "maximum": (ops.maximum, [(2, 3), (1, 3)]),
    "minimum": (ops.minimum, [(2, 3), (1, 3)]),
    "where": (lambda a, b: ops.where(np.array([True, False, True]), a, b), [(2, 3), (3,)]),
    "neg": (ops.neg, [(3,)]),
    "abs": (ops.abs, [(3,)]),
    "exp": (ops.exp, [(3,)]),
    "log": (ops.log, [(3,)]),
    "sqrt": (ops.sqrt, [(3,)]),
    **{
        name: (getattr(ops, name), [(3,)])
        for name in ("square", "rsqrt", "reciprocal", "exp2", "expm1", "log2", "log10", "log1p")
    },
    **{name: (getattr(ops, name), [(3,)]) for name in ("tan", "atan")},
    "remainder": (ops.remainder, [(2, 3), (3,)]),
    "addcmul": (ops.addcmul, [(2, 3), (3,), (2, 1)]),
    "addcdiv": (ops.addcdiv, [(2, 3), (3,), (2, 1)]),
    "lerp": (ops.lerp, [(2, 3), (3,), (2, 1)]),
    "masked_fill": (lambda x: ops.masked_fill(x, ninx.tensor([True, False, True]), 2.0), [(2, 3)]),
    "sin": (ops.sin, [(3,)]),
    "cos": (ops.cos, [(3,)]),
    "tanh": (ops.tanh, [(3,)]),
    "sigmoid": (ops.sigmoid, [(3,)]),
    "relu": (ops.relu, [(3,)]),
    "clip": (lambda x: ops.clip(x, 0.2, 0.4), [(2, 3)]),
    "astype": (lambda x: ops.astype(x, np.float32), [(3,)]),
    "broadcast_to": (lambda x: x.expand(2, 3), [(3,)]),
    "matmul": (ops.matmul, [(2, 3), (3, 4)]),
    "matmul_vectors": (ops.matmul, [(3,), (3,)]),
    "sum": (lambda x: x.sum(1), [(2, 3)]),
    "mean": (lambda x: x.mean(0), [(2, 3)]),
    "var": (lambda x: x.var(1), [(2, 3)]),
    "std": (lambda x: x.std(1), [(2, 3)]),
    "amax": (lambda x: x.amax(1), [(2, 3)]),
    "amin": (lambda x: x.amin(1), [(2, 3)]),
    "max": (lambda x: x.max(1).values, [(2, 3)]),
    "logsumexp": (lambda x: x.logsumexp(1), [(2, 3)]),
    "reshape": (lambda x: x.reshape(6), [(2, 3)]),
    "permute": (lambda x: x.permute(1, 0), [(2, 3)]),
    "getitem": (lambda x: x[:, 1:], [(2, 3)]),
    "getitem_array": (lambda x: x[np.array([0, 0, 1])], [(2, 3)]),
    "spread": (lambda x: ops.spread(x, (np.array([0, 0, 1]),), (2, 3)), [(3, 3)]),
    "pad": (lambda x: F.pad(x, (1, 1)), [(2, 3)]),
    "cat": (lambda a, b: ops.cat([a, b], 1), [(2, 3), (2, 1)]),
    "stack": (lambda a, b: ops.stack([a, b]), [(2, 3), (2, 3)]),
    "crop": (lambda x: ops.crop(x, (slice(0, 2), slice(1, 3))), [(2, 3)]),
    "flip": (lambda x: x.flip(0, 1), [(2, 3)]),
    "roll": (lambda x: x.roll(1, 1), [(2, 3)]),
    "tile": (lambda x: x.tile(2, 2), [(2, 3)]),
    "repeat_interleave": (lambda x: x.repeat_interleave(2, 1), [(2, 3)]),
    "tril": (lambda x: x.tril(), [(2, 3)]),
    "diag": (ops.diag, [(3,)]),
    "meshgrid": (lambda a, b: ops.mul(*ops.meshgrid(a, b)), [(2,), (3,)]),
    "split": (lambda x: x.split(2, 1)[1], [(2, 3)]),
    "unbind": (lambda x: x.unbind(1)[1], [(2, 3)]),
    "gather": (lambda x: x.gather(1, ninx.tensor([[0, 0], [2, 1]])), [(2, 3)]),
    "scatter_new": (lambda x, s: x.scatter(1, ninx.tensor([[0, 2]]), s), [(2, 3), (1, 2)]),
    "scatter_add": (lambda x, s: x.scatter_add(1, ninx.tensor([[0, 0]]), s), [(2, 3), (1, 2)]),
    "masked_select": (lambda x: x.masked_select(np.array([True, False, True])), [(2, 3)]),
    "take_along_dim": (lambda x: ops.take_along_dim(x, ninx.tensor([[-1]]), 1), [(2, 3)]),
    "sort": (lambda x: x.sort(1).values, [(2, 3)]),
    "topk": (lambda x: x.topk(2).values, [(2, 3)]),
    "median": (lambda x: x.median(), [(2, 3)]),
    "prod": (lambda x: x.prod(1), [(2, 3)]),
    "cumsum": (lambda x: x.cumsum(1), [(2, 3)]),
    "norm": (lambda x: x.norm(dim=1), [(2, 3)]),
    "norm_3": (lambda x: x.norm(3, 1), [(2, 3)]),
    "var_mean": (lambda x: ops.add(*ops.var_mean(x, 1)), [(2, 3)]),
    "einsum": (lambda a, b: ops.einsum("ij,kj->ik", a, b), [(2, 3), (4, 3)]),
    "addmm": (ops.addmm, [(3,), (2, 4), (4, 3)]),
    "outer": (ops.outer, [(2,), (3,)]),
    "clone": (ops.clone, [(3,)]),
    "setitem": (lambda x: put_zero(x * 1), [(3,)]),
    "softmax": (lambda x: F.softmax(x, 1), [(2, 3)]),
    "log_softmax": (lambda x: F.log_softmax(x, 1), [(2, 3)]),
    "leaky_relu": (F.leaky_relu, [(3,)]),
    "linear": (F.linear, [(2, 3), (4, 3), (4,)]),
    "conv2d": (lambda x, w, b: F.conv2d(x, w, b, padding=1), [(2, 3, 4, 4), (2, 3, 3, 3), (2,)]),
    "conv2d_1x1": (F.conv2d, [(2, 3, 4, 4), (2, 3, 1, 1), (2,)]),
    "conv_transpose2d": (F.conv_transpose2d, [(1, 2, 3, 3), (2, 3, 2, 2), (3,)]),
    "max_pool2d": (lambda x: F.max_pool2d(x, 2), [(2, 3, 4, 4)]),
    "unfold": (lambda x: F.unfold(x, 2, 2, 1, (1, 2)), [(2, 3, 4, 4)]),
    "fold": (lambda c: F.fold(c, (4, 4), 2, 2, 1, (1, 2)), [(2, 12, 8)]),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2), [(2, 3, 4, 4)]),
    "global_avg_pool2d": (F.global_avg_pool2d, [(2, 3, 4, 4)]),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, 3), [(1, 2, 4, 4)]),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), [(4, 3), (3,), (3,)]),
    "dropout": (F.dropout, [(4, 3)]),
    "dropout2d": (F.dropout2d, [(4, 3, 2, 2)]),
    "cross_entropy": (lambda x: F.cross_entropy(x, ninx.tensor([0, 2])), [(2, 3)]),
    "nll_loss": (lambda x: F.nll_loss(x, ninx.tensor([0, 2])), [(2, 3)]),
    "elu": (lambda x: F.elu(x - 0.5), [(3,)]),
    "silu": (F.silu, [(3,)]),
    "softplus": (F.softplus, [(3,)]),
    "relu6": (lambda x: F.relu6(x * 10), [(3,)]),
    "hardtanh": (lambda x: F.hardtanh(x, 0.2, 0.4), [(3,)]),
    "prelu": (lambda x, w: F.prelu(x - 0.5, w), [(2, 3), (3,)]),
    "adaptive_max_pool2d": (lambda x: F.adaptive_max_pool2d(x, 3), [(1, 2, 4, 4)]),
    "smooth_l1_loss": (F.smooth_l1_loss, [(2, 3), (2, 3)]),
    "binary_cross_entropy": (F.binary_cross_entropy, [(2, 3), (2, 3)]),
    "binary_cross_entropy_with_logits": (F.binary_cross_entropy_with_logits, [(2, 3), (2, 3)]),
    "mse_loss": (F.mse_loss, [(2, 3), (2, 3)]),
    "l1_loss": (F.l1_loss, [(2, 3), (2, 3)]),
}


def put_zero(y):
    y[0] = 0.0
    return y


def example(name):
    ninx.manual_seed(0)
    function, shapes = TABLE[name]
    return function, [distinct(*shape, seed=i) for i, shape in enumerate(shapes)]


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
    before = frozen.array.copy()
    frozen.array.flags.writeable = False
    for t in inputs:
        t.array.flags.writeable = False
    first = ninx.grad(y, inputs, frozen, create_graph=True)
    onward = [(t, random_like(t)) for t in first if t.requires_grad]
    for _, g in onward:
        g.array.flags.writeable = False
    if onward:
        ninx.grad([t for t, _ in onward], inputs, [g for _, g in onward], allow_unused=True)
    assert np.array_equal(frozen.array, before)


@every_operation
def test_a_change_in_place_gives_an_error_or_the_right_gradient(name):
    function, inputs = example(name)
    y = function(*inputs)
    g = random_like(y)
    right = [t.array.copy() for t in ninx.grad(y, inputs, g)]
    for changed in [*range(len(inputs)), "the value"]:
        function, inputs = example(name)
        y = function(*inputs)
        before = y.grad_fn
        with ninx.no_grad():
            target = y if changed == "the value" else inputs[changed]
            if isinstance(target.version, Unwritable):
                with pytest.raises(RuntimeError, match="a copy where a view was asked for"):
                    target += 1
                continue
            target += 1
        assert y.grad_fn is before
        try:
            found = ninx.grad(y, inputs, g)
        except RuntimeError as error:
            assert re.search(r"backward of \w+: the tensor of shape .* changed in place|shares memory", str(error))  # noqa: PT017
        else:
            for a, b in zip(found, right, strict=True):
                assert np.array_equal(a.array, b)


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
