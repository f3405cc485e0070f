"""Tensor as its users see it: making one, promotion, NumPy and PyTorch beside it, text, copies, indices, changes in place."""

import copy
import operator
import pickle

import numpy as np
import pytest
import torch

import ninx
from ninx import nn


def leaf(*entries, dtype=np.float64):
    return ninx.tensor(np.array(entries, dtype), requires_grad=True)


def raises(error, text):
    return pytest.raises(error, match=text)


# -------------------------------------------------------------------- making one


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, "float32"),
        (3, "int64"),
        (True, "bool"),
        ([1.5, 2], "float32"),
        ([1, 2], "int64"),
        ([[True], [False]], "bool"),
        ([], "float32"),
        (np.zeros(2), "float64"),
        (np.zeros(2, np.float32), "float32"),
        (np.zeros(2, np.int32), "int32"),
        (np.float64(1.5), "float64"),
    ],
)
def test_the_dtype_of_new_tensors_is_pytorch_s(data, dtype):
    assert ninx.tensor(data).dtype == dtype
    assert str(torch.tensor(data).dtype) == f"torch.{dtype}"


def test_a_new_tensor_is_a_copy_in_the_same_layout_and_from_numpy_is_not():
    array = np.arange(6.0).reshape(2, 3).T
    x, shared = ninx.tensor(array), ninx.from_numpy(array)
    assert x.array.strides == array.strides
    array[0, 0] = 9
    assert x[0, 0].item() == 0
    assert shared[0, 0].item() == 9
    y = ninx.tensor(leaf(1), requires_grad=True)
    assert y.is_leaf
    assert ninx.tensor([1, 2], dtype=np.float64, requires_grad=True).dtype == np.float64


def test_only_floats_want_gradients_and_only_numbers_are_tensors():
    for make in (lambda: ninx.tensor([1], requires_grad=True), lambda: ninx.tensor([1]).requires_grad_()):
        with raises(RuntimeError, "only floating-point tensors can require grad, not int64"):
            make()
    for wish in ("no", 0, None):  # PyTorch refuses them too
        with raises(TypeError, f"requires_grad_: say True or False, not {wish!r}"):
            ninx.ones(1).requires_grad_(wish)
    for data in ("text", [1j]):
        with raises(TypeError, "floats, whole numbers or booleans"):
            ninx.tensor(data)
    for data, error, words in (
        ([[1], [1, 2]], ValueError, "tensor: the rows of the data have different lengths"),
        (None, TypeError, "tensor: .* not None"),
        ([1, None], TypeError, "tensor: .* not None"),
        (2**70, ValueError, f"tensor: the number {2**70} does not fit into 64 bits"),
        (2**63, ValueError, f"tensor: the number {2**63} does not fit into int64"),
    ):
        with raises(error, words):
            ninx.tensor(data)
    with raises(RuntimeError, "only a leaf"):
        (leaf(1) * 2).requires_grad_(False)


# -------------------------------------------------------------------- promotion

DTYPES = ["float32", "float64", "int64", "int32", "uint8", "bool"]
ARITHMETIC = [operator.add, operator.mul, operator.truediv]


@pytest.mark.parametrize("function", [*ARITHMETIC, operator.gt, operator.eq])
def test_two_dtypes_meet_as_in_pytorch(function):
    for a in DTYPES:
        for b in DTYPES:
            x, y = np.array([1, 2, 0]).astype(a), np.array([1, 3, 1]).astype(b)
            ours, theirs = function(ninx.tensor(x), ninx.tensor(y)), function(torch.from_numpy(x), torch.from_numpy(y))
            assert f"torch.{ours.dtype}" == str(theirs.dtype), (a, b)
            assert np.allclose(ours.array, theirs.numpy()), (a, b)


@pytest.mark.parametrize("function", [*ARITHMETIC, lambda a, b: operator.sub(b, a), lambda a, b: operator.truediv(b, a)])
def test_a_number_takes_the_dtype_of_the_tensor_as_in_pytorch(function):
    for a in DTYPES:
        if a == "bool" and function not in ARITHMETIC[:2]:
            continue  # PyTorch subtracts no booleans
        x = np.array([1, 1, 1]).astype(a)
        for number in (2, 2.5, np.float64(2.5), np.float32(2.5), np.int64(2)):
            theirs = function(torch.from_numpy(x), number.item() if isinstance(number, np.generic) else number)
            ours = function(ninx.tensor(x), number)
            assert f"torch.{ours.dtype}" == str(theirs.dtype), (a, number)
            assert np.allclose(ours.array, theirs.numpy())


