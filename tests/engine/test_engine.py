"""The engine: record, backward and grad, what they promise about gradients, memory and errors."""

import weakref

import numpy as np
import pytest
import torch

import ninx
from ninx import ops, record

pytestmark = pytest.mark.usefixtures("device")


def leaf(*entries, dtype=np.float64):
    return ninx.tensor(np.array(entries, dtype), requires_grad=True)


# -------------------------------------------------------------------- sums of gradients


def test_gradients_add_up_over_two_backwards_as_in_pytorch():
    ours, theirs = leaf(1, 2, 3), torch.tensor([1.0, 2, 3], dtype=torch.float64, requires_grad=True)
    for x in ours, theirs:
        (x * x).sum().backward()
        (x * 3).sum().backward()
    assert ours.grad.tolist() == theirs.grad.tolist() == [5, 7, 9]


def test_a_tensor_used_twice_and_a_diamond():
    x = leaf(3)
    (x * x + x).sum().backward()
    assert x.grad.item() == 7
    x = leaf(2)
    a = x * 3
    (a.exp() * a.sin()).sum().backward()
    t = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    b = t * 3
    (b.exp() * b.sin()).sum().backward()
    assert x.grad.item() == pytest.approx(t.grad.item(), rel=1e-14)


def test_every_path_is_summed_before_a_node_passes_it_on():
    calls = []
    x = leaf(2)
    middle = record(x.array * 1, (x, lambda g: calls.append(1) or g))
    y = middle
    for _ in range(5):
        y = y + middle * y
    y.sum().backward()
    assert len(calls) == 1  # not once for each of the 32 paths
    assert x.grad.item() == 1 * 3**5 + 2 * 5 * 3**4  # y = x (1 + x)^5


def test_a_gradient_shares_memory_with_no_other_and_with_no_cotangent():
    a, b, c = leaf(1, 2), leaf(3, 4), leaf(5, 6)
    start = ninx.tensor(np.ones(2))
    y = a + b - (-c)
    y.retain_grad()
    y.backward(start)
    owners = [a.grad, b.grad, c.grad, y.grad, start]
    for i, s in enumerate(owners):
        for t in owners[:i]:
            assert not np.shares_memory(s.array, t.array)
    a.grad += 10
    start += 100
    assert b.grad.tolist() == c.grad.tolist() == y.grad.tolist() == [1, 1]
    a.backward(start)
    start += 1
    assert a.grad.tolist() == [112, 112]


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 3, 1), (3, 2, 1, 0)])
def test_a_leaf_gradient_is_fresh_writable_and_in_the_leaf_s_layout(axes):
    memory = np.zeros(tuple(np.array([2, 3, 4, 5])[list(axes)]))
    x = ninx.from_numpy(memory.transpose(np.argsort(axes))).requires_grad_()
    assert x.shape == (2, 3, 4, 5)
    x.sum().backward()
    assert x.grad.array.strides == x.array.strides
    x.grad.array[...] = 1  # writable: a broadcast view is not
    x.sum().backward()  # and so after a sum
    assert x.grad.array.strides == x.array.strides
    assert x.grad.requires_grad is False
    assert (x.grad.array == 2).all()


# -------------------------------------------------------------------- freeing and errors


def test_a_second_backward_raises_unless_the_graph_was_retained():
    x = leaf(2)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()
    assert x.grad.item() == 8
    z = (x * x).sum()
    ninx.grad(z, x)
    with pytest.raises(RuntimeError, match="freed"):
        ninx.grad(z, x)


def test_a_freed_part_of_a_graph_is_noticed_before_anything_is_added():
    x, w = leaf(2), leaf(3)
    shared = x * x
    (shared * 1).sum().backward()
    before = x.grad.item()
    with pytest.raises(RuntimeError, match="freed"):
        (shared * w).sum().backward()
    assert x.grad.item() == before
    assert w.grad is None


