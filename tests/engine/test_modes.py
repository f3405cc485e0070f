"""The switches of the engine (no_grad, detect_anomaly and their relatives) and the state of randomness."""

import asyncio
import json
import sys
import threading

import numpy as np
import pytest
import torch

import ninx
import ninx.functional as F
from ninx import record


def leaf(*entries):
    return ninx.tensor(np.array(entries, np.float64), requires_grad=True)


def here(offset):
    """The place ``offset`` lines below the caller, as anomaly messages write it."""
    frame = sys._getframe(1)
    return f"{frame.f_code.co_filename}:{frame.f_lineno + offset}:"


# -------------------------------------------------------------------- is history recorded?


def test_no_grad_and_its_opposite_nest():
    x = leaf(1)
    assert ninx.is_grad_enabled()
    with ninx.no_grad():
        assert not ninx.is_grad_enabled()
        assert (x * 2).grad_fn is None
        with ninx.enable_grad():
            assert (x * 2).requires_grad
            with ninx.inference_mode():
                assert not (x * 2).requires_grad
            assert ninx.is_grad_enabled()
        assert not ninx.is_grad_enabled()
    assert ninx.is_grad_enabled()


def test_one_object_may_be_entered_twice():
    off = ninx.no_grad()
    with off:
        with off:
            assert not ninx.is_grad_enabled()
        assert not ninx.is_grad_enabled()
    assert ninx.is_grad_enabled()


def test_a_decorated_function_even_a_recursive_one():
    @ninx.no_grad()
    def count(n):
        """How far down."""
        assert not ninx.is_grad_enabled()
        return n if n == 0 else count(n - 1) + 1

    assert count(3) == 3
    assert count.__doc__ == "How far down."
    assert ninx.is_grad_enabled()

    @ninx.enable_grad()
    def recorded(x):
        return x * 2

    with ninx.no_grad():
        assert recorded(leaf(1)).requires_grad
        assert not ninx.is_grad_enabled()


@pytest.mark.parametrize("lib", [torch, ninx])
def test_a_decorated_generator_runs_in_the_mode_and_its_caller_does_not(lib):
    @lib.no_grad()
    def steps():
        yield lib.is_grad_enabled()
        yield lib.is_grad_enabled()

    inside, outside = [], []
    for state in steps():
        inside.append(state)
        outside.append(lib.is_grad_enabled())
    assert (inside, outside) == ([False, False], [True, True])


@pytest.mark.parametrize("switch", [ninx.no_grad, ninx.inference_mode, ninx.detect_anomaly])
def test_an_exception_puts_the_mode_back(switch):
    with pytest.raises(KeyError), switch():
        raise KeyError
    assert ninx.is_grad_enabled()
    assert not ninx.engine.modes.is_anomaly_enabled()


def test_an_exception_inside_backward_puts_the_mode_back():
    modes = []
    x = leaf(1)

    def hook(g):
        modes.append(ninx.is_grad_enabled())
        raise KeyError

    x.register_hook(hook)
    with pytest.raises(KeyError):
        (x * 2).sum().backward()
    assert modes == [False]  # backward itself records nothing
    assert ninx.is_grad_enabled()
    assert x.grad is None


@pytest.mark.parametrize("lib", [torch, ninx])
def test_create_graph_records_even_where_recording_is_switched_off(lib):
    x = lib.ones(2, requires_grad=True)
    y = (x * x).sum()
    with lib.no_grad():
        (g,) = (torch.autograd.grad if lib is torch else ninx.grad)(y, x, create_graph=True)
        assert not lib.is_grad_enabled()
    assert g.requires_grad


# -------------------------------------------------------------------- threads and tasks


def in_a_thread(function):
    result = []
    thread = threading.Thread(target=lambda: result.append(function()))
    thread.start()
    thread.join()
    return result[0]


def test_a_switch_is_the_thread_s_own():
    with ninx.no_grad(), ninx.detect_anomaly():
        assert in_a_thread(ninx.is_grad_enabled)
        assert not in_a_thread(ninx.engine.modes.is_anomaly_enabled)
    assert in_a_thread(lambda: ninx.no_grad().__enter__() or ninx.is_grad_enabled()) is False
    assert ninx.is_grad_enabled()


def test_a_switch_is_the_task_s_own():
    async def off(order):
        with ninx.no_grad():
            await order.wait()
            return ninx.is_grad_enabled()

    async def on(order):
        await asyncio.sleep(0)  # the other is inside its block by now
        state = ninx.is_grad_enabled()
        order.set()
        return state

    async def both():
        order = asyncio.Event()
        return await asyncio.gather(off(order), on(order))

    assert asyncio.run(both()) == [False, True]