@pytest.mark.parametrize("function", ARITHMETIC)
def test_a_list_takes_the_dtype_of_the_tensor(function):
    """As a number does: through float32 it would lose digits that a float64 tensor keeps."""
    for a in DTYPES:
        for number in (0.1, 3, True):
            x = ninx.tensor(np.array([1, 1]).astype(a))
            for y, expected in (
                (function(x, [number, number]), function(x, number)),
                (function((number, number), x), function(number, x)),
            ):
                assert (y.dtype, y.tolist()) == (expected.dtype, expected.tolist()), (a, number)


def test_a_mask_takes_numbers_as_in_pytorch():
    """What is not 0 is True."""
    for lib, make in ((ninx, ninx.tensor), (torch, torch.tensor)):
        mask = lib.zeros(5) > 0
        mask[0], mask[1], mask[2] = 1, 0.5, True
        mask[3:] = make([0, 7])
        assert mask.tolist() == [True, True, True, False, True]


def test_a_tensor_of_no_dimension_does_not_widen_others_as_in_pytorch():
    results = []
    for lib, make in ((ninx, ninx.from_numpy), (torch, torch.from_numpy)):
        scale = make(np.array(2.0))
        results.append(str((lib.ones(3) * scale).dtype).removeprefix("torch."))
    assert results == ["float32", "float32"]


def test_joined_tensors_meet_as_in_pytorch():
    for a in DTYPES:
        for b in DTYPES:
            x, y = np.ones(1, a), np.ones(1, b)
            theirs = torch.cat([torch.from_numpy(x), torch.from_numpy(y)])
            assert f"torch.{ninx.cat([ninx.tensor(x), ninx.tensor(y)]).dtype}" == str(theirs.dtype), (a, b)


def test_the_gradient_of_a_promoted_tensor_keeps_its_dtype():
    a, b = leaf(1, 2, dtype=np.float32), leaf(3, 4)
    (a * b * 2.0 * np.float64(1)).sum().backward()
    assert (a.grad.dtype, b.grad.dtype) == (np.float32, np.float64)


# -------------------------------------------------------------------- NumPy and PyTorch


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow", "matmul", "eq", "ne", "lt", "le", "gt", "ge"])
def test_arrays_and_tensors_mix_on_either_side(name):
    function = getattr(operator, name)
    a, b = np.array([[1.0, 2], [3, 4]]), np.array([[2.0, 2], [1, 3]])
    for left, right in ((a, ninx.tensor(b)), (ninx.tensor(a), b), (ninx.tensor(a), ninx.tensor(b))):
        y = function(left, right)
        assert isinstance(y, ninx.Tensor)
        assert np.array_equal(y.array, function(a, b))
    for number in (2.0, np.float64(2), np.float32(2)):
        if name != "matmul":
            assert np.array_equal(function(number, ninx.tensor(b)).array, function(2.0, b))
            assert isinstance(function(number, ninx.tensor(b)), ninx.Tensor)
    x = ninx.tensor(b, requires_grad=True)
    assert function(a, x).requires_grad == (name in ("add", "sub", "mul", "truediv", "pow", "matmul"))


def test_conversions_share_memory_and_refuse_while_a_gradient_is_wanted():
    x = ninx.tensor([[1.0, 2], [3, 4]]).T
    for other in (x.numpy(), np.asarray(x), np.from_dlpack(x), torch.from_dlpack(x).numpy()):
        assert np.shares_memory(other, x.array)
        assert np.array_equal(other, [[1, 3], [2, 4]])
    assert not np.shares_memory(np.array(x), x.array)
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    x.requires_grad_()
    for convert in (np.asarray, np.array, np.from_dlpack, torch.from_dlpack, lambda t: t.numpy(), lambda t: np.array([t, t])):
        for t in (x, x * 2):
            with raises((RuntimeError, BufferError), "requires grad"):  # the second is DLPack's, as in PyTorch
                convert(t)
    assert np.shares_memory(np.asarray(x.detach()), x.array)
    assert np.exp(x).requires_grad  # not a silent loss of the history


def test_numbers_from_tensors():
    assert [float(ninx.tensor(2.5)), int(ninx.tensor(2.5)), ninx.tensor([[7]]).item()] == [2.5, 2, 7]
    assert [10, 11, 12][ninx.tensor(1)] == 11
    assert list(range(ninx.tensor(2))) == [0, 1]
    assert ninx.tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    assert bool(ninx.tensor([0.0])) is False
    assert f"{leaf(2.5)[0]:.2f} {ninx.tensor(3):d}" == "2.50 3"
    with raises(ValueError, r"shape \(2,\) is ambiguous"):
        bool(ninx.ones(2))
    with raises(ValueError, r"item: .*\(3,\)"):
        ninx.ones(3).item()
    with raises(TypeError, "float32"):
        [1][ninx.tensor(0.0)]