def test_backward_needs_a_scalar_or_a_gradient():
    x = leaf(1, 2)
    with pytest.raises(RuntimeError, match=r"scalar.*\(2,\)"):
        (x * 2).backward()
    (x * 2).backward(ninx.tensor(np.array([1.0, 10])))
    assert x.grad.tolist() == [2, 20]
    with pytest.raises(RuntimeError, match="does not require grad"):
        ninx.ones(1).backward()
    leaf(3).backward()  # one entry of shape (1,) is enough, as in PyTorch
    with pytest.raises(RuntimeError, match=r"shape \(3,\)"):
        (x * 2).backward(ninx.tensor(np.ones(3)))
    with pytest.raises(RuntimeError, match="float32"):
        (x * 2).backward(ninx.ones(2))


def test_a_vjp_of_the_wrong_shape_or_dtype_is_caught_and_named():
    def scrambled(x):
        return record(x.array * 1, (x, lambda g: g.sum()))

    def rounded(x):
        return record(x.array * 1, (x, lambda g: ops.astype(g, np.float32)))

    with pytest.raises(RuntimeError, match=r"backward of scrambled.*\(\).*\(2,\)"):
        scrambled(leaf(1, 2)).sum().backward()
    with pytest.raises(RuntimeError, match=r"backward of rounded.*float32.*float64"):
        rounded(leaf(1, 2)).sum().backward()


def test_a_vjp_that_returns_something_else_than_its_tensors_is_named():
    def careless(x):
        return record(x.array * 1, (x, lambda g: g.array))

    def short(a, b):
        return record(a.array * b.array, ((a, b), lambda g: (g * b,)))

    with pytest.raises((RuntimeError, TypeError), match="careless"):
        careless(leaf(1, 2)).sum().backward()
    with pytest.raises((RuntimeError, ValueError), match="short"):
        short(leaf(1), leaf(2)).sum().backward()


# -------------------------------------------------------------------- grad


def test_grad_gives_gradients_and_leaves_dot_grad_alone():
    x, w = leaf(1, 2), leaf(3, 4)
    w.grad = ninx.zeros(2, dtype=np.float64)
    gx, gw = ninx.grad((x * w * w).sum(), [x, w])
    assert gx.tolist() == [9, 16]
    assert gw.tolist() == [6, 16]
    assert x.grad is None
    assert w.grad.tolist() == [0, 0]


def test_grad_outputs_weigh_the_outputs():
    x = leaf(1, 2)
    (g,) = ninx.grad(x * x, x, ninx.tensor(np.array([10.0, 100])))
    assert g.tolist() == [20, 400]
    z = x * x
    (g,) = ninx.grad([z.sum(), z], [x], [None, ninx.tensor(np.array([1.0, 1]))])  # one output lies above the other
    assert g.tolist() == [4, 8]
    with pytest.raises(ValueError, match="2 outputs, but 1"):
        ninx.grad([x.sum(), x.sum()], x, [None])


def test_grad_with_create_graph_can_be_differentiated_three_times():
    x = leaf(2)
    (first,) = ninx.grad((x**4).sum(), x, create_graph=True)
    (second,) = ninx.grad(first.sum(), x, create_graph=True)
    (third,) = ninx.grad(second.sum(), x)
    assert [t.item() for t in (first, second, third)] == [32, 48, 48]
    assert not third.requires_grad
    y = (x * x).sum()
    ninx.grad(y, x, create_graph=True)  # this retains the graph, unless retain_graph says otherwise
    ninx.grad(y, x, create_graph=True, retain_graph=False)
    with pytest.raises(RuntimeError, match="freed"):
        y.backward()


def test_backward_with_create_graph_gives_a_gradient_that_can_be_differentiated():
    x = leaf(3)
    (x**3).sum().backward(create_graph=True)
    (second,) = ninx.grad(x.grad.sum(), x)
    assert (x.grad.item(), second.item()) == (27, 18)
    x.grad = None  # it leads back to x: cut the circle


def test_grad_by_inner_tensors_by_one_twice_and_by_the_output_itself():
    x = leaf(2)
    h = x * 3
    y = h * h
    found = ninx.grad(y.sum(), [y, h, x, h])
    assert [g.item() for g in found] == [1, 12, 36, 12]
    (g,) = ninx.grad(x, x)
    assert g.item() == 1


