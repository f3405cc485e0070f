"""Functions that are called whenever a module is: before its forward, after it, and when its gradients are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from ..engine import Tensor, record

Gradients = tuple["Tensor | None", ...]


class Hook(NamedTuple):
    """One function, when it is called ("pre", "forward", "backward pre", "backward"), and whether it gets the keywords."""

    when: str
    call: Callable[..., Any]
    with_kwargs: bool = False


class RemovableHandle:
    """Takes a hook away again; as a context manager at the end of its block.

    >>> layer, seen = nn.ReLU(), []
    >>> with layer.register_forward_hook(lambda module, inputs, output: seen.append(output.shape)):
    ...     y = layer(ninx.zeros(2))
    >>> y = layer(ninx.zeros(3))
    >>> seen
    [(2,)]
    """

    def __init__(self, hooks: list[Hook], hook: Hook):
        self._hooks, self._hook = hooks, hook

    def remove(self) -> None:
        """Do not call the hook any more; a second call does nothing.

        >>> handle = nn.ReLU().register_forward_pre_hook(print)
        >>> handle.remove()
        """
        self._hooks[:] = [h for h in self._hooks if h is not self._hook]

    def __enter__(self) -> Self:
        """The handle itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the hook away."""
        self.remove()


class Hooks:
    """The part of `Module` that registers hooks and calls them. Without any, a call costs one look at an attribute."""

    _module_hooks: list[Hook] | None = None

    if TYPE_CHECKING:

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            """Defined by `Module`; named here for type checkers."""

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after each forward; what it returns (unless None) takes the output's place.

        With ``with_kwargs`` ``hook(module, args, kwargs, output)``. ``prepend``: before the hooks that are there. A layer with
        a hook is not computed together with its neighbour. Returns a handle with ``remove()``. A hook sees ``net(x)``, not
        ``net.forward(x)``. Raises ValueError for always_call=True: hooks are not called where forward raises.

        >>> net, maps = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()), []
        >>> handle = net[0].register_forward_hook(lambda module, inputs, output: maps.append(output.shape))
        >>> y = net(ninx.zeros(2, 1, 5, 5))
        >>> handle.remove()
        >>> maps
        [(2, 4, 3, 3)]
        """
        if always_call:
            raise ValueError("register_forward_hook: always_call=True is not supported; no hook is called where forward raises")
        return self._register_hook(Hook("forward", hook, with_kwargs), prepend)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before each forward; what it returns (unless None) takes the place of the arguments.

        It returns one value or a tuple of all; with ``with_kwargs`` it is ``hook(module, args, kwargs)`` and returns a pair
        (args, kwargs). Returns a handle with ``remove()``.

        >>> layer = nn.Identity()
        >>> handle = layer.register_forward_pre_hook(lambda module, args: args[0] * 2)
        >>> layer(ninx.tensor([1, 2]))
        tensor([2, 4])
        """
        return self._register_hook(Hook("pre", hook, with_kwargs), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradient of the module's input is there.

        Both are tuples: of the gradients of the tensors among the arguments (None for one that wants none) and of the output.
        What the hook returns (unless None) takes the place of grad_input. For modules with one tensor as the output and at
        most one input that wants a gradient; others raise RuntimeError. Returns a handle with ``remove()``.

        >>> layer, seen = nn.Linear(2, 1, bias=False), []
        >>> handle = layer.register_full_backward_hook(lambda module, into, out: seen.append((into[0].shape, out[0].item())))
        >>> layer(ninx.ones(1, 2, requires_grad=True)).sum().backward()
        >>> seen
        [((1, 2), 1.0)]
        """
        return self._register_hook(Hook("backward", hook), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before the module's backward; what it returns takes the place of grad_output.

        For modules with one tensor as the output. Returns a handle with ``remove()``.

        >>> layer = nn.Linear(2, 1, bias=False)
        >>> handle = layer.register_full_backward_pre_hook(lambda module, grad_output: grad_output[0] * 10)
        >>> layer(ninx.ones(1, 2)).sum().backward()
        >>> layer.weight.grad
        tensor([[10., 10.]])
        """
        return self._register_hook(Hook("backward pre", hook), prepend)

    def _register_hook(self, hook: Hook, prepend: bool) -> RemovableHandle:
        if not callable(hook.call):
            raise TypeError(f"a hook is a function, not {type(hook.call).__name__}")
        if self._module_hooks is None:
            self._module_hooks = []
        self._module_hooks.insert(0 if prepend else len(self._module_hooks), hook)
        return RemovableHandle(self._module_hooks, hook)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        hooks = tuple(self._module_hooks or ())
        for hook in (h for h in hooks if h.when == "pre"):
            args, kwargs = _replaced(self, hook, args, kwargs)
        backward = _Backward(self, hooks)
        args = backward.watch_inputs(args)
        output = self.forward(*args, **kwargs)
        for hook in (h for h in hooks if h.when == "forward"):
            changed = hook.call(self, args, kwargs, output) if hook.with_kwargs else hook.call(self, args, output)
            output = output if changed is None else changed
        return backward.watch_output(output)


def _replaced(module: Hooks, hook: Hook, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments after one hook that comes before forward."""
    if not hook.with_kwargs:
        changed = hook.call(module, args)
        return (args if changed is None else changed if isinstance(changed, tuple) else (changed,)), kwargs
    changed = hook.call(module, args, kwargs)
    if changed is None:
        return args, kwargs
    if not isinstance(changed, tuple) or len(changed) != 2:
        raise RuntimeError(f"a forward pre hook with_kwargs returns None or (args, kwargs), not {type(changed).__name__}")
    return changed


class _Backward:
    """The backward hooks of one call of a module: its input and its output each go through an identity with a tensor hook.

    So a hook sees only the gradient that flows through this module, even if others use the same input or output.
    """

    def __init__(self, module: Hooks, hooks: tuple[Hook, ...]):
        self.module = module
        self.before = [h.call for h in hooks if h.when == "backward pre"]
        self.after = [h.call for h in hooks if h.when == "backward"]
        self.wanted = -1  # the number of the tensor argument that requires grad; -1: none
        self.inputs = 0
        self.grad_output: Gradients = ()

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments; the one that requires grad has gone through its identity."""
        places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        wanted = [i for i in places if args[i].requires_grad]
        if not self.after or not wanted:
            self.inputs = len(places)
            return args
        if len(wanted) > 1:
            raise RuntimeError(
                f"register_full_backward_hook: {type(self.module).__name__} was given {len(wanted)} inputs that want gradients, "
                "and the hook is for one; use x.register_hook(...) on each of them"
            )
        self.inputs, self.wanted = len(places), places.index(wanted[0])
        passed = _pass(args[wanted[0]])
        if passed.requires_grad:
            passed.register_hook(self.at_input)
        return (*args[: wanted[0]], passed, *args[wanted[0] + 1 :])

    def watch_output(self, output: Any) -> Any:
        """The output, after its identity."""
        if not self.before and not self.after:
            return output
        if not isinstance(output, Tensor):
            raise RuntimeError(
                f"register_full_backward_hook: {type(self.module).__name__} returns a {type(output).__name__}, and the hook is "
                "for one tensor; use y.register_hook(...) on each of its tensors"
            )
        passed = _pass(output)
        if passed.requires_grad:
            passed.register_hook(self.at_output)
        return passed

    def at_output(self, g: Tensor) -> Tensor:
        for call in self.before:
            changed = call(self.module, (g,))
            if changed is not None:
                g = changed[0] if isinstance(changed, tuple) else changed
        self.grad_output = (g,)
        if self.wanted < 0:
            for call in self.after:
                call(self.module, (None,) * self.inputs, self.grad_output)
        return g

    def at_input(self, g: Tensor) -> Tensor:
        for call in self.after:
            into: Gradients = tuple(g if i == self.wanted else None for i in range(self.inputs))
            changed = call(self.module, into, self.grad_output)
            if changed is not None:
                g = changed[self.wanted] if isinstance(changed, tuple) else changed
        return g


def _pass(x: Tensor) -> Tensor:
    """x itself as the value of an operation of its own."""
    return record(x.array, (x, lambda g: g), view_of=x, name="backward_hook")