def test_a_decorated_function_may_run_in_two_threads_at_once():
    entered, may_leave = [threading.Event() for _ in range(2)], [threading.Event() for _ in range(2)]
    seen, errors = [], []

    @ninx.no_grad()
    def work(number):
        entered[number].set()
        assert may_leave[number].wait(10)
        seen.append(ninx.is_grad_enabled())

    def run(number):
        try:
            work(number)
            seen.append(ninx.is_grad_enabled())
        except ValueError as error:  # a token of one thread given back in the other
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread, event in zip(threads, entered, strict=True):
        thread.start()
        assert event.wait(10)
    for thread, event in zip(threads, may_leave, strict=True):  # first in, first out
        event.set()
        thread.join(10)
    assert errors == []
    assert seen == [False, True, False, True]


# -------------------------------------------------------------------- anomalies


@pytest.fixture
def quiet():
    """NumPy warns of what these tests provoke."""
    with np.errstate(all="ignore"):
        yield


def test_an_anomaly_names_operation_kind_count_and_line(quiet):
    x = leaf(1, 0, -1)
    where = here(+2)
    with ninx.detect_anomaly(), pytest.raises(RuntimeError) as caught:
        x.log()  # the line of the user
    text = str(caught.value)
    assert text.startswith("forward of log made nan (2 of 3 entries) at ")
    assert text.endswith(f"{where} x.log()  # the line of the user")
    with ninx.detect_anomaly(), pytest.raises(RuntimeError, match=r"forward of exp made inf \(1 of 1 entries\)"):
        leaf(1000).exp()


def test_an_anomaly_that_was_there_before_is_passed_on(quiet):
    bad = leaf(float("nan"), 1)
    with ninx.detect_anomaly(), pytest.raises(RuntimeError, match=r"forward of mul passed on nan \(1 of 2 entries\)"):
        bad * 2
    assert np.isnan((bad * 2).array[0])  # outside nothing is looked at


def test_an_anomaly_inside_a_layer_names_the_user_s_line(quiet):
    x = ninx.tensor(np.full((1, 1, 3, 3), 1e308), requires_grad=True)
    where = here(+2)
    with ninx.detect_anomaly(), pytest.raises(RuntimeError) as caught:
        F.conv2d(x, x)
    assert "forward of conv2d made inf" in str(caught.value)
    assert where in str(caught.value)


def test_an_anomaly_of_backward_names_the_line_of_forward(quiet):
    x = leaf(0, 1)
    with ninx.detect_anomaly():
        where = here(+1)
        y = x.sqrt()
        z = (y * 1).sum()
        with pytest.raises(RuntimeError) as caught:
            z.backward()
    assert "backward of sqrt made inf (1 of 2 entries)" in str(caught.value)
    assert f"{where} y = x.sqrt()" in str(caught.value)
    assert x.grad is None

    with ninx.detect_anomaly():
        y = x * 2
        with pytest.raises(RuntimeError, match="backward of mul passed on inf"):
            y.backward(np.array([np.inf, 1]))


def test_an_anomaly_in_a_user_s_operation(quiet):
    def faulty(x):
        return record(x.array * 1, (x, lambda g: g * float("nan")))

    with ninx.detect_anomaly(), pytest.raises(RuntimeError, match=r"backward of faulty .*nan \(2 of 2"):
        faulty(leaf(1, 2)).sum().backward()


def test_whole_numbers_and_clean_values_pass(quiet):
    with ninx.detect_anomaly():
        x = leaf(1, 2)
        (x * ninx.tensor([1, 2])).log().sum().backward()
        ninx.arange(3) + 1
    assert x.grad is not None


# -------------------------------------------------------------------- randomness


def draw():
    """Something from every source of randomness."""
    x = ninx.ones(50)
    drawn = [ninx.randn(3), ninx.rand(2, 2), ninx.randint(0, 100, 4), ninx.randperm(6), F.dropout(x), F.dropout(x)]
    return [t.tolist() for t in drawn]


def test_the_same_seed_gives_the_same_numbers():
    ninx.manual_seed(5)
    first = draw()
    ninx.manual_seed(5)
    assert draw() == first
    ninx.manual_seed(6)
    assert all(a != b for a, b in zip(draw(), first, strict=True))
    assert first[-1] != first[-2]  # each call of dropout has its own mask