def test_an_unused_input_raises_or_gives_none():
    x, unused = leaf(1), leaf(2)
    with pytest.raises(RuntimeError, match=r"do not depend on input\(s\) \[1\]; allow_unused"):
        ninx.grad((x * 2).sum(), [x, unused])
    g, nothing = ninx.grad((x * 2).sum(), [x, unused], allow_unused=True)
    assert g.item() == 2
    assert nothing is None
    with pytest.raises(RuntimeError, match=r"input 0.*does not require grad"):
        ninx.grad((x * 2).sum(), ninx.ones(1))


def test_only_the_vjps_that_are_wanted_are_called():
    called = []

    def noted(a, b):
        def note(letter, result):
            called.append(letter)
            return result

        return record(a.array * b.array, (a, lambda g: note("a", g * b)), (b, lambda g: note("b", g * a)))

    constant = ninx.tensor(np.array([5.0]))
    noted(constant, leaf(2)).sum().backward()
    assert called == ["b"]  # the first layer never computes the gradient of the image
    called.clear()
    x, w = leaf(2), leaf(3)
    ninx.grad(noted(noted(x, w), w).sum(), x)
    assert called == ["a", "a"]
    called.clear()
    h = noted(x, w)
    ninx.grad(noted(h, w).sum(), h)
    assert called == ["a"]  # and nothing below what was asked for


# -------------------------------------------------------------------- record


def test_an_entry_may_group_inputs_and_leave_one_out():
    """An absent input, and one that gets no gradient, are both None."""
    seen = []

    def affine(x, w, b):
        def back(g):
            seen.append(g.tolist())
            return g * w, g * x, None if b is None else g

        return record(x.array * w.array + (0 if b is None else b.array), ((x, w, b), back))

    x, w, b = leaf(2), leaf(3), leaf(4)
    affine(x, w, b).sum().backward()
    assert [t.grad.item() for t in (x, w, b)] == [3, 2, 1]
    x.grad = None
    affine(x, ninx.tensor(np.array([3.0])), None).sum().backward()
    assert x.grad.item() == 3
    assert seen == [[1], [1]]  # one call for all three


def cube(x):
    """An operation of a user's own; its vjp asks for the value, by a second parameter."""
    return record(x.array**3, (x, lambda g, y: 3 * g * y / x))


def test_an_operation_of_a_user_needs_only_record():
    x = leaf(1, 2)
    y = cube(x)
    assert y.grad_fn.name == "cube"
    (first,) = ninx.grad(y.sum(), x, create_graph=True)
    (second,) = ninx.grad(first.sum(), x)
    assert (first.tolist(), second.tolist()) == ([3, 12], [6, 12])
    assert ninx.gradcheck(cube, x)
    assert ninx.gradgradcheck(cube, x)


def test_a_vjp_may_name_what_is_only_defined_later():
    x = leaf(1, 2)
    y = record(x.array * 2, (x, lambda g: factor * g))
    factor = 2
    y.sum().backward()
    assert x.grad.tolist() == [2, 2]


# -------------------------------------------------------------------- hooks


def test_hooks_run_in_order_and_may_replace_the_gradient():
    log = []
    x = leaf(1, 1)
    h = x * 2
    h.register_hook(lambda g: log.append(("first", g.tolist())))
    h.register_hook(lambda g: g * 10)
    h.register_hook(lambda g: log.append(("third", g.tolist())))
    x.register_hook(lambda g: log.append(("leaf", g.tolist())))
    (h * 3).sum().backward()
    assert log == [("first", [3, 3]), ("third", [30, 30]), ("leaf", [60, 60])]
    assert x.grad.tolist() == [60, 60]


def test_a_hook_sees_the_complete_gradient_once_and_can_be_removed():
    seen = []
    x = leaf(1)
    handle = x.register_hook(lambda g: seen.append(g.item()))
    (x * 2 + x * 3).sum().backward()
    handle.remove()
    handle.remove()
    (x * 2).sum().backward()
    assert seen == [5]
    double_hook = x.register_hook(seen.append), x.register_hook(seen.append)
    double_hook[0].remove()
    (x * 2).sum().backward()
    assert len(seen) == 2  # the same function registered twice is two hooks
    with pytest.raises(RuntimeError, match="does not require grad"):
        ninx.ones(1).register_hook(print)


