"""gradcheck and gradgradcheck pass what is right and find what is wrong: here the operations are wrong on purpose."""

import numpy as np
import pytest

import ninx
import ninx.functional as F
from ninx import GradientError, gradcheck, gradgradcheck, record


def rand(*shape, seed=0, requires_grad=True):
    return ninx.tensor(np.random.default_rng(seed).standard_normal(shape) + 2, requires_grad=requires_grad)


def flipped(x):
    return record(x.data**2, (x, lambda g: -2 * g * x))


def forgetful(x):
    """The square, but the derivative of one entry lacks the factor 2."""
    factor = np.full(x.shape, 2.0)
    factor[1, 2] = 1
    return record(x.data**2, (x, lambda g: g * x * factor))


def half(a, b):
    """a * b, of which only the derivative by a is right."""
    return record(a.data * b.data, (a, lambda g: g * b), (b, lambda g: g * a * 0.9))


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
    before = [t.data.copy() for t in inputs]
    assert gradcheck(function, inputs) is True
    assert gradgradcheck(function, inputs) is True
    for t, value in zip(inputs, before, strict=True):
        assert np.array_equal(t.data, value)
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
    assert not x.data.flags.c_contiguous
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


def test_the_entry_that_is_named_is_a_wrong_one_also_in_a_long_gradient():
    def faulty(x):
        factor = np.full(x.shape, 2.0)
        factor[2500] = 1
        return record(x.data**2, (x, lambda g: g * x * factor))

    with pytest.raises(GradientError) as caught:
        gradcheck(faulty, rand(3000))
    assert "(2500,)" in str(caught.value) or "first 2,000" in str(caught.value)


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
        return record(x.data * 1.0, (x, lambda g: g * 1.001))

    with pytest.raises(GradientError):
        gradcheck(off, rand(5), rtol=1e-5)
    assert gradcheck(off, rand(5), rtol=1e-2)


def test_an_error_in_one_memory_layout_only_is_found():
    def impatient(x):
        def back(g):
            return g if x.data.flags.c_contiguous else g * 2

        return record(x.data * 1, (x, back))

    with pytest.raises(GradientError, match=r"input 0 \(in a non-contiguous layout\)"):
        gradcheck(impatient, rand(2, 3))


def test_a_forgotten_input_is_found():
    def forgetting(a, b):
        return record(a.data * b.data, (a, lambda g: g * b))

    with pytest.raises(GradientError, match="input 1"):
        gradcheck(forgetting, (rand(2), rand(2)))
    with pytest.raises(GradientError, match="does not depend"):
        gradcheck(lambda x: x.detach(), rand(2))


@pytest.mark.parametrize("wanted", [True, False])
def test_a_function_that_changes_its_input_is_found(wanted):
    def rude(a, b):
        y = a * b.detach()
        b.data[...] += 1  # unseen by the engine
        return y

    with pytest.raises(GradientError, match="changed its input 1"):
        gradcheck(rude, (rand(2), rand(2, requires_grad=wanted)))


def test_nan_is_no_agreement():
    def broken(x):
        return record(x.data * 1, (x, lambda g: g * float("nan")))

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
        return record(x.data**2, (x, lambda g: g * (2 * x.detach())))

    def bent(x):  # 2 x, whose own derivative is given as 3
        return record(x.data**2, (x, lambda g: g * record(2 * x.data, (x, lambda h: 3 * h))))

    for function in cut, bent:
        assert gradcheck(function, rand(3))
        with pytest.raises(GradientError, match="input 0"):
            gradgradcheck(function, rand(3))
        assert gradgradcheck(function, rand(3), raise_exception=False) is False


def test_a_wrong_derivative_by_the_cotangent_is_found():
    def lossy(x):  # g passes through, but its own way back is doubled
        return record(x.data * 1, (x, lambda g: record(g.data * 1, (g, lambda h: 2 * h))))

    assert gradcheck(lossy, rand(3))
    with pytest.raises(GradientError, match="input 1"):
        gradgradcheck(lossy, rand(3))


def test_settings_reach_both_checks():
    def off(x):
        return record(x.data**2, (x, lambda g: g * record(2 * x.data, (x, lambda h: 2.002 * h))))

    with pytest.raises(GradientError):
        gradgradcheck(off, rand(3), rtol=1e-5)
    assert gradgradcheck(off, rand(3), rtol=1e-2)
    assert gradcheck(lambda x: x.sin(), rand(3), eps=1e-4, atol=1e-6, directions=1, seed=3)
