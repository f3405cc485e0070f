"""Tensors that are made: sizes, dtypes and values next to PyTorch; random ones; and what becomes of one by casts and moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tables
import torch

import ninx
from ninx import nn

LIBRARIES = (ninx, torch)


def described(x: Any) -> tuple[Any, ...]:
    return tuple(x.shape), str(x.dtype).removeprefix("torch."), x.requires_grad, str(x.device)


MADE: dict[str, Callable[[Any], Any]] = {
    "zeros": lambda lib: lib.zeros(2, 3),
    "zeros of a tuple": lambda lib: lib.zeros((2, 3)),
    "zeros of a list": lambda lib: lib.zeros([2, 3]),
    "zeros size=": lambda lib: lib.zeros(size=(2, 3), dtype=lib.int64, device="cpu"),
    "zeros of nothing": lambda lib: lib.zeros(()),
    "zeros(0)": lambda lib: lib.zeros(0, 3),
    "zeros of a shape": lambda lib: lib.zeros(lib.ones(2, 3).shape),
    "zeros of numpy sizes": lambda lib: lib.zeros(np.int64(2), np.int32(3)),
    "ones": lambda lib: lib.ones(size=[2], dtype=lib.float64, requires_grad=True, device=lib.device("cpu")),
    "ones bool": lambda lib: lib.ones(2, dtype=lib.bool),
    "full int": lambda lib: lib.full((2, 2), 7),
    "full float": lambda lib: lib.full((2,), 7.0),
    "full bool": lambda lib: lib.full((2,), True),
    "full dtype": lambda lib: lib.full(size=(2,), fill_value=7, dtype=lib.float32, requires_grad=True),
    "arange": lambda lib: lib.arange(4),
    "arange float": lambda lib: lib.arange(4.0),
    "arange steps": lambda lib: lib.arange(1, 2, 0.25),
    "arange back": lambda lib: lib.arange(10, 1, -3),
    "arange keywords": lambda lib: lib.arange(start=2, end=10, step=3),
    "arange uneven": lambda lib: lib.arange(0, 1, 0.3),
    "arange dtype": lambda lib: lib.arange(3, dtype=lib.float64, requires_grad=True),
    "arange empty": lambda lib: lib.arange(3, 3),
    "arange of tensors": lambda lib: lib.arange(lib.tensor(1), lib.tensor(4)),
    "linspace": lambda lib: lib.linspace(0, 1, 5),
    "linspace steps=": lambda lib: lib.linspace(start=-1.0, end=1.0, steps=7, dtype=lib.float64),
    "linspace of one": lambda lib: lib.linspace(3, 10, 1),
    "eye": lambda lib: lib.eye(3),
    "eye n m": lambda lib: lib.eye(2, 3, dtype=lib.int32),
    "zeros_like": lambda lib: lib.zeros_like(lib.tensor([1, 2])),
    "ones_like": lambda lib: lib.ones_like(lib.tensor([1, 2]), dtype=lib.float32, requires_grad=True),
    "full_like": lambda lib: lib.full_like(lib.tensor([1.0, 2.0]), 7),
    "full_like dtype": lambda lib: lib.full_like(lib.tensor([1.0, 2.0]), 7, dtype=lib.int8),
    "tensor of tensors": lambda lib: lib.tensor([lib.tensor(1.0), lib.tensor(2.5)]),
    "tensor of a tensor": lambda lib: lib.tensor([1, 2], dtype=lib.int16).clone(),
    "tensor cut off": lambda lib: lib.tensor([1.7, -1.7], dtype=lib.int64),
    "tensor of truth": lambda lib: lib.tensor([0, 2], dtype=lib.bool),
    "tensor of an array": lambda lib: lib.tensor(np.array([300, 1]), dtype=lib.uint8),
    "tensor mixed": lambda lib: lib.tensor([True, 2, 2.5]),
    "tensor of ranges": lambda lib: lib.tensor([list(range(3)), [4, 5, 6]]),
    "tensor double": lambda lib: lib.tensor(0.1, dtype=lib.float64),
    "as_tensor": lambda lib: lib.as_tensor([1, 2.5]),
    "as_tensor array": lambda lib: lib.as_tensor(np.array([1.5]), dtype=lib.float32),
    "as_tensor scalar": lambda lib: lib.as_tensor(np.float64(1.5)),
    "new_zeros": lambda lib: lib.tensor([1]).new_zeros(2, 3),
    "new_zeros tuple": lambda lib: lib.ones(1).new_zeros((2, 3), dtype=lib.int32),
    "new_ones": lambda lib: lib.tensor([True]).new_ones((2,)),
    "new_full": lambda lib: lib.ones(1).new_full((2,), 7),
    "new_tensor": lambda lib: lib.ones(1, dtype=lib.float64).new_tensor([1, 2]),
    "new_empty": lambda lib: lib.ones(1, dtype=lib.float64).new_empty((2, 3)) * 0,
    "empty": lambda lib: lib.empty(2, 3, dtype=lib.int64) * 0,
    "empty_like": lambda lib: lib.empty_like(lib.tensor([1, 2])) * 0,
}


@pytest.mark.host_only("PyTorch's lie on the host")
@pytest.mark.parametrize("name", MADE)
def test_the_same_is_made(name: str) -> None:
    ours, theirs = (MADE[name](lib) for lib in LIBRARIES)
    assert described(ours) == described(theirs)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-6, atol=1e-7)


DRAWN: dict[str, Callable[[Any], Any]] = {
    "rand": lambda lib: lib.rand(2, 3),
    "rand size=": lambda lib: lib.rand(size=(2, 3), dtype=lib.float64, requires_grad=True, device="cpu"),
    "randn": lambda lib: lib.randn([2, 3]),
    "randn size=": lambda lib: lib.randn(size=[4], requires_grad=True),
    "rand_like": lambda lib: lib.rand_like(lib.zeros(2, 3, dtype=lib.float64)),
    "randn_like": lambda lib: lib.randn_like(lib.zeros(2, 3), dtype=lib.float64),
    "randint high": lambda lib: lib.randint(10, (3,)),
    "randint low high": lambda lib: lib.randint(3, 10, (3, 2)),
    "randint size=": lambda lib: lib.randint(0, 2, size=(3,), dtype=lib.float32),
    "randint keywords": lambda lib: lib.randint(low=1, high=7, size=[2]),
    "randint high=": lambda lib: lib.randint(high=7, size=(2,)),
    "randperm": lambda lib: lib.randperm(5),
    "randperm dtype": lambda lib: lib.randperm(5, dtype=lib.int32),
    "normal": lambda lib: lib.normal(0.0, 1.0, (2, 3)),
    "normal size=": lambda lib: lib.normal(mean=2.0, std=0.1, size=(4,)),
    "normal of whole numbers": lambda lib: lib.normal(0, 1, (2, 3)),
    "normal of tensors": lambda lib: lib.normal(lib.zeros(3, 1), lib.ones(4)),
    "normal of a mean": lambda lib: lib.normal(lib.zeros(3, dtype=lib.float64), 1.0),
    "bernoulli": lambda lib: lib.bernoulli(lib.full((3,), 0.5)),
    "normal_": lambda lib: lib.zeros(3).normal_(1, 2),
    "uniform_": lambda lib: lib.zeros(3, dtype=lib.float64).uniform_(-1, 1),
    "random_": lambda lib: lib.zeros(3, dtype=lib.int64).random_(0, 10),
    "bernoulli_": lambda lib: lib.zeros(3).bernoulli_(0.3),
}


@pytest.mark.host_only("PyTorch's lie on the host")
@pytest.mark.parametrize("name", DRAWN)
def test_the_same_kind_is_drawn(name: str) -> None:
    ours, theirs = (DRAWN[name](lib) for lib in LIBRARIES)
    assert described(ours) == described(theirs)


@pytest.mark.parametrize("name", DRAWN)
def test_every_draw_follows_the_seed(name: str) -> None:
    def run(seed: int) -> list[Any]:
        ninx.manual_seed(seed)
        return [DRAWN[name](ninx).tolist() for _ in range(10)]

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_what_is_drawn_has_the_right_distribution() -> None:
    """40,000 draws: five standard errors of a mean are 5 * s / 200."""
    ninx.manual_seed(0)
    n = 40_000
    for x, mean, spread in [
        (ninx.normal(3.0, 2.0, (n,)), 3, 2),
        (ninx.normal(ninx.full((n,), 3.0), 2.0), 3, 2),
        (ninx.empty(n).normal_(3, 2), 3, 2),
        (ninx.rand(n), 0.5, 12**-0.5),
        (ninx.empty(n).uniform_(-1, 3), 1, 4 * 12**-0.5),
        (ninx.bernoulli(ninx.full((n,), 0.3)), 0.3, 0.21**0.5),
        (ninx.empty(n).bernoulli_(0.3), 0.3, 0.21**0.5),
        (ninx.empty(n).random_(2, 5), 3, (2 / 3) ** 0.5),
        (ninx.randint(2, 5, (n,)).float(), 3, (2 / 3) ** 0.5),
    ]:
        assert abs(x.mean().item() - mean) < 5 * spread / 200
        assert abs(x.std().item() - spread) < 0.03 * spread + 0.01
    assert ninx.empty(1000, dtype=np.uint8).random_().max().item() > 200
    assert 0 <= ninx.empty(1000).random_().min().item() < ninx.empty(1000).random_().max().item() <= 2**24


def test_rounding_never_reaches_the_bound_that_is_excluded() -> None:
    """The largest of the numbers drawn in float64 is rounded up to 1 in float32."""

    class Highest(np.random.Generator):
        def random(self, size: Any = None) -> Any:
            return np.full(size, np.nextafter(1.0, 0.0))

        def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
            return np.full(size, np.nextafter(high, low))

    highest = Highest(np.random.PCG64(0))
    for dtype in (np.float16, np.float32, np.float64):
        assert ninx.rand(2, dtype=dtype, generator=highest).max().item() < 1
        assert ninx.empty(2, dtype=dtype).uniform_(1, 2, generator=highest).max().item() < 2
        assert ninx.empty(2, dtype=dtype).uniform_(2, 2).tolist() == [2, 2]


def test_a_generator_of_numpy_s_may_be_given() -> None:
    a, b = (ninx.randn(3, generator=np.random.default_rng(5)).tolist() for _ in range(2))
    assert a == b


def test_as_tensor_shares_memory_and_keeps_history() -> None:
    array = np.zeros(3, np.float32)
    x = ninx.as_tensor(array)
    array[0] = 5
    assert x.tolist() == [5, 0, 0]
    w = ninx.ones(2, requires_grad=True) * 2
    assert ninx.as_tensor(w) is w
    assert ninx.as_tensor(w, dtype=ninx.float64).requires_grad


# -------------------------------------------------------------------- dtypes, devices, layout


def test_the_names_of_dtypes_are_pytorch_s() -> None:
    for name in ("float16 half float32 float float64 double int8 int16 short int32 int int64 long uint8 bool").split():  # noqa: SIM905
        theirs = str(getattr(torch, name)).removeprefix("torch.")
        assert str(np.dtype(getattr(ninx, name))) == theirs
        assert described(ninx.zeros(2, dtype=getattr(ninx, name)))[:2] == ((2,), theirs)
    namespace: dict[str, Any] = {}
    exec("from ninx import *", namespace)
    assert not {"int", "float", "bool"} & set(namespace)  # Python's own stay
    assert ninx.get_default_dtype() == ninx.float32
    ninx.set_default_dtype(ninx.float32)
    with pytest.raises(ValueError, match="set_default_dtype: new tensors are float32; say dtype="):
        ninx.set_default_dtype(ninx.float64)


@pytest.mark.host_only("PyTorch's lie on the host")
def test_casts_next_to_pytorch() -> None:
    entries = [1.7, -1.7, 0.0, 100.0]
    x, t = ninx.tensor(entries), torch.tensor(entries)
    dtypes = {"char": "int8"}  # PyTorch has no torch.char
    for name in ("half", "float", "double", "int", "long", "short", "char", "bool"):
        for ours, theirs in (
            (getattr(x, name)(), getattr(t, name)()),
            (x.type(getattr(ninx, dtypes.get(name, name))), t.type(getattr(torch, dtypes.get(name, name)))),
        ):
            assert described(ours) == described(theirs)
            assert ours.tolist() == theirs.tolist()
            assert ours.type() == theirs.type().replace("torch", "ninx")
            assert (ours.element_size(), ours.nelement(), ours.is_cuda) == (theirs.element_size(), theirs.nelement(), False)
    assert x.abs().byte().dtype == np.uint8
    assert x.type("torch.LongTensor").dtype == x.type("ninx.LongTensor").dtype == np.int64
    assert x.type_as(ninx.tensor([1])).dtype == np.int64
    assert ninx.tensor(np.ones(1, np.uint16)).type() == "ninx.Tensor of uint16"


@pytest.mark.host_only("PyTorch's lie on the host")
def test_every_form_of_to() -> None:
    forms: list[Callable[[Any, Any], Any]] = [
        lambda lib, x: x.to(lib.float64),
        lambda lib, x: x.to("cpu"),
        lambda lib, x: x.to(lib.device("cpu")),
        lambda lib, x: x.to("cpu", lib.float64),
        lambda lib, x: x.to(x.device, x.dtype),
        lambda lib, x: x.to(device="cpu"),
        lambda lib, x: x.to(dtype=lib.float16),
        lambda lib, x: x.to(device="cpu", dtype=lib.int64),
        lambda lib, x: x.to("cpu", non_blocking=True),
        lambda lib, x: x.to(lib.float64, True),
        lambda lib, x: x.to("cpu", lib.float64, False, True),
        lambda lib, x: x.to(lib.tensor([1], dtype=lib.int32)),
        lambda lib, x: x.to(lib.float32, copy=True),
        lambda lib, x: x.to(memory_format=lib.contiguous_format),
        lambda lib, x: x.cpu().float(),
    ]
    for form in forms:
        ours, theirs = (form(lib, lib.tensor([1.5, 2.5])) for lib in LIBRARIES)
        assert described(ours) == described(theirs)
        assert ours.tolist() == theirs.tolist()
    x = ninx.ones(2, requires_grad=True)
    assert x.to(np.float32) is x.to("cpu") is x
    assert not np.shares_memory(x.to(np.float32, copy=True).array, x.array)
    assert not np.shares_memory(x.to("cpu", np.float32, False, True).array, x.array)
    (x.to(np.float32, copy=True).to(np.float64) * 3).sum().backward()
    assert (x.grad.tolist(), x.grad.dtype) == ([3, 3], np.float32)


def test_contiguous_copies_only_what_has_gaps() -> None:
    x = ninx.arange(24).float().reshape(2, 3, 4)
    image = nn.Conv2d(3, 4, 1)(ninx.ones(2, 3, 5, 5)).detach()  # lies channels-last
    for whole in (x, image, ninx.tensor(1.0), ninx.ones(0, 3)):
        assert whole.is_contiguous()
        assert whole.contiguous() is whole
    for part in (x.transpose(1, 2), x[:, ::2], image[:, 1:]):
        assert not part.is_contiguous()
        y = part.contiguous()
        assert y.is_contiguous()
        assert y.tolist() == part.tolist()
    first = ninx.tensor(np.ones((2, 3, 5, 5), np.float32))
    assert not first.is_contiguous(memory_format=ninx.channels_last)
    assert first.contiguous(memory_format=ninx.channels_last).is_contiguous(memory_format=ninx.channels_last)
    w = ninx.ones(3, 2, requires_grad=True)
    (w.T.contiguous() * 2).sum().backward()
    assert w.grad.tolist() == [[2, 2]] * 3
    with pytest.raises(ValueError, match=r"memory_format is ninx.contiguous_format, .*, got 'rows'"):
        x.contiguous(memory_format="rows")


def test_what_kind_of_thing_it_is() -> None:
    assert ninx.is_tensor(ninx.ones(1))
    assert not ninx.is_tensor(np.ones(1))
    assert ninx.is_floating_point(ninx.ones(1, dtype=ninx.half))
    assert not ninx.is_floating_point(ninx.tensor([1]))


ERRORS: tables.Errors = [
    (lambda: ninx.zeros(2, size=(3,)), TypeError, r"zeros: give the sizes once, not both \(2,\) and size=\(3,\)"),
    (lambda: ninx.zeros(2.5), TypeError, "zeros: sizes are whole numbers, got"),
    (lambda: ninx.ones(-1), ValueError, r"ones: sizes are at least 0, got \(-1,\)"),
    (lambda: ninx.zeros(2, dtype="text"), TypeError, "full: 'text' is no dtype; write ninx.float32"),
    (lambda: ninx.zeros(2, dtype=complex), TypeError, "full: a tensor holds floats, whole numbers or booleans, not complex128"),
    (lambda: ninx.zeros(2, dtype="complex64"), TypeError, "a tensor holds floats, whole numbers or booleans, not complex64"),
    (lambda: ninx.zeros(2, dtype=np.longdouble), TypeError, "full: a tensor holds floats, whole numbers or booleans, not "),
    (lambda: ninx.ones(2).to(torch.float32), TypeError, "to: torch.float32 is no dtype; write ninx.float32"),
    (lambda: ninx.rand(2, dtype=ninx.int64), TypeError, "rand: draws floats, not int64; randint draws whole numbers"),
    (lambda: ninx.zeros(2, dtype=int).normal_(), TypeError, "normal_: draws floats, not int64"),
    (lambda: ninx.randn(2, generator=torch.Generator()), TypeError, "randn: generator must be one of NumPy's .* not a Generator"),
    (lambda: ninx.randint(10), TypeError, r"randint: write randint\(high, size\) or randint\(low, high, size\)"),
    (lambda: ninx.randint(3, 3, (2,)), ValueError, r"randint: no whole number is in \[3, 3\)"),
    (lambda: ninx.arange(0, 10, -1), ValueError, "arange: from 0 no steps of -1 lead to 10"),
    (lambda: ninx.arange(0, 10, 0), ValueError, "arange: from 0 no steps of 0 lead to 10"),
    (lambda: ninx.normal(0.0, -1.0, (2,)), ValueError, "normal: std must be at least 0, got -1.0"),
    (lambda: ninx.ones(2).normal_(0, -1), ValueError, "normal_: std must be at least 0, got -1"),
    (lambda: ninx.ones(2).uniform_(1, 0), ValueError, "uniform_: the lower bound 1 is above the upper bound 0"),
    (lambda: ninx.ones(2).random_(3, 3), ValueError, r"random_: no whole number is in \[3, 3\)"),
    (lambda: ninx.ones(2).bernoulli_(2), ValueError, "bernoulli_: p is a probability, from 0 to 1, got 2"),
    (lambda: ninx.bernoulli(ninx.tensor([1.5])), ValueError, "bernoulli: every entry is a probability"),
    (lambda: ninx.tensor([1.0], requires_grad="yes"), TypeError, "requires_grad: say True or False, not 'yes'"),
    (lambda: ninx.tensor([300], dtype=ninx.uint8), ValueError, "tensor: a number in the data does not fit into uint8"),
    (lambda: ninx.from_numpy([1, 2]), TypeError, "from_numpy: takes an array, not a list; ninx.tensor makes a copy"),
    (lambda: ninx.ones(2).to(dtyp=1), TypeError, "to: there is no argument 'dtyp'"),
    (lambda: ninx.Tensor("text"), TypeError, r"Tensor\(...\) takes an array or a list of numbers, not 'text'"),
]


@pytest.mark.parametrize(
    "make",
    [
        lambda lib: lib.tensor([np.float64(0.5)] * 3),
        lambda lib: lib.tensor([[np.float32(1), np.float32(2)]]),
        lambda lib: lib.tensor([np.int32(1), np.int32(2)]),
        lambda lib: lib.tensor(([0.5, 1], [2.0, 3])),
        lambda lib: lib.Tensor(range(3)),
        lambda lib: lib.zeros(10).scatter_(0, lib.tensor(3), value=1),
        lambda lib: lib.arange(5).gather(0, lib.tensor([4])),
    ],
)
def test_numbers_in_lists_and_indices_of_one(make: Callable[[Any], Any]) -> None:
    ours, theirs = make(ninx), make(torch).numpy()
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert np.array_equal(ours.numpy(), theirs)


def test_the_first_lines_of_programs() -> None:
    import ninx.backends.cudnn as cudnn

    cudnn.benchmark, ninx.backends.cudnn.deterministic = True, True
    assert not ninx.backends.mps.is_available()
    assert cudnn.version() is None


test_a_wrong_argument_is_named = tables.raise_one_sentence(ERRORS)