def test_a_hook_that_removes_itself_does_not_hide_the_next():
    log = []
    x = leaf(1)
    handle = x.register_hook(lambda g: (log.append("once"), handle.remove())[1])
    x.register_hook(lambda g: log.append("always"))
    for _ in range(2):
        (x * 2).sum().backward()
    assert log == ["once", "always", "always"]


def test_what_a_hook_returns_must_fit():
    x = leaf(1, 2)
    x.register_hook(lambda g: g.sum())
    with pytest.raises(RuntimeError, match=r"hook.*shape"):
        (x * 2).sum().backward()


def test_retain_grad_fills_dot_grad_as_in_pytorch():
    results = []
    for x in leaf(1, 2), torch.tensor([1.0, 2], dtype=torch.float64, requires_grad=True):
        y = x * 2
        y.retain_grad()
        y.retain_grad()  # a second call changes nothing
        y.register_hook(lambda g: g * 5)  # and the hooks come first, whenever they were registered
        (y * y).sum().backward()
        results.append((y.grad.tolist(), x.grad.tolist()))
    assert results[0] == results[1]
    x = leaf(1)
    y, z = x * 2, x * 3
    z.retain_grad()
    (y + z).sum().backward()
    assert y.grad is None
    assert z.grad.item() == 1
    with pytest.raises(RuntimeError, match="does not require grad"):
        ninx.ones(1).retain_grad()


def test_a_retained_gradient_is_that_of_what_the_tensor_is_now_as_in_pytorch():
    results = []
    for x in leaf(1, 2), torch.tensor([1.0, 2], dtype=torch.float64, requires_grad=True):
        y = x * 2
        y.retain_grad()
        y *= 3  # y.grad is the gradient by what y is now
        y.sum().backward()
        results.append((y.grad.tolist(), x.grad.tolist()))
    assert results[0] == results[1]


def test_detach_shares_memory_and_cuts_the_history():
    x = leaf(1, 2)
    d = x.detach()
    assert np.shares_memory(d.array, x.array)
    assert not d.requires_grad
    (x * d).sum().backward()
    assert x.grad.tolist() == [1, 2]


# -------------------------------------------------------------------- memory


def test_nothing_is_kept_that_no_vjp_needs(no_gc):
    x = leaf(1, 2)
    inner = x * 2
    array, tensor = weakref.ref(inner.array), weakref.ref(inner)
    y = inner + 1
    del inner
    assert tensor() is None
    assert array() is None
    y.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_nothing_is_kept_under_no_grad_or_without_a_wish(no_gc):
    x, constant = leaf(1, 2), ninx.ones(2, dtype=np.float64)
    with ninx.no_grad():
        inner = x * x
        y = inner.exp()
    assert inner.grad_fn is None
    assert not y.requires_grad
    array = weakref.ref(inner.array)
    del inner
    assert array() is None
    z = constant * constant
    assert z.grad_fn is None
    with ninx.no_grad():
        y += x  # in place too
    assert not y.requires_grad


def test_backward_frees_the_graph_as_it_goes(no_gc):
    x = leaf(1, 2)
    states, later = [], []

    def first(x):
        return record(x.array * 1, (x, lambda g: states.append([ref() is None for ref in later]) or g))

    h = first(x)
    middle = h * h
    late = middle.exp()
    y = (late * late).sum()
    later += [weakref.ref(late.array), weakref.ref(middle.array), weakref.ref(h.array)]
    del h, middle, late
    assert [ref() is None for ref in later] == [False, True, False]  # exp keeps its value, not its input
    y.backward()
    assert states == [[True, True, True]]


@pytest.mark.parametrize("retain_graph", [False, True])
def test_the_value_of_an_epilogue_is_freed_before_the_vjps_run_unless_the_graph_stays(no_gc, retain_graph):
    x, seen = leaf(1, 2), []

    def gated(x):
        return record(x.array * 2, (x, lambda g: seen.append(value() is None) or g * 2), epilogue=lambda g, y: g * (y > 0))

    y = gated(x)
    value = weakref.ref(y.array)
    total = y.sum()
    del y
    assert value() is not None
    total.backward(retain_graph=retain_graph)
    assert seen == [not retain_graph]
    assert x.grad.tolist() == [2, 2]