def test_len_iteration_membership_and_identity():
    x = leaf(1, 2, 3)
    assert len(x) == 3
    assert [t.item() for t in x] == [1, 2, 3]
    assert 2.0 in x
    sum(x[i] * i for i in range(3)).backward()
    assert x.grad.tolist() == [0, 1, 2]
    y = ninx.tensor([1.0])
    assert {y: 1}[y] == 1
    assert len({y, ninx.tensor([1.0])}) == 2  # equal, but not the same
    for function in (len, list):
        with raises(TypeError, "0-d"):
            function(ninx.tensor(1.0))


@pytest.mark.parametrize("make", [lambda: ninx.ones(3), lambda: torch.ones(3)])
@pytest.mark.parametrize("other", [None, "cpu", b"", {}, object(), int])
def test_comparison_with_what_is_no_number(make, other):
    assert (make() == other) is False  # x in [None, ...] asks just this
    assert (make() != other) is True
    assert (other == make()) is False


def test_tensors_of_pytorch_are_arrays():
    t = torch.tensor([1.5, 2.5], dtype=torch.float64)
    for x in (ninx.tensor(t), ninx.as_tensor(t), nn.Parameter(t), ninx.zeros(2, dtype=np.float32) + t, t * ninx.ones(2)):
        assert (x.dtype, x.tolist()) == (np.float64, [1.5, 2.5])
    ninx.as_tensor(t)[0] = 7.0
    assert t[0] == 7


# -------------------------------------------------------------------- text

TEXTS = {
    "number": 1.5,
    "whole": 3.0,
    "fractions": [1.0, 2.5],
    "negative": [-1.0, 2.0],
    "large": [1e10, 1.0],
    "small": [1e-7, 1.0],
    "hundred thousand": [1e5, 1.5],
    "million": [1e6, 1.0],
    "infinite": [float("inf"), -1.5],
    "ints": [1, 20, -300],
    "int": 3,
    "bools": [True, False],
    "empty": [],
    "matrix": [[1.0, 2.0], [3.0, 4.5]],
    "zeros": [0.0, 0.0],
    "thirds": [1 / 3, 2 / 3],
    "mixed": [1000.5, 0.001],
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_is_pytorch_s(name):
    assert repr(ninx.tensor(TEXTS[name])) == repr(torch.tensor(TEXTS[name]))


def test_the_text_of_larger_tensors_and_of_what_a_tensor_is():
    values = np.random.default_rng(0).standard_normal((2, 3, 4, 2)).astype(np.float32)
    assert repr(ninx.tensor(values)) == repr(torch.from_numpy(values))
    many = np.random.default_rng(0).standard_normal((200, 30)).astype(np.float32)  # shortened, as are its digits
    assert repr(ninx.tensor(many)) == repr(torch.from_numpy(many))
    long = repr(ninx.arange(2000))
    assert long == repr(torch.arange(2000))
    assert len(long) < 100
    x = leaf(1, 2.5, dtype=np.float32)
    assert repr(x) == str(x) == "tensor([1.0000, 2.5000], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 5.], grad_fn=<mul>)"
    assert repr(ninx.zeros(2, dtype=np.float64)) == "tensor([0., 0.], dtype=float64)"
    assert repr(ninx.zeros(2, 0)) == "tensor([], size=(2, 0))"
    with np.printoptions(linewidth=20, precision=1, suppress=True):
        assert repr(ninx.tensor([1e-7, 1.0])) == repr(torch.tensor([1e-7, 1.0]))  # NumPy's options are NumPy's


# -------------------------------------------------------------------- copies

COPIES = {"pickle": lambda x: pickle.loads(pickle.dumps(x)), "deepcopy": copy.deepcopy}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4, 5), (0, 3)])
def test_copies_keep_entries_layout_and_wishes(how, shape):
    base = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    axes = tuple(reversed(range(len(shape))))
    for array in (base, base.transpose(axes).copy().transpose(axes)):
        for wish in (False, True):
            x = ninx.tensor(array, requires_grad=wish)
            y = COPIES[how](x)
            assert np.array_equal(y.array, array)
            assert (y.shape, y.dtype, y.requires_grad) == (shape, array.dtype, wish)
            assert y.array.strides == x.array.strides or x.numel() == 0  # where nothing lies there is no order
            assert y.is_leaf
            assert y.array.flags.writeable
            assert not np.shares_memory(y.array, x.array)