def test_a_saved_state_continues_where_it_was_taken():
    ninx.manual_seed(7)
    draw()
    state = ninx.get_rng_state()
    assert isinstance(state, str)
    later = draw()
    assert ninx.get_rng_state() != state
    ninx.manual_seed(1)
    ninx.set_rng_state(state)
    assert draw() == later  # the counter of dropout and the generator, both
    ninx.set_rng_state(state)  # a state is not used up
    assert draw() == later


@pytest.mark.parametrize("seed", [0, 2**64 - 1, np.int64(3)])
def test_every_seed_in_range_can_be_saved(seed):
    ninx.manual_seed(seed)
    state = ninx.get_rng_state()
    first = draw()
    ninx.set_rng_state(state)
    assert draw() == first


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_raises(seed):
    with pytest.raises(ValueError, match=f"manual_seed.*{seed}"):
        ninx.manual_seed(seed)


def changed(**fields):
    return json.dumps(json.loads(ninx.get_rng_state()) | fields)


BAD = {
    "no json": lambda: "nonsense",
    "empty": lambda: "",
    "no object": lambda: "[1, 2]",
    "nothing in it": lambda: "{}",
    "none": lambda: None,
    "far too deep": lambda: "[" * 100_000,
    "no seed": lambda: changed(seed="x"),
    "negative seed": lambda: changed(seed=-1),
    "large seed": lambda: changed(seed=2**64),
    "endless seed": lambda: changed(seed=0).replace('"seed": 0', '"seed": Infinity'),
    "calls": lambda: changed(calls=[]),
    "negative calls": lambda: changed(calls=-1),
    "generator": lambda: changed(generator=[]),
    "other generator": lambda: changed(generator={"bit_generator": "MT19937", "state": {}}),
    "half a generator": lambda: changed(generator={"bit_generator": "PCG64"}),
    "numbers too large": lambda: changed(
        generator={"bit_generator": "PCG64", "state": {"state": 2**200, "inc": -1}, "has_uint32": 0, "uinteger": 0}
    ),
    "no numbers": lambda: changed(
        generator={"bit_generator": "PCG64", "state": {"state": "1", "inc": None}, "has_uint32": 0, "uinteger": 0}
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_state_raises_and_changes_nothing(case):
    before = ninx.get_rng_state()
    with pytest.raises(ValueError, match="set_rng_state"):
        ninx.set_rng_state(BAD[case]())
    assert ninx.get_rng_state() == before


# -------------------------------------------------------------------- PyTorch's other forms of the switches


@pytest.mark.parametrize("lib", [ninx, torch], ids=["ninx", "torch"])
def test_a_decorator_needs_no_brackets(lib):
    @lib.no_grad
    def off():
        """What it is."""
        return lib.is_grad_enabled()

    @lib.inference_mode
    def inference():
        return lib.is_grad_enabled()

    @lib.inference_mode(False)
    def ordinary():
        return lib.is_grad_enabled()

    class Model:
        @lib.no_grad
        def predict(self, x):
            return self, lib.is_grad_enabled(), x

    assert (off(), off.__name__, off.__doc__, inference(), ordinary(), lib.is_grad_enabled()) == (
        False, "off", "What it is.", False, True, True,
    )  # fmt: skip
    model = Model()
    assert model.predict(3) == (model, False, 3)
    with lib.inference_mode(mode=False):
        assert lib.is_grad_enabled()
    with lib.inference_mode(mode=True):
        assert not lib.is_grad_enabled()


@pytest.mark.parametrize("lib", [ninx, torch], ids=["ninx", "torch"])
def test_set_grad_enabled_as_a_statement_a_block_and_a_decorator(lib):
    with lib.set_grad_enabled(False):
        assert not lib.is_grad_enabled()
        with lib.set_grad_enabled(True):
            assert lib.is_grad_enabled()
        assert not lib.is_grad_enabled()
    assert lib.is_grad_enabled()
    lib.set_grad_enabled(False)
    assert not lib.is_grad_enabled()
    lib.set_grad_enabled(mode=True)
    assert lib.is_grad_enabled()

    @lib.set_grad_enabled(False)
    def off():
        return lib.is_grad_enabled()

    assert lib.is_grad_enabled()
    assert [off(), off()] == [False, False]
    assert lib.is_grad_enabled()
    train = False  # as a training loop has it
    for phase in (False, True):
        with lib.set_grad_enabled(train or phase):
            assert lib.is_grad_enabled() == phase