def test_a_chain_of_100_000_operations_needs_no_recursion(no_gc):
    x = leaf(1)

    def chain():
        y = x
        for _ in range(100_000):
            y = double_keeping(y)
        return y

    def double_keeping(x):  # the closure leads back to the tensor, and so down the chain a second way
        return record(x.array * 1, (x, lambda g, y: g if x is not None else y))

    y = chain()
    end = weakref.ref(y.grad_fn)
    y.sum().backward()
    assert x.grad.item() == 1
    del y
    assert end() is None
    y = chain()
    del y  # dropped without backward


def test_requires_grad_of_what_comes_out():
    x = leaf(1.5)
    assert (x * 1).requires_grad
    assert not (x > 1).requires_grad
    assert not x.argmax().requires_grad
    # A whole number does not change smoothly: no gradient can come back through a cast to it (nor does in PyTorch).
    assert not x.long().requires_grad
    assert not x.bool().requires_grad


# -------------------------------------------------------------------- .array and .data


def test_data_is_a_tensor_on_the_same_memory_without_history():
    w = ninx.tensor([1.0, 2.0], requires_grad=True)
    y = w * 3
    assert type(y.data) is ninx.Tensor
    assert np.shares_memory(y.data.array, y.array)
    assert (y.data.requires_grad, y.data.node, y.data.is_view) == (False, None, False)
    w.data[0] = 5  # a leaf that requires grad: through .data it may be written to
    w.data += 1
    assert w.tolist() == [6, 3]
    assert w.requires_grad


def test_a_change_through_data_goes_unnoticed_as_in_pytorch():
    found = []
    for lib in (ninx, torch):
        w = lib.tensor([1.0, 2.0], requires_grad=True)
        y = (w * w).sum()
        w.data[:] = 10
        y.backward()
        found.append((y.item(), w.grad.tolist()))
    assert found[0] == found[1] == (5, [20, 20])


def test_data_can_be_given_another_tensors_memory():
    w, v = ninx.tensor([1.0, 2.0], requires_grad=True), ninx.tensor([3.0, 4.0])
    (w * w).sum().backward()
    w.data = w.data - 0.5 * w.grad.data
    assert w.tolist() == [0, 0]
    w.data = v
    assert w.array is v.array
    assert w.requires_grad
    assert w.is_leaf
    with pytest.raises(TypeError, match=r"\.data takes a Tensor, not ndarray; ninx\.from_numpy"):
        w.data = np.ones(2)


def test_gradients_are_added_in_place_as_in_pytorch():
    for lib in (ninx, torch):
        w = lib.tensor([1.0, 2.0], requires_grad=True)
        w.sum().backward()
        held = w.grad
        w.sum().backward()
        assert held is w.grad
        assert held.tolist() == [2, 2]
        w.grad = lib.zeros(2)
        held = w.grad
        (3 * w).sum().backward()
        assert held.tolist() == [3, 3]


def test_requires_grad_of_a_result_does_not_cut_its_history():
    """PyTorch refuses to set it; here it is a plain attribute, which must not make gradients wrong."""
    w = ninx.tensor([1.0, 2.0], requires_grad=True)
    y = w * 2
    y.requires_grad = False
    (y.sum() + w.sum()).backward()
    assert w.grad.tolist() == [3, 3]


def test_record_refuses_a_tensor_for_a_value():
    x = ninx.tensor([1.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"an array belongs here, not a Tensor: write x\.array"):
        record(x * 2, (x, lambda g: 2 * g))


def test_what_a_tensor_is_made_of():
    assert ninx.Tensor([1.0, 2.0]).dtype == ninx.Tensor([1, 2]).dtype == torch.Tensor([1, 2]).numpy().dtype
    assert ninx.Tensor(np.array([1.0])).dtype == np.float64  # an array is taken as it is, not copied
    assert ninx.Tensor(np.float64(2)).dtype == np.float64
    for sizes in [(3,), (2, 3)]:
        with pytest.raises(TypeError, match=r"ninx\.tensor\(\d\) for the number, ninx\.empty\(\d\)"):
            ninx.Tensor(*sizes)