def test_deepcopy_copies_the_gradient_and_keeps_what_is_shared_shared():
    x = leaf(1, 2)
    (x * 3).sum().backward()
    a, b = copy.deepcopy([x, x])
    assert a is b
    assert a.grad.tolist() == [3, 3]
    assert not np.shares_memory(a.grad.array, x.grad.array)
    memo = {}
    copy.deepcopy(x, memo)
    # An entry for an object that is dead by now would answer for the next object at that address.
    assert set(memo) <= {id(x), id(x.grad), id(memo)}


@pytest.mark.parametrize("how", COPIES)
def test_a_tensor_with_history_is_not_copied(how):
    y = leaf(1) * 2
    with raises(RuntimeError, "detach"):
        COPIES[how](y)
    assert COPIES[how](y.detach()).tolist() == [2]


# -------------------------------------------------------------------- shapes and dtypes


def test_shape_methods():
    x = ninx.arange(6).reshape(2, 3)
    assert (x.size(), x.size(-1), x.dim(), x.numel(), x.shape, x.ndim) == ((2, 3), 3, 2, 6, (2, 3), 2)
    assert x.view(-1).shape == x.reshape((6,)).shape == x.flatten().shape == (6,)
    assert x.T.tolist() == x.mT.tolist() == x.permute(1, 0).tolist() == x.transpose(0, 1).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert x.unsqueeze(1).shape == (2, 1, 3)
    assert x.unsqueeze(-1).squeeze(-1).shape == x.squeeze(0).shape == (2, 3)
    assert x[0].expand(4, -1).shape == (4, 3)


def test_casts_and_what_they_cost():
    x = ninx.ones(2)
    assert x.float() is x
    assert [x.double().dtype, x.long().dtype, x.bool().dtype, x.to("uint8").dtype] == [np.float64, np.int64, np.bool_, np.uint8]
    assert x.to("cpu") is x is x.cpu()
    y = leaf(1, 2, dtype=np.float32)
    y.double().sum().backward()
    assert y.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda x: x + ninx.ones(2, 4), ValueError, r"add: shapes \(2, 3\) and \(2, 4\)"),
        (lambda x: x @ x, ValueError, r"matmul: shapes \(2, 3\) and \(2, 3\)"),
        (lambda x: x @ ninx.tensor(1.0), ValueError, r"matmul: .*\(2, 3\) and \(\)"),
        (lambda x: x.reshape(4, 2), ValueError, r"reshape: 6 entries of shape \(2, 3\) do not fit shape \(4, 2\)"),
        (lambda x: x.reshape(-1, -1), ValueError, "reshape"),
        (lambda x: x.expand(5, 3), ValueError, r"broadcast_to: shape \(2, 3\) .* \(5, 3\)"),
        (lambda x: x.unsqueeze(3), IndexError, r"unsqueeze: dim 3 .*\(2, 3\)"),
        (lambda x: x.squeeze(2), IndexError, r"squeeze: dim 2 .*\(2, 3\)"),
        (lambda x: x.permute(0, 3), (IndexError, ValueError), r"permute: .*\(2, 3\)"),
        (lambda x: x.permute(0, 0), ValueError, r"permute: .*\(0, 0\)"),
        (lambda x: x.permute(0), ValueError, "permute"),
        (lambda x: x.transpose(0, 2), IndexError, r"transpose: dim 2 .*\(2, 3\)"),
        (lambda x: x.flatten(2), IndexError, r"flatten: .*2 .*\(2, 3\)"),
        (lambda x: x.flatten(1, 0), ValueError, "flatten: start_dim 1 comes after end_dim 0"),
        (lambda x: x.sum(2), IndexError, r"sum: dim 2 .*\(2, 3\)"),
        (lambda x: x.argmax(2), IndexError, r"argmax: dim 2 .*\(2, 3\)"),
        (lambda x: ninx.cat([x, ninx.ones(3, 3)], 1), ValueError, r"cat: shapes \(2, 3\) and \(3, 3\)"),
        (lambda x: ninx.cat([x], 2), IndexError, r"cat: dim 2 .*\(2, 3\)"),
        (lambda x: ninx.cat([]), ValueError, "cat: there are no tensors"),
        (lambda x: ninx.stack([]), ValueError, "stack: there are no tensors"),
        (lambda x: ninx.stack([x, x.T]), ValueError, r"stack: .*\(2, 3\), \(3, 2\)"),
        (lambda x: x[2], IndexError, r"index 2 is out of bounds .*\(2, 3\)"),
        (lambda x: x[0, 0, 0], IndexError, r"too many indices .*\(2, 3\)"),
        (lambda x: x[1.0], IndexError, "an index is made of whole numbers.* got 1.0"),
        (lambda x: ninx.where(x, x, x), TypeError, "where: the condition must be boolean, not float32"),
        (lambda x: x.to("cuda"), RuntimeError, "device 'cuda' cannot be used: CuPy"),
    ],
)
def test_a_wrong_argument_is_named_with_its_values(wrong, error, text):
    if "cuda" in text and ninx.gpu_status() is None:
        pytest.skip("there is a GPU")
    with raises(error, text):
        wrong(ninx.ones(2, 3))


# -------------------------------------------------------------------- indices


@pytest.mark.parametrize("index", [0, -1, slice(1), slice(None, None, -2), (0, slice(1, None)), (..., 0), None, (0, 0, 0)])
def test_a_basic_index_gives_a_view(index):
    """As getitem promises, a single number included: what is written into it arrives in the whole."""
    x = ninx.zeros(2, 3, 2)
    part = x[index]
    assert np.shares_memory(part.array, x.array)
    part.fill_(5)
    assert (x[index].array == 5).all()


@pytest.mark.parametrize(
    "copy",
    [
        lambda x: x.view(2, -1),
        lambda x: x.view((4, 9)),
        lambda x: x[:, :1].expand(2, 2, 3, 3),
        lambda x: x.expand(3, -1, -1, -1, -1),
    ],
    ids=["view", "view of a tuple", "expand", "expand by an axis"],
)
@pytest.mark.parametrize(
    "write",
    [lambda y: y.fill_(1), lambda y: y.__setitem__(0, 1.0), lambda y: y.__iadd__(1), lambda y: y.detach().mul_(2),
     lambda y: y.data.zero_(), lambda y: y.numpy().fill(1), lambda y: y[0].fill_(1)],
    ids=["fill_", "setitem", "+=", "detach", "data", "numpy", "a view of it"],
)  # fmt: skip
def test_no_write_is_lost_in_a_copy_where_a_view_was_asked_for(copy, write):
    x = nn.Conv2d(1, 2, 1).requires_grad_(False)(ninx.ones(2, 1, 3, 3))  # lies channels-last
    before = x.tolist()
    y = copy(x)
    with pytest.raises((RuntimeError, ValueError), match=r"a copy where a view was asked for|read-only"):
        write(y)
    assert x.tolist() == before
    write(y.clone())
    write(x.reshape(2, -1))


def test_a_view_that_can_share_memory_does():
    x = ninx.zeros(2, 1, 3, 4)  # one channel: channels-first and channels-last are the same
    x.view(2, 12)[1, 2:4] = 7
    assert x.reshape(-1).tolist() == [0] * 14 + [7, 7] + [0] * 8
    y = ninx.zeros(5, 4, 1, 1).view(5, -1)  # what a global pooling leaves: the layout is the same again
    y[0] = 1
    y.view(-1)[0] = 2


@pytest.mark.parametrize("make", [lambda a: a, ninx.tensor, list], ids=["array", "tensor", "list"])
def test_an_index_that_changes_after_the_call_does_no_harm(make):
    def point_elsewhere():
        for i in range(len(index)):
            index[i] = 0

    x = leaf(1, 2, 3)
    index = make(np.array([2, 1]))
    y = x[index]
    point_elsewhere()
    y.sum().backward()
    assert x.grad.tolist() == [0, 1, 1]

    x, v, index = leaf(1, 2, 3), leaf(7, 8), make(np.array([2, 1]))
    y = x * 2
    y[index] = v
    point_elsewhere()
    assert y.tolist() == [2, 8, 7]
    (y * y).sum().backward()
    assert (x.grad.tolist(), v.grad.tolist()) == ([8, 0, 0], [14, 16])


@pytest.mark.parametrize("make", [lambda a: a, ninx.from_numpy], ids=["array", "tensor"])
def test_a_condition_that_changes_after_the_call_does_no_harm(make):
    x = leaf(1, 2, 3)
    condition = make(np.array([True, False, True]))
    y = ninx.where(condition, x, 0.0)
    condition[...] = False
    try:
        y.sum().backward()
    except RuntimeError as error:
        assert "changed in place" in str(error)  # noqa: PT017 - an error is as good
    else:
        assert x.grad.tolist() == [1, 0, 1]
